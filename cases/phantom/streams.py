"""Seeded randomness: one explicit PCG64 stream per purpose, so that a change in one never moves another."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from scipy import ndimage

T = TypeVar("T")

_PURPOSES = (
    "plan", "patient", "exposure", "vessels", "texture", "opacities", "overlays", "noise", "table", "prose",
    "confounder", "label", "study",
)  # fmt: skip


def stream(seed: int, purpose: str) -> np.random.Generator:
    """The random stream of one of the fixed purposes of a case; its seed is 0 or above."""
    assert seed >= 0, seed
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, _PURPOSES.index(purpose)])))


def between(rng: np.random.Generator, low: float, high: float) -> float:
    """One uniform number in [low, high)."""
    return low + (high - low) * float(rng.random())


def chance(rng: np.random.Generator, probability: float) -> bool:
    """True with this probability."""
    return float(rng.random()) < probability


def pick(rng: np.random.Generator, options: Sequence[T], weights: Sequence[float] | None = None) -> T:
    """One of the options, equally likely or by weight.

    Written out rather than `Generator.choice`, whose stream has changed between NumPy releases.
    """
    draw = float(rng.random())
    if weights is None:
        return options[min(int(draw * len(options)), len(options) - 1)]
    edges = np.cumsum(np.asarray(weights, np.float64))
    return options[int(np.searchsorted(edges, draw * edges[-1], side="right").clip(0, len(options) - 1))]


def shuffled(rng: np.random.Generator, options: Sequence[T]) -> list[T]:
    """The options in a random order."""
    return [options[i] for i in np.argsort(rng.random(len(options)), kind="stable")]


def texture(rng: np.random.Generator, shape: tuple[int, int], grid: int, slope: float) -> np.ndarray:
    """(H, W) float64 smooth noise, whose amplitude falls as frequency ** -slope; the same at every film size.

    It is drawn on a lattice of `grid` cells a side, with mean 0 and standard deviation 1 there, and enlarged.
    """
    white = rng.standard_normal((grid, grid))
    fy, fx = np.fft.fftfreq(grid)[:, None], np.fft.rfftfreq(grid)[None, :]
    radius = np.hypot(fy, fx)
    radius[0, 0] = np.inf
    field = np.fft.irfft2(np.fft.rfft2(white) * radius**-slope, s=(grid, grid))
    field /= np.sqrt(np.mean(field * field))
    rows = (np.arange(shape[0]) + 0.5) * grid / shape[0] - 0.5
    columns = (np.arange(shape[1]) + 0.5) * grid / shape[1] - 0.5
    return _enlarge(_enlarge(field, rows, 0), columns, 1)


def _enlarge(field: np.ndarray, positions: np.ndarray, axis: int) -> np.ndarray:
    """Cubic interpolation along one axis (the lattice is periodic, so wrapping needs no edge rule)."""
    field = ndimage.spline_filter1d(field, axis=axis, mode="grid-wrap")
    base = np.floor(positions).astype(np.int64)
    t = positions - base
    inner = (3 * t**3 - 6 * t**2 + 4) / 6, (-3 * t**3 + 3 * t**2 + 3 * t + 1) / 6
    weights = (
        weight.reshape((-1, 1) if axis == 0 else (1, -1)) for weight in ((1 - t) ** 3 / 6, *inner, t**3 / 6)
    )
    cells = ((base + k - 1) % field.shape[axis] for k in range(4))
    return sum(np.take(field, at, axis=axis) * weight for at, weight in zip(cells, weights, strict=True))
