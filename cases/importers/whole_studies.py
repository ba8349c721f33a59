"""Films of one patient as one case: `viewbox import --whole-studies`.

The films of a study come together; where the source says when films were taken, so do a patient's studies:
the latest is the day of the case, earlier films are its priors. Every film is read, checked and cleaned as it
would be alone (`cases.importers.films`); then the documents become one. Its first film is the first frontal
one of the day; table, text, labels and boxes are that film's.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from cases.document import FURTHER, random_key
from cases.importers.films import Outcome, Work, mark_of, outcome
from cases.importers.rows import Row, short_hash
from modeling.study import MOST_FILMS, ViewPosition

TWO_PATIENTS = "its films are of two patients; correct their patient IDs, or import without --whole-studies"
_FRONTAL = (ViewPosition.PA, ViewPosition.AP)
_LONGEST_NAME = 24
_Study = list[Row]


@dataclass(frozen=True)
class StudyRow(Row):
    """Rows that become one case, the latest first; what else a row says is the first one's.

    Attributes:
        days: how many days before the latest study each of `parts` was taken.
    """

    parts: tuple[Row, ...] = ()
    days: tuple[int, ...] = ()


def films_of(row: Row) -> int:
    """How many films a row is of."""
    return len(row.parts) if isinstance(row, StudyRow) else 1


def whole_studies(rows: Iterable[Row]) -> Iterator[Row]:
    """One row a patient with dated films, and one a study without a day; a single film as it is.

    A case bears the name of the patient's first study, so that it is the same one when a later film joins it.
    All rows are held until the last is there: an archive may scatter the films of a study.
    """
    studies: dict[tuple[str, str], _Study] = {}
    for row in rows:
        studies.setdefault((row.source, row.study or f"film {row.case_id}"), []).append(row)
    patients: dict[object, list[_Study]] = {}
    for number, parts in enumerate(studies.values()):
        patients.setdefault(_joined_by(parts) or number, []).append(parts)
    yield from map(_row_of, patients.values())


def _joined_by(parts: _Study) -> tuple[object, ...]:
    """What studies that make one case have in common; () for one that stays apart: of two patients or none,
    or of no known day. Films under another licence, or of another side of a split, stay apart too."""
    dated = any(part.day is not None for part in parts)
    common = {(p.source, p.patient, p.licence, p.attribution, p.split) for p in parts}
    return next(iter(common)) if dated and len(common) == 1 and parts[0].patient else ()


def _row_of(studies: list[_Study]) -> Row:
    """The studies of a patient (or a single one) as one row."""
    day = [max((part.day for part in parts if part.day is not None), default=0) for parts in studies]
    order = sorted(range(len(studies)), key=lambda i: -day[i])
    parts = tuple(part for i in order for part in studies[i])
    if len(parts) == 1:
        return parts[0]
    first = studies[min(range(len(studies)), key=day.__getitem__)]
    told = {field: getattr(parts[0], field) for field in Row.__dataclass_fields__}
    before = tuple(max(day) - day[i] for i in order for _ in studies[i])
    return StudyRow(**{**told, "case_id": _name(first)}, parts=parts, days=before)


def _name(parts: _Study) -> str:
    study = parts[0].study
    if len(parts) == 1:
        return parts[0].case_id
    return f"{parts[0].source}-study-{study if len(study) <= _LONGEST_NAME else short_hash(study)}"


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
    chosen = _Chosen()
    for part, before in zip(row.parts, row.days, strict=True):
        if len(chosen.films) == MOST_FILMS:
            break
        chosen.take(outcome(part, "", work), before)
        if chosen.held is not None:
            break
    told = {"personal": chosen.personal, "films": chosen.read}
    if chosen.held is not None:
        return replace(chosen.held, case_id=row.case_id, **told)
    if not chosen.films:
        none = f"none of its {len(row.parts)} files is a film: {chosen.reason}"
        return Outcome(row.case_id, "dropped", none)
    left_out = len(row.parts) - chosen.read
    return replace(_joined(row.case_id, chosen, left_out, mark), left_out=left_out, **told)


def _study_mark(row: StudyRow, work: Work) -> tuple[str, str]:
    """The hash of all that the stored case depends on, and that of the first film's file, "" without one."""
    marks, first = [row.case_id, *(map(str, row.days) if any(row.days) else ())], ""
    for part in row.parts:
        digest = part.film_sha256()
        first = first or digest
        marks.append(mark_of(part, digest, work))
    return hashlib.sha256("\0".join(marks).encode()).hexdigest(), first


class _Chosen:
    """Films that can be read, each once, in the order of their rows, and what became of the others.

    Attributes:
        films: (outcome, days before), at most as many as a study holds.
        held: the first film that waits for a person, if one does: then the whole case does.
        reason: why the first film that cannot be read cannot.
    """

    def __init__(self) -> None:
        self.films: list[tuple[Outcome, int]] = []
        self.notes: list[str] = []
        self.personal: Counter[str] = Counter()
        self.held: Outcome | None = None
        self.reason, self.read = "", 0
        self._seen: dict[str, int] = {}

    def take(self, found: Outcome, before: int) -> None:
        """The next film."""
        self.read += 1
        self.personal += found.personal
        number = self.read
        if found.state == "held":
            self.held = found
        elif found.document is None:
            self.reason = self.reason or found.reason
            self.notes.append(f"Film {number} of the study was left out: {found.reason}")
        elif (same := self._seen.setdefault(found.document["film"]["sha256"], number)) != number:
            self.notes.append(f"Film {number} of the study is film {same} again and was left out.")
        else:
            self.films.append((found, before))


def _joined(case_id: str, chosen: _Chosen, left_out: int, mark: str) -> Outcome:
    """The films as one case, whose day is that of the latest film that can be read; a frontal one first."""
    films, today = chosen.films, min(before for _, before in chosen.films)
    of_the_day = [one for one, before in films if before == today]
    frontal = (one for one in of_the_day if one.document["film"]["view_position"] in _FRONTAL)
    first = next(frontal, of_the_day[0])
    document = {**first.document, "ID": case_id, "random": random_key(case_id)}
    document["provenance"] = {**document["provenance"], "input": mark}
    more = [f"{left_out} more films were left out: a case holds {MOST_FILMS}, the latest ones."]
    document["notes"] = [*document["notes"], *chosen.notes, *(more if left_out else ())]
    further = [
        {**one.document["film"], "days_before": before - today} for one, before in films if one is not first
    ]
    return replace(first, case_id=case_id, document=document | ({FURTHER: further} if further else {}))
