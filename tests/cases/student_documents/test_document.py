"""The loosely named values of student documents: what fits a field, what stays aside, and that it is said."""

import math

import pytest

from cases.student_documents.document import case_from_student, case_id_of, id_keys, student_summary
from modeling.study import ViewPosition
from tests.doubles.example_cases import student_document


@pytest.mark.parametrize(
    ("name", "value", "field", "expected"),
    [
        ("Age", "65 years", "age", 65.0),
        ("age", "065Y", "age", 65.0),
        ("Patient Age", "18 months", "age", 1.5),
        ("Age (years)", 41, "age", 41.0),
        ("Gender", "F", "sex", "female"),
        ("sex", "Male", "sex", "male"),
        ("RT-PCR", "Positive", "rt_pcr", "positive"),
        ("rt_pcr", False, "rt_pcr", "negative"),
        ("PCR", "not detected", "rt_pcr", "negative"),
        ("Temperature", "38,2 C", "temperature", 38.2),
        ("Temp (F)", "100.4", "temperature", 38.0),
        ("temperature", {"value": 38.5, "unit": "celsius"}, "temperature", 38.5),
        ("SpO2", "92%", "spo2", 92.0),
        ("O2 saturation", "92 percent", "spo2", 92.0),
        ("Respiratory Rate", "22 bpm", "respiratory_rate", 22.0),
        ("C-reactive protein", "1.2 mg/dL", "crp", 12.0),
        ("WBC", "4500 /uL", "leukocytes", 4.5),
        ("pO2", "10 kPa", "po2", 75.0062),
    ],
)
def test_spellings_that_fit_a_field(name: str, value: object, field: str, expected: float | str) -> None:
    case = case_from_student(student_document("a", **{name: value}), "a")
    found = case.study.table.values[field]
    assert found == (pytest.approx(expected) if isinstance(expected, float) else expected)
    assert case.notes == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Temperature", 380),
        ("CRP", ">5"),
        ("pO2", 25),
        ("Gender", "X"),
        ("Age", True),
        ("Age", "old"),
        ("Appearance", "Invalid Study"),
        ("Grading", 3),
        ("Age", [65]),
    ],
)
def test_what_fits_no_field_stays_aside_and_is_said(name: str, value: object) -> None:
    case = case_from_student(student_document("a", **{name: value}), "a")
    assert not case.study.table and not case.reference
    assert len(case.notes) == 1 and name in case.notes[0] and case.notes[0].endswith(".")
    assert case.other == {name: str(value)}


@pytest.mark.parametrize(
    ("name", "value", "field", "expected", "said"),
    [
        ("Temperature", "98.6", "temperature", 37.0, "98.6 °F"),
        ("CRP", "<5", "crp", -math.inf, ""),
        ("CRP", "1,200", "crp", 1.2, "1.2 mg/L"),
        ("PaO2", 10.2, "po2", 76.506, "10.2 kPa"),
    ],
)
def test_what_is_read_otherwise_than_it_stands_is_said(
    name: str, value: object, field: str, expected: float, said: str
) -> None:
    case = case_from_student(student_document("a", **{name: value}), "a")
    assert case.study.table.values[field] == pytest.approx(expected, abs=0.01)
    assert said in "".join(case.notes) and (bool(said) or not case.notes)


def test_a_missing_unit_is_said_where_another_would_fit_too() -> None:
    case = case_from_student(student_document("a", CRP=12, Temperature=38.2), "a")
    assert case.study.table.values == {"crp": 12.0, "temperature": 38.2}
    assert case.notes == ("'CRP' in clinical_data has no unit and was read in mg/L.",)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Typical Appearance", "Typical"),
        ("Atypical Appearance", "Atypical"),
        ("indeterminate", "Indeterminate"),
        ("Negative for Pneumonia", "Negative"),
    ],
)
def test_appearance_as_ricord_writes_it(text: str, expected: str) -> None:
    assert case_from_student(student_document("a", Class=text), "a").reference == {"appearance": expected}


def test_post_read_text_goes_into_the_report() -> None:
    case = case_from_student(student_document("a", Symptoms="cough", Findings="opacities"), "a")
    assert case.study.text.sections == {"indication": "cough"}
    assert case.report == {"findings": "opacities"}


def test_unknown_values_are_unknown_without_a_word() -> None:
    case = case_from_student(student_document("a", Age=None, Gender="unknown", Ward=""), "a")
    assert not case.study.table and case.notes == () and case.other == {}


def test_what_fits_nothing_is_kept_as_it_stands() -> None:
    odd = {"Ward": "4b", "Anon Image Count": 2, "Tags": ["a", 1], "Raw": b"xy", "more": {"Ward": "5"}}
    case = case_from_student(student_document("a", **odd), "a")
    assert case.notes == () and not case.study.table
    expected = {"Ward": "4b", "Anon Image Count": "2", "Tags": "['a', 1]", "Raw": "2 bytes", "Ward (2)": "5"}
    assert case.other == expected


@pytest.mark.parametrize(
    ("clinical", "expected"),
    [
        ({"Test": "RT-PCR", "Result": "DETECTED"}, "positive"),
        ({"Result": "Not Detected", "Test": "SARS-CoV-2 RT-PCR"}, "negative"),
        ({"test_name": "COVID-19 PCR", "test_result": "neg"}, "negative"),
        ({"lab": {"Test": "Real-time RT-PCR", "Result": "POSITIVE"}}, "positive"),
        ({"Test": "IgG antibody", "Result": "DETECTED"}, None),
        ({"Test": "Influenza A PCR", "Result": "DETECTED"}, None),
        ({"Test": "RT-PCR", "Result": "INVALID"}, None),
        ({"Test": "RT-PCR"}, None),
        ({"Result": "DETECTED"}, None),
        ({"Result": "DETECTED", "Grade": "Mild"}, "positive"),
        ({"Result": "DETECTED", "RT-PCR": "negative"}, "negative"),
    ],
)
def test_a_result_is_of_the_test_beside_it(clinical: dict[str, object], expected: str | None) -> None:
    case = case_from_student(student_document("a", **clinical), "a")
    assert case.study.table.values.get("rt_pcr") == expected
    stated = [v for k, v in clinical.items() if k in ("Test", "Result")]
    if expected is None:
        assert set(case.other.values()) >= set(stated[-1:]), "nothing is lost"


@pytest.mark.parametrize(
    ("name", "clinical", "expected", "read_in"),
    [
        ("1.jpg", {"Description": "XR CHEST 1 VIEW AP"}, "AP", "XR CHEST 1 VIEW AP"),
        ("1_ap.jpg", {"Anon Exam Description": "XR CHEST PA"}, "PA", "XR CHEST PA"),
        ("a_lateral-1.png", {"Description": "CHEST 2 VIEWS PA AND LATERAL"}, "lateral", "a_lateral-1"),
        ("AP.jpg", {"View": "PA", "Description": "CHEST AP"}, "PA", ""),
        ("PA0001.jpg", {"Description": "XR CHEST PORTABLE"}, "unknown", ""),
        ("ap_lateral.jpg", {}, "unknown", ""),
    ],
)
def test_description_and_file_name_tell_the_view(
    name: str, clinical: dict[str, object], expected: str, read_in: str
) -> None:
    document = {**student_document("a", **clinical), "image_filename": name}
    case = case_from_student(document, "a")
    assert case.study.radiograph is not None
    assert case.study.radiograph.view_position is ViewPosition(expected)
    frontal = expected if expected in ("PA", "AP") else None
    assert case.study.table.values.get("view_position") == frontal
    assert case.notes == ((f"The view, {expected}, was read in '{read_in}'.",) if read_in else ())
    for key, value in clinical.items():
        assert key == "View" or case.other[key] == value


@pytest.mark.parametrize(
    ("document", "lake", "expected"),
    [
        (student_document("a"), "", "seed"),
        (student_document("a"), "RICORD", "ricord"),
        (student_document("a"), "ward-7", "ward-7"),
        (student_document("a", Grade="Mild"), "ward-7", "ward-7"),
        (student_document("a", Dataset="hannover"), "ward-7", "hannover"),
    ],
)
def test_a_lake_can_say_what_its_documents_are(document: dict[str, object], lake: str, expected: str) -> None:
    assert case_from_student(document, "a", lake).provenance.source == expected
    assert student_summary(document, "a", lake).source == expected


def test_a_row_needs_no_film() -> None:
    assert student_summary({"ID": 1, "clinical_data": {"Grade": "Severe"}}, "1").reference == {
        "grading": "Severe"
    }
    assert student_summary({"ID": 1, "clinical_data": "text"}, "1").reference == {}


def test_ids_are_text_whatever_they_were() -> None:
    assert [case_id_of({"ID": found, "_id": "key"}) for found in ("a", 7, 7.0, -1, 1.5, True, None, "")] == [
        "a", "7", "7", "-1", "key", "key", "key", "key",
    ]  # fmt: skip
    assert id_keys("7") == ["7", 7] and id_keys("07") == ["07"] and id_keys("9" * 19) == ["9" * 19]
