"""Two checkpoints at once: each case gets the one that suits it, and callers may ask for the other."""

import pytest

from tests.doubles.app_client import (
    as_text,
    connect,
    gray_film,
    nothing_of_an_upload_stays,  # noqa: F401
    refused,
    wait_for_model,
)
from tests.doubles.served import serve, write_bundle, write_store

PHANTOM, OTHER = "CASE-0000", "CASE-0001"
"""The second one's source is named by no checkpoint."""


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundle")
    write_bundle(folder / "run" / "hub_config")
    with serve(folder / "run", CASES_FOLDER=str(write_store(folder / "store", 6))) as running:
        yield running


@pytest.fixture(scope="module")
def client(served):
    client = connect(served)
    wait_for_model(client)
    return client


def used(answer: dict) -> tuple[str, bool]:
    """Which checkpoint answered, and whether a warning stands beside it."""
    assert answer["checkpoint"]["revision"].startswith("sha256:")
    return answer["checkpoint"]["name"], any("has seen none like" in told for told in answer["warnings"])


def test_all_are_loaded_and_the_one_for_the_first_case_goes_first(served, client):
    states = client.predict(api_name="/model_state")["checkpoints"]
    assert [(s["checkpoint"], s["phase"], s["sources"]) for s in states] == [
        ("film", "ready", ["siim"]),
        ("teaching", "ready", ["phantom"]),
    ]
    assert states[0]["text_sections"] == [] and states[1]["text_sections"] == ["indication"]
    assert states[0]["revision"] != states[1]["revision"]
    log = served.log.read_text()
    assert log.index("checkpoint teaching, revision") < log.index("checkpoint film, revision")


def test_the_source_picks_the_checkpoint_and_a_foreign_source_is_warned_of(client):
    assert used(client.predict(PHANTOM, api_name="/predict")) == ("teaching", False)
    foreign = client.predict(OTHER, api_name="/predict")
    assert used(foreign) == ("film", True) and "(SIIM)" in foreign["warnings"][0]


def test_a_film_of_ones_own_gets_the_checkpoint_of_real_films(client):
    film = as_text(gray_film())
    assert used(client.predict(film=film, name="a.png", api_name="/predict")) == ("film", False)
    asked = client.predict(film=film, name="a.png", checkpoint="teaching", api_name="/predict")
    assert used(asked) == ("teaching", True) and "synthetic films" in asked["warnings"][0]


def test_a_caller_may_choose_and_the_answer_follows_the_choice(client):
    own = client.predict(PHANTOM, api_name="/predict")
    asked = client.predict(PHANTOM, checkpoint="film", api_name="/predict")
    assert used(asked) == ("film", True) and set(own["tasks"]) == {"appearance", "grading"}
    assert set(asked["tasks"]) == {"appearance"}
    assert any("does not read the text" in note for note in asked["warnings"])
    with_words = client.predict(PHANTOM, "grading/Mild", api_name="/explain")
    without = client.predict(PHANTOM, checkpoint="film", api_name="/explain")
    assert with_words["words"] and not without["words"]
    assert used(with_words) == ("teaching", False) and used(without) == ("film", True)


def test_a_checkpoint_or_target_that_is_not_there_is_one_sentence(client):
    assert "film, teaching" in refused(client, "/predict", case_id=PHANTOM, checkpoint="../../etc")
    refused(client, "/explain", case_id=PHANTOM, target="grading/Mild", checkpoint="film")


def test_one_that_fails_does_not_take_the_other_down(tmp_path):
    bundle = write_bundle(tmp_path / "run" / "hub_config")
    (bundle / "checkpoints" / "film" / "model.safetensors").write_bytes(b"no weights")
    with serve(tmp_path / "run", CASES_FOLDER=str(write_store(tmp_path / "store", 4))) as running:
        client = connect(running)
        told = wait_for_model(client)
        assert told["phase"] == "ready" and [s["phase"] for s in told["checkpoints"]] == ["failed", "ready"]
        assert used(client.predict(PHANTOM, api_name="/predict")) == ("teaching", False)
        sentence = refused(client, "/predict", case_id=OTHER)
        assert sentence == told["checkpoints"][0]["sentence"]
