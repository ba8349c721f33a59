"""Ribs, vessels and catheters as tubes: material along the beam from centre lines in three dimensions."""

from collections import defaultdict

import numpy as np
from scipy import fft
from scipy.special import j1

from cases.phantom.view import View


class TubeLayer:
    """Tubes of one material, drawn together.

    Each piece of a centre line is laid down with its length in space, so that a tube seen end-on is dense
    and one across the beam is not; a uniform disc of the tube's radius, convolved along the line, is then
    exactly the chord through a round tube.
    """

    def __init__(self, view: View) -> None:
        self.view = view
        margin = int(np.ceil(24.0 / view.pitch))
        self._margin = margin
        self._padded = tuple(fft.next_fast_len(n + 2 * margin, real=True) for n in view.shape)
        self._deposits: dict[float, list[tuple[np.ndarray, np.ndarray, np.ndarray]]] = defaultdict(list)

    def add(self, points: np.ndarray, radius: float, flatness: float | np.ndarray = 1.0) -> None:
        """Lay down one tube.

        Args:
            points: (N, 3) centre line in mm, neighbours at most two pixels apart.
            radius: half its width on the film, mm before magnification.
            flatness: thickness along the beam over width: one number, or (N - 1,) one a piece.
        """
        lengths = np.sqrt(np.sum(np.diff(points, axis=0) ** 2, axis=1)) * flatness
        self.add_pieces((points[1:] + points[:-1]) / 2, lengths, radius)

    def add_pieces(self, centres: np.ndarray, lengths: np.ndarray, radius: float) -> None:
        """Lay down many short pieces of one radius: (N, 3) centres and (N,) lengths in mm."""
        row, column = self.view.pixels(centres)
        self._deposits[_rounded(radius)].append((row, column, lengths))

    def thickness(self) -> np.ndarray:
        """(H, W) mm of the material along each ray."""
        height, width = self.view.shape
        fy, fx = fft.fftfreq(self._padded[0])[:, None], fft.rfftfreq(self._padded[1])[None, :]
        frequency = np.hypot(fy, fx)
        total = np.zeros(frequency.shape, np.complex128)
        enlarged = float(self.view.magnification(0.0))
        for radius, pieces in sorted(self._deposits.items()):
            row, column, lengths = (np.concatenate(part) for part in zip(*pieces, strict=True))
            deposit = self._splat(row + self._margin, column + self._margin, lengths)
            total += fft.rfft2(deposit) * _disc_spectrum(frequency, radius * enlarged / self.view.pitch)
        # A slight smoothing keeps the sharp disc from ringing on the pixel lattice.
        total *= np.exp(-2 * (np.pi * 0.6 * frequency) ** 2)
        field = fft.irfft2(total, s=self._padded) * self.view.pitch
        margin = self._margin
        return np.maximum(field[margin : margin + height, margin : margin + width], 0.0)

    def _splat(self, row: np.ndarray, column: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """Lay weights on the padded lattice, shared between four neighbours."""
        height, width = self._padded
        inside = (row >= 0) & (column >= 0) & (row < height - 1) & (column < width - 1)
        row, column, weight = row[inside], column[inside], weight[inside] / self.view.pitch
        i, j = row.astype(np.int64), column.astype(np.int64)
        a, b = row - i, column - j
        index = np.concatenate(
            [i * width + j, i * width + j + 1, (i + 1) * width + j, (i + 1) * width + j + 1]
        )
        share = np.concatenate([(1 - a) * (1 - b), (1 - a) * b, a * (1 - b), a * b]) * np.tile(weight, 4)
        return np.bincount(index, share, minlength=height * width).reshape(height, width)


def _rounded(radius: float) -> float:
    """Radii on a 9 % ladder: few convolutions serve many branches."""
    return float(np.round(1.09 ** np.round(np.log(radius) / np.log(1.09)), 6))


def _disc_spectrum(frequency: np.ndarray, radius: float) -> np.ndarray:
    """Transform of a uniform disc of height 1 (`radius` in pixels, `frequency` in cycles a pixel)."""
    argument = 2 * np.pi * radius * frequency
    argument[0, 0] = 1.0
    spectrum = radius * j1(argument) / np.where(frequency > 0, frequency, 1.0)
    spectrum[0, 0] = np.pi * radius**2
    return spectrum


def polyline(knots: np.ndarray, step: float) -> np.ndarray:
    """A smooth centre line through a few knots.

    Args:
        knots: (K, 3) mm, K >= 2.
        step: spacing of the result, mm.

    Returns:
        (N, 3) points on the Catmull-Rom curve through the knots.
    """
    knots = np.asarray(knots, np.float64)
    padded = np.concatenate([2 * knots[:1] - knots[1:2], knots, 2 * knots[-1:] - knots[-2:-1]])
    pieces = []
    for a, b, c, d in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        count = max(2, int(np.ceil(np.sqrt(np.sum((c - b) ** 2)) / step)))
        t = (np.arange(count) / count)[:, None]
        pieces.append(
            0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
        )
    return np.concatenate([*pieces, knots[-1:]])
