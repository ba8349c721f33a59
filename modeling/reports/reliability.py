"""How far a mined label is to be believed: the share of gold positives among reports that the same rule
decided.

The share is taken by finding and deciding rule and drawn towards the share of that rule over all findings,
and that one towards the share of its value, by `PRIOR` reports each: rare rules lean on common ones.
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from modeling.labels import FINDINGS
from modeling.reports.mining import FindingLabel, ReportLabels, Value
from modeling.reports.report import ReportError
from modeling.reports.scoring import Gold

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
