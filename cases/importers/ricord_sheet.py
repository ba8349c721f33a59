"""The clinical sheet of MIDRC-RICORD-1c, an Excel file or CSV, whatever its columns are called.

As published it has the columns Anon MRN, Anon Age, Anon TCIA Study Date, Anon Exam Description, Anon Sex,
Anon Study UID, Anon Image Count, Modality, Result and Specimen Source (as the Imaging Data Commons lists
them in its table midrc_ricord_1c_clinical), on a sheet that need not be the first of its book. Columns are
found by their names without case, spaces and "Anon"; those that are not taken are named, and values that are
not understood are counted.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cases.importers.rows import Notice
from cases.importers.tables import sheet_rows, text_of

SYNONYMS = {
    "study": ("studyuid", "studyinstanceuid", "tciastudyuid"),
    "patient": ("mrn", "patientid", "subjectid", "dicompatientid", "patient", "subject"),
    "age": ("age", "ageyears", "ageinyears", "patientage", "ageatimaging"),
    "sex": ("sex", "gender", "patientsex", "patientgender"),
    "result": ("result", "pcrresult", "rtpcr", "rtpcrresult", "covidresult", "covidtestresult", "testresult"),
}
_NEGATIVE = ("negative", "not detected", "undetected", "neg", "not found")
_POSITIVE = ("positive", "detected", "pos")


@dataclass
class ClinicalSheet:
    """The sheet's lines by study UID and by patient, and what of it could not be taken.

    Attributes:
        lines: study UID or patient -> our names of columns -> values.
        odd: kinds of values that were not understood, and how often.
    """

    name: str = ""
    lines: dict[str, dict[str, Any]] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    odd: Counter[str] = field(default_factory=Counter)
    _count: int = 0
    _used: set[int] = field(default_factory=set, repr=False)

    @classmethod
    def read(cls, path: Path | None) -> "ClinicalSheet":
        """The sheet in a file; an empty one where there is none.

        Raises:
            StudyError: the file cannot be read.
        """
        if path is None:
            return cls()
        sheet = cls(path.name)
        for number, raw in enumerate(sheet_rows(path, holding=_is_header)):
            if not number:
                columns = _columns(raw)
                sheet.missing = tuple(name for name in SYNONYMS if name not in columns)
                sheet.unknown = tuple(name for name in raw if name and name not in columns.values())
            sheet._add({name: raw.get(column) for name, column in columns.items()})
        return sheet

    def facts(self, study: str, patient: str) -> dict[str, str | None]:
        """Age, sex and RT-PCR of a film, from its study's line or else its patient's; None where unknown."""
        line = self.lines.get(study) or self.lines.get(patient) or {}
        self._used.add(line.get("number", -1))
        understood = {column: understand(text_of(line, column)) for column, understand in _UNDERSTAND.items()}
        return {"age": understood["age"], "sex": understood["sex"], "rt_pcr": understood["result"]}

    def notices(self) -> Iterator[Notice]:
        """What its user must know of it, once all films have asked for theirs."""
        if not self.name:
            return
        if self.missing:
            yield Notice(f"'{self.name}' has no column for: {', '.join(self.missing)}.")
        if self.unknown:
            yield Notice(f"'{self.name}' has columns that are not taken: {', '.join(self.unknown)}.")
        for kind, count in self.odd.items():
            yield Notice(f"{count} lines of '{self.name}' have a value of {kind} that is not understood.")
        idle = self._count - len(self._used - {-1})
        if idle:
            yield Notice(f"{idle} of {self._count} lines of '{self.name}' belong to no film in the tree.")

    def _add(self, line: dict[str, Any]) -> None:
        keys = (text_of(line, "study"), without_prefix(text_of(line, "patient")))
        if not any(keys):
            return
        for column, understand in _UNDERSTAND.items():
            written = text_of(line, column)
            if written and understand(written) is None:
                self.odd[column] += 1
        for key in filter(None, keys):
            self.lines.setdefault(key, {**line, "number": self._count})
        self._count += 1


def without_prefix(patient: str) -> str:
    """A patient as the annotations name it: TCIA puts "MIDRC-RICORD-1C-" in front."""
    return re.sub(r"^MIDRC-RICORD-1[Cc]-", "", patient)


def _age(written: str) -> str | None:
    found = re.fullmatch(r"0*(\d{1,3})(?:\.\d+)?\s*(?:y|years?)?", written.lower())
    return found[1] if found else None


def _sex(written: str) -> str | None:
    return {"f": "female", "m": "male", "w": "female"}.get(written[:1].lower())


def _test_result(written: str) -> str | None:
    words = written.lower()
    if any(word in words for word in _NEGATIVE):
        return "negative"
    return "positive" if any(word in words for word in _POSITIVE) else None


_UNDERSTAND: dict[str, Callable[[str], str | None]] = {"age": _age, "sex": _sex, "result": _test_result}


def _columns(header: Mapping[str, Any]) -> dict[str, str]:
    """Our name -> the sheet's own, for those that are there."""
    plain = {re.sub("[^a-z]", "", str(name).lower()).removeprefix("anon"): name for name in header if name}
    found = {name: next((plain[s] for s in names if s in plain), None) for name, names in SYNONYMS.items()}
    return {name: column for name, column in found.items() if column is not None}


def _is_header(names: list[str]) -> bool:
    """Whether a sheet's first line names studies or patients."""
    return bool({"study", "patient"} & _columns(dict.fromkeys(names)).keys())
