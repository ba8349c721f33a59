"""The plan of a case: which opacities lie where, and which modality holds the evidence for its labels.

The rule of the phantoms' world, the same for every case, so that a reader and a model can learn it:

1. What the film shows plainly wins over words and table.
2. Where the film shows nothing plainly, an explicit statement in the words (such as today's CT) decides.
3. Where the words state nothing either, the table's pattern decides.
4. Where all are silent, the film is Negative.

The labels always follow from what was planted; the rule says where that can be read off.
"""

from dataclasses import dataclass, field

import numpy as np

from cases.phantom.streams import chance, pick, shuffled
from modeling.labels import APPEARANCE, TaskName, grading_from_zones
from modeling.study import Modality

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
        zone: of `zones.ZONES`, or a side ("right", "left") or "both" for what has no zone.
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
    """The labels that the words or the table point to; None where they point to none.

    Attributes:
        absent: whether the modality is missing altogether.
    """

    appearance: str | None = None
    grading: str | None = None
    absent: bool = False

    @property
    def labels(self) -> tuple[str | None, str | None]:
        """Appearance and grading."""
        return self.appearance, self.grading


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
    said = {Modality.TEXT: words, Modality.TABLE: table}
    contradicted = any(s.appearance not in (None, appearance) for s in said.values())
    # An empty film is evidence for Negative unless something that outranks it in the rule says otherwise.
    film = not contradicted if appearance == "Negative" else conspicuous
    wanted = {TaskName.APPEARANCE: (appearance,)}
    if grading is not None:
        wanted[TaskName.GRADING] = (appearance, grading)
    return {
        task: tuple(
            m for m in Modality if (film if m is Modality.IMAGE else said[m].labels[: len(labels)] == labels)
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
        zones = [f"{side} {level}" for level in shuffled(rng, ("upper", "mid", "lower"))[:count]]
        return _patches(rng, zones, pick(rng, ("peripheral", "central")), heavy=None)
    if count == 1 or chance(rng, 0.5):
        zones = _bilateral(rng, max(2, count), ("mid", "lower", "upper"))
        return _patches(rng, zones, "central", heavy=None)
    return _patches(rng, _bilateral(rng, count, ("upper", "mid", "lower")), "peripheral", heavy="upper")


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
    side, level = pick(rng, ("right", "left")), pick(rng, ("upper", "mid", "lower"))
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
    zones = shuffled(rng, [f"{s} {v}" for s in ("right", "left") for v in ("upper", "mid", "lower")])[:count]
    assert grading_from_zones(count) == grading
    return (sign, *_patches(rng, zones, pick(rng, ("peripheral", "central")), heavy=None))
