"""A small gold that ships: reports written for Viewbox, to see at once what an edited rule changes."""

import tomllib
from functools import cache
from pathlib import Path

from modeling.labels import FINDINGS
from modeling.reports.mining import Miner
from modeling.reports.report import Report
from modeling.reports.rules import NORMAL
from modeling.reports.scoring import MiningScores, evaluate

_FILE = Path(__file__).with_name("examples.toml")


@cache
def example_reports() -> tuple[tuple[Report, ...], dict[str, dict[str, bool]]]:
    """The reports, and report ID -> finding (and `normal`) -> yes or no."""
    entries = tomllib.loads(_FILE.read_text(encoding="utf-8"))["report"]
    reports = tuple(Report.from_text(entry["text"], entry["id"]) for entry in entries)
    gold = {
        entry["id"]: {name: name in entry["findings"] for name in FINDINGS.classes}
        | {NORMAL: bool(entry.get("normal", False))}
        for entry in entries
    }
    return reports, gold


def example_scores(miner: Miner) -> MiningScores:
    """How a miner's yes and no compare with the gold of the example reports."""
    reports, gold = example_reports()
    return evaluate(miner, reports, gold)
