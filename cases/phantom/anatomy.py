"""The soft parts of the digital thorax: how much tissue, lung and blood lies along every ray."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cases.phantom.patient import SIDES, Patient
from cases.phantom.projection import TubeLayer, View
from cases.phantom.streams import between, chance, texture

_VESSELS = json.loads(Path(__file__).with_name("vessels.json").read_text(encoding="utf-8"))
"""Knots as `Patient.points` takes them ("arch": the aorta's, which goes on to the diaphragm), radius in mm
before stature, and flatness; the lungs' arteries grow with vascularity. "hila": where a lung's arteries and
veins begin, how much higher on the left, how many, and their radius in mm."""
_GENERATIONS = 8
Point = tuple[float, float]


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
    chords = heart_chords(patient, view)
    heart = 0.93 * np.maximum.reduce([np.sqrt(chord) * 0.75 + 0.25 * chord for chord in chords])
    # Shares multiply, so that heart and liver blend where they overlap instead of drawing a lens.
    aerated = (1 - mediastinum_share(patient, x, y)) * (1 - heart)
    aerated = aerated * (1 - np.minimum(great_vessels(patient, view) / np.maximum(cavity, 1.0), 1.0))
    lung = np.maximum(cavity - patient.below_diaphragm(x, y, half), 0.0) * aerated
    inner, outer = _body(patient, view, 0.0), _body(patient, view, patient.fat)
    fat = np.maximum(outer - inner, 0.0)
    breasts = _breasts(patient, view, rng)
    gas = _stomach(patient, view, rng) + airways(patient, view)
    marbling = texture(rng, view.shape, 64, 1.6)
    marbled = 1 + 0.012 * marbling + 0.008 * texture(rng, view.shape, 224, 0.4)
    soft = np.maximum(inner - lung, 0.0) * marbled + 0.55 * breasts - np.minimum(gas, 0.8 * inner)
    density = patient.lung_density * (1 + 0.08 * texture(rng, view.shape, 64, 1.3))
    density = density * (1 + 0.25 * (y - patient.apex) / (patient.base - patient.apex))
    empty = {name: np.zeros(view.shape) for name in ("vessels", "cortical", "trabecular", "metal")}
    fat = fat + 0.45 * breasts
    return Thorax(soft=np.maximum(soft, 0.0), fat=fat, lung=lung, density=density, x=x, y=y, **empty)


def ellipsoid(
    x: np.ndarray, y: np.ndarray, centre: Point, axes: tuple[float, float, float], angle: float = 0.0
) -> np.ndarray:
    """Chord (mm) through an ellipsoid of half axes along its own x, its own y and the beam (mm).

    `angle` turns it within the film plane, in radians, clockwise on the film.
    """
    dx, dy = x - centre[0], y - centre[1]
    cosine, sine = np.cos(angle), np.sin(angle)
    q = ((dx * cosine + dy * sine) / axes[0]) ** 2 + ((dy * cosine - dx * sine) / axes[1]) ** 2
    return 2 * axes[2] * np.sqrt(np.maximum(1 - q, 0.0))


def ramp(value: np.ndarray, width: float) -> np.ndarray:
    """0 below -width, 1 above width, smooth between."""
    t = np.clip(0.5 + value / (2 * width), 0.0, 1.0)
    return t * t * (3 - 2 * t)


def mediastinum_share(patient: Patient, x: np.ndarray | float, y: np.ndarray) -> np.ndarray:
    """Share of the cavity that spine bed, oesophagus and fat fill: a band about the midline."""
    t = np.clip((y - patient.apex) / (patient.base - patient.apex), -0.3, 1.3)
    width = patient.mediastinum * (19 + 9 * np.exp(-(((t - 0.02) / 0.16) ** 2)))
    width = width + 1.8 * np.sin(17 * t + patient.scoliosis) + 1.2 * np.sin(31 * t + 2 * patient.scoliosis)
    centre = 2.0 + patient.scoliosis * np.sin(3.0 * t) + 1.5 * np.sin(9 * t + patient.scoliosis)
    return ramp(width - np.abs(x - centre), 6.0)


def heart_chambers(patient: Patient) -> list[tuple[Point, Point, float]]:
    """Left ventricle, right atrium and outflow tract: centre (x, y) and half axes in mm, and angle."""
    s, floor = 1.08 * patient.stature * patient.heart, 0.5 * (patient.dome[0] + patient.dome[1])
    return [
        ((36 * s, floor - 27 * s), (72 * s, 46 * s), patient.heart_tilt),
        ((-2 * s, floor - 34 * s), (37 * s, 62 * s), 0.06),
        ((19 * s, floor - 76 * s), (32 * s, 50 * s), -0.34),
    ]


def heart_chords(patient: Patient, view: View) -> list[np.ndarray]:
    """The heart's chambers as ellipsoids, (H, W) 0 to 1 each."""
    x, y = view.plane(28.0)
    chambers = heart_chambers(patient)
    return [ellipsoid(x, y, centre, (*axes, 1.0), angle) / 2 for centre, axes, angle in chambers]


def great_vessels(patient: Patient, view: View) -> np.ndarray:
    """Aorta, superior vena cava and the central pulmonary arteries where they stand out into the lungs."""
    tubes, s = TubeLayer(view), patient.stature
    width = s * (0.7 + 0.3 * patient.aorta)
    end = [[16 * width, patient.dome[1] + 25, -44]]
    tubes.draw(np.concatenate([patient.points(_VESSELS["arch"], width), end]), 15.0 * s * patient.aorta, 2.2)
    for knots, radius, flatness in _VESSELS["great vessels"]:
        tubes.draw(patient.points(knots, s), radius * s, flatness)
    for knots, radius, flatness in _VESSELS["lung arteries"]:
        tubes.draw(patient.points(knots, s), radius * s * patient.vascularity, flatness)
    return tubes.thickness()


def airways(patient: Patient, view: View) -> np.ndarray:
    """Air in the trachea and the main bronchi."""
    tubes, lean = TubeLayer(view), -2 + 0.4 * patient.scoliosis
    for knots, radius in (
        ([(0, -0.35, 15), (lean, 0.05, 5), (lean - 1, 0.37, -8)], 8.2),
        ([(lean - 2, 0.37, -8), (-20, 0.44, -12), (-40, 0.53, -16)], 6.0),
        ([(lean, 0.37, -8), (25, 0.45, -14), (46, 0.51, -20)], 5.4),
    ):
        tubes.draw(patient.points(knots), radius * patient.stature)
    return 0.85 * tubes.thickness()


def draw_bubble(patient: Patient, rng: np.random.Generator) -> tuple[Point, tuple[float, float, float]]:
    """Centre (x, y) and half axes (x, y, z) in mm of the gas in the stomach."""
    width, height = between(rng, 18, 46), between(rng, 8, 24)
    centre = (between(rng, 55, 92), patient.dome[1] + height + between(rng, 7, 14))
    return centre, (width, height, between(rng, 12, 32))


def _stomach(patient: Patient, view: View, rng: np.random.Generator) -> np.ndarray:
    """Gas below the left dome, often with a fluid level, and now and then in the colon."""
    x, y = view.plane(10.0)
    centre, axes = draw_bubble(patient, rng)
    gas = ellipsoid(x, y, centre, axes, between(rng, -0.2, 0.3))
    if chance(rng, 0.4):
        gas = gas * ramp(centre[1] + between(rng, -0.2, 0.7) * axes[1] - y, 1.2)
    if not chance(rng, 0.75):
        gas = gas * 0.12
    for _ in range(int(between(rng, 0, 7))):
        spot = (between(rng, -20, 125), patient.dome[1] + between(rng, 40, 110))
        axes = (between(rng, 9, 20), between(rng, 7, 15), between(rng, 5, 14))
        gas = gas + ellipsoid(x, y, spot, axes, between(rng, -1, 1))
    return gas


def draw_breasts(patient: Patient, rng: np.random.Generator) -> list[tuple[float, Point]]:
    """Half width of each and its centre (x, y), mm; none of a man."""
    shapes = []
    for side in SIDES if patient.breast > 0 else ():
        width = between(rng, 56, 68) * (0.7 + 0.4 * patient.breast)
        centre = (side * between(rng, 78, 88) * patient.stature, between(rng, 22, 50) + 26 * patient.breast)
        shapes.append((width, centre))
    return shapes


def _breasts(patient: Patient, view: View, rng: np.random.Generator) -> np.ndarray:
    """Two half ellipsoids in front of the lower lungs, fuller below."""
    x, y = view.plane(0.8 * patient.half_depth + patient.wall)
    size, total = patient.breast, np.zeros(view.shape)
    for width, centre in draw_breasts(patient, rng):
        below = ellipsoid(x, y, centre, (width, 46 * (0.7 + 0.5 * size), 1.0)) / 2
        above = ellipsoid(x, y, centre, (width, 105.0, 1.0)) / 2
        total = total + (10 + 44 * size) * np.where(y > centre[1], below**1.1, above**1.8)
    return total


def _body(patient: Patient, view: View, fat: float) -> np.ndarray:
    """Chord through the body grown by `fat` mm: trunk, shoulders, neck and arms."""
    x, y = view.plane(-10.0)
    body = trunk_chord(patient, x, y, fat)
    for side in (-1.0, 1.0):
        body = np.maximum(body, _arm(patient, x, y, side, 43 + 0.5 * fat))
    return body


def trunk_chord(patient: Patient, x: np.ndarray | float, y: np.ndarray, fat: float) -> np.ndarray:
    """Depth (mm, from front to back) at (x, y) of the body grown by `fat` mm, without its arms."""
    trunk = patient.half_width + patient.wall + fat
    depth = patient.half_depth + 0.8 * patient.wall + 10 + 0.8 * fat
    t = np.clip((np.abs(x) - 45) / (patient.shoulder - 45), 0.0, 1.4)
    # The skin above the shoulders runs from the neck down to the acromion.
    skin = patient.apex - 62 - fat + 78 * t**1.15 - 60 * np.exp(-((t / 0.16) ** 2))
    below = np.maximum(y - skin, 0.0)
    shoulder = patient.shoulder + 0.6 * fat
    axilla = patient.apex + 105
    # The trunk widens into the shoulders above the arm pit.
    half = trunk + np.maximum(shoulder + 25 - trunk, 0.0) * ramp(axilla - y, 26.0)
    u = np.minimum(np.abs(x) / half, 1.0)
    taper = np.sqrt(1 - (1 - np.clip(below / 95.0, 0.0, 1.0)) ** 3)
    torso = 2 * depth * (1 - u**5) ** 0.5 * taper * (1 + 0.04 * ramp(y - patient.dome[0] - 20, 60.0))
    neck = 2 * (58 + 0.6 * fat) * np.sqrt(np.maximum(1 - (x / (59 + 0.8 * fat)) ** 2, 0.0)) * (y < skin + 60)
    return np.maximum(torso, neck * ramp(patient.apex - 5 - y, 55.0))


def _arm(patient: Patient, x: np.ndarray, y: np.ndarray, side: float, radius: float) -> np.ndarray:
    """Chord through an upper arm that hangs from the shoulder."""
    sx, sy = side * (patient.shoulder - 14), patient.apex + 32
    dx, dy = side * np.sin(patient.arm_angle), np.cos(patient.arm_angle)
    along = np.maximum((x - sx) * dx + (y - sy) * dy, 0.0)
    away = (x - sx - along * dx) ** 2 + (y - sy - along * dy) ** 2
    return 2 * np.sqrt(np.maximum(radius**2 - away, 0.0))


@dataclass
class _Branches:
    """Vessels of one generation: (N, 3) origins and headings, (N,) lengths and radii in mm."""

    origin: np.ndarray
    heading: np.ndarray
    length: np.ndarray
    radii: np.ndarray


def build_vessels(patient: Patient, view: View, rng: np.random.Generator) -> np.ndarray:
    """(H, W) mm of blood in the branching vessels of both lungs."""
    tubes = TubeLayer(view, min(1.6 * view.pitch, 2.4))
    for side in SIDES:
        for (x, level, z), lift, count, radius in _VESSELS["hila"]:
            hilum = np.array([side * x, patient.level(level - lift * (side > 0)), z])
            branches = _trunks(patient, hilum, count, radius * patient.vascularity, side, rng)
            for _ in range(_GENERATIONS):  # all branches of a generation at once
                branches = _forked(patient, _laid(patient, tubes, branches, rng), rng)
    return tubes.thickness()


def _trunks(
    patient: Patient, hilum: np.ndarray, count: int, radius: float, side: float, rng: np.random.Generator
) -> _Branches:
    """The first vessels of one tree, spread like a fan."""
    span = np.linspace(-1.45, 1.75, count) + 0.25 * (rng.random(count) - 0.5)
    across = side * np.cos(span) * (0.75 + 0.4 * rng.random(count))
    heading = np.stack([across, np.sin(span) * 1.15, 1.3 * (rng.random(count) - 0.5)], axis=1)
    heading /= np.linalg.norm(heading, axis=1, keepdims=True)
    radii = radius * (0.75 + 0.5 * rng.random(count)) * (1 + 0.25 * np.sin(span))
    length = np.full(count, 34.0) * (0.8 + 0.5 * rng.random(count)) * patient.stature
    return _Branches(np.repeat(hilum[None], count, axis=0), heading, length, radii)


def _forked(patient: Patient, ends: _Branches, rng: np.random.Generator) -> _Branches:
    """A greater and a lesser branch from the end of each; those that leave the lung or grow too thin go."""
    n = len(ends.origin)
    turn = 0.62 * rng.standard_normal((2, n, 3)) * np.array([1.0, 1.0, 0.9])
    heading = ends.heading[None] + np.array([0.55, 1.25])[:, None, None] * turn
    heading /= np.linalg.norm(heading, axis=2, keepdims=True)
    width = np.stack([0.80 + 0.14 * rng.random(n), 0.50 + 0.25 * rng.random(n)])
    share = np.stack([0.80 + 0.1 * rng.random(n), 0.65 + 0.2 * rng.random(n)])
    radii, length = (ends.radii * width).ravel(), (ends.length * share).ravel()
    origin = np.concatenate([ends.origin, ends.origin])
    keep = (radii > 0.22) & patient.in_lung(origin, 1.0)
    return _Branches(origin[keep], heading.reshape(-1, 3)[keep], np.maximum(length[keep], 9.0), radii[keep])


def _laid(patient: Patient, tubes: TubeLayer, branches: _Branches, rng: np.random.Generator) -> _Branches:
    """Draw curved, tapering branches; returns where each ends and its heading there."""
    length, radii = branches.length, branches.radii
    bend = 0.28 * rng.standard_normal(branches.heading.shape)
    pieces = max(2, int(np.ceil(float(length.max(initial=1.0)) / tubes.step)))
    t = ((np.arange(pieces) + 0.5) / pieces)[None, :, None]
    along = length[:, None, None] * t
    points = branches.origin[:, None] + along * branches.heading[:, None] + 0.5 * along * t * bend[:, None]
    points, lengths = points.reshape(-1, 3), np.repeat(length / pieces, pieces)
    inside = patient.in_lung(points, 1.5)
    rung = np.repeat(np.round(np.log(np.maximum(radii, 0.2)) / 0.16).astype(np.int64), pieces)
    for value in np.unique(rung):
        chosen = inside & (rung == value)
        if chosen.any():
            tubes.add_pieces(points[chosen], lengths[chosen], float(np.exp(0.16 * value)))
    end = branches.origin + length[:, None] * (branches.heading + 0.5 * bend)
    heading = branches.heading + bend
    heading /= np.linalg.norm(heading, axis=1, keepdims=True)
    return _Branches(end, heading, length, radii)
