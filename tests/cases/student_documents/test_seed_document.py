"""The student document that the README shows: read, shown, predicted on, converted and back to the byte."""

import base64
import contextlib
import json
import re
from dataclasses import replace
from pathlib import Path

import bson
import numpy as np
import pymongo
import pytest
from bson.raw_bson import RawBSONDocument

from cases.document import case_from_document
from cases.export.convert import to_student, to_viewbox
from cases.mongo.store import COLLECTION
from cases.open_store import open_case_store
from cases.store import CaseFilter, CaseStore
from cases.student_documents.conversion import document_from_student
from hub_config.settings import BUNDLED
from interface.api.answers import case_json
from interface.api.asked import endpoint
from interface.api.cases import Api
from interface.html.fragments import kept_values
from interface.models.checkpoints import Checkpoints
from interface.models.model_host import ModelHost
from interface.models.stores import StoreHost
from modeling.pipeline import DiagnosisPipeline
from modeling.study import ClinicalTable
from tests.doubles.example_cases import chest_like, jpeg, plain
from tests.doubles.mongo_server import MongoServer

README = Path(__file__).parents[3] / "README.md"
FIELDS = {
    "age": 63.0, "sex": "female", "temperature": 38.4, "rt_pcr": "positive", "view_position": "AP",
}  # fmt: skip


@pytest.fixture(scope="module")
def raw() -> bytes:
    """The README's document with a film."""
    block = re.search(r"```json\n(\{.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None
    film = base64.b64encode(jpeg(chest_like(320, 280))).decode()
    return bson.encode({"_id": "seed", **json.loads(block[1]), "image_data": film})


def test_it_round_trips(raw: bytes, tmp_path: Path) -> None:
    with MongoServer(tmp_path / "mongo") as server:
        place, ids = f"{server.uri}seed", (10, 2, 7)
        with pymongo.MongoClient(place) as client:
            cases = client.get_default_database()[COLLECTION]
            for number in ids:
                cases.insert_one({**bson.decode(raw), "_id": number, "ID": number})
            cases.replace_one({"_id": 7}, {**bson.decode(raw), "_id": 7})
        with contextlib.closing(open_case_store(place, source="ricord")) as store:
            check(store, "ricord")
            answers(store)
            assert [row.case_id for row in store.page(CaseFilter()).rows] == ["2", "7", "10"]
        lines, again, folder = (str(tmp_path / name) for name in ("out.jsonl", "again.jsonl", "cases"))
        assert to_viewbox(place, folder, lake="ricord").written == 3
        assert to_student(folder, lines).written == 3
        check(open_case_store(folder), "ricord")
        assert to_viewbox(lines, f"{server.uri}other").written == 3
        assert to_student(f"{server.uri}other", again).written == 3
        assert Path(again).read_bytes() == Path(lines).read_bytes()
        to_student(f"{server.uri}other", f"{server.uri}other", replace=True)
        with pymongo.MongoClient(server.uri, document_class=RawBSONDocument) as client:
            back = {d["_id"]: bytes(d.raw) for d in client["other"][COLLECTION].find()}
            assert back == {d["_id"]: bytes(d.raw) for d in client["seed"][COLLECTION].find()}


def check(store: CaseStore, source: str) -> None:
    """What is read and shown of the document in a store."""
    case = store.get("7")
    assert case.study.table.values == FIELDS
    assert (case.provenance.source, case.reference) == (source, {"appearance": "Typical"})
    assert case.study.radiograph is not None and case.study.radiograph.view_position == "AP"
    assert case.other == {"Description": "XR CHEST 1 VIEW AP", "Specimen": "Nasopharyngeal swab"}
    assert case_json(case)["other"] == case.other
    said = "The view, AP, was read in 'XR CHEST 1 VIEW AP'."
    for language, words in (("en", said), ("zh-Hant", "Nasopharyngeal swab")):
        assert words in kept_values(case, language).unescape()
    if store.description.startswith("MongoDB"):
        assert "攝影方向（AP）" in kept_values(case, "zh-Hant")
    assert plain(store.get("2").study) == plain(case.study)


def answers(store: CaseStore) -> None:
    """The API predicts on the stored document with its film and all five fields, and none is left aside."""
    host = ModelHost(lambda: DiagnosisPipeline.from_pretrained(BUNDLED / "teaching"), "teaching")
    host.load()
    api = Api(Checkpoints([host]), StoreHost(lambda: store))
    answer = endpoint("predict", api.predict)(case_id="7")
    assert answer["given"] == ["image", "table"]
    assert not [told for told in answer["warnings"] if told.startswith("Not read by")]
    expected = host.pipeline.predict(store.get("7").study, source="ricord")
    for task in expected.tasks:
        assert answer["tasks"][str(task.task)]["modalities"] == ["image", "table"]
        own = answer["tasks"][str(task.task)]["logits"].values()
        assert list(own) == pytest.approx(task.logits.tolist())
    assert answer["tasks"]["appearance"]["reference"] == "Typical"


def test_all_five_fields_are_predicted_on(raw: bytes) -> None:
    study = case_from_document(document_from_student(raw)).study
    pipeline = DiagnosisPipeline.from_pretrained(BUNDLED / "teaching")
    assert set(FIELDS) <= {field.name for field in pipeline.fields}
    whole = pipeline.predict(study)
    for name in FIELDS:
        values = {k: v for k, v in study.table.values.items() if k != name}
        without = pipeline.predict(replace(study, table=ClinicalTable(values)))
        pairs = zip(whole.tasks, without.tasks, strict=True)
        assert any(np.abs(a.logits - b.logits).max() > 1e-4 for a, b in pairs), name
