"""Bones of the digital thorax: ribs, clavicles, scapulae, humeri and spine, with their cortical shells."""

import numpy as np

from cases.phantom.anatomy import ramp
from cases.phantom.patient import SIDES, Patient
from cases.phantom.projection import TubeLayer, View, polyline
from cases.phantom.streams import between


class _BoneLayers:
    """Outer and inner surface of every tubular bone: the difference is the cortex."""

    def __init__(self, view: View) -> None:
        self.outer, self.inner = TubeLayer(view), TubeLayer(view)

    def draw(self, knots: np.ndarray, radius: float, cortex: float, flatness: float) -> None:
        """A bone through (K, 3) knots; radius and cortex in mm."""
        points = polyline(knots, self.outer.step)
        self.outer.add(points, radius, flatness)
        self.inner.add(points, radius * (max(radius - cortex, 0.3) / radius), flatness)


def build_skeleton(patient: Patient, view: View, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Cortical and trabecular bone, (H, W) mm each."""
    outer, inner = _tubular(patient, view, rng)
    plate = _scapular_plates(patient, view)
    spine_cortical, spine_trabecular = _spine(patient, view)
    cortical = patient.bone * (np.maximum(outer - inner, 0.0) + 0.35 * plate + spine_cortical)
    return cortical, patient.bone * (0.8 * np.minimum(inner, outer) + spine_trabecular)


def build_lateral(patient: Patient, view: View, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The same bones from the side, (H, W) mm each: vertebrae behind, the breastbone in front."""
    outer, inner = _tubular(patient, view, rng, arms_raised=True)
    spine_cortical, spine_trabecular = _lateral_spine(patient, view)
    front_cortical, front_trabecular = _breastbone(patient, view)
    cortical = patient.bone * (np.maximum(outer - inner, 0.0) + spine_cortical + front_cortical)
    return cortical, patient.bone * (0.8 * np.minimum(inner, outer) + spine_trabecular + front_trabecular)


def _tubular(
    patient: Patient, view: View, rng: np.random.Generator, arms_raised: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Ribs and shoulders: (H, W) mm within the outer and within the inner surface of their cortex."""
    layers = _BoneLayers(view)
    _ribs(patient, layers, rng)
    for side in SIDES:
        _shoulder(patient, layers, side, rng, arms_raised)
    return layers.outer.thickness(), layers.inner.thickness()


def _rib_line(patient: Patient, number: int, side: float) -> np.ndarray:
    """Centre line of a rib, 1 to 12 from above: (N, 3) mm from the spine round to the cartilage."""
    spacing = (patient.dome[0] - patient.apex) / 9.7
    start = patient.apex - 4 + spacing * (number - 1)
    reach = {1: 0.74, 2: 0.77, 8: 0.74, 9: 0.68, 10: 0.62, 11: 0.48, 12: 0.36}.get(number, 0.79)
    drop = (34 + 13 * min(number, 6)) * patient.stature
    angle = np.linspace(0.06, reach, 240)[:, None] * np.pi
    sweep = angle / np.pi
    y = start - 9 * np.sin(np.minimum(sweep / 0.3, 1.0) * np.pi) * (number > 1) + drop * (sweep / 0.8) ** 1.55
    width = np.maximum(patient.wall_x(y + 8) + 3.0, 40 * patient.stature)
    blend = np.clip((y - patient.apex) / 60, 0.25, 1.0)
    x = side * width * np.sin(angle) ** 0.82
    z = -(patient.half_depth * blend + 4) * np.cos(angle)
    return np.concatenate([x + patient.scoliosis * 0.3, y, z], axis=1)


def _ribs(patient: Patient, layers: _BoneLayers, rng: np.random.Generator) -> None:
    radius, step = between(rng, 5.0, 6.2) * patient.stature, layers.outer.step
    for side in SIDES:
        for number in range(1, 13):
            line = _rib_line(patient, number, side)
            walked = np.cumsum([0.0, *np.sqrt(np.sum(np.diff(line, axis=0) ** 2, axis=1))])
            at = np.linspace(0.0, walked[-1], max(2, int(walked[-1] / step)))
            line = np.stack([np.interp(at, walked, line[:, axis]) for axis in range(3)], axis=1)
            size = radius * (0.85 if number in (1, 11, 12) else 1.0)
            fraction = np.linspace(0, 1, len(line) - 1)
            # Round near the spine, flat and fading where it turns to cartilage; seen edge-on at the side,
            # where its narrow thickness lies in the film's plane.
            edge_on = np.abs(np.diff(line[:, 0 if layers.outer.view.lateral else 2])) / step
            flatness = (0.85 - 0.52 * fraction) * np.clip((1 - fraction) / 0.1, 0.0, 1.0)
            _add_banded(layers, line, size * (1 - 0.42 * np.clip(edge_on, 0, 1) ** 2), flatness)


def _add_banded(layers: _BoneLayers, line: np.ndarray, radii: np.ndarray, flatness: np.ndarray) -> None:
    """A tube of changing radius, cut into bands of nearly equal ones."""
    centres = (line[1:] + line[:-1]) / 2
    lengths = np.sqrt(np.sum(np.diff(line, axis=0) ** 2, axis=1)) * flatness
    rung = np.round(np.log(radii) / np.log(1.09)).astype(np.int64)
    for value in np.unique(rung):
        band = rung == value
        radius = float(1.09**value)
        layers.outer.add_pieces(centres[band], lengths[band], radius)
        layers.inner.add_pieces(centres[band], lengths[band], radius - 1.6)


def _shoulder(
    patient: Patient, layers: _BoneLayers, side: float, rng: np.random.Generator, arms_raised: bool
) -> None:
    """Clavicle, scapular spine and borders, coracoid, head and shaft of the humerus of one side.

    Of raised arms the humerus lies above the film, and of the scapula only the borders are seen edge-on.
    """
    top, out, angle = patient.apex, patient.shoulder, patient.arm_angle
    lift, pull = between(rng, -12, 10), between(rng, 0, 14)
    clavicle = [(16, top + 26, 62), (55, top + 20 + 0.3 * lift, 58), (100, top + 6 + lift, 30)]
    clavicle += [(out - 48, top - 8 + lift, -5), (out - 22, top - 8 + lift, -20)]
    spine = [(out - 88 + pull, top + 34, -85), (out - 55, top + 10, -70), (out - 18, top + 0, -45)]
    lower = (out - 78 + pull, top + 128, -95)
    lateral = [(out - 40 + 0.3 * pull, top + 20, -55), (out - 58 + pull, top + 70, -80), lower]
    medial = [(out - 90 + pull, top + 12, -88), (out - 96 + pull, top + 70, -100), lower]
    coracoid = [(out - 46, top + 14, -40), (out - 56, top + 18, -25)]
    head = [(out - 22, top + 26, -45), (out - 12, top + 24, -45)]
    x, y, aside, down = out - 10, top + 32, np.sin(angle), np.cos(angle)
    shaft = [(out - 14, top + 30, -45), (x + 40 * aside, y + 45 * down, -42)]
    shaft.append((x + 250 * aside, y + 250 * down, -40))
    bones = [
        (clavicle, 5.8, 1.7, 0.85),
        (spine, 5.0, 1.3, 0.6),
        (lateral, 4.6, 1.5, 0.8),
        (medial, 2.4, 0.9, 0.7),
        (coracoid, 5.0, 1.0, 0.35),
        (head, 20.0, 1.3, 0.75),
        (shaft, 11.0, 4.0, 1.0),
    ]
    for knots, radius, cortex, flatness in bones[2:4] if arms_raised else bones:
        layers.draw(np.asarray(knots, np.float64) * [side, 1, 1], radius * patient.stature, cortex, flatness)


def _scapular_plates(patient: Patient, view: View) -> np.ndarray:
    """The thin body of each scapula between its borders, mm of bone."""
    x, y = view.plane(-85.0)
    top, out = patient.apex, patient.shoulder
    t = np.clip((y - top - 12) / 116, 0.0, 1.0)
    inner = out - 90 + 4 * np.sin(np.pi * t) * -1 + 14 * t
    outer = out - 42 - 34 * t
    distance = np.minimum(np.abs(x) - inner, outer - np.abs(x))
    level = np.minimum(y - top - 12, top + 128 - y)
    return 3.0 * np.clip(np.minimum(distance, level) / 3.0, 0.0, 1.0)


def _spine(patient: Patient, view: View) -> tuple[np.ndarray, np.ndarray]:
    """Vertebral bodies with endplates, pedicles and spinous processes: (H, W) mm cortical, trabecular."""
    x, y = view.plane(-0.55 * patient.half_depth)
    v, pitch, t = _vertebral_rows(patient, y)
    half = patient.stature * (13.5 + 4.5 * np.clip(t, -0.4, 1.2)) * (1 + 0.012 * np.minimum(v * v, 120) / 10)
    across = x - 0.8 * patient.scoliosis * np.sin(3.0 * t)
    u, body_height = np.abs(across), 0.39 * pitch
    beside = np.clip((half - u) / 1.5, 0.0, 1.0)
    between_discs = np.clip((body_height - np.abs(v)) / 1.2, 0.0, 1.0)
    shape = np.sqrt(np.maximum(1 - (u / np.maximum(half, 1.0)) ** 2, 0.0))
    trabecular = 11 * patient.stature * (beside * between_discs) * (0.35 + 0.65 * shape)
    # The arches behind bridge the disc spaces.
    trabecular = trabecular + 5 * patient.stature * np.sqrt(np.maximum(1 - (u / (0.9 * half)) ** 2, 0.0))
    endplate = np.exp(-(((np.abs(v) - body_height + 1.2) / 0.9) ** 2)) * beside
    side_wall = np.exp(-(((u - half + 1.2) / 0.9) ** 2)) * between_discs
    ring = np.hypot((u - 0.62 * half) / 3.6, (v + 2.0) / 5.2)
    cortical = 1.5 * endplate + 1.3 * side_wall + 2.0 * np.exp(-(((ring - 0.85) / 0.22) ** 2))
    process = np.hypot(across / 2.6, (v - 5.0) / 6.5)
    cortical = cortical + 2.0 * np.clip((1 - process) / 0.25, 0.0, 1.0)
    transverse = np.exp(-(((v + 3.0) / 4.0) ** 2)) * np.clip((half + 15 - u) / 4, 0, 1) * (u > half)
    return cortical, trabecular + 8.0 * transverse


def _vertebral_rows(patient: Patient, y: np.ndarray) -> tuple[np.ndarray, float, np.ndarray]:
    """(H, W) mm below each vertebra's middle, height of one with its disc in mm, and share of the lung."""
    pitch = (patient.dome[0] - patient.apex) / 9.7
    level = (y - patient.apex + 4) / pitch
    share = (y - patient.apex) / (patient.base - patient.apex)
    return (level - np.floor(level) - 0.5) * pitch, pitch, share


def _lateral_spine(patient: Patient, view: View) -> tuple[np.ndarray, np.ndarray]:
    """Bodies with endplates and front and back walls, pedicles, and the processes behind: (H, W) mm."""
    across, y = view.plane(0.0)
    v, pitch, t = _vertebral_rows(patient, y)
    size = patient.stature * (13.5 + 4.5 * np.clip(t, -0.4, 1.2))
    # Kyphosis: furthest back in the middle of the chest.
    middle = -0.55 * patient.half_depth - 11 * (1 - ((np.clip(t, -0.5, 1.5) - 0.45) / 0.6) ** 2)
    depth, body_height = -across - middle, 0.39 * pitch
    half = size * (1 + 0.012 * np.minimum(v * v, 120) / 10)
    inside = np.clip((half - np.abs(depth)) / 1.5, 0.0, 1.0)
    between_discs = np.clip((body_height - np.abs(v)) / 1.2, 0.0, 1.0)
    trabecular = 15 * patient.stature * inside * between_discs
    endplate = np.exp(-(((np.abs(v) - body_height + 1.2) / 1.0) ** 2)) * inside
    wall = np.exp(-(((np.abs(depth) - half + 1.2) / 0.9) ** 2)) * between_discs
    behind = -depth - half
    # Pedicles join the upper half of each body; between two of them lies the foramen.
    pedicle = ramp(behind + 1, 2.0) * ramp(13 - behind, 3.0) * np.exp(-(((v + 3.5) / 4.6) ** 2))
    arch = ramp(behind - 9, 2.5) * ramp(24 - behind, 4.0)
    process = (
        ramp(behind - 20, 3.0) * ramp(46 - behind, 5.0) * np.exp(-(((v - 0.45 * (behind - 28)) / 5) ** 2))
    )
    trabecular = trabecular + patient.stature * (12 * pedicle + 7 * arch + 5 * process)
    return 2.6 * endplate + 1.8 * wall + 1.6 * pedicle, trabecular


def _breastbone(patient: Patient, view: View) -> tuple[np.ndarray, np.ndarray]:
    """Manubrium and body of the sternum, edge-on: (H, W) mm."""
    across, y = view.plane(0.0)
    top, end = patient.apex + 26, patient.level(0.74)
    t = np.clip((y - top) / (end - top), 0.0, 1.0)
    wall = 0.9 * patient.half_depth * patient.profile(y) ** 0.8
    depth = -across - np.maximum(wall, 50 + 22 * t) - 9
    length = ramp(y - top, 2.0) * ramp(end - y, 3.0) * (1 - 0.8 * np.exp(-(((t - 0.3) / 0.018) ** 2)))
    faces = np.exp(-(((np.abs(depth) - 4.6) / 1.0) ** 2)) * length
    return 5.0 * faces, 11.0 * np.clip((5.0 - np.abs(depth)) / 1.2, 0.0, 1.0) * length
