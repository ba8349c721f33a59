"""Metrics of labels that do not exclude each other, each with its interval over patients.

Shape letters: N studies, K labels, R draws of patients.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from evaluation.metrics.bootstrap import (
    Statistic,
    ahead,
    measured,
    patient_draws,
    plain,
    rounded,
    with_interval,
)
from evaluation.metrics.one_label import auroc, average_precision, by_frequency, class_row, curves
from modeling.labels import Task

BINS = 10
MEAN_RESAMPLES = 500
LEAST = 2
"""A label with fewer positives (or negatives) on the test has no curve worth a number."""


@dataclass(frozen=True, eq=False)
class LabelScores:
    """The answers of a model for N studies, and their labels."""

    values: np.ndarray  # N K probabilities
    labels: np.ndarray  # N K bool
    patients: np.ndarray  # N
    known: np.ndarray | None = None  # N K bool, False where nobody labelled; None: all are known
    calibrated: np.ndarray | None = None  # N K probabilities, none with a temperature that its film fitted

    @cached_property
    def counted(self) -> np.ndarray:
        """(N, K) bool: the labels that are known."""
        return np.ones(self.labels.shape, bool) if self.known is None else self.known

    @property
    def fair(self) -> np.ndarray:
        """(N, K) the probabilities whose calibration is measured."""
        return self.values if self.calibrated is None else self.calibrated

    @property
    def tested(self) -> list[int]:
        """The labels with enough positives and negatives."""
        positives, negatives = ((self.labels == s) & self.counted for s in (True, False))
        enough = (positives.sum(axis=0) >= LEAST) & (negatives.sum(axis=0) >= LEAST)
        return np.flatnonzero(enough).tolist()

    def macro(self, score: Callable[..., np.ndarray]) -> Statistic:
        """The mean of a score over the tested labels, as far as a draw defines it."""

        def statistic(weights: np.ndarray) -> np.ndarray:
            rows = [
                score(self.values[:, k], self.labels[:, k], weights * self.counted[:, k]) for k in self.tested
            ]
            return _mean(np.stack(rows))

        return statistic

    def headline(self, draws: np.ndarray) -> dict[str, Any]:
        """Mean AUROC and average precision with their intervals."""
        out: dict[str, Any] = {}
        for name, score in MACRO.items():
            out |= with_interval(name, measured(self.macro(score), draws))
        return out

    def brier(self, weights: np.ndarray) -> np.ndarray:
        """Mean squared distance of probability and label, over all labels: (R, N) -> (R,)."""
        distance = np.where(self.counted, (self.fair - self.labels) ** 2, 0.0).sum(axis=1)
        return weights @ distance / (weights @ self.counted.sum(axis=1))

    def calibration_error(self, weights: np.ndarray) -> np.ndarray:
        """Mean gap between probability and share of positives in bins of equal width, all labels pooled."""
        number = np.minimum((self.fair * BINS).astype(int), BINS - 1)  # N K
        gaps = np.zeros(len(weights))
        for b in range(BINS):
            inside = (number == b) & self.counted
            off = (np.where(inside, self.fair - self.labels, 0.0)).sum(axis=1)  # N
            gaps += np.abs(weights @ off)
        return gaps / (weights @ self.counted.sum(axis=1))


MACRO = {"macro_auroc": auroc, "macro_average_precision": average_precision}


def summarise_labels(task: Task, scores: LabelScores, trained: Mapping[str, float]) -> dict[str, Any]:
    """Headline metrics, each label, its band and curves, and what a constant answer reaches.

    `trained`: class -> its share in training; a class of which nothing is known is not there.
    """
    draws = patient_draws(scores.patients)
    out: dict[str, Any] = {"n": len(scores.labels), "patients": len(np.unique(scores.patients))}
    out |= scores.headline(draws)
    out |= with_interval("expected_calibration_error", measured(scores.calibration_error, draws))
    out |= with_interval("brier", measured(scores.brier, draws))
    counted = scores.counted
    shares = (scores.labels & counted).sum(axis=0) / counted.sum(axis=0).clip(min=1)
    prevalence = float(shares[scores.tested].mean())
    of_each = {name: trained.get(name) for name in task.classes}
    share = np.array([np.nan if one is None else one for one in of_each.values()])
    constant = replace(scores, values=np.tile(share, (len(scores.labels), 1)), calibrated=None)
    out["majority"] = {
        "macro_auroc": 0.5,
        "macro_average_precision": round(prevalence, 4),
        "brier": rounded(float(constant.brier(plain(len(scores.labels)))[0])),
    }
    columns = zip(of_each.items(), scores.values.T, scores.labels.T, counted.T, strict=True)
    known = [
        one for one in columns if one[-1].any()
    ]  # of a class that nobody labelled there is nothing to say
    banded = {name: of_each[name] if k in scores.tested else None for k, name in enumerate(task.classes)}
    return out | {
        "per_class": {
            name: class_row(values[own], labels[own], share, draws[:, own])
            for (name, share), values, labels, own in known
        },
        "by_training_frequency": by_frequency(banded, scores.values, scores.labels, draws, counted),
        "curves": {name: curves(values[own], labels[own]) for (name, _), values, labels, own in known},
    }


def _mean(rows: np.ndarray) -> np.ndarray:
    """(K, R) -> (R,): the mean of what a draw defines; NaN where it defines nothing."""
    known = np.isfinite(rows)
    return np.where(known, rows, 0.0).sum(axis=0) / np.where(known.any(axis=0), known.sum(axis=0), np.nan)


def mean_metrics(truth: np.ndarray, scores: np.ndarray) -> dict[str, Any]:
    """Mean AUROC and average precision of (N, K) labels and scores, with intervals over the N reports."""
    draws, answer = patient_draws(np.arange(len(truth)), MEAN_RESAMPLES), {}
    for name, score in (("mean_auroc", auroc), ("mean_average_precision", average_precision)):

        def mean(weights: np.ndarray, score: Any = score) -> np.ndarray:
            return _mean(np.stack([score(*pair, weights) for pair in zip(scores.T, truth.T, strict=True)]))

        found = measured(mean, draws)
        answer[name] = rounded(found.value)
        answer[f"{name}_interval"] = [rounded(found.low), rounded(found.high)]
    return answer


def beside(own: LabelScores, rivals: dict[str, tuple[str, np.ndarray]]) -> list[dict[str, Any]]:
    """Each rival on the same studies, and by how much the checkpoint is ahead (paired bootstrap).

    `rivals`: name -> what it sees, and its (N, K) scores.
    """
    draws, out = patient_draws(own.patients), []
    for name, (sees, values) in rivals.items():
        rival = replace(own, values=values)
        row = {"name": name, "sees": sees, **rival.headline(draws)}
        out.append(row | ahead(own.macro(auroc), rival.macro(auroc), draws))
    return out
