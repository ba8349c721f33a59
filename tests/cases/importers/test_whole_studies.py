"""Films of one study as one case: which come together, in which order, and what is said of the others."""

import csv
import dataclasses
import io
from pathlib import Path

import numpy as np
import pydicom
import pytest

from cases.case import Case, licence_named
from cases.deidentify.pseudonyms import Pseudonymiser
from cases.document import case_from_document
from cases.importers import hannover
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


def nameless(data: bytes) -> bytes:
    """A DICOM film without a patient ID."""
    file, stream = pydicom.dcmread(io.BytesIO(data)), io.BytesIO()
    file.PatientID = ""
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


def test_of_more_films_than_a_case_holds_the_latest_stay_and_the_others_are_counted(folder: Path) -> None:
    for number in range(2, 8):  # one more of the day, and five earlier days
        day = "20210314" if number == 2 else f"2021010{number}"
        study = "1.2.3.4" if number == 2 else f"1.2.{number}"
        film = made.dicom(number, study=study, day=day)
        (folder / "a" / f"{number + 1}.dcm").write_bytes(film)
    for number in (20, 21):
        film = made.dicom(number, study=f"1.2.{number}", day=f"202001{number}")
        (folder / "a" / f"0{number}.dcm").write_bytes(film)
    result = only(folder)
    case = case_of(result)
    assert [film.days_before for film in case.films] == [0, 0, 0, 66, 67, 68, 69, 70]
    assert case.notes == ("2 more films were left out: a case holds 8, the latest ones.",)
    assert result.left_out == 2 and result.films == 8


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


# --- priors: studies of one patient on several days


def single(folder: Path) -> Case:
    return case_of(only(folder))


def test_earlier_studies_of_the_patient_become_priors_with_their_days(folder: Path) -> None:
    (folder / "z.dcm").write_bytes(made.dicom(7, study="1.2.9", day="20210210"))
    case = single(folder)
    views = [(film.radiograph.view_position, film.days_before) for film in case.films]
    assert views == [(ViewPosition.AP, 0), (ViewPosition.LATERAL, 0), (ViewPosition.AP, 32)]
    assert "2021" not in "".join(case.notes) and case.provenance.study == SALT.uid("1.2.3.4")


def test_a_later_study_joins_the_case_that_the_first_one_made(folder: Path, tmp_path: Path) -> None:
    store, salt = tmp_path / "store", tmp_path / "salt"
    salt.write_bytes(SALT.salt)
    options = ["--write", "--store", str(store), "--quiet", "--workers", "1", "--whole-studies"]
    options += ["--salt-file", str(salt), "--burned-text", "allow"]
    films = {}
    for day in ("20210401", "20210402"):
        assert main(["dicom", str(folder), *options]) == 0
        found = EmbeddedCaseStore.open(str(store))
        (row,) = found.page(CaseFilter()).rows
        films[row.case_id] = [film.days_before for film in found.get(row.case_id).films]
        number = int(day[-1])
        (folder / f"later{number}.dcm").write_bytes(made.dicom(30 + number, study=f"1.3.{number}", day=day))
    assert len(films) == 1 and list(films.values()) == [[0, 18, 18]]


def test_studies_without_a_day_or_a_patient_stay_apart(folder: Path) -> None:
    (folder / "b.dcm").write_bytes(made.dicom(3, study="1.2.7", day=""))
    (folder / "c.dcm").write_bytes(made.dicom(4, study="1.2.8", day="00010101"))
    (folder / "d.dcm").write_bytes(nameless(made.dicom(5, study="1.2.9")))
    (folder / "e.dcm").write_bytes(made.dicom(6, study="1.2.6", patient="another", day="20200101"))
    rows = rows_of(folder)
    assert sorted(len(row.parts) if isinstance(row, StudyRow) else 1 for row in rows) == [1, 1, 1, 1, 2]


def test_the_day_of_a_case_is_that_of_its_latest_film_that_can_be_read(folder: Path) -> None:
    (folder / "z.dcm").write_bytes(
        made.dicom(5, study="1.2.9", day="20210320", film=np.zeros((4, 4), np.uint16))[:-8]
    )
    case = single(folder)
    assert [film.days_before for film in case.films] == [0, 0]
    assert len(case.notes) == 1 and case.notes[0].startswith("Film 1 of the study was left out: ")


def test_films_under_another_licence_are_no_priors() -> None:
    first = Row("a", "set", b"", licence_named("CC BY 4.0"), "line", patient="p", day=3)
    other = dataclasses.replace(first, case_id="b", licence=licence_named("CC BY-NC-SA 4.0"), day=1)
    same = dataclasses.replace(first, case_id="c", day=1)
    assert list(whole_studies([first, other])) == [first, other]
    (joined,) = whole_studies([first, same])
    assert isinstance(joined, StudyRow) and (joined.case_id, joined.days) == ("c", (0, 2))


def test_days_alone_make_another_case(folder: Path) -> None:
    (folder / "z.dcm").write_bytes(made.dicom(7, study="1.2.9", day="20210210"))
    (row,) = rows_of(folder)
    mark = only(folder).document["provenance"]["input"]
    moved = dataclasses.replace(row, days=(0, 0, 31))
    (result,) = study_outcomes([(moved, mark)], OWN)
    assert result.state == "ready"


def _cases(name: str, source: Path, store: Path) -> dict[str, list[int]]:
    """ID -> days before of the films of each case that an import makes."""
    options = ["--write", "--store", str(store), "--quiet", "--workers", "1", "--readers-agreed"]
    assert main([name, str(source), "--whole-studies", *options]) == 0
    found = EmbeddedCaseStore.open(str(store))
    ids = [row.case_id for row in found.page(CaseFilter()).rows]
    return {case_id: [film.days_before for film in found.get(case_id).films] for case_id in ids}


def test_mimic_s_studies_of_a_subject_are_joined_by_their_dates(tmp_path: Path) -> None:
    source = made.mimic(tmp_path / "mimic")
    lines = list(csv.DictReader((source / "mimic-cxr-2.0.0-metadata.csv").open()))
    lines = [{**line, "StudyDate": "21800506"} for line in lines]
    place = source / "files" / "p10" / "p10000032" / "s59999999"
    place.mkdir()
    (place / "film-9.jpg").write_bytes(made.jpeg(9))
    earlier = {"dicom_id": "film-9", "study_id": "59999999", "StudyDate": "21800423", "ViewPosition": "AP"}
    made.write_csv(source / "mimic-cxr-2.0.0-metadata.csv", [*lines, lines[0] | earlier])
    split = list(csv.DictReader((source / "mimic-cxr-2.0.0-split.csv").open()))
    earlier = {"dicom_id": "film-9", "study_id": "59999999"}
    made.write_csv(source / "mimic-cxr-2.0.0-split.csv", [*split, split[0] | earlier])
    found = LAYOUTS["mimic"].rows(str(source), ImportSettings())
    (row,) = whole_studies(row for row in found if isinstance(row, Row))
    assert isinstance(row, StudyRow) and row.case_id == "mimic-film-9"
    assert [(part.view, day) for part, day in zip(row.parts, row.days, strict=True)] == [
        ("PA", 0),
        ("lateral", 0),
        ("AP", 13),
    ]


def test_ricord_s_series_and_studies_of_a_patient_are_joined(tmp_path: Path) -> None:
    source = tmp_path / "ricord"
    line = {"Anon MRN": "419639-000082", "Reader_name": "A", "CLASS_label": "Typical", "GRADE_label": "Mild"}
    studies = ("1.2.1", "1.2.2")
    made.ricord_annotations(
        source, [{**line, "StudyInstanceUID": study} for study in studies], [("1.2.1", "A", "Typical")]
    )
    for number, (study, day) in enumerate(zip(("1.2.1", "1.2.1", "1.2.2"), ("1", "1", "9"), strict=True)):
        film = made.dicom(number, study=study, patient="MIDRC-RICORD-1C-419639-000082", day=f"2020030{day}")
        folder = source / "tree" / study / f"series{number}"
        folder.mkdir(parents=True)
        (folder / "1-1.dcm").write_bytes(film)
    ((case_id, days),) = _cases("ricord", source, tmp_path / "store").items()
    assert days == [0, 8, 8] and case_id == "ricord-study-1.2.1"


def test_siim_s_studies_are_joined_where_the_films_name_the_patient(tmp_path: Path) -> None:
    source = made.siim(tmp_path / "siim", 5)  # two films of each study, and one of the last
    for number, day in enumerate(("20200301", "20200301", "20200305", "20200305")):
        (source / "train" / f"film{number:05d}.jpg").unlink()
        film = made.dicom(number, study=f"study{number // 2:05d}", patient="hashed", day=day)
        (source / "train" / f"film{number:05d}.dcm").write_bytes(film)
    found = _cases("siim", source, tmp_path / "store")
    assert sorted(found.values()) == [[0], [0, 0, 4, 4]]


def test_hannover_s_films_are_joined_by_days_from_admission(tmp_path: Path) -> None:
    laboratory = dict.fromkeys(hannover.LABORATORY.values(), "")
    line = {"patient_id": "p", "sex": "f", "projection": "ap", **laboratory}
    days = {"a": "0", "b": "-5", "c": "", "d": "-2"}
    lines = [{**line, "image_id": name, "admission_offset": day} for name, day in days.items()]
    made.write_csv(tmp_path / "h" / "data.csv", lines)
    for number, name in enumerate(days):
        (tmp_path / "h" / f"{name}.png").write_bytes(made.png(number))
    found = _cases("hannover", tmp_path / "h", tmp_path / "store")
    assert found == {"hannover-a": [0, 3, 5], "hannover-c": [0]}
