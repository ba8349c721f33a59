"""The study: film, clinical table and clinical text, as they are before anyone has read the film."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Literal

import numpy as np

from modeling.clinical_table import CLINICAL_FIELDS as CLINICAL_FIELDS
from modeling.clinical_table import ClinicalField as ClinicalField
from modeling.clinical_table import ClinicalTable as ClinicalTable
from modeling.clinical_table import spellings_of as spellings_of
from modeling.errors import StudyError
from modeling.sentence import Names, Sentence


class Modality(StrEnum):
    """The three kinds of evidence, in the one order used everywhere."""

    IMAGE = "image"
    TABLE = "table"
    TEXT = "text"


class ViewPosition(StrEnum):
    """DICOM (0018,5101): how the beam passed the patient."""

    PA = "PA"
    AP = "AP"
    LATERAL = "lateral"
    OBLIQUE = "oblique"
    DECUBITUS = "decubitus"
    UNKNOWN = "unknown"


class Photometric(StrEnum):
    """DICOM (0028,0004): which end of the stored values is bright."""

    MONOCHROME1 = "MONOCHROME1"
    MONOCHROME2 = "MONOCHROME2"


@dataclass(frozen=True)
class Window:
    """A VOI window (DICOM PS3.3 C.11.2.1.2), in rescaled values."""

    center: float
    width: float
    function: Literal["LINEAR", "LINEAR_EXACT", "SIGMOID"] = "LINEAR"


@dataclass(frozen=True)
class VoiLut:
    """A VOI look-up table: output for rescaled value `first + i` is `values[i]`."""

    first: float
    values: np.ndarray


@dataclass(frozen=True)
class Acquisition:
    """Whose film it is and when it was taken, as its file says: what films of one upload are compared by.

    It names nobody, and is not stored.

    Attributes:
        patient, study: hashes of the patient's ID and of the study's UID; "" where the file has none.
        day: the date's number (`datetime.date.toordinal`).
        laterality: DICOM (0020,0062), which side was examined or lay nearest: "L", "R", "B" (both) or "".
    """

    patient: str = ""
    study: str = ""
    day: int | None = None
    laterality: str = ""


@dataclass(frozen=True, eq=False)
class Radiograph:
    """One decoded film at native size, with all that turns stored values into brightness.

    Attributes:
        pixels: (H, W) uint8 or uint16 (int16 for signed files), stored values, rows from the patient's
            head down, columns as displayed; 8 to 16 bits are stored.
        pixel_aspect_ratio: height of a pixel over its width; 1.0 for square pixels.
        pixel_spacing: millimetres (row, column), where the file states it.
        notes: sentences about what of the file was not read as it stands.
        acquisition: of a DICOM file; None for another, and for a film from a store.
    """

    pixels: np.ndarray
    bits_stored: int = 8
    photometric: Photometric = Photometric.MONOCHROME2
    rescale_slope: float = 1.0
    rescale_intercept: float = 0.0
    window: Window | None = None
    voi_lut: VoiLut | None = None
    view_position: ViewPosition = ViewPosition.UNKNOWN
    pixel_aspect_ratio: float = 1.0
    pixel_spacing: tuple[float, float] | None = None
    notes: tuple[Sentence, ...] = ()
    acquisition: Acquisition | None = None

    def __post_init__(self) -> None:
        if self.pixels.ndim != 2 or min(self.pixels.shape) < 1:
            no_gray = "A radiograph has one gray channel; save the film as a gray image and try again."
            raise StudyError(no_gray)
        if self.pixels.dtype.kind not in "ui" or self.pixels.dtype.itemsize > 2:
            raise StudyError("A radiograph has 8 to 16 bits per pixel; export the film again in that form.")

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W) in native pixels."""
        return self.pixels.shape

    @cached_property
    def sha256(self) -> str:
        """Content hash over the stored values and their size."""
        digest = hashlib.sha256(repr((self.pixels.shape, str(self.pixels.dtype))).encode())
        digest.update(np.ascontiguousarray(self.pixels).tobytes())
        return digest.hexdigest()


MOST_FILMS = 8
"""Films that one study may hold."""


@dataclass(frozen=True, eq=False)
class DatedFilm:
    """A film of a study, and how many days before the study it was taken: 0 for those of the day itself.

    Attributes:
        film: itself, or what decodes it when it is first looked at.
        name: its file's, where it came as one.
    """

    film: Radiograph | Callable[[], Radiograph]
    days_before: int = 0
    name: str = ""

    @cached_property
    def radiograph(self) -> Radiograph:
        """The film. Raises StudyError: it cannot be decoded."""
        return self.film if isinstance(self.film, Radiograph) else self.film()

    @property
    def bytes(self) -> int:
        """What its pixels take; nothing before they are decoded."""
        decoded = isinstance(self.film, Radiograph) or "radiograph" in vars(self)
        return self.radiograph.pixels.nbytes if decoded else 0


@dataclass(frozen=True)
class RefusedFilm:
    """A film that was left out of a study: its place among those given, from 1, its file's name, and why."""

    number: int
    name: str
    reason: Sentence

    @property
    def note(self) -> Sentence:
        """What every answer about the rest says of it."""
        if self.name:
            named = "The film {name} was left out: {problem}"  # a page shows its films in another order
            return Sentence(named, name=self.name, problem=self.reason)
        return Sentence("Film {number} was left out: {problem}", number=self.number, problem=self.reason)


def check_film_count(count: int) -> None:
    """Raises StudyError: that is more films than a study may hold."""
    if count > MOST_FILMS:
        many = "A study of {count} films is too large; choose the {most} that matter."
        raise StudyError(many, count=count, most=MOST_FILMS)


def checked_films(films: Sequence[DatedFilm], numbers: Sequence[int] = ()) -> tuple[DatedFilm, ...]:
    """The films of one study, 1 to `MOST_FILMS`; a refusal names them by `numbers`, else by their places.

    Raises StudyError: too many, none, a prior that is later than the study, or the same film twice.
    """
    if not films:
        raise StudyError("A study has at least one film; give one.")
    check_films([(film.radiograph.sha256, film.days_before) for film in films], numbers)
    return tuple(films)


def check_films(films: Sequence[tuple[str, int]], numbers: Sequence[int] = ()) -> None:
    """The same of films that need not be decoded: the hash and the day of each."""
    check_film_count(len(films))
    first: dict[str, int] = {}
    for number, (digest, days_before) in zip(numbers or range(1, len(films) + 1), films, strict=True):
        if days_before < 0:
            raise StudyError("Film {number} is of a day after the study; correct its date.", number=number)
        same = first.setdefault(digest, number)
        if same != number:
            twice = "Films {one} and {other} are the same film; leave one out."
            raise StudyError(twice, one=same, other=number)


TEXT_SECTIONS = ("indication", "findings", "impression")
"""Report sections in reading order. `indication` is pre-read; the others are post-read."""


@dataclass(frozen=True)
class ClinicalText:
    """Free text by section (`TEXT_SECTIONS`); a section that is not there is missing."""

    sections: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        unknown = [name for name in self.sections if name not in TEXT_SECTIONS]
        if unknown:
            no_section = "There is no text section '{name}'; use {names}."
            raise StudyError(no_section, name=unknown[0], names=Names("name", TEXT_SECTIONS))

    def __bool__(self) -> bool:
        return any(text.strip() for text in self.sections.values())


@dataclass(frozen=True)
class Study:
    """All that exists before the reader's verdict: any subset of film, table and text."""

    radiograph: Radiograph | None = None
    table: ClinicalTable = field(default_factory=ClinicalTable)
    text: ClinicalText = field(default_factory=ClinicalText)

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """The modalities that this study holds, in their one order."""
        given = (self.radiograph is not None, self.table, self.text)
        return tuple(modality for modality, there in zip(Modality, given, strict=True) if there)
