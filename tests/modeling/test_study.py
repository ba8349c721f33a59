"""What goes in: units, ranges, "unknown", and films that are none."""

import math

import numpy as np
import pytest

from modeling.errors import StudyError
from modeling.field_values import is_unknown
from modeling.study import (
    CLINICAL_FIELDS,
    ClinicalTable,
    ClinicalText,
    Modality,
    Radiograph,
    Study,
)


@pytest.mark.parametrize(
    ("name", "raw", "value"),
    [
        ("age", "63", 63.0),
        ("age", "6 months", 0.5),
        ("age", " 63 years ", 63.0),
        ("temperature", 37.5, 37.5),
        ("temperature", "37.5 °C", 37.5),
        ("temperature", "99.5 °F", 37.5),
        ("temperature", "99.5°f", 37.5),
        ("crp", "5 mg/dL", 50.0),
        ("crp", "5 mg/L", 5.0),
        ("d_dimer", "500 ng/mL", 0.5),
        ("leukocytes", "9100 /uL", 9.1),
        ("leukocytes", "9.1 10^9/L", 9.1),
        ("po2", "10 kPa", 75.0062),
        ("spo2", "97%", 97.0),
        ("sex", "Female", "female"),
        ("view_position", "pa", "PA"),
    ],
)
def test_values_arrive_in_the_field_s_own_unit(name: str, raw: object, value: float | str) -> None:
    checked = ClinicalTable.from_raw({name: raw}).values[name]
    assert checked == (pytest.approx(value) if isinstance(value, float) else value)


@pytest.mark.parametrize("raw", [None, "", "  ", "unknown", "Unknown", "nan", math.nan])
def test_unknown_is_unknown_however_it_is_written(raw: object) -> None:
    assert is_unknown(raw)
    assert not ClinicalTable.from_raw({"age": raw, "sex": raw})


@pytest.mark.parametrize(
    ("name", "raw", "said"),
    [
        ("age", 130, "0 to 120 years"),
        ("age", -1, "0 to 120 years"),
        ("age", "old", "needs a number in years"),
        ("age", "inf", "0 to 120 years"),
        ("temperature", "371", "correct it or leave it unknown"),
        ("sex", "x", "choose one of female, male"),
        ("shoe_size", 43, "no clinical field 'shoe_size'"),
    ],
)
def test_a_value_that_cannot_be_is_refused_in_one_sentence(name: str, raw: object, said: str) -> None:
    with pytest.raises(StudyError) as caught:
        ClinicalTable.from_raw({name: raw})
    assert said in str(caught.value)
    assert str(caught.value).endswith(".") and "\n" not in str(caught.value)


def test_ranges_include_their_ends() -> None:
    for field in CLINICAL_FIELDS.values():
        if field.kind == "numeric":
            assert (field.check(field.low), field.check(field.high)) == (field.low, field.high)
        else:
            assert [field.check(c) for c in field.categories] == list(field.categories)


@pytest.mark.parametrize(
    "pixels", [np.zeros((4, 4, 3), np.uint8), np.zeros((0, 5), np.uint8), np.zeros(9, np.uint8)]
)
def test_a_film_has_one_gray_channel(pixels: np.ndarray) -> None:
    with pytest.raises(StudyError, match="one gray channel"):
        Radiograph(pixels)


@pytest.mark.parametrize("dtype", [np.float32, np.int32, np.uint64, bool])
def test_a_film_has_8_to_16_bits(dtype: type) -> None:
    with pytest.raises(StudyError, match="8 to 16 bits"):
        Radiograph(np.zeros((4, 4), dtype))


def test_the_content_hash_follows_pixels_and_shape() -> None:
    pixels = np.arange(12, dtype=np.uint8).reshape(3, 4)
    same = Radiograph(np.asfortranarray(pixels))
    assert Radiograph(pixels).sha256 == same.sha256
    assert Radiograph(pixels.reshape(4, 3)).sha256 != same.sha256
    assert Radiograph(pixels.astype(np.uint16)).sha256 != same.sha256
    assert Radiograph(pixels + 1).sha256 != same.sha256


def test_a_study_knows_what_it_holds() -> None:
    film = Radiograph(np.zeros((2, 2), np.uint8))
    assert Study().modalities == ()
    assert Study(film, ClinicalTable({"age": 3.0}), ClinicalText({"indication": "x"})).modalities == tuple(
        Modality
    )
    assert Study(text=ClinicalText({"indication": "  "})).modalities == ()
    assert Study(table=ClinicalTable({"age": 0.0})).modalities == (Modality.TABLE,)


def test_an_unknown_text_section_is_refused() -> None:
    with pytest.raises(StudyError, match="no text section 'gossip'"):
        ClinicalText({"gossip": "x"})
