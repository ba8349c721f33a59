"""The rows that every layout yields: they say where a film lies and what is known of it, not yet decoded."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import NamedTuple

from cases.case import Licence, Rating, Region
from cases.deidentify.pseudonyms import Pseudonymiser
from modeling.errors import StudyError
from modeling.labels import TaskName

FORM = 4
"""Grows when the same row would be stored otherwise: rows stored by an older form are then stored again."""
_UNTOLD = ("film", "names", "published", "day")


@dataclass(frozen=True)
class Row:
    """One film and what its source says of it.

    Attributes:
        case_id, source: the same in every run; `Provenance.source`.
        film: the file, or its bytes where the source holds them in a table.
        patient: as published, or as it stands in the header (then it is pseudonymised); films of one patient
            share it.
        table: clinical field -> value as published; what its field refuses is left out and noted.
        text, report: free text by section, before and after the film was read; cleaned before it is stored.
        findings: labels of `NIH_FINDINGS` that the film carries; None where nobody looked, () for no finding.
        readings: (reader, task, label) of every reader.
        ratings: numbers on published scales.
        regions: boxes that readers drew, in shares of the film, or in pixels of a film of `drawn_on`.
        drawn_on: (height, width) of the film that the boxes were drawn on; None: this film's own pixels.
        squashed_from: (height, width) of a film that was squashed, so that it is shown in its own shape.
        view: view position as published: "PA", "AP", "lateral" or "".
        study: the study that the film belongs to, as published or as it stands in the header; "" where it is
            not known.
        day: when it was taken, in days on a scale that the patient's films share; None where it is not known.
            Its differences alone are stored, with whole studies.
        names: words that name the patient, for cleaning the text; never stored.
        split: as published, or "".
        published: the film's own name in the set, by which a corpus to train on knows it; never stored.
        title, teaching_note: language tag -> a teacher's words on the case.
    """

    case_id: str
    source: str
    film: Path | bytes
    licence: Licence
    attribution: str
    patient: str = ""
    table: Mapping[str, object] = field(default_factory=dict)
    text: Mapping[str, str] = field(default_factory=dict)
    report: Mapping[str, str] = field(default_factory=dict)
    reference: Mapping[TaskName, str] = field(default_factory=dict)
    findings: tuple[str, ...] | None = None
    readings: tuple[tuple[str, TaskName, str], ...] = ()
    ratings: tuple[Rating, ...] = ()
    regions: tuple[Region, ...] = ()
    drawn_on: tuple[int, int] | None = (1, 1)
    squashed_from: tuple[int, int] | None = None
    view: str = ""
    study: str = ""
    day: int | None = None
    names: tuple[str, ...] = ()
    split: str = ""
    notes: tuple[str, ...] = ()
    published: str = ""
    title: Mapping[str, str] = field(default_factory=dict)
    teaching_note: Mapping[str, str] = field(default_factory=dict)

    def facts(self) -> str:
        """All but the film as one text, the same for equal rows: a part of the row's hash.

        Empty fields are left out, so that one that comes later leaves the hash of rows without it alone.
        """
        named = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in _UNTOLD}
        told = {name: value for name, value in named.items() if value not in (None, "", {})}
        return json.dumps(told, sort_keys=True, default=repr)

    def read_film(self) -> bytes:
        """The film's file. Raises StudyError: it is not there or cannot be read."""
        if isinstance(self.film, bytes):
            return self.film
        try:
            return self.film.read_bytes()
        except OSError as exc:
            raise StudyError("The film's file is missing or cannot be read; fetch it again.") from exc

    def film_sha256(self) -> str:
        """Of the film's file; "" where it cannot be read."""
        try:
            return hashlib.sha256(self.read_film()).hexdigest()
        except StudyError:
            return ""


class Dropped(NamedTuple):
    """A row that is left out, as the source names it, or by its number where such names may be personal."""

    row: str
    reason: str


class Notice(NamedTuple):
    """A sentence on the source as a whole for the report, without any value of a row."""

    text: str


@dataclass(frozen=True)
class ImportSettings:
    """A user's choices for an import.

    Attributes:
        pseudonyms: None keeps the published pseudonyms of a published set.
        licence, attribution: terms of films that come without any: a folder of one's own, a Hub data set.
        readers_agreed: the readers of this lake have themselves agreed to terms that forbid passing on.
        burned_text: what happens to a film that seems to have text burned into it; None: the layout's way.
        columns: field -> column of the source, for tables without a published layout.
        split: of a Hub data set.
        whole_studies: whether the films of one study become one case (`cases.importers.whole_studies`).
    """

    pseudonyms: Pseudonymiser | None = field(default=None, repr=False)
    licence: str = ""
    attribution: str = ""
    readers_agreed: bool = False
    burned_text: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    split: str = ""
    reports: Path | None = None
    whole_studies: bool = False


@dataclass(frozen=True)
class Layout:
    """A published layout.

    Attributes:
        name, title, source: on the command line; the set's own; `Provenance.source` of its cases.
        rows: yields a `Row` or a `Dropped` for every row of the source, in the same order in every run, and a
            `Notice` wherever there is one.
        count: rows to come, or None (as always by default) where counting costs as much as reading.
        published: de-identified by its publisher: identifiers are pseudonyms, film names may be shown.
        large_films: films of megabytes go to a worker one by one, smaller ones in batches.
    """

    name: str
    title: str
    source: str
    rows: Callable[[str, ImportSettings], Iterator[Row | Dropped | Notice]]
    count: Callable[[str], int | None] = lambda source: None
    published: bool = True
    large_films: bool = False

    @property
    def burned_text(self) -> str:
        """Of suspected films: published ones are public already, those of one's own wait for a person."""
        return "allow" if self.published else "hold"


def short_hash(text: str) -> str:
    """12 hexadecimal digits that stand for a long published name."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:12]
