"""Each published layout in small: what its importer makes of it, and that no identifier comes through."""

import csv
import gzip
import io
import json
from datetime import date
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image

from cases.case import Case
from cases.deidentify.pseudonyms import Pseudonymiser
from cases.document import case_from_document
from cases.importers.films import NO_FINDING, Outcome, Work, outcome
from cases.importers.mimic import CHEXPERT, LABELS
from cases.importers.ricord import ClinicalSheet, majority_of, study_readings
from cases.importers.rows import Dropped, ImportSettings, Notice, Row
from cases.importers.run import LAYOUTS
from interface.case_tab.prediction_panel import reader_lines
from modeling.errors import StudyError
from modeling.labels import APPEARANCE, FINDINGS, GRADING, NIH_FINDINGS
from modeling.reports.index_terms import findings_of_headings
from modeling.reports.reading import read_reports
from modeling.study import ViewPosition
from tests.doubles import lake_sources as made
from tests.doubles.command import command

main = command("import")

SALT = Pseudonymiser(b"0123456789abcdef-of-a-test")
PLAIN = ImportSettings()


def read(
    name: str, source: Path | str, settings: ImportSettings = PLAIN
) -> tuple[dict[str, Outcome], list[Dropped]]:
    """ID -> what became of each row, and what the layout dropped; in this process."""
    layout = LAYOUTS[name]
    work = Work(settings.pseudonyms, layout.published, settings.burned_text or layout.burned_text)
    rows = list(layout.rows(str(source), settings))
    kept = [row for row in rows if isinstance(row, Row)]
    assert len({row.case_id for row in kept}) == len(kept)
    return {row.case_id: outcome(row, "", work) for row in kept}, [r for r in rows if isinstance(r, Dropped)]


def case_of(result: Outcome) -> Case:
    assert result.state == "ready" and result.document is not None, result
    case = case_from_document(result.document)
    assert case.provenance.attribution and case.licence.name
    return case


def all_that_is_kept(results: dict[str, Outcome]) -> bytes:
    """Every byte of every outcome, films included."""
    return repr(list(results.values())).encode() + b"".join(
        result.document["film"]["bytes"] for result in results.values() if result.document
    )


# --- SIIM


def test_siim_tables_and_films(tmp_path: Path) -> None:
    results, dropped = read("siim", made.siim(tmp_path, 6, broken=(3,)))
    assert not dropped and len(results) == 6
    case = case_of(results["siim-film00002"])
    assert case.reference == {APPEARANCE: "Typical"}
    assert (case.provenance.patient, case.provenance.source) == ("siim-study00001", "siim")
    assert not case.licence.may_show and not case.licence.may_export
    assert results["siim-film00003"].state == "dropped" and "damaged" in results["siim-film00003"].reason
    assert np.array_equal(case.study.radiograph.pixels, np.asarray(Image.open(io.BytesIO(made.jpeg(2))))), (
        "the JPEG is kept as it came"
    )


def test_readers_who_agreed_see_siim_and_nobody_exports_it(tmp_path: Path) -> None:
    results, _ = read("siim", made.siim(tmp_path, 1), ImportSettings(readers_agreed=True))
    licence = case_of(results["siim-film00000"]).licence
    assert licence.may_show and not licence.may_export


def test_siim_parquet_gets_its_own_shape_back(data_root: Path) -> None:
    layout = LAYOUTS["siim"]
    rows = layout.rows(str(data_root / "siim_appearance.parquet"), ImportSettings())
    row = next(row for row in rows if isinstance(row, Row))
    case = case_of(outcome(row, "", Work(None, True, "allow")))
    height, width = case.study.radiograph.shape
    shown = height * case.study.radiograph.pixel_aspect_ratio / width
    assert shown == pytest.approx(row.squashed_from[0] / row.squashed_from[1])
    assert case.provenance.patient == "siim-5776db0cec75"


def test_siim_boxes_of_dicom_and_of_resized_films(tmp_path: Path) -> None:
    root = made.siim(tmp_path, 3)
    boxes = (
        "[{'x': 8, 'y': 12.0, 'width': 40.0, 'height': 24.0}, {'x': 900, 'y': 0, 'width': 5, 'height': 5}]"
    )
    lines = list(csv.DictReader((root / "train_image_level.csv").open()))
    made.write_csv(root / "train_image_level.csv", [{**line, "boxes": boxes} for line in lines])
    (root / "train" / "film00000.jpg").unlink()
    (root / "train" / "film00000.dcm").write_bytes(made.dicom(0))  # 96 x 80 pixels
    rows = list(LAYOUTS["siim"].rows(str(root), PLAIN))
    said = [row.text for row in rows if isinstance(row, Notice)]
    assert len(said) == 1 and "boxes of 2 resized films are left out" in said[0]
    made.write_csv(root / "meta.csv", [{"image_id": "film00001", "dim0": 960, "dim1": 800, "split": "train"}])
    results, _ = read("siim", root)
    whole, resized, unknown = (case_of(results[f"siim-film0000{n}"]) for n in range(3))
    (box,) = whole.regions
    assert (box.reader, box.label) == ("SIIM-FISABIO-RSNA radiologists", "opacity")
    assert (box.left, box.top, box.width, box.height) == (0.1, 0.125, 0.5, 0.25)
    assert whole.notes == ("1 published boxes lie outside the film and are left out.",)
    assert [round(v, 5) for v in vars(resized.regions[0]).values() if isinstance(v, float)] == [
        0.01, 0.0125, 0.05, 0.025,
    ]  # fmt: skip
    assert not unknown.regions
    assert results["siim-film00000"].document["provenance"]["study"] == "study00000"


def test_siim_parquet_keeps_every_published_box(data_root: Path) -> None:
    rows = [
        r
        for r in LAYOUTS["siim"].rows(str(data_root / "siim_appearance.parquet"), PLAIN)
        if isinstance(r, Row)
    ]
    boxes = [box for row in rows for box in row.regions]
    assert len(rows) == 5642 and len(boxes) == 7111
    assert all(-0.001 < b.left < b.left + b.width <= 1.001 for b in boxes)
    assert all(-0.001 < b.top < b.top + b.height <= 1.001 for b in boxes)


def test_tables_of_another_form_are_a_sentence(tmp_path: Path) -> None:
    root = made.siim(tmp_path, 2)
    made.write_csv(root / "meta.csv", [{"image_id": "film00001", "dim0": "tall", "dim1": 800}])
    with pytest.raises(StudyError, match=r"'meta\.csv'"):
        read("siim", root)
    (root / "meta.csv").unlink()
    lines = list(csv.DictReader((root / "train_image_level.csv").open()))
    for odd in ("nonsense", "[1, 2]", "[{'x': 'a', 'y': 1, 'width': 1, 'height': 1}]"):
        made.write_csv(root / "train_image_level.csv", [{**line, "boxes": odd} for line in lines])
        with pytest.raises(StudyError, match="boxes of another form"):
            read("siim", root)


# --- NIH, Hannover, Cohen


def test_nih_labels_ages_and_splits(tmp_path: Path) -> None:
    lines = [
        {"Image Index": "00000001_000.png", "Finding Labels": "Cardiomegaly|Effusion", "Patient ID": 1,
         "Patient Age": "058Y", "Patient Gender": "M", "View Position": "PA"},
        {"Image Index": "00000002_000.png", "Finding Labels": "No Finding", "Patient ID": 2,
         "Patient Age": "414", "Patient Gender": "F", "View Position": "AP"},
        {"Image Index": "00000003_000.png", "Finding Labels": "Mass", "Patient ID": 3,
         "Patient Age": "1", "Patient Gender": "F", "View Position": "AP"},
    ]  # fmt: skip
    made.write_csv(tmp_path / "Data_Entry_2017_v2020.csv", lines)
    (tmp_path / "test_list.txt").write_text("00000002_000.png\n")
    films = tmp_path / "images_001" / "images"
    films.mkdir(parents=True)
    for number in (1, 2):
        (films / f"{number:08d}_000.png").write_bytes(made.png(number))
    results, dropped = read("nih", tmp_path)
    assert [row.row for row in dropped] == ["00000003_000.png"]
    one, two = case_of(results["nih-00000001_000"]), case_of(results["nih-00000002_000"])
    assert one.study.table.values == {"age": 58.0, "sex": "male", "view_position": "PA"}
    assert one.reference == {FINDINGS: "Cardiomegaly|Effusion"}
    assert {(r.reader, r.class_name) for r in one.readings} == {
        ("NIH text mining", "Cardiomegaly"), ("NIH text mining", "Effusion"),
    }  # fmt: skip
    assert two.reference == {FINDINGS: NO_FINDING}
    assert "age" not in two.study.table.values and "age" in two.notes[0]
    assert results["nih-00000002_000"].document["provenance"]["split"] == "test"
    assert one.licence.may_export and "NIH Clinical Center" in one.provenance.attribution
    (tmp_path / "BBox_List_2017.csv").write_text(
        "Image Index,Finding Label,Bbox [x,y,w,h],,,\n00000001_000.png,Infiltrate,102.4,512,256,128,,,\n"
    )
    results, _ = read("nih", tmp_path)
    (box,) = case_of(results["nih-00000001_000"]).regions
    assert (box.reader, box.label) == ("NIH radiologist", "Infiltration")
    assert (box.left, box.top, box.width, box.height) == pytest.approx((0.1, 0.5, 0.25, 0.125))


def test_hannover_keeps_limits_apart_from_missing(tmp_path: Path) -> None:
    line = {
        "patient_id": "0a35", "image_id": "61bc50d1", "sex": "f", "age": "", "projection": "ap",
        "crp_val": "-inf", "d-dimer_val": "", "ldh_val": "295.0", "lymphocytes_val": "2.7",
        "neutrophils_val": "6.2", "po2_val": "165.0", "pco2_val": "30.0",
    }  # fmt: skip
    made.write_csv(tmp_path / "data.csv", [line])
    (tmp_path / "png").mkdir()
    (tmp_path / "png" / "61bc50d1.png").write_bytes(made.png(1))
    results, _ = read("hannover", tmp_path)
    values = case_of(results["hannover-61bc50d1"]).study.table.values
    assert values["crp"] == -np.inf and "d_dimer" not in values and values["ldh"] == 295.0


COVID_NET = (
    "patientid,offset,sex,age,finding,survival,temperature,pO2 saturation,view,modality,"
    "{film}artifacts/distortion,notes"
)


def test_actualmed_films_carry_the_diagnosis_of_their_patients(tmp_path: Path) -> None:
    (tmp_path / "metadata.csv").write_text(
        f"{COVID_NET.format(film='imagename,')}\n"
        'ANON1,,,,No finding,,,,PA,X-ray,CR.1.2.1.png,,"Negative, date taken (YYYYMMDD): 20200317"\n'
        'ANON1,,,,COVID-19,,,,AP,X-ray,CR.1.2.2.png,,", date taken (YYYYMMDD): 20200318"\n'
        'ANON2,,,,,,,,PA,X-ray,CR.1.2.3.png,,"Inconclusive, date taken (YYYYMMDD): 20200313"\n'
        "ANON3,,,,COVID-19,,,,PA,X-ray,CR.1.2.4.png,,\n"
        "ANON3,,,,COVID-19,,,,PA,CT,CR.1.2.5.png,,\n"
    )
    (tmp_path / "images").mkdir()
    for number in range(1, 4):
        (tmp_path / "images" / f"CR.1.2.{number}.png").write_bytes(made.png(number))
    results, dropped = read("actualmed", tmp_path)
    cases = [case_of(result) for result in results.values()]
    told = [(c.reference.get("diagnosis"), c.study.table.values["view_position"]) for c in cases]
    assert told == [("No Finding", "PA"), ("COVID-19", "AP"), (None, "PA")]
    assert cases[0].provenance.patient == cases[1].provenance.patient != cases[2].provenance.patient
    assert not any(c.licence.may_show or c.report for c in cases)
    assert [row.reason for row in dropped] == ["its film is not in the folder", "not a radiograph"]


def test_figure_1_calls_films_by_their_patients(tmp_path: Path) -> None:
    (tmp_path / "metadata.csv").write_text(
        f"{COVID_NET.format(film='originalfile,')}\n"
        "COVID-00003a,8,M,28,COVID-19,,39.1,90,AP erect,X-ray,COVID-0024.jpeg,,Febrile for six days.\n"
        "COVID-00003b,8,M,28,Pneumonia,,,91-92,AP erect,X-ray,COVID-0025.jpeg,,\n"
        "COVID-00005,,,50+,No finding,,,,PA,X-ray,,,\n"
    )
    (tmp_path / "images").mkdir()
    for number, name in enumerate(("COVID-00003a.jpg", "COVID-00003b.png", "COVID-00005.jpg")):
        (tmp_path / "images" / name).write_bytes(made.png(number))
    results, dropped = read("figure1", tmp_path)
    cases = [case_of(result) for result in results.values()]
    assert [c.reference["diagnosis"] for c in cases] == [
        "COVID-19",
        "Pneumonia",
        "No Finding",
    ] and not dropped
    assert cases[0].provenance.patient == cases[1].provenance.patient != cases[2].provenance.patient
    table = cases[0].study.table.values
    assert (table["age"], table["temperature"], table["spo2"], table["sex"]) == (28, 39.1, 90, "male")
    assert "spo2" not in cases[1].study.table.values and cases[0].report == {
        "findings": "Febrile for six days."
    }


def test_cohen_rows_honour_each_images_licence(tmp_path: Path) -> None:
    common = {
        "patientid": "2", "view": "PA", "modality": "X-ray", "folder": "images", "url": "https://x.test/a",
        "sex": "M", "age": "65", "clinical_notes": "On March 14, 2021 a man came with COVID-19.",
    }  # fmt: skip
    lines = [
        {**common, "filename": "a.jpg", "license": "CC BY-NC-SA"},
        {**common, "filename": "b.jpg", "license": "CC BY-NC-ND 4.0"},
        {**common, "filename": "c.jpg", "license": ""},
        {**common, "filename": "d.jpg", "license": "CC BY 3.0", "url": "covid-19-image-repository/d"},
        {**common, "filename": "e.nii.gz", "license": "CC BY", "modality": "CT", "folder": "volumes"},
        {**common, "filename": "f.jpg", "license": "CC BY"},
    ]
    made.write_csv(tmp_path / "metadata.csv", lines)
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations" / "covid-severity-scores.csv").write_text(
        "## mean of 3 raters\nfilename,geographic_mean,opacity_mean\na.jpg,6.0,4.0\n"
    )
    (tmp_path / "images").mkdir()
    for number, name in enumerate("abcd"):
        (tmp_path / "images" / f"{name}.jpg").write_bytes(made.jpeg(number))
    results, dropped = read("covid-chestxray", tmp_path)
    cases = [case_of(result) for result in results.values()]
    allowed = [(c.licence.may_show, c.licence.may_export) for c in cases]
    assert allowed == [(True, True), (False, False), (False, False)]
    assert sorted(row.reason for row in dropped) == [
        "a Hannover film: import hannover instead", "its film is not in the folder", "not a radiograph",
    ]  # fmt: skip
    assert [(r.scale, r.value, r.high) for r in cases[0].ratings] == [
        ("geographic extent of opacities", 6.0, 8.0), ("opacity score", 4.0, 8.0),
    ]  # fmt: skip
    assert {r.reader for r in cases[0].ratings} == {"mean of 3 expert raters (Cohen et al. 2020)"}
    assert cases[0].report == {"findings": "On [date] a man came with COVID-19."}
    assert not cases[0].study.text, "notes that name the diagnosis are not pre-read text"
    assert results[cases[1].case_id].document["thumbnail"] is None


def test_cohen_parquet_grading_comes_from_the_senior_reader(data_root: Path) -> None:
    results = {}
    for row in LAYOUTS["covid-chestxray"].rows(str(data_root / "cohen.parquet"), ImportSettings()):
        if isinstance(row, Row) and len(row.readings) == 2:
            results[row.case_id] = row
    assert len(results) > 50
    row = next(r for r in results.values() if len({label for _, _, label in r.readings}) == 2)
    senior = {reader: label for reader, _, label in row.readings}["Brixia senior reader"]
    assert row.reference == {GRADING: senior}
    zones = [r for r in row.ratings if r.reader == "Brixia senior reader"]
    assert [r.scale for r in zones] == [f"Brixia zone {zone}" for zone in "ABCDEF"]
    assert all(0 <= r.value <= r.high == 3 for r in zones)


# --- Open-i and MIMIC


def test_openi_reports_views_and_gold_labels(tmp_path: Path) -> None:
    sections = {"INDICATION": "Cough, seen by Dr. Abernathy.", "FINDINGS": "Clear.", "COMPARISON": "None."}
    reports = {
        "CXR1": (["CXR1_IM-0001-3001", "CXR1_IM-0001-4001"], sections),
        "CXR2": ([], {"FINDINGS": "Clear."}),
    }
    made.openi(tmp_path, reports)
    made.write_csv(
        tmp_path / "nlmcxr_dicom_metadata.csv",
        [{"imageid": "CXR1_IM-0001-4001", "View Position": "LATERAL"}],
    )
    made.write_csv(tmp_path / "negbio_gold_dev.csv", [gold_line("CXR1", "Mass")])
    results, dropped = read("openi", tmp_path)
    assert [row.reason for row in dropped] == ["its report names no film"]
    frontal, lateral = (
        case_of(results["openi-CXR1_IM-0001-3001"]),
        case_of(results["openi-CXR1_IM-0001-4001"]),
    )
    assert frontal.study.text.sections == {"indication": "Cough, seen by [name]."}
    assert frontal.report == {"findings": "Clear."} and frontal.reference == {FINDINGS: "Mass"}
    assert lateral.study.radiograph.view_position is ViewPosition.LATERAL
    assert frontal.licence.may_show and not frontal.licence.may_export


def gold_line(name: str, *findings: str, column: str = "filename") -> dict[str, object]:
    return {column: name, **{n: int(n in findings) for n in NIH_FINDINGS}, "normal": int(not findings)}


def test_openi_findings_come_from_the_surest_source(tmp_path: Path) -> None:
    texts = {
        "CXR1": "There is a pleural effusion.",  # both gold tables, headings and text
        "CXR2": "The lungs are clear.",  # one gold table, by the number alone
        "CXR3": "Large right pneumothorax. No effusion.",  # headings
        "CXR4": "Cardiomegaly is seen.",  # text alone
        "CXR5": "Comparison with the earlier film is advised.",  # nobody says anything
    }
    films = {
        name: ([f"{name}_IM-0001-1001", f"{name}_IM-0001-2001"], {"FINDINGS": text})
        for name, text in texts.items()
    }
    headings = {
        "CXR1": ["Pulmonary Atelectasis/base/left"],
        "CXR3": ["Pneumothorax/right/large", "Thickening/pleura/apex"],
        "CXR4": ["No Indexing"],
    }
    made.openi(tmp_path, films, headings)
    lines = [
        gold_line("1_IM-0001-1001.png", "Mass", column="Image"),
        gold_line("CXR1_IM-0001-2001", "Nodule", column="Image"),
    ]
    made.write_csv(tmp_path / "openi_gld_std14.csv", [*lines, gold_line("2", column="Image")])
    made.write_csv(tmp_path / "negbio_gold_dev.csv", [gold_line("CXR1", "Hernia")])
    results, _ = read("openi", tmp_path)
    assert len(results) == 10
    cases = {name: [case_of(results[f"openi-{film}"]) for film in films[name][0]] for name in texts}
    for name, both in cases.items():
        assert both[0].reference == both[1].reference and both[0].readings == both[1].readings
        assert {case.provenance.study for case in both} == {name} == {both[0].provenance.patient[6:]}
    found = {name: both[0].reference.get(FINDINGS) for name, both in cases.items()}
    assert found == {
        "CXR1": "Mass|Nodule", "CXR2": NO_FINDING, "CXR3": "Pleural_Thickening|Pneumothorax",
        "CXR4": "Cardiomegaly", "CXR5": None,
    }  # fmt: skip
    assert [(r.reader, r.class_name) for r in cases["CXR1"][0].readings] == [
        ("Open-i gold standard", "Mass"), ("Open-i gold standard", "Nodule"),
        ("NegBio gold standard", "Hernia"), ("MeSH headings", "Atelectasis"),
        ("mined from the report", "Effusion"),
    ]  # fmt: skip
    assert [(r.reader, r.class_name) for r in cases["CXR2"][0].readings] == [
        ("Open-i gold standard", NO_FINDING), ("mined from the report", NO_FINDING),
    ]  # fmt: skip
    (said, unknown) = (
        row.text for row in LAYOUTS["openi"].rows(str(tmp_path), PLAIN) if isinstance(row, Notice)
    )
    assert "2 studies from: Open-i gold standard" in said and "1 studies from: MeSH headings" in said
    assert "1 studies no source says" in unknown.replace("Of ", "")


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ({"Mass": 1}, "no column for a study"),
        ({"filename": "CXR1", "Mass": 1}, "no column for Atelectasis"),
    ],
)
def test_gold_labels_of_another_form_are_a_sentence(
    tmp_path: Path, line: dict[str, object], sentence: str
) -> None:
    made.openi(tmp_path, {"CXR1": (["CXR1_IM-0001-3001"], {"FINDINGS": "Clear."})})
    made.write_csv(tmp_path / "openi_gld_std14.csv", [line])
    with pytest.raises(StudyError, match=sentence):
        read("openi", tmp_path)


def test_openi_headings_agree_with_the_gold_labels(data_root: Path) -> None:
    """On the published reports: what the headings name beside NegBio's gold labels, Hernia aside."""
    gold = {
        line["filename"]: {n for n in NIH_FINDINGS if line[n] == "1"}
        for line in csv.DictReader((data_root / "openi" / "negbio_gold_dev.csv").open())
    }
    reports = {r.report_id: r for r in read_reports(data_root / "openi" / "NLMCXR_reports.tgz")}
    named = {name: set(findings_of_headings(reports[name].headings) or ()) for name in gold}
    assert len(gold) == 1892 and sum(len((named[n] ^ gold[n]) - {"Hernia"}) for n in gold) == 6


def test_openi_reads_the_published_reports(data_root: Path) -> None:
    rows = list(LAYOUTS["openi"].rows(str(data_root / "openi"), ImportSettings()))
    reasons = {row.reason for row in rows if isinstance(row, Dropped)}
    assert len(rows) == 7470 + 104 and reasons == {
        "its film is not in the folder",
        "its report names no film",
    }


def mimic_labels(study: str, **states: str) -> dict[str, str]:
    """A line of a labeller's table: every label, blank where no state is given."""
    own = {name.replace("_", " "): state for name, state in states.items()}
    return {"subject_id": "11000001", "study_id": study, **dict.fromkeys(LABELS, ""), **own}


def test_mimic_keeps_four_states_split_and_report(tmp_path: Path) -> None:
    results, dropped = read("mimic", made.mimic(tmp_path), ImportSettings(readers_agreed=True))
    assert [row.row for row in dropped] == ["film-missing"]
    case = case_of(results["mimic-film-0"])
    states = {
        ("CheXpert labeler", "Edema: positive"), ("CheXpert labeler", "Pneumonia: uncertain"),
        ("CheXpert labeler", "Pleural Effusion: negative"), ("NegBio labeler", "Edema: uncertain"),
    }  # fmt: skip
    for task in (CHEXPERT, FINDINGS):
        assert {(r.reader, r.class_name) for r in case.readings if r.task == task} == states
    assert len(reader_lines(case, "en")) == len(states), "each said once"
    assert case.reference == {FINDINGS: "Edema"}
    assert case.study.text.sections == {"indication": "___F with cough, seen by [name] on [date]."}
    assert case.report == {"findings": "No effusion. Heart size normal.", "impression": "No pneumonia."}
    assert results["mimic-film-0"].document["provenance"]["split"] == "validation"
    assert case.provenance.study == "s50414267" and case.provenance.patient == "mimic-10000032"
    assert case.licence.may_show and not case.licence.may_export


def test_mimic_has_14_labels_and_the_radiologists_go_first(tmp_path: Path) -> None:
    """A tree in the layout of version 2.1.0, gzipped tables too: radiologists read one study of three."""
    metadata, splits = [], []
    views = {"1": ("", "postero-anterior"), "2": ("AP RLD", ""), "3": ("SWIMMERS", "")}
    for number, (view, meaning) in views.items():
        place = tmp_path / "files" / "p11" / "p11000001" / f"s5000000{number}"
        place.mkdir(parents=True)
        (place / f"film-{number}.jpg").write_bytes(made.jpeg(int(number)))
        names = {"dicom_id": f"film-{number}", "subject_id": "11000001", "study_id": f"5000000{number}"}
        metadata.append({**names, "ViewPosition": view, "ViewCodeSequence_CodeMeaning": meaning})
        splits.append({**names, "split": "test" if number == "1" else "train"})
    every = dict(zip(LABELS, ("0.0", "1.0", "-1.0", "") * 4, strict=False))
    chexpert = [
        {**mimic_labels("50000001"), **every},
        mimic_labels("50000002", No_Finding="1.0", Support_Devices="1"),
        mimic_labels("50000003", Fracture="1.0", Edema="maybe"),
    ]
    judged = mimic_labels("50000001", Pneumothorax="1", Edema="0", Airspace_Opacity="-1")
    del judged["subject_id"], judged["Lung Opacity"]  # as published
    absent = {**judged, "study_id": "59999999"}
    made.write_csv(tmp_path / "mimic-cxr-2.1.0-test-set-labeled.csv", [judged, absent])
    for name, lines in (("metadata", metadata), ("split", splits), ("chexpert", chexpert)):
        plain = tmp_path / f"mimic-cxr-2.0.0-{name}.csv"
        made.write_csv(plain, lines)
        plain.with_suffix(".csv.gz").write_bytes(gzip.compress(plain.read_bytes()))
        plain.unlink()
    results, dropped = read("mimic", tmp_path)
    one, two, three = (case_of(results[f"mimic-film-{number}"]) for number in views)
    assert not dropped and {case.provenance.patient for case in (one, two, three)} == {"mimic-11000001"}
    said = [(r.reader, r.class_name) for r in one.readings if r.task == CHEXPERT]
    assert said[:3] == [
        ("MIMIC-CXR-JPG radiologist", "Lung Opacity: uncertain"),
        ("MIMIC-CXR-JPG radiologist", "Edema: negative"),
        ("MIMIC-CXR-JPG radiologist", "Pneumothorax: positive"),
    ]  # fmt: skip
    words = {"1.0": "positive", "0.0": "negative", "-1.0": "uncertain"}
    told = [f"{name}: {words[state]}" for name, state in every.items() if state]
    assert len(every) == 14 and [name for reader, name in said if reader == "CheXpert labeler"] == told
    assert one.reference == {FINDINGS: "Pneumothorax"}, "the radiologists' word, not the program's"
    assert two.reference == {FINDINGS: NO_FINDING} and three.reference == {}, "a fracture is no NIH finding"
    assert [r.class_name for r in three.readings] == ["Fracture: positive"]
    splits_kept = [results[f"mimic-film-{n}"].document["provenance"]["split"] for n in views]
    assert splits_kept == ["test", "train", "train"]
    positions = [case.study.radiograph.view_position for case in (one, two, three)]
    assert positions == [ViewPosition.PA, ViewPosition.DECUBITUS, ViewPosition.UNKNOWN]
    assert one.study.table.values == {"view_position": "PA"} and not two.study.table.values
    notices = [row.text for row in LAYOUTS["mimic"].rows(str(tmp_path), PLAIN) if isinstance(row, Notice)]
    assert len(notices) == 3 and "no mimic-cxr-2*-negbio.csv" in notices[0]
    assert "1 values of mimic-cxr-2*-chexpert.csv" in notices[1]
    assert notices[2].startswith("1 studies that radiologists labelled have no film")


# --- RICORD


def test_ricord_majority_ties_and_adjudication() -> None:
    task = APPEARANCE
    votes = [("A", task, "Typical"), ("B", task, "Typical"), ("C", task, "Atypical")]
    assert majority_of(votes, task) == "Typical"
    tie = [("A", task, "Typical"), ("B", task, "Atypical")]
    assert majority_of(tie, task) is None
    three = [*tie, ("C", task, "Indeterminate"), ("Adjudication", task, "Atypical")]
    assert majority_of(three, task) == "Atypical"
    undecided = [("A", task, "Typical"), ("A", task, "Atypical"), ("B", task, "Typical")]
    assert majority_of(undecided, task) == "Typical", "a reader with two classes casts no vote"


def test_ricord_tree_with_its_real_annotations(tmp_path: Path, data_root: Path) -> None:
    for name in ("1c_annotations.csv", "1c_mdai_annotations.json"):
        (tmp_path / name).symlink_to(data_root / "ricord" / name)
    with (data_root / "ricord" / "1c_annotations.csv").open() as file:
        line = next(row for row in csv.DictReader(file) if row["CLASS_label"] == "Typical")
    study, patient = line["StudyInstanceUID"], line["Anon MRN"]
    place = tmp_path / "MIDRC-RICORD-1C" / f"MIDRC-RICORD-1C-{patient}" / "01-01-2004-CHEST" / "1.000000-AP"
    place.mkdir(parents=True)
    name = f"MIDRC-RICORD-1C-{patient}"
    for number in range(2):
        (place / f"1-{number + 1}.dcm").write_bytes(made.dicom(number, study=study, patient=name, age=61))
    (place / "1-3.dcm").write_bytes(
        made.dicom(7, study="1.2.3.999", patient="MIDRC-RICORD-1C-SITE9-1", age=5)
    )
    made.write_csv(
        tmp_path / "MIDRC-RICORD-1C-Clinical-Data.csv",
        [{"Anon MRN": patient, "Anon Age": 72, "Anon Sex": "F", "Result": "Positive"}],
    )
    results, dropped = read("ricord", tmp_path)
    assert not dropped and len(results) == 3
    readings = study_readings(tmp_path / "1c_annotations.csv", tmp_path / "1c_mdai_annotations.json")[study]
    first = [case_of(r) for r in results.values() if patient in r.case_id]
    assert len(first) == 2 and {c.provenance.patient for c in first} == {f"ricord-{patient}"}
    for case in first:
        assert case.reference == readings.majority()
        assert {(r.reader, r.task, r.class_name) for r in case.readings} == readings.readings
        assert case.study.table.values == {
            "age": 72.0, "sex": "female", "rt_pcr": "positive", "view_position": "AP",
        }  # fmt: skip
        assert (case.licence.name, case.licence.may_export) == ("CC BY-NC 4.0", True)
    other = next(case_of(r) for r in results.values() if "SITE9" in r.case_id)
    assert not other.reference and other.study.table.values["age"] == 5.0


def test_ricord_agreement_is_what_the_annotations_say(data_root: Path) -> None:
    folder = data_root / "ricord"
    studies = study_readings(folder / "1c_annotations.csv", folder / "1c_mdai_annotations.json")
    assert sum(bool(study.patient) for study in studies.values()) == 981
    task, agree, count = APPEARANCE, 0, 0
    for study in studies.values():
        majority = study.majority().get(task)
        mine = [label for _, its_task, label in study.readings if its_task == task and majority]
        agree, count = agree + sum(label == majority for label in mine), count + len(mine)
    assert agree / count == pytest.approx(0.76, abs=0.01), "DATA: a reader agrees with the majority for 76 %"


def test_ricord_invalid_studies_are_said(tmp_path: Path) -> None:
    line = {
        "Anon MRN": "SITE1-1", "Anon TCIA Study Date": "", "Anon Sex": "F", "StudyInstanceUID": "1.2.3.4",
        "Reader_name": "Bear", "CLASS_label": "Negative", "GRADE_label": "",
    }  # fmt: skip
    labels = [("1.2.3.4", "Tiger", "Invalid Study"), ("1.2.3.4", "Tiger", "Typical Appearance")]
    made.ricord_annotations(tmp_path, [line], labels)
    (tmp_path / "1-1.dcm").write_bytes(made.dicom())
    results, _ = read("ricord", tmp_path)
    case = case_of(next(iter(results.values())))
    assert case.notes[0] == "Marked as an invalid study by: Tiger."
    assert {(r.reader, r.class_name) for r in case.readings} == {("Bear", "Negative"), ("Tiger", "Typical")}


def test_ricord_sheet_as_published_lies_behind_another_sheet(tmp_path: Path) -> None:
    import openpyxl

    book = openpyxl.Workbook()
    book.active.append(["About this file"])
    sheet = book.create_sheet("CR Pos - TCIA Submission")
    sheet.append([
        "Anon MRN", "Anon Age", "Anon TCIA Study Date", "Anon Exam Description", "Anon Sex", "Anon Study UID",
        "Anon Image Count", "Modality", "Result", "Specimen Source",
    ])  # fmt: skip
    sheet.append(
        ["MIDRC-RICORD-1C-SITE1-1", 51.0, "1/2/2000", "CHEST", "F", "1.2.3", 1, "CR", "Positive", "NP"]
    )
    sheet.append(["SITE1-2", "061Y", None, "CHEST", "m", "1.2.4", 1, "DX", "Not detected", None])
    sheet.append(["SITE1-3", "old", None, "", "?", "1.2.5", 1, "DX", "pending", None])
    book.save(tmp_path / "Clinical.xlsx")
    found = ClinicalSheet.read(tmp_path / "Clinical.xlsx")
    assert found.facts("1.2.3", "") == {"age": "51", "sex": "female", "rt_pcr": "positive"}
    assert found.facts("9.9", "SITE1-1")["age"] == "51"
    assert found.facts("", "SITE1-2") == {"age": "61", "sex": "male", "rt_pcr": "negative"}
    assert [notice.text for notice in found.notices()] == [
        "'Clinical.xlsx' has columns that are not taken: Anon TCIA Study Date, Anon Exam Description,"
        " Anon Image Count, Modality, Specimen Source.",
        "1 lines of 'Clinical.xlsx' have a value of age that is not understood.",
        "1 lines of 'Clinical.xlsx' have a value of sex that is not understood.",
        "1 lines of 'Clinical.xlsx' have a value of result that is not understood.",
        "1 of 3 lines of 'Clinical.xlsx' belong to no film in the tree.",
    ]


@pytest.mark.parametrize(
    "header", ["PatientID,Age (years),Gender,RT-PCR", "Subject ID,AGE_YEARS,patient sex,Test Result"]
)
def test_ricord_sheet_under_other_names(tmp_path: Path, header: str) -> None:
    path = tmp_path / "clinical.csv"
    path.write_text(f"{header},Ward\nSITE1-1,40,Female,detected,B\n")
    found = ClinicalSheet.read(path)
    assert found.facts("", "SITE1-1") == {"age": "40", "sex": "female", "rt_pcr": "positive"}
    assert found.missing == ("study",) and found.unknown == ("Ward",)


# --- films of one's own, and the Hub


def own_folder(root: Path) -> Path:
    """DICOM files whose every place holds identifiers, and a table of reports."""
    place = root / f"{made.NAME}_Wilhelmina_{made.BIRTH}"
    place.mkdir(parents=True)
    for number in range(2):
        film = made.pixels(number, (400, 360)).astype(np.uint16) << 4
        (place / f"{made.NAME}{number}.dcm").write_bytes(made.dicom(number, film=film))
    burned = made.with_text(made.pixels(5, (400, 360)), f"{made.NAME} 03.04.61", 20).astype(np.uint16) << 4
    (place / "burned.dcm").write_bytes(made.dicom(5, film=burned))
    (place / "notes.txt").write_text(made.NAME)
    (place / "broken.dcm").write_bytes(b"\0" * 128 + b"DICM" + b"\xff" * 100)
    made.write_csv(
        root / "reports.csv",
        [
            {
                "StudyInstanceUID": "1.2.3.4",
                "indication": f"Ms. {made.NAME.title()}, {made.MRN}, coughs since 14.03.2021; "
                "jo@example.org.",
                "findings": f"Wilhelmina has no effusion. Told Dr. {made.DOCTOR}, born 1961-04-03.",
            }
        ],
    )
    return root


def test_own_dicom_leaves_nothing_that_names(tmp_path: Path) -> None:
    own_folder(tmp_path)
    settings = ImportSettings(pseudonyms=SALT, reports=tmp_path / "reports.csv")
    results, dropped = read("dicom", tmp_path, settings)
    kept = all_that_is_kept(results) + repr(dropped).encode()
    assert not [planted for planted in made.PLANTED if planted.encode() in kept]
    assert b"1.2.3.4" not in kept and b"20210314" not in kept and SALT.salt not in kept
    assert [row.row for row in dropped] == ["file 3"], "a broken file is named by its number"
    assert sorted(r.state for r in results.values()) == ["held", "ready", "ready"]
    ready = [case_of(r) for r in results.values() if r.state == "ready"]
    assert len({case.provenance.patient for case in ready}) == 1
    assert {case.study.table.values["age"] for case in ready} == {90.0}
    moved = SALT.shifted(date(2021, 3, 14), ready[0].provenance.patient).isoformat()
    assert ready[0].study.text.sections == {"indication": f"[name], coughs since {moved}; [address]."}
    assert ready[0].licence.may_show and not ready[0].licence.may_export


def test_notes_that_reading_a_film_leaves_stay_with_its_case(tmp_path: Path) -> None:
    file = pydicom.dcmread(io.BytesIO(made.dicom(0)))
    file.PatientOrientation, file.FieldOfViewHorizontalFlip = None, "YES"
    file.save_as(tmp_path / "a.dcm")
    results, _ = read("dicom", tmp_path, ImportSettings(pseudonyms=SALT))
    (note,) = case_of(next(iter(results.values()))).notes
    assert note == "The film was mirrored back, as FieldOfViewHorizontalFlip says; check its side marker."


def test_own_dicom_dates_in_text_and_header_move_alike(tmp_path: Path) -> None:
    own_folder(tmp_path)
    settings = ImportSettings(pseudonyms=SALT, reports=tmp_path / "reports.csv")
    results, _ = read("dicom", tmp_path, settings)
    ready = next(r for r in results.values() if r.state == "ready")
    assert ready.document["provenance"]["study_date"] in ready.document["text"]["indication"]


def test_burned_in_text_can_be_masked_or_allowed(tmp_path: Path) -> None:
    own_folder(tmp_path)
    for choice in ("mask", "allow"):
        results, _ = read("dicom", tmp_path, ImportSettings(pseudonyms=SALT, burned_text=choice))
        assert [r.state for r in results.values()] == ["ready"] * 3
        found = [r for r in results.values() if "text burned into the film is suspected" in r.personal]
        from cases.deidentify.pixels import text_lines

        assert len(found) == 1
        assert bool(text_lines(case_of(found[0]).study.radiograph.pixels)) == (choice == "allow")


def test_own_dicom_needs_a_salt(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="--salt-file"):
        read("dicom", tmp_path)


def test_hub_folder_with_a_column_mapping(tmp_path: Path) -> None:
    import datasets

    features = datasets.Features(
        {
            "scan": datasets.Image(), "subject": datasets.Value("string"), "years": datasets.Value("int32"),
            "reading": datasets.ClassLabel(names=["Negative", "Typical"]), "note": datasets.Value("string"),
        }
    )  # fmt: skip
    table = {
        "scan": [{"bytes": made.jpeg(n), "path": f"{made.NAME}.jpg"} for n in range(2)],
        "subject": [made.MRN, made.MRN],
        "years": [61, 94],
        "reading": [1, 0],
        "note": [f"{made.MRN} coughs", ""],
    }
    data = tmp_path / "data"
    data.mkdir()
    datasets.Dataset.from_dict(table, features=features).to_parquet(str(data / "train.parquet"))
    columns = {
        "image": "scan", "patient": "subject", "age": "years", "appearance": "reading", "indication": "note",
    }  # fmt: skip
    settings = ImportSettings(pseudonyms=SALT, columns=columns, licence="cc-by-4.0")
    results, _ = read("hub", data, settings)
    cases = [case_of(result) for result in results.values()]
    assert [c.reference for c in cases] == [
        {APPEARANCE: "Typical"},
        {APPEARANCE: "Negative"},
    ]
    assert [c.study.table.values["age"] for c in cases] == [61.0, 90.0]
    assert cases[0].study.text.sections == {"indication": "[number] coughs"}
    assert len({c.provenance.patient for c in cases}) == 1 and cases[0].licence.may_export
    kept = all_that_is_kept(results)
    assert not [planted for planted in made.PLANTED if planted.encode() in kept]
    with pytest.raises(StudyError, match="no column 'image'"):
        read("hub", data, ImportSettings(pseudonyms=SALT))


def hub_table(folder: Path, **columns: list) -> Path:
    import datasets

    folder.mkdir()
    count = len(next(iter(columns.values())))
    films = {"image": [{"bytes": made.jpeg(n), "path": "film.jpg"} for n in range(count)]}
    features = {"image": datasets.Image()} | {name: datasets.Value("string") for name in columns}
    table = datasets.Dataset.from_dict(films | columns, features=datasets.Features(features))
    table.to_parquet(str(folder / "train.parquet"))
    return folder


def test_hub_columns_become_labels_of_tasks_of_ones_own(tmp_path: Path) -> None:
    told = {"quality": ["good", "poor", ""], "tube": ["1", "0", "-1"], "line": ["1", "0", ""]}
    data = hub_table(tmp_path / "data", **told, seen=["Rib|Stent", "", "Rib"])
    columns = {"label/exposure": "quality", "label/tubes/Tube": "tube", "label/tubes/Line": "line"}
    settings = ImportSettings(
        pseudonyms=SALT, columns=columns | {"label/extras": "seen"}, licence="cc-by-4.0"
    )
    results, _ = read("hub", data, settings)
    first, second, third = (case_of(result) for result in results.values())
    assert first.reference == {"exposure": "good", "tubes": "Tube|Line", "extras": "Rib|Stent"}
    assert second.reference == {"exposure": "poor", "tubes": "No Finding"}
    assert third.reference == {"extras": "Rib"}, "what is uncertain or blank is no reference"
    assert [(r.task, r.class_name) for r in third.readings] == [("tubes", "Tube: uncertain")]
    for wrong, said in (
        ({"label/grading": "quality"}, "names no task of your own"),
        ({"label/Exposure": "quality"}, "names no task of your own"),
        ({"exposure": "quality"}, "or label/TASK for labels of another task"),
        ({"label/exposure": "qualty"}, "no column 'qualty' with labels"),
        ({"label/tubes/Tube": "quality"}, "'good' for label/tubes/Tube is no label"),
    ):
        with pytest.raises(StudyError, match=said):
            read("hub", data, ImportSettings(pseudonyms=SALT, columns=wrong, licence="cc-by-4.0"))


def test_a_hub_set_says_which_columns_it_leaves_and_that_no_patient_is_named(tmp_path: Path) -> None:
    import datasets

    data = tmp_path / "data"
    data.mkdir()
    table = {"image": [{"bytes": made.jpeg(1), "path": None}], "subject": ["p"], "ward": ["7"]}
    features = datasets.Features(
        {"image": datasets.Image(), "subject": datasets.Value("string"), "ward": datasets.Value("string")}
    )
    datasets.Dataset.from_dict(table, features=features).to_parquet(str(data / "train.parquet"))

    def notices(**columns: str) -> list[str]:
        rows = LAYOUTS["hub"].rows(str(data), ImportSettings(pseudonyms=SALT, columns=columns))
        return [row.text for row in rows if isinstance(row, Notice)]

    assert notices() == [
        "The data set has columns that are not taken: subject, ward.",
        "Every film counts as a patient of its own; name theirs with --column patient=NAME.",
    ]
    assert notices(patient="subject") == ["The data set has columns that are not taken: ward."]


# --- the command line


def test_a_rehearsal_stores_nothing_and_reports(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = made.siim(tmp_path / "siim", 20, broken=(4,))
    (source / "train" / "film00006.jpg").write_bytes(made.jpeg(5))
    told = tmp_path / "report.json"
    code = main(["siim", str(source), "--quiet", "--workers", "1", "--json", str(told)])
    report = json.loads(told.read_text())
    assert code == 0 and report["rows"] == {"in": 20, "out": 19, "dropped": 1}
    assert report["patients"] == 10 and report["not_shown_by_licence"] == 19
    assert report["duplicates"] == {"films": 1, "first": [["siim-film00005", "siim-film00006"]]}
    assert list(report["dropped"].values()) == [{"rows": 1, "first": ["siim-film00004"]}]
    assert report["missing_of_films_read"]["age"] == 19
    assert report["personal_data_in_films_read"]["picture metadata"] >= 19
    assert "siim-film00004" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["siim", "/nowhere"], "no folder"),
        (["siim", ".", "--write"], "--store"),
        (["hub", ".", "--column", "x"], "FIELD=COLUMN"),
        (["siim", ".", "--write", "--store", "@/nowhere"], "cannot be read"),
    ],
)
def test_a_command_that_cannot_begin_says_why(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, "--quiet"]) == 1
    assert sentence in capsys.readouterr().err
