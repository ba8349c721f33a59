"""The plan of a case: which opacities lie where, and which modality holds the evidence for its labels.

The rule of the phantoms' world, the same for every case, so that a reader and a model can learn it:

1. What the film shows plainly wins over words and table.
2. Where the film shows nothing plainly, an explicit statement in the words (such as today's CT) decides.
3. Where the words state nothing either, the table's pattern decides.
4. Where all are silent, the film is Negative.

The labels always follow from what was planted, by the six lung zones on the film that opacities cover; the
rule says where that can be read off.
"""

from dataclasses import dataclass, field

import numpy as np

from cases.phantom.patient import Patient
from cases.phantom.streams import chance, pick, shuffled
from modeling.labels import APPEARANCE, GRADING, TaskName, grading_from_zones
from modeling.study import Modality

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
_ZONE_COUNTS = {"Mild": (1, 2), "Moderate": (3, 4), "Severe": (5, 6)}
COMBINATIONS: tuple[tuple[str, str | None], ...] = (
    ("Negative", None),
    *((appearance, grading) for appearance in ("Typical", "Indeterminate") for grading in _ZONE_COUNTS),
    *(("Atypical", grading) for grading in (None, *_ZONE_COUNTS)),
)
"""Every appearance with every grading that it can have."""

SITUATIONS = ("agrees", "silent", "words hold", "table holds", "film against words", "words against table")
_SITUATION_WEIGHTS = (0.26, 0.18, 0.16, 0.16, 0.12, 0.12)


@dataclass(frozen=True)
class Opacity:
    """One planned opacity.

    Attributes:
        zone: of `ZONES`, or a side ("right", "left") or "both" for what has no zone.
        weight: extent relative to a usual patch.
    """

    kind: str
    zone: str
    distribution: str = "peripheral"
    weight: float = 1.0

    @property
    def name(self) -> str:
        """Kind and place, as masks are named."""
        return f"{self.kind}, {self.zone}"

    @property
    def sign(self) -> float:
        """Of x: -1 on the right, 1 on the left."""
        return -1.0 if self.side == "right" else 1.0

    @property
    def side(self) -> str:
        """ "right", "left" or "both"."""
        return self.zone.split()[0]

    @property
    def level(self) -> str:
        """ "upper", "mid", "lower" or ""."""
        return self.zone.partition(" ")[2]


@dataclass(frozen=True)
class Stance:
    """The labels that words or table point to, None where to none; `absent`: the modality is missing."""

    appearance: str | None = None
    grading: str | None = None
    absent: bool = False


@dataclass(frozen=True)
class Plan:
    """A case before it is drawn."""

    appearance: str
    grading: str | None
    opacities: tuple[Opacity, ...]
    conspicuous: bool
    words: Stance
    table: Stance
    situation: str
    cardiomegaly: bool
    modality: dict[TaskName, tuple[Modality, ...]] = field(default_factory=dict)

    @property
    def agreement(self) -> str:
        """How table and words stand to what was planted: "agrees", "silent" or "contradicts"."""
        stances = [s.appearance for s in (self.words, self.table) if s.appearance is not None]
        if any(stance != self.appearance for stance in stances):
            return "contradicts"
        return "agrees" if stances else "silent"


def draw_plan(
    rng: np.random.Generator, combination: tuple[str, str | None] | None, situation: str | None
) -> Plan:
    """Draw a case's plan; a given combination of labels or situation is kept."""
    if combination is None:
        appearance = pick(rng, APPEARANCE.classes)
        combination = pick(rng, [c for c in COMBINATIONS if c[0] == appearance])
    appearance, grading = combination
    if situation is None:
        situation = pick(rng, SITUATIONS, _SITUATION_WEIGHTS)
    if appearance == "Negative" and situation == "film against words":
        # By rule 2 words would win over an empty film: such a case would not be Negative.
        situation = "words against table"
    opacities = _opacities(rng, appearance, grading)
    words, table = _stances(rng, situation, appearance, grading)
    conspicuous = situation in ("agrees", "silent", "film against words")
    enlarged, held = chance(rng, 0.18), _holders(appearance, grading, conspicuous, words, table)
    return Plan(appearance, grading, opacities, conspicuous, words, table, situation, enlarged, held)


def _other(rng: np.random.Generator, appearance: str) -> tuple[str, str | None]:
    options = [c for c in COMBINATIONS if c[0] != appearance]
    wrong = pick(rng, sorted({c[0] for c in options}))
    return pick(rng, [c for c in options if c[0] == wrong])


def _stances(
    rng: np.random.Generator, situation: str, appearance: str, grading: str | None
) -> tuple[Stance, Stance]:
    """Words and table in each situation."""
    right, nothing = Stance(appearance, grading), Stance(absent=chance(rng, 0.25))
    if situation == "agrees":
        words = right if chance(rng, 0.5) else nothing
        table = right if words is nothing or chance(rng, 0.6) else Stance()
        return words, table
    if situation == "silent":
        return nothing, Stance(absent=chance(rng, 0.2))
    if situation == "words hold":
        return right, Stance(absent=chance(rng, 0.2))
    if situation == "table holds":
        return nothing, right
    wrong = Stance(*_other(rng, appearance))
    if situation == "film against words":
        return pick(rng, [(wrong, Stance()), (nothing, wrong), (wrong, wrong), (wrong, right)])
    return right, wrong


def _holders(
    appearance: str, grading: str | None, conspicuous: bool, words: Stance, table: Stance
) -> dict[TaskName, tuple[Modality, ...]]:
    """Task -> modalities from which its reference label can be read off."""
    said = {
        Modality.TEXT: (words.appearance, words.grading),
        Modality.TABLE: (table.appearance, table.grading),
    }
    contradicted = any(stated not in (None, appearance) for stated, _ in said.values())
    # An empty film is evidence for Negative unless something that outranks it in the rule says otherwise.
    film = not contradicted if appearance == "Negative" else conspicuous
    wanted = {APPEARANCE: (appearance,)}
    if grading is not None:
        wanted[GRADING] = (appearance, grading)
    return {
        task: tuple(
            m for m in Modality if (film if m is Modality.IMAGE else said[m][: len(labels)] == labels)
        )
        for task, labels in wanted.items()
    }


def _opacities(rng: np.random.Generator, appearance: str, grading: str | None) -> tuple[Opacity, ...]:
    if appearance == "Negative":
        return ()
    if appearance == "Atypical":
        return _atypical(rng, grading)
    count = pick(rng, _ZONE_COUNTS[str(grading)])
    if appearance == "Typical":
        zones = _bilateral(rng, max(2, count), ("lower", "mid", "upper"))
        return _patches(rng, zones, "peripheral", heavy="lower")
    if count <= 3 and chance(rng, 0.5):
        side = pick(rng, ("right", "left"))
        zones = [f"{side} {level}" for level in shuffled(rng, LEVELS)[:count]]
        return _patches(rng, zones, pick(rng, ("peripheral", "central")), heavy=None)
    if count == 1 or chance(rng, 0.5):
        zones = _bilateral(rng, max(2, count), ("mid", "lower", "upper"))
        return _patches(rng, zones, "central", heavy=None)
    return _patches(rng, _bilateral(rng, count, LEVELS), "peripheral", heavy="upper")


def _bilateral(rng: np.random.Generator, count: int, order: tuple[str, ...]) -> list[str]:
    """Zones of both lungs, filled level by level in this order."""
    zones: list[str] = []
    for level in order:
        zones += [f"{side} {level}" for side in shuffled(rng, ("right", "left"))]
    return zones[:count]


def _patches(
    rng: np.random.Generator, zones: list[str], distribution: str, heavy: str | None
) -> tuple[Opacity, ...]:
    """Airspace opacities, one a zone; the heavy level is larger, the opposite one smaller."""
    light = {"lower": "upper", "upper": "lower", None: ""}[heavy]
    kind = pick(rng, ("ground glass", "consolidation"), (0.65, 0.35))
    patches = []
    for zone in zones:
        level = zone.split()[1]
        weight = 1.2 if level == heavy else 0.78 if level == light else 1.0
        own = kind if chance(rng, 0.75) else pick(rng, ("ground glass", "consolidation"))
        patches.append(Opacity(own, zone, distribution, weight))
    return tuple(patches)


def _atypical(rng: np.random.Generator, grading: str | None) -> tuple[Opacity, ...]:
    """An atypical sign, with airspace opacities in as many zones as the grading asks for."""
    side, level = pick(rng, ("right", "left")), pick(rng, LEVELS)
    if grading == "Mild" and chance(rng, 0.4):
        zones = [f"{side} {level}"] + ([f"{side} mid"] if level != "mid" and chance(rng, 0.4) else [])
        return tuple(Opacity("lobar consolidation", zone) for zone in zones)
    if grading in ("Moderate", "Severe") and chance(rng, 0.4):
        zones = _bilateral(rng, 4 if grading == "Moderate" else 6, ("mid", "lower", "upper"))
        return (*(Opacity("edema", zone, "central") for zone in zones), Opacity("effusion", side))
    kind = pick(rng, ("pneumothorax", "effusion", "nodule", "mass", "cavity", "miliary nodules"))
    places = {"pneumothorax": side, "effusion": side, "miliary nodules": "both"}
    sign = Opacity(kind, places.get(kind, f"{side} {level}"))
    if grading is None:
        return (sign,)
    count = pick(rng, _ZONE_COUNTS[grading])
    zones = shuffled(rng, ZONES)[:count]
    assert grading_from_zones(count) == grading
    return (sign, *_patches(rng, zones, pick(rng, ("peripheral", "central")), heavy=None))


# --- the labels that follow from what was planted ----------------------------------------------------------


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
    airspace = _airspace(masks, zones)
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
    airspace = _airspace(masks, zones)
    typical = bilateral and _peripheral(airspace, zones) and _lower_predominant(airspace, zones)
    return "Typical" if typical else "Indeterminate"


def grading_from_masks(masks: Masks, zones: Masks) -> str | None:
    """The class of `labels.GRADING`, or None where no zone has airspace opacities."""
    return grading_from_zones(len(affected_zones(masks, zones)))


def _airspace(masks: Masks, zones: Masks) -> np.ndarray:
    nowhere = np.zeros(zones[ZONES[0]].shape, bool)
    chosen = (mask for name, mask in masks.items() if opacity_kind(name) in AIRSPACE_KINDS)
    return np.logical_or.reduce([nowhere, *chosen])


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
