"""Studies of which it is known where the evidence lies: films with drawn boxes, and phantoms.

Shape letters: H W native.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from modeling.labels import APPEARANCE, Target, TaskName
from modeling.study import Modality, Study
from training.corpora.labelled_film import Film


@dataclass(frozen=True)
class PlantedFacts:
    """What a phantom's maker knows about its appearance.

    Attributes:
        holders: the modalities from which the reference class can be read off.
        fields: clinical fields that carry evidence for it.
        words: (section, start, end) spans that do.
        contradicts: whether table or text point to another class.
    """

    holders: tuple[Modality, ...]
    fields: tuple[str, ...]
    words: tuple[tuple[str, int, int], ...]
    contradicts: bool


@dataclass(frozen=True, eq=False)
class MarkedStudy:
    """A study with its reference appearance and the place of its evidence.

    Attributes:
        region: (H, W) bool, where the film shows it; None where the film shows nothing plainly.
        planted: what is known beyond the film, for a phantom.
    """

    study: Study
    reference: str
    patient: str
    region: np.ndarray | None
    planted: PlantedFacts | None = None

    @property
    def target(self) -> Target:
        """The reference class: what every map explains."""
        return Target(TaskName.APPEARANCE, self.reference)


def box_region(
    boxes: Sequence[tuple[float, float, float, float]], shape: tuple[int, int]
) -> np.ndarray | None:
    """(H, W) bool: every pixel that a box touches; None without a box on the film.

    Args:
        boxes: (x, y, w, h) as fractions of the film.
    """
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
    return MarkedStudy(study, film.labels[TaskName.APPEARANCE], film.patient, region)


def marked_case(case: Any, not_opacities: Collection[str] = ()) -> MarkedStudy:
    """A phantom; its evidence lies where its opacities were planted, if they can be seen.

    Args:
        case: a case with planted evidence (`cases.case.Case`, which this package does not import).
        not_opacities: kinds of masks that are no lung opacity, such as an enlarged heart.
    """
    evidence, reference = case.evidence, case.reference[TaskName.APPEARANCE]
    holders = tuple(evidence.modality.get(TaskName.APPEARANCE, ()))
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
