"""One imaginary patient: habitus, and the analytic surfaces of thorax, lungs, diaphragm and heart."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cases.phantom.streams import between
from modeling.study import ViewPosition

SIDES = (-1.0, 1.0)
"""Sign of x: the patient's right lung, then the left."""


@dataclass(frozen=True)
class Patient:
    """Sizes in mm, angles in radians. Lengths carry `stature`, widths also `breadth`.

    Attributes:
        apex, base: y of the lung apices and of the costophrenic recess's floor.
        wall: thickness of the chest wall; fat: its outer layer.
        dome: y of the right and the left diaphragm's top (inspiration).
        heart: scale of the heart; above 1.2 its width exceeds half of the chest's.
    """

    sex: str
    age: int
    stature: float
    half_width: float
    half_depth: float
    apex: float
    base: float
    dome: tuple[float, float]
    wall: float
    fat: float
    heart: float
    heart_tilt: float
    mediastinum: float
    aorta: float
    scoliosis: float
    breast: float
    bone: float
    vascularity: float
    lung_density: float
    arm_angle: float
    shoulder: float

    def level(self, fraction: float | np.ndarray) -> float | np.ndarray:
        """y at a fraction of the lung's height: 0 at the apex, 1 at the right dome."""
        return self.apex + fraction * (self.dome[0] - self.apex)

    def dome_of(self, side: float) -> float:
        """y of the diaphragm's top on one side (sign of x)."""
        return self.dome[0 if side < 0 else 1]

    def points(self, knots: Sequence[Sequence[float]], scale: float = 1.0) -> np.ndarray:
        """(K, 3) mm from knots (x before `scale`, y as a fraction as in `level`, z)."""
        x, y, z = np.asarray(knots, np.float64).T
        return np.stack([x * scale, self.level(y), z], axis=1)

    def profile(self, y: np.ndarray) -> np.ndarray:
        """Width of a lung relative to its widest: 0 at the apex, 1 in the lower third."""
        t = (y - self.apex) / (self.base - self.apex)
        top = 1 - (1 - np.clip(t / 0.72, 0.0, 1.0)) ** 2.3
        return np.sqrt(np.maximum(top, 0.0)) * (0.9 + 0.1 * np.clip(t, 0.0, 1.0))

    def apex_centre(self, y: np.ndarray) -> np.ndarray:
        """|x| of a lung's deepest sagittal section: far from the midline at the apex, near it below."""
        t = np.clip((y - self.apex) / (0.55 * (self.base - self.apex)), 0.0, 1.0)
        return (0.32 - 0.2 * t) * self.half_width

    def wall_x(self, y: np.ndarray) -> np.ndarray:
        """|x| of the inner chest wall at height y."""
        centre = self.apex_centre(y)
        return centre + (self.half_width - centre) * self.profile(y)

    def half_chord(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Half of the thoracic cavity's depth at (x, y); 0 outside it."""
        centre = self.apex_centre(y)
        profile = self.profile(y)
        distance = np.abs(x) - centre
        reach = np.where(
            distance > 0, (self.half_width - centre) * profile, (centre + 14) * (0.25 + 0.75 * profile)
        )
        u = np.minimum(np.abs(distance) / np.maximum(reach, 1e-6), 1.0)
        # Flattened in front of the spine, rounder at the side: a superellipse of order 2.4.
        return self.half_depth * profile**0.8 * (1 - u**2.4) ** (1 / 2.2) * (y > self.apex)

    def dome_y(self, x: np.ndarray) -> np.ndarray:
        """y of the diaphragm's crest along each sagittal plane."""
        top = np.where(x < 0, self.dome[0], self.dome[1])
        offset = np.abs(x) - np.where(x < 0, 0.47, 0.50) * self.half_width
        lateral = 50.0 * np.maximum(offset / (0.5 * self.half_width), 0.0) ** 2.2
        medial = 16.0 * np.maximum(-offset / (0.5 * self.half_width), 0.0) ** 2
        return top + lateral + medial

    def below_diaphragm(self, x: np.ndarray, y: np.ndarray, half: np.ndarray) -> np.ndarray:
        """Depth of cavity (mm) that the abdomen fills: the dome falls off to the back and to the front."""
        depth = np.maximum(y - self.dome_y(x), 0.0)
        reach = 1.5 * self.half_depth * (depth / 62.0) ** 0.38
        centre = 0.22 * self.half_depth
        front, back = np.minimum(centre + reach, half), np.maximum(centre - reach, -half)
        return np.where(depth > 0, np.maximum(front - back, 0.0), 0.0)

    def in_lung(self, points: np.ndarray, margin: float = 2.0) -> np.ndarray:
        """(N,) bool: which of (N, 3) points lie inside a lung, `margin` mm from its surface."""
        x, y, z = points[:, 0], points[:, 1], points[:, 2]
        inside = np.abs(z) < self.half_chord(x, y) - margin
        offset = (z - 0.22 * self.half_depth) / self.half_depth
        return inside & (y < self.dome_y(x) + 62.0 * np.abs(offset / 1.5) ** 2.6 - margin)


def draw_patient(
    rng: np.random.Generator, *, age: int, sex: str, position: ViewPosition, cardiomegaly: bool
) -> Patient:
    """Draw a habitus that fits age, sex and how the film was taken."""
    male = sex == "male"
    stature = between(rng, 0.95, 1.08) if male else between(rng, 0.88, 1.0)
    supine = position is ViewPosition.AP
    height = stature * (between(rng, 178, 220) if supine else between(rng, 205, 246))
    obesity = between(rng, 0.0, 1.0) ** 1.6
    apex = -0.52 * height
    right_dome = apex + height
    return Patient(
        sex=sex,
        age=age,
        stature=stature,
        half_width=stature * between(rng, 132, 152) * (1.03 if male else 0.98),
        half_depth=stature * between(rng, 78, 96),
        apex=apex,
        base=right_dome + 62 * stature,
        dome=(right_dome, right_dome + between(rng, 2, 18)),
        wall=between(rng, 24, 34) + 22 * obesity,
        fat=6 + 34 * obesity + (4 if not male else 0),
        heart=between(rng, 1.24, 1.42) if cardiomegaly else between(rng, 0.88, 1.02),
        heart_tilt=between(rng, 0.5, 0.8) - (0.1 if supine else 0.0),
        mediastinum=between(rng, 0.9, 1.1) * (1.15 if supine else 1.0),
        aorta=between(rng, 0.85, 1.05) + 0.006 * max(0, age - 45),
        scoliosis=between(rng, -1, 1) * 7,
        breast=0.0 if male or age < 14 else between(rng, 0.35, 1.0),
        bone=between(rng, 0.85, 1.15) * (1 - 0.004 * max(0, age - 50)),
        vascularity=between(rng, 0.95, 1.25) * (1.1 if supine else 1.0),
        lung_density=between(rng, 0.15, 0.23) * (1.25 if supine else 1.0),
        arm_angle=between(rng, 0.15, 0.75) if not supine else between(rng, 0.05, 0.4),
        shoulder=stature * between(rng, 186, 206) * (1.04 if male else 0.96),
    )
