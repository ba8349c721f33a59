"""Metrics with intervals: how well ranked, how often right, how well calibrated.

Shape letters: N films, K classes.
"""

from collections.abc import Callable

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

Metric = Callable[[np.ndarray, np.ndarray], float]


def one_vs_rest(score: Callable[..., float], values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(K,) score of each class against the rest; NaN where a class has no film or no film beside it.

    Args:
        score: takes (N,) bool and (N,) values.
        values: (N, K) probabilities (a softmax logit alone says nothing about the other classes).
        labels: (N,) class numbers.
    """
    out = np.full(values.shape[1], np.nan)
    for k in range(values.shape[1]):
        positive = labels == k
        if 0 < positive.sum() < len(labels):
            out[k] = score(positive, values[:, k])
    return out


def _mean_of_known(scores: np.ndarray) -> float:
    return float(np.nanmean(scores)) if np.isfinite(scores).any() else float("nan")


def _each_label(values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(K,) area under the ROC curve of each label over the films that have it."""
    out = np.full(values.shape[1], np.nan)
    for k in range(values.shape[1]):
        known = np.isfinite(labels[:, k])
        if len(np.unique(labels[known, k])) == 2:
            out[k] = roc_auc_score(labels[known, k], values[known, k])
    return out


def macro_auroc(values: np.ndarray, labels: np.ndarray) -> float:
    """Mean over classes of the one-vs-rest area under the ROC curve; NaN where no class has one.

    Args:
        labels: (N,) class numbers, or (N, K) of 0, 1 and NaN for none (multilabel).
    """
    if labels.ndim == 2:
        return _mean_of_known(_each_label(values, labels))
    return _mean_of_known(one_vs_rest(roc_auc_score, values, labels))


def macro_average_precision(values: np.ndarray, labels: np.ndarray) -> float:
    """Mean over classes of the one-vs-rest average precision; NaN where no class has one."""
    return _mean_of_known(one_vs_rest(average_precision_score, values, labels))


def accuracy(values: np.ndarray, labels: np.ndarray) -> float:
    """Share of films whose most probable class is their label."""
    return float((values.argmax(axis=1) == labels).mean())


def expected_calibration_error(probabilities: np.ndarray, labels: np.ndarray, bins: int = 10) -> float:
    """Mean gap between the top probability and how often it is right (Guo et al. 2017), equal-width bins."""
    top = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    number = np.minimum((top * bins).astype(int), bins - 1)
    gap = 0.0
    for b in range(bins):
        inside = number == b
        if inside.any():
            gap += inside.mean() * abs(top[inside].mean() - right[inside].mean())
    return float(gap)


def bootstrap_interval(
    metric: Metric,
    values: np.ndarray,
    labels: np.ndarray,
    patients: np.ndarray,
    resamples: int = 400,
    seed: int = 0,
) -> tuple[float, float]:
    """95 % percentile interval; patients are drawn with replacement, each with all of their films.

    Args:
        patients: (N,) patient of each film.
    """
    generator = np.random.default_rng(seed)
    names, number = np.unique(patients, return_inverse=True)
    films_of = [np.flatnonzero(number == i) for i in range(len(names))]
    drawn = []
    for _ in range(resamples):
        films = np.concatenate([films_of[i] for i in generator.integers(0, len(names), len(names))])
        drawn.append(metric(values[films], labels[films]))
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return float(low), float(high)
