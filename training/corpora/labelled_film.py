"""A film of a corpus with whatever labels and fields it has, and the split that its patient is on."""

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from PIL import Image

from modeling.errors import StudyError
from modeling.labels import APPEARANCE, NO_FINDING, TASKS, Task, TaskName
from modeling.study import ClinicalTable, ClinicalText, Radiograph, Study

Split = Literal["train", "validation", "test"]


@dataclass(frozen=True, eq=False)
class Film:
    """One film of a corpus, not yet decoded.

    `boxes`: opacities as (x, y, w, h) fractions of the film; None where nobody drew any. `drawing`: PNG of
    where the opacities lie, where their outlines are known; it goes before the boxes. `presentation`: further
    arguments of `Radiograph`, for films that are not plain 8-bit pictures. `labels`: task -> class; of a task
    with several at once the names of those that are present, joined by "|", where nobody told states apart.
    `states`: such a task -> class -> 1 for positive, 0 for negative, -1 for uncertain; a blank one is not
    there, and a task that nobody labelled neither. `weights`: such a task -> class -> how much its label
    counts in training, where that is not 1.
    """

    film_id: str
    source: str
    patient: str
    split: Split
    encoded: bytes | memoryview  # the image file; empty for a report without a film
    pixel_aspect_ratio: float = 1.0  # height of a pixel over its width, for films stored squashed
    signed: bool = False  # the file's 16-bit values are signed
    table: ClinicalTable = field(default_factory=ClinicalTable)
    text: ClinicalText = field(default_factory=ClinicalText)
    labels: Mapping[TaskName, str] = field(default_factory=dict)
    boxes: tuple[tuple[float, float, float, float], ...] | None = None
    drawing: bytes | None = None
    presentation: Mapping[str, object] = field(default_factory=dict)
    states: Mapping[TaskName, Mapping[str, float]] = field(default_factory=dict)
    weights: Mapping[TaskName, Mapping[str, float]] = field(default_factory=dict)

    def pixels(self) -> np.ndarray:
        """The stored values, (H, W) uint8 or uint16.

        Raises:
            StudyError: the bytes are no image.
        """
        try:
            picture = Image.open(io.BytesIO(self.encoded))
            return np.asarray(picture if picture.mode == "I;16" else picture.convert("L"))
        except (OSError, ValueError) as exc:
            template = "Film {film_id} of {source} cannot be decoded; leave it out."
            raise StudyError(template, film_id=self.film_id, source=self.source) from exc

    def has_label(self, task: Task) -> bool:
        """Whether somebody labelled it for a task."""
        return task in self.labels or (task.kind == "multilabel" and task in self.states)

    def states_of(self, task: Task) -> Mapping[str, float]:
        """Class -> 1, 0 or -1 (uncertain) of a multilabel task; a blank one is not there.

        Where only names are given, what was not named is absent. Raises ViewboxError: a class of a declared
        task that it does not have.
        """
        names = [name for name in self.labels.get(task, "").split("|") if name and name != NO_FINDING]
        states = self.states.get(task, {})
        if task not in TASKS:
            for name in (*states, *names):
                task.index(name)
        if task in self.states or task not in self.labels:
            return states
        return {name: float(name in names or name == self.labels[task]) for name in task.classes}

    def study(self) -> Study:
        """The film decoded (`pixels` says what it raises), with its table and text."""
        if not self.encoded:
            return Study(None, self.table, self.text)
        pixels = self.pixels()
        pixels = pixels.view(np.int16) if self.signed and pixels.dtype == np.uint16 else pixels
        radiograph = Radiograph(pixels, pixel_aspect_ratio=self.pixel_aspect_ratio, **self.presentation)
        return Study(radiograph, self.table, self.text)


def known_boxes(
    drawn: tuple[tuple[float, ...], ...], labels: Mapping[TaskName, str]
) -> tuple[tuple[float, ...], ...] | None:
    """Where a film's opacities lie: a Negative one has none; None where another's were drawn by nobody."""
    return drawn if drawn or labels.get(APPEARANCE) == APPEARANCE.classes[0] else None


def split_of(patient: str, validation_share: float = 0.2, test_share: float = 0.0) -> Split:
    """A patient's side of the split, from a hash of the name: the same on every machine and run."""
    draw = int.from_bytes(hashlib.sha256(patient.encode()).digest()[:4], "big") / 2**32
    if draw < validation_share:
        return "validation"
    return "test" if draw < validation_share + test_share else "train"
