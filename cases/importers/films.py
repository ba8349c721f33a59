"""One row becomes one stored case: read, checked, cleaned, decoded, coded. Runs in a worker process."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from cases.case import Case, Provenance, Reading, Region
from cases.deidentify.pixels import text_lines, without_lines
from cases.deidentify.pseudonyms import Pseudonymiser
from cases.document import document_from_case
from cases.importers.facts import ClinicalFacts, cleaned_sections, clinical_facts
from cases.importers.rows import FORM, Row
from cases.reading.film_size import check_file_size
from cases.reading.picture_metadata import without_metadata
from cases.reading.upload import read_upload
from modeling.errors import ViewboxError
from modeling.labels import TaskName
from modeling.sentence import Sentence
from modeling.study import ClinicalText, Radiograph, Study, ViewPosition

NO_FINDING = "No Finding"
BURNED_IN = "text burned into the film is suspected"


@dataclass(frozen=True)
class Work:
    """What a worker has to know beside the row.

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
    """What became of a row.

    Attributes:
        state: "ready" to be stored, "same" as what is stored, "held" back for a person, or "dropped".
        film: SHA-256 of the film's file, "" where it could not be read.
        document: what is to be stored.
        missing: what the case does not have, for the report.
        personal: kind of personal data -> how much of it was found and taken out (or, burned in, suspected).
    """

    case_id: str
    state: Literal["ready", "same", "held", "dropped"]
    reason: str = ""
    film: str = ""
    document: dict[str, Any] | None = None
    missing: tuple[str, ...] = ()
    personal: Counter[str] = field(default_factory=Counter)


def outcomes(batch: list[tuple[Row, str]], work: Work) -> list[Outcome]:
    """What became of each row; `str` is the hash of what is stored under its ID already, or ""."""
    return [outcome(row, known, work) for row, known in batch]


def outcome(row: Row, known: str, work: Work) -> Outcome:
    """What becomes of a row: no broken film and no wrong value ends an import."""
    digest = ""
    try:
        data = row.read_film()
        check_file_size(len(data))
        digest = hashlib.sha256(data).hexdigest()
        mark = _mark(row, digest, work)
        if mark == known:
            return Outcome(row.case_id, "same", film=digest)
        return _stored_form(row, data, digest, mark, work)
    except ViewboxError as exc:
        return Outcome(row.case_id, "dropped", str(exc), digest)


def _mark(row: Row, digest: str, work: Work) -> str:
    """The hash of all that the stored case depends on: equal ones need not be stored again."""
    salt = work.pseudonyms.fingerprint if work.pseudonyms else ""
    parts = (str(FORM), row.facts(), digest, salt, str(work.published), work.burned_text)
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()


def _stored_form(row: Row, data: bytes, digest: str, mark: str, work: Work) -> Outcome:
    facts = clinical_facts(row, data, published=work.published, pseudonyms=work.pseudonyms)
    kept, blocks = without_metadata(data)
    radiograph = _radiograph(row, data)
    lines = text_lines(radiograph.pixels)
    personal = facts.personal + Counter({"picture metadata": blocks, BURNED_IN: int(bool(lines))})
    if facts.burned_in and not lines:
        personal[BURNED_IN] += 1
    if personal[BURNED_IN] and work.burned_text != "allow":
        # A file that says so, and on which no line is found, cannot be masked.
        if work.burned_text == "hold" or not lines:
            return Outcome(row.case_id, "held", BURNED_IN, digest, personal=personal)
        radiograph = replace(radiograph, pixels=without_lines(radiograph.pixels, lines))
    move = facts.date_mover(row.patient, work.pseudonyms)
    text, found = cleaned_sections(row.text, (*row.names, *facts.names), move)
    report, found_in_report = cleaned_sections(row.report, (*row.names, *facts.names), move)
    case = _case(row, facts, radiograph, text, report)
    document = document_from_case(case, kept)
    extra = {"input": mark, "study": row.study, "split": row.split, "study_date": facts.study_date}
    document["provenance"] |= {name: value for name, value in extra.items() if value}
    return Outcome(
        row.case_id,
        "ready",
        film=digest,
        document=document,
        missing=_missing(case),
        personal=+(personal + found + found_in_report),
    )


def _radiograph(row: Row, data: bytes) -> Radiograph:
    """The film with the view and the shape that its source states."""
    radiograph = read_upload(data)
    if row.view and radiograph.view_position is ViewPosition.UNKNOWN:
        known = row.view if row.view in list(ViewPosition) else ViewPosition.UNKNOWN
        radiograph = replace(radiograph, view_position=ViewPosition(known))
    if row.squashed_from is not None:
        height, width = radiograph.shape
        native_height, native_width = row.squashed_from
        ratio = (native_height / native_width) * (width / height)
        radiograph = replace(radiograph, pixel_aspect_ratio=ratio)
    return radiograph


def _case(
    row: Row, facts: ClinicalFacts, radiograph: Radiograph, text: Mapping[str, str], report: Mapping[str, str]
) -> Case:
    table = dict(facts.table.values)
    if radiograph.view_position in (ViewPosition.PA, ViewPosition.AP):
        table.setdefault("view_position", str(radiograph.view_position))
    reference = dict(row.reference)
    if row.findings is not None:
        reference[TaskName.FINDINGS] = "|".join(row.findings) or NO_FINDING
    regions = tuple(_placed(row, radiograph))
    astray = len(row.regions) - len(regions)
    note = Sentence("{count} published boxes lie outside the film and are left out.", count=astray)
    notes = (note,) if astray else ()
    return Case(
        case_id=row.case_id,
        study=Study(radiograph, replace(facts.table, values=table), ClinicalText(text)),
        licence=row.licence,
        provenance=Provenance(row.source, row.patient, row.attribution),
        report=report,
        reference=reference,
        readings=tuple(Reading(*reading) for reading in row.readings),
        notes=(*row.notes, *facts.notes, *notes),
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
    there = {
        "age": "age" in case.study.table.values,
        "sex": "sex" in case.study.table.values,
        "view position": case.study.radiograph is not None
        and case.study.radiograph.view_position is not ViewPosition.UNKNOWN,
        "laboratory or vital signs": bool(set(case.study.table.values) - {"age", "sex", "view_position"}),
        "indication": bool(case.study.text),
        "report": any(case.report.values()),
        "reference labels": bool(case.reference),
        "readings": bool(case.readings),
        "patient": bool(case.provenance.patient),
    }
    return tuple(name for name, known in there.items() if not known)
