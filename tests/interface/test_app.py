"""The app as other programs meet it: what is offered, cases and predictions."""

import base64
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.doubles.app_client import (
    ENDPOINTS,
    as_text,
    gray_film,
    nothing_of_an_upload_stays,  # noqa: F401
    picture_of,
    refused,
)
from tests.doubles.served import HIDDEN

# --- what is offered


def test_every_action_is_a_named_endpoint_with_typed_inputs_and_nothing_else_is(client):
    info = client.view_api(print_info=False, return_format="dict")
    assert info["unnamed_endpoints"] == {}
    found = {
        name: [p["parameter_name"] for p in e["parameters"]] for name, e in info["named_endpoints"].items()
    }
    assert found == ENDPOINTS
    for endpoint in info["named_endpoints"].values():
        assert all(p["python_type"]["type"] not in ("", "Any") for p in endpoint["parameters"])


def test_the_state_says_what_was_loaded(client):
    told = client.predict(api_name="/model_state")
    (state,) = told["checkpoints"]
    assert told["phase"] == state["phase"] == "ready"
    assert (
        state["checkpoint"] == "toy" and state["device"] == "cpu" and state["text_sections"] == ["indication"]
    )
    assert state["revision"].startswith("sha256:") and state["parameters"] > 100_000


def test_the_log_names_checkpoint_revision_store_and_device(served, client):
    client.predict("CASE-0000", api_name="/lookup_case")
    log = served.log.read_text()
    assert "checkpoint toy, revision sha256:" in log and "device cpu" in log and "embedded store" in log


def test_clinical_fields_have_units_and_ranges(client):
    fields = client.predict(api_name="/clinical_fields")
    assert fields["temperature"]["unit"] == "°C" and fields["temperature"]["low"] == 30
    assert fields["sex"]["categories"] == ["female", "male"]


def test_films_of_ones_own_are_one_study_and_a_hundred_are_refused_unread(client):
    films, said = [as_text(gray_film(1)), "no base64!", as_text(gray_film(2))], ["PA", "", "lateral"]
    found = client.predict(
        films=films, names=["a", "b", "c"], views=said, days=[0, 0, 30], api_name="/predict_study"
    )
    told = [(film["number"], film["name"], film["days_before"]) for film in found["films"]]
    assert told == [(1, "a", 0), (3, "c", 30)] and found["left_out"][0]["name"] == "b"
    assert "seen none like your own" in found["warnings"][0] and "not valid base64" in found["warnings"][1]
    assert set(found["tasks"]) == set(found["films"][0]["without"]) == {"opacity", "interval_change"}
    many = refused(client, "/predict_study", films=[films[0]] * 100)
    assert "A study of 100 films is too large; choose the 8 that matter." in many
    twice = refused(client, "/explain_study", films=[films[0]] * 2)
    assert "Films 1 and 2 are the same film; leave one out." in twice


# --- cases


def test_lookup_gives_the_film_and_what_stands_beside_it(client):
    case = client.predict("CASE-0001", api_name="/lookup_case")
    assert case["reference"] == {"appearance": "Typical"} and case["table"]["age"] == 42.0
    assert (
        case["synthetic"] is True and case["licence"] == "CC0 1.0 (synthetic)" and case["source"] == "other"
    )
    assert case["shape"] == [364, 280] and picture_of(case["film"]).shape == (364, 280)


def test_a_film_that_may_not_be_shown_is_not_sent(client):
    assert client.predict(HIDDEN, api_name="/lookup_case")["film"] is None
    explained = client.predict(HIDDEN, api_name="/explain")
    assert explained["heat_map"] is None and explained["modality_share"]["image"]["logits"] != 0


def test_the_list_is_paged_by_range_and_filtered(client):
    first = client.predict(limit=12, api_name="/list_cases")
    second = client.predict(limit=12, after=first["next_after"], api_name="/list_cases")
    ids = [row["case_id"] for row in first["cases"] + second["cases"]]
    assert ids == [f"CASE-{i:04d}" for i in range(24)] and first["count"] == 30
    typical = client.predict(source="phantom", appearance="Typical", api_name="/list_cases")
    assert {row["case_id"] for row in typical["cases"]} == {f"CASE-{i:04d}" for i in (4, 10, 16, 22, 28)}
    assert typical["next_after"] is None


@pytest.mark.parametrize(
    ("inputs", "word"),
    [
        ({"limit": 0}, "1 to 100"),
        ({"limit": 10**9}, "1 to 100"),
        ({"appearance": "Severe"}, "Typical"),
        ({"grading": "Typical"}, "Mild"),
    ],
)
def test_a_bad_list_request_is_one_sentence(client, inputs, word):
    assert word in refused(client, "/list_cases", **inputs)


@pytest.mark.parametrize("case_id", ["CASE-9999", "../secret.txt", "app.py", "", "\x00", "$where"])
def test_an_unknown_id_is_one_sentence(client, case_id):
    refused(client, "/lookup_case", case_id=case_id)
    refused(client, "/predict", case_id=case_id)


# --- prediction


def test_predict_answers_every_task_beside_the_reference(client):
    told = client.predict("CASE-0001", api_name="/predict")
    appearance, grading = told["tasks"]["appearance"], told["tasks"]["grading"]
    assert sum(appearance["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert list(grading["probabilities"]) == ["Mild", "Moderate", "Severe"]
    assert appearance["reference"] == "Typical" and grading["reference"] is None
    assert told["given"] == ["image", "table", "text"] and told["not_for_diagnosis"] is True


def test_a_changed_field_changes_the_answer_and_an_unknown_one_drops_it(client):
    plain = client.predict("CASE-0000", api_name="/predict")
    changed = client.predict("CASE-0000", {"age": 90, "temperature": "104 °F"}, api_name="/predict")
    same = client.predict("CASE-0000", {"age": 41}, api_name="/predict")
    empty = client.predict(
        "CASE-0000", {"age": None, "sex": "unknown", "temperature": ""}, indication="", api_name="/predict"
    )
    logits = [a["tasks"]["appearance"]["logits"]["Typical"] for a in (plain, changed, same, empty)]
    assert logits[0] == logits[2] and len({round(x, 6) for x in logits}) == 3
    assert empty["given"] == ["image"]


@pytest.mark.parametrize(
    ("table", "word"),
    [
        ({"temperature": 60}, "°C"),
        ({"age": -1}, "age"),
        ({"age": "old"}, "number"),
        ({"sex": "x"}, "female"),
        ({"blood": 1}, "blood"),
    ],
)
def test_a_bad_clinical_value_is_one_sentence(client, table, word):
    assert word in refused(client, "/predict", case_id="CASE-0000", table=table)
    assert word in refused(client, "/predict", table=table)


def test_a_temperature_in_the_other_unit_is_read_and_said(client):
    told = client.predict("CASE-0000", {"temperature": 101}, api_name="/predict")
    assert any("°F" in note for note in told["warnings"])


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_an_uploaded_picture_is_predicted(client, kind):
    film = as_text(gray_film(), kind)
    told = client.predict(
        film=film, name=f"film.{kind.lower()}", table={"age": 70}, indication="cough", api_name="/predict"
    )
    assert told["given"] == ["image", "table", "text"]
    assert told["tasks"]["appearance"]["modalities"] == ["image", "table", "text"]


def test_an_uploaded_dicom_is_predicted(client):
    data = pytest.importorskip("pydicom.data")
    path = data.get_testdata_file("RG1_UNCR.dcm", download=False)
    if path is None:
        pytest.skip("pydicom-data is not installed")
    film = base64.b64encode(Path(path).read_bytes()).decode()
    told = client.predict(film=film, name="RG1_UNCR.dcm", api_name="/predict")
    assert "image" in told["given"]  # and what its header knows of the table


def bad_films() -> dict[str, str]:
    colour = Image.fromarray(np.random.default_rng(0).integers(0, 255, (80, 80, 3), dtype=np.uint8))
    whole = base64.b64decode(as_text(gray_film()))
    huge = bytearray(whole)
    huge[16:24] = (10_000).to_bytes(4, "big") * 2
    return {
        "text": base64.b64encode(b"hello, this is no film").decode(),
        "truncated": base64.b64encode(whole[: len(whole) // 2]).decode(),
        "10,000 x 10,000": base64.b64encode(bytes(huge)).decode(),
        "colour": as_text(colour),
        "not base64": "/etc/passwd!",
    }


@pytest.mark.parametrize("which", bad_films())
def test_a_bad_film_is_one_sentence_and_the_app_goes_on(served, client, which):
    refused(client, "/predict", film=bad_films()[which], name="film.png")
    assert served.files_left() == []
    assert client.predict("CASE-0000", api_name="/predict")["tasks"]


def test_an_empty_form_is_one_sentence(client):
    assert "Nothing was sent to read" in refused(client, "/predict")
