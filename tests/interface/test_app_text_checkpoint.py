"""A checkpoint that reads text and no film, among others: it answers for its own source, and breaks none."""

from pathlib import Path

import pytest

from cases.case import SYNTHETIC_LICENCE, Case, Provenance
from cases.parquet.store import EmbeddedCaseStore
from modeling.labels import FINDINGS
from modeling.study import Modality
from tests.doubles.app_client import connect, refused, wait_for_model
from tests.doubles.served import serve, write_bundle, write_store
from tests.doubles.toys import SENTENCE, toy_config, toy_model, toy_processor, toy_study

FILM, REPORT, PHANTOM = "OPENI-0001", "OPENI-0002", "CASE-0000"
"""Two cases of Open-i, with a film and without one, and a phantom."""


def write_text_checkpoint(folder: Path) -> None:
    """A toy that finds the NIH labels in the indication."""
    processor = toy_processor([Modality.TEXT])
    config = toy_config(tasks=(FINDINGS,), modalities=[Modality.TEXT], sources=("openi",))
    toy_model(config, processor, seed=4).save_pretrained(folder, processor)


def write_cases(folder: Path) -> Path:
    write_store(folder / "plain", 2)
    with EmbeddedCaseStore.create(folder / "store") as store:
        plain = EmbeddedCaseStore.open(str(folder / "plain"))
        store.put(plain.get(PHANTOM))
        for name, study in ((FILM, toy_study(text=SENTENCE)), (REPORT, toy_study([Modality.TEXT]))):
            where = Provenance("openi", name, "Open-i layout, made up")
            report = {"findings": "Lungs are clear."}
            store.put(Case(name, study, SYNTHETIC_LICENCE, where, report=report))
    return folder / "store"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    folder = tmp_path_factory.mktemp("text")
    write_bundle(folder / "run" / "hub_config")
    write_text_checkpoint(folder / "run" / "hub_config" / "checkpoints" / "indications")
    with serve(folder / "run", CASES_FOLDER=str(write_cases(folder))) as running:
        yield running


@pytest.fixture(scope="module")
def client(served):
    client = connect(served)
    wait_for_model(client)
    return client


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
