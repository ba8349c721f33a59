"""Publishing to a Hub on loopback: what is pushed, what is not pushed again, and every way to be refused."""

import hashlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from cases.case import SYNTHETIC_LICENCE, Licence
from cases.parquet.store import EmbeddedCaseStore
from hub_config.publishing import publish
from hub_config.publishing.publish import case_card, check_card, front_matter
from hub_config.publishing.remote import PublishError
from hub_config.settings import ZERO_GPU_TORCH
from modeling.model.fusion import FusionModel
from modeling.study import Modality
from tests.doubles.example_cases import small_case
from tests.doubles.hub_server import LoopbackHub, point_clients_at
from tests.doubles.toys import toy_checkpoint
from tests.test_architecture import PACKAGES
from viewbox.command import main

REPO = "owner/film"
TOKEN = "hf_" + "s3cret" * 5
CARD = """---
license: apache-2.0
library_name: viewbox
pipeline_tag: image-classification
tags: [toy]
---
A toy.
"""


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[LoopbackHub]:
    """A loopback Hub that wants the token, and an environment that holds it."""
    with LoopbackHub() as server:
        server.token = TOKEN
        point_clients_at(server, monkeypatch, tmp_path)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        yield server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A toy checkpoint with a card that the Hub would take."""
    made = toy_checkpoint(tmp_path / "film", modalities=[Modality.IMAGE])
    (made / "README.md").write_text(CARD)
    (made / ".DS_Store").write_text("not for others")
    return made


@pytest.fixture
def run(capsys: pytest.CaptureFixture) -> Callable[..., tuple[int, str]]:
    """The command line: its exit status and all that it wrote, which never holds the token."""

    def command(*arguments: object) -> tuple[int, str]:
        status = main(["publish", *map(str, arguments)])
        out, err = capsys.readouterr()
        assert TOKEN not in out + err
        assert status == 0 or (err.endswith(".\n") and err.count("\n") == 1), err
        return status, out + err

    return command


def pushes(hub: LoopbackHub) -> list[str]:
    return [r for r in hub.requests if "/commit/" in r or r.startswith("PUT") or "/repos/create" in r]


# --- a checkpoint


def test_a_checkpoint_is_pushed_once_and_loads_at_the_revision_that_was_said(hub, folder, run):
    status, said = run("model", "--repo", REPO, "--folder", folder)
    revision = hub.resolve(REPO, "main")
    assert status == 0 and f"revision {revision}" in said and "+ model.safetensors" in said
    assert set(hub.repos[REPO][revision]) == {p.name for p in folder.iterdir()} - {".DS_Store"}
    assert FusionModel.from_pretrained(REPO, revision=revision, token=TOKEN)[2].pinned
    hub.requests.clear()
    status, said = run("model", "--repo", REPO, "--folder", folder)
    assert status == 0 and "nothing pushed" in said and f"revision {revision}" in said
    assert pushes(hub) == [] and hub.resolve(REPO, "main") == revision


def test_only_what_changed_is_uploaded(hub, folder, run):
    run("model", "--repo", REPO, "--folder", folder)
    first = hub.resolve(REPO, "main")
    (folder / "README.md").write_text(CARD + "More.\n")
    hub.requests.clear()
    _, said = run("model", "--repo", REPO, "--folder", folder)
    assert "~ README.md" in said and "safetensors" not in said and "1 files" in said
    assert not [r for r in hub.requests if r.startswith("PUT")], "the weights were not sent again"
    assert hub.resolve(REPO, "main") != first
    weights = folder / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1  # same size, other content
    weights.write_bytes(content)
    _, said = run("model", "--repo", REPO, "--folder", folder)
    assert "~ model.safetensors" in said
    assert hub.repos[REPO][hub.resolve(REPO, "main")]["model.safetensors"] == bytes(content)


def test_a_dry_run_pushes_nothing_and_needs_no_token(hub, folder, run, monkeypatch):
    status, said = run("model", "--repo", REPO, "--folder", folder, "--dry-run")
    assert status == 0 and "would be made" in said and "+ config.json" in said and "revision" not in said
    assert pushes(hub) == [] and REPO not in hub.repos
    hub.token = None
    monkeypatch.delenv("HF_TOKEN")
    assert run("model", "--repo", REPO, "--folder", folder, "--dry-run")[0] == 0


def test_files_of_the_repo_are_deleted_only_when_asked(hub, folder, run):
    run("model", "--repo", REPO, "--folder", folder)
    kept = hub.commit(REPO, {"tokenizer.json": b"old", ".gitattributes": b"the Hub's own"})
    _, said = run("model", "--repo", REPO, "--folder", folder)
    assert "1 more files are there" in said and hub.resolve(REPO, "main") == kept
    _, said = run("model", "--repo", REPO, "--folder", folder, "--prune")
    files = hub.repos[REPO][hub.resolve(REPO, "main")]
    assert "- tokenizer.json" in said and "tokenizer.json" not in files and ".gitattributes" in files


def test_a_card_names_the_repo_that_it_is_published_in_and_doubts_are_told(hub, folder, run):
    lines = '"owner/viewbox-film" and spaces/owner/viewbox and owner/viewbox-reports'
    (folder / "README.md").write_text(CARD.replace("tags:", "colour: red\ntags:") + lines)
    status, said = run("model", "--repo", "ward/x", "--folder", folder)
    assert status == 0 and "documents no key 'colour'" in said
    card = hub.repos["ward/x"][hub.resolve("ward/x", "main")]["README.md"].decode()
    assert card.endswith('"ward/x" and spaces/ward/viewbox and ward/viewbox-reports')


def test_a_new_repo_can_be_private(hub, folder, run):
    run("model", "--repo", REPO, "--folder", folder, "--private")
    assert hub.made[REPO]["visibility"] == "private"
    run("model", "--repo", "owner/open", "--folder", folder)
    assert hub.made["owner/open"].get("visibility") != "private"


# --- being refused


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("down", "The Hub answered 503 for owner/film; try again in a minute"),
        ("bad login", "refused the login for owner/film; set HF_TOKEN to a valid token"),
        ("read only", "may not write to owner/film; set HF_TOKEN to one that may"),
        ("no storage", "may not write to owner/film"),
    ],
)
def test_a_hub_that_refuses(hub, folder, run, mode, said):
    hub.create(REPO)
    hub.mode = mode
    status, sentence = run("model", "--repo", REPO, "--folder", folder)
    assert status == 1
    assert re.search(said, sentence), sentence


def test_no_token(hub, folder, run, monkeypatch):
    monkeypatch.delenv("HF_TOKEN")
    status, sentence = run("model", "--repo", REPO, "--folder", folder)
    assert status == 1 and "needs a token; set HF_TOKEN" in sentence and hub.requests == []


def test_no_network(hub, folder, run, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    status, sentence = run("model", "--repo", REPO, "--folder", folder)
    assert status == 1 and "check the network and try again" in sentence


def test_no_name_of_a_repo(hub, folder, run):
    status, sentence = run("model", "--repo", "what is this/", "--folder", folder)
    assert status == 1 and "write it as owner/name" in sentence


def test_someone_else_was_faster(hub, folder):
    from hub_config.publishing.remote import RemoteRepo

    run_before = publish.publish("model", REPO, publish.model_files(folder), TOKEN)
    assert run_before[0] == hub.resolve(REPO, "main")
    (folder / "README.md").write_text(CARD + "Mine.\n")
    files, remote = publish.model_files(folder), RemoteRepo(REPO, "model", TOKEN)
    difference = remote.difference(files)
    theirs = hub.commit(REPO, {"README.md": b"theirs"})
    with pytest.raises(PublishError, match="changed by someone else meanwhile"):
        remote.push(files, difference, "late")
    assert hub.resolve(REPO, "main") == theirs


@pytest.mark.parametrize(
    "missing", ["model.safetensors", "config.json", "preprocessor_config.json", "README.md"]
)
def test_a_checkpoint_that_is_not_whole_is_not_published(hub, folder, run, missing):
    (folder / missing).unlink()
    status, sentence = run("model", "--repo", REPO, "--folder", folder)
    assert status == 1 and missing in sentence and hub.requests == []


# --- the Space


def test_the_space_is_what_the_app_needs_and_nothing_else(hub, run, root: Path):
    files = publish.space_files()
    assert {
        "app.py",
        "README.md",
        "requirements.txt",
        "modeling/model/fusion.py",
        "interface/page.py",
    } <= set(files)
    assert "hub_config/checkpoints/film/model.safetensors" in files
    assert {f"{package}/__init__.py" for package in PACKAGES} <= set(files), "it installs with pip, too"
    extras = re.findall(r'file = \["(.+?)"\]', (root / "pyproject.toml").read_text())
    assert {"LICENSE", "pyproject.toml", "pre-requirements.txt", *extras} <= set(files)
    parts = {part for path in files for part in path.split("/")}
    assert not parts & {"tests", "runs", ".venv", ".git", "__pycache__"}
    assert not [part for part in parts if part.startswith(".") or part.endswith(".pyc")]
    assert sum(path.stat().st_size for path in files.values()) < 100e6


def test_what_a_space_installs_goes_with_its_hardware(root: Path):
    needs = (root / "requirements.txt").read_text()
    pins = dict(re.findall(r"^(torch|torchvision)==(\S+)$", needs, re.MULTILINE))
    first = (root / "pre-requirements.txt").read_text()
    builds = dict(re.findall(r"^(\w+)==(\S+)$", first, re.MULTILINE))
    assert builds == {name: f"{version}+cpu" for name, version in pins.items()}, "the same, built for a CPU"
    with_gpu, zero = (publish.space_files(hardware=hardware) for hardware in ("gpu", "zero-gpu"))
    assert with_gpu["requirements.txt"] == root / "requirements.txt"
    for files in (with_gpu, zero):
        assert b"==" not in files["pre-requirements.txt"] and b"--extra" not in files["pre-requirements.txt"]
    changed = set(zero["requirements.txt"].decode().splitlines()) - set(needs.splitlines())
    newest = list(ZERO_GPU_TORCH.items())[-1]
    assert changed == {f"torch=={newest[0]}", f"torchvision=={newest[1]}"}


def test_a_space_names_the_checkpoints_of_its_owner_that_are_there(
    hub, run, tmp_path: Path, root: Path, monkeypatch
):
    (tmp_path / "README.md").write_bytes((root / "README.md").read_bytes())
    (tmp_path / "app.py").write_text("demo = None\n")
    monkeypatch.setattr(publish, "ROOT", tmp_path)
    hub.create("ward/viewbox-film"), hub.create("other/viewbox-teaching")
    assert run("space", "--repo", "ward/teaching-room")[0] == 0
    card = hub.repos["ward/teaching-room"][hub.resolve("ward/teaching-room", "main")]["README.md"].decode()
    assert front_matter(card)["models"] == ["ward/viewbox-film"]
    assert "git+https://huggingface.co/spaces/ward/teaching-room`" in card
    assert 'from_pretrained("ward/viewbox-film")' in card and "owner/" not in card


def test_a_space_is_made_with_its_sdk(hub, run, tmp_path: Path, root: Path, monkeypatch):
    tree = tmp_path / "tree"
    (tree / "modeling" / "__pycache__").mkdir(parents=True)
    (tree / "README.md").write_bytes((root / "README.md").read_bytes())
    (tree / "app.py").write_text("demo = None\n")
    (tree / ".env").write_text(f"HF_TOKEN={TOKEN}")
    (tree / "modeling" / "labels.py").write_text("TASKS = 1\n")
    (tree / "modeling" / "__pycache__" / "labels.pyc").write_text("compiled")
    monkeypatch.setattr(publish, "ROOT", tree)
    status, _ = run("space", "--repo", "owner/viewbox")
    assert status == 0 and hub.made["owner/viewbox"] | {"visibility": ""} == {
        "type": "space",
        "sdk": "gradio",
        "visibility": "",
    }
    files = hub.repos["owner/viewbox"][hub.resolve("owner/viewbox", "main")]
    assert set(files) == {"README.md", "app.py", "modeling/labels.py"}
    assert "nothing pushed" in run("space", "--repo", "owner/viewbox")[1]
    assert run("space", "--repo", "owner/viewbox", "--folder", tree)[0] == 1


# --- cases


def store_of(folder: Path, licences: list[Licence]) -> Path:
    with EmbeddedCaseStore.create(folder) as store:
        for number, licence in enumerate(licences):
            store.put(small_case(f"CASE-{number}", licence=licence))
    return folder


def test_cases_are_pushed_with_a_card_that_counts_them(hub, run, tmp_path: Path):
    folder = store_of(tmp_path / "store", [SYNTHETIC_LICENCE] * 3)
    before = sorted(path.name for path in folder.iterdir())
    status, said = run("cases", "--repo", "owner/cases", "--folder", folder)
    assert status == 0, said
    files = hub.repos["owner/cases"][hub.resolve("owner/cases", "main")]
    card = files["README.md"].decode()
    assert "3 cases" in card and front_matter(card)["license"] == "cc0-1.0"
    shard = next(path for path in folder.glob("*.parquet"))
    assert hashlib.sha256(files[shard.name]).digest() == hashlib.sha256(shard.read_bytes()).digest()
    assert hub.made["owner/cases"]["type"] == "dataset"
    assert sorted(path.name for path in folder.iterdir()) == before, "nothing is written beside the cases"
    assert "nothing pushed" in run("cases", "--repo", "owner/cases", "--folder", folder)[1]


def test_the_cases_that_ship_go_with_their_notice(root: Path):
    files = publish.case_files(root / "hub_config" / "cases")
    front = front_matter(files["README.md"].decode())
    assert front["license"] == "other" and front["license_link"] == "NOTICE.md"
    assert files["NOTICE.md"].is_file() and check_card("cases", files["README.md"].decode(), files) == ()


def test_cases_whose_licence_forbids_it_are_not_passed_on(hub, run, tmp_path: Path):
    own = Licence("research only", may_show=True, may_export=False)
    folder = store_of(tmp_path / "store", [SYNTHETIC_LICENCE, own])
    status, sentence = run("cases", "--repo", "owner/cases", "--folder", folder)
    assert status == 1 and "1 of 2 cases (CASE-1 first)" in sentence and hub.requests == []


def test_a_folder_without_cases(hub, run, tmp_path: Path):
    assert "export some cases first" in run("cases", "--repo", "owner/cases", "--folder", tmp_path)[1]
    assert "There is no folder" in run("cases", "--repo", "owner/cases", "--folder", tmp_path / "none")[1]
    (tmp_path / "cases-00000.parquet").write_bytes(b"no parquet")
    assert "no file of cases" in run("cases", "--repo", "owner/cases", "--folder", tmp_path)[1]


# --- front matter


def test_the_cards_of_this_tree_are_as_the_hub_wants_them(root: Path):
    for folder in sorted((root / "hub_config" / "checkpoints").iterdir()):
        names = [path.name for path in folder.iterdir()]
        assert check_card("model", (folder / "README.md").read_text(), names) == ()
    assert check_card("space", (root / "README.md").read_text(), ["app.py"]) == ()
    assert check_card("cases", case_card(root / "hub_config" / "cases"), ()) == ()


@pytest.mark.parametrize(
    ("kind", "change", "said"),
    [
        ("space", {"colorFrom": "teal"}, "wrong value for 'colorFrom'"),
        ("space", {"short_description": "x" * 61}, "wrong value for 'short_description'"),
        ("space", {"sdk": "docker"}, "wrong value for 'sdk'"),
        ("space", {"header": "tiny"}, "wrong value for 'header'"),
        ("space", {"startup_duration_timeout": "soon"}, "wrong value for 'startup_duration_timeout'"),
        ("space", {"custom_headers": {"x-frame-options": "deny"}}, "wrong value for 'custom_headers'"),
        ("space", {"app_file": "main.py"}, "names main.py, which is not published"),
        ("space", {"title": None}, "no 'title'"),
        ("model", {"license": "mine"}, "wrong value for 'license'"),
        ("model", {"license": "other"}, "no 'license_name'"),
        ("model", {"license": "other", "license_name": "x", "license_link": "TERMS"}, "TERMS, which is not"),
        ("model", {"model-index": [{"name": "a", "results": [{}]}]}, "wrong value for 'model-index'"),
        ("model", {"tags": "one"}, "wrong value for 'tags'"),
    ],
)
def test_a_wrong_card_is_found_before_the_hub_is_asked(kind, change, said, root: Path):
    card = (root / "README.md").read_text() if kind == "space" else CARD
    changed = {key: value for key, value in {**front_matter(card), **change}.items() if value is not None}
    with pytest.raises(PublishError, match=said):
        check_card(kind, f"---\n{yaml.safe_dump(changed)}---\nA card.\n", ["app.py"])


@pytest.mark.parametrize(
    ("change", "doubtful"),
    [
        ({"thumbnail": "https://example.org/a.png", "header": "mini", "startup_duration_timeout": "1h"}, []),
        ({"hf_oauth": True, "hf_oauth_authorized_org": ["ward"], "hf_oauth_expiration_minutes": 480}, []),
        ({"custom_headers": {"cross-origin-opener-policy": "same-origin"}, "fullWidth": True}, []),
        ({"sdk_versoin": "6.0.0", "colour": "red"}, ["colour", "sdk_versoin"]),
    ],
)
def test_a_key_that_the_hub_documents_is_accepted_and_another_is_told_of(change, doubtful, root: Path):
    changed = {**front_matter((root / "README.md").read_text()), **change}
    doubts = check_card("space", f"---\n{yaml.safe_dump(changed)}---\nA card.\n", ["app.py"])
    assert [doubt.values["key"] for doubt in doubts] == doubtful
    assert all("documents no key" in doubt for doubt in doubts)


@pytest.mark.parametrize(
    "card", ["no front matter", "---\n[1, 2]\n---\n", "---\na: [\n---\n", "---\nlicense: x\n"]
)
def test_a_card_without_front_matter(card):
    with pytest.raises(PublishError, match="front matter"):
        front_matter(card)
