"""Many findings at once, from frequent to rare: every metric of head, medium and tail apart.

Bands by how many films or reports there were to learn from, as in Liu et al. (CVPR 2019): more than 100, 20
to 100, fewer. A band's value is the mean over its findings; its interval is over reports and over findings,
as both are drawn anew. Where a draw of reports has none with a finding, the value of all reports stands:
left out, the findings that are hardest to measure would leave the mean.

Shape letters: R draws, N reports, K findings.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import rankdata

from evaluation.metrics.bootstrap import (
    compared,
    interval,
    patient_draws,
    plain,
    rounded,
    with_interval,
)
from evaluation.metrics.one_label import auroc_of, average_precision_of, cumulated, recall_at_rate_of

HEAD_ABOVE, TAIL_BELOW = 100, 20
RATES = {"recall_at_fpr_01": 0.01, "recall_at_fpr_05": 0.05, "recall_at_fpr_10": 0.10}
METRICS = ("auroc", "average_precision", "f1", "matthews", *RATES)


def bands(learnt: np.ndarray, positive: np.ndarray) -> dict[str, np.ndarray]:
    """Band -> (K,) bool, from (K,) reports to learn from and (K,) positives to test on, none left out.

    `once` is the part of the tail that one report has: never both learnt and tested.
    """
    tested = positive > 0
    return {
        "head": tested & (learnt > HEAD_ABOVE),
        "medium": tested & (learnt <= HEAD_ABOVE) & (learnt >= TAIL_BELOW),
        "tail": tested & (learnt < TAIL_BELOW),
        "once": positive == 1,
    }


def within_folds(scores: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """(N, K) scores as their share of rank within each fold, so that the folds' models need not agree."""
    ranks = np.zeros(scores.shape)
    for fold in np.unique(folds):
        inside = folds == fold
        ranks[inside] = rankdata(scores[inside], axis=0) / inside.sum()
    return ranks


@dataclass(frozen=True, eq=False)
class Drawn:
    """Every metric of every finding: name -> (K, 1 + R), all reports once and then the draws."""

    values: Mapping[str, np.ndarray]

    @classmethod
    def of(cls, ranks: np.ndarray, labels: np.ndarray, said: np.ndarray, draws: np.ndarray) -> "Drawn":
        """From (N, K) shares of rank, (N, K) bool labels, (N, K) bool of what is called positive, and (R, N)
        draws."""
        weights = np.concatenate([plain(len(ranks)), draws])
        rows: dict[str, list[np.ndarray]] = {name: [] for name in METRICS}
        for column in range(labels.shape[1]):
            truth = labels[:, column]
            hits, misses = cumulated(ranks[:, column], truth, weights)
            rows["auroc"].append(auroc_of(hits, misses))
            rows["average_precision"].append(average_precision_of(hits, misses))
            for name, rate in RATES.items():
                rows[name].append(recall_at_rate_of(hits, misses, rate))
            f1, matthews = _decided(said[:, column], truth, weights)
            rows["f1"].append(f1)
            rows["matthews"].append(matthews)
        return cls({name: np.stack(found) for name, found in rows.items()})

    def mean(self, metric: str, chosen: np.ndarray) -> np.ndarray:
        """(1 + R,) the mean over the chosen findings, (K,) bool, for the draws of reports and of findings."""
        rows = self.values[metric][chosen]
        if not len(rows):
            return np.full(rows.shape[1], np.nan)
        rows = np.where(np.isfinite(rows), rows, rows[:, :1])
        drawn = patient_draws(np.arange(len(rows)), rows.shape[1] - 1, seed=1)  # R findings, the same for all
        return np.concatenate([rows[:, 0].mean(keepdims=True), (drawn.T * rows[:, 1:]).sum(0) / len(rows)])

    def summary(self, chosen: np.ndarray) -> dict[str, Any]:
        """Every metric of a band with its interval, as a file of numbers holds them."""
        out: dict[str, Any] = {}
        for name in METRICS:
            value, *drawn = self.mean(name, chosen)
            out |= with_interval(name, interval(float(value), np.array(drawn)))
        return out


def ahead_of(own: Drawn, rival: Drawn, chosen: np.ndarray, metric: str = "auroc") -> dict[str, Any]:
    """By how much a band's metric is ahead of a rival's on the same draws, with the paired p."""
    value, *drawn = own.mean(metric, chosen) - rival.mean(metric, chosen)
    found = compared(float(value), np.array(drawn))
    return with_interval("difference", found.difference) | {"p": rounded(found.p)}


def _decided(said: np.ndarray, truth: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """F1 and Matthews correlation, each (R,); NaN where a draw has no positive. Nothing said is 0."""
    hits, called, there = (weights @ x for x in (said & truth, said, truth))
    total = weights.sum(axis=1)
    below = np.sqrt(np.maximum(called * there * (total - called) * (total - there), 0.0))
    matthews = np.divide(hits * total - called * there, below, out=np.zeros_like(below), where=below > 0)
    f1 = 2 * hits / np.maximum(called + there, 1e-9)
    defined = there > 0
    return np.where(defined, f1, np.nan), np.where(defined, matthews, np.nan)
