"""How the beam passes the patient: from millimetres in the body to pixels on the detector."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

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
        shift: (x, y) of the film's centre from the body's origin, mm on the detector.
    """

    position: ViewPosition
    shape: tuple[int, int]
    pitch: float
    source_distance: float
    surface: float
    rotation: float = 0.0
    tilt: float = 0.0
    shift: tuple[float, float] = (0.0, 0.0)

    def magnification(self, z: np.ndarray | float) -> np.ndarray | float:
        """Enlargement of what lies at depth `z` (mm): what is far from the detector is drawn larger."""
        to_detector = self.surface - z if self.position is ViewPosition.PA else self.surface + z
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
        """(H, W) body coordinates x and y, in mm, where each pixel's ray meets the depth `z`."""
        u, v = self._detector
        scale = 1.0 / self.magnification(z)
        return u * scale - z * np.sin(self.rotation), v * scale

    def pixels(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where body points land on the film.

        Args:
            points: (N, 3) x, y, z in mm.

        Returns:
            (N,) rows and (N,) columns, in pixels, that may lie outside the film.
        """
        x, y, z = points[:, 0], points[:, 1], points[:, 2]
        scale = self.magnification(z)
        u = (x + z * np.sin(self.rotation)) * scale - self.shift[0]
        v = y * scale - self.shift[1]
        cosine, sine = np.cos(self.tilt), np.sin(self.tilt)
        height, width = self.shape
        column = (u * cosine + v * sine) / self.pitch + (width - 1) / 2
        row = (v * cosine - u * sine) / self.pitch + (height - 1) / 2
        return row, column
