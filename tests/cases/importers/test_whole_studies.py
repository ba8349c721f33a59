"""Films of one study as one case: which come together, in which order, and what is said of the others."""

import dataclasses
import io
from pathlib import Path

import numpy as np
import pydicom
import pytest

from cases.case import Case
from cases.deidentify.pseudonyms import Pseudonymiser
from cases.document import case_from_document
from cases.importers.films import Outcome, Work
from cases.importers.rows import ImportSettings, Row
from cases.importers.run import LAYOUTS
from cases.importers.whole_studies import StudyRow, study_outcomes, whole_studies
from cases.parquet.store import EmbeddedCaseStore
from cases.store import CaseFilter
from modeling.study import ViewPosition
from tests.doubles import lake_sources as made
from tests.doubles.command import command

main = command("import")
SALT = Pseudonymiser(b"0123456789abcdef-of-a-test")
OWN = Work(SALT, published=False, burned_text="allow")


def turned(data: bytes, view: str) -> bytes:
    """A DICOM film with another view position."""
    file = pydicom.dcmread(io.BytesIO(data))
    file.ViewPosition, file.PatientOrientation = view, ["A", "F"]
    if "ViewCodeSequence" in file:
        del file.ViewCodeSequence
    stream = io.BytesIO()
    file.save_as(stream)
    return stream.getvalue()


def rows_of(folder: Path) -> list[Row]:
    settings = ImportSettings(pseudonyms=SALT, burned_text="allow")
    found = LAYOUTS["dicom"].rows(str(folder), settings)
    return list(whole_studies(row for row in found if isinstance(row, Row)))


def only(folder: Path, known: str = "") -> Outcome:
    """What becomes of the one study in a folder."""
    (row,) = rows_of(folder)
    assert isinstance(row, StudyRow)
    (result,) = study_outcomes([(row, known)], OWN)
    return result


def case_of(result: Outcome) -> Case:
    assert result.state == "ready" and result.document is not None, result
    return case_from_document(result.document)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One study: its lateral lies first in the folder; another patient's single film beside it."""
    source = tmp_path / "films"
    (source / "a").mkdir(parents=True)
    (source / "a" / "1.dcm").write_bytes(turned(made.dicom(0), "LL"))
    (source / "a" / "2.dcm").write_bytes(made.dicom(1))
    return source


def test_a_study_s_films_come_together_with_the_frontal_one_first(folder: Path) -> None:
    result = only(folder)
    case = case_of(result)
    assert [film.radiograph.view_position for film in case.films] == [ViewPosition.AP, ViewPosition.LATERAL]
    assert [film.days_before for film in case.films] == [0, 0]
    assert case.case_id == result.case_id and case.case_id.startswith("dicom-study-")
    assert case.notes == () and case.study.table.values["view_position"] == "AP"
    kept = repr(result).encode() + result.document["further_films"][0]["bytes"]
    for secret in (made.NAME, made.MRN, made.DOCTOR, made.SSN):
        assert secret.encode() not in kept


def test_a_study_that_is_there_is_not_read_again(folder: Path) -> None:
    mark = only(folder).document["provenance"]["input"]
    assert only(folder, mark).state == "same"
    (folder / "a" / "3.dcm").write_bytes(made.dicom(2))
    assert only(folder, mark).state == "ready"


def test_the_same_film_and_one_that_cannot_be_read_are_named_and_left_out(folder: Path) -> None:
    (folder / "a" / "3.dcm").write_bytes((folder / "a" / "2.dcm").read_bytes())
    (folder / "a" / "4.dcm").write_bytes(
        made.dicom(5, film=np.zeros((4, 4), np.uint16))[:-8]  # fewer pixels than it says
    )
    (row,) = rows_of(folder)
    again = dataclasses.replace(row.parts[2], case_id="again")
    row = dataclasses.replace(row, parts=(*row.parts[:2], again, *row.parts[3:]))
    (result,) = study_outcomes([(row, "")], OWN)
    case = case_of(result)
    assert len(case.films) == 2
    assert case.notes[0] == "Film 3 of the study is film 2 again and was left out."
    assert case.notes[1].startswith("Film 4 of the study was left out: ") and len(case.notes) == 2


def test_two_patients_in_one_study_are_refused(folder: Path) -> None:
    (folder / "a" / "3.dcm").write_bytes(made.dicom(2, patient="another"))
    result = only(folder)
    assert result.state == "dropped" and result.reason.startswith("its films are of two patients")


def test_more_films_than_a_study_holds_are_refused(folder: Path) -> None:
    for number in range(2, 9):
        (folder / "a" / f"{number + 1}.dcm").write_bytes(made.dicom(number))
    result = only(folder)
    assert result.reason == "A study of 9 films is too large; choose the 8 that matter."


def test_a_ct_volume_is_refused_by_name(folder: Path) -> None:
    for path in sorted((folder / "a").iterdir()):
        file = pydicom.dcmread(path)
        file.Modality, file.SOPClassUID = "CT", "1.2.840.10008.5.1.4.1.1.2"
        file.save_as(path)
    result = only(folder)
    assert result.state == "dropped"
    assert result.reason.startswith(
        "none of its 2 files is a film: This DICOM file holds a CT volume or a slice of one"
    )


def test_films_of_other_studies_stay_as_they_were(folder: Path) -> None:
    (folder / "b.dcm").write_bytes(made.dicom(3, study="1.2.9", patient="another"))
    settings = ImportSettings(pseudonyms=SALT)
    alone = [row for row in LAYOUTS["dicom"].rows(str(folder), settings) if isinstance(row, Row)]
    together = rows_of(folder)
    (single,) = (row for row in together if not isinstance(row, StudyRow))
    assert single in alone and len(together) == 2 and len(alone) == 3


def test_the_command_keeps_the_two_films_of_open_i_together(tmp_path: Path) -> None:
    reports = {
        "CXR1": (["CXR1_IM-0001-3001", "CXR1_IM-0001-4001"], {"FINDINGS": "Clear."}),
        "CXR2": (["CXR2_IM-0002-1001"], {"FINDINGS": "Clear lungs."}),
    }
    source, store = made.openi(tmp_path / "openi", reports), tmp_path / "store"
    options = ["--write", "--store", str(store), "--quiet", "--workers", "1"]
    assert main(["openi", str(source), "--whole-studies", *options]) == 0
    found = EmbeddedCaseStore.open(str(store))
    assert [row.case_id for row in found.page(CaseFilter()).rows] == [
        "openi-CXR2_IM-0002-1001",
        "openi-study-CXR1",
    ]
    case = found.get("openi-study-CXR1")
    assert len(case.films) == 2 and case.report == {"findings": "Clear."}
    assert case.licence.may_export is False and case.provenance.study == "CXR1"
