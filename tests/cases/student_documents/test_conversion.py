"""Student documents and Viewbox's own: there and back to the byte, whatever the documents hold."""

import base64
import contextlib
import dataclasses
import datetime
import io
import json
import random
import uuid
from collections.abc import Iterator
from pathlib import Path

import bson
import numpy as np
import pymongo
import pytest
from bson import Decimal128, Int64, ObjectId, Regex
from bson.raw_bson import RawBSONDocument
from PIL import Image

from cases.document import case_from_document, digest, document_from_case
from cases.export.convert import to_student, to_viewbox
from cases.mongo.store import COLLECTION, MongoCaseStore
from cases.parquet.store import EmbeddedCaseStore
from cases.store import CaseFilter
from cases.student_documents.conversion import document_from_student, student_from_document
from modeling.errors import CaseStoreError
from modeling.study import Radiograph, Study
from tests.doubles.command import command
from tests.doubles.example_cases import (
    chest_like,
    full_case,
    jpeg,
    plain,
    small_case,
    student_document,
    study_case,
)
from tests.doubles.mongo_server import MongoServer

main = command("convert")

FILM = jpeg(chest_like(80, 72))
TEXT = base64.b64encode(FILM).decode()


def film_file(mode: str, kind: str) -> str:
    file = io.BytesIO()
    Image.fromarray(chest_like(80, 72)).convert(mode).save(file, kind)
    return base64.b64encode(file.getvalue()).decode()


SPELLINGS = {
    "plain": TEXT,
    "data-url": "data:image/jpeg;base64," + TEXT,
    "lines": "\n".join(TEXT[i : i + 76] for i in range(0, len(TEXT), 76)) + "\n",
    "crlf": "\r\n".join(TEXT[i : i + 64] for i in range(0, len(TEXT), 64)),
    "uneven-lines": TEXT[:10] + "\n" + TEXT[10:50] + " " + TEXT[50:],
    "unpadded": TEXT.rstrip("="),
    "url-safe": base64.urlsafe_b64encode(FILM).decode(),
    "raw": FILM,
    "base64-bytes": TEXT.encode(),
    "colour": film_file("RGB", "JPEG"),
    "png": film_file("L", "PNG"),
}
ODD_VALUES = [
    None, True, 7, Int64(7), 7.0, float("nan"), float("inf"), -0.0, "", "ä☂𝒳", "a.b", "$x", [], {},
    b"\x00\xff", ObjectId("5f43a1b2c3d4e5f6a7b8c9d0"), Decimal128("1.10"), Regex("^a", "i"),
    datetime.datetime(2020, 3, 1, 12, 30, 15, 123000), [1, [2, {"a": None}]],
    {"value": 38.5, "unit": "celsius"},
]  # fmt: skip


def odd_document(seed: int) -> bytes:
    """A student document with keys, values and an order drawn from what databases really hold."""
    draw = random.Random(seed)
    names = ["Age", "Gender", "Appearance", "Grading", "Ward", "a.b", "$odd", "", "CRP (mg/L)", "Symptoms"]
    values = [*ODD_VALUES, 41, "F", "Typical Appearance", "Mild Opacities"]
    clinical = {draw.choice(names): draw.choice(values) for _ in range(draw.randrange(6))}
    items: list[tuple[str, object]] = [
        ("_id", ObjectId(draw.randbytes(12))),
        ("ID", draw.choice([f"case-{seed}", seed, Int64(seed), float(seed)])),
        ("image_filename", draw.choice(["a.jpg", None, 7, "ä/b.png"])),
        ("image_data", draw.choice(list(SPELLINGS.values()))),
        ("clinical_data", draw.choice([clinical, clinical, None])),
    ]
    items += [(f"extra{n}", draw.choice(ODD_VALUES)) for n in range(draw.randrange(4))]
    draw.shuffle(items)
    return bson.encode(dict(items))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MongoServer]:
    with MongoServer(tmp_path_factory.mktemp("mongo")) as running:
        yield running


@pytest.fixture
def place(server: MongoServer) -> str:
    """The address of a database of the test's own."""
    return f"{server.uri}convert_{uuid.uuid4().hex}"


@pytest.fixture
def bare(place: str) -> Iterator[pymongo.collection.Collection]:
    with pymongo.MongoClient(place, document_class=RawBSONDocument) as client:
        yield client.get_default_database()[COLLECTION]


def raw_documents(bare: pymongo.collection.Collection) -> dict[object, bytes]:
    return {d["_id"]: bytes(d.raw) for d in bare.find({"schema_version": None})}


@pytest.mark.parametrize("seed", range(60))
def test_a_student_document_comes_back_to_the_byte(seed: int) -> None:
    raw = odd_document(seed)
    document = document_from_student(raw)
    assert student_from_document(document) == raw
    assert case_from_document(document).case_id == document["ID"]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_the_film_is_stored_once_where_it_can_be_spelt_again(spelling: str) -> None:
    raw = bson.encode({**student_document("a"), "image_data": SPELLINGS[spelling]})
    document = document_from_student(raw)
    assert student_from_document(document) == raw
    kept_whole = spelling in ("uneven-lines", "colour")
    assert (len(document["seed"]["bytes"]) > len(FILM)) == kept_whole
    assert (document["seed"]["hole"] is None) == kept_whole


def test_strings_that_are_no_utf8_come_back() -> None:
    raw = bson.encode({"_id": 1, **student_document("a", Ward="XYZ")}).replace(b"XYZ", b"\xff\xfe\x80")
    assert student_from_document(document_from_student(raw)) == raw


def test_a_case_of_another_origin_comes_back(tmp_path: Path) -> None:
    for case in (full_case("a"), small_case("b", appearance="Typical"), study_case()):
        document = document_from_case(case)
        raw = student_from_document(document)
        found = bson.decode(raw)
        assert list(found)[:5] == ["_id", "ID", "image_filename", "image_data", "clinical_data"]
        again = document_from_student(raw)
        assert digest(again) == digest(document)
        assert plain(case_from_document(again)) == plain(case)


def test_what_students_changed_since_counts() -> None:
    film = Radiograph(chest_like(80, 72))
    case = dataclasses.replace(small_case("b", appearance="Typical"), study=Study(film))
    found = bson.decode(student_from_document(document_from_case(case)))
    found["clinical_data"]["appearance"] = "Negative for Pneumonia"
    case = case_from_document(document_from_student(bson.encode(found)))
    assert case.reference == {"appearance": "Negative"}


def test_its_words_are_read_as_students_write_them() -> None:
    found = bson.decode(student_from_document(document_from_case(full_case("a"))))
    del found["viewbox"]
    film = io.BytesIO()
    Image.fromarray(np.full((80, 80), 90, np.uint8)).save(film, "PNG")
    found["image_data"] = base64.b64encode(film.getvalue()).decode()
    case = case_from_document(document_from_student(bson.encode(found)))
    expected = full_case("a")
    values = {k: v for k, v in expected.study.table.values.items() if k != "crp"}  # a limit has no spelling
    assert case.study.table.values == values
    assert (case.reference, case.report) == (expected.reference, expected.report)
    assert case.study.text == expected.study.text


def test_a_damaged_original_is_named() -> None:
    document = document_from_student(odd_document(1))
    document["seed"]["bytes"] = document["seed"]["bytes"][:-1] + b"\x01"
    with pytest.raises(CaseStoreError, match="student document that it keeps is damaged"):
        student_from_document(document)


def test_a_whole_database_and_back(
    bare: pymongo.collection.Collection, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cases.mongo.writing.INLINE_BYTES", 500)  # so that films and originals go to GridFS
    raws = {}
    for seed in range(12):
        raw = odd_document(seed)
        bare.insert_one(RawBSONDocument(raw))
        raws[bson.decode(raw)["_id"]] = raw
    broken = bson.encode({**student_document("bad"), "_id": "bad", "image_data": "!!!"})
    bare.insert_one(RawBSONDocument(broken))
    with contextlib.closing(MongoCaseStore.connect(place)) as store:
        before = [(row.case_id, row.reference, row.source) for row in store.page(CaseFilter()).rows]
    done = to_viewbox(place, place, replace=True)
    assert list(done.broken) == ["bad"], done.broken
    assert (done.read, done.written, done.removed, list(done.broken)) == (13, 12, 12, ["bad"])
    assert raw_documents(bare) == {"bad": broken}
    again = to_viewbox(place, place, replace=True)
    assert (again.read, again.written) == (1, 0)
    with contextlib.closing(MongoCaseStore.connect(place)) as store:
        assert [(row.case_id, row.reference, row.source) for row in store.page(CaseFilter()).rows] == before
    lines = tmp_path / "cases.jsonl"
    assert to_student(place, str(lines)).written == 12
    assert to_student(place, place, replace=True).removed == 12
    assert raw_documents(bare) == {**raws, "bad": broken}
    assert bare.count_documents({}) == 13
    assert bare.database["films.chunks"].count_documents({}) == 0
    target = tmp_path / "embedded"
    assert to_viewbox(str(lines), str(target)).written == 12
    assert to_student(str(target), str(tmp_path / "again.jsonl")).written == 12
    assert (tmp_path / "again.jsonl").read_bytes() == lines.read_bytes()


def test_a_dry_run_writes_nothing(bare: pymongo.collection.Collection, place: str) -> None:
    bare.insert_one(RawBSONDocument(odd_document(3)))
    done = to_viewbox(place, place, dry_run=True)
    assert (done.read, done.written) == (1, 0) and bare.count_documents({}) == 1
    assert to_student(place, place, dry_run=True).read == 1 and bare.count_documents({}) == 1


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with EmbeddedCaseStore.create(tmp_path / "store") as store:
        store.put(full_case("a"))
    lines = str(tmp_path / "out.jsonl")
    assert main([str(tmp_path / "store"), lines, "--to", "seed"]) == 0
    assert json.loads(capsys.readouterr().out)["written"] == 1
    assert main([lines, str(tmp_path / "again"), "--to", "viewbox"]) == 0
    assert plain(EmbeddedCaseStore.open(str(tmp_path / "again")).get("a")) == plain(full_case("a"))
    (tmp_path / "bad.jsonl").write_text('{"ID": 1}\nno json\n')
    assert main([str(tmp_path / "bad.jsonl"), str(tmp_path / "b"), "--to", "viewbox"]) == 1
    assert "Line 2 of bad.jsonl" in capsys.readouterr().err
    assert main(["postgres://x", lines, "--to", "viewbox"]) == 1
