"""Films of one study as one case: `viewbox import --whole-studies`.

Every film is read, checked and cleaned as it would be alone (`cases.importers.films`); then the documents of
a study become one. Its first film is the first frontal one; table, text, labels and boxes are that film's.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from cases.document import FURTHER, random_key
from cases.importers.films import Outcome, Work, mark_of, outcome
from cases.importers.rows import Row, short_hash
from modeling.errors import StudyError
from modeling.study import ViewPosition, check_film_count

TWO_PATIENTS = "its films are of two patients; correct their patient IDs, or import without --whole-studies"
_FRONTAL = (ViewPosition.PA, ViewPosition.AP)
_LONGEST_NAME = 24


@dataclass(frozen=True)
class StudyRow(Row):
    """The rows of one study, in the order of the source; what else a row says is the first one's."""

    parts: tuple[Row, ...] = ()


def films_of(row: Row) -> int:
    """How many films a row is of."""
    return len(row.parts) if isinstance(row, StudyRow) else 1


def whole_studies(rows: Iterable[Row]) -> Iterator[Row]:
    """One row a study, under an ID of its own; a study of one film, or a film without one, as it is.

    All rows are held until the last is there: an archive may scatter the films of a study.
    """
    studies: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        studies.setdefault((row.source, row.study or f"film {row.case_id}"), []).append(row)
    for (source, study), parts in studies.items():
        if len(parts) == 1:
            yield parts[0]
            continue
        name = study if len(study) <= _LONGEST_NAME else short_hash(study)
        told = {field: getattr(parts[0], field) for field in Row.__dataclass_fields__}
        yield StudyRow(**{**told, "case_id": f"{source}-study-{name}"}, parts=tuple(parts))


def study_outcomes(batch: list[tuple[Row, str]], work: Work) -> list[Outcome]:
    """As `cases.importers.films.outcomes`, of studies too."""
    return [
        _study_outcome(row, known, work) if isinstance(row, StudyRow) else outcome(row, known, work)
        for row, known in batch
    ]


def _study_outcome(row: StudyRow, known: str, work: Work) -> Outcome:
    if len({part.patient for part in row.parts}) > 1:
        return Outcome(row.case_id, "dropped", TWO_PATIENTS)
    mark, first = _study_mark(row, work)
    if mark == known:
        return Outcome(row.case_id, "same", film=first)
    found = [outcome(part, "", work) for part in row.parts]
    personal = sum((one.personal for one in found), Counter())
    held = next((one for one in found if one.state == "held"), None)
    if held is not None:
        return replace(held, case_id=row.case_id, personal=personal)
    if not any(one.document for one in found):
        none = f"none of its {len(found)} files is a film: {found[0].reason}"
        return Outcome(row.case_id, "dropped", none)
    try:
        return replace(_joined(row.case_id, found, mark), personal=personal)
    except StudyError as exc:
        return Outcome(row.case_id, "dropped", str(exc))


def _study_mark(row: StudyRow, work: Work) -> tuple[str, str]:
    """The hash of all that the stored case depends on, and that of the first film's file, "" without one."""
    marks, first = [row.case_id], ""
    for part in row.parts:
        try:
            digest = hashlib.sha256(part.read_film()).hexdigest()
        except StudyError:
            digest = ""
        first = first or digest
        marks.append(mark_of(part, digest, work))
    return hashlib.sha256("\0".join(marks).encode()).hexdigest(), first


def _joined(case_id: str, found: Sequence[Outcome], mark: str) -> Outcome:
    """The outcomes of films as one: of those that can be read, each once, a frontal one first.

    Raises StudyError: they are more than a study may hold.
    """
    films: list[Outcome] = []
    notes: list[str] = []
    seen: dict[str, int] = {}
    for number, one in enumerate(found, start=1):
        if one.document is None:
            notes.append(f"Film {number} of the study was left out: {one.reason}")
        elif (same := seen.setdefault(one.document["film"]["sha256"], number)) != number:
            notes.append(f"Film {number} of the study is film {same} again and was left out.")
        else:
            films.append(one)
    check_film_count(len(films))
    first = next((one for one in films if one.document["film"]["view_position"] in _FRONTAL), films[0])
    document = {**first.document, "ID": case_id, "random": random_key(case_id)}
    document["provenance"] = {**document["provenance"], "input": mark}
    document["notes"] = [*document["notes"], *notes]
    further = [{**one.document["film"], "days_before": 0} for one in films if one is not first]
    return replace(first, case_id=case_id, document=document | ({FURTHER: further} if further else {}))
