"""Weak against gold: the same small text model trained on mined and on gold labels, on the same held-out
reports.

The model is TF-IDF with one logistic regression a finding. It reads the text that the labels were mined
from, so its numbers compare label sources; they say nothing of films.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from evaluation.metrics.bootstrap import bracketed
from evaluation.metrics.many_labels import mean_metrics
from modeling.labels import FINDINGS
from modeling.reports.mining import Miner, ReportLabels
from modeling.reports.report import Report
from modeling.reports.scoring import Gold, WeakLabel, cross_fitted, part_of

FEWEST_POSITIVES = 5
"""A finding with fewer held-out reports is left out: its AUROC would be chance."""

Target = tuple[int, float]
"""(yes or no, weight)."""


@dataclass(frozen=True, eq=False)
class _Labels:
    """The labels of each source, by report ID and finding."""

    gold: Gold
    mined: Mapping[str, ReportLabels]
    weak: Mapping[str, Mapping[str, WeakLabel]]
    miner: Miner

    def by_people(self, report_id: str, finding: str) -> Target:
        return int(self.gold[report_id][finding]), 1.0

    def by_rules(self, report_id: str, finding: str) -> Target:
        return int(self.miner.positive(self.mined[report_id], finding)), 1.0

    def weighted(self, report_id: str, finding: str) -> Target:
        label = self.weak[report_id][finding]
        return label.target, max(label.weight, 1e-3)

    def mentioned(self, report_id: str, finding: str) -> Target:
        """Any mention at all counts: what a miner without context would say."""
        return int(bool(self.mined[report_id].findings[finding].mentions)), 1.0


def compare_sources(
    reports: Sequence[Report], mined: Sequence[ReportLabels], gold: Gold, miner: Miner
) -> dict[str, Any]:
    """Train on each label source, test on the held-out gold reports.

    Args:
        miner: what mined them; it knows which doubts count as yes.

    Returns:
        `findings` (those tested), `test_reports`, `sources` (name -> reports, mean AUROC and average
        precision with 95 % bootstrap intervals over reports), and `brier` of yes/no and of the probability.
    """
    marked = [r for r in reports if r.report_id in gold]
    test, tuning = ([r for r in marked if part_of(r.report_id) == part] for part in ("held-out", "tuning"))
    every = [r for r in reports if r.report_id not in gold] + tuning
    by_id = {labels.report_id: labels for labels in mined}
    tuning_gold = {r.report_id: gold[r.report_id] for r in tuning}
    said = _Labels(gold, by_id, cross_fitted([by_id[r.report_id] for r in every + test], tuning_gold), miner)
    findings = _tested(test, tuning, gold)
    sources = {
        "gold labels": (tuning, said.by_people),
        "mined, same reports": (tuning, said.by_rules),
        "mined, all other reports": (every, said.by_rules),
        "mined with weights, same reports": (tuning, said.weighted),
        "mined with weights, all other reports": (every, said.weighted),
        "any mention, no context, same reports": (tuning, said.mentioned),
    }
    words = TfidfVectorizer(ngram_range=(1, 2), min_df=3, sublinear_tf=True).fit(map(_text, every))
    truth = np.array([[gold[r.report_id][f] for f in findings] for r in test])
    rows = {}
    for name, (chosen, target) in sources.items():
        scores = _train_and_score(words, chosen, target, findings, test)
        rows[name] = {"reports": len(chosen), **mean_metrics(truth, scores)}
    brier = _brier(said, [r.report_id for r in test], findings)
    return {"findings": findings, "test_reports": len(test), "sources": rows, "brier": brier}


def _text(report: Report) -> str:
    return report.text(("findings", "impression")) or report.text()


def _tested(test: Sequence[Report], tuning: Sequence[Report], gold: Gold) -> list[str]:
    least = ((test, FEWEST_POSITIVES), (tuning, 2))
    return [f for f in FINDINGS.classes if all(sum(gold[r.report_id][f] for r in p) >= n for p, n in least)]


def _train_and_score(
    words: TfidfVectorizer,
    reports: Sequence[Report],
    target: Callable[[str, str], Target],
    findings: Sequence[str],
    test: Sequence[Report],
) -> np.ndarray:
    """(M, K) scores of the M test reports; all 0 where a source has one class only."""
    seen, unseen = (words.transform(map(_text, rows)) for rows in (reports, test))
    scores = np.zeros((len(test), len(findings)))
    for column, finding in enumerate(findings):
        labels, weights = np.array([target(report.report_id, finding) for report in reports]).T
        if len(np.unique(labels)) == 2:
            model = LogisticRegression(C=10.0, class_weight="balanced", max_iter=1000)
            scores[:, column] = model.fit(seen, labels, sample_weight=weights).decision_function(unseen)
    return scores


def _brier(said: _Labels, tested: Sequence[str], findings: Sequence[str]) -> dict[str, float]:
    """Mean squared distance from the gold labels where the finding is mentioned: yes/no, and probability."""
    pairs = [(report, f) for report in tested for f in findings if said.mentioned(report, f)[0]]
    truth = np.array([said.by_people(*pair)[0] for pair in pairs])
    hard = np.array([said.by_rules(*pair)[0] for pair in pairs])
    soft = np.array([said.weak[report][finding].probability for report, finding in pairs])
    distances = {"yes_or_no": hard - truth, "probability": soft - truth}
    return {name: round(float(np.mean(gap**2)), 4) for name, gap in distances.items()}


def source_table(answer: Mapping[str, Any]) -> str:
    """The comparison as lines to read."""
    lines = [
        f"trained on ... and tested on {answer['test_reports']} held-out gold reports, "
        f"{len(answer['findings'])} findings",
        f"{'':40}{'reports':>8}{'mean AUROC':>26}{'mean average precision':>30}",
    ]
    for name, row in answer["sources"].items():
        keys = ("mean_auroc", "mean_average_precision")
        ranked, precise = (bracketed(row[key], row[f"{key}_interval"]) for key in keys)
        lines.append(f"{name:40}{row['reports']:>8}{ranked:>26}{precise:>30}")
    brier = answer["brier"]
    measured = f"yes or no {brier['yes_or_no']:.4f}, probability {brier['probability']:.4f}"
    lines.append(f"Brier score where mentioned: {measured}")
    return "\n".join(lines)
