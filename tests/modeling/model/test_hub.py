"""FusionModel and the Hub, on loopback: pinned and resolved revisions, and every way to fail."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from modeling.errors import CheckpointError
from modeling.model.fusion import FusionModel
from modeling.study import Modality
from tests.doubles.hub_server import LoopbackHub, point_clients_at
from tests.doubles.toys import toy_checkpoint, toy_study

REPO = "owner/toy"
TOKEN = "hf_" + "s3cret" * 5


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[LoopbackHub]:
    """A loopback Hub and an empty cache; the client's constants are patched, its back-off takes no time."""
    with LoopbackHub() as server:
        point_clients_at(server, monkeypatch, tmp_path)
        yield server


@pytest.fixture
def commit(hub: LoopbackHub, checkpoint: Path) -> str:
    """The toy checkpoint on the Hub; its commit."""
    return hub.upload(REPO, checkpoint)


def refused(
    hub: LoopbackHub, said: str, revision: str | None = None, token: str | None = TOKEN, repo: str = REPO
) -> str:
    """Load, and be told why not, in one sentence without secrets or addresses."""
    with pytest.raises(CheckpointError, match=said) as caught:
        FusionModel.from_pretrained(repo, revision=revision, token=token)
    sentence = str(caught.value)
    assert sentence.endswith(".") and "\n" not in sentence and len(sentence) < 200
    assert TOKEN not in sentence and hub.endpoint not in sentence
    chain: BaseException | None = caught.value
    while chain is not None:
        assert TOKEN not in str(chain)
        chain = chain.__cause__ or chain.__context__
    return sentence


# --- loading


def test_a_pinned_revision_is_loaded_and_then_asks_nothing(
    hub: LoopbackHub, commit: str, checkpoint: Path
) -> None:
    hub.upload(REPO, checkpoint)
    hub.commit(REPO, {"config.json": b"{}"})  # a later commit that would not load
    model, processor, origin = FusionModel.from_pretrained(REPO, revision=commit)
    assert (origin.name, origin.revision, origin.pinned) == (REPO, commit, True)
    local, _, _ = FusionModel.from_pretrained(checkpoint)
    inputs = processor(toy_study()).inputs
    with torch.no_grad():
        assert all(torch.equal(row, local(inputs)[name]) for name, row in model(inputs).items())
    assert f"GET /{REPO}/resolve/{commit}/model.safetensors" in hub.requests
    hub.requests.clear()
    hub.mode = "down"
    again, _, origin = FusionModel.from_pretrained(REPO, revision=commit)
    assert origin.revision == commit and hub.requests == []
    assert set(again.state_dict()) == set(model.state_dict())


@pytest.mark.parametrize("revision", [None, "main", "stable"])
def test_an_unpinned_revision_is_resolved_to_a_commit(
    hub: LoopbackHub, commit: str, checkpoint: Path, revision: str | None
) -> None:
    stable = hub.commit(REPO, {p.name: p.read_bytes() for p in checkpoint.iterdir()}, "stable")
    _, _, origin = FusionModel.from_pretrained(REPO, revision=revision)
    assert origin.revision == (stable if revision == "stable" else commit) and not origin.pinned
    fetched = [r for r in hub.requests if "/resolve/" in r]
    assert fetched and all(origin.revision in r for r in fetched), "files of one commit only"


def test_only_the_files_of_a_checkpoint_are_fetched(hub: LoopbackHub, commit: str) -> None:
    pinned = hub.commit(
        REPO, {"pytorch_model.bin": b"pickle", "optimizer.safetensors": b"x", "run.py": b"raise"}
    )
    FusionModel.from_pretrained(REPO, revision=pinned)
    fetched = {r.rsplit("/", 1)[1] for r in hub.requests if "/resolve/" in r}
    assert fetched == {
        "config.json",
        "preprocessor_config.json",
        "tokenizer.json",
        "model.safetensors",
        "README.md",
    }


def test_a_private_repo_is_loaded_with_its_token(hub: LoopbackHub, commit: str) -> None:
    hub.token = TOKEN
    refused(hub, "no model 'owner/toy', or it is private; check MODEL_REPO and HF_TOKEN", token=None)
    _, _, origin = FusionModel.from_pretrained(REPO, token=TOKEN)
    assert origin.revision == commit


# --- failing


def test_a_repo_that_is_not_there(hub: LoopbackHub) -> None:
    refused(hub, "The Hub has no model 'owner/none'", repo="owner/none")
    refused(hub, "no name of a Hub repo", repo="owner/what is this")


@pytest.mark.parametrize("revision", ["later", "0" * 40])
def test_a_revision_that_is_not_there(hub: LoopbackHub, commit: str, revision: str) -> None:
    refused(hub, f"no revision '{revision}'; set MODEL_REVISION", revision)


@pytest.mark.parametrize(
    "missing", ["config.json", "preprocessor_config.json", "tokenizer.json", "model.safetensors"]
)
def test_a_missing_file(hub: LoopbackHub, commit: str, missing: str) -> None:
    without = hub.commit(REPO, {missing: None})
    refused(hub, f"no {missing}", without)


def test_a_download_that_is_cut_short_and_can_be_repeated(hub: LoopbackHub, commit: str) -> None:
    hub.mode = "truncated"
    refused(hub, "could not be fetched whole from the Hub; check the network and try again", commit)
    hub.mode = ""
    assert FusionModel.from_pretrained(REPO, revision=commit)[2].revision == commit


def test_a_file_that_was_published_truncated(hub: LoopbackHub, commit: str, checkpoint: Path) -> None:
    half = (checkpoint / "model.safetensors").read_bytes()[:-1000]
    refused(hub, "model.safetensors of owner/toy is damaged", hub.commit(REPO, {"model.safetensors": half}))


def test_wrong_weights(hub: LoopbackHub, commit: str, tmp_path: Path) -> None:
    other = toy_checkpoint(tmp_path / "other", "gated") / "model.safetensors"
    refused(
        hub,
        "fetch both files together|fetch weights and config.json together",
        hub.commit(REPO, {"model.safetensors": other.read_bytes()}),
    )


@pytest.mark.parametrize("pinned", [True, False])
@pytest.mark.parametrize("mode", ["down", "down for files"])
def test_a_hub_that_is_down(hub: LoopbackHub, commit: str, mode: str, pinned: bool) -> None:
    hub.mode = mode
    refused(hub, "The Hub answered 503 for owner/toy; try again in a minute", commit if pinned else None)


@pytest.mark.parametrize("pinned", [True, False])
def test_a_gated_repo(hub: LoopbackHub, commit: str, pinned: bool) -> None:
    hub.mode = "gated"
    refused(hub, "gated; accept its terms and set HF_TOKEN", commit if pinned else None)


@pytest.mark.parametrize("pinned", [True, False])
def test_a_token_that_the_hub_refuses(hub: LoopbackHub, commit: str, pinned: bool) -> None:
    hub.mode = "bad login"
    refused(hub, "refused the login for owner/toy; set HF_TOKEN", commit if pinned else None)


@pytest.mark.parametrize("pinned", [True, False])
def test_no_hub_at_all(hub: LoopbackHub, commit: str, monkeypatch: pytest.MonkeyPatch, pinned: bool) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    refused(hub, "check the network and try again", commit if pinned else None)


# --- the way a Space does it


def test_hf_endpoint_of_the_environment_is_all_that_is_needed(
    hub: LoopbackHub, tmp_path: Path, root: Path
) -> None:
    commit = hub.upload(
        REPO, toy_checkpoint(tmp_path / "film", modalities=[Modality.IMAGE])
    )  # no text: faster
    script = (
        "from modeling.model.fusion import FusionModel;"
        f"print(FusionModel.from_pretrained('{REPO}')[2].revision)"
    )
    environment = os.environ | {
        "HF_ENDPOINT": hub.endpoint,
        "HF_HOME": str(tmp_path / "home"),
        "HF_HUB_DISABLE_XET": "1",
        "HF_TOKEN": TOKEN,
    }  # fmt: skip
    run = subprocess.run(
        [sys.executable, "-c", script], cwd=root, env=environment, capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == commit
    assert TOKEN not in run.stdout + run.stderr
