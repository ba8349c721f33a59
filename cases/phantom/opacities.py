"""Disease put into the lungs by zone, each with its projection on the film."""

from dataclasses import dataclass

import numpy as np

from cases.phantom.anatomy import Thorax, ellipsoid, ramp
from cases.phantom.patient import Patient
from cases.phantom.pleura import add_effusion, add_pneumothorax
from cases.phantom.scenario import Opacity, Plan
from cases.phantom.streams import between, stream, texture
from cases.phantom.tubes import TubeLayer
from cases.phantom.view import View
from cases.phantom.zones import zone_bounds

_SIGN = {"right": -1.0, "left": 1.0}
_SUBTLE = 0.7
"""Greatest thickness (mm of water) of an opacity that the film shall not show: about the quantum noise."""


@dataclass
class _Site:
    """What placing an opacity needs to know."""

    patient: Patient
    view: View
    thorax: Thorax
    zones: dict[str, np.ndarray]
    rng: np.random.Generator
    grain: np.ndarray
    subtle: bool


def plant(
    plan: Plan,
    patient: Patient,
    view: View,
    thorax: Thorax,
    zones: dict[str, np.ndarray],
    seed: int,
    attempt: int,
) -> dict[str, np.ndarray]:
    """Add every planned opacity to the thorax.

    Args:
        zones: zone -> (H, W) bool.
        attempt: another number gives other places for the same plan.

    Returns:
        Opacity name -> (H, W) bool, where its projection holds at least a third of its greatest thickness.
    """
    rng = stream(seed + 7919 * attempt, "opacities")
    grain = texture(rng, view.shape, 96, 1.25)
    site = _Site(patient, view, thorax, zones, rng, grain, subtle=not plan.conspicuous)
    masks = {}
    for opacity in plan.opacities:
        masks[opacity.name] = _PLANTERS[opacity.kind](site, opacity)
    return masks


def _airspace(site: _Site, opacity: Opacity) -> np.ndarray:
    """Ground glass or consolidation: a few soft-edged patches inside one zone."""
    side = _SIGN[opacity.side]
    extent = opacity.weight
    shape = np.zeros(site.view.shape)
    for _ in range(2 if extent < 1 else 3):
        shape = np.maximum(shape, _patch(site, opacity, side, extent))
    shape = shape * _within(site, opacity)
    density = (
        between(site.rng, 0.20, 0.34) if opacity.kind == "ground glass" else between(site.rng, 0.5, 0.75)
    )
    return _fill(site, shape, 62.0 * density, opacity)


def _patch(site: _Site, opacity: Opacity, side: float, extent: float) -> np.ndarray:
    """One rounded cloud, 0 to 1, of noise-torn outline."""
    rng, patient = site.rng, site.patient
    bounds = (*zone_bounds(patient, side), patient.dome[0 if side < 0 else 1] + 14)
    index = ("upper", "mid", "lower").index(opacity.level)
    low, high = bounds[index], bounds[index + 1]
    y = between(rng, low + 0.3 * (high - low), high - 0.25 * (high - low))
    inner, outer = 24.0, float(patient.wall_x(np.float64(y)))
    u = between(rng, 0.70, 0.9) if opacity.distribution == "peripheral" else between(rng, 0.14, 0.34)
    x = side * (inner + u * (outer - inner))
    deep = 0.7 * float(patient.half_chord(np.float64(x), np.float64(y)))
    px, py = site.view.plane(between(rng, -deep, deep))
    axes = (extent * between(rng, 24, 38), extent * between(rng, 26, 42), 1.0)
    inside = (ellipsoid(px, py, (x, y), axes, between(rng, -0.6, 0.6)) / 2) ** 2
    return np.clip(inside**1.2 * (1.15 + 0.55 * site.grain), 0.0, 1.0)


def _within(site: _Site, opacity: Opacity) -> np.ndarray:
    """1 inside the opacity's zone, falling to 0 before its border."""
    side = _SIGN[opacity.side]
    bounds = (-np.inf, *zone_bounds(site.patient, side)[1:], np.inf)
    index = ("upper", "mid", "lower").index(opacity.level)
    y = site.thorax.y
    above = ramp(y - bounds[index] - 4, 4.0) if index else 1.0
    below = ramp(bounds[index + 1] - y - 4, 4.0) if index < 2 else 1.0
    return above * below * site.zones[opacity.zone]


def _fill(site: _Site, shape: np.ndarray, water: float, opacity: Opacity) -> np.ndarray:
    """Replace air by fluid: `shape` 0 to 1 times `water` mm, never more than the lung holds."""
    thickness = np.minimum(shape * water * (1 + 0.18 * site.grain), 0.8 * site.thorax.lung)
    thickness = np.maximum(thickness, 0.0)
    peak = float(thickness.max(initial=0.0))
    mask = (thickness > 0.33 * max(peak, 1e-9)) & site.zones[opacity.zone]
    if site.subtle:
        thickness = thickness * (_SUBTLE / max(peak, 1e-9))
    site.thorax.soft = site.thorax.soft + thickness
    return mask


def _lobar(site: _Site, opacity: Opacity) -> np.ndarray:
    """A zone filled to its fissure, with air bronchograms."""
    # Fissures run obliquely and bulge; the zone's own border stays the limit.
    x, y = site.thorax.x, site.thorax.y
    side = _SIGN[opacity.side]
    _, mid, lower = zone_bounds(site.patient, side)
    slope, bulge = between(site.rng, -0.25, 0.25), between(site.rng, 4, 12)
    bend = slope * (np.abs(x) - 80) + bulge * np.cos(np.abs(x) / 26)
    edge = _within(site, opacity)
    if opacity.level != "upper":
        edge = edge * ramp(y - (mid if opacity.level == "mid" else lower) - 14 + bend, 7.0)
    if opacity.level != "lower":
        edge = edge * ramp((mid if opacity.level == "upper" else lower) - y - 14 + bend, 3.0)
    bronchi = 1 - 0.35 * np.clip(site.grain - 1.1, 0, 1)
    return _fill(site, edge * (0.85 + 0.1 * site.grain) * bronchi, between(site.rng, 45, 75), opacity)


def _edema(site: _Site, opacity: Opacity) -> np.ndarray:
    """Batwing: haze about the hilum that fades to the periphery."""
    side = _SIGN[opacity.side]
    x, y = site.thorax.x, site.thorax.y
    hilum = (side * 48, site.patient.level(0.55))
    q = np.hypot((x - hilum[0]) / 58, (y - hilum[1]) / 100)
    shape = np.clip(1.25 - q + 0.25 * site.grain, 0, 1) * _within(site, opacity)
    return _fill(site, shape, between(site.rng, 22, 34), opacity)


def _round(site: _Site, opacity: Opacity) -> np.ndarray:
    """Nodule (radius 9 to 15 mm), mass (18 to 32 mm) or cavity: a ball, the last with air inside."""
    rng, patient, side = site.rng, site.patient, _SIGN[opacity.side]
    radius = between(rng, 9, 15) if opacity.kind == "nodule" else between(rng, 18, 30)
    bounds = (*zone_bounds(patient, side), patient.dome[0 if side < 0 else 1])
    index = ("upper", "mid", "lower").index(opacity.level)
    middle = 0.5 * (bounds[index] + bounds[index + 1]) + (6 if index == 0 else -4 if index == 2 else 0)
    slack = max(0.0, 0.5 * (bounds[index + 1] - bounds[index]) - radius - 8)
    y = middle + between(rng, -1, 1) * slack
    outer = float(patient.wall_x(np.float64(y)))
    x = side * between(rng, 34 + radius, max(36 + radius, outer - radius - 8))
    px, py = site.view.plane(between(rng, -20, 20))
    lobes = 1 + 0.06 * np.sin(3 * np.arctan2(py - y, px - x) + between(rng, 0, 6))
    chord = ellipsoid(px, py, (x, y), (radius, radius, radius)) * lobes
    inside = chord > 0
    if opacity.kind == "cavity":
        hole = (x + between(rng, -2, 2), y + between(rng, -2, 2))
        chord = np.maximum(
            chord - 1.05 * ellipsoid(px, py, hole, (0.68 * radius, 0.64 * radius, 0.66 * radius)), 0.0
        )
    thickness = chord * (0.9 if not site.subtle else _SUBTLE / (2 * radius)) * (site.thorax.lung > 5)
    site.thorax.soft = site.thorax.soft + thickness
    return inside & np.logical_or.reduce(list(site.zones.values()))


def _miliary(site: _Site, opacity: Opacity) -> np.ndarray:
    """Hundreds of 1.5 to 3 mm nodules throughout both lungs."""
    rng, patient = site.rng, site.patient
    n = 5200
    points = np.stack(
        [
            (rng.random(n) - 0.5) * 2 * patient.half_width,
            patient.apex + rng.random(n) * (patient.base - patient.apex),
            (rng.random(n) - 0.5) * 2 * patient.half_depth,
        ],
        axis=1,
    )
    points = points[patient.in_lung(points, 3.0)]
    tubes = TubeLayer(site.view)
    tubes.add_pieces(points, np.full(len(points), 3.2), 1.9)
    thickness = tubes.thickness() * (site.thorax.lung > 5) * (_SUBTLE / 30 if site.subtle else 1.0)
    site.thorax.soft = site.thorax.soft + thickness
    return np.logical_or.reduce(list(site.zones.values()))


def _effusion(site: _Site, opacity: Opacity) -> np.ndarray:
    return add_effusion(site.patient, site.thorax, _SIGN[opacity.side], site.subtle, site.rng)


def _pneumothorax(site: _Site, opacity: Opacity) -> np.ndarray:
    return add_pneumothorax(site.patient, site.thorax, _SIGN[opacity.side], site.subtle, site.rng)


_PLANTERS = {
    "ground glass": _airspace,
    "consolidation": _airspace,
    "lobar consolidation": _lobar,
    "edema": _edema,
    "nodule": _round,
    "mass": _round,
    "cavity": _round,
    "miliary nodules": _miliary,
    "effusion": _effusion,
    "pneumothorax": _pneumothorax,
}
