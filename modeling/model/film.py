"""The film: stored values become brightness, a square for the model, and the way back to native pixels.

Shape letters: H W native, h w model.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from modeling.configuration import ImageProcessing
from modeling.study import Photometric, Radiograph, Window


def _windowed(values: np.ndarray, window: Window) -> np.ndarray:
    """DICOM PS3.3 C.11.2.1.2.1 and C.11.2.1.3, output range 0 to 1."""
    center, width = window.center, window.width
    if window.function == "SIGMOID":
        return 1.0 / (1.0 + np.exp(np.clip(-4.0 * (values - center) / max(width, 1e-6), -60, 60)))
    if window.function == "LINEAR":
        center, width = center - 0.5, max(width - 1.0, 1e-6)
    return np.clip((values - center) / max(width, 1e-6) + 0.5, 0.0, 1.0)


def _presented(radiograph: Radiograph, stored: np.ndarray) -> np.ndarray:
    """Stored values -> brightness on an open scale: rescale, then VOI LUT or window, then polarity."""
    values = stored.astype(np.float64) * radiograph.rescale_slope + radiograph.rescale_intercept
    if radiograph.voi_lut is not None:
        lut = radiograph.voi_lut
        index = np.clip(np.round(values - lut.first), 0, len(lut.values) - 1).astype(np.int64)
        values = lut.values.astype(np.float64)[index]
    elif radiograph.window is not None:
        values = _windowed(values, radiograph.window)
    return -values if radiograph.photometric == Photometric.MONOCHROME1 else values


def _weighted_percentiles(values: np.ndarray, counts: np.ndarray, percentiles: Sequence[float]) -> np.ndarray:
    order = np.argsort(values, kind="stable")
    cumulative = np.cumsum(counts[order])
    ranks = np.asarray(percentiles) / 100.0 * cumulative[-1]
    return values[order][np.minimum(np.searchsorted(cumulative, ranks), len(values) - 1)]


@dataclass(frozen=True, eq=False)
class _Levels:
    """What every stored value of a film is presented as, and the two presented values that end its range."""

    lowest: int
    index: np.ndarray
    presented: np.ndarray
    low: float
    high: float


def _levels(radiograph: Radiograph, percentiles: Sequence[float]) -> _Levels:
    # Presentation is a function of the stored value alone, so it is computed once a value, not once a pixel.
    lowest = int(radiograph.pixels.min())
    index = radiograph.pixels.astype(np.int32) - lowest
    counts = np.bincount(index.ravel())
    presented = _presented(radiograph, np.arange(len(counts)) + lowest)
    seen = counts > 0
    low, high = _weighted_percentiles(presented[seen], counts[seen], percentiles)
    return _Levels(lowest, index, presented, float(low), float(high))


def brightness(radiograph: Radiograph, percentiles: Sequence[float] = (0.5, 99.5)) -> np.ndarray:
    """The film as it is looked at: bone is bright whatever the file's polarity.

    Args:
        percentiles: of the windowed film, become 0 and 1.

    Returns:
        (H, W) float32 in [0, 1]; all 0 for a constant film.
    """
    levels = _levels(radiograph, percentiles)
    low, high = levels.low, levels.high
    if high - low <= 0:
        return np.zeros(radiograph.shape, np.float32)
    shades = np.clip((levels.presented - low) / (high - low), 0.0, 1.0).astype(np.float32)
    return shades.take(levels.index)  # twice as quick as shades[levels.index]


@dataclass(frozen=True, eq=False)
class Grayscale:
    """A film for a screen that windows it itself: every stored value apart, bright is high.

    A window (low, high) in these values becomes black and white, linear between.

    Attributes:
        values: (H, W) uint8 or uint16, from 0; a curve of the file (VOI LUT, sigmoid) is already applied,
            the sigmoid at 16 bits.
        slope, intercept: `slope * value + intercept` is the file's own rescaled value.
        seen_by_model: the window that gives `brightness`; above every value where that is all black.
        of_file: the file's own linear window; None where it has none.
    """

    values: np.ndarray
    slope: float
    intercept: float
    seen_by_model: tuple[float, float]
    of_file: tuple[float, float] | None


def grayscale(radiograph: Radiograph, percentiles: Sequence[float] = (0.5, 99.5)) -> Grayscale:
    """The film in its native range, nothing clipped, with the windows that belong to it."""
    levels, window = _levels(radiograph, percentiles), radiograph.window
    if radiograph.voi_lut is not None or (window is not None and window.function == "SIGMOID"):
        return _curved(radiograph, levels)
    negative = (radiograph.photometric == Photometric.MONOCHROME1) != (radiograph.rescale_slope < 0)
    last, sign = len(levels.presented) - 1, -1 if negative else 1
    origin = levels.lowest + (last if negative else 0)
    slope = sign * radiograph.rescale_slope
    intercept = radiograph.rescale_slope * origin + radiograph.rescale_intercept
    polarity = -1.0 if radiograph.photometric == Photometric.MONOCHROME1 else 1.0

    def value_of(presented: float) -> float:
        rescaled = presented * polarity
        if window is not None:
            center, width = window.center, window.width
            if window.function == "LINEAR":
                center, width = center - 0.5, max(width - 1.0, 1e-6)
            rescaled = (rescaled - 0.5) * max(width, 1e-6) + center
        return (rescaled - intercept) / slope

    index = last - levels.index if negative else levels.index
    seen = (value_of(levels.low), value_of(levels.high)) if levels.high > levels.low else (last, last + 1.0)
    ends = sorted((value_of(0.0), value_of(polarity))) if window is not None else None
    return Grayscale(
        index.astype(np.uint8 if last < 256 else np.uint16),
        slope,
        intercept,
        seen,
        (ends[0], ends[1]) if ends else None,
    )


def _curved(radiograph: Radiograph, levels: _Levels) -> Grayscale:
    first, span = float(levels.presented.min()), float(np.ptp(levels.presented))
    whole = radiograph.voi_lut is not None and span <= 65535
    step = 1.0 if whole or span <= 0 else span / 65535
    values = np.round((levels.presented - first) / step)
    sign = -1.0 if radiograph.photometric == Photometric.MONOCHROME1 else 1.0
    low, high = (levels.low - first) / step, (levels.high - first) / step
    return Grayscale(
        values.astype(np.uint8 if values.max() < 256 else np.uint16)[levels.index],
        sign * step,
        sign * first,
        (low, high) if high > low else (values.max(), values.max() + 1.0),
        None,
    )


@dataclass(frozen=True)
class Letterbox:
    """Where the film lies in the model's square: aspect kept, centred, black around it."""

    native: tuple[int, int]
    size: int
    top: int
    left: int
    height: int
    width: int

    @classmethod
    def fit(cls, radiograph: Radiograph, size: int) -> "Letterbox":
        """The largest placement of the film in `size` x `size` that keeps its physical aspect."""
        rows, columns = radiograph.shape
        tall, wide = rows * radiograph.pixel_aspect_ratio, float(columns)
        scale = size / max(tall, wide)
        height, width = max(1, round(tall * scale)), max(1, round(wide * scale))
        return cls(radiograph.shape, size, (size - height) // 2, (size - width) // 2, height, width)

    def crop(self, square: np.ndarray) -> np.ndarray:
        """(size, size) -> (height, width): the film without the padding."""
        return square[self.top : self.top + self.height, self.left : self.left + self.width]


def _resize(array: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Antialiased bilinear resampling of a float32 array."""
    if array.shape == shape:
        return array.astype(np.float32)
    picture = Image.fromarray(np.ascontiguousarray(array, dtype=np.float32))
    return np.asarray(picture.resize((shape[1], shape[0]), Image.Resampling.BILINEAR))


def letterboxed(radiograph: Radiograph, config: ImageProcessing) -> tuple[np.ndarray, Letterbox]:
    """The film as the model sees it, before mean and std.

    Returns:
        (size, size) float32 in [0, 1] with black padding, and where the film lies in it.
    """
    box = Letterbox.fit(radiograph, config.size)
    square = np.zeros((config.size, config.size), np.float32)
    box.crop(square)[:] = _resize(brightness(radiograph, config.percentiles), (box.height, box.width))
    return square, box


def to_native(attribution: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Bring a map of the letterboxed film to native pixels; its sum stays the same up to interpolation.

    Args:
        attribution: (h, w) without padding, in logits per model pixel.
        shape: (H, W) of the film.

    Returns:
        (H, W) float32, in logits per native pixel.
    """
    scale = (attribution.shape[0] * attribution.shape[1]) / (shape[0] * shape[1])
    return _resize(attribution.astype(np.float32), shape) * np.float32(scale)


def resampled(values: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """A map or a region's coverage at another size.

    Args:
        values: (h, w) numbers or bool.
        shape: (H, W) wanted.

    Returns:
        (H, W) float32, antialiased where it shrinks; values stay within their range.
    """
    picture = Image.fromarray(np.ascontiguousarray(values, dtype=np.float32))
    return np.asarray(picture.resize(shape[::-1], Image.Resampling.BILINEAR))
