"""Deletion and insertion: does taking away what the map points at move the logit more than chance does?

Source: Petsiuk et al., RISE: Randomized Input Sampling for Explanation of Black-box Models, BMVC 2018.
Whole cells are exchanged rather than single pixels, which a network answers for their sharp edges alone.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Literal

import numpy as np
from scipy.special import stdtrit

from modeling.explain.maps import Cancelled
from modeling.explain.occlusion import ImageForward, answers
from modeling.trust.metrics import cell_sums

Kind = Literal["deletion", "insertion"]


@dataclass(frozen=True, eq=False)
class PerturbationCurve:
    """One of the two curves, and what cells in random order give; `evaluations` counts films asked."""

    kind: Kind
    fractions: np.ndarray  # (S + 1,) share of the cells exchanged
    logits: np.ndarray  # (S + 1,) along the map's order
    area: float  # mean logit (trapezoids): low is good for deletion, high for insertion
    random_area: float  # mean area of the random orders
    random_interval: tuple[float, float]  # of 95 % of random orders (Student's t, prediction interval)
    meaning: str  # `perturbation.better`, `.as_random` or `.worse` than random orders
    evaluations: int


def perturbation(
    kind: Kind,
    forward: ImageForward,
    image: np.ndarray,
    fill: np.ndarray | float,
    attribution: np.ndarray,
    rng: np.random.Generator,
    *,
    cell: int = 16,
    steps: int = 6,
    random_orders: int = 5,
    batch_size: int = 4,
    cancelled: Cancelled = None,
) -> PerturbationCurve:
    """Exchange cells in the map's order, most positive first, and in two or more random orders.

    Args:
        kind: from the film to the fill, or back.
        image: (3, h, w) float32, as the model reads it.
        fill: what stands where the film was taken away: one number or an image (3, h, w).
        attribution: (h, w) signed map; a cell's rank is its sum.

    Raises ExplanationCancelled, ViewboxError: as `modeling.explain.occlusion.answers`.
    """
    assert attribution.shape == image.shape[1:] and random_orders >= 2, (attribution.shape, random_orders)
    before, after = image, np.broadcast_to(np.asarray(fill, image.dtype), image.shape)
    if kind == "insertion":
        before, after = after, before
    sums = cell_sums(attribution, cell)
    # Ties (an even map) must fall in no order at all, or reading order would pass for a map.
    own = np.lexsort((rng.random(sums.size), -sums.ravel()))
    orders = [own, *(rng.permutation(sums.size) for _ in range(random_orders))]
    counts = np.unique(np.linspace(0, sums.size, steps + 1).round().astype(int))
    between = counts[1:-1]  # at the two ends every order shows the same film
    films = chain((before, after), _films(before, after, orders, between, cell, sums.shape))
    logits = answers(forward, films, batch_size, cancelled)
    curves = np.pad(logits[2:].reshape(len(orders), len(between)), ((0, 0), (1, 1)))
    curves[:, 0], curves[:, -1] = logits[:2]
    return _curve(kind, counts / sums.size, curves, len(logits))


def _films(
    before: np.ndarray,
    after: np.ndarray,
    orders: list[np.ndarray],
    counts: np.ndarray,
    cell: int,
    grid: tuple[int, ...],
) -> Iterator[np.ndarray]:
    for order in orders:
        for count in counts:
            exchanged = np.zeros(grid[0] * grid[1], dtype=bool)
            exchanged[order[:count]] = True
            mask = np.kron(exchanged.reshape(grid), np.ones((cell, cell), dtype=bool))
            yield np.where(mask[: before.shape[1], : before.shape[2]], after, before)


def _curve(kind: Kind, fractions: np.ndarray, logits: np.ndarray, evaluations: int) -> PerturbationCurve:
    areas = np.trapezoid(logits, fractions, axis=1)
    random = areas[1:]
    spread = float(random.std(ddof=1)) * math.sqrt(1 + 1 / len(random))
    half = float(stdtrit(len(random) - 1, 0.975)) * spread
    low, high = float(random.mean()) - half, float(random.mean()) + half
    area = float(areas[0])
    # Rounding of the forward pass must not make a constant model's map look better or worse.
    slack = 1e-6 * max(1.0, abs(low), abs(high))
    side = -1 if area < low - slack else 1 if area > high + slack else 0
    good = -1 if kind == "deletion" else 1
    meaning = f"perturbation.{'as_random' if side == 0 else 'better' if side == good else 'worse'}"
    mean = float(random.mean())
    return PerturbationCurve(kind, fractions, logits[0], area, mean, (low, high), meaning, evaluations)
