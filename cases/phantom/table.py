"""The clinical table of a phantom: what blood, breath and fever say, or do not say, about its labels.

The patterns are a convention of the phantoms' world, drawn from how such values lean in practice; they are
cleaner than any hospital's and are no medical knowledge.
"""

import numpy as np

from cases.phantom.scenario import Stance
from cases.phantom.streams import between, chance
from modeling.study import CLINICAL_FIELDS, ClinicalTable, ViewPosition

_Range = tuple[float, float]

_PATTERNS: dict[str, dict[str, _Range]] = {
    "Negative": {
        "temperature": (36.2, 37.2),
        "crp": (0.3, 6),
        "d_dimer": (0.1, 0.45),
        "ldh": (130, 210),
        "leukocytes": (4.5, 9),
        "lymphocytes": (1.4, 3),
        "neutrophils": (2.5, 5.8),
    },
    "Typical": {
        "temperature": (37.9, 39.6),
        "crp": (40, 140),
        "d_dimer": (0.5, 2.4),
        "ldh": (300, 560),
        "leukocytes": (3.2, 8),
        "lymphocytes": (0.35, 0.95),
        "neutrophils": (2, 6.5),
    },
    "Indeterminate": {
        "temperature": (37.3, 38.6),
        "crp": (15, 55),
        "d_dimer": (0.3, 0.9),
        "ldh": (190, 275),
        "leukocytes": (3.5, 8.5),
        "lymphocytes": (0.5, 1.2),
        "neutrophils": (2, 6.5),
    },
    "Atypical": {
        "temperature": (36.8, 39.2),
        "crp": (70, 290),
        "d_dimer": (0.6, 4),
        "ldh": (170, 320),
        "leukocytes": (13, 25),
        "lymphocytes": (0.8, 2.2),
        "neutrophils": (10, 21),
    },
}

_BREATH: dict[str | None, dict[str, _Range]] = {
    None: {"spo2": (96, 99), "respiratory_rate": (12, 18), "po2": (80, 98)},
    "Mild": {"spo2": (93, 95), "respiratory_rate": (19, 22), "po2": (68, 78)},
    "Moderate": {"spo2": (88, 91), "respiratory_rate": (24, 28), "po2": (55, 64)},
    "Severe": {"spo2": (76, 86), "respiratory_rate": (31, 42), "po2": (36, 52)},
}

_PCR = {"Negative": "negative", "Typical": "positive", "Indeterminate": "negative", "Atypical": "negative"}

_DECIMALS = {"temperature": 1, "crp": 1, "d_dimer": 2, "lymphocytes": 2, "leukocytes": 1, "neutrophils": 1}

_OFTEN_MISSING = {"po2": 0.6, "d_dimer": 0.35}


def draw_table(
    rng: np.random.Generator, stance: Stance, *, age: int, sex: str, view: ViewPosition, complete: bool
) -> tuple[ClinicalTable, tuple[str, ...]]:
    """Draw a clinical table that takes this stance.

    Args:
        stance: the labels that the values point to; none means that values lean nowhere.
        complete: whether the table alone must carry the labels, so that few values may be missing.

    Returns:
        The table, and the fields whose values point to the stance.
    """
    if stance.absent:
        return ClinicalTable(), ()
    raw: dict[str, object] = {}
    if not chance(rng, 0.04):
        raw["age"] = age
    if not chance(rng, 0.03):
        raw["sex"] = sex
    if not chance(rng, 0.10):
        raw["view_position"] = view.value
    if stance.appearance is None:
        raw.update(_uninformative(rng))
        return _in_order(raw), ()
    carriers = []
    ranges = {**_PATTERNS[stance.appearance], **_BREATH[stance.grading]}
    for name, (low, high) in ranges.items():
        missing = _OFTEN_MISSING.get(name, 0.04 if complete else 0.22)
        value = round(between(rng, low, high), _DECIMALS.get(name, 0))
        if not chance(rng, missing):
            raw[name] = value
            carriers.append(name)
    if not chance(rng, 0.04 if complete else 0.22):
        raw["rt_pcr"] = _PCR[stance.appearance]
        carriers.append("rt_pcr")
    if chance(rng, 0.3):
        raw["pco2"] = round(between(rng, 33, 45))
    return _in_order(raw), tuple(name for name in CLINICAL_FIELDS if name in carriers)


def _uninformative(rng: np.random.Generator) -> dict[str, object]:
    """Values that are the same for every class: a tepid temperature and a resting CO2."""
    raw: dict[str, object] = {}
    if chance(rng, 0.5):
        raw["temperature"] = round(between(rng, 36.6, 37.6), 1)
    if chance(rng, 0.3):
        raw["pco2"] = round(between(rng, 34, 45))
    return raw


def _in_order(raw: dict[str, object]) -> ClinicalTable:
    return ClinicalTable.from_raw({name: raw[name] for name in CLINICAL_FIELDS if name in raw})
