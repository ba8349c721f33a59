"""The digital thorax from the side: the same surfaces, cut into sagittal slices and summed along the beam."""

from dataclasses import dataclass

import numpy as np

from cases.phantom import skeleton
from cases.phantom.anatomy import (
    Thorax,
    airways,
    build_vessels,
    draw_breasts,
    draw_bubble,
    ellipsoid,
    great_vessels,
    heart_chambers,
    mediastinum_share,
    ramp,
    trunk_chord,
)
from cases.phantom.patient import Patient
from cases.phantom.projection import View
from cases.phantom.streams import stream, texture

_SLICES = 44
"""Sagittal slices through both lungs; what lies beside them is cut twice as coarsely."""
_CHAMBER_DEPTHS = ((8.0, 41.0), (20.0, 36.0), (40.0, 35.0))
"""Middle and half depth (mm, z) of left ventricle, right atrium and outflow tract."""


@dataclass(frozen=True)
class _Slice:
    """One sagittal slice: the z of every column and the y of every row of the film, in mm.

    Attributes:
        x, width: its middle and its thickness in mm.
        z: (1, W); y: (H, 1).
        pixel: mm a pixel stands for, below which no edge is sharp.
    """

    x: float
    width: float
    z: np.ndarray
    y: np.ndarray
    pixel: float

    def between(self, back: np.ndarray, front: np.ndarray, blur: np.ndarray | float = 0.0) -> np.ndarray:
        """(H, W) share 0 to 1 of each pixel that lies between two surfaces z (H, 1), which move by `blur`."""
        edge = np.maximum(blur, self.pixel)
        return np.clip(0.5 + np.minimum(self.z - back, front - self.z) / edge, 0.0, 1.0) * (front > back)


def _slices(view: View, reach: float, count: int) -> list[_Slice]:
    width = 2 * reach / count
    made = []
    for x in (np.arange(count) + 0.5) * width - reach:
        across, y = view.plane(float(x))
        made.append(_Slice(float(x), width, -across[:1], y[:, :1], view.pitch))
    return made


def build_lateral(patient: Patient, view: View, seed: int) -> Thorax:
    """Everything along the rays of a lateral film; `seed` is the patient's, as on the frontal film.

    Returned is the healthy thorax. Its `x` holds z in mm, the depth of a frontal film. The beam passes across
    the raised arms' shoulders only: no arm hangs beside the chest.
    """
    assert view.lateral and view.tilt == 0.0, "rows of a lateral film are level"
    grain = stream(seed, "texture")
    breasts, bubble = draw_breasts(patient, grain), draw_bubble(patient, grain)
    lung = _lungs(patient, view)
    inner, outer = _trunk(patient, view)
    across, y = view.plane(0.0)
    lung = np.maximum(lung - 0.5 * np.minimum(great_vessels(patient, view), lung), 0.0)
    bosom, gas = _bosom(patient, view, breasts), _bubble(view, *bubble) + airways(patient, view)
    marbled = 1 + 0.012 * texture(grain, view.shape, 64, 1.6)
    soft = np.maximum(inner - lung, 0.0) * marbled + 0.55 * bosom - np.minimum(gas, 0.8 * inner)
    interstitium = 0.85 * texture(grain, view.shape, 224, 0.45) + 0.45 * texture(grain, view.shape, 96, 1.2)
    depth = (y - patient.apex) / (patient.base - patient.apex)
    density = patient.lung_density * (1 + 0.25 * depth) * (1 + 0.07 * interstitium)
    cortical, trabecular = skeleton.build_lateral(patient, view.unbreathed, stream(seed, "patient"))
    vessels = np.minimum(build_vessels(patient, view, stream(seed, "vessels")), 0.6 * lung)
    return Thorax(
        soft=np.maximum(soft, 0.0),
        vessels=vessels,
        fat=np.maximum(outer - inner, 0.0) + 0.45 * bosom,
        lung=lung,
        density=density,
        cortical=cortical,
        trabecular=trabecular,
        metal=np.zeros(view.shape),
        x=-across,
        y=y,
    )


def abdomen(patient: Patient, thorax: Thorax) -> np.ndarray:
    """(H, W) bool: rays through what lies just below the diaphragm, the brightest soft tissue of the film."""
    below = thorax.y - patient.dome[0]
    return (np.abs(thorax.x) < 45) & (below > 22) & (below < 60)


def _lungs(patient: Patient, view: View) -> np.ndarray:
    """(H, W) mm of aerated lung: the cavity without diaphragm, heart and mediastinum."""
    total = np.zeros(view.shape)
    for cut in _slices(view, patient.half_width, _SLICES):
        edges = [patient.half_chord(np.float64(cut.x + sign * cut.width / 2), cut.y) for sign in (-1, 1)]
        half, moved = (edges[0] + edges[1]) / 2, np.abs(edges[1] - edges[0])
        air = cut.between(-half, half, moved) * _above_diaphragm(patient, cut)
        if -45 * patient.heart < cut.x < 115 * patient.heart:
            air *= 1 - _heart(patient, cut)
        if abs(cut.x) < 50:
            air *= 1 - mediastinum_share(patient, cut.x, cut.y) * _mediastinal_depth(patient, cut)
        total += cut.width * air
    return total


def _above_diaphragm(patient: Patient, cut: _Slice) -> np.ndarray:
    """The dome falls off to the back and less to the front, as `Patient.in_lung` has it."""
    x = np.array([cut.x - cut.width / 2, cut.x + cut.width / 2])
    low, high = patient.dome_y(x)
    offset = (cut.z - 0.22 * patient.half_depth) / (1.5 * patient.half_depth)
    surface = 0.5 * (low + high) + 62.0 * np.abs(offset) ** 2.6
    return np.clip(0.5 + (surface - cut.y) / max(abs(high - low), cut.pixel), 0.0, 1.0)


def _heart(patient: Patient, cut: _Slice) -> np.ndarray:
    inside, scale = np.zeros((len(cut.y), cut.z.shape[1])), patient.stature * patient.heart
    for (centre, axes, angle), (z, depth) in zip(heart_chambers(patient), _CHAMBER_DEPTHS, strict=True):
        half = ellipsoid(np.float64(cut.x), cut.y, centre, (*axes, depth * scale), angle) / 2
        inside = np.maximum(inside, cut.between(z - half, z + half, 5.0))
    return inside


def _mediastinal_depth(patient: Patient, cut: _Slice) -> np.ndarray:
    """From the spine to the great vessels; behind the breastbone both lungs almost meet."""
    t = np.clip((cut.y - patient.apex) / (patient.base - patient.apex), -0.3, 1.3)
    front = 22 + 30 * ramp(0.12 - t, 0.12) + 22 * ramp(t - 0.62, 0.2)
    return cut.between(np.full_like(front, -patient.half_depth), front, 8.0)


def _trunk(patient: Patient, view: View) -> tuple[np.ndarray, np.ndarray]:
    """(H, W) mm across the body without and with its outer fat."""
    inner, outer = np.zeros(view.shape), np.zeros(view.shape)
    # Arms are raised, so that the shoulders' muscles lie above the film; what is left narrows to the neck.
    for cut in _slices(view, patient.half_width + patient.wall + patient.fat, _SLICES // 2):
        narrowed = 0.70 + 0.30 * ramp(cut.y - patient.apex - 30, 110.0)
        for total, fat in ((inner, 0.0), (outer, patient.fat)):
            half = narrowed * trunk_chord(patient, np.float64(cut.x), cut.y, fat) / 2
            total += cut.width * cut.between(-10 - half, -10 + half, 6.0)
    return inner, outer


def _bosom(patient: Patient, view: View, breasts: list) -> np.ndarray:
    """(H, W) mm across both breasts before the chest wall, fuller below."""
    total, size = np.zeros(view.shape), patient.breast
    wall = patient.half_depth + 0.6 * patient.wall
    for width, (x, y) in breasts:
        across, rows = view.plane(x)
        below = ellipsoid(across, rows, (-wall, y), (26 + 34 * size, 46 * (0.7 + 0.5 * size), 1.0)) / 2
        above = ellipsoid(across, rows, (-wall, y), (26 + 34 * size, 105.0, 1.0)) / 2
        total += 1.2 * width * np.where(rows > y, below**1.4, above**2.6) * ramp(-across - wall - 8, 22.0)
    return total


def _bubble(view: View, centre: tuple[float, float], axes: tuple[float, float, float]) -> np.ndarray:
    across, y = view.plane(centre[0])
    return 0.6 * ellipsoid(across, y, (-10.0, centre[1]), (axes[2], axes[1], axes[0]))
