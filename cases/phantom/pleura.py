"""Air and fluid in the pleural space."""

import numpy as np

from cases.phantom.anatomy import Thorax, ramp
from cases.phantom.patient import Patient
from cases.phantom.streams import between


def add_effusion(
    patient: Patient, thorax: Thorax, side: float, subtle: bool, rng: np.random.Generator
) -> np.ndarray:
    """Fluid that fills the base to a meniscus, higher at the wall.

    Returns:
        (H, W) bool projection.
    """
    dome = patient.dome[0 if side < 0 else 1]
    level = dome - between(rng, -2, 62)
    x, y = thorax.x, thorax.y
    wall = np.clip(np.abs(x) / patient.wall_x(y).clip(1), 0.0, 1.0)
    surface = level - 34 * np.clip((wall - 0.55) / 0.45, 0, 1) ** 2
    share = ramp(y - surface, 11.0) * (np.sign(x) == side)
    lung = thorax.lung
    fluid = share * lung * 0.92
    mask = (share > 0.4) & (lung > 6)
    if subtle:
        fluid = np.minimum(fluid, 0.7 * share)
    thorax.soft = thorax.soft + fluid * (1 - thorax.density)
    if not subtle:
        thorax.lung = lung - fluid
        thorax.soft = thorax.soft + fluid * thorax.density
    return mask


def add_pneumothorax(
    patient: Patient, thorax: Thorax, side: float, subtle: bool, rng: np.random.Generator
) -> np.ndarray:
    """Air between wall and lung: no vessels outside a thin pleural line.

    Returns:
        (H, W) bool projection of the air.
    """
    x, y = thorax.x, thorax.y
    width = between(rng, 24, 46)
    fall = np.clip((y - patient.apex) / (patient.base - patient.apex), 0.0, 1.0)
    edge = patient.wall_x(y - 0.9 * width * (1 - fall)) - 0.55 * width * (1 - 0.75 * fall)
    outside = (np.abs(x) - edge) * (np.sign(x) == side)
    inside_chest = thorax.lung > 8
    share = ramp(outside, 1.0) * (np.sign(x) == side) * inside_chest
    line = np.exp(-((outside / 0.8) ** 2)) * (np.sign(x) == side) * inside_chest
    strength = 0.015 if subtle else 1.0
    # The lung's own tissue, and with it every vessel, leaves the air; the collapsed lung grows denser.
    thorax.density = thorax.density * (1 - strength * 0.97 * share)
    thorax.soft = thorax.soft + strength * 4.0 * line
    thorax.vessels = thorax.vessels * (1 - strength * share)
    collapsed = (1 - share) * (np.sign(x) == side) * inside_chest
    thorax.density = thorax.density * (1 + 0.25 * strength * collapsed)
    return (share > 0.5) & (outside > 0)
