"""The lungs' inside: branching arteries, veins and bronchial walls, and the fine interstitium."""

import numpy as np

from cases.phantom.patient import SIDES, Patient
from cases.phantom.streams import texture
from cases.phantom.tubes import TubeLayer
from cases.phantom.view import View

_GENERATIONS = 8


def build_vessels(patient: Patient, view: View, rng: np.random.Generator) -> np.ndarray:
    """(H, W) mm of blood in the branching vessels of both lungs."""
    tubes = TubeLayer(view)
    step = min(1.6 * view.pitch, 2.4)
    for side in SIDES:
        for hilum, count, radius in (
            ((42.0, patient.level(0.48 - 0.04 * (side > 0)), -8.0), 14, 3.8),
            ((34.0, patient.level(0.57), 5.0), 10, 3.4),
        ):
            start = np.array([side * hilum[0], hilum[1], hilum[2]])
            _grow(patient, tubes, start, count, radius * patient.vascularity, side, step, rng)
    return tubes.thickness()


def _grow(
    patient: Patient,
    tubes: TubeLayer,
    start: np.ndarray,
    count: int,
    radius: float,
    side: float,
    step: float,
    rng: np.random.Generator,
) -> None:
    """One tree, all branches of a generation at once."""
    span = np.linspace(-1.45, 1.75, count) + 0.25 * (rng.random(count) - 0.5)
    direction = np.stack(
        [
            side * np.cos(span) * (0.75 + 0.4 * rng.random(count)),
            np.sin(span) * 1.15,
            1.3 * (rng.random(count) - 0.5),
        ],
        axis=1,
    )
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    origin = np.repeat(start[None], count, axis=0)
    radii = radius * (0.75 + 0.5 * rng.random(count)) * (1 + 0.25 * np.sin(span))
    length = np.full(count, 34.0) * (0.8 + 0.5 * rng.random(count)) * patient.stature
    for _ in range(_GENERATIONS):
        origin, direction = _lay_branches(patient, tubes, origin, direction, length, radii, step, rng)
        n = len(origin)
        turn = 0.62 * rng.standard_normal((2, n, 3)) * np.array([1.0, 1.0, 0.9])
        weight = np.array([0.55, 1.25])[:, None, None]
        child = direction[None] + weight * turn
        child /= np.linalg.norm(child, axis=2, keepdims=True)
        major = 0.80 + 0.14 * rng.random(n)
        minor = 0.50 + 0.25 * rng.random(n)
        radii = np.concatenate([radii * major, radii * minor])
        length = np.concatenate(
            [length * (0.80 + 0.1 * rng.random(n)), length * (0.65 + 0.2 * rng.random(n))]
        )
        origin, direction = np.concatenate([origin, origin]), child.reshape(-1, 3)
        keep = (radii > 0.22) & patient.in_lung(origin, 1.0)
        origin, direction, radii, length = (
            origin[keep],
            direction[keep],
            radii[keep],
            np.maximum(length[keep], 9.0),
        )


def _lay_branches(
    patient: Patient,
    tubes: TubeLayer,
    origin: np.ndarray,
    direction: np.ndarray,
    length: np.ndarray,
    radii: np.ndarray,
    step: float,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw curved, tapering branches; returns where each ends and its heading there."""
    bend = 0.28 * rng.standard_normal(direction.shape)
    pieces = max(2, int(np.ceil(float(length.max(initial=1.0)) / step)))
    t = ((np.arange(pieces) + 0.5) / pieces)[None, :, None]
    along = length[:, None, None] * t
    points = origin[:, None] + along * direction[:, None] + 0.5 * along * t * bend[:, None]
    laid = np.repeat((length / pieces)[:, None], pieces, axis=1).ravel()
    flat = points.reshape(-1, 3)
    inside = patient.in_lung(flat, 1.5)
    rung = np.repeat(np.round(np.log(np.maximum(radii, 0.2)) / 0.16).astype(np.int64), pieces)
    for value in np.unique(rung):
        chosen = inside & (rung == value)
        if chosen.any():
            tubes.add_pieces(flat[chosen], laid[chosen], float(np.exp(0.16 * value)))
    heading = direction + bend
    heading /= np.linalg.norm(heading, axis=1, keepdims=True)
    return origin + length[:, None] * (direction + 0.5 * bend), heading


def interstitium(view: View, rng: np.random.Generator) -> np.ndarray:
    """(H, W) fine relative variation of lung density, standard deviation about 1."""
    return 0.85 * texture(rng, view.shape, 224, 0.45) + 0.45 * texture(rng, view.shape, 96, 1.2)
