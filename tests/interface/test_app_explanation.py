"""Explanations as other programs meet them: account, pictures, refusals, cancellation."""

import base64
import io
import threading

import numpy as np
import pytest
from gradio_client.exceptions import AppError

from tests.doubles.app_client import (
    connect,
    nothing_of_an_upload_stays,  # noqa: F401
    picture_of,
    refused,
)


def test_an_explanation_accounts_for_the_logit_and_sends_its_pictures(client):
    told = client.predict("CASE-0001", "appearance/Typical", opacity=0.8, api_name="/explain")
    assert told["target"] == "appearance/Typical" and told["verdict"] in (
        "converged",
        "usable",
        "not converged",
    )
    shares = told["modality_share"]
    total = sum(part["logits"] for part in shares.values())
    change = told["output"] - told["baseline_output"]
    assert total - change == pytest.approx(told["convergence_delta"], abs=1e-4)
    assert sum(part["fraction"] for part in shares.values()) == pytest.approx(1, abs=1e-6)
    assert {f["name"] for f in told["fields"]} == {"age", "sex", "temperature", "crp"}
    assert [w["word"] for w in told["words"]][:2] == ["Fever", "and"]
    assert picture_of(told["heat_map"]).shape == (364, 280, 3) and told["scale"] > 0
    assert told["heat_map"].startswith("data:image/png") and told["film_shape"] == [364, 280]
    numbers = np.load(io.BytesIO(base64.b64decode(told["map"])), allow_pickle=False)
    assert numbers.dtype == np.float32 and numbers.shape[0] / numbers.shape[1] == pytest.approx(1.3, abs=0.02)
    assert numbers.sum() == pytest.approx(shares["image"]["logits"], abs=1e-4)


def test_the_default_target_is_the_most_probable_class(client):
    told = client.predict("CASE-0002", api_name="/explain")
    assert told["target"] == f"appearance/{told['tasks']['appearance']['most_probable']}"


def test_maps_of_different_films_differ_and_opacity_zero_shows_the_film(client):
    table = {"age": 50, "sex": None, "temperature": None}
    maps = [
        picture_of(
            client.predict(c, "appearance/Typical", opacity=1, table=table, api_name="/explain")["heat_map"]
        )
        for c in ("CASE-0001", "CASE-0002")
    ]
    colour = [m[..., 0] - m[..., 2] for m in maps]
    assert (
        abs(np.corrcoef(colour[0].ravel(), colour[1].ravel())[0, 1]) < 0.99
    )  # gathered, a toy's maps resemble each other
    plain = picture_of(client.predict("CASE-0001", opacity=0, table=table, api_name="/explain")["heat_map"])
    assert np.abs(plain[..., 0] - plain[..., 2]).max() < 3


@pytest.mark.parametrize(
    "inputs",
    [
        {"target": "appearance/Severe"},
        {"target": "findings/Mass"},
        {"target": "nothing"},
        {"baseline": "white"},
        {"sign": "up"},
        {"opacity": 2},
    ],
)
def test_a_bad_explanation_request_is_one_sentence(client, inputs):
    refused(client, "/explain", case_id="CASE-0000", **inputs)


def test_an_explanation_can_be_cancelled_midway(served, client):
    own = connect(served)
    for _ in range(3):  # an explanation may be over before the cancellation arrives
        job = own.submit("CASE-0001", baseline="blurred", api_name="/explain")
        cancelled = False
        while not cancelled and not job.done():
            cancelled = own.predict(api_name="/cancel_explanation")["cancelled"]
        if job.exception(timeout=60) is not None:
            break
    assert isinstance(job.exception(), AppError) and str(job.exception()).endswith(".")
    assert own.predict(api_name="/cancel_explanation") == {"cancelled": False}
    assert client.predict("CASE-0001", api_name="/predict")["tasks"]


def test_two_readers_at_once_both_get_their_answers(served, client):
    results = {}

    def read(case_id: str) -> None:
        results[case_id] = connect(served).predict(case_id, api_name="/explain")["verdict"]

    threads = [threading.Thread(target=read, args=(c,)) for c in ("CASE-0006", "CASE-0007")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(90)
    assert set(results) == {"CASE-0006", "CASE-0007"}
