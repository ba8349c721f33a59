"""A case as stored: a study together with what only exists after it was read."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from modeling.errors import StudyError
from modeling.labels import TaskName
from modeling.study import ClinicalText, DatedFilm, Modality, Study, checked_films


@dataclass(frozen=True)
class Licence:
    """Terms of a film by their published name: may a reader see it, and may the case leave the store."""

    name: str
    may_show: bool
    may_export: bool


SYNTHETIC_LICENCE = Licence("CC0 1.0 (synthetic)", may_show=True, may_export=True)


@dataclass(frozen=True)
class Provenance:
    """The set that a case comes from, such as "siim"; a pseudonym that cases of one patient share; the line
    that must stand beside the film; whether the film is computed, which is always said on screen; and the
    study that the film belongs to, whose other films share it.
    """

    source: str
    patient: str = ""
    attribution: str = ""
    synthetic: bool = False
    study: str = ""


@dataclass(frozen=True)
class Reading:
    """One reader's label for one task."""

    reader: str
    task: TaskName
    class_name: str


@dataclass(frozen=True)
class Rating:
    """A number that one reader, or "mean of 3 expert raters", gave a film on a published scale from `low` to
    `high`, such as "geographic extent"."""

    reader: str
    scale: str
    value: float
    low: float
    high: float


GEOGRAPHIC_EXTENT = "geographic extent of opacities"
"""The scale, 0 to 8, of Cohen et al. 2020."""


def geographic_extent(ratings: Sequence[Rating]) -> float | None:
    """The experts' geographic extent, 0 to 8; None where nobody gave one."""
    return next((rating.value for rating in ratings if rating.scale == GEOGRAPHIC_EXTENT), None)


@dataclass(frozen=True)
class Region:
    """A box that a reader drew around an "opacity", say, in shares of the film's width and height, 0 to 1."""

    reader: str
    label: str
    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, eq=False)
class PlantedEvidence:
    """The truth about a phantom, which nobody knows of a real film.

    Attributes:
        modality: task -> the modalities that hold the evidence for its reference label.
        masks: opacity name -> (H, W) bool, its projection on the film.
        words: (section, start, end) spans that carry evidence.
        fields: clinical fields that carry evidence.
        agreement: "agrees", "silent" or "contradicts": how table and text stand to the film.
        confounder: the planted shortcut, or "".
    """

    modality: Mapping[TaskName, tuple[Modality, ...]]
    masks: Mapping[str, np.ndarray] = field(default_factory=dict)
    words: tuple[tuple[str, int, int], ...] = ()
    fields: tuple[str, ...] = ()
    agreement: str = "agrees"
    confounder: str = ""


NO_FIRST_FILM = "Further films need a first one, of the day itself; give that one too."


@dataclass(frozen=True, eq=False)
class Case:
    """Study + report + reference labels + licence + provenance.

    Attributes:
        report: the reader's report by section (`findings`, `impression`): post-read text.
        reference: task -> reference class, where the case has one.
        readings: every reader's own label, where they are known.
        ratings: readers' numbers on scales that are no task's classes.
        regions: boxes that readers drew on the film.
        notes: sentences for the reader on what the store could not take over, or read otherwise.
        other: named values that fit no field, as their source writes them: shown, and read by no model.
        further: the other films of the study, of other views and of days before, under the case's licence.
            The film of `study` is of the day itself and comes first; masks and regions are on that one.
        title: language tag ("en", "zh-Hant") -> a name of a few words that gives no label away.
        teaching_note: language tag -> what a teacher wants to be seen, shown with the reference.
    """

    case_id: str
    study: Study
    licence: Licence
    provenance: Provenance
    report: Mapping[str, str] = field(default_factory=dict)
    reference: Mapping[TaskName, str] = field(default_factory=dict)
    readings: tuple[Reading, ...] = ()
    evidence: PlantedEvidence | None = None
    notes: tuple[str, ...] = ()
    ratings: tuple[Rating, ...] = ()
    regions: tuple[Region, ...] = ()
    title: Mapping[str, str] = field(default_factory=dict)
    teaching_note: Mapping[str, str] = field(default_factory=dict)
    other: Mapping[str, str] = field(default_factory=dict)
    further: tuple[DatedFilm, ...] = ()

    @property
    def films(self) -> tuple[DatedFilm, ...]:
        """Every film of the study, the first one first."""
        first = self.study.radiograph
        return (() if first is None else (DatedFilm(first),)) + self.further

    def check_films(self) -> None:
        """Refuse further films that no study can hold (`checked_films`), or that have no first one."""
        if self.further and self.study.radiograph is None:
            raise StudyError(NO_FIRST_FILM)
        if self.further:
            checked_films(self.films)

    @property
    def study_with_report(self) -> Study:
        """The study with the report's sections added: for a model that is declared post-read."""
        return replace(self.study, text=ClinicalText({**self.study.text.sections, **self.report}))


# --- the licence gate: what a film's terms allow here, by their name; an unknown name allows nothing


_OPEN_CODES = ("apache-2.0", "mit", "bsd", "cc0-1.0", "odc-by", "pddl", "unlicense")
_PUBLIC = ("cc0", "public domain", "publicdomain")


def licence_named(name: str) -> Licence:
    """The terms of a licence by its name, "CC BY-NC-SA 4.0" or "cc-by-4.0": letter case and hyphens are one.

    Attribution, share-alike and non-commercial terms of Creative Commons let a film be shown and passed on
    with its attribution line. No-derivatives terms allow neither here: a film is shown scaled, windowed and
    under a heat map, and a case leaves the store in another form than it came in.
    """
    text = " ".join(name.split())
    words = re.sub(r"[\s_/-]+", "-", text.lower())
    free = any(text.lower().startswith(start) for start in _PUBLIC) or words in _OPEN_CODES
    parts = set(words.split("-"))
    creative = words.startswith(("cc-by", "creative-commons-attribution")) and "nd" not in parts
    creative = creative and not {"noderivatives", "noderivs"} & parts
    return Licence(text or "no licence stated", may_show=free or creative, may_export=free or creative)


def own_copy(name: str, *, may_show: bool) -> Licence:
    """Terms that forbid passing on, and let readers of this lake see the film or not."""
    return Licence(name, may_show=may_show, may_export=False)
