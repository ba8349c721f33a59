"""The words and the clinical table of a phantom, and which of them are evidence for its labels.

The phrases of indication (pre-read) and report (post-read) stand in `words.json`; `{slot}` there is a phrase
of its own, drawn anew. The patterns of the table (`table.json`: appearance or grading -> field -> lowest and
highest value) are a convention of the phantoms' world, drawn from how such values lean in practice; they are
cleaner than any hospital's and are no medical knowledge.
"""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from cases.phantom.patient import Patient
from cases.phantom.scenario import AIRSPACE_KINDS, Opacity, Plan, Stance
from cases.phantom.streams import between, chance, pick, shuffled
from modeling.study import CLINICAL_FIELDS, ClinicalTable, ViewPosition

Span = tuple[str, int, int]
Rules = Mapping[str, Sequence[str]]
WORDS = json.loads(Path(__file__).with_name("words.json").read_text(encoding="utf-8"))
_PATTERNS = json.loads(Path(__file__).with_name("table.json").read_text(encoding="utf-8"))
_NOUNS = {"female": "woman", "male": "man"}
_SLOT = re.compile(r"\{(\w+)\}")


def draw_indication(
    rng: np.random.Generator, stance: Stance, patient: Patient, *, sign: str, hospital: str
) -> tuple[str, tuple[Span, ...]]:
    """Why the film was asked for, sometimes what is known already, and the spans that state the labels.

    `sign`, of a planted atypical kind, is named by a true statement of Atypical, `hospital` as a planted
    confounder; either may be "".
    """
    if stance.absent:
        return "", ()
    # A name pulls no weight of its own: sex is written in one of two ways whatever the class.
    own = {"age": (str(patient.age),), "sex": (patient.sex, _NOUNS[patient.sex])}
    rules = WORDS["indication"] | own
    parts = [_expanded(rng, "{who}", rules)] if chance(rng, 0.7) else []
    parts.append(_expanded(rng, "{reason}", rules))
    if chance(rng, 0.5):
        parts.append(_expanded(rng, "{history}", rules))
    if stance.appearance is not None:
        parts.insert(int(rng.integers(0, len(parts) + 1)), _statement(rng, stance, rules, sign))
    if chance(rng, 0.45):
        parts.append(_expanded(rng, "{query}", rules))
    if hospital:
        parts.insert(int(rng.integers(0, 2)), f"transfer from {hospital}")
    ended = (part if part.endswith("?") else f"{part}." for part in parts)
    return lift_marks("indication", " ".join(map(_sentence, ended)))


def draw_report(rng: np.random.Generator, plan: Plan) -> tuple[dict[str, str], tuple[Span, ...]]:
    """Findings and impression, as a reader wrote them after seeing the film.

    A reader misses what a film does not show plainly two times in five, and reads a plain film right.
    Returned are section -> text, and the spans that state the reference labels.
    """
    missed = bool(plan.opacities) and not plan.conspicuous and chance(rng, 0.4)
    appearance, grading, seen = (
        ("Negative", None, ()) if missed else (plan.appearance, plan.grading, plan.opacities)
    )
    findings, found = lift_marks("findings", _findings(rng, seen, plan.cardiomegaly))
    impression, stated = lift_marks("impression", _impression(rng, appearance, grading, seen))
    return {"findings": findings, "impression": impression}, () if missed else (*found, *stated)


def lift_marks(section: str, marked: str) -> tuple[str, tuple[Span, ...]]:
    """A text without its `<evidence>` marks, and (section, start, end) of each marked stretch."""
    plain, spans, start = "", [], 0
    for piece in re.split(r"([<>])", marked):
        if piece == "<":
            start = len(plain)
        elif piece == ">":
            spans.append((section, start, len(plain)))
        else:
            plain += piece
    return plain, tuple(spans)


def _expanded(rng: np.random.Generator, template: str, rules: Rules) -> str:
    """Every `{slot}` replaced by one of its phrases, again and again until none is left."""
    while match := _SLOT.search(template):
        template = template[: match.start()] + pick(rng, rules[match[1]]) + template[match.end() :]
    return template


def _sentence(text: str) -> str:
    """With a capital at its start (behind a mark, if there is one)."""
    at = 1 if text.startswith("<") else 0
    return text[:at] + text[at : at + 1].upper() + text[at + 1 :]


def _statement(rng: np.random.Generator, stance: Stance, rules: Rules, sign: str) -> str:
    found = pick(rng, WORDS["stated"][stance.appearance])
    if stance.appearance == "Atypical" and sign:
        found = WORDS["sign"][sign]
    statement = f"{_expanded(rng, '{ct}', rules)} <{found}>"
    if stance.appearance == "Negative":
        return statement
    return f"{statement}, <{pick(rng, WORDS['extent'][stance.grading or ''])}>"


def _findings(rng: np.random.Generator, seen: tuple[Opacity, ...], cardiomegaly: bool) -> str:
    normal = WORDS["normal"]
    sentences = [_described(rng, opacity) for opacity in shuffled(rng, seen)]
    if not seen:
        sentences.append(f"<{pick(rng, normal['lungs'])}>")
    if not {opacity.kind for opacity in seen} & {"effusion", "pneumothorax"}:
        sentences.append(pick(rng, normal["pleura"]))
    sentences.append(pick(rng, WORDS["large heart"] if cardiomegaly else normal["heart"]))
    if chance(rng, 0.5):
        sentences.append(pick(rng, normal["bones"]))
    return " ".join(sentences)


def _described(rng: np.random.Generator, opacity: Opacity) -> str:
    what = pick(rng, WORDS["opacity"][opacity.kind])
    if opacity.side == "both":
        return _sentence(f"<{what} throughout both lungs>.")
    where = f"the {opacity.zone} zone" if opacity.level else f"the {opacity.side} side"
    if opacity.kind in ("ground glass", "consolidation") and chance(rng, 0.6):
        where = f"the {opacity.distribution} part of {where}"
    form = pick(rng, WORDS["zone form"])
    if not opacity.level:
        form = pick(rng, WORDS["side form"])
    return _sentence("<" + form.format(what=what, where=where) + ">.")


def _impression(
    rng: np.random.Generator, appearance: str, grading: str | None, seen: tuple[Opacity, ...]
) -> str:
    text = f"<{pick(rng, WORDS['impression'][appearance])}>"
    if appearance == "Atypical":
        signs = sorted({o.kind for o in seen if o.kind not in ("ground glass", "consolidation")})
        opening = pick(rng, WORDS["impression"][appearance])
        text = f"<{opening} {', '.join(pick(rng, WORDS['opacity'][kind]) for kind in signs)}.>"
    count = len({o.zone for o in seen if o.kind in AIRSPACE_KINDS})
    if grading is not None and chance(rng, 0.7):
        zones = "zone" if count == 1 else "zones"
        extent = [f"{grading} airspace disease", f"extent: {grading.lower()}, {count} of 6 {zones}"]
        extent.append(f"{count} of 6 lung {zones} affected")
        text += f" {_sentence('<' + pick(rng, extent) + '>.')}"
    return text


# --- the table ---------------------------------------------------------------------------------------------


def draw_table(
    rng: np.random.Generator, stance: Stance, patient: Patient, view: ViewPosition, *, complete: bool
) -> tuple[ClinicalTable, tuple[str, ...]]:
    """Draw a clinical table that takes this stance; also returns the fields whose values point to it.

    A stance without labels means that values lean nowhere; `complete`, that the table alone must carry the
    labels, so that few values may be missing.
    """
    if stance.absent:
        return ClinicalTable(), ()
    person = (("age", patient.age, 0.04), ("sex", patient.sex, 0.03), ("view_position", view.value, 0.10))
    raw = {name: value for name, value, missing in person if not chance(rng, missing)}
    telling: dict[str, object] = {}
    if stance.appearance is None:  # values that are the same for every class
        raw |= {"temperature": round(between(rng, 36.6, 37.6), 1)} if chance(rng, 0.5) else {}
        raw |= {"pco2": round(between(rng, 34, 45))} if chance(rng, 0.3) else {}
    else:
        telling = _telling(rng, stance, 0.04 if complete else 0.22)
        raw |= telling
        if chance(rng, 0.3):
            raw["pco2"] = round(between(rng, 33, 45))
    table = ClinicalTable.from_raw({name: raw[name] for name in CLINICAL_FIELDS if name in raw})
    return table, tuple(name for name in CLINICAL_FIELDS if name in telling)


def _telling(rng: np.random.Generator, stance: Stance, usually_missing: float) -> dict[str, object]:
    """Values that point to the stance; each is missing now and then."""
    raw: dict[str, object] = {}
    ranges = _PATTERNS["appearance"][stance.appearance] | _PATTERNS["grading"][stance.grading or ""]
    for name, (low, high) in ranges.items():
        value = round(between(rng, low, high), _PATTERNS["decimals"].get(name, 0))
        if not chance(rng, _PATTERNS["missing"].get(name, usually_missing)):
            raw[name] = value
    if not chance(rng, usually_missing):
        raw["rt_pcr"] = _PATTERNS["rt_pcr"][stance.appearance]
    return raw
