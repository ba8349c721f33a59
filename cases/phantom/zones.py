"""Six lung zones on the film, and the labels that follow from which of them an opacity covers."""

import numpy as np

from cases.phantom.patient import Patient
from modeling.labels import grading_from_zones

Masks = dict[str, np.ndarray]
"""Name of a zone or an opacity -> (H, W) bool."""
LEVELS = ("upper", "mid", "lower")
ZONES = tuple(f"{side} {level}" for side in ("right", "left") for level in LEVELS)
"""Three a lung (MIDRC-RICORD, Tsai et al., 2021), the patient's right first."""

AIRSPACE_KINDS = ("ground glass", "consolidation", "lobar consolidation", "edema")
"""Opacities that count for the grading of airspace disease."""

ATYPICAL_KINDS = (
    "pneumothorax", "effusion", "edema", "lobar consolidation", "nodule", "mass", "cavity", "miliary nodules",
)  # fmt: skip
"""Signs that make a film Atypical whatever else it shows (RSNA consensus as adapted by MIDRC-RICORD)."""

NOT_OPACITIES = ("cardiomegaly",)
"""Planted, drawn and reported, but no lung opacity: a film with these alone stays Negative."""

_COVERED = 0.04
"""Share of a zone that an airspace opacity must cover to count; what is planted covers more."""


def zone_bounds(patient: Patient, side: float) -> tuple[float, float, float]:
    """y (mm) where upper, mid and lower zone of one lung begin: thirds from the apex to the dome."""
    height = patient.dome_of(side) + 8 - patient.apex
    return patient.apex, patient.apex + height / 3, patient.apex + 2 * height / 3


def zone_masks(patient: Patient, x: np.ndarray, y: np.ndarray, lung: np.ndarray) -> Masks:
    """`ZONES` -> (H, W) bool, not overlapping; x, y and lung are (H, W) coordinates and chords in mm."""
    masks = {}
    for name, side in (("right", -1.0), ("left", 1.0)):
        field = (lung > 20) & (np.sign(x) == side)
        _, mid, lower = zone_bounds(patient, side)
        masks[f"{name} upper"] = field & (y < mid)
        masks[f"{name} mid"] = field & (y >= mid) & (y < lower)
        masks[f"{name} lower"] = field & (y >= lower)
    return masks


def opacity_kind(name: str) -> str:
    """The kind in an opacity's name, such as "ground glass" of "ground glass, right lower"."""
    return name.split(",")[0]


def affected_zones(masks: Masks, zones: Masks) -> tuple[str, ...]:
    """Zones with airspace opacities, in the order of `ZONES`; both maps are name -> (H, W) bool."""
    airspace = _union(masks, AIRSPACE_KINDS)
    if airspace is None:
        return ()
    return tuple(
        zone
        for zone in ZONES
        if np.count_nonzero(airspace & zones[zone]) > _COVERED * np.count_nonzero(zones[zone])
    )


def appearance_from_masks(masks: Masks, zones: Masks) -> str:
    """The class of `labels.APPEARANCE` that the definitions give for these opacities."""
    if any(opacity_kind(name) in ATYPICAL_KINDS for name in masks):
        return "Atypical"
    affected = affected_zones(masks, zones)
    if not affected:
        return "Negative"
    bilateral = len({zone.split()[0] for zone in affected}) == 2
    airspace = _union(masks, AIRSPACE_KINDS)
    assert airspace is not None
    typical = bilateral and _peripheral(airspace, zones) and _lower_predominant(airspace, zones)
    return "Typical" if typical else "Indeterminate"


def grading_from_masks(masks: Masks, zones: Masks) -> str | None:
    """The class of `labels.GRADING`, or None where no zone has airspace opacities."""
    return grading_from_zones(len(affected_zones(masks, zones)))


def _union(masks: Masks, kinds: tuple[str, ...]) -> np.ndarray | None:
    chosen = [mask for name, mask in masks.items() if opacity_kind(name) in kinds]
    return np.logical_or.reduce(chosen) if chosen else None


def _peripheral(airspace: np.ndarray, zones: Masks) -> bool:
    """Whether most of the opacity lies in the outer half of its lung, row by row."""
    outer = total = 0
    columns = np.arange(airspace.shape[1])[None, :]
    for side in ("right", "left"):
        field = np.logical_or.reduce([zones[f"{side} {level}"] for level in LEVELS])
        first = np.argmax(field, axis=1)
        last = field.shape[1] - 1 - np.argmax(field[:, ::-1], axis=1)
        share = (columns - first[:, None]) / np.maximum(last - first, 1)[:, None]
        share = 1 - share if side == "right" else share
        total += np.count_nonzero(airspace & field)
        outer += np.count_nonzero(airspace & field & (share > 0.5))
    return outer > 0.5 * total


def _lower_predominant(airspace: np.ndarray, zones: Masks) -> bool:
    """Whether more of the opacity lies in the lower zones than in the upper ones."""
    area = {
        level: sum(np.count_nonzero(airspace & zones[f"{side} {level}"]) for side in ("right", "left"))
        for level in LEVELS
    }
    return area["lower"] > area["upper"]
