"""The film: stored values become brightness, a square for the model, and the way back to native pixels.

Shape letters: H W native, h w model.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from modeling.configuration import ImageProcessing
from modeling.errors import StudyError
from modeling.sentence import Sentence
from modeling.study import Photometric, Radiograph, Window


def _middle_and_width(window: Window) -> tuple[float, float]:
    """Of a window as a straight line or a sigmoid through its middle."""
    if window.function == "LINEAR":
        return window.center - 0.5, max(window.width - 1.0, 1e-6)
    return window.center, max(window.width, 1e-6)


def _windowed(values: np.ndarray, window: Window) -> np.ndarray:
    """DICOM PS3.3 C.11.2.1.2.1 and C.11.2.1.3, output range 0 to 1."""
    middle, width = _middle_and_width(window)
    if window.function == "SIGMOID":
        return 1.0 / (1.0 + np.exp(np.clip(-4.0 * (values - middle) / width, -60, 60)))
    return np.clip((values - middle) / width + 0.5, 0.0, 1.0)


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


FEWEST_SHADES = 12.0
"""Below so many effective shades (2 to the entropy of 256 levels) hardly anything of a film is left: of 641
films of four sets the fewest have 20, half have 120 to 155."""
FEWEST_LEVELS = 64
"""Of those films, none has fewer than 115 different values."""
WIDEST_GAP = 0.4
"""A film's values leave no such part of its range empty: at most 0.21 in those films."""


@dataclass(frozen=True, eq=False)
class _Levels:
    """The film with the window or look-up table that is used of it, what every stored value is presented as,
    the two presented values that end its range, and notes where that is not what its file says."""

    radiograph: Radiograph
    lowest: int
    index: np.ndarray
    presented: np.ndarray
    low: float
    high: float
    notes: tuple[Sentence, ...]


def _levels(radiograph: Radiograph, percentiles: Sequence[float]) -> _Levels:
    # Presentation is a function of the stored value alone, so it is computed once a value, not once a pixel.
    lowest = int(radiograph.pixels.min())
    index = np.subtract(radiograph.pixels, lowest, dtype=np.intp)  # what counting and taking would make of it
    counts = np.bincount(index.ravel())
    seen, stored = counts > 0, np.arange(len(counts)) + lowest
    tries = []
    for number, film in enumerate(_presentations(radiograph)):
        presented = _presented(film, stored)
        if not np.isfinite(presented[seen]).all():
            raise StudyError("The film's values are no numbers; check its rescale and window values.")
        low, high, cut = _range(presented[seen], counts[seen], percentiles)
        shades = _shades(presented[seen], counts[seen], low, high)
        tries.append((shades, number, film, presented, low, high, cut))
        if shades >= FEWEST_SHADES:
            break
    best = tries[-1] if tries[-1][0] >= max(FEWEST_SHADES, 2 * tries[0][0]) else tries[0]
    _, number, film, presented, low, high, cut = best
    notes = [_FALLBACKS[bool(radiograph.voi_lut), film.window is not None]] if number else []
    notes += [_CUT] if cut else []
    if seen.sum() < FEWEST_LEVELS and high > low:
        few = "The film has only {count} gray levels, a radiograph has hundreds; do not rely on the answer."
        notes.append(Sentence(few, count=int(seen.sum())))
    return _Levels(film, lowest, index, presented, float(low), float(high), tuple(notes))


_CUT = Sentence("Marks or padding far outside the film's own range of values were left out of that range.")
_FALLBACKS = {
    (True, True): Sentence("The file's VOI LUT leaves nothing of the film; its window was used instead."),
    (True, False): Sentence("The file's VOI LUT leaves nothing of the film; its own range was used instead."),
    (False, False): Sentence(
        "The file's WindowCenter and WindowWidth leave nothing of the film; its own range was used instead."
    ),
}
"""(whether the file has a VOI LUT, whether its window is used) -> what is said."""


def _presentations(radiograph: Radiograph) -> Iterator[Radiograph]:
    """The film as its file presents it, then without the look-up table, then without the window either."""
    yield radiograph
    if radiograph.voi_lut is not None and radiograph.window is not None:
        yield replace(radiograph, voi_lut=None)
    if radiograph.voi_lut is not None or radiograph.window is not None:
        yield replace(radiograph, voi_lut=None, window=None)


def _range(values: np.ndarray, counts: np.ndarray, percentiles: Sequence[float]) -> tuple[float, float, bool]:
    """The two percentiles, of the larger part alone where a wide gap parts marks or padding from the film."""
    low, high = _weighted_percentiles(values, counts, percentiles)
    if high <= low:
        return low, high, False
    held = np.bincount(_shade_of(values, low, high), weights=counts, minlength=256)
    used = np.flatnonzero(held > 2e-4 * counts.sum())
    gaps = np.diff(used)
    if len(gaps) == 0 or gaps.max() <= WIDEST_GAP * 255:
        return low, high, False
    middle = low + (high - low) * (used[gaps.argmax()] + gaps.max() / 2) / 255
    below = values <= middle
    part = below if counts[below].sum() >= counts[~below].sum() else ~below
    ends = _weighted_percentiles(values[part], counts[part], percentiles)
    if _shades(values[part], counts[part], *ends) < FEWEST_SHADES:
        return low, high, False
    return ends[0], ends[1], True


def _shade_of(values: np.ndarray, low: float, high: float) -> np.ndarray:
    return np.clip((values - low) * (255 / (high - low)), 0, 255).round().astype(np.int64)


def _shades(values: np.ndarray, counts: np.ndarray, low: float, high: float) -> float:
    """How many of 256 shades the film makes use of: 2 to their entropy, 1 for an even gray."""
    if high <= low:
        return 1.0
    held = np.bincount(_shade_of(values, low, high), weights=counts)
    share = held[held > 0] / counts.sum()
    return float(2 ** -(share * np.log2(share)).sum())


def brightness(radiograph: Radiograph, percentiles: Sequence[float] = (0.5, 99.5)) -> np.ndarray:
    """(H, W) float32 in [0, 1], two percentiles of the windowed film; bone is bright in any polarity."""
    return presented_film(radiograph, percentiles)[0]


def presented_film(
    radiograph: Radiograph, percentiles: Sequence[float] = (0.5, 99.5)
) -> tuple[np.ndarray, tuple[Sentence, ...]]:
    """`brightness`, and notes where that is not what the file says."""
    levels = _levels(radiograph, percentiles)
    low, high = levels.low, levels.high
    if high - low <= 0:
        return np.zeros(radiograph.shape, np.float32), levels.notes
    shades = np.clip((levels.presented - low) / (high - low), 0.0, 1.0).astype(np.float32)
    return shades.take(levels.index), levels.notes  # twice as quick as shades[levels.index]


@dataclass(frozen=True, eq=False)
class Grayscale:
    """A film for a screen that windows it itself, from (low, high) to black and white; bright is high.

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
    levels = _levels(radiograph, percentiles)
    radiograph, window = levels.radiograph, levels.radiograph.window
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
            middle, width = _middle_and_width(window)
            rescaled = (rescaled - 0.5) * width + middle
        return (rescaled - intercept) / slope

    index = last - levels.index if negative else levels.index
    values = index.astype(np.uint8 if last < 256 else np.uint16)
    seen = (value_of(levels.low), value_of(levels.high)) if levels.high > levels.low else (last, last + 1.0)
    low, high = sorted((value_of(0.0), value_of(polarity)))
    return Grayscale(values, slope, intercept, seen, None if window is None else (low, high))


def _curved(radiograph: Radiograph, levels: _Levels) -> Grayscale:
    first, span = float(levels.presented.min()), float(np.ptp(levels.presented))
    whole = radiograph.voi_lut is not None and span <= 65535
    step = 1.0 if whole or span <= 0 else span / 65535
    values = np.round((levels.presented - first) / step)
    most, sign = values.max(), -1.0 if radiograph.photometric == Photometric.MONOCHROME1 else 1.0
    low, high = (levels.low - first) / step, (levels.high - first) / step
    seen = (low, high) if high > low else (most, most + 1.0)
    values = values.astype(np.uint8 if most < 256 else np.uint16)[levels.index]
    return Grayscale(values, sign * step, sign * first, seen, None)


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


def letterboxed(
    radiograph: Radiograph, config: ImageProcessing
) -> tuple[np.ndarray, Letterbox, tuple[Sentence, ...]]:
    """The film as the model sees it: (size, size) float32 in [0, 1] with black padding, before mean and std,
    where the film lies in it, and notes where it is not presented as its file says."""
    box = Letterbox.fit(radiograph, config.size)
    square = np.zeros((config.size, config.size), np.float32)
    shown, notes = presented_film(radiograph, config.percentiles)
    box.crop(square)[:] = resampled(shown, (box.height, box.width))
    return square, box, notes


def to_native(attribution: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """(h, w) logits per model pixel, without padding -> (H, W) float32 per native pixel, of the same sum."""
    scale = (attribution.shape[0] * attribution.shape[1]) / (shape[0] * shape[1])
    return resampled(attribution, shape) * np.float32(scale)


def resampled(values: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """A map or a region's coverage (h, w) at another size: float32, antialiased, within the values' range."""
    picture = Image.fromarray(np.ascontiguousarray(values, dtype=np.float32))
    return np.asarray(picture.resize(shape[::-1], Image.Resampling.BILINEAR))
