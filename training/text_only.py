"""How much a finding can be read off the text alone: what `viewbox text-only` measures.

Labels are the index terms of the same reports (Open-i's MeSH headings, as in TieNet, Wang et al. 2018). The
whole report says what its indexer read, so its number is a leak and no skill; the indication was written
before the film was read, and its number is what text can honestly add. The model is TF-IDF with one logistic
regression a finding, tested by five-fold cross-validation over reports.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

from evaluation.metrics.bootstrap import bracketed
from evaluation.metrics.many_labels import mean_metrics
from modeling.labels import FINDINGS
from modeling.reports.reading import ReportError
from modeling.reports.report import Report
from training.corpora.reports import FOLDS, fold_of, indexed

FEWEST = 2 * FOLDS
"""A finding with fewer reports that have it (or lack it) is left out."""

READINGS = {
    "whole report": ("indication", "findings", "impression"),
    "indication only": ("indication",),
}


def measure(reports: Sequence[Report]) -> dict[str, Any]:
    """Mean AUROC and average precision with 95 % intervals over reports, for each reading and finding.

    Raises:
        ReportError: too few reports have index terms that name a finding.
    """
    truth = np.array([indexed(report) for report in reports])
    counts = truth.sum(axis=0)
    most = len(reports) - FEWEST
    tested = np.flatnonzero((counts >= FEWEST) & (counts <= most))
    if not len(tested):
        raise ReportError("Too few reports have index terms that name a finding; give more of Open-i.")
    folds = np.array([fold_of(report.report_id) for report in reports])
    names, known = [FINDINGS.classes[k] for k in tested], truth[:, tested]
    readings = {}
    for name, sections in READINGS.items():
        scores = _out_of_fold([report.text(sections) for report in reports], known, folds)
        by_finding = {
            finding: mean_metrics(known[:, [k]], scores[:, [k]])["mean_auroc"]
            for k, finding in enumerate(names)
        }
        readings[name] = mean_metrics(known, scores) | {"auroc": by_finding}
    positives = dict(zip(names, counts[tested].tolist(), strict=True))
    return {"reports": len(reports), "positives": positives, "readings": readings}


def _out_of_fold(texts: Sequence[str], truth: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """(N, K) log odds of every report by the model that did not see it."""
    scores, words = np.zeros(truth.shape), np.array(texts, object)
    for fold in range(FOLDS):
        test = folds == fold
        scores[test] = tfidf_scores(words[~test], truth[~test], words[test])
    return scores


def tfidf_scores(train: Sequence[str], labels: np.ndarray, test: Sequence[str]) -> np.ndarray:
    """(M, K) log odds of M texts by TF-IDF and a logistic regression a finding, from N texts and labels.

    0 where the texts to learn from teach nothing of a finding.

    Raises:
        ReportError: the texts share too few words.
    """
    words = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    try:
        train_words = words.fit_transform(train)
    except ValueError as exc:  # sklearn's word for: nothing is left
        raise ReportError("The reports share too few words to learn from; give more of them.") from exc
    test_words, scores = words.transform(test), np.zeros((len(test), labels.shape[1]))
    for own, column in zip(labels.T, scores.T, strict=True):
        if own.any() and not own.all():
            model = LogisticRegression(C=10.0, class_weight="balanced", solver="liblinear")
            column[:] = model.fit(train_words, own).decision_function(test_words)
    return scores


def table(answer: dict[str, Any]) -> str:
    """The measurement as lines to read, the leak called what it is."""
    lines = [f"{answer['reports']} reports, {len(answer['positives'])} findings, five-fold cross-validation"]
    remarks = {"whole report": "a leak: the labels were read off it", "indication only": "before the reading"}
    for name, row in answer["readings"].items():
        mean = bracketed(row["mean_auroc"], row["mean_auroc_interval"])
        lines.append(f"{name:16} mean AUROC {mean}  {remarks[name]}")
        lines.append("    " + ", ".join(f"{finding} {value:.3f}" for finding, value in row["auroc"].items()))
    return "\n".join(lines)
