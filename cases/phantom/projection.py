"""From millimetres in the body to the film: the beam's geometry, and ribs, vessels and catheters as tubes."""

from collections import defaultdict
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy import fft
from scipy.special import j1

from modeling.study import ViewPosition


@dataclass(frozen=True)
class View:
    """One exposure's geometry.

    Body axes in mm: x to the patient's left (right on the film), y towards the feet, z to the front; the
    origin is in the midline at mid-lung height.

    Attributes:
        shape: (H, W) of the film in pixels.
        pitch: detector millimetres a pixel.
        source_distance: focus to detector, mm.
        surface: depth of the body's surface on the detector, mm from the origin.
        rotation: of the patient about the long axis, radians.
        tilt: of the film in its own plane, radians.
        shift: (across, y) of the film's centre from the body's origin, mm on the detector.
        breath: how much longer the lungs are than at the usual inspiration, about `apex` (y, mm): what moves
            with the diaphragm is described at the usual one and stretched on its way to the film.

    A lateral film is a left one: the left side lies against the detector, so depth is x, and the patient
    looks to the film's left. "Across" is x on a frontal film and -z on a lateral one.
    """

    position: ViewPosition
    shape: tuple[int, int]
    pitch: float
    source_distance: float
    surface: float
    rotation: float = 0.0
    tilt: float = 0.0
    shift: tuple[float, float] = (0.0, 0.0)
    breath: float = 1.0
    apex: float = 0.0

    @property
    def lateral(self) -> bool:
        """Whether the beam passes from side to side."""
        return self.position is ViewPosition.LATERAL

    @property
    def unbreathed(self) -> "View":
        """The same exposure at the usual inspiration: for what does not move with the diaphragm."""
        return self if self.breath == 1.0 else replace(self, breath=1.0)

    def magnification(self, z: np.ndarray | float) -> np.ndarray | float:
        """Enlargement of what lies at depth `z` (mm): what is far from the detector is drawn larger."""
        to_detector = self.surface + z if self.position is ViewPosition.AP else self.surface - z
        return self.source_distance / (self.source_distance - to_detector)

    @cached_property
    def _detector(self) -> tuple[np.ndarray, np.ndarray]:
        """(H, W) detector coordinates in mm of every pixel's centre."""
        height, width = self.shape
        x = (np.arange(width) - (width - 1) / 2)[None, :] * self.pitch
        y = (np.arange(height) - (height - 1) / 2)[:, None] * self.pitch
        cosine, sine = np.cos(self.tilt), np.sin(self.tilt)
        return x * cosine - y * sine + self.shift[0], x * sine + y * cosine + self.shift[1]

    def plane(self, z: float) -> tuple[np.ndarray, np.ndarray]:
        """(H, W) body coordinates across and y, in mm, where each pixel's ray meets the depth `z`."""
        u, v = self._detector
        scale = 1.0 / self.magnification(z)
        y = v * scale
        if self.breath != 1.0:
            y = self.apex + (y - self.apex) / self.breath
        return u * scale - z * np.sin(self.rotation), y

    def pixels(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(N,) rows and columns, perhaps outside the film, where body points (N, 3) in mm land on it."""
        x, y, z = points[:, 0], points[:, 1], points[:, 2]
        if self.lateral:
            x, z = -z, x
        if self.breath != 1.0:
            y = self.apex + (y - self.apex) * self.breath
        scale = self.magnification(z)
        u = (x + z * np.sin(self.rotation)) * scale - self.shift[0]
        v = y * scale - self.shift[1]
        cosine, sine = np.cos(self.tilt), np.sin(self.tilt)
        height, width = self.shape
        column = (u * cosine + v * sine) / self.pitch + (width - 1) / 2
        return (v * cosine - u * sine) / self.pitch + (height - 1) / 2, column


class TubeLayer:
    """Tubes of one material, drawn together.

    Each piece of a centre line is laid down with its length in space, so that a tube seen end-on is dense
    and one across the beam is not; a uniform disc of the tube's radius, convolved along the line, is then
    exactly the chord through a round tube.

    Args:
        step: spacing of centre lines that are drawn through knots, mm; a pixel and a half where not given.
    """

    def __init__(self, view: View, step: float | None = None) -> None:
        self.view, self.step = view, step or min(1.5 * view.pitch, 2.0)
        self._margin = int(np.ceil(24.0 / view.pitch))
        self._padded = tuple(fft.next_fast_len(n + 2 * self._margin, real=True) for n in view.shape)
        self._deposits: dict[float, list[tuple[np.ndarray, np.ndarray, np.ndarray]]] = defaultdict(list)

    def draw(self, knots: np.ndarray | list, radius: float, flatness: float = 1.0) -> None:
        """Lay down a smooth tube through (K, 3) knots in mm."""
        self.add(polyline(knots, self.step), radius, flatness)

    def add(self, points: np.ndarray, radius: float, flatness: float | np.ndarray = 1.0) -> None:
        """Lay down one tube along an (N, 3) centre line in mm, neighbours at most two pixels apart.

        `radius` is half its width on the film, mm before magnification; `flatness` its thickness along the
        beam over width: one number, or (N - 1,) one a piece.
        """
        lengths = np.sqrt(np.sum(np.diff(points, axis=0) ** 2, axis=1)) * flatness
        self.add_pieces((points[1:] + points[:-1]) / 2, lengths, radius)

    def add_pieces(self, centres: np.ndarray, lengths: np.ndarray, radius: float) -> None:
        """Lay down many short pieces of one radius: (N, 3) centres and (N,) lengths in mm."""
        # Radii stand on a 9 % ladder: few convolutions serve many branches.
        rounded = float(np.round(1.09 ** np.round(np.log(radius) / np.log(1.09)), 6))
        self._deposits[rounded].append((*self.view.pixels(centres), lengths))

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
        corner = i * width + j
        index = np.concatenate([corner, corner + 1, corner + width, corner + width + 1])
        share = np.concatenate([(1 - a) * (1 - b), (1 - a) * b, a * (1 - b), a * b]) * np.tile(weight, 4)
        return np.bincount(index, share, minlength=height * width).reshape(height, width)


def _disc_spectrum(frequency: np.ndarray, radius: float) -> np.ndarray:
    """Transform of a uniform disc of height 1 (`radius` in pixels, `frequency` in cycles a pixel)."""
    argument = 2 * np.pi * radius * frequency
    argument[0, 0] = 1.0
    spectrum = radius * j1(argument) / np.where(frequency > 0, frequency, 1.0)
    spectrum[0, 0] = np.pi * radius**2
    return spectrum


def polyline(knots: np.ndarray | list, step: float) -> np.ndarray:
    """(N, 3) points, `step` mm apart, on the Catmull-Rom curve through (K, 3) knots in mm, K >= 2."""
    knots = np.asarray(knots, np.float64)
    padded = np.concatenate([2 * knots[:1] - knots[1:2], knots, 2 * knots[-1:] - knots[-2:-1]])
    pieces = []
    for a, b, c, d in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        count = max(2, int(np.ceil(np.sqrt(np.sum((c - b) ** 2)) / step)))
        t = (np.arange(count) / count)[:, None]
        square, cube = 2 * a - 5 * b + 4 * c - d, 3 * b - a - 3 * c + d
        pieces.append(0.5 * (2 * b + (c - a) * t + square * t**2 + cube * t**3))
    return np.concatenate([*pieces, knots[-1:]])
