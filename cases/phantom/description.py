"""What a phantom's film shows, fact by fact, and a report that says it in English or Traditional Chinese.

The short reports of `words.py` name opacities and an impression, so that a fifth of them are one of a few
normal ones. Here every film is described as a thorough reader would: each opacity with its place, part and
size, what is not there, heart, devices, habitus. All of it follows from the plan and the patient that were
drawn; what a film does not show plainly is not described. Wordings stand in `description.json`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np

from cases.phantom.generator import Phantom
from cases.phantom.patient import Patient
from cases.phantom.scenario import Opacity
from cases.phantom.streams import chance, pick, shuffled
from modeling.labels import APPEARANCE, GRADING
from modeling.study import ViewPosition

Language = Literal["en", "zh-Hant"]
LANGUAGES: tuple[Language, ...] = ("en", "zh-Hant")
_MINOR = frozenset((
    "PA", "AP", "no devices", "low volumes", "usual volumes", "large volumes", "breasts", "no breasts",
    "thick wall", "thin wall", "wide aorta", "narrow aorta", "curved right", "curved left",
))  # fmt: skip
"""Of these a reader leaves out one in four."""
_ROUND, _PLEURA = ("nodule", "mass", "cavity"), ("effusion", "pneumothorax")


@dataclass(frozen=True)
class Statement:
    """One thing that a film shows, or that it does not.

    Attributes:
        key: of the wordings that need no blank, or "found".
        facts: what it claims; a film of which all of these hold makes it true.
        opacity: name of the opacity's mask; "" for anything else.
        blanks: kind, zone, size and part of an opacity.
    """

    key: str
    facts: frozenset[str]
    opacity: str = ""
    blanks: tuple[tuple[str, str], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As JSON types."""
        return {
            "key": self.key,
            "facts": sorted(self.facts),
            "opacity": self.opacity,
            "blanks": dict(self.blanks),
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> "Statement":
        """What `to_json` gave."""
        return cls(raw["key"], frozenset(raw["facts"]), raw["opacity"], tuple(raw["blanks"].items()))


@cache
def _words(language: Language) -> dict[str, Any]:
    return json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))[language]


# --- what a film shows


def described(phantom: Phantom) -> tuple[Statement, ...]:
    """Everything that can be said of a phantom's film; all facts of all statements hold together."""
    plan, masks = phantom.plan, phantom.case.evidence.masks
    seen = plan.opacities if plan.conspicuous else ()
    statements = [_opacity(one, masks[one.name], phantom) for one in seen]
    statements += _plain(_absent(seen))
    statements += _plain(_summary(phantom, seen) if seen or not plan.opacities else ())
    position = phantom.case.study.radiograph.view_position
    bedside = "AP" if position is ViewPosition.AP else "PA"
    statements += _plain((bedside, *_devices(phantom.devices), *_habitus(phantom.patient)))
    return tuple(statements)


def _plain(keys: Sequence[str]) -> list[Statement]:
    implied = {
        "no pleura": ("no effusion", "no pneumothorax"), "huge heart": ("large heart",),
        "small heart": ("no large heart",), "normal heart": ("no large heart",),
    }  # fmt: skip
    return [Statement(key, frozenset((key, *implied.get(key, ())))) for key in keys]


def _opacity(opacity: Opacity, mask: np.ndarray, phantom: Phantom) -> Statement:
    kind, zone = opacity.kind, opacity.zone
    blanks = {"kind": kind, "zone": zone}
    facts = {kind, f"{kind}, {zone}"}
    if zone != "both":
        blanks["size"] = _size(opacity, mask, phantom)
        facts.add(f"{kind}, {zone}, {blanks['size']}")
    if kind in ("ground glass", "consolidation"):
        blanks["part"] = opacity.distribution
        facts.add(f"{kind}, {zone}, {opacity.distribution}")
    return Statement("found", frozenset(facts), opacity.name, tuple(blanks.items()))


def _size(opacity: Opacity, mask: np.ndarray, phantom: Phantom) -> str:
    """By the share of its zone or lung that is covered; of what is round, by its diameter in mm."""
    if opacity.kind in _ROUND:
        spacing = phantom.case.study.radiograph.pixel_spacing
        diameter = 2 * np.sqrt(np.count_nonzero(mask) * spacing[0] * spacing[1] / np.pi)
        low, high = (22.0, 26.0) if opacity.kind == "nodule" else (42.0, 52.0)
        return "small" if diameter < low else "moderate" if diameter < high else "large"
    zones = [zone for name, zone in phantom.zones.items() if name.startswith(opacity.zone)]
    share = np.count_nonzero(mask) / max(1, sum(np.count_nonzero(zone) for zone in zones))
    low, high = {"effusion": (0.12, 0.25), "pneumothorax": (0.12, 0.22)}.get(opacity.kind, (0.27, 0.4))
    return "small" if share < low else "moderate" if share < high else "large"


def _absent(seen: Sequence[Opacity]) -> tuple[str, ...]:
    kinds = {opacity.kind for opacity in seen}
    missing = [kind for kind in _PLEURA if kind not in kinds]
    pleura = ("no pleura",) if len(missing) == 2 else tuple(f"no {kind}" for kind in missing)
    return pleura if kinds else ("no opacity", *pleura)


def _summary(phantom: Phantom, seen: Sequence[Opacity]) -> tuple[str, ...]:
    """Appearance, extent and sides, as they follow from what was planted."""
    reference, sides = phantom.case.reference, {opacity.side for opacity in seen}
    extent = (reference[GRADING],) if GRADING in reference else ()
    spread = (
        () if not sides else (f"one side {min(sides)}",) if sides in ({"left"}, {"right"}) else ("two sides",)
    )
    return (reference[APPEARANCE], *extent, *spread)


def _devices(devices: Sequence[str]) -> tuple[str, ...]:
    if not devices:
        return ("no devices",)
    electrodes = sum(name.startswith("electrode") for name in devices)
    said = ("electrodes" if electrodes > 1 else "one electrode",) if electrodes else ()
    tubes = [name.replace("central line, ", "line ") for name in devices if not name.startswith("electrode")]
    return (*said, *tubes)


def _habitus(patient: Patient) -> tuple[str, ...]:
    """Heart, breath, chest wall, aorta and spine; nothing is said of what lies in between."""
    heart, length = patient.heart, patient.dome[0] - patient.apex  # mm
    said = ["small heart" if heart < 0.94 else "normal heart" if heart < 1.2 else "large heart"]
    if heart > 1.33:
        said = ["huge heart"]
    said.append("low volumes" if length < 190 else "usual volumes" if length < 225 else "large volumes")
    said.append("breasts" if patient.breast else "no breasts")
    said += ["thick wall"] if patient.wall > 42 else ["thin wall"] if patient.wall < 31 else []
    said += ["wide aorta"] if patient.aorta > 1.12 else ["narrow aorta"] if patient.aorta < 0.92 else []
    said += [f"curved {'left' if patient.scoliosis > 0 else 'right'}"] if abs(patient.scoliosis) > 4 else []
    return tuple(said)


# --- in words


def worded(rng: np.random.Generator, statement: Statement, language: Language) -> str:
    """One sentence; which of its wordings is drawn."""
    words, blanks = _words(language), dict(statement.blanks)
    if not blanks:
        return _ended(pick(rng, words["said"][statement.key]), words)
    form = "found" if "part" in blanks else "found without part" if "size" in blanks else "found everywhere"
    kind = blanks["kind"]
    sizes = words["sizes"]["round" if kind in _ROUND else "pleura" if kind in _PLEURA else "patch"]
    lists = {"kind": words["kinds"], "zone": words["zones"], "size": sizes, "part": words["parts"]}
    drawn = {name: pick(rng, lists[name][value]) for name, value in blanks.items()}
    return _ended(pick(rng, words[form]).format(**drawn), words)


def _ended(text: str, words: Mapping[str, Any]) -> str:
    return text[:1].upper() + text[1:] + words["end"]


def mentioned(rng: np.random.Generator, statements: Sequence[Statement]) -> list[Statement]:
    """What a reader writes down: opacities first, in any order, and three in four of the minor things."""
    kept = [one for one in statements if one.key not in _MINOR or chance(rng, 0.75)]
    return [*shuffled(rng, [one for one in kept if one.opacity]), *(one for one in kept if not one.opacity)]


def report(
    rng: np.random.Generator, statements: Sequence[Statement], language: Language
) -> tuple[str, list[tuple[Statement, str]]]:
    """A report on a film, and each statement in it with its sentence."""
    sentences = [(one, worded(rng, one, language)) for one in mentioned(rng, statements)]
    return _words(language)["joint"].join(text for _, text in sentences), sentences
