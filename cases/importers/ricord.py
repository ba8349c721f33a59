"""MIDRC-RICORD-1c (Tsai et al., Radiology 2021): the DICOM tree of The Cancer Imaging Archive and its tables.

Source: a folder with the tree as the TCIA downloader writes it (any depth), the annotations as CSV and as
MD.ai JSON (`*1c*annotations*.csv` and `.json`), and, where there is one, the clinical sheet
(`*linical*.xlsx` or `.csv`), found by its columns "Anon MRN" or "Anon Study UID", "Anon Age", "Anon Sex" and
"Result". Films are matched to readings by study instance UID; every film of a study carries its labels.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from cases.dicom_deidentify import Identity, read_identity
from cases.importers.dicom_folder import dicom_files
from cases.importers.ricord_readings import StudyReadings, study_readings
from cases.importers.rows import Dropped, ImportSettings, Layout, Row, short_hash
from cases.importers.tables import find, folder, optional, sheet_rows, text_of
from cases.licences import licence_named
from modeling.errors import StudyError

ATTRIBUTION = (
    "MIDRC-RICORD-1C, The Cancer Imaging Archive (Tsai et al. 2021, doi:10.7937/91ah-v663), CC BY-NC 4.0"
)
_SHEET_COLUMNS = {
    "study": ("studyuid", "studyinstanceuid"),
    "patient": ("anonmrn", "mrn", "patientid", "subjectid"),
    "age": ("anonage", "age", "ageinyears"),
    "sex": ("anonsex", "sex", "gender"),
    "result": ("result", "pcrresult", "covidresult"),
}


def rows(source: str, settings: ImportSettings) -> Iterator[Row | Dropped]:
    """A row for every DICOM file of the tree."""
    root = folder(source)
    readings = study_readings(
        find(root, "*1c*annotations*.csv", "*1C*nnotations*.csv"),
        find(root, "*1c*annotations*.json", "*1C*nnotations*.json"),
    )
    sheet = _clinical(root)
    for path in dicom_files(root):
        try:
            identity = read_identity(path)
        except StudyError as exc:
            yield Dropped(path.relative_to(root).as_posix(), str(exc))
            continue
        yield _row(path, identity, readings.get(identity.study, StudyReadings()), sheet)


def count(source: str) -> int | None:
    """DICOM files in the tree."""
    return sum(1 for _ in dicom_files(folder(source)))


def _row(path: Path, identity: Identity, study: StudyReadings, sheet: Mapping[str, Mapping[str, Any]]) -> Row:
    patient = study.patient or re.sub(r"^MIDRC-RICORD-1[Cc]-", "", identity.patient)
    line = sheet.get(identity.study) or sheet.get(patient) or {}
    sex = text_of(line, "sex") or study.sex
    result = text_of(line, "result").lower()
    return Row(
        case_id=f"ricord-{patient or 'unknown'}-{short_hash(identity.instance)}",
        source="ricord",
        film=path,
        licence=licence_named("CC BY-NC 4.0"),
        attribution=ATTRIBUTION,
        patient=f"ricord-{patient}" if patient else "",
        table={
            "age": re.sub(r"^0+(?=\d)|[Yy]$", "", text_of(line, "age")) or None,
            "sex": {"F": "female", "M": "male"}.get(sex[:1].upper()),
            "rt_pcr": next((word for word in ("positive", "negative") if word in result), None),
        },
        reference=study.majority(),
        readings=tuple(sorted(study.readings)),
        notes=_notes(study),
    )


def _notes(study: StudyReadings) -> tuple[str, ...]:
    if not study.invalid:
        return ()
    return (f"Marked as an invalid study by: {', '.join(sorted(study.invalid))}.",)


def _clinical(root: Path) -> dict[str, dict[str, Any]]:
    """Study UID and patient -> the sheet's line, under our own names; {} where there is no sheet."""
    path = optional(root, "*linical*.xlsx", "*linical*.csv")
    found: dict[str, dict[str, Any]] = {}
    for raw in sheet_rows(path) if path else ():
        short = {re.sub("[^a-z]", "", str(name).lower()).removeprefix("anon"): v for name, v in raw.items()}
        line = {
            name: next((short[c] for c in map(_without_anon, columns) if short.get(c) is not None), None)
            for name, columns in _SHEET_COLUMNS.items()
        }
        for key in (text_of(line, "study"), text_of(line, "patient")):
            if key:
                found.setdefault(key, line)
    return found


def _without_anon(column: str) -> str:
    return column.removeprefix("anon")


LAYOUT = Layout("ricord", "MIDRC-RICORD-1c", "ricord", rows, count, large_films=True)
