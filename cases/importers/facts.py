"""What is known of a film besides its pixels, from its source and its DICOM header, without who it is of."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from cases.deidentify.pseudonyms import Pseudonymiser
from cases.importers.rows import Row
from modeling.errors import StudyError
from modeling.field_values import is_unknown
from modeling.sentence import Names, Sentence
from modeling.study import CLINICAL_FIELDS, ClinicalTable

OLDEST_SHOWN = 90.0
_TWO_DAYS = (datetime(2000, 1, 1), datetime(2001, 2, 2))


@dataclass(frozen=True)
class ClinicalFacts:
    """A row's table, completed from the header; and what the header held that nobody may see."""

    table: ClinicalTable
    notes: tuple[str, ...] = ()
    names: tuple[str, ...] = field(default=(), repr=False)
    study_date: str = ""
    burned_in: bool = False
    personal: Counter[str] = field(default_factory=Counter)

    def date_mover(self, patient: str, pseudonyms: Pseudonymiser | None) -> Callable[[str], str] | None:
        """Shifts a date as written by the patient's days; None where dates are not shifted."""
        if pseudonyms is None or not patient:
            return None

        def move(written: str) -> str:
            from dateutil import parser

            try:
                days = [parser.parse(written, default=day).date() for day in _TWO_DAYS]
            except (ValueError, OverflowError):
                return ""
            # Where the two defaults give two days, a part of the date was not written.
            return pseudonyms.shifted(days[0], patient).isoformat() if days[0] == days[1] else ""

        return move


def clinical_facts(
    row: Row, data: bytes, *, published: bool, pseudonyms: Pseudonymiser | None
) -> ClinicalFacts:
    """The table of a row, each value checked by its field; what a field refuses is left out with a note.

    Args:
        data: the film's file: a DICOM header completes sex and age, its date is shifted.

    Raises:
        StudyError: a damaged DICOM file.
    """
    raw: dict[str, Any] = {name: value for name, value in row.table.items() if not is_unknown(value)}
    facts = ClinicalFacts(ClinicalTable())
    if data[128:132] == b"DICM":
        from cases.deidentify.dicom_header import (
            deidentified_header,  # a second to import: only where it is needed
        )

        header = deidentified_header(data, pseudonyms, row.patient)
        raw = {"sex": header.sex, "age": header.age, **raw}
        facts = replace(
            facts,
            names=header.known_names,
            study_date=header.study_date,
            burned_in=header.burned_in,
            personal=header.removed,
        )
    exact = {name: value for name, value in raw.items() if isinstance(value, float)}
    table, refused = ClinicalTable.read_cells({n: v for n, v in raw.items() if n not in exact}, exact)
    values, notes = dict(table.values), list(table.notes)
    for name, value in exact.items():
        try:
            values[name] = _checked(name, value)
        except StudyError as exc:
            refused[name] = exc
    notes += [
        Sentence("The source's {field} was no possible value and is left out.", field=Names("field", name))
        for name in refused
    ]
    if not published and isinstance(values.get("age"), float) and values["age"] >= OLDEST_SHOWN:
        values["age"] = OLDEST_SHOWN
    return replace(facts, table=ClinicalTable(values), notes=tuple(notes))


def cleaned_sections(
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


def _checked(name: str, value: float) -> float | str:
    """A number that its source documents in the field's own unit."""
    if math.isinf(value):
        return value  # beyond a laboratory limit: known, and kept apart from missing
    return CLINICAL_FIELDS[name].check(value)
