"""Every metric at once for many draws of patients: a film counts as often as its patient was drawn.

Each metric takes (R, N) weights, how often each film counts in each draw, and gives (R,) values, NaN where a
draw does not define it. One row of ones is the plain value.

Shape letters: R draws, N films, K classes, G groups of equal scores.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluation.metrics.bootstrap import measured, plain, rounded, with_interval
from modeling.labels import TaskKind

CURVE_POINTS = 40
RATES = {"recall_at_fpr_05": 0.05, "recall_at_fpr_10": 0.10}


@dataclass(frozen=True, eq=False)
class Scored:
    """The answers of a model for N films, and their labels."""

    values: np.ndarray  # N K probabilities
    labels: np.ndarray  # N class numbers

    @property
    def classes(self) -> int:
        """K."""
        return self.values.shape[1]

    @property
    def one_hot(self) -> np.ndarray:
        """(N, K) bool: each film's label."""
        return np.eye(self.classes, dtype=bool)[self.labels]


Metric = Callable[[Scored, np.ndarray], np.ndarray]


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    """above / below, NaN where below is 0."""
    return np.divide(above, below, out=np.full(np.broadcast(above, below).shape, np.nan), where=below > 0)


def _mean_of_known(rows: np.ndarray) -> np.ndarray:
    """(K, R) -> (R,): mean over the classes that a draw defines."""
    known = np.isfinite(rows)
    return _ratio(np.where(known, rows, 0.0).sum(axis=0), known.sum(axis=0))


# --- ranking -----------------------------------------------------------------------------------------------


def cumulated(scores: np.ndarray, positive: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(R, G) true and false positives at each threshold, from the highest score down; ties fall together."""
    order = np.argsort(-scores, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(scores[order]) != 0])
    ordered = weights[:, order]
    hits = np.add.reduceat(ordered * positive[order], starts, axis=1)
    all_ = np.add.reduceat(ordered, starts, axis=1)
    return hits.cumsum(axis=1), (all_ - hits).cumsum(axis=1)


def auroc(scores: np.ndarray, positive: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Area under the ROC curve: (N,) scores, (N,) bool, (R, N) -> (R,)."""
    return auroc_of(*cumulated(scores, positive, weights))


def auroc_of(hits: np.ndarray, misses: np.ndarray) -> np.ndarray:
    """The same of what `cumulated` gives, as the next ones."""
    before = np.concatenate([np.zeros_like(hits[:, :1]), hits[:, :-1]], axis=1)
    area = (np.diff(misses, axis=1, prepend=0.0) * (hits + before) / 2).sum(axis=1)
    return _ratio(area, hits[:, -1] * misses[:, -1])


def average_precision(scores: np.ndarray, positive: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean precision over the steps of recall, no interpolation: (N,), (N,) bool, (R, N) -> (R,)."""
    return average_precision_of(*cumulated(scores, positive, weights))


def average_precision_of(hits: np.ndarray, misses: np.ndarray) -> np.ndarray:
    """Average precision."""
    precision = np.nan_to_num(_ratio(hits, hits + misses))
    return _ratio((np.diff(hits, axis=1, prepend=0.0) * precision).sum(axis=1), hits[:, -1])


def recall_at_rate(
    scores: np.ndarray, positive: np.ndarray, weights: np.ndarray, false_positive_rate: float
) -> np.ndarray:
    """Largest recall whose false positive rate does not exceed the limit: (R,)."""
    return recall_at_rate_of(*cumulated(scores, positive, weights), false_positive_rate)


def recall_at_rate_of(hits: np.ndarray, misses: np.ndarray, false_positive_rate: float) -> np.ndarray:
    """Recall at a false positive rate."""
    allowed = misses <= false_positive_rate * misses[:, -1:] + 1e-9
    best = np.where(allowed, hits, 0.0).max(axis=1)
    return np.where(misses[:, -1] > 0, _ratio(best, hits[:, -1]), np.nan)


def macro(score: Callable[..., np.ndarray], *arguments: float) -> Metric:
    """The mean over classes of a one-vs-rest score."""

    def metric(scored: Scored, weights: np.ndarray) -> np.ndarray:
        rows = [
            score(scored.values[:, k], scored.labels == k, weights, *arguments) for k in range(scored.classes)
        ]
        return _mean_of_known(np.stack(rows))

    return metric


def spearman(scores: np.ndarray, reference: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Rank correlation of (N,) scores with an (N,) reference, ties at their middle rank: (R,)."""
    first, second = (_ranks(values, weights) for values in (scores, reference))
    total = weights.sum(axis=1, keepdims=True)
    first = first - (first * weights).sum(axis=1, keepdims=True) / total
    second = second - (second * weights).sum(axis=1, keepdims=True) / total
    spread = (weights * first**2).sum(axis=1) * (weights * second**2).sum(axis=1)
    return _ratio((weights * first * second).sum(axis=1), np.sqrt(spread))


def _ranks(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(R, N) middle ranks of the films of each draw."""
    _, group = np.unique(values, return_inverse=True)
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(group[order]) != 0])
    sizes = np.add.reduceat(weights[:, order], starts, axis=1)  # R G
    return (sizes.cumsum(axis=1) - sizes / 2)[:, group]


# --- decisions ---------------------------------------------------------------------------------------------


def confusion(scored: Scored, weights: np.ndarray) -> np.ndarray:
    """(R, K, K) films by label (rows) and most probable class (columns)."""
    k = scored.classes
    cell = scored.labels * k + scored.values.argmax(axis=1)
    return (weights @ np.eye(k * k)[cell]).reshape(-1, k, k)


def accuracy(scored: Scored, weights: np.ndarray) -> np.ndarray:
    """Share of films whose most probable class is their label."""
    return _ratio(weights @ (scored.values.argmax(axis=1) == scored.labels), weights.sum(axis=1))


def macro_f1(scored: Scored, weights: np.ndarray) -> np.ndarray:
    """Mean over classes of 2 TP / (2 TP + FP + FN); a class that is neither there nor said is left out."""
    table = confusion(scored, weights)
    hits = np.diagonal(table, axis1=1, axis2=2)
    return _mean_of_known(_ratio(2 * hits, table.sum(axis=1) + table.sum(axis=2)).T)


def matthews(scored: Scored, weights: np.ndarray) -> np.ndarray:
    """Matthews correlation for K classes (Gorodkin 2004)."""
    table = confusion(scored, weights)
    said, true = table.sum(axis=1), table.sum(axis=2)
    total = table.sum(axis=(1, 2))
    above = np.trace(table, axis1=1, axis2=2) * total - (said * true).sum(axis=1)
    below = (total**2 - (said**2).sum(axis=1)) * (total**2 - (true**2).sum(axis=1))
    return _ratio(above, np.sqrt(np.maximum(below, 0.0)))


def quadratic_kappa(scored: Scored, weights: np.ndarray) -> np.ndarray:
    """Cohen's kappa with quadratic weights, for classes in an order."""
    table = confusion(scored, weights)
    rank = np.arange(scored.classes)
    cost = (rank[:, None] - rank) ** 2
    chance = table.sum(axis=2)[:, :, None] * table.sum(axis=1)[:, None, :]
    expected = _ratio((chance * cost).sum(axis=(1, 2)), table.sum(axis=(1, 2)))
    return 1.0 - _ratio((table * cost).sum(axis=(1, 2)), expected)


def plain_kappa(scored: Scored, weights: np.ndarray) -> np.ndarray:
    """Cohen's kappa, for classes without an order."""
    table = confusion(scored, weights)
    total = table.sum(axis=(1, 2))
    chance = _ratio((table.sum(axis=1) * table.sum(axis=2)).sum(axis=1), total**2)
    return _ratio(_ratio(np.trace(table, axis1=1, axis2=2), total) - chance, 1.0 - chance)


# --- readers -----------------------------------------------------------------------------------------------


def against_others(study: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """(what a reader says, what more than half of at least two other readers say)."""
    for reader, said in study.items():
        rest = Counter(value for other, value in study.items() if other != reader)
        if rest.total() >= 2 and rest.most_common(1)[0][1] * 2 > rest.total():
            yield said, rest.most_common(1)[0][0]


# --- calibration -------------------------------------------------------------------------------------------


def calibration_error(scored: Scored, weights: np.ndarray, bins: int = 10) -> np.ndarray:
    """Expected calibration error of the top probability (Guo et al. 2017), bins of equal width."""
    top = scored.values.max(axis=1)
    gap = top - (scored.values.argmax(axis=1) == scored.labels)
    inside = np.eye(bins)[np.minimum((top * bins).astype(int), bins - 1)]  # N bins
    return _ratio(np.abs(weights @ (inside * gap[:, None])).sum(axis=1), weights.sum(axis=1))


def brier(scored: Scored, weights: np.ndarray) -> np.ndarray:
    """Mean squared distance of the probabilities from the label (Brier 1950), 0 to 2."""
    squares = ((scored.values - np.eye(scored.classes)[scored.labels]) ** 2).sum(axis=1)
    return _ratio(weights @ squares, weights.sum(axis=1))


def scores(metrics: Mapping[str, Metric], scored: Scored, draws: np.ndarray) -> dict[str, Any]:
    """Metrics with their intervals, as `metrics.json` holds them."""
    out: dict[str, Any] = {}
    for name, metric in metrics.items():
        out |= with_interval(name, measured(lambda weights, metric=metric: metric(scored, weights), draws))
    return out


RANKING: dict[str, Metric] = {
    "macro_auroc": macro(auroc),
    "macro_average_precision": macro(average_precision),
    **{name: macro(recall_at_rate, rate) for name, rate in RATES.items()},
    "accuracy": accuracy,
    "macro_f1": macro_f1,
    "matthews": matthews,
}
CALIBRATION: dict[str, Metric] = {"expected_calibration_error": calibration_error, "brier": brier}


def metrics_for(kind: TaskKind) -> dict[str, Metric]:
    """The metrics that suit a kind of task, calibration aside."""
    return RANKING | ({"quadratic_kappa": quadratic_kappa} if kind == "ordinal" else {})


def macro_auroc(values: np.ndarray, labels: np.ndarray) -> float:
    """Mean over classes of the one-vs-rest area under the ROC curve, every film once; NaN where none has one.

    `values`: (N, K) probabilities (a softmax logit alone says nothing about the other classes). `labels`:
    (N,) class numbers, or (N, K) of 0, 1 and NaN for none (multilabel).
    """
    each = labels if labels.ndim == 2 else np.equal.outer(labels, np.arange(values.shape[1])).astype(float)
    known = np.isfinite(each)
    labelled = [(n, k) for n, k in enumerate(known.T) if k.any()]
    rows = [auroc(values[k, n], each[k, n] == 1, np.ones((1, k.sum()))) for n, k in labelled]
    return float(_mean_of_known(np.stack(rows))[0]) if rows else float("nan")


HEAD, TAIL = 0.3, 0.1


def band_of(share: float) -> str:
    """Head (at least 30 % of the training films), tail (under 10 %) or medium."""
    return "head" if share >= HEAD else "tail" if share < TAIL else "medium"


def class_row(
    values: np.ndarray, positive: np.ndarray, trained: float | None, draws: np.ndarray
) -> dict[str, Any]:
    """One class against the rest: (N,) probabilities, (N,) bool, and its share in training, if known."""
    row: dict[str, Any] = {"n": int(positive.sum()), "share": round(float(positive.mean()), 4)}
    for name, score in (("auroc", auroc), ("average_precision", average_precision)):
        row |= with_interval(name, measured(lambda w, score=score: score(values, positive, w), draws))
    row["recall_at_fpr_10"] = rounded(float(recall_at_rate(values, positive, plain(len(values)), 0.1)[0]))
    known = trained is not None
    return row | {
        "training_share": round(trained, 4) if known else None,
        "frequency": band_of(trained) if known else None,
    }


def by_frequency(
    shares: Mapping[str, float | None],
    values: np.ndarray,
    positive: np.ndarray,
    draws: np.ndarray,
    known: np.ndarray | None = None,
) -> dict[str, Any]:
    """Macro AUROC and average precision over the classes of each band; a class of unknown share is in none.

    `shares`: each of the K classes' share in training; `values` (N, K) probabilities, `positive` (N, K) bool,
    `known` (N, K) bool, the labels that count (None: all).
    """
    bands: dict[str, list[int]] = {"head": [], "medium": [], "tail": []}
    names, out = list(shares), {}
    for k, share in enumerate(shares.values()):
        if share is not None:
            bands[band_of(share)].append(k)
    for band, classes in bands.items():
        row: dict[str, Any] = {"classes": [names[k] for k in classes]}
        for name, score in (("macro_auroc", auroc), ("macro_average_precision", average_precision)):

            def mean(weights: np.ndarray, score: Any = score, classes: list[int] = classes) -> np.ndarray:
                counts = [weights if known is None else weights * known[:, k] for k in classes]
                rows = [score(values[:, k], positive[:, k], w) for k, w in zip(classes, counts, strict=True)]
                return np.mean(rows, axis=0)

            row |= with_interval(name, measured(mean, draws)) if classes else {}
        out |= {band: row} if classes else {}
    return out


def curves(scores: np.ndarray, positive: np.ndarray) -> dict[str, list[list[float]]]:
    """ROC ([false positive rate, recall]) and precision-recall ([recall, precision]) curves, thinned out."""
    if not 0 < positive.sum() < len(positive):
        return {}
    order = np.argsort(-scores, kind="stable")
    last = np.r_[np.diff(scores[order]) != 0, True]
    hits, misses = positive[order].cumsum()[last], (~positive[order]).cumsum()[last]
    recall, rate = hits / positive.sum(), misses / (~positive).sum()
    roc = np.concatenate([[[0.0, 0.0]], np.stack([rate, recall], 1)])
    return {"roc": _thinned(roc), "precision_recall": _thinned(np.stack([recall, hits / (hits + misses)], 1))}


def _thinned(points: np.ndarray) -> list[list[float]]:
    """At most `CURVE_POINTS` points, evenly along the curve's own length."""
    length = np.r_[0.0, np.abs(np.diff(points, axis=0)).sum(axis=1).cumsum()]
    wanted = np.searchsorted(length, np.linspace(0, length[-1], CURVE_POINTS))
    return np.round(points[np.unique(np.minimum(wanted, len(points) - 1))], 3).tolist()
