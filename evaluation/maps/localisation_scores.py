"""Does a map lie where the evidence lies? Hit rate, mIoU and share on the evidence, with intervals.

Source: Saporta et al., Benchmarking saliency methods for chest X-ray interpretation, Nature Machine
Intelligence 2022: every map is brought to the film's own size; it hits where its maximum lies inside what the
radiologist drew (pointing game); for the mIoU it is scaled to 0 ... 255 and cut at Otsu's threshold (IEEE
Transactions on Systems, Man and Cybernetics 1979). Here the signed map is smoothed first, as far as on the
screen, and only evidence for the target is kept.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluation.metrics.bootstrap import bootstrap_interval
from modeling.explain.maps import gathered
from modeling.explain.registry import COARSE
from modeling.model.film import resampled

RESAMPLES = 1000
_LEVELS = 256


def positive_evidence(values: np.ndarray, smoothing: float = COARSE) -> np.ndarray:
    """What of an (h, w) signed map speaks for the target, after it was `gathered` by `smoothing`."""
    return gathered(values, smoothing).clip(min=0.0)


def otsu_segment(evidence: np.ndarray) -> np.ndarray:
    """(H, W) bool: places above the threshold that parts the map's values best; none for an even map."""
    low, high = float(evidence.min()), float(evidence.max())
    if not high > low:
        return np.zeros(evidence.shape, bool)
    level = ((evidence - low) * ((_LEVELS - 1) / (high - low))).astype(np.intp)
    counts = np.bincount(level.ravel(), minlength=_LEVELS).astype(np.float64)
    below = np.cumsum(counts)  # places at or below each level
    mass = np.cumsum(counts * np.arange(_LEVELS))
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = mass / below - (mass[-1] - mass) / above
        between = below * above * distance**2
    return level > int(np.nanargmax(np.where(above > 0, between, np.nan)))


def hit(evidence: np.ndarray, region: np.ndarray) -> bool:
    """Whether the maximum lies inside; a map without any evidence hits nothing."""
    assert evidence.shape == region.shape, (evidence.shape, region.shape)
    return bool(evidence.max() > 0 and region.ravel()[int(evidence.argmax())])


def intersection_over_union(segment: np.ndarray, region: np.ndarray) -> float:
    """0 to 1; 0 where either is empty."""
    assert segment.shape == region.shape, (segment.shape, region.shape)
    union = int((segment | region).sum())
    return int((segment & region).sum()) / union if union else 0.0


def positive_share(values: np.ndarray, weights: np.ndarray) -> float:
    """Share, 0 to 1, of the positive values, in logits, that lies on the evidence; NaN if none is positive.

    `weights`: how far each of the values is evidence, 0 to 1.
    """
    positive = np.asarray(values, np.float64).clip(min=0.0)
    total = float(positive.sum())
    return float((positive * weights).sum()) / total if total > 0 else float("nan")


@dataclass(frozen=True)
class Score:
    """How one map of one film did."""

    hit: bool
    iou: float
    share: (
        float  # of the positive map, gathered as it is shown, that lies in the region; NaN if there is none
    )
    seconds: float
    in_lungs: float = float("nan")  # share of all magnitudes in the lung fields; NaN if not looked for


def score_map(
    values: np.ndarray,
    region: np.ndarray,
    seconds: float = float("nan"),
    smoothing: float = COARSE,
    lungs: np.ndarray | None = None,
) -> Score:
    """Grade one (h, w) signed map by a region, not empty, and the lung fields, both (H, W) bool on the film.

    `seconds`: what it took; NaN for a prior, which asks nothing. `smoothing`: as for `positive_evidence`.
    """
    assert region.dtype == bool and region.any(), region.dtype
    drawn = gathered(values, smoothing)
    evidence = drawn.clip(min=0.0)
    native = resampled(evidence, region.shape)
    overlap = intersection_over_union(otsu_segment(native), region)
    share = positive_share(evidence, resampled(region, values.shape))
    inside = float("nan") if lungs is None else positive_share(np.abs(drawn), resampled(lungs, values.shape))
    return Score(hit(native, region), overlap, share, seconds, inside)


def with_interval(
    values: Sequence[float] | np.ndarray,
    patients: Sequence[str],
    statistic: Callable[[np.ndarray], float] = np.mean,
) -> dict[str, Any]:
    """A mean (or another statistic) of (N,) values but NaN, with its 95 % bootstrap interval by patient."""
    numbers, names = np.asarray(values, np.float64), np.asarray(patients)
    known = np.isfinite(numbers)
    numbers, names = numbers[known], names[known]
    if len(numbers) == 0:
        return {"value": None, "interval_95": None, "n": 0}
    low, high = bootstrap_interval(lambda v, _: float(statistic(v)), numbers, numbers, names, RESAMPLES)
    ends = [round(low, 4), round(high, 4)]
    return {"value": round(float(statistic(numbers)), 4), "interval_95": ends, "n": len(numbers)}


def summarise_scores(scores: Sequence[Score], patients: Sequence[str]) -> dict[str, Any]:
    """Hit rate, mIoU and share on the evidence with intervals; a map's median seconds (None for a prior)."""
    seconds = np.array([s.seconds for s in scores])
    timed = bool(np.isfinite(seconds).any())
    return {
        "hit_rate": with_interval([float(s.hit) for s in scores], patients),
        "miou": with_interval([s.iou for s in scores], patients),
        "on_evidence": with_interval([s.share for s in scores], patients),
        "in_lungs": with_interval([s.in_lungs for s in scores], patients),
        "median_seconds": round(float(np.nanmedian(seconds)), 4) if timed else None,
    }
