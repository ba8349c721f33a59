"""Disease put into the lungs by zone, each with its projection on the film."""

from dataclasses import dataclass

import numpy as np

from cases.phantom.anatomy import Thorax, ellipsoid, ramp
from cases.phantom.patient import Patient
from cases.phantom.projection import TubeLayer, View
from cases.phantom.scenario import LEVELS, Masks, Opacity, Plan, zone_bounds
from cases.phantom.streams import between, stream, texture

_SUBTLE = 0.7
"""Greatest thickness (mm of water) of an opacity that the film shall not show: about the quantum noise."""


@dataclass
class _Site:
    """A thorax in which opacities are placed."""

    patient: Patient
    view: View
    thorax: Thorax
    zones: Masks
    rng: np.random.Generator
    grain: np.ndarray
    subtle: bool


def plant(
    plan: Plan, patient: Patient, view: View, thorax: Thorax, zones: Masks, seed: int, attempt: int
) -> Masks:
    """Add every planned opacity to the thorax; another `attempt` gives other places for the same plan.

    Returns:
        Opacity name -> (H, W) bool, where its projection holds at least a third of its greatest thickness.
    """
    rng = stream(seed + 7919 * attempt, "opacities")
    grain = texture(rng, view.shape, 96, 1.25)
    site = _Site(patient, view, thorax, zones, rng, grain, subtle=not plan.conspicuous)
    return {opacity.name: _PLANTERS[opacity.kind](site, opacity) for opacity in plan.opacities}


def _airspace(site: _Site, opacity: Opacity) -> np.ndarray:
    """Ground glass or consolidation: a few soft-edged patches inside one zone."""
    shape = np.zeros(site.view.shape)
    for _ in range(2 if opacity.weight < 1 else 3):
        shape = np.maximum(shape, _patch(site, opacity))
    low, high = (0.20, 0.34) if opacity.kind == "ground glass" else (0.5, 0.75)
    return _fill(site, shape * _within(site, opacity), 62.0 * between(site.rng, low, high), opacity)


def _patch(site: _Site, opacity: Opacity) -> np.ndarray:
    """One rounded cloud, 0 to 1, of noise-torn outline."""
    rng, patient, side, extent = site.rng, site.patient, opacity.sign, opacity.weight
    low, high = _bounds(patient, opacity, 14)
    y = between(rng, low + 0.3 * (high - low), high - 0.25 * (high - low))
    inner, outer = 24.0, float(patient.wall_x(np.float64(y)))
    u = between(rng, 0.70, 0.9) if opacity.distribution == "peripheral" else between(rng, 0.14, 0.34)
    x = side * (inner + u * (outer - inner))
    deep = 0.7 * float(patient.half_chord(np.float64(x), np.float64(y)))
    px, py = site.view.plane(between(rng, -deep, deep))
    axes = (extent * between(rng, 24, 38), extent * between(rng, 26, 42), 1.0)
    inside = (ellipsoid(px, py, (x, y), axes, between(rng, -0.6, 0.6)) / 2) ** 2
    return np.clip(inside**1.2 * (1.15 + 0.55 * site.grain), 0.0, 1.0)


def _bounds(patient: Patient, opacity: Opacity, below: float) -> tuple[float, float]:
    """y (mm) between which the opacity's zone lies; the lowest one ends so far below its dome's top."""
    bounds = (*zone_bounds(patient, opacity.sign), patient.dome_of(opacity.sign) + below)
    index = LEVELS.index(opacity.level)
    return bounds[index], bounds[index + 1]


def _within(site: _Site, opacity: Opacity) -> np.ndarray:
    """1 inside the opacity's zone, falling to 0 before its border."""
    side = opacity.sign
    bounds = (-np.inf, *zone_bounds(site.patient, side)[1:], np.inf)
    index = LEVELS.index(opacity.level)
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
    side = opacity.sign
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
    side = opacity.sign
    x, y = site.thorax.x, site.thorax.y
    hilum = (side * 48, site.patient.level(0.55))
    q = np.hypot((x - hilum[0]) / 58, (y - hilum[1]) / 100)
    shape = np.clip(1.25 - q + 0.25 * site.grain, 0, 1) * _within(site, opacity)
    return _fill(site, shape, between(site.rng, 22, 34), opacity)


def _round(site: _Site, opacity: Opacity) -> np.ndarray:
    """Nodule (radius 9 to 15 mm), mass (18 to 32 mm) or cavity: a ball, the last with air inside."""
    rng, patient, side = site.rng, site.patient, opacity.sign
    radius = between(rng, 9, 15) if opacity.kind == "nodule" else between(rng, 18, 30)
    low, high = _bounds(patient, opacity, 0.0)
    middle = 0.5 * (low + high) + {"upper": 6, "mid": 0, "lower": -4}[opacity.level]
    slack = max(0.0, 0.5 * (high - low) - radius - 8)
    y = middle + between(rng, -1, 1) * slack
    outer = float(patient.wall_x(np.float64(y)))
    x = side * between(rng, 34 + radius, max(36 + radius, outer - radius - 8))
    px, py = site.view.plane(between(rng, -20, 20))
    lobes = 1 + 0.06 * np.sin(3 * np.arctan2(py - y, px - x) + between(rng, 0, 6))
    chord = ellipsoid(px, py, (x, y), (radius, radius, radius)) * lobes
    inside = chord > 0
    if opacity.kind == "cavity":
        hole = (x + between(rng, -2, 2), y + between(rng, -2, 2))
        air = ellipsoid(px, py, hole, (0.68 * radius, 0.64 * radius, 0.66 * radius))
        chord = np.maximum(chord - 1.05 * air, 0.0)
    thickness = chord * (0.9 if not site.subtle else _SUBTLE / (2 * radius)) * (site.thorax.lung > 5)
    site.thorax.soft = site.thorax.soft + thickness
    return inside & np.logical_or.reduce(list(site.zones.values()))


def _miliary(site: _Site, opacity: Opacity) -> np.ndarray:
    """Hundreds of 1.5 to 3 mm nodules throughout both lungs."""
    rng, patient = site.rng, site.patient
    n = 5200
    x = (rng.random(n) - 0.5) * 2 * patient.half_width
    y = patient.apex + rng.random(n) * (patient.base - patient.apex)
    points = np.stack([x, y, (rng.random(n) - 0.5) * 2 * patient.half_depth], axis=1)
    points = points[patient.in_lung(points, 3.0)]
    tubes = TubeLayer(site.view)
    tubes.add_pieces(points, np.full(len(points), 3.2), 1.9)
    thickness = tubes.thickness() * (site.thorax.lung > 5) * (_SUBTLE / 30 if site.subtle else 1.0)
    site.thorax.soft = site.thorax.soft + thickness
    return np.logical_or.reduce(list(site.zones.values()))


def _effusion(site: _Site, opacity: Opacity) -> np.ndarray:
    """Fluid that fills the base to a meniscus, higher at the wall."""
    patient, thorax, side = site.patient, site.thorax, opacity.sign
    level = patient.dome_of(side) - between(site.rng, -2, 62)
    x, y = thorax.x, thorax.y
    wall = np.clip(np.abs(x) / patient.wall_x(y).clip(1), 0.0, 1.0)
    surface = level - 34 * np.clip((wall - 0.55) / 0.45, 0, 1) ** 2
    share = ramp(y - surface, 11.0) * (np.sign(x) == side)
    fluid = share * thorax.lung * 0.92
    mask = (share > 0.4) & (thorax.lung > 6)
    if site.subtle:
        fluid = np.minimum(fluid, 0.7 * share)
    thorax.soft = thorax.soft + fluid * (1 - thorax.density)
    if not site.subtle:
        thorax.lung = thorax.lung - fluid
        thorax.soft = thorax.soft + fluid * thorax.density
    return mask


def _pneumothorax(site: _Site, opacity: Opacity) -> np.ndarray:
    """Air between wall and lung: no vessels outside a thin pleural line."""
    patient, thorax, side = site.patient, site.thorax, opacity.sign
    x, y = thorax.x, thorax.y
    width = between(site.rng, 24, 46)
    fall = np.clip((y - patient.apex) / (patient.base - patient.apex), 0.0, 1.0)
    edge = patient.wall_x(y - 0.9 * width * (1 - fall)) - 0.55 * width * (1 - 0.75 * fall)
    here = np.sign(x) == side
    outside, inside_chest = (np.abs(x) - edge) * here, thorax.lung > 8
    share = ramp(outside, 1.0) * here * inside_chest
    line = np.exp(-((outside / 0.8) ** 2)) * here * inside_chest
    strength = 0.015 if site.subtle else 1.0
    # The lung's own tissue, and with it every vessel, leaves the air; the collapsed lung grows denser.
    thorax.density = thorax.density * (1 - strength * 0.97 * share)
    thorax.soft = thorax.soft + strength * 4.0 * line
    thorax.vessels = thorax.vessels * (1 - strength * share)
    thorax.density = thorax.density * (1 + 0.25 * strength * ((1 - share) * here * inside_chest))
    return (share > 0.5) & (outside > 0)


_PLANTERS = {
    "ground glass": _airspace, "consolidation": _airspace, "lobar consolidation": _lobar, "edema": _edema,
    "nodule": _round, "mass": _round, "cavity": _round, "miliary nodules": _miliary, "effusion": _effusion,
    "pneumothorax": _pneumothorax,
}  # fmt: skip
