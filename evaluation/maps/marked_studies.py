"""Studies of which it is known where the evidence lies: films with drawn boxes, and phantoms.

Shape letters: H W native.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluation.maps.localisation_scores import positive_share, with_interval
from modeling.labels import APPEARANCE, Target, Task
from modeling.results import Attribution, WordAttribution
from modeling.study import Modality, Study
from training.corpora.labelled_film import Film


@dataclass(frozen=True)
class PlantedFacts:
    """What a phantom's maker knows about its appearance."""

    holders: tuple[Modality, ...]  # the modalities from which the reference class can be read off
    fields: tuple[str, ...]  # clinical fields that carry evidence for it
    words: tuple[tuple[str, int, int], ...]  # (section, start, end) spans that do
    contradicts: bool  # whether table or text point to another class


@dataclass(frozen=True, eq=False)
class MarkedStudy:
    """A study with its reference and the place of its evidence."""

    study: Study
    reference: str
    patient: str
    region: np.ndarray | None  # H W bool; None where the film shows nothing plainly
    planted: PlantedFacts | None = None  # what is known beyond the film, for a phantom
    task: Task = APPEARANCE  # of the reference

    @property
    def target(self) -> Target:
        """The reference class: what every map explains."""
        return Target(self.task, self.reference)


def box_region(
    boxes: Sequence[tuple[float, float, float, float]], shape: tuple[int, int]
) -> np.ndarray | None:
    """(H, W) bool: every pixel that a box, (x, y, w, h) fractions, touches; None without one on the film."""
    height, width = shape
    region = np.zeros(shape, bool)
    for x, y, w, h in boxes:
        rows = slice(max(0, math.floor(y * height)), max(0, math.ceil((y + h) * height)))
        region[rows, max(0, math.floor(x * width)) : max(0, math.ceil((x + w) * width))] = True
    return region if region.any() else None


def marked_film(film: Film) -> MarkedStudy:
    """A film of a corpus; its evidence lies in the boxes that a radiologist drew."""
    study = film.study()
    region = box_region(film.boxes or (), study.radiograph.shape)
    return MarkedStudy(study, film.labels[APPEARANCE], film.patient, region)


def marked_case(case: Any, not_opacities: Collection[str] = ()) -> MarkedStudy:
    """A phantom, a `cases.case.Case`; its evidence lies where opacities were planted, if they can be seen.

    `not_opacities`: kinds of masks that are no lung opacity, such as an enlarged heart.
    """
    evidence, reference = case.evidence, case.reference[APPEARANCE]
    holders = tuple(evidence.modality.get(APPEARANCE, ()))
    masks = [mask for name, mask in evidence.masks.items() if name.split(",")[0] not in not_opacities]
    shown = Modality.IMAGE in holders and reference != APPEARANCE.classes[0] and masks
    region = np.logical_or.reduce(masks) if shown else None
    sections = case.study.text.sections
    facts = PlantedFacts(
        holders,
        tuple(evidence.fields),
        tuple(span for span in evidence.words if span[0] in sections),
        evidence.agreement == "contradicts",
    )
    return MarkedStudy(
        case.study, reference, case.case_id, region if region is not None and region.any() else None, facts
    )


# --- how much of an account lies on what was planted in table and words


_PLACES = {Modality.TABLE: "table", Modality.TEXT: "words"}


@dataclass(frozen=True)
class PlantedShare:
    """One study's account against what was planted; NaN where a modality holds no evidence or is not read.

    `held`: share of the positive modality share on the modalities that hold the evidence; NaN where the parts
    of the account do not add up.
    """

    patient: str
    on_evidence: dict[Modality, float]  # table and text -> share of its positive attribution on the evidence
    by_area: dict[Modality, float]  # the same for an even account: share of fields or words that are evidence
    held: float
    contradicts: bool
    right: bool  # whether the model's most probable class is the reference


def planted_share(marked: MarkedStudy, account: Attribution, right: bool) -> PlantedShare:
    """Compare one account with the facts; `marked` must have been planted."""
    facts = marked.planted
    assert facts is not None, "a real film has no planted facts"
    values: dict[Modality, tuple[np.ndarray, np.ndarray]] = {}
    known = [f for f in account.fields if f.value is not None]
    if Modality.TABLE in facts.holders and any(f.name in facts.fields for f in known):
        weights = np.array([float(f.name in facts.fields) for f in known])
        values[Modality.TABLE] = (np.array([f.attribution for f in known]), weights)
    weights = np.array([float(_is_evidence(word, facts.words)) for word in account.words])
    if Modality.TEXT in facts.holders and weights.any():
        values[Modality.TEXT] = (np.array([w.attribution for w in account.words]), weights)
    logits = np.array([account.modality_share.logits[m] for m in Modality])
    holds = np.array([float(m in facts.holders) for m in Modality])
    comparable = facts.holders and account.method == "integrated_gradients"
    return PlantedShare(
        marked.patient,
        {m: positive_share(*pair) for m, pair in values.items()},
        {m: float(weights.mean()) for m, (_, weights) in values.items()},
        positive_share(logits, holds) if comparable else float("nan"),
        facts.contradicts,
        right,
    )


def _is_evidence(word: WordAttribution, spans: Sequence[tuple[str, int, int]]) -> bool:
    return any(s == word.section and word.start < end and start < word.end for s, start, end in spans)


def summarise_shares(shares: Sequence[PlantedShare]) -> dict[str, Any]:
    """Means of the shares on the evidence, and the median over conflict cases that the model gets right."""
    names = [s.patient for s in shares]
    summary: dict[str, Any] = {}
    for modality, place in _PLACES.items():
        on = [s.on_evidence.get(modality, np.nan) for s in shares]
        area = [s.by_area.get(modality, np.nan) for s in shares]
        summary[place] = {**with_interval(on, names), "by_area": with_interval(area, names)["value"]}
    conflict = [s for s in shares if s.contradicts]
    right = [s for s in conflict if s.right]
    summary["conflict"] = {
        **with_interval([s.held for s in right], [s.patient for s in right], np.median),
        "cases": len(conflict),
        "right": len(right),
    }
    return summary
