"""The report: what a reader wrote after seeing the film. Post-read text."""

import numpy as np

from cases.phantom.grammar import Span, lift_marks, sentence
from cases.phantom.scenario import Opacity, Plan
from cases.phantom.streams import chance, pick, shuffled
from cases.phantom.zones import AIRSPACE_KINDS

_NORMAL = {
    "lungs": (
        "The lungs are clear.",
        "Both lungs are well aerated.",
        "No focal airspace opacity.",
        "Clear lungs.",
    ),
    "pleura": (
        "No pleural effusion or pneumothorax.",
        "Costophrenic angles are sharp.",
        "The pleural spaces are clear.",
    ),
    "heart": (
        "The heart is not enlarged.",
        "Cardiomediastinal silhouette within normal limits.",
        "Heart size is normal.",
    ),
    "bones": (
        "No acute bony abnormality.",
        "The bony thorax is intact.",
        "Mild degenerative change of the spine.",
    ),
}

_KIND = {
    "ground glass": ("hazy ground-glass opacity", "ill-defined hazy opacity", "faint ground-glass density"),
    "consolidation": ("patchy consolidation", "dense patchy opacity", "airspace consolidation"),
    "lobar consolidation": ("homogeneous lobar consolidation with air bronchograms", "lobar consolidation"),
    "edema": ("perihilar haze in keeping with edema", "batwing perihilar opacity"),
    "nodule": ("a solitary nodule", "a well-defined nodule"),
    "mass": ("a mass", "a large rounded mass"),
    "cavity": ("a thick-walled cavity", "a cavitating lesion"),
    "miliary nodules": ("innumerable tiny nodules", "diffuse miliary nodules"),
    "effusion": ("pleural effusion with a meniscus", "pleural effusion"),
    "pneumothorax": ("pneumothorax with a visible pleural line", "pneumothorax"),
}

_IMPRESSION = {
    "Negative": (
        "No acute cardiopulmonary disease.",
        "Normal chest.",
        "No lung opacity.",
        "Negative for pneumonia.",
    ),
    "Typical": (
        "Multifocal bilateral peripheral opacities, typical of viral pneumonia.",
        "Typical appearance: bilateral, peripheral and basal opacities.",
    ),
    "Indeterminate": (
        "Opacities without a typical distribution, indeterminate.",
        "Indeterminate airspace disease.",
        "Non-specific opacities; infection is possible.",
    ),
    "Atypical": (
        "Atypical appearance:",
        "Not the pattern of viral pneumonia:",
        "Consider another diagnosis:",
    ),
}


def draw_report(rng: np.random.Generator, plan: Plan) -> tuple[dict[str, str], tuple[Span, ...]]:
    """Write findings and impression.

    A reader misses what a film does not show plainly two times in five, and reads a plain film right.

    Returns:
        Section -> text, and the spans that state the reference labels.
    """
    missed = bool(plan.opacities) and not plan.conspicuous and chance(rng, 0.4)
    seen = () if missed else plan.opacities
    findings = _findings(rng, seen, plan.cardiomegaly)
    impression = _impression(
        rng, "Negative" if missed else plan.appearance, None if missed else plan.grading, seen
    )
    sections, spans = {}, []
    for name, marked in (("findings", findings), ("impression", impression)):
        text, found = lift_marks(name, marked)
        sections[name] = text
        spans.extend(() if missed else found)
    return sections, tuple(spans)


def _findings(rng: np.random.Generator, seen: tuple[Opacity, ...], cardiomegaly: bool) -> str:
    sentences = [_described(rng, opacity) for opacity in shuffled(rng, seen)]
    kinds = {opacity.kind for opacity in seen}
    if not seen:
        sentences.append(f"<{pick(rng, _NORMAL['lungs'])}>")
    if not kinds & {"effusion", "pneumothorax"}:
        sentences.append(pick(rng, _NORMAL["pleura"]))
    heart = ("The heart is enlarged.", "Cardiomegaly.", "Cardiothoracic ratio above one half.")
    sentences.append(pick(rng, heart if cardiomegaly else _NORMAL["heart"]))
    if chance(rng, 0.5):
        sentences.append(pick(rng, _NORMAL["bones"]))
    return " ".join(sentences)


def _described(rng: np.random.Generator, opacity: Opacity) -> str:
    what = pick(rng, _KIND[opacity.kind])
    if opacity.side == "both":
        return sentence(f"<{what} throughout both lungs>.")
    where = f"the {opacity.zone} zone" if opacity.level else f"the {opacity.side} side"
    if opacity.kind in ("ground glass", "consolidation") and chance(rng, 0.6):
        where = f"the {opacity.distribution} part of {where}"
    form = pick(
        rng, ("{what} in {where}", "there is {what} in {where}", "in {where}, {what}", "{what} of {where}")
    )
    if not opacity.level:
        form = pick(rng, ("{what} on {where}", "on {where}, {what}"))
    return sentence("<" + form.format(what=what, where=where) + ">.")


def _impression(
    rng: np.random.Generator, appearance: str, grading: str | None, seen: tuple[Opacity, ...]
) -> str:
    text = f"<{pick(rng, _IMPRESSION[appearance])}>"
    if appearance == "Atypical":
        signs = sorted({o.kind for o in seen if o.kind not in ("ground glass", "consolidation")})
        text = (
            f"<{pick(rng, _IMPRESSION[appearance])} {', '.join(pick(rng, _KIND[kind]) for kind in signs)}.>"
        )
    zones = sorted({o.zone for o in seen if o.kind in AIRSPACE_KINDS})
    if grading is not None and chance(rng, 0.7):
        zones_word = "zone" if len(zones) == 1 else "zones"
        extent = (
            f"{grading} airspace disease",
            f"extent: {grading.lower()}, {len(zones)} of 6 {zones_word}",
            f"{len(zones)} of 6 lung {zones_word} affected",
        )
        text += f" {sentence('<' + pick(rng, extent) + '>.')}"
    return text
