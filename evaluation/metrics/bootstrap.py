"""Intervals by patient, and whether A really beats B: a paired bootstrap over the same patients.

Shape letters: R draws, N films.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

RESAMPLES = 2000

Statistic = Callable[[np.ndarray], np.ndarray]
"""(R, N) weights -> (R,) values."""


def patient_draws(patients: np.ndarray, resamples: int = RESAMPLES, seed: int = 0) -> np.ndarray:
    """(R, N) float32: how often each film counts when their (N,) patients are drawn with replacement."""
    names, number = np.unique(patients, return_inverse=True)
    count = len(names)
    drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=resamples)
    return drawn[:, number].astype(np.float32)


def plain(films: int) -> np.ndarray:
    """(1, N): every film once."""
    return np.ones((1, films), np.float32)


@dataclass(frozen=True)
class Measured:
    """A value with its 95 % percentile interval; NaN where it is not defined."""

    value: float
    low: float
    high: float


def measured(statistic: Statistic, draws: np.ndarray) -> Measured:
    """A statistic of all films, with its interval over the draws that define it."""
    return interval(float(statistic(plain(draws.shape[1]))[0]), statistic(draws))


def interval(value: float, drawn: np.ndarray) -> Measured:
    """A value with the interval of its (R,) draws, as far as they are defined."""
    if not np.isfinite(drawn).any():
        return Measured(value, float("nan"), float("nan"))
    low, high = np.nanpercentile(drawn, [2.5, 97.5])
    return Measured(value, float(low), float(high))


def rounded(value: float) -> float | None:
    """Four decimals; None for a value that is not defined."""
    return None if not np.isfinite(value) else round(float(value), 4) + 0.0  # no -0.0


def with_interval(name: str, found: Measured) -> dict[str, Any]:
    """A value and its interval as `metrics.json` holds them."""
    return {name: rounded(found.value), f"{name}_95": [rounded(found.low), rounded(found.high)]}


def bracketed(value: float | None, ends: Sequence[float | None]) -> str:
    """`0.804 [0.777, 0.828]`; a dash for what is not defined."""
    said, low, high = ("-" if x is None else f"{x:.3f}" for x in (value, *ends))
    return f"{said} [{low}, {high}]"


def as_json(found: Measured) -> dict[str, Any]:
    """A value and its interval where they stand alone."""
    return {"value": rounded(found.value), "95": [rounded(found.low), rounded(found.high)]}


@dataclass(frozen=True)
class Comparison:
    """A against B on the same films."""

    difference: Measured  # A - B, with its 95 % interval
    p: float  # two-sided; how often a draw of patients puts the difference on the other side of 0


def compare(a: Statistic, b: Statistic, draws: np.ndarray) -> Comparison:
    """Paired bootstrap test (Efron and Tibshirani 1993, ch. 16): both statistics on the same draws.

    The smallest p that R draws can give is 2 / (R + 1).
    """
    every = plain(draws.shape[1])
    return compared(float((a(every) - b(every))[0]), a(draws) - b(draws))


def compared(value: float, drawn: np.ndarray) -> Comparison:
    """The same from a difference and its (R,) draws."""
    difference = interval(value, drawn)
    drawn = drawn[np.isfinite(drawn)]
    if not len(drawn):
        return Comparison(difference, float("nan"))
    tail = min(int((drawn <= 0).sum()), int((drawn >= 0).sum()))
    return Comparison(difference, min(1.0, 2 * (tail + 1) / (len(drawn) + 1)))


def ahead(a: Statistic, b: Statistic, draws: np.ndarray) -> dict[str, Any]:
    """By how much A is ahead of B, with the paired p, as `metrics.json` holds it."""
    found = compare(a, b, draws)
    return with_interval("difference", found.difference) | {"p": rounded(found.p)}


def bootstrap_interval(
    metric: Callable[[np.ndarray, np.ndarray], float],
    values: np.ndarray,
    labels: np.ndarray,
    patients: np.ndarray,
    resamples: int = 400,
    seed: int = 0,
) -> tuple[float, float]:
    """95 % percentile interval of what no weights can say, such as a median; patients are drawn as above.

    `metric` takes (N, ...) values and (N,) labels of the drawn films.
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
