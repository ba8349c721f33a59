"""`CASES_SOURCE` says what a lake's documents are at every door that reads it; an option goes before it."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pymongo
import pytest

import viewbox
from cases.open_store import open_case_store
from modeling.study import Modality
from tests.doubles.example_cases import chest_like, jpeg, student_document
from tests.doubles.mongo_server import MongoServer
from tests.doubles.toys import toy_checkpoint
from viewbox.command import main


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Two documents that name no set."""
    with MongoServer(tmp_path_factory.mktemp("mongo")) as server:
        film = base64.b64encode(jpeg(chest_like(96, 80))).decode()
        with pymongo.MongoClient(f"{server.uri}lake") as client:
            for name in ("a", "b"):
                document = {**student_document(name, Age=60), "_id": name, "image_data": film}
                client.get_default_database()["cases"].insert_one(document)
        yield f"{server.uri}lake"


@pytest.fixture(params=["setting", "option"])
def told(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is added to a command; the setting says something else where the option says it."""
    monkeypatch.setenv("CASES_SOURCE", "openi" if request.param == "setting" else "nih")
    return [] if request.param == "setting" else ["--documents-are", "openi"]


def test_a_lake_is_scored_as_what_it_is(
    lake: str, told: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    toy = toy_checkpoint(tmp_path / "toy", modalities=[Modality.IMAGE], seed=len(told), sources=("openi",))
    asked = ["score", "--checkpoint", str(toy), "--store", lake, "--source", "openi", "--write"]
    assert main([*asked, *told]) == 0
    done = json.loads(capsys.readouterr().out)
    assert (done["cases"], done["written"], done["refused"]) == (2, 2, 0)
    with pymongo.MongoClient(lake) as client:
        found = list(client.get_default_database()["results"].find({"checkpoint": done["checkpoint"]}))
    assert len(found) == 2 and not [one for one in found if "has seen none like this one" in str(one)]


def test_it_is_exported_and_converted_as_what_it_is(
    lake: str, told: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def counted(source: str) -> dict[str, Any]:
        assert main(["export", "--dry-run", "--store", lake, "--source", source, *told]) == 0
        return json.loads(capsys.readouterr().out)

    ((reason, count),) = counted("openi")["left_out"].items()
    assert reason.startswith("openi: the licence") and count == 2
    assert not counted("seed")["left_out"] and not counted("nih")["left_out"]
    assert main(["convert", lake, str(tmp_path / "cases"), "--to", "viewbox", *told]) == 0
    assert open_case_store(str(tmp_path / "cases")).get("a").provenance.source == "openi"


def test_python_opens_it_as_what_it_is(lake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert viewbox.open_case_store(lake).get("a").provenance.source == "seed"
    assert viewbox.open_case_store(lake, source="nih").get("a").provenance.source == "nih"
    monkeypatch.setenv("CASES_SOURCE", "openi")
    assert viewbox.open_case_store(lake).get("a").provenance.source == "openi"
