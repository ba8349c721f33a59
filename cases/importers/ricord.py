"""MIDRC-RICORD-1c (Tsai et al., Radiology 2021): the DICOM tree of The Cancer Imaging Archive and its tables.

Source: a folder with the tree as the TCIA downloader writes it (any depth), the annotations as CSV and as
MD.ai JSON (`*1c*annotations*.csv` and `.json`), and, where there is one, the clinical sheet (`*linical*.xlsx`
or `.csv`, see `ricord_sheet`). Films are matched to readings by study instance UID; every film of a study
carries its labels.
"""

from collections.abc import Iterator
from pathlib import Path

from cases.deidentify.dicom_header import Identity, read_identity
from cases.export.licences import licence_named
from cases.importers.dicom_folder import dicom_files
from cases.importers.ricord_readings import StudyReadings, study_readings
from cases.importers.ricord_sheet import ClinicalSheet, without_prefix
from cases.importers.rows import Dropped, ImportSettings, Layout, Notice, Row, short_hash
from cases.importers.tables import find, folder, optional
from modeling.errors import StudyError
from modeling.sentence import Names, Sentence

ATTRIBUTION = (
    "MIDRC-RICORD-1C, The Cancer Imaging Archive (Tsai et al. 2021, doi:10.7937/91ah-v663), CC BY-NC 4.0"
)


def rows(source: str, settings: ImportSettings) -> Iterator[Row | Dropped | Notice]:
    """A row for every DICOM file of the tree."""
    root = folder(source)
    readings = study_readings(
        find(root, "*1c*annotations*.csv", "*1C*nnotations*.csv"),
        find(root, "*1c*annotations*.json", "*1C*nnotations*.json"),
    )
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


def count(source: str) -> int | None:
    """DICOM files in the tree."""
    return sum(1 for _ in dicom_files(folder(source)))


def _row(path: Path, identity: Identity, study: StudyReadings, sheet: ClinicalSheet) -> Row:
    patient = study.patient or without_prefix(identity.patient)
    facts = sheet.facts(identity.study, patient)
    return Row(
        case_id=f"ricord-{patient or 'unknown'}-{short_hash(identity.instance)}",
        source="ricord",
        film=path,
        licence=licence_named("CC BY-NC 4.0"),
        attribution=ATTRIBUTION,
        patient=f"ricord-{patient}" if patient else "",
        table={**facts, "sex": facts["sex"] or {"F": "female", "M": "male"}.get(study.sex[:1].upper())},
        reference=study.majority(),
        readings=tuple(sorted(study.readings)),
        study=identity.study,
        notes=_notes(study),
    )


def _notes(study: StudyReadings) -> tuple[str, ...]:
    if not study.invalid:
        return ()
    readers = Names("name", sorted(study.invalid))
    return (Sentence("Marked as an invalid study by: {readers}.", readers=readers),)


LAYOUT = Layout("ricord", "MIDRC-RICORD-1c", "ricord", rows, count, large_films=True)
