"""MIDRC-RICORD-1c (Tsai et al., Radiology 2021): the DICOM tree of The Cancer Imaging Archive and its tables.

Source: a folder with the tree as the TCIA downloader writes it (any depth), the annotations as CSV and as
MD.ai JSON (`*1c*annotations*.csv` and `.json`), and, where there is one, the clinical sheet (`*linical*.xlsx`
or `.csv`). Films are matched to readings by study instance UID; every film of a study carries its labels.
"""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cases.case import licence_named
from cases.deidentify.dicom_header import Identity, read_identity
from cases.importers.dicom_folder import count, dicom_files
from cases.importers.rows import Dropped, ImportSettings, Layout, Notice, Row, short_hash
from cases.importers.tables import csv_rows, find, folder, optional, sex_of, sheet_rows, text_of
from modeling.errors import StudyError
from modeling.labels import APPEARANCE, GRADING, TASKS, TaskName
from modeling.sentence import Names, Sentence

ATTRIBUTION = (
    "MIDRC-RICORD-1C, The Cancer Imaging Archive (Tsai et al. 2021, doi:10.7937/91ah-v663), CC BY-NC 4.0"
)
ADJUDICATOR = "Adjudication"
INVALID = "Invalid Study"
Reading = tuple[str, TaskName, str]
_LABELS = {"CLASS_label": APPEARANCE, "GRADE_label": GRADING}


def rows(source: str, settings: ImportSettings) -> Iterator[Row | Dropped | Notice]:
    """A row for every DICOM file of the tree."""
    root = folder(source)
    files = [find(root, f"*1c*annotations*.{end}", f"*1C*nnotations*.{end}") for end in ("csv", "json")]
    readings = study_readings(*files)
    sheet, met = ClinicalSheet.read(optional(root, "*linical*.xlsx", "*linical*.csv")), set()
    for path in dicom_files(root):
        try:
            identity = read_identity(path)
        except StudyError as exc:
            yield Dropped(path.relative_to(root).as_posix(), str(exc))
            continue
        met.add(identity.study)
        yield _row(path, identity, readings.get(identity.study, StudyReadings()), sheet)
    yield from sheet.notices()
    absent = len(readings.keys() - met)
    if absent:
        yield Notice(f"{absent} of {len(readings)} annotated studies have no film in the tree.")
    if met - readings.keys():
        yield Notice(f"{len(met - readings.keys())} studies in the tree have no annotation.")


def _row(path: Path, identity: Identity, study: "StudyReadings", sheet: "ClinicalSheet") -> Row:
    patient = study.patient or without_prefix(identity.patient)
    facts = sheet.facts(identity.study, patient)
    said = "Marked as an invalid study by: {readers}."
    return Row(
        case_id=f"ricord-{patient or 'unknown'}-{short_hash(identity.instance)}",
        source="ricord",
        film=path,
        licence=licence_named("CC BY-NC 4.0"),
        attribution=ATTRIBUTION,
        patient=f"ricord-{patient}" if patient else "",
        table={**facts, "sex": facts["sex"] or sex_of(study.sex[:1])},
        reference=study.majority(),
        readings=tuple(sorted(study.readings)),
        study=identity.study,
        day=identity.day,
        notes=(Sentence(said, readers=Names("name", sorted(study.invalid))),) if study.invalid else (),
    )


# --- the readings: every reader, and the majority ----------------------------------------------------------


@dataclass
class StudyReadings:
    """All readings of one study; each reader's stands once, in whichever file.

    Attributes:
        patient: the pseudonym that TCIA gave; "" where only the MD.ai file names the study.
        sex: as the CSV file states it.
        invalid: readers who marked the study as invalid, which the CSV file leaves out.
    """

    patient: str = ""
    sex: str = ""
    readings: set[Reading] = field(default_factory=set)
    invalid: set[str] = field(default_factory=set)

    def majority(self) -> dict[TaskName, str]:
        """The reference labels; a negative study has no grading."""
        voted = {task: majority_of(self.readings, task) for task in _LABELS.values()}
        if voted[APPEARANCE] == "Negative":
            voted[GRADING] = None
        return {task: label for task, label in voted.items() if label is not None}


def majority_of(readings: Iterable[Reading], task: TaskName) -> str | None:
    """The class that most of the readers gave who gave a single one.

    A tie is settled by the adjudicating radiologist where there is one; else there is none.
    """
    by_reader: dict[str, set[str]] = defaultdict(set)
    for reader, its_task, label in readings:
        if its_task == task:
            by_reader[reader].add(label)
    votes = Counter(next(iter(labels)) for labels in by_reader.values() if len(labels) == 1)
    if not votes:
        return None
    (first, most), *others = votes.most_common()
    if not others or most > others[0][1]:
        return first
    settled = by_reader.get(ADJUDICATOR, set())
    return next(iter(settled)) if len(settled) == 1 else None


def study_readings(csv_file: Path, json_file: Path) -> dict[str, StudyReadings]:
    """Study instance UID -> its readings, from both files.

    Raises StudyError: a file cannot be read or has another form.
    """
    found: dict[str, StudyReadings] = defaultdict(StudyReadings)
    for line in csv_rows(csv_file, ("Anon MRN", "StudyInstanceUID", "Reader_name", *_LABELS)):
        study = found[line["StudyInstanceUID"]]
        study.patient, study.sex = line["Anon MRN"], line.get("Anon Sex", "")
        for column, task in _LABELS.items():
            if line[column] in TASKS[task].classes:
                study.readings.add((line["Reader_name"], task, line[column]))
    try:
        _add_annotations(json.loads(json_file.read_text(encoding="utf-8")), found)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as exc:
        damaged = "The annotations '{json_file}' cannot be read; fetch them again."
        raise StudyError(damaged, json_file=json_file.name) from exc
    return dict(found)


def _add_annotations(project: Mapping[str, Any], found: dict[str, StudyReadings]) -> None:
    """Labels belong to groups, one group for each reader."""
    labels = {
        label["id"]: (group["name"], label["shortName"], label["name"])
        for group in project["labelGroups"]
        for label in group["labels"]
    }
    for dataset in project["datasets"]:
        for annotation in dataset["annotations"]:
            reader, short, name = labels[annotation["labelId"]]
            study = found[annotation["StudyInstanceUID"]]
            if short in APPEARANCE.classes:
                study.readings.add((reader, APPEARANCE, short))
            elif short in GRADING.classes:
                study.readings.add((reader, GRADING, short))
            elif name == INVALID:
                study.invalid.add(reader)


# --- the clinical sheet ------------------------------------------------------------------------------------

SYNONYMS = {
    "study": ("studyuid", "studyinstanceuid", "tciastudyuid"),
    "patient": ("mrn", "patientid", "subjectid", "dicompatientid", "patient", "subject"),
    "age": ("age", "ageyears", "ageinyears", "patientage", "ageatimaging"),
    "sex": ("sex", "gender", "patientsex", "patientgender"),
    "result": ("result", "pcrresult", "rtpcr", "rtpcrresult", "covidresult", "covidtestresult", "testresult"),
}
"""Our name -> those of the sheet's columns, without case, spaces and "Anon"."""
_NEGATIVE = ("negative", "not detected", "undetected", "neg", "not found")
_POSITIVE = ("positive", "detected", "pos")


@dataclass
class ClinicalSheet:
    """An Excel or CSV sheet's lines by study UID and by patient, and what of it could not be taken.

    As published its columns are Anon MRN, Anon Age, Anon TCIA Study Date, Anon Exam Description, Anon Sex,
    Anon Study UID, Anon Image Count, Modality, Result and Specimen Source (as the Imaging Data Commons lists
    them in its table midrc_ricord_1c_clinical), on a sheet that need not be the first of its book.

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

        Raises StudyError: the file cannot be read.
        """
        if path is None:
            return cls()
        sheet = cls(path.name)
        for number, raw in enumerate(
            sheet_rows(path, lambda names: {"study", "patient"} & _columns(names).keys())
        ):
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
        """The columns and lines that were not taken, once all films have asked for theirs."""
        if not self.name:
            return
        if self.missing:
            yield Notice(f"'{self.name}' has no column for: {', '.join(self.missing)}.")
        if self.unknown:
            yield Notice(f"'{self.name}' has columns that are not taken: {', '.join(self.unknown)}.")
        for kind, lines in self.odd.items():
            yield Notice(f"{lines} lines of '{self.name}' have a value of {kind} that is not understood.")
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


def _test_result(written: str) -> str | None:
    words = written.lower()
    if any(word in words for word in _NEGATIVE):
        return "negative"
    return "positive" if any(word in words for word in _POSITIVE) else None


_UNDERSTAND: dict[str, Callable[[str], str | None]] = {
    "age": _age, "sex": lambda written: sex_of(written[:1]), "result": _test_result,
}  # fmt: skip


def _columns(header: Iterable[str]) -> dict[str, str]:
    """Our name -> the sheet's own, for those that are there."""
    plain = {re.sub("[^a-z]", "", str(name).lower()).removeprefix("anon"): name for name in header if name}
    found = {name: next((plain[s] for s in names if s in plain), None) for name, names in SYNONYMS.items()}
    return {name: column for name, column in found.items() if column is not None}


LAYOUT = Layout("ricord", "MIDRC-RICORD-1c", "ricord", rows, count, large_films=True)
