"""Mined labels against gold labels: precision, recall, F1, and how far a label is to be believed."""

import csv
import hashlib
import json
import time
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from modeling.labels import FINDINGS
from modeling.reports.mining import FindingLabel, Mention, Miner, ReportLabels, Value
from modeling.reports.report import Report, ReportError
from modeling.reports.rules import NORMAL

COMPARED = (*FINDINGS.classes, NORMAL)
MICRO = (
    "Atelectasis", "Cardiomegaly", "Effusion", "Mass", "Nodule", "Pneumonia", "Pneumothorax", "Infiltration",
)  # fmt: skip
"""The eight findings of ChestX-ray8, over which NegBio (Peng et al. 2018) publishes a micro F1."""
Gold = Mapping[str, Mapping[str, bool]]
"""Report id -> finding (and `normal`) -> yes or no."""
Part = Literal["tuning", "held-out"]


def part_of(report_id: str) -> Part:
    """A gold report's part, by a hash of its id: rules are tuned on three fifths of them alone."""
    return "held-out" if hashlib.sha256(report_id.encode()).digest()[0] % 5 < 2 else "tuning"


def read_gold(path: Path) -> dict[str, dict[str, bool]]:
    """Gold labels of a CSV: `filename`, 0 or 1 for each finding and `normal`. Raises ReportError: other."""
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as lines:
            table = csv.DictReader(lines)
            missing = {"filename", *COMPARED} - set(table.fieldnames or ())
            if missing:
                no_column = "{path} has no column '{missing}'; it needs filename and the findings."
                raise ReportError(no_column, path=path, missing=min(missing))
            return {row["filename"].strip(): _gold_row(row, path) for row in table}
    except (OSError, UnicodeDecodeError, csv.Error) as exc:
        raise ReportError("The gold file {path} cannot be read; name a CSV.", path=path) from exc


def _gold_row(row: Mapping[str, str | None], path: Path) -> dict[str, bool]:
    values = {name: (row[name] or "").strip() for name in COMPARED}
    for wrong, value in values.items():
        if value not in ("0", "1"):
            no_answer = "{path} has '{values}' for {wrong}; write 0 or 1."
            raise ReportError(no_answer, path=path, values=value, wrong=wrong)
    return {name: value == "1" for name, value in values.items()}


@dataclass(frozen=True)
class FindingScore:
    """One finding's yes and no against the gold labels, in reports."""

    finding: str
    true_positives: int
    false_positives: int
    false_negatives: int

    @property
    def support(self) -> int:
        """Reports that have the finding by the gold labels."""
        return self.true_positives + self.false_negatives

    @property
    def precision(self) -> float:
        """Share of the mined positives that are right; 0 where none was mined."""
        return self.true_positives / max(1, self.true_positives + self.false_positives)

    @property
    def recall(self) -> float:
        """Share of the gold positives that were mined; 0 where there is none."""
        return self.true_positives / max(1, self.support)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; 0 where there is neither."""
        missed = self.false_positives + self.false_negatives
        return 2 * self.true_positives / max(1, 2 * self.true_positives + missed)


@dataclass(frozen=True)
class Difference:
    """A report whose mined yes or no is not the gold one, with the mention that decided (if there is any)."""

    report_id: str
    finding: str
    kind: Literal["false positive", "false negative"]
    mention: Mention | None


@dataclass(frozen=True)
class MiningScores:
    """Every finding's score over so many reports, and the seconds that mining them took."""

    findings: Mapping[str, FindingScore]
    reports: int
    seconds: float
    differences: tuple[Difference, ...] = ()

    def micro(self, names: Iterable[str] = MICRO) -> FindingScore:
        """All decisions over the named findings pooled."""
        chosen = [self.findings[name] for name in names]
        counts = ((s.true_positives, s.false_positives, s.false_negatives) for s in chosen)
        return FindingScore("micro", *(sum(column) for column in zip(*counts, strict=True)))

    def macro_f1(self, absent_as_zero: bool = False) -> float:
        """Mean F1 over the 14 findings; one that no gold report has is left out, or counted as 0."""
        chosen = [self.findings[name] for name in FINDINGS.classes]
        chosen = [score for score in chosen if absent_as_zero or score.support]
        return sum(score.f1 for score in chosen) / max(1, len(chosen))


def with_gold(reports: Sequence[Report], gold: Gold) -> list[Report]:
    """The reports that have gold labels. Raises ReportError: none has: the gold file is for other reports."""
    chosen = [report for report in reports if report.report_id in gold]
    if not chosen:
        example = next(iter(gold), "no report")
        others = "The gold file is for other reports (it has {example}); name the one that goes with these."
        raise ReportError(others, example=example)
    return chosen


def evaluate(miner: Miner, reports: Sequence[Report], gold: Gold) -> MiningScores:
    """Mine the reports that have gold labels and compare. Raises ReportError: no report has gold labels."""
    chosen = with_gold(reports, gold)
    start = time.perf_counter()
    mined = miner.label_all(chosen)
    seconds = time.perf_counter() - start
    return compare(miner, mined, gold, seconds)


def compare(miner: Miner, mined: Sequence[ReportLabels], gold: Gold, seconds: float = 0.0) -> MiningScores:
    """Score labels that are mined already; every one of them needs gold labels."""
    counts = {name: [0, 0, 0] for name in COMPARED}
    differences = []
    for labels in mined:
        truth = gold[labels.report_id]
        for name in COMPARED:
            yes = miner.positive(labels, name)
            if yes and truth[name]:
                counts[name][0] += 1
            elif yes != truth[name]:
                counts[name][1 if yes else 2] += 1
                mention = None if name == NORMAL else labels.findings[name].decided_by
                kind = "false positive" if yes else "false negative"
                differences.append(Difference(labels.report_id, name, kind, mention))
    scores = {name: FindingScore(name, *numbers) for name, numbers in counts.items()}
    return MiningScores(scores, len(mined), seconds, tuple(differences))


# --- a small gold that ships: reports written for Viewbox, to see at once what an edited rule changes


@cache
def example_reports() -> tuple[tuple[Report, ...], dict[str, dict[str, bool]]]:
    """The reports, and report ID -> finding (and `normal`) -> yes or no."""
    entries = tomllib.loads(Path(__file__).with_name("examples.toml").read_text(encoding="utf-8"))["report"]
    reports = tuple(Report.from_text(entry["text"], entry["id"]) for entry in entries)
    gold = {entry["id"]: {name: name in entry["findings"] for name in FINDINGS.classes} for entry in entries}
    for entry in entries:
        gold[entry["id"]][NORMAL] = bool(entry.get("normal", False))
    return reports, gold


def example_scores(miner: Miner) -> MiningScores:
    """A miner's yes and no against the gold of the example reports."""
    return evaluate(miner, *example_reports())


# --- how far a mined label is to be believed: the share of gold positives by finding and deciding rule, drawn
# towards that of the rule over all findings, and that one towards the share of its value, by `PRIOR` reports
# each: rare rules lean on common ones

BUNDLED = Path(__file__).with_name("reliability.json")
PRIOR = 4.0


@dataclass(frozen=True)
class WeakLabel:
    """A mined label to train on: the finding's probability by gold reports of the same rule, 0 to 1."""

    finding: str
    probability: float

    @property
    def target(self) -> int:
        """The likelier side, 0 or 1."""
        return int(self.probability >= 0.5)

    @property
    def weight(self) -> float:
        """How much more likely that side is than chance, 0 (a coin) to 1 (certain)."""
        return abs(2 * self.probability - 1)


def _deciding(label: FindingLabel) -> tuple[str, str]:
    """(value, rule) of a label."""
    decided = label.decided_by
    return label.value.value, decided.rule if decided else ""


class Reliability:
    """Counts of gold positives by finding, value and rule, as probabilities."""

    def __init__(self, counts: Sequence[tuple[str, str, str, int, int]]) -> None:
        """Take counts: (finding, value, rule, positives, reports)."""
        self.counts = tuple(counts)
        self._exact: dict[tuple, list[int]] = defaultdict(lambda: [0, 0])
        for finding, value, rule, positives, reports in counts:
            for key in ((value,), (value, rule), (value, rule, finding)):
                self._exact[key][0] += positives
                self._exact[key][1] += reports

    @classmethod
    def fit(cls, mined: Sequence[ReportLabels], gold: Gold) -> "Reliability":
        """Count on mined reports with gold labels; a finding that these never have was not labelled."""
        counts: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0])
        known = [f for f in FINDINGS.classes if any(gold[labels.report_id][f] for labels in mined)]
        for labels in mined:
            for finding in known:
                entry = counts[(finding, *_deciding(labels.findings[finding]))]
                entry[0] += gold[labels.report_id][finding]
                entry[1] += 1
        return cls([(*key, *entry) for key, entry in sorted(counts.items())])

    @classmethod
    def load(cls, path: Path) -> "Reliability":
        """Read counts that `save` wrote. Raises ReportError: not there, or no such file."""
        try:
            rows = json.loads(path.read_text(encoding="utf-8"))["counts"]
            counts = [(str(f), str(v), str(r), int(p), int(n)) for f, v, r, p, n in rows]
        except (OSError, ValueError, KeyError, TypeError) as exc:
            no_counts = "{path} holds no reliabilities; make it again from gold labels."
            raise ReportError(no_counts, path=path) from exc
        return cls(counts)

    def save(self, path: Path) -> None:
        """Write the counts as JSON, one row a line."""
        rows = ",\n".join(json.dumps(row) for row in self.counts)
        path.write_text(
            f'{{"columns": ["finding", "value", "rule", "positives", "reports"],\n"counts": [\n{rows}\n]}}\n'
        )

    def probability(self, label: FindingLabel) -> float:
        """That a finding is there, given what was mined; a rule never counted speaks through its value."""
        value, rule = _deciding(label)
        start = {Value.POSITIVE: 0.9, Value.UNCERTAIN: 0.3}.get(label.value, 0.01)
        for key in ((value,), (value, rule), (value, rule, label.finding)):
            positives, reports = self._exact.get(key, (0, 0))
            start = (positives + PRIOR * start) / (reports + PRIOR)
        return start

    def weak_labels(self, labels: ReportLabels) -> dict[str, WeakLabel]:
        """A report's findings as training targets with their weights."""
        return {name: WeakLabel(name, self.probability(label)) for name, label in labels.findings.items()}


def cross_fitted(
    mined: Sequence[ReportLabels], gold: Gold, folds: int = 5
) -> dict[str, dict[str, WeakLabel]]:
    """Report id -> finding -> weak label, none of which is weighed by the report's own gold labels.

    Reports with gold labels are dealt to folds by their place in the list; those without are weighed by all.
    """
    with_gold = [labels for labels in mined if labels.report_id in gold]
    fold_of = {labels.report_id: place % folds for place, labels in enumerate(with_gold)}
    others: dict[int | None, Reliability] = {
        fold: Reliability.fit([m for m in with_gold if fold_of[m.report_id] != fold], gold)
        for fold in (*range(folds), None)
    }
    return {m.report_id: others[fold_of.get(m.report_id)].weak_labels(m) for m in mined}


@cache
def bundled_reliability() -> Reliability:
    """Those that ship: counted on the tuning part of the gold reports with the rules that ship."""
    return Reliability.load(BUNDLED)
