"""The clinical table of a phantom: what blood, breath and fever say, or do not say, about its labels.

The patterns (`table.json`: appearance or grading -> field -> lowest and highest value) are a convention of
the phantoms' world, drawn from how such values lean in practice; they are cleaner than any hospital's and
are no medical knowledge.
"""

import json
from pathlib import Path

import numpy as np

from cases.phantom.patient import Patient
from cases.phantom.scenario import Stance
from cases.phantom.streams import between, chance
from modeling.study import CLINICAL_FIELDS, ClinicalTable, ViewPosition

_PATTERNS = json.loads(Path(__file__).with_name("table.json").read_text(encoding="utf-8"))


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
    if stance.appearance is None:
        raw |= _uninformative(rng)
        telling = {}
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


def _uninformative(rng: np.random.Generator) -> dict[str, object]:
    """Values that are the same for every class: a tepid temperature and a resting CO2."""
    raw: dict[str, object] = {}
    if chance(rng, 0.5):
        raw["temperature"] = round(between(rng, 36.6, 37.6), 1)
    if chance(rng, 0.3):
        raw["pco2"] = round(between(rng, 34, 45))
    return raw
