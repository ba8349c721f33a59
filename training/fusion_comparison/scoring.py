"""How good the answers of the arms are: each by its metrics, and against the film alone.

Shape letters: R draws, S seeds, N films, K classes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluation.metrics import bootstrap
from evaluation.metrics.bootstrap import Statistic, as_json, measured, patient_draws, plain, rounded
from evaluation.metrics.one_label import (
    Metric,
    Scored,
    accuracy,
    auroc,
    macro,
    plain_kappa,
    quadratic_kappa,
    spearman,
)
from modeling.labels import Task
from training.fusion_comparison.arms import ARMS, FILM, FUSIONS


@dataclass(frozen=True, eq=False)
class Readings:
    """The answers of all arms for the same films."""

    given: Mapping[str, np.ndarray]  # arm -> S N K probabilities
    without_table: Mapping[str, np.ndarray]  # fused arm -> the same with the table taken away
    labels: np.ndarray  # N class numbers
    extents: np.ndarray  # N geographic extent, NaN where nobody read it
    patients: np.ndarray  # N
    task: Task

    def of(self, keep: np.ndarray) -> "Readings":
        """The readings of some of the films."""
        arms = ({n: rows[:, keep] for n, rows in said.items()} for said in (self.given, self.without_table))
        return Readings(*arms, self.labels[keep], self.extents[keep], self.patients[keep], self.task)

    @property
    def metrics(self) -> dict[str, "Score"]:
        """What the answers are scored by; the first one is the headline."""
        if self.task.kind != "ordinal":
            return {name: METRICS[name] for name in ("macro_auroc", "kappa", "accuracy")}
        read = np.isfinite(self.extents).any()
        return {name: METRICS[name] for name in ORDINAL if read or name != ORDINAL[0]}


Score = Callable[[np.ndarray, Readings, np.ndarray], np.ndarray]
"""From (N, K) probabilities and (R, N) weights to (R,) values."""


def _spearman_extent(probabilities: np.ndarray, readings: Readings, weights: np.ndarray) -> np.ndarray:
    """The expected class against the geographic extent, over the films that have one."""
    read = np.isfinite(readings.extents)
    expected = probabilities @ np.arange(probabilities.shape[1])
    return spearman(expected[read], readings.extents[read], weights[:, read])


def _graded(metric: Metric) -> Score:
    return lambda probabilities, readings, weights: metric(Scored(probabilities, readings.labels), weights)


METRICS: dict[str, Score] = {
    "spearman_extent": _spearman_extent,
    "quadratic_kappa": _graded(quadratic_kappa),
    "macro_auroc": _graded(macro(auroc)),
    "accuracy": _graded(accuracy),
    "kappa": _graded(plain_kappa),
}
ORDINAL = ("spearman_extent", "quadratic_kappa", "macro_auroc", "accuracy")
"""Of a task whose classes have an order."""


def _mean_over_seeds(metric: str, probabilities: np.ndarray, readings: Readings) -> Statistic:
    """(S, N, K) probabilities of one arm -> the statistic whose value is the seeds' mean."""
    return lambda weights: np.mean([METRICS[metric](p, readings, weights) for p in probabilities], axis=0)


def score(readings: Readings, draws: int) -> dict[str, Any]:
    """Every arm's metrics, means over the seeds, with intervals by patient, and against the film alone."""
    weights = patient_draws(readings.patients, draws)
    rows: dict[str, dict[str, Any]] = {arm.name: {} for arm in ARMS}
    for metric in readings.metrics:
        statistics = {n: _mean_over_seeds(metric, readings.given[n], readings) for n in rows}
        for name, row in rows.items():
            row[metric] = as_json(measured(statistics[name], weights)) | {
                "seeds": [_value(metric, one, readings) for one in readings.given[name]]
            }
            if name != FILM.name:
                against = bootstrap.compare(statistics[name], statistics[FILM.name], weights)
                test = as_json(against.difference) | {"p": rounded(against.p)}
                row.setdefault("versus_film", {})[metric] = test
            if name in readings.without_table:
                bare = _mean_over_seeds(metric, readings.without_table[name], readings)
                value = rounded(float(bare(plain(len(readings.labels)))[0]))
                row.setdefault("without_table", {})[metric] = value
        _correct([rows[name]["versus_film"][metric] for name in FUSIONS])
    return {
        "films": len(readings.labels),
        "patients": len(np.unique(readings.patients)),
        "films_with_extent": int(np.isfinite(readings.extents).sum()),
        "rows": rows,
    }


def _value(metric: str, probabilities: np.ndarray, readings: Readings) -> float | None:
    return rounded(float(METRICS[metric](probabilities, readings, plain(len(readings.labels)))[0]))


def _correct(tests: list[dict[str, Any]]) -> None:
    """Add the P values corrected for the number of fusions."""
    p_values = [1.0 if test["p"] is None else test["p"] for test in tests]
    for test, corrected in zip(tests, holm(p_values), strict=True):
        test["p_holm"] = rounded(corrected)


def holm(p_values: list[float]) -> list[float]:
    """P values corrected for their number (Holm 1979)."""
    order = np.argsort(p_values)
    corrected, highest = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[i]))
        corrected[i] = highest
    return corrected
