"""Text burned into a film: a suspicion, from the look of its letters.

Letters of a print or a screen capture are flat, sharp-edged, of one height, and stand in a line. Nothing is
read: a film on which such a line is found is held back until a person has looked at it. Lead markers and
single letters (L, R) are no line. Handwriting, and letters fainter than a quarter of the film's range, are
not found.
"""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

EDGE = 1024
"""Longer side, in pixels, that larger films are reduced to."""
STEP = 56.0
"""Gray values (of 255) that a letter stands out from its surroundings."""
LETTERS = 6
"""Letters in a line from which it counts as text; measured on real films, see `tests/benchmarks/lake.py`."""
_HEIGHTS = (6, 64)
_FLAT = 22.0


@dataclass(frozen=True)
class TextLine:
    """A line of letters: where it stands, as fractions of the film, and how many letters it has."""

    top: float
    left: float
    height: float
    width: float
    letters: int


def text_lines(pixels: np.ndarray) -> list[TextLine]:
    """Lines of what looks like text in (H, W) values of any depth, bright or dark, most letters first."""
    gray = _eight_bits(pixels)
    found = _lines(gray) + _lines(255.0 - gray)
    return sorted(found, key=lambda line: -line.letters)


def without_lines(pixels: np.ndarray, lines: list[TextLine]) -> np.ndarray:
    """The film with each line painted over by the median of what surrounds it; margins of half a letter."""
    cleaned = pixels.copy()
    height, width = pixels.shape
    for line in lines:
        margin = 0.5 * line.height * height
        top, bottom = line.top * height - margin, (line.top + line.height) * height + margin
        left, right = line.left * width - 2 * margin, (line.left + line.width) * width + 2 * margin
        rows = slice(max(0, int(top)), min(height, int(np.ceil(bottom))))
        columns = slice(max(0, int(left)), min(width, int(np.ceil(right))))
        cleaned[rows, columns] = np.median(pixels[rows, columns]).astype(pixels.dtype)
    return cleaned


def _eight_bits(pixels: np.ndarray) -> np.ndarray:
    """(h, w) float32, 0 to 255, at most `EDGE` pixels a side, from the film's darkest to brightest value."""
    step = max(1, -(-max(pixels.shape) // EDGE))
    low, high = np.min(pixels), np.max(pixels)
    scale = 255.0 / max(float(high) - float(low), 1.0)
    if step == 1:
        return ((pixels - np.float32(low)) * np.float32(scale)).astype(np.float32)
    height, width = (n // step * step for n in pixels.shape)
    gray = pixels[:height:step, :width:step].astype(np.float32)
    for row in range(step):  # a mean over blocks: thin letters stay visible
        for column in range(step):
            if row or column:
                gray += pixels[row:height:step, column:width:step]
    return (gray / (step * step) - float(low)) * np.float32(scale)


def _lines(gray: np.ndarray) -> list[TextLine]:
    """Lines of letters brighter than what surrounds them."""
    surroundings = ndimage.uniform_filter(gray, 31, mode="nearest")
    labels, count = ndimage.label(gray > surroundings + STEP)
    if not count:
        return []
    boxes = ndimage.find_objects(labels)
    letters = [
        (number, box)
        for number, box in enumerate(boxes, 1)
        if _HEIGHTS[0] <= box[0].stop - box[0].start <= _HEIGHTS[1]
        and 1 <= box[1].stop - box[1].start <= 1.6 * (box[0].stop - box[0].start) + 2
    ]
    kept = [box for number, box in letters if _is_letter(gray, labels, number, box)]
    return [line for line in map(lambda row: _text_line(row, gray.shape), _rows(kept)) if line is not None]


def _is_letter(gray: np.ndarray, labels: np.ndarray, number: int, box: tuple[slice, slice]) -> bool:
    """Flat inside, and filling neither nearly nothing nor all of its box."""
    inside = labels[box] == number
    share = inside.mean()
    if not 0.12 <= share <= 0.98:
        return False
    values = gray[box][inside]
    core = values[values >= np.median(values)]
    return float(core.std()) <= _FLAT


def _rows(boxes: list[tuple[slice, slice]]) -> list[list[tuple[slice, slice]]]:
    """Boxes of like height whose middles are level and whose gaps are narrow, from left to right."""
    rows: list[list[tuple[slice, slice]]] = []
    for box in sorted(boxes, key=lambda b: b[1].start):
        height = box[0].stop - box[0].start
        middle = (box[0].stop + box[0].start) / 2
        for row in rows:
            last = row[-1]
            tall = last[0].stop - last[0].start
            level = abs((last[0].stop + last[0].start) / 2 - middle) <= 0.35 * max(tall, height)
            gap = box[1].start - last[1].stop
            if level and 0.6 <= height / tall <= 1.67 and -1 <= gap <= 2.2 * max(tall, height):
                row.append(box)
                break
        else:
            rows.append([box])
    return rows


def _text_line(row: list[tuple[slice, slice]], shape: tuple[int, int]) -> TextLine | None:
    if len(row) < LETTERS:
        return None
    heights = np.array([box[0].stop - box[0].start for box in row], float)
    if heights.std() > 0.3 * heights.mean():
        return None
    top, bottom = min(b[0].start for b in row), max(b[0].stop for b in row)
    left, right = row[0][1].start, max(b[1].stop for b in row)
    height, width = shape
    return TextLine(top / height, left / width, (bottom - top) / height, (right - left) / width, len(row))
