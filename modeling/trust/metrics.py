"""Numbers that say how far a map can be believed, each with the key of the sentence that explains it.

Pure functions over arrays and callables. `meaning` is `<number>.<case>`; the sentence itself, in the
reader's language, stands in the interface (`MEANINGS` lists every key, so that none is forgotten).

Sources: completeness, Sundararajan et al. 2017; randomised weights, Adebayo et al. 2018; SSIM, Wang et al.
2004.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from modeling.results import CONVERGED, USABLE

HELD = math.log(2.0)
"""Log-odds, here odds of 2 to 1, from which a model is said to hold the answer that is explained."""
ALIKE = 0.5
"""Rank correlation or SSIM from which two maps are called alike."""

_CASES = {
    "completeness": "converged usable not_converged no_change",
    "settled": "settled moving unknown",
    "support": "held weak denied",
    "agreement": "alike different undefined",
    "discrimination": "same_map opposite different undefined",
    "share": "empty not_found concentrated as_area spared",
    "perturbation": "better as_random worse",
}
MEANINGS = tuple(f"{number}.{case}" for number, cases in _CASES.items() for case in cases.split())


@dataclass(frozen=True)
class Completeness:
    """Does the account add up? `delta` is total - (F(x) - F(baseline)), in logits."""

    delta: float
    relative_delta: float
    meaning: str


def completeness(total: float, output: float, baseline_output: float) -> Completeness:
    """Hold the sum over pixels, fields and words against F(x) - F(baseline), all in logits."""
    change = output - baseline_output
    delta = total - change
    if abs(change) <= 1e-6:
        return Completeness(delta, 0.0 if abs(delta) <= 1e-6 else math.inf, "completeness.no_change")
    relative = abs(delta) / abs(change)
    case = "converged" if relative <= CONVERGED else "usable" if relative <= USABLE else "not_converged"
    return Completeness(delta, relative, f"completeness.{case}")


@dataclass(frozen=True)
class MapAgreement:
    """How alike two maps of one film are; -1 to 1, NaN where a map is even."""

    rank_correlation: float  # Spearman, signs kept
    absolute_rank_correlation: float  # Spearman of the magnitudes
    ssim: float  # structural similarity, each map's 99.5th percentile of magnitude as full scale
    meaning: str


def map_agreement(first: np.ndarray, second: np.ndarray, *, cell: int = 8) -> MapAgreement:
    """Compare two (h, w) signed maps of one film, as with randomised weights: there, unlike is good.

    Both are summed over cells of side `cell` first: neighbours that trade places do not count.
    """
    assert first.shape == second.shape, (first.shape, second.shape)
    a, b = cell_sums(first, cell), cell_sums(second, cell)
    signed, absolute = rank_correlation(a, b), rank_correlation(np.abs(a), np.abs(b))
    similarity = ssim(_scaled(a), _scaled(b), span=1.0)
    if math.isnan(signed):
        return MapAgreement(signed, absolute, similarity, "agreement.undefined")
    alike = max(signed, absolute, similarity) >= ALIKE
    return MapAgreement(signed, absolute, similarity, f"agreement.{'alike' if alike else 'different'}")


@dataclass(frozen=True)
class ClassDiscrimination:
    """Does the map change with the target? Spearman between the maps of two targets, -1 to 1."""

    rank_correlation: float
    meaning: str


def class_discrimination(first: np.ndarray, second: np.ndarray, *, cell: int = 8) -> ClassDiscrimination:
    """Near 1 a map does not depend on what was asked; near -1 the other is it with the sign turned."""
    assert first.shape == second.shape, (first.shape, second.shape)
    correlation = rank_correlation(cell_sums(first, cell), cell_sums(second, cell))
    if math.isnan(correlation):
        return ClassDiscrimination(correlation, "discrimination.undefined")
    case = "same_map" if correlation >= 0.9 else "opposite" if correlation <= -0.9 else "different"
    return ClassDiscrimination(correlation, f"discrimination.{case}")


@dataclass(frozen=True)
class RegionShare:
    """How much of a map lies in a region."""

    share: float  # magnitudes inside over all magnitudes, 0 to 1; NaN for an empty map
    area: float  # area of the region over the area of the film, 0 to 1
    meaning: str


def region_share(attribution: np.ndarray, region: np.ndarray) -> RegionShare:
    """Share of an (h, w) signed map inside an (h, w) bool region, by magnitude."""
    assert attribution.shape == region.shape, (attribution.shape, region.shape)
    inside = region.astype(bool)
    magnitude = np.abs(attribution.astype(np.float64))
    total, area = float(magnitude.sum()), float(inside.mean())
    if total == 0.0 or area == 0.0:
        return RegionShare(0.0 if total else math.nan, area, "share.empty")
    share = float(magnitude[inside].sum()) / total
    case = "concentrated" if share > 1.5 * area else "spared" if share < area / 1.5 else "as_area"
    return RegionShare(share, area, f"share.{case}")


def border_region(shape: tuple[int, int], fraction: float = 0.05) -> np.ndarray:
    """(h, w) bool: the frame of the film, `fraction` of each side wide (at least one pixel)."""
    height, width = shape
    rows, columns = max(1, round(height * fraction)), max(1, round(width * fraction))
    region = np.ones(shape, dtype=bool)
    region[rows : height - rows, columns : width - columns] = False
    return region


# --- how maps are compared


def cell_sums(values: np.ndarray, cell: int) -> np.ndarray:
    """(h, w) -> (ceil(h / cell), ceil(w / cell)) float64: sums over square cells; the total is kept."""
    height, width = values.shape
    padded = np.pad(values.astype(np.float64), ((0, -height % cell), (0, -width % cell)))
    rows, columns = padded.shape[0] // cell, padded.shape[1] // cell
    return padded.reshape(rows, cell, columns, cell).sum(axis=(1, 3))


def rank_correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Spearman's rank correlation over all places, -1 to 1; NaN where one of them is even."""
    a, b = _ranks(first), _ranks(second)
    a, b = a - a.mean(), b - b.mean()
    norm = math.sqrt(float(a @ a) * float(b @ b))
    return float(a @ b) / norm if norm > 0 else math.nan


def _ranks(values: np.ndarray) -> np.ndarray:
    """Of all places, ties sharing their mean; `scipy.stats` has it too and takes a second to import."""
    _, place, counts = np.unique(values.ravel(), return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[place]


def ssim(first: np.ndarray, second: np.ndarray, *, span: float) -> float:
    """Mean structural similarity of two (h, w) maps with Gaussian windows of 1.5 places, -1 to 1.

    `span` is the distance between the smallest and largest value that are possible (1 for 0 to 1).
    """
    a, b = first.astype(np.float64), second.astype(np.float64)

    def mean(values: np.ndarray) -> np.ndarray:
        return gaussian_filter(values, 1.5, truncate=3.5)

    mean_a, mean_b = mean(a), mean(b)
    variance_a, variance_b = mean(a * a) - mean_a**2, mean(b * b) - mean_b**2
    covariance = mean(a * b) - mean_a * mean_b
    c1, c2 = (0.01 * span) ** 2, (0.03 * span) ** 2
    luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    structure = (2 * covariance + c2) / (variance_a + variance_b + c2)
    return float((luminance * structure).mean())


def _scaled(values: np.ndarray) -> np.ndarray:
    limit = float(np.percentile(np.abs(values), 99.5))
    # To 0 ... 1: with both signs SSIM's two factors can be negative at once and call opposites alike.
    return (np.clip(values / limit, -1.0, 1.0) + 1) / 2 if limit > 0 else np.full_like(values, 0.5)
