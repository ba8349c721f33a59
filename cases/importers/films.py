"""One row becomes one stored case: read, checked, cleaned, decoded, coded. Runs in a worker process."""

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

from cases.case import Case, Provenance, Reading, Region
from cases.deidentify.burned_text import can_read, naming_lines
from cases.deidentify.pixels import text_lines, without_lines
from cases.deidentify.pseudonyms import Pseudonymiser
from cases.document import document_from_case
from cases.importers.rows import FORM, Row
from cases.reading.film_limits import check_file_size
from cases.reading.picture_metadata import without_metadata
from cases.reading.upload import read_upload
from modeling.errors import StudyError, ViewboxError
from modeling.field_values import is_unknown
from modeling.labels import FINDINGS, NO_FINDING
from modeling.sentence import Names, Sentence
from modeling.study import CLINICAL_FIELDS, ClinicalTable, ClinicalText, Radiograph, Study, ViewPosition

BURNED_IN = "text burned into the film is suspected"
OLDEST_SHOWN = 90.0
_TWO_DAYS = (datetime(2000, 1, 1), datetime(2001, 2, 2))


@dataclass(frozen=True)
class Work:
    """Settings of an import that a worker needs beside the row.

    Attributes:
        pseudonyms: None keeps published pseudonyms.
        published: False for films of one's own, whose ages above 89 become 90.
        burned_text: "hold" back, "mask" or "allow" films on which burned-in text is suspected.
    """

    pseudonyms: Pseudonymiser | None = field(repr=False)
    published: bool
    burned_text: Literal["hold", "mask", "allow"]


@dataclass(frozen=True)
class Outcome:
    """The end of a row.

    Attributes:
        state: "ready" to be stored, "same" as what is stored, "held" back for a person, or "dropped".
        film: SHA-256 of the film's file, "" where it could not be read.
        missing: parts that the case does not have, for the report.
        personal: kind of personal data -> how much of it was found and taken out (or, burned in, suspected).
        films, left_out: of a whole study, files that were read, and those that it has no place for.
    """

    case_id: str
    state: Literal["ready", "same", "held", "dropped"]
    reason: str = ""
    film: str = ""
    document: dict[str, Any] | None = None
    missing: tuple[str, ...] = ()
    personal: Counter[str] = field(default_factory=Counter)
    films: int = 1
    left_out: int = 0


def outcomes(batch: list[tuple[Row, str]], work: Work) -> list[Outcome]:
    """The outcome of each row; `str` is the hash of what is stored under its ID already, or ""."""
    return [outcome(row, known, work) for row, known in batch]


def outcome(row: Row, known: str, work: Work) -> Outcome:
    """Import one row: no broken film and no wrong value ends an import."""
    digest = ""
    try:
        data = row.read_film()
        check_file_size(len(data))
        digest = hashlib.sha256(data).hexdigest()
        mark = mark_of(row, digest, work)
        if mark == known:
            return Outcome(row.case_id, "same", film=digest)
        return _stored_form(row, data, digest, mark, work)
    except ViewboxError as exc:
        return Outcome(row.case_id, "dropped", str(exc), digest)


def mark_of(row: Row, digest: str, work: Work) -> str:
    """The hash of all that the stored case depends on: equal ones need not be stored again."""
    salt = work.pseudonyms.pseudonym("fingerprint", "") if work.pseudonyms else ""
    reader = "read" if work.burned_text != "allow" and can_read() else ""
    parts = (str(FORM), row.facts(), digest, salt, str(work.published), work.burned_text + reader)
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()


def _stored_form(row: Row, data: bytes, digest: str, mark: str, work: Work) -> Outcome:
    facts = _facts(row, data, work)
    kept, blocks = without_metadata(data)
    radiograph = _radiograph(row, data)
    lines = (text_lines if work.burned_text == "allow" else naming_lines)(radiograph.pixels)
    personal = facts.personal + Counter({"picture metadata": blocks, BURNED_IN: int(bool(lines))})
    if facts.burned_in and not lines:
        personal[BURNED_IN] += 1
    if personal[BURNED_IN] and work.burned_text != "allow":
        # A file that says so, and on which no line is found, cannot be masked.
        if work.burned_text == "hold" or not lines:
            return Outcome(row.case_id, "held", BURNED_IN, digest, personal=personal)
        radiograph = replace(radiograph, pixels=without_lines(radiograph.pixels, lines))
    names, move = (*row.names, *facts.names), _date_mover(row.patient, work.pseudonyms)
    (text, found), (report, found_in_report) = (
        _cleaned(part, names, move) for part in (row.text, row.report)
    )
    case = _case(row, facts, radiograph, text, report)
    document = document_from_case(case, kept)
    extra = {"input": mark, "split": row.split, "study_date": facts.study_date}
    document["provenance"] |= {name: value for name, value in extra.items() if value}
    personal = +(personal + found + found_in_report)
    return Outcome(row.case_id, "ready", "", digest, document, _missing(case), personal)


def _radiograph(row: Row, data: bytes) -> Radiograph:
    """The film with the view and the shape that its source states."""
    radiograph = read_upload(data)
    if row.view in list(ViewPosition) and radiograph.view_position is ViewPosition.UNKNOWN:
        radiograph = replace(radiograph, view_position=ViewPosition(row.view))
    if row.squashed_from is not None:
        height, width = radiograph.shape
        native_height, native_width = row.squashed_from
        ratio = (native_height / native_width) * (width / height)
        radiograph = replace(radiograph, pixel_aspect_ratio=ratio)
    return radiograph


def _case(
    row: Row, facts: "_Facts", radiograph: Radiograph, text: Mapping[str, str], report: Mapping[str, str]
) -> Case:
    table = dict(facts.table.values)
    if radiograph.view_position in (ViewPosition.PA, ViewPosition.AP):
        table.setdefault("view_position", str(radiograph.view_position))
    reference = dict(row.reference)
    if row.findings is not None:
        reference[FINDINGS] = "|".join(row.findings) or NO_FINDING
    regions = tuple(_placed(row, radiograph))
    astray = len(row.regions) - len(regions)
    said = "{count} published boxes lie outside the film and are left out."
    notes = (*row.notes, *facts.notes, *radiograph.notes, *([Sentence(said, count=astray)] if astray else ()))
    return Case(
        case_id=row.case_id,
        study=Study(radiograph, replace(facts.table, values=table), ClinicalText(text)),
        licence=row.licence,
        provenance=Provenance(row.source, row.patient, row.attribution, study=row.study),
        report=report,
        reference=reference,
        readings=tuple(Reading(*reading) for reading in row.readings),
        notes=notes,
        ratings=row.ratings,
        regions=regions,
        title=row.title,
        teaching_note=row.teaching_note,
    )


def _placed(row: Row, radiograph: Radiograph) -> Iterator[Region]:
    """The row's boxes as shares of the film, cut off at its edges; those that lie beside it are left out."""
    height, width = row.drawn_on or radiograph.shape
    for region in row.regions:
        left, right = (min(max(x / width, 0.0), 1.0) for x in (region.left, region.left + region.width))
        top, bottom = (min(max(y / height, 0.0), 1.0) for y in (region.top, region.top + region.height))
        if left < right and top < bottom:
            yield Region(region.reader, region.label, left, top, right - left, bottom - top)


def _missing(case: Case) -> tuple[str, ...]:
    """Parts that a teaching case may have and this one has not."""
    film, values = case.study.radiograph, set(case.study.table.values)
    there = {
        "age": "age" in values,
        "sex": "sex" in values,
        "view position": film is not None and film.view_position is not ViewPosition.UNKNOWN,
        "laboratory or vital signs": bool(values - {"age", "sex", "view_position"}),
        "indication": bool(case.study.text),
        "report": any(case.report.values()),
        "reference labels": bool(case.reference),
        "readings": bool(case.readings),
        "patient": bool(case.provenance.patient),
    }
    return tuple(name for name, known in there.items() if not known)


# --- what is known of a film besides its pixels, without who it is of --------------------------------------


@dataclass(frozen=True)
class _Facts:
    """A row's table, completed from the header; and what the header held that nobody may see."""

    table: ClinicalTable
    notes: tuple[str, ...] = ()
    names: tuple[str, ...] = field(default=(), repr=False)
    study_date: str = ""
    burned_in: bool = False
    personal: Counter[str] = field(default_factory=Counter)


def _date_mover(patient: str, pseudonyms: Pseudonymiser | None) -> Callable[[str], str] | None:
    """Shifts a date as written by the patient's days; None where dates are not shifted."""
    if pseudonyms is None or not patient:
        return None

    def move(written: str) -> str:
        from dateutil import parser

        try:
            days = {parser.parse(written, default=day).date() for day in _TWO_DAYS}
        except (ValueError, OverflowError):
            return ""
        # Where the two defaults give two days, a part of the date was not written.
        return pseudonyms.shifted(days.pop(), patient).isoformat() if len(days) == 1 else ""

    return move


def _facts(row: Row, data: bytes, work: Work) -> _Facts:
    """The table of a row, each value checked by its field; what a field refuses is left out with a note.

    A DICOM header completes sex and age, and its date is shifted.
    """
    raw: dict[str, Any] = {name: value for name, value in row.table.items() if not is_unknown(value)}
    facts = _Facts(ClinicalTable())
    if data[128:132] == b"DICM":
        from cases.deidentify.dicom_header import deidentified_header  # a second to import

        header = deidentified_header(data, work.pseudonyms, row.patient)
        raw = {"sex": header.sex, "age": header.age, **raw}
        facts = _Facts(
            facts.table, (), header.known_names, header.study_date, header.burned_in, header.removed
        )
    table, notes = _checked(raw)
    age = table.values.get("age")
    if not work.published and isinstance(age, float) and age >= OLDEST_SHOWN:
        table = replace(table, values={**table.values, "age": OLDEST_SHOWN})
    return replace(facts, table=table, notes=notes)


def _checked(raw: Mapping[str, Any]) -> tuple[ClinicalTable, tuple[str, ...]]:
    """The values that their fields take, and notes on the others.

    A number is one that its source documents in the field's own unit; infinite, it is beyond a laboratory
    limit: known, and kept apart from missing.
    """
    exact = {name: value for name, value in raw.items() if isinstance(value, float)}
    table, refused = ClinicalTable.read_cells({n: v for n, v in raw.items() if n not in exact}, exact)
    values, unfit = dict(table.values), list(refused)
    for name, value in exact.items():
        try:
            values[name] = value if math.isinf(value) else CLINICAL_FIELDS[name].check(value)
        except StudyError:
            unfit.append(name)
    said = "The source's {field} was no possible value and is left out."
    notes = (Sentence(said, field=Names("field", name)) for name in dict.fromkeys(unfit))
    return ClinicalTable(values), (*table.notes, *notes)


def _cleaned(
    sections: Mapping[str, str], names: Iterable[str], move_date: Callable[[str], str] | None
) -> tuple[dict[str, str], Counter[str]]:
    """Each section without names, numbers and dates, and how many of each kind it held."""
    if not any(sections.values()):
        return {}, Counter()
    from cases.deidentify.text import clean_text  # spaCy takes a second to import: only where there is text

    cleaned, counts = {}, Counter()
    for name, words in sections.items():
        result = clean_text(words, names, move_date)
        cleaned[name] = result.text
        counts.update({f"text: {kind.replace('_', ' ')}": n for kind, n in result.found.items()})
    return cleaned, counts
