"""The indication: why the film was asked for, and sometimes what is known already. Pre-read text."""

import numpy as np

from cases.phantom.grammar import Span, expand, lift_marks, sentence
from cases.phantom.scenario import Stance
from cases.phantom.streams import chance, pick

_RULES: dict[str, tuple[str, ...]] = {
    "who": (
        "{age}-year-old {sex}",
        "{sex}, {age} y",
        "{age} y/o {sex}",
        "patient, {age} years",
        "{age} yo {sex}",
    ),
    "reason": (
        "chest radiograph requested",
        "film on admission",
        "pre-operative film",
        "routine film before surgery",
        "cough for some days",
        "referred from the emergency department",
        "shortness of breath",
        "follow-up film",
        "film after change of ward",
        "evaluate heart and lungs",
        "chest discomfort",
        "check of line position",
        "tired for a week",
    ),
    "query": (
        "rule out pneumonia",
        "? pneumonia",
        "please assess for infiltrate",
        "exclude pathology",
        "pneumothorax or effusion?",
        "any change?",
        "query infection",
        "please comment on the lungs",
    ),
    "history": (
        "history of hypertension",
        "ex-smoker",
        "known asthma",
        "diabetes mellitus type 2",
        "pneumonia two years ago, resolved",
        "no known allergies",
        "history of breast cancer, in remission",
        "treated for heart failure in the past",
        "no previous films",
        "hip replacement last year",
    ),
    "ct": (
        "CT of this morning shows",
        "chest CT today:",
        "CT one hour ago reports",
        "same-day CT demonstrates",
        "outside CT of today describes",
        "today's CT already shows",
        "CT from the night shift:",
    ),
}

_STATED: dict[str, tuple[str, ...]] = {
    "Negative": (
        "clear lungs without any opacity",
        "no pulmonary opacity",
        "normal lungs",
        "lungs free of infiltrates",
        "no consolidation or ground-glass opacity",
        "nothing abnormal in either lung",
    ),
    "Typical": (
        "bilateral peripheral ground-glass opacities with lower lobe predominance",
        "multifocal peripheral opacities in both lower lungs",
        "rounded bilateral subpleural ground-glass opacities",
        "patchy peripheral consolidation of both lung bases",
        "multifocal bilateral, basal and peripheral opacities",
    ),
    "Indeterminate": (
        "opacities of one lung only, without a lobar pattern",
        "central perihilar opacities",
        "upper-lung predominant patchy opacities",
        "hazy opacity, neither peripheral nor basal",
        "non-specific unilateral ground-glass opacity",
        "patchy opacities in a perihilar distribution",
    ),
    "Atypical": (
        "a lobar consolidation",
        "pleural effusion",
        "a pneumothorax",
        "a solitary pulmonary nodule",
        "a pulmonary mass",
        "a cavity with a thick wall",
        "pulmonary edema",
        "innumerable tiny nodules",
    ),
}

_EXTENT: dict[str | None, tuple[str, ...]] = {
    None: ("no airspace disease beyond that", "no zone with airspace opacity"),
    "Mild": ("one or two of six zones involved", "limited extent", "mild extent, at most two lung zones"),
    "Moderate": (
        "three to four of six zones involved",
        "moderate extent",
        "about half of the lung zones involved",
    ),
    "Severe": (
        "five or six zones involved",
        "severe extent",
        "nearly all lung zones involved",
        "diffuse, all zones",
    ),
}

_KIND_WORDS = {
    "lobar consolidation": "a lobar consolidation",
    "effusion": "pleural effusion",
    "pneumothorax": "a pneumothorax",
    "nodule": "a solitary pulmonary nodule",
    "mass": "a pulmonary mass",
    "cavity": "a cavity with a thick wall",
    "edema": "pulmonary edema",
    "miliary nodules": "innumerable tiny nodules",
}


def draw_indication(
    rng: np.random.Generator, stance: Stance, *, age: int, sex: str, sign: str, hospital: str
) -> tuple[str, tuple[Span, ...]]:
    """Write an indication that takes this stance.

    Args:
        sign: the planted atypical sign's kind, which a true statement of Atypical names; or "".
        hospital: a hospital to name (a planted confounder), or "".

    Returns:
        The text ("" where the words are absent), and the spans that state the labels.
    """
    if stance.absent:
        return "", ()
    # A name pulls no weight of its own: sex is written in one of two ways whatever the class.
    rules = dict(_RULES, age=(str(age),), sex=(sex, {"female": "woman", "male": "man"}[sex]))
    parts = []
    if chance(rng, 0.7):
        parts.append(expand(rng, "{who}", rules))
    parts.append(expand(rng, "{reason}", rules))
    if chance(rng, 0.5):
        parts.append(expand(rng, "{history}", rules))
    if stance.appearance is not None:
        parts.insert(int(rng.integers(0, len(parts) + 1)), _statement(rng, stance, rules, sign))
    if chance(rng, 0.45):
        parts.append(expand(rng, "{query}", rules))
    if hospital:
        parts.insert(int(rng.integers(0, 2)), f"transfer from {hospital}")
    return lift_marks("indication", " ".join(f"{sentence(part)}{_stop(part)}" for part in parts))


def _stop(part: str) -> str:
    return "" if part.endswith("?") else "."


def _statement(rng: np.random.Generator, stance: Stance, rules: dict[str, tuple[str, ...]], sign: str) -> str:
    assert stance.appearance is not None
    found = pick(rng, _STATED[stance.appearance])
    if stance.appearance == "Atypical" and sign:
        found = _KIND_WORDS[sign]
    statement = f"{expand(rng, '{ct}', rules)} <{found}>"
    if stance.appearance == "Negative":
        return statement
    return f"{statement}, <{pick(rng, _EXTENT[stance.grading])}>"
