"""The soft parts of the digital thorax: how much tissue and lung lies along every ray."""

from dataclasses import dataclass

import numpy as np

from cases.phantom.patient import Patient
from cases.phantom.streams import between, chance, texture
from cases.phantom.tubes import TubeLayer, polyline
from cases.phantom.view import View


@dataclass
class Thorax:
    """Millimetres of each material along every ray, all (H, W) float64.

    Attributes:
        soft: water-like tissue, opacities included.
        vessels: blood in the lungs' vessels.
        fat: fat, which attenuates less.
        lung: aerated lung (its chord, not its mass).
        density: mass of lung per chord, relative to water.
        cortical, trabecular: bone.
        metal: electrodes and wires.
        x, y: body coordinates of each ray in the middle of the chest, mm.
    """

    soft: np.ndarray
    vessels: np.ndarray
    fat: np.ndarray
    lung: np.ndarray
    density: np.ndarray
    cortical: np.ndarray
    trabecular: np.ndarray
    metal: np.ndarray
    x: np.ndarray
    y: np.ndarray


def build_soft_tissue(patient: Patient, view: View, rng: np.random.Generator) -> Thorax:
    """Body, lungs, mediastinum, heart, diaphragm, airways, stomach bubble and breasts."""
    x, y = view.plane(0.0)
    half = patient.half_chord(x, y)
    cavity = 2 * half
    # Shares multiply, so that heart and liver blend where they overlap instead of drawing a lens.
    aerated = (1 - _mediastinum(patient, x, y)) * (1 - _heart(patient, view))
    aerated = aerated * (1 - np.minimum(_great_vessels(patient, view) / np.maximum(cavity, 1.0), 1.0))
    lung = np.maximum(cavity - patient.below_diaphragm(x, y, half), 0.0) * aerated
    inner, outer = _body(patient, view, 0.0), _body(patient, view, patient.fat)
    fat = np.maximum(outer - inner, 0.0)
    breasts = _breasts(patient, view, rng)
    gas = _stomach(patient, view, rng) + _airways(patient, view)
    marbling = texture(rng, view.shape, 64, 1.6)
    soft = (
        np.maximum(inner - lung, 0.0) * (1 + 0.012 * marbling + 0.008 * texture(rng, view.shape, 224, 0.4))
        + 0.55 * breasts
        - np.minimum(gas, 0.8 * inner)
    )
    density = patient.lung_density * (1 + 0.08 * texture(rng, view.shape, 64, 1.3))
    density = density * (1 + 0.25 * (y - patient.apex) / (patient.base - patient.apex))
    nothing = np.zeros(view.shape)
    return Thorax(
        soft=np.maximum(soft, 0.0),
        vessels=nothing.copy(),
        fat=fat + 0.45 * breasts,
        lung=lung,
        density=density,
        cortical=nothing,
        trabecular=nothing.copy(),
        metal=nothing.copy(),
        x=x,
        y=y,
    )


def ellipsoid(
    x: np.ndarray,
    y: np.ndarray,
    centre: tuple[float, float],
    axes: tuple[float, float, float],
    angle: float = 0.0,
) -> np.ndarray:
    """Chord (mm) through an ellipsoid.

    Args:
        axes: half axes along its own x, its own y and the beam, mm.
        angle: turn within the film plane, radians, clockwise on the film.
    """
    dx, dy = x - centre[0], y - centre[1]
    cosine, sine = np.cos(angle), np.sin(angle)
    q = ((dx * cosine + dy * sine) / axes[0]) ** 2 + ((dy * cosine - dx * sine) / axes[1]) ** 2
    return 2 * axes[2] * np.sqrt(np.maximum(1 - q, 0.0))


def ramp(value: np.ndarray, width: float) -> np.ndarray:
    """0 below -width, 1 above width, smooth between."""
    t = np.clip(0.5 + value / (2 * width), 0.0, 1.0)
    return t * t * (3 - 2 * t)


def _mediastinum(patient: Patient, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Share of the cavity that spine bed, oesophagus and fat fill: a band about the midline."""
    t = np.clip((y - patient.apex) / (patient.base - patient.apex), -0.3, 1.3)
    width = patient.mediastinum * (19 + 9 * np.exp(-(((t - 0.02) / 0.16) ** 2)))
    width = width + 1.8 * np.sin(17 * t + patient.scoliosis) + 1.2 * np.sin(31 * t + 2 * patient.scoliosis)
    centre = 2.0 + patient.scoliosis * np.sin(3.0 * t) + 1.5 * np.sin(9 * t + patient.scoliosis)
    return ramp(width - np.abs(x - centre), 6.0)


def heart_outline(patient: Patient) -> tuple[tuple[float, float, float, float, float], ...]:
    """The heart's chambers as (x, y, half axis, half axis, angle) in mm and radians."""
    s, floor = 1.08 * patient.stature * patient.heart, 0.5 * (patient.dome[0] + patient.dome[1])
    return (
        (36 * s, floor - 27 * s, 72 * s, 46 * s, patient.heart_tilt),
        (-2 * s, floor - 34 * s, 37 * s, 62 * s, 0.06),
        (19 * s, floor - 76 * s, 32 * s, 50 * s, -0.34),
    )


def _heart(patient: Patient, view: View) -> np.ndarray:
    """Share of the cavity that left ventricle, right atrium and outflow tract fill."""
    x, y = view.plane(28.0)
    chords = [
        ellipsoid(x, y, (cx, cy), (a, b, 1.0), angle) / 2 for cx, cy, a, b, angle in heart_outline(patient)
    ]
    return 0.93 * np.maximum.reduce([np.sqrt(chord) * 0.75 + 0.25 * chord for chord in chords])


def _great_vessels(patient: Patient, view: View) -> np.ndarray:
    """Aorta, superior vena cava and the central pulmonary arteries where they stand out into the lungs."""
    tubes, s = TubeLayer(view), patient.stature
    step = min(1.5 * view.pitch, 2.0)
    at, r = patient.level, 15.0 * s * patient.aorta
    scale = [s * (0.7 + 0.3 * patient.aorta), 1, 1]
    arch = (
        np.array(
            [
                [-12, at(0.52), 32],
                [-9, at(0.38), 30],
                [6, at(0.28), 20],
                [24, at(0.27), -8],
                [29, at(0.30), -26],
                [27, at(0.40), -40],
                [23, at(0.65), -44],
                [16, patient.dome[1] + 25, -44],
            ]
        )
        * scale
    )
    tubes.add(polyline(arch, step), r, 2.2)
    cava = np.array([[-20, at(0.08), 5], [-24, at(0.28), 12], [-25, at(0.48), 18]]) * [s, 1, 1]
    tubes.add(polyline(cava, step), 10.0 * s, 2.6)
    subclavian = np.array([[14, at(0.24), 0], [20, at(0.1), -6], [34, at(-0.02), -6]]) * [s, 1, 1]
    tubes.add(polyline(subclavian, step), 8.0 * s, 2.4)
    trunk = np.array([[12, at(0.56), 32], [26, at(0.45), 16], [37, at(0.42), -6], [46, at(0.47), -22]]) * [
        s,
        1,
        1,
    ]
    tubes.add(polyline(trunk, step), 12.0 * s, 1.8)
    right = np.array([[-14, at(0.46), 5], [-34, at(0.47), -2], [-48, at(0.55), -8], [-55, at(0.66), -16]]) * [
        s,
        1,
        1,
    ]
    tubes.add(polyline(right, step), 7.6 * s * patient.vascularity, 1.4)
    left = np.array([[42, at(0.43), -15], [53, at(0.51), -22], [60, at(0.62), -28]]) * [s, 1, 1]
    tubes.add(polyline(left, step), 7.2 * s * patient.vascularity, 1.4)
    return tubes.thickness()


def _airways(patient: Patient, view: View) -> np.ndarray:
    """Air in the trachea and the main bronchi."""
    tubes, s, at = TubeLayer(view), patient.stature, patient.level
    step = min(1.5 * view.pitch, 2.0)
    fork = at(0.37)
    lean = -2 + 0.4 * patient.scoliosis
    tubes.add(
        polyline(np.array([[0, at(-0.35), 15], [lean, at(0.05), 5], [lean - 1, fork, -8]]), step), 8.2 * s
    )
    tubes.add(
        polyline(np.array([[lean - 2, fork, -8], [-20, at(0.44), -12], [-40, at(0.53), -16]]), step), 6.0 * s
    )
    tubes.add(polyline(np.array([[lean, fork, -8], [25, at(0.45), -14], [46, at(0.51), -20]]), step), 5.4 * s)
    return 0.85 * tubes.thickness()


def _stomach(patient: Patient, view: View, rng: np.random.Generator) -> np.ndarray:
    """Gas below the left dome, often with a fluid level, and now and then in the colon."""
    x, y = view.plane(10.0)
    width, height = between(rng, 18, 46), between(rng, 8, 24)
    centre = (between(rng, 55, 92), patient.dome[1] + height + between(rng, 7, 14))
    gas = ellipsoid(x, y, centre, (width, height, between(rng, 12, 32)), between(rng, -0.2, 0.3))
    if chance(rng, 0.4):
        gas = gas * ramp(centre[1] + between(rng, -0.2, 0.7) * height - y, 1.2)
    if not chance(rng, 0.75):
        gas = gas * 0.12
    for _ in range(int(between(rng, 0, 7))):
        spot = (between(rng, -20, 125), patient.dome[1] + between(rng, 40, 110))
        gas = gas + ellipsoid(
            x, y, spot, (between(rng, 9, 20), between(rng, 7, 15), between(rng, 5, 14)), between(rng, -1, 1)
        )
    return gas


def _breasts(patient: Patient, view: View, rng: np.random.Generator) -> np.ndarray:
    """Two half ellipsoids in front of the lower lungs, fuller below."""
    if patient.breast <= 0:
        return np.zeros(view.shape)
    x, y = view.plane(0.8 * patient.half_depth + patient.wall)
    size, total = patient.breast, 0.0
    for side in (-1.0, 1.0):
        width = between(rng, 56, 68) * (0.7 + 0.4 * size)
        centre = (side * between(rng, 78, 88) * patient.stature, between(rng, 22, 50) + 26 * size)
        below = ellipsoid(x, y, centre, (width, 46 * (0.7 + 0.5 * size), 1.0)) / 2
        above = ellipsoid(x, y, centre, (width, 105.0, 1.0)) / 2
        total = total + (10 + 44 * size) * np.where(y > centre[1], below**1.1, above**1.8)
    return total


def _body(patient: Patient, view: View, fat: float) -> np.ndarray:
    """Chord through the body grown by `fat` mm: trunk, shoulders, neck and arms."""
    x, y = view.plane(-10.0)
    trunk = patient.half_width + patient.wall + fat
    depth = patient.half_depth + 0.8 * patient.wall + 10 + 0.8 * fat
    skin = _skin_line(patient, x, fat)
    below = np.maximum(y - skin, 0.0)
    shoulder = patient.shoulder + 0.6 * fat
    axilla = patient.apex + 105
    # The trunk widens into the shoulders above the arm pit.
    half = trunk + np.maximum(shoulder + 25 - trunk, 0.0) * ramp(axilla - y, 26.0)
    u = np.minimum(np.abs(x) / half, 1.0)
    taper = np.sqrt(1 - (1 - np.clip(below / 95.0, 0.0, 1.0)) ** 3)
    torso = 2 * depth * (1 - u**5) ** 0.5 * taper * (1 + 0.04 * ramp(y - patient.dome[0] - 20, 60.0))
    neck = 2 * (58 + 0.6 * fat) * np.sqrt(np.maximum(1 - (x / (59 + 0.8 * fat)) ** 2, 0.0)) * (y < skin + 60)
    body = np.maximum(torso, neck * ramp(patient.apex - 5 - y, 55.0))
    for side in (-1.0, 1.0):
        body = np.maximum(body, _arm(patient, x, y, side, 43 + 0.5 * fat))
    return body


def _skin_line(patient: Patient, x: np.ndarray, fat: float) -> np.ndarray:
    """y of the skin above the shoulders: from the neck down to the acromion."""
    t = np.clip((np.abs(x) - 45) / (patient.shoulder - 45), 0.0, 1.4)
    return patient.apex - 62 - fat + 78 * t**1.15 - 60 * np.exp(-((t / 0.16) ** 2))


def _arm(patient: Patient, x: np.ndarray, y: np.ndarray, side: float, radius: float) -> np.ndarray:
    """Chord through an upper arm that hangs from the shoulder."""
    sx, sy = side * (patient.shoulder - 14), patient.apex + 32
    dx, dy = side * np.sin(patient.arm_angle), np.cos(patient.arm_angle)
    along = np.maximum((x - sx) * dx + (y - sy) * dy, 0.0)
    away = (x - sx - along * dx) ** 2 + (y - sy - along * dy) ** 2
    return 2 * np.sqrt(np.maximum(radius**2 - away, 0.0))
