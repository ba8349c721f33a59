"""Things on a film besides the patient: leads, tubes, side markers and the collimator's border."""

import json
from pathlib import Path

import numpy as np
from scipy import ndimage

from cases.phantom.patient import Patient
from cases.phantom.projection import TubeLayer, View
from cases.phantom.streams import between, chance, pick
from modeling.study import ViewPosition

_GLYPHS = json.loads(Path(__file__).with_name("glyphs.json").read_text(encoding="utf-8"))
"""Letter -> its seven rows of five dots."""


def draw_devices(
    patient: Patient, view: View, rng: np.random.Generator
) -> tuple[np.ndarray, tuple[str, ...]]:
    """(H, W) mm of metal or dense plastic, and what it is of: electrodes with wires, a breathing tube, a
    central line, these with their side."""
    named: list[str] = []
    tubes = TubeLayer(view, min(1.2 * view.pitch, 1.5))
    bedside = view.position is ViewPosition.AP
    if chance(rng, 0.55 if bedside else 0.06):
        for _ in range(int(rng.integers(2, 5))):
            named.append(f"electrode, {_electrode(patient, tubes, rng)}")
    if bedside and chance(rng, 0.25):
        tip = between(rng, 0.2, 0.32)
        named.append("breathing tube")
        tubes.draw(patient.points([(between(rng, -4, 4), -0.5, 10), (-1, 0.0, 4), (-2, tip, -4)]), 3.4, 0.05)
    if bedside and chance(rng, 0.35):
        side = pick(rng, (-1.0, 1.0))
        named.append(f"central line, {_side_name(side)}")
        knots = [(side * 75, -0.32, 40), (side * 38, -0.02, 35), (-16, 0.14, 15)]
        tubes.draw(patient.points([*knots, (-22, between(rng, 0.35, 0.5), 14)]), 1.0, 0.5)
    return tubes.thickness(), tuple(named)


def _side_name(x: float) -> str:
    return "right" if x < 0 else "left"


def _electrode(patient: Patient, tubes: TubeLayer, rng: np.random.Generator) -> str:
    """A button with a wire that leaves the film; returns its side."""
    front = patient.half_depth + patient.wall
    side = pick(rng, (-1.0, 1.0))
    x, y = side * between(rng, 45, 125), patient.level(between(rng, -0.05, 1.1))
    spot = np.array([[x, y, front]])
    tubes.add_pieces(spot, np.array([0.5]), 5.0)
    tubes.add_pieces(spot, np.array([1.6]), 1.8)
    middle = [x + between(rng, -60, 60), y + between(rng, 30, 110), front]
    end = [between(rng, -150, 150), patient.base + between(rng, 20, 120), front]
    tubes.draw([[x, y, front], middle, end], 0.75, 0.8)
    return _side_name(side)


def letters(text: str, height: float) -> np.ndarray:
    """(h, w) lettering, 0 to 1, `height` pixels high, without any font file."""
    rows = [np.array([[int(c) for c in row] for row in _GLYPHS[letter].split()]) for letter in text]
    cell = np.concatenate([np.pad(glyph, ((0, 0), (0, 1))) for glyph in rows], axis=1).astype(np.float64)
    scale = height / 7
    out = (max(3, round(7 * scale)), max(3, round(cell.shape[1] * scale)))
    i = np.minimum(((np.arange(out[0]) + 0.5) / scale).astype(np.int64), 6)
    j = np.minimum(((np.arange(out[1]) + 0.5) / scale).astype(np.int64), cell.shape[1] - 1)
    return ndimage.gaussian_filter(cell[np.ix_(i, j)], 0.16 * scale)


def stamp(brightness: np.ndarray, mark: np.ndarray, row: int, column: int, level: float) -> np.ndarray:
    """Lay a mark, cut at the film's edges, with its corner at (row, column); returns its (H, W) place."""
    height, width = brightness.shape
    row, column = max(0, min(row, height - mark.shape[0])), max(0, min(column, width - mark.shape[1]))
    mark = mark[:height, :width]
    window = brightness[row : row + mark.shape[0], column : column + mark.shape[1]]
    window += (level - window) * np.clip(mark, 0, 1)
    where = np.zeros(brightness.shape, bool)
    where[row : row + mark.shape[0], column : column + mark.shape[1]] = mark > 0.3
    return where


def add_markers(brightness: np.ndarray, view: View, rng: np.random.Generator) -> None:
    """A side marker, and on bedside films often the words that technicians set."""
    height, width = brightness.shape
    size = between(rng, 0.028, 0.055) * height
    left = chance(rng, 0.7) or view.lateral
    column = int(between(rng, 0.86, 0.92) * width) if left else int(between(rng, 0.03, 0.08) * width)
    row = int(between(rng, 0.02, 0.16) * height)
    level = between(rng, 0.85, 0.99)
    if chance(rng, 0.92):
        stamp(brightness, letters("L" if left else "R", size), row, column, level)
    below = row + int(1.4 * size)
    if view.position is ViewPosition.AP and chance(rng, 0.55):
        word = letters(pick(rng, ("PORTABLE", "AP", "BEDSIDE", "SUPINE")), 0.4 * size)
        stamp(brightness, word, below, column - int(0.5 * size), level)
    elif chance(rng, 0.2) and not view.lateral:
        word = letters("PA" if view.position is ViewPosition.PA else "AP", 0.45 * size)
        stamp(brightness, word, below, column, level)


def add_arrow(brightness: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The planted marker: a lead arrow beside the right lung. Returns its (H, W) bool place."""
    height, width = brightness.shape
    row, column = int(between(rng, 0.45, 0.75) * height), int(between(rng, 0.02, 0.05) * width)
    return stamp(brightness, letters("^", 0.055 * height), row, column, 0.99)


def collimate(brightness: np.ndarray, rng: np.random.Generator) -> None:
    """Blacken (seldom whiten) what the collimator shut out, along slightly crooked borders."""
    height, width = brightness.shape
    level = 0.0 if chance(rng, 0.93) else 0.97
    rows, columns = np.arange(height)[:, None] / height, np.arange(width)[None, :] / width
    for probability, along, across, flip in (
        (0.22, rows, columns, False),
        (0.22, rows, columns, True),
        (0.18, columns, rows, False),
        (0.10, columns, rows, True),
    ):
        if not chance(rng, probability):
            continue
        depth, slope = between(rng, 0.01, 0.05), between(rng, -0.04, 0.04)
        distance = (1 - across if flip else across) - depth - slope * (along - 0.5)
        share = np.clip(distance * width / 1.5, 0.0, 1.0)
        brightness *= share
        brightness += level * (1 - share)
