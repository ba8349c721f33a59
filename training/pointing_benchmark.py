"""Where sentences point, measured on reports by the anatomical parts of their index terms."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from evaluation.metrics.bootstrap import bracketed, measured, patient_draws, with_interval
from modeling.reports.mining import Miner
from modeling.reports.pointing import Place, pointed
from modeling.reports.report import Report, ReportError
from modeling.reports.scoring import part_of

QUALIFIERS = {
    "base": "base",
    "upper lobe": "upper",
    "lower lobe": "lower",
    "middle lobe": "middle lobe",
    "lingula": "lingula",
    "apex": "apex",
    "hilum": "hilum",
    "costophrenic angle": "costophrenic angle",
    "sulcus": "costophrenic angle",
    "retrocardiac": "retrocardiac",
}
"""Anatomical part of a MeSH heading ("Opacity/lung/base/left") -> the zone that it means."""
_MID = {"left": "lingula", "right": "middle lobe"}
"""What the indexers call the mid zone of each side."""
_SIDES = {"left": ("left",), "right": ("right",), "bilateral": ("left", "right"), "both": ("left", "right")}
_ONE_SIDED = {"middle lobe": "right", "lingula": "left", "retrocardiac": "left"}
Named = frozenset[tuple[str, str]]
"""Zones with a side, "" where none is told."""


def headings_zones(report: Report) -> Named:
    """The zones of a report's headings, each with its side."""
    found = set()
    for heading in report.headings:
        qualifiers = [part.strip().lower() for part in heading.split("/")]
        sides = [side for part in qualifiers for side in _SIDES.get(part, ())]
        for zone in (QUALIFIERS[part] for part in qualifiers if part in QUALIFIERS):
            own = [_ONE_SIDED[zone]] if zone in _ONE_SIDED else sides or [""]
            found.update((zone, side) for side in own)
    return frozenset(found)


ROWS: dict[str, Callable[[Place], bool]] = {
    "what is affirmed": lambda place: place.affirmed,
    "what is not denied": lambda place: place.affirmed or (place.value is None and not place.normal),
    "any mention, no context": lambda place: True,
}


def mined_zones(report: Report, miner: Miner, counts: Callable[[Place], bool]) -> Named:
    """The zones that its sentences name, by those places that count, each with its side."""
    places = [p for sentence in pointed(report, miner) for p in sentence.places if not p.implied]
    named = {(p.zone, side) for p in places if counts(p) for side in _SIDES[p.side]}
    named = {(_MID[side] if zone == "mid" else zone, side) for zone, side in named}
    return frozenset(pair for pair in named if pair[0] in QUALIFIERS.values())


def benchmark_reports(reports: Sequence[Report]) -> dict[str, Any]:
    """Precision, recall and F1 with 95 % intervals over reports, on the tuning and on the held-out part.

    Raises:
        ReportError: no report has index terms.
    """
    miner = Miner()
    indexed = [report for report in reports if report.headings]
    if not indexed:
        raise ReportError("No report here has index terms; give Open-i's reports.")
    found: dict[str, Any] = {}
    for part in ("tuning", "held-out"):
        chosen = [report for report in indexed if part_of(report.report_id) == part]
        truth = [headings_zones(report) for report in chosen]
        mined = {name: [mined_zones(r, miner, counts) for r in chosen] for name, counts in ROWS.items()}
        order = np.random.default_rng(0).permutation(len(chosen))
        mined["another report's sentences"] = [mined["what is affirmed"][n] for n in order]
        mined["base, both sides, always"] = [frozenset({("base", "left"), ("base", "right")})] * len(chosen)
        draws = patient_draws(np.arange(len(chosen)))
        rows = {
            name: {
                "zones": _scores([{z for z, _ in t} for t in truth], [{z for z, _ in r} for r in own], draws),
                "zones with their side": _scores(*_sided(truth, own), draws),
            }
            for name, own in mined.items()
        }
        found[part] = {"reports": len(chosen), "named": sum(map(len, truth)), "rows": rows}
    return found


def _sided(truth: Sequence[Named], mined: Sequence[Named]) -> tuple[list[set], list[set]]:
    """Without zones whose side the headings do not tell."""
    unknown = [{zone for zone, side in own if not side} for own in truth]
    return (
        [{pair for pair in own if pair[1]} for own in truth],
        [
            {pair for pair in own if pair[0] not in not_told}
            for own, not_told in zip(mined, unknown, strict=True)
        ],
    )


def _scores(truth: Iterable[set], mined: Iterable[set], draws: np.ndarray) -> dict[str, Any]:
    counts = np.array(
        [(len(t & m), len(m - t), len(t - m)) for t, m in zip(truth, mined, strict=True)], float
    )

    def share(hit: int, *wrong: int) -> Callable[[np.ndarray], np.ndarray]:
        def of(weights: np.ndarray) -> np.ndarray:
            summed = weights @ counts
            below = hit * summed[:, 0] + summed[:, list(wrong)].sum(axis=1)
            with np.errstate(invalid="ignore", divide="ignore"):
                return hit * summed[:, 0] / below

        return of

    shares = {"precision": share(1, 1), "recall": share(1, 2), "f1": share(2, 1, 2)}
    answer: dict[str, Any] = {}
    for name, statistic in shares.items():
        answer |= with_interval(name, measured(statistic, draws))
    return answer


def table(found: dict[str, Any]) -> str:
    """The rows of both parts as Markdown."""
    lines = []
    for part, own in found.items():
        lines += ["", f"{part}: {own['reports']} reports, {own['named']} zones in their index terms", ""]
        lines += ["| read | of | precision | recall | F1 |", "|---|---|---|---|---|"]
        for name, row in own["rows"].items():
            for of, scores in row.items():
                cells = (bracketed(scores[key], scores[f"{key}_95"]) for key in ("precision", "recall", "f1"))
                lines.append(f"| {name} | {of} | " + " | ".join(cells) + " |")
    return "\n".join(lines[1:])
