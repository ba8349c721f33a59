"""Clinical values as real people write them: spellings, units by range, limits, and what is asked back."""

import math

import pytest

from modeling.errors import StudyError
from modeling.field_values import CATEGORY_SPELLINGS, UNIT_SPELLINGS, is_unknown, written_number
from modeling.study import CLINICAL_FIELDS, ClinicalField, ClinicalTable, spellings_of


def read(**raw: object) -> tuple[dict, str]:
    table = ClinicalTable.from_raw(raw)
    return dict(table.values), " ".join(table.notes)


def refusal(**raw: object) -> str:
    with pytest.raises(StudyError) as caught:
        ClinicalTable.from_raw(raw)
    message = str(caught.value)
    assert message.endswith(".") and "\n" not in message and len(message) < 200
    return message


@pytest.mark.parametrize(
    ("name", "written", "value"),
    [
        ("leukocytes", "6.5 10⁹/L", 6.5),
        ("leukocytes", "6.5×10⁹/L", 6.5),
        ("leukocytes", "6.5 x 10^9 / L", 6.5),
        ("leukocytes", "6.5 10*9/L", 6.5),
        ("leukocytes", "6.5 G/L", 6.5),
        ("leukocytes", "6.5e9/L", 6.5),
        ("leukocytes", "6.5 K/µL", 6.5),
        ("leukocytes", "6.5 10^3/uL", 6.5),
        ("leukocytes", "6500/µL", 6.5),
        ("leukocytes", "6500 /μL", 6.5),
        ("leukocytes", "6500 /mm3", 6.5),
        ("leukocytes", "6,500 /mm³", 6.5),
        ("leukocytes", "6 500 cells/uL", 6.5),
        ("leukocytes", "6500 per mcL", 6.5),
        ("lymphocytes", "1200/µL", 1.2),
        ("temperature", "98.6 F", 37.0),
        ("temperature", "98.6°F", 37.0),
        ("temperature", "98.6 ℉", 37.0),
        ("temperature", "37,2", 37.2),
        ("temperature", "37.2℃", 37.2),
        ("temperature", "37.2 C", 37.2),
        ("temperature", "37.2 degrees C", 37.2),
        ("temperature", "３７．２", 37.2),
        ("crp", "0.5 mg/dL", 5.0),
        ("crp", "5 µg/mL", 5.0),
        ("po2", "10.2 kPa", 76.506),
        ("po2", "76.5 mm Hg", 76.5),
        ("pco2", "5.3 KPA", 39.753),
        ("ldh", "5 µkat/L", 300.0),
        ("ldh", "250 IU/L", 250.0),
        ("d_dimer", "500 µg/L", 0.5),
        ("d_dimer", "0.5 mg/L FEU", 0.5),
        ("spo2", "97 %", 97.0),
        ("spo2", "97% on RA", 97.0),
        ("respiratory_rate", "20 bpm", 20.0),
        ("respiratory_rate", "20 breaths/min", 20.0),
        ("age", "65Y", 65.0),
        ("age", "065Y", 65.0),
        ("age", "3M", 0.25),
        ("age", "018M", 1.5),
        ("age", "026W", 0.498),
        ("age", "65 yrs", 65.0),
        ("age", "65 y/o", 65.0),
        ("age", "65 years old", 65.0),
        ("age", "65歲", 65.0),
        ("age", "90+", 90.0),
    ],
)
def test_usual_units_are_read_without_a_word(name: str, written: str, value: float) -> None:
    values, notes = read(**{name: written})
    assert values[name] == pytest.approx(value, rel=1e-3) and not notes


@pytest.mark.parametrize(
    ("name", "written", "category"),
    [
        ("sex", "M", "male"),
        ("sex", "f", "female"),
        ("sex", "男", "male"),
        ("sex", "女性", "female"),
        ("sex", "w", "female"),
        ("rt_pcr", "pos", "positive"),
        ("rt_pcr", "NEG", "negative"),
        ("rt_pcr", "+", "positive"),
        ("rt_pcr", "(+)", "positive"),
        ("rt_pcr", "DETECTED", "positive"),
        ("rt_pcr", "Not detected", "negative"),
        ("rt_pcr", "陽性", "positive"),
        ("rt_pcr", "陰性", "negative"),
        ("view_position", "AP supine", "AP"),
        ("view_position", "PA erect", "PA"),
        ("view_position", "Portable AP", "AP"),
        ("view_position", "posteroanterior", "PA"),
    ],
)
def test_categories_are_known_by_their_usual_words(name: str, written: str, category: str) -> None:
    assert read(**{name: written})[0] == {name: category}


@pytest.mark.parametrize(
    "cell",
    [
        "N/A",
        "NA",
        "n.a.",
        "null",
        "NULL",
        "None",
        "-",
        "--",
        "—",
        "?",
        "not done",
        "#N/A",
        "未知",
        "nan",
        " ",
    ],
)
def test_an_empty_cell_never_sinks_a_study(cell: str) -> None:
    assert is_unknown(cell)
    table = ClinicalTable.from_raw(
        {"age": "65", "crp": cell, "sex": cell, "leukocytes": cell, "lymphocytes": 1.2}
    )
    assert table.values == {"age": 65.0, "lymphocytes": 1.2} and not table.notes


def test_a_lone_minus_is_a_result_where_there_are_such_results_and_that_is_said() -> None:
    values, notes = read(rt_pcr="-")
    assert values == {"rt_pcr": "negative"} and "leave it empty" in notes


@pytest.mark.parametrize(
    ("name", "bare", "value", "said"),
    [
        ("po2", 10.2, 76.506, "10.2 kPa"),
        ("po2", "8", 60.0, "8 kPa"),
        ("pco2", 5.3, 39.753, "5.3 kPa"),
        ("pco2", "6,1", 45.75, "6.1 kPa"),
        ("spo2", 0.97, 97.0, "97 %"),
        ("spo2", "0,91", 91.0, "91 %"),
        ("temperature", "98.6", 37.0, "98.6 °F"),
        ("leukocytes", 6500, 6.5, "6500 /uL"),
        ("d_dimer", 850, 0.85, "850 ng/mL"),
    ],
)
def test_a_bare_number_is_converted_by_its_range_and_that_is_said(
    name: str, bare: object, value: float, said: str
) -> None:
    values, notes = read(**{name: bare})
    assert values[name] == pytest.approx(value, rel=1e-3) and said in notes
    assert name.replace("_", " ") in notes


@pytest.mark.parametrize(
    ("name", "bare", "value"),
    [("po2", 75, 75), ("pco2", 40, 40), ("spo2", 97, 97), ("leukocytes", 6.5, 6.5), ("d_dimer", 0.5, 0.5)],
)
def test_a_bare_number_in_the_field_s_own_range_is_read_as_it_stands(
    name: str, bare: float, value: float
) -> None:
    assert read(**{name: bare}) == ({name: value}, "")


@pytest.mark.parametrize(
    ("raw", "readings"),
    [
        ({"po2": 25}, ("25 mmHg", "25 kPa")),
        ({"pco2": "12"}, ("12 mmHg", "12 kPa")),
        ({"d_dimer": 150}, ("150 mg/L", "150 ng/mL")),
        ({"d_dimer": "1,234 ng/mL"}, ("1.234 ng/mL", "1234 ng/mL")),
        ({"age": "65M"}, ("65 months", "65 years")),
        ({"lymphocytes": 18}, ("18 10^9/L", "18 %")),
        ({"neutrophils": "70"}, ("70 10^9/L", "70 %")),
    ],
)
def test_what_has_two_readings_is_asked_back_with_both(raw: dict, readings: tuple[str, str]) -> None:
    message = refusal(**raw)
    assert all(reading in message for reading in readings)


def test_cells_beside_leukocytes_are_per_cent_where_a_part_would_exceed_the_whole() -> None:
    values, notes = read(lymphocytes=18, neutrophils="70", leukocytes="6.5")
    assert values == pytest.approx({"leukocytes": 6.5, "lymphocytes": 1.17, "neutrophils": 4.55})
    assert "18 % of the leukocytes" in notes and "70 % of the leukocytes" in notes
    assert read(lymphocytes=1.2, neutrophils=4.4, leukocytes=6.5) == (
        {"lymphocytes": 1.2, "neutrophils": 4.4, "leukocytes": 6.5},
        "",
    )
    assert read(lymphocytes="18 %", leukocytes=6.5) == ({"lymphocytes": 1.17, "leukocytes": 6.5}, "")
    assert "leukocytes" in refusal(lymphocytes="18 %")
    assert ClinicalTable.from_raw({"lymphocytes": 18}, {"leukocytes": 6.5}).values["lymphocytes"] == 1.17


@pytest.mark.parametrize(
    ("name", "written", "value"),
    [
        ("crp", "<5", -math.inf),
        ("crp", ">300", math.inf),
        ("crp", "≤ 0.3 mg/dL", -math.inf),
        ("d_dimer", "> 20", math.inf),
        ("d_dimer", "<0.19 mg/L", -math.inf),
    ],
)
def test_a_laboratory_limit_is_kept_apart(name: str, written: str, value: float) -> None:
    assert read(**{name: written})[0] == {name: value}


@pytest.mark.parametrize(
    "raw", [{"temperature": ">38"}, {"d_dimer": ">0.5"}, {"spo2": "<90"}, {"crp": "<200"}, {"age": "<18"}]
)
def test_a_bound_that_is_no_laboratory_limit_is_not_taken_for_one(raw: dict) -> None:
    assert "no limit" in refusal(**raw)


@pytest.mark.parametrize(
    "written", ["6_5", "6.5.1", "12 kg", "5 109/L", "old", True, "6.5 / 7", "٦", "6-7", "1e999", "x" * 500]
)
def test_what_is_no_number_is_refused(written: object) -> None:
    assert "leukocytes" in refusal(leukocytes=written)


def test_every_spelling_of_the_tables_is_read_as_what_it_stands_for() -> None:
    for name, categories in CATEGORY_SPELLINGS.items():
        for category, words in categories.items():
            assert all(CLINICAL_FIELDS[name].check(word) == category for word in words)
    for unit, spellings in UNIT_SPELLINGS.items():
        for spelling in spellings:
            number = "6e9" if unit == "/L" else "6"
            assert written_number(f"{number} {spelling}").unit == unit, spelling
    assert all(spellings_of(name) for name in CLINICAL_FIELDS)


def test_no_spelling_stands_for_two_units_of_one_field() -> None:
    for name in CLINICAL_FIELDS:
        words = [word for spellings in spellings_of(name).values() for word in spellings]
        assert len(words) == len(set(words)), name


@pytest.mark.parametrize("spec", CLINICAL_FIELDS.values(), ids=CLINICAL_FIELDS)
def test_every_field_of_the_file_is_whole(spec: ClinicalField) -> None:
    if spec.kind == "categorical":
        assert set(spec.categories) == set(CATEGORY_SPELLINGS[spec.name])
        return
    assert spec.low < spec.high and spec.limits[0] < spec.limits[1]
    assert {spec.unit, *spec.other_units} <= set(UNIT_SPELLINGS) and spec.unit not in spec.other_units
    assert all(factor > 0 for factor, _ in spec.other_units.values())
    ends = [end for bare in spec.bare for end in (bare.low, bare.high)]
    assert ends == sorted(ends) and {bare.unit for bare in spec.bare} <= set(spec.other_units)
