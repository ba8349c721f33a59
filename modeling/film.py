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


def brightness(radiograph: Radiograph, percentiles: Sequence[float] = (0.5, 99.5)) -> np.ndarray:
    """The film as it is looked at: bone is bright whatever the file's polarity.

    Args:
        percentiles: of the windowed film, become 0 and 1.

    Returns:
        (H, W) float32 in [0, 1]; all 0 for a constant film.
    """
    # Presentation is a function of the stored value alone, so it is computed once a value, not once a pixel.
    lowest = int(radiograph.pixels.min())
    index = radiograph.pixels.astype(np.int32) - lowest
    counts = np.bincount(index.ravel())
    values = _presented(radiograph, np.arange(len(counts)) + lowest)
    seen = counts > 0
    low, high = _weighted_percentiles(values[seen], counts[seen], percentiles)
    if high - low <= 0:
        return np.zeros(radiograph.shape, np.float32)
    return np.clip((values - low) / (high - low), 0.0, 1.0).astype(np.float32)[index]


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
