"""Weak against gold: the same small text model trained on mined and on gold labels, on the same held-out
reports.

The model is TF-IDF with one logistic regression a finding. It reads the text that the labels were mined
from, so its numbers compare label sources; they say nothing of films.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from scipy.sparse import spmatrix
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from modeling.labels import FINDINGS
from modeling.reports.mining import Miner, ReportLabels
from modeling.reports.reliability import WeakLabel, cross_fitted
from modeling.reports.report import Report
from modeling.reports.scoring import Gold, part_of

FEWEST_POSITIVES = 5
"""A finding with fewer held-out reports is left out: its AUROC would be chance."""

REPLICATES = 500
Target = tuple[int, float]
"""(yes or no, weight)."""


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
    test = [r for r in reports if r.report_id in gold and part_of(r.report_id) == "held-out"]
    tuning = [r for r in reports if r.report_id in gold and part_of(r.report_id) == "tuning"]
    every = [r for r in reports if r.report_id not in gold] + tuning
    by_id = {labels.report_id: labels for labels in mined}
    tuning_gold = {r.report_id: gold[r.report_id] for r in tuning}
    weak = cross_fitted([by_id[r.report_id] for r in every + test], tuning_gold)
    findings = _tested(test, tuning, gold)
    sources: dict[str, tuple[list[Report], Callable[[str, str], Target]]] = {
        "gold labels": (tuning, lambda i, f: (int(gold[i][f]), 1.0)),
        "mined, same reports": (tuning, lambda i, f: (int(miner.positive(by_id[i], f)), 1.0)),
        "mined, all other reports": (every, lambda i, f: (int(miner.positive(by_id[i], f)), 1.0)),
        "mined with weights, same reports": (tuning, lambda i, f: _weighted(weak[i][f])),
        "mined with weights, all other reports": (every, lambda i, f: _weighted(weak[i][f])),
        "any mention, no context, same reports": (tuning, lambda i, f: (_mentioned(by_id[i], f), 1.0)),
    }
    words = TfidfVectorizer(ngram_range=(1, 2), min_df=3, sublinear_tf=True)
    words.fit([_text(r) for r in every])
    truth = np.array([[gold[r.report_id][f] for f in findings] for r in test])
    test_words = words.transform([_text(r) for r in test])
    rows = {}
    for name, (chosen, target) in sources.items():
        chosen_words = words.transform([_text(r) for r in chosen])
        scores = _train_and_score(chosen_words, chosen, target, findings, test_words)
        rows[name] = {"reports": len(chosen), **mean_metrics(truth, scores)}
    brier = _brier(miner, [by_id[r.report_id] for r in test], weak, gold, findings)
    return {"findings": findings, "test_reports": len(test), "sources": rows, "brier": brier}


def _text(report: Report) -> str:
    return report.text(("findings", "impression")) or report.text()


def _tested(test: Sequence[Report], tuning: Sequence[Report], gold: Gold) -> list[str]:
    def count(part: Sequence[Report], finding: str) -> int:
        return sum(gold[r.report_id][finding] for r in part)

    return [f for f in FINDINGS.classes if count(test, f) >= FEWEST_POSITIVES and count(tuning, f) >= 2]


def _mentioned(labels: ReportLabels, finding: str) -> int:
    """Any mention at all counts: what a miner without context would say."""
    return int(bool(labels.findings[finding].mentions))


def _weighted(label: WeakLabel) -> Target:
    return label.target, max(label.weight, 1e-3)


def _train_and_score(
    words: spmatrix,
    reports: Sequence[Report],
    target: Callable[[str, str], Target],
    findings: Sequence[str],
    test_words: spmatrix,
) -> np.ndarray:
    """(reports, findings) scores on the test reports; all 0 where a source has one class only."""
    columns = []
    for finding in findings:
        pairs = [target(report.report_id, finding) for report in reports]
        labels, weights = np.array([p[0] for p in pairs]), np.array([p[1] for p in pairs])
        if len(set(labels.tolist())) < 2:
            columns.append(np.zeros(test_words.shape[0]))
            continue
        model = LogisticRegression(C=10.0, class_weight="balanced", max_iter=1000)
        columns.append(model.fit(words, labels, sample_weight=weights).decision_function(test_words))
    return np.stack(columns, axis=1)


def mean_metrics(truth: np.ndarray, scores: np.ndarray) -> dict[str, Any]:
    """Means over the findings, each with its bootstrap interval over reports.

    A replicate is a weight for each report (how often it was drawn), so that each finding is sorted once.
    """
    random = np.random.default_rng(0)
    number = len(truth)
    drawn = random.multinomial(number, np.full(number, 1 / number), size=REPLICATES).astype(float)
    weights = np.concatenate([np.ones((1, number)), drawn])  # the first replicate is the sample itself
    pairs = [_auroc_and_precision(truth[:, k], scores[:, k], weights) for k in range(truth.shape[1])]
    answer: dict[str, Any] = {}
    for place, name in enumerate(("mean_auroc", "mean_average_precision")):
        means = np.nanmean([pair[place] for pair in pairs], axis=0)
        answer[name] = round(float(means[0]), 4)
        answer[f"{name}_interval"] = [round(float(q), 4) for q in np.quantile(means[1:], (0.025, 0.975))]
    return answer


def _auroc_and_precision(
    truth: np.ndarray, scores: np.ndarray, weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """AUROC and average precision for each row of report weights (R, N); NaN where a row has one class."""
    order = np.argsort(-scores, kind="stable")
    positive = weights[:, order] * truth[order]
    negative = weights[:, order] - positive
    seen, false = np.cumsum(positive, axis=1), np.cumsum(negative, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        below = false[:, -1:] - false + negative / 2
        auroc = (positive * below).sum(axis=1) / (seen[:, -1] * false[:, -1])
        precision = np.nan_to_num(seen / (seen + false))
        average = (positive * precision).sum(axis=1) / seen[:, -1]
    return auroc, average


def _brier(
    miner: Miner,
    test: Sequence[ReportLabels],
    weak: Mapping[str, Mapping[str, WeakLabel]],
    gold: Gold,
    findings: Sequence[str],
) -> dict[str, float]:
    """Mean squared distance from the gold labels where the finding is mentioned: yes/no, and probability."""
    hard, soft = [], []
    for labels in test:
        for finding in findings:
            if not labels.findings[finding].mentions:
                continue
            truth = gold[labels.report_id][finding]
            hard.append((miner.positive(labels, finding) - truth) ** 2)
            soft.append((weak[labels.report_id][finding].probability - truth) ** 2)
    return {"yes_or_no": round(float(np.mean(hard)), 4), "probability": round(float(np.mean(soft)), 4)}


def source_table(answer: Mapping[str, Any]) -> str:
    """The comparison as lines to read."""
    lines = [
        f"trained on ... and tested on {answer['test_reports']} held-out gold reports, "
        f"{len(answer['findings'])} findings",
        f"{'':40}{'reports':>8}{'mean AUROC':>26}{'mean average precision':>30}",
    ]
    for name, row in answer["sources"].items():
        cells = []
        for key in ("mean_auroc", "mean_average_precision"):
            low, high = row[f"{key}_interval"]
            cells.append(f"{row[key]:.3f} [{low:.3f}, {high:.3f}]")
        lines.append(f"{name:40}{row['reports']:>8}{cells[0]:>26}{cells[1]:>30}")
    brier = answer["brier"]
    measured = f"yes or no {brier['yes_or_no']:.4f}, probability {brier['probability']:.4f}"
    lines.append(f"Brier score where mentioned: {measured}")
    return "\n".join(lines)
