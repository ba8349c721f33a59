"""Several checkpoints at once, one of them broken: each case gets what suits it, and callers may choose."""

from pathlib import Path

import pytest

from cases.case import SYNTHETIC_LICENCE, Case, Provenance
from cases.parquet.store import EmbeddedCaseStore
from modeling.labels import FINDINGS
from modeling.study import Modality
from tests.doubles.app_client import (
    as_text,
    connect,
    gray_film,
    nothing_of_an_upload_stays,  # noqa: F401
    refused,
    wait_for_model,
)
from tests.doubles.served import serve, write_bundle, write_store
from tests.doubles.toys import SENTENCE, toy_config, toy_model, toy_processor, toy_study

PHANTOM, OTHER = "CASE-0000", "CASE-0001"
"""The second one's source is named by no checkpoint."""
FILM, REPORT = "OPENI-0001", "OPENI-0002"
"""Two cases of Open-i, with a film and without one."""
WARD = "WARD-0001"
"""What suits it cannot be loaded."""


def write_text_checkpoint(folder: Path, source: str = "openi") -> None:
    """A toy that finds the NIH labels in the indication."""
    processor = toy_processor([Modality.TEXT])
    config = toy_config(tasks=(FINDINGS,), modalities=[Modality.TEXT], sources=(source,))
    toy_model(config, processor, seed=4).save_pretrained(folder, processor)


def write_cases(folder: Path) -> Path:
    with EmbeddedCaseStore.open(str(write_store(folder, 6)), write=True) as store:
        for name, study in (
            (FILM, toy_study(text=SENTENCE)),
            (REPORT, toy_study([Modality.TEXT])),
            (WARD, toy_study()),
        ):
            where = Provenance(name.partition("-")[0].lower(), name, "made up")
            store.put(Case(name, study, SYNTHETIC_LICENCE, where, report={"findings": "Lungs are clear."}))
    return folder


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundle")
    checkpoints = write_bundle(folder / "run" / "hub_config") / "checkpoints"
    write_text_checkpoint(checkpoints / "indications")
    write_text_checkpoint(checkpoints / "spoilt", "ward")
    (checkpoints / "spoilt" / "model.safetensors").write_bytes(b"no weights")
    with serve(folder / "run", CASES_FOLDER=str(write_cases(folder / "store"))) as running:
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
        ("indications", "ready", ["openi"]),
        ("spoilt", "failed", ["ward"]),
    ]
    film, teaching = states[:2]
    assert film["text_sections"] == [] and teaching["text_sections"] == ["indication"]
    assert film["revision"] != teaching["revision"]
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
    assert "film, teaching, indications, spoilt" in refused(
        client, "/predict", case_id=PHANTOM, checkpoint="../../etc"
    )
    refused(client, "/explain", case_id=PHANTOM, target="grading/Mild", checkpoint="film")


def test_one_that_fails_is_told_by_its_sentence_and_takes_no_other_down(client):
    told = client.predict(api_name="/model_state")
    assert told["phase"] == "ready"
    assert refused(client, "/predict", case_id=WARD) == told["checkpoints"][3]["sentence"]


# --- one that reads text and no film


@pytest.mark.parametrize("case", [FILM, REPORT])
def test_its_own_source_gets_it_and_its_words_are_explained(client, case):
    answer = client.predict(case, api_name="/predict")
    assert answer["checkpoint"]["name"] == "indications"
    assert not [told for told in answer["warnings"] if "trained on" in told]
    assert list(answer["tasks"]) == ["findings"] and len(answer["tasks"]["findings"]["probabilities"]) == 14
    account, picture = explained(client, case, "findings/Effusion")
    assert account["words"] and picture is None
    assert {word["word"] for word in account["words"]} >= {"Fever", "cough"}


def explained(client, case: str, target: str, checkpoint: str = ""):
    answer = client.predict(case, target, checkpoint=checkpoint, api_name="/explain")
    return answer if isinstance(answer, tuple | list) else (answer, answer.get("image"))


def test_other_cases_keep_theirs_and_may_ask_for_it(client):
    assert client.predict(PHANTOM, api_name="/predict")["checkpoint"]["name"] == "teaching"
    chosen = client.predict(PHANTOM, checkpoint="indications", api_name="/predict")
    assert (
        chosen["checkpoint"]["name"] == "indications"
        and "(Open-i) and has seen none like this one (synthetic films)" in chosen["warnings"][0]
    )
    account, _ = explained(client, PHANTOM, "findings/Mass", "indications")
    assert account["words"]


def test_what_needs_a_film_says_so_in_a_sentence(client):
    for method in ("grad_cam", "edges", "random_weights"):
        asked = {"case_id": FILM, "target": "findings/Effusion", "method": method}
        assert refused(client, "/second_opinion", **asked)


def test_proofs_and_trust_work_on_words(client):
    examined = client.predict(FILM, "findings/Effusion", api_name="/examine")
    assert examined
    proof = client.predict(FILM, "findings/Effusion", words=[0], api_name="/prove")
    assert proof


def test_nothing_fell_over(served):
    assert "Traceback" not in served.log.read_text()
