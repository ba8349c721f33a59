"""From millimetres of tissue to stored values: Beer-Lambert, scatter, noise, blur and the film's response."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from cases.phantom.anatomy import Thorax
from cases.phantom.streams import between, chance
from modeling.study import ViewPosition

_ENERGIES = (
    # weight, then linear attenuation per mm: soft tissue, fat, cortical bone, trabecular bone, metal.
    (0.45, 0.0226, 0.0202, 0.0790, 0.0300, 0.60),  # about 50 keV
    (0.55, 0.0184, 0.0172, 0.0430, 0.0225, 0.25),  # about 80 keV
)
"""Two effective energies of a filtered chest beam; coefficients after NIST XCOM (Hubbell & Seltzer, 1995)."""


@dataclass(frozen=True)
class Exposure:
    """How one film is taken and processed.

    Attributes:
        scatter: scattered over primary exposure behind the mean body, 0.3 (grid) to 1.2 (bedside).
        photons: quanta a pixel of 0.8 mm in the open beam.
        blur: detector blur, standard deviation in mm.
        lung_level, mediastinum_level: brightness that the film curve gives to the two, 0 (black) to 1.
        enhancement: strength of the unsharp mask that computed radiography adds.
    """

    scatter: float
    photons: float
    blur: float
    lung_level: float
    mediastinum_level: float
    enhancement: float


def draw_exposure(rng: np.random.Generator, position: ViewPosition) -> Exposure:
    """Bedside films scatter more and are noisier; from the side three times the quanta are sent."""
    bedside = position is ViewPosition.AP
    lung_level = between(rng, 0.42, 0.62) if bedside else between(rng, 0.27, 0.50)
    span = between(rng, 0.16, 0.30) if bedside else between(rng, 0.33, 0.52)
    sent = 3.0 if position is ViewPosition.LATERAL else 1.0
    return Exposure(
        scatter=between(rng, 0.5, 1.0) if bedside else between(rng, 0.25, 0.6),
        photons=sent * (between(rng, 6e4, 1.8e5) if bedside else between(rng, 1e5, 3e5)),
        blur=between(rng, 0.12, 0.3),
        lung_level=lung_level,
        mediastinum_level=min(lung_level + span, 0.92),
        enhancement=between(rng, 0.2, 0.9) if not chance(rng, 0.25) else 0.0,
    )


def transmitted(thorax: Thorax) -> np.ndarray:
    """(H, W) primary exposure behind the patient, 1 in the open beam (Beer-Lambert over two energies)."""
    water = thorax.soft + thorax.vessels + thorax.lung * thorax.density
    total = 0.0
    for weight, soft, fat, cortical, trabecular, metal in _ENERGIES:
        along = soft * water + fat * thorax.fat + cortical * thorax.cortical + trabecular * thorax.trabecular
        total = total + weight * np.exp(-(along + metal * thorax.metal))
    return total


def detected(primary: np.ndarray, exposure: Exposure, pitch: float, rng: np.random.Generator) -> np.ndarray:
    """(H, W) exposure at the detector: with scatter, blur and quantum noise."""
    behind = np.minimum(primary, 0.12)
    scattered = exposure.scatter * 0.8 * _wide_blur(behind, 38.0 / pitch)
    signal = ndimage.gaussian_filter(primary, exposure.blur / pitch, truncate=3.0) + scattered
    quanta = exposure.photons * (pitch / 0.8) ** 2
    # A normal draw stands for Poisson's: at hundreds of quanta they agree, and it never branches on a float.
    grain = rng.standard_normal(primary.shape)
    grain = ndimage.gaussian_filter(grain, 0.45, truncate=3.0) * 1.5
    return np.maximum(signal + np.sqrt(signal / quanta) * grain, 1e-4)


def _wide_blur(field: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur far wider than a pixel, computed on a coarse lattice."""
    factor = max(1, int(sigma / 6))
    height, width = field.shape
    coarse = field[: height - height % factor, : width - width % factor]
    coarse = coarse.reshape(height // factor, factor, width // factor, factor).mean(axis=(1, 3))
    coarse = ndimage.gaussian_filter(coarse, sigma / factor, mode="nearest")
    rows = np.clip((np.arange(height) + 0.5) / factor - 0.5, 0, coarse.shape[0] - 1)
    columns = np.clip((np.arange(width) + 0.5) / factor - 0.5, 0, coarse.shape[1] - 1)
    return _linear(_linear(coarse, rows, 0), columns, 1)


def _linear(field: np.ndarray, positions: np.ndarray, axis: int) -> np.ndarray:
    low = np.minimum(positions.astype(np.int64), field.shape[axis] - 2) if field.shape[axis] > 1 else 0
    weight = (positions - low).reshape((-1, 1) if axis == 0 else (1, -1))
    return np.take(field, low, axis=axis) * (1 - weight) + np.take(field, low + 1, axis=axis) * weight


def developed(
    exposure_map: np.ndarray, exposure: Exposure, pitch: float, lungs: np.ndarray, mediastinum: np.ndarray
) -> np.ndarray:
    """(H, W) brightness from 0 (black) to 1: logarithm, enhancement and a film-like curve.

    The curve is set as computed radiography sets it: from where `lungs` and `mediastinum`, (H, W) bool,
    lie in the histogram.
    """
    optical = -np.log(exposure_map)
    if exposure.enhancement > 0:
        smooth = ndimage.gaussian_filter(optical, 3.5 / pitch, truncate=2.5)
        optical = optical + exposure.enhancement * (optical - smooth)
    lung, dense = _quantile(optical[lungs], 0.35), _quantile(optical[mediastinum], 0.5)
    slope = (exposure.mediastinum_level - exposure.lung_level) / max(dense - lung, 0.3)
    t = exposure.lung_level + slope * (optical - lung)
    # Toe and shoulder: identity between 0.2 and 0.8; beyond, 0 and 1 are approached and never reached.
    below, above = np.minimum(t - 0.2, 0.0), np.maximum(t - 0.8, 0.0)
    return np.clip(t, 0.2, 0.8) + 0.2 * np.tanh(below / 0.2) + 0.2 * np.tanh(above / 0.2)


def _quantile(values: np.ndarray, share: float) -> float:
    """The value that this share of the values stays below, from every fourth of them."""
    ordered = np.sort(values[::4])
    return float(ordered[int(share * (len(ordered) - 1))])
