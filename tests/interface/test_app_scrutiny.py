"""Second opinions, trust measures and proofs as other programs meet them."""

import numpy as np
import pytest

from modeling.explain.registry import method_names
from modeling.trust.scrutiny import MEASURES
from tests.doubles.app_client import (
    as_text,
    gray_film,
    nothing_of_an_upload_stays,  # noqa: F401
    picture_of,
    refused,
)
from tests.doubles.served import HIDDEN

CONTROLS = method_names("control")
OFFERED = [m for m in method_names("opinion") if m not in ("attention", "evidence")]  # the toy has neither


# --- other maps


@pytest.mark.parametrize("method", [*OFFERED, *CONTROLS])
def test_every_method_and_control_gives_a_map_of_the_film(client, method):
    told = client.predict("CASE-0001", "appearance/Typical", method, 0.8, api_name="/second_opinion")
    assert told["method"] == method and told["control"] == (method in CONTROLS)
    assert told["target"] == "appearance/Typical" and told["what_it_is"].endswith(".")
    assert picture_of(told["heat_map"]).shape == (364, 280, 3)


def test_maps_of_different_methods_differ(client):
    maps = [
        picture_of(client.predict("CASE-0001", method=m, opacity=1, api_name="/second_opinion")["heat_map"])
        for m in ("occlusion", "edges")
    ]
    assert np.abs(maps[0] - maps[1]).mean() > 3


@pytest.mark.parametrize(
    "inputs",
    [
        {"case_id": "CASE-0001", "method": "attention"},
        {"case_id": "CASE-0001", "method": "guess"},
        {"case_id": "CASE-0001", "method": "integrated_gradients"},
        {"case_id": "CASE-0001", "target": "findings/Mass"},
        {"case_id": "CASE-0001", "opacity": 3},
        {"case_id": "CASE-0001", "film": "abc"},
        {"table": {"age": 50}},
        {},
    ],
)
def test_a_bad_request_for_an_opinion_is_one_sentence(client, inputs):
    refused(client, "/second_opinion", **inputs)


def test_the_map_of_a_film_that_may_not_be_shown_is_not_sent(client):
    assert client.predict(HIDDEN, api_name="/second_opinion")["heat_map"] is None


# --- the trust panel


def test_an_examination_gives_both_accounts_and_every_measure(client):
    told = client.predict("CASE-0001", "appearance/Typical", api_name="/examine")
    account = told["account"]
    assert set(account["shapley"]) == {"image", "table", "text"}
    assert sum(account["shapley"].values()) == pytest.approx(account["change"], abs=1e-4)
    assert account["change"] == pytest.approx(told["output"] - told["baseline_output"], abs=1e-4)
    assert set(account["interactions"]) == {"image+table", "image+text", "table+text", "image+table+text"}
    assert [m["name"] for m in told["measures"]] == list(MEASURES)
    assert all(m["sentence"].endswith(".") for m in told["measures"])
    assert {m["speaks"] for m in told["measures"]} <= {"good", "bad", "open", "none"}


def test_a_second_look_is_free(client):
    first = client.predict("CASE-0004", "appearance/Typical", api_name="/examine")
    again = client.predict("CASE-0004", "appearance/Typical", api_name="/examine")
    assert again["measures"] == first["measures"] and again["evaluations"] == first["evaluations"]
    assert again["seconds"] == first["seconds"], "the account itself was kept"


def test_without_a_film_only_the_account_is_measured(client):
    told = client.predict(table={"age": 70}, indication="fever and cough", api_name="/examine")
    assert [m["name"] for m in told["measures"]] == ["completeness", "map_change", "support"]
    assert set(told["account"]["shapley"]) == {"table", "text"}


def test_a_study_of_one_modality_and_an_even_film_are_examined_too(client):
    alone = client.predict(table={"age": 70, "sex": "male"}, api_name="/examine")
    assert alone["account"]["interactions"] == {} and list(alone["account"]["shapley"]) == ["table"]
    even = as_text(gray_film().point(lambda _: 128))
    told = client.predict(film=even, name="even.png", api_name="/examine")
    assert [m["name"] for m in told["measures"]] == list(MEASURES)


def test_a_bad_examination_is_one_sentence(client):
    for inputs in (
        {"target": "findings/Mass"},
        {"baseline": "white"},
        {"baseline": "mean"},
        {"case_id": "no"},
    ):
        refused(client, "/examine", **{"case_id": "CASE-0001", **inputs})


# --- prove it


def test_a_proof_shows_what_happens_without_a_part(client):
    explained = client.predict("CASE-0001", "appearance/Typical", api_name="/explain")
    claim = {f["name"]: f["attribution"] for f in explained["fields"]}["age"]
    told = client.predict("CASE-0001", "appearance/Typical", fields=["age"], api_name="/prove")
    assert told["claimed"] == pytest.approx(claim, abs=1e-3)
    logits = [told[w]["appearance"]["logits"] for w in ("before", "after")]
    before, after = (one["Typical"] - one[explained["against"]] for one in logits)
    assert told["change"] == pytest.approx(after - before, abs=1e-5) and told["change"] != 0
    dropped = client.predict("CASE-0001", {"age": None}, api_name="/predict")
    assert logits[1]["Typical"] == pytest.approx(
        dropped["tasks"]["appearance"]["logits"]["Typical"], abs=1e-4
    )


def test_words_and_regions_can_be_taken_away(client):
    for part in (
        {"words": [0, 2]},
        {"region": [[0.1, 0.2, 0.5, 0.8]]},
        {"region": [[0.5, 0.5, 0.5001, 0.5001]]},
    ):
        told = client.predict("CASE-0001", "appearance/Typical", **part, api_name="/prove")
        assert told["before"].keys() == told["after"].keys() and np.isfinite(told["claimed"])


def test_the_whole_film_of_a_study_that_has_only_that_leaves_an_answer_or_one_sentence(client):
    everything = {"region": [[0, 0, 1, 1]]}
    told = client.predict("CASE-0001", "appearance/Typical", **everything, api_name="/prove")
    assert told["change"] != 0
    refused(client, "/prove", table={"age": 50}, fields=["age"])


@pytest.mark.parametrize(
    "part",
    [
        {},
        {"fields": ["crp"]},
        {"fields": ["nothing"]},
        {"fields": "age"},
        {"fields": [3]},
        {"words": [999]},
        {"words": [-1]},
        {"words": ["Fever"]},
        {"words": [True]},
        {"region": [[0, 0, 2, 1]]},
        {"region": [[0.5, 0, 0.5, 1]]},
        {"region": "all"},
        {"region": [["a", 0, 1, 1]]},
        {"region": [[0, 0, 1]]},
        {"region": [[0, 0, 1, 1]] * 101},
    ],
)
def test_a_proof_of_nothing_is_one_sentence(client, part):
    refused(client, "/prove", case_id="CASE-0001", **part)


def test_a_region_of_a_study_without_a_film_is_one_sentence(client):
    assert "no film" in refused(client, "/prove", table={"age": 50}, region=[[0, 0, 1, 1]])
