"""The lake under faults: right lists and counts, nothing lost and nothing doubled."""

import contextlib
import dataclasses
import itertools
import json
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pymongo
import pytest

from cases.case import Case
from cases.document import document_from_case
from cases.mongo.store import COLLECTION, MongoCaseStore
from cases.mongo.writing import BUCKET, Swept
from cases.store import CaseFilter, Stored
from modeling.errors import CaseStoreError
from modeling.study import Radiograph, Study
from tests.doubles.command import command
from tests.doubles.example_cases import full_case, in_order, plain, small_case
from tests.doubles.mongo_server import MongoServer

sweep_command = command("sweep")

WHERES = [
    CaseFilter(),
    CaseFilter(source="set-a"),
    CaseFilter(appearance="Typical"),
    CaseFilter("set-b", "Typical", "Severe"),
    CaseFilter(text="01"),
    CaseFilter(source="set-a", text="012"),
    CaseFilter(source="nowhere"),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MongoServer]:
    with MongoServer(tmp_path_factory.mktemp("mongo"), "--enable-test-commands") as running:
        yield running


@pytest.fixture
def name() -> str:
    return f"lake_{uuid.uuid4().hex}"


@pytest.fixture
def bare(server: MongoServer, name: str) -> Iterator[pymongo.database.Database]:
    with pymongo.MongoClient(server.uri) as client:
        yield client[name]


@pytest.fixture
def writer(server: MongoServer, name: str) -> Iterator[MongoCaseStore]:
    with contextlib.closing(MongoCaseStore.connect(server.uri, name, write=True)) as store:
        yield store


@pytest.fixture
def reader(server: MongoServer, name: str) -> Iterator[MongoCaseStore]:
    with contextlib.closing(MongoCaseStore.connect(server.uri, name)) as store:
        yield store


def documents(count: int, **changes: Any) -> list[dict[str, Any]]:
    made = []
    for number in range(count):
        case = small_case(
            f"{number:04d}",
            source=("set-a", "set-b")[number % 2],
            appearance=("Typical", "Negative", None)[number % 3],
            grading="Severe" if number % 5 == 0 else None,
        )
        made.append({**document_from_case(case), **changes})
    return made


def large_case(case_id: str, seed: int = 0) -> Case:
    pixels = np.random.default_rng(seed).integers(0, 2**16, (900, 800), dtype=np.uint16)
    return dataclasses.replace(small_case(case_id), study=Study(Radiograph(pixels, bits_stored=16)))


def films(bare: pymongo.database.Database) -> tuple[int, set[Any]]:
    """How many film files there are, and whose parts."""
    return bare[f"{BUCKET}.files"].count_documents({}), set(bare[f"{BUCKET}.chunks"].distinct("files_id"))


# --- lists


def test_lists_are_the_same_for_whoever_wrote_the_lake(
    bare: pymongo.database.Database, writer: MongoCaseStore, reader: MongoCaseStore
) -> None:
    """A lake of an earlier Viewbox has keys and a collection that nobody reads any more."""
    writer.put_documents(documents(300))
    bare[COLLECTION].update_many({}, {"$push": {"facets": "fence [null, null, null]"}})
    bare["tallies"].insert_one({"_id": "state", "writings": {}})
    assert [reader.count(where) for where in WHERES] == [300, 150, 100, 10, 100, 5, 0]
    for where in WHERES:
        ids = [row.case_id for row in reader.page(where, None, 1000).rows]
        assert len(ids) == reader.count(where) == len(set(ids))
        for at, following in itertools.pairwise(ids):
            assert reader.step(at, "next", where) == following
            assert reader.step(following, "previous", where) == at
        assert {reader.random(where, seed) for seed in range(20)} <= set(ids) or not ids


def test_what_is_written_is_counted_and_listed_at_once(writer: MongoCaseStore) -> None:
    writer.put_documents(documents(80))
    assert writer.count(CaseFilter()) == 80
    writer.put(small_case("0001", source="later", appearance="Atypical"))
    writer.put(small_case("new"))
    writer.put_documents(documents(90, report={"findings": "changed"}))
    writer.remove("0003")
    writer.remove("not there")
    assert writer.count(CaseFilter()) == 90 and writer.count(CaseFilter(source="later")) == 0
    assert [row.case_id for row in writer.page(CaseFilter(), "0001", 2).rows] == ["0002", "0004"]


# --- writing many


def test_putting_again_changes_nothing(bare: pymongo.database.Database, writer: MongoCaseStore) -> None:
    many = [*documents(30), document_from_case(full_case("full")), document_from_case(large_case("large"))]
    assert writer.put_documents(many) == Stored(new=32)
    before = list(bare[COLLECTION].find().sort("_id", 1))
    assert writer.put_documents(iter(many)) == Stored(same=32)
    assert list(bare[COLLECTION].find().sort("_id", 1)) == before
    many[3] = {**many[3], "report": {"findings": "new"}}
    assert writer.put_documents(many) == Stored(changed=1, same=31)
    assert writer.put_documents([*many, *many[:5]]).written == 0
    assert plain(writer.get("full")) == plain(full_case("full"))
    assert plain(writer.get("large")) == plain(large_case("large"))


def test_one_broken_document_among_many_stops_no_other(writer: MongoCaseStore) -> None:
    many = documents(30)
    many[7] = {**many[7], "licence": "CC BY"}
    stored = writer.put_documents(many)
    assert (stored.new, list(stored.refused)) == (29, ["0007"])
    assert "does not fit the store's validator" in stored.refused["0007"]
    assert writer.count(CaseFilter()) == 29
    assert writer.put_documents(documents(30)).new == 1


def test_what_an_importer_noted_is_found_without_the_film(writer: MongoCaseStore) -> None:
    one = document_from_case(small_case("a"))
    noted = {**one, "provenance": {**one["provenance"], "input": "row 7", "split": "train"}}
    writer.put_documents([noted, document_from_case(small_case("b"))])
    assert writer.inputs(["a", "b", "c"]) == {"a": "row 7"}
    assert writer.document("a")["provenance"]["split"] == "train"


def test_writing_wants_an_explicit_opening(reader: MongoCaseStore) -> None:
    for write in (
        lambda: reader.put(small_case("a")),
        lambda: reader.put_documents(documents(1)),
        lambda: reader.remove("a"),
        lambda: reader.put_student_document(b""),
        reader.sweep,
    ):
        with pytest.raises(CaseStoreError, match="reading only"):
            write()


# --- faults


def lake_of(store: MongoCaseStore) -> list[tuple[str, object]]:
    return [(row.case_id, plain(store.get(row.case_id))) for row in store.page(CaseFilter(), limit=1000).rows]


def test_two_writers_at_once_double_and_lose_nothing(
    bare: pymongo.database.Database, server: MongoServer, name: str, writer: MongoCaseStore
) -> None:
    many = [*documents(60), *(document_from_case(large_case(f"large-{n}", n)) for n in range(3))]
    counts: list[Stored] = []

    def run(order: list[dict[str, Any]]) -> None:
        with contextlib.closing(MongoCaseStore.connect(server.uri, name, write=True)) as store:
            for first in range(0, len(order), 7):
                counts.append(store.put_documents(order[first : first + 7]))

    threads = [threading.Thread(target=run, args=(order,)) for order in (many, many, many[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(stored.new for stored in counts) == 63
    assert sum(stored.new + stored.changed + stored.same for stored in counts) == 3 * 63
    assert [case_id for case_id, _ in lake_of(writer)] == in_order([d["ID"] for d in many])
    assert films(bare) == (
        3,
        {d["film"]["file"] for d in bare[COLLECTION].find({"film.file": {"$ne": None}})},
    )


def test_a_writer_that_was_killed_anywhere_leaves_nothing_that_a_sweep_does_not_find(
    bare: pymongo.database.Database, writer: MongoCaseStore
) -> None:
    """Films lie in GridFS before a document names them: killed there, the next writer stores its own."""
    case = large_case("big")
    for _ in range(2):
        writer.put(case)
        bare[COLLECTION].delete_one({"ID": "big"})
    bare[f"{BUCKET}.files"].delete_one({})
    bare[f"{BUCKET}.chunks"].delete_one({"n": 1})
    writer.put(case)
    assert plain(writer.get("big")) == plain(case)
    assert writer.sweep() == Swept(), "a living writer is about to name a young film"
    assert writer.sweep(-1.0) == Swept(films=1, uploads=1)
    assert films(bare) == (1, {bare[COLLECTION].find_one({"ID": "big"})["film"]["file"]})
    assert plain(writer.get("big")) == plain(case)


CHUNK_FAULTS = {
    "missing": lambda chunks, file: chunks.delete_one({"files_id": file, "n": 1}),
    "cut": lambda chunks, file: chunks.update_one({"files_id": file, "n": 1}, {"$set": {"data": b"half"}}),
    "other bytes": lambda chunks, file: chunks.update_one(
        {"files_id": file, "n": 0}, {"$set": {"data": bytes(261120)}}
    ),
    "one too many": lambda chunks, file: chunks.insert_one({"files_id": file, "n": 99, "data": b"more"}),
    "no bytes": lambda chunks, file: chunks.update_one({"files_id": file, "n": 0}, {"$unset": {"data": 1}}),
}


@pytest.mark.parametrize("fault", CHUNK_FAULTS)
def test_a_broken_chunk_is_named_stops_no_other_case_and_is_mended_by_storing_again(
    bare: pymongo.database.Database, writer: MongoCaseStore, fault: str
) -> None:
    case = large_case("big")
    for stored in (case, small_case("a"), small_case("z")):
        writer.put(stored)
    CHUNK_FAULTS[fault](bare[f"{BUCKET}.chunks"], bare[COLLECTION].find_one({"ID": "big"})["film"]["file"])
    if fault != "one too many":  # what lies behind the end is read by nobody
        with pytest.raises(
            CaseStoreError, match=r"Case '?big'? is broken in the store \(.*\); store it again"
        ):
            writer.get("big")
    assert [row.case_id for row in writer.page(CaseFilter()).rows] == ["a", "big", "z"]
    found = dict(writer.several(["a", "big", "z"]))
    assert [case_id for case_id, one in found.items() if isinstance(one, CaseStoreError)] in (["big"], [])
    writer.put(case)
    assert plain(writer.get("big")) == plain(case)
    writer.sweep(-1.0)
    assert films(bare)[0] == 1 and len(films(bare)[1]) == 1


@pytest.mark.parametrize("fault", ["missing", "cut", "one too many", "no bytes", "no entry", "no chunks"])
def test_the_next_import_stores_a_broken_film_again(
    bare: pymongo.database.Database, writer: MongoCaseStore, fault: str
) -> None:
    """An import asks what is there by `inputs`, and stores what is not there whole."""
    kept = [document_from_case(large_case(name, seed)) for seed, name in enumerate(("big", "other"))]
    for document in kept:
        document["provenance"]["input"] = f"row of {document['ID']}"
    writer.put_documents(kept)
    inputs = {"big": "row of big", "other": "row of other"}
    assert writer.inputs(["big", "other"]) == inputs
    file = bare[COLLECTION].find_one({"ID": "big"})["film"]["file"]
    if fault in CHUNK_FAULTS:
        CHUNK_FAULTS[fault](bare[f"{BUCKET}.chunks"], file)
    else:
        part, key = ("files", "_id") if fault == "no entry" else ("chunks", "files_id")
        bare[f"{BUCKET}.{part}"].delete_many({key: file})
    assert writer.inputs(["big", "other"]) == {"other": "row of other"}
    assert writer.put_documents(kept) == Stored(changed=1, same=1)
    assert writer.inputs(["big", "other"]) == inputs
    assert plain(writer.get("big")) == plain(large_case("big"))
    writer.sweep(-1.0)
    assert films(bare)[0] == 2 and len(films(bare)[1]) == 2


def test_a_sweep_leaves_alone_what_a_case_names_also_under_names_of_an_earlier_viewbox(
    bare: pymongo.database.Database, writer: MongoCaseStore
) -> None:
    for case_id in ("a", "b"):
        writer.put(large_case(case_id, ord(case_id)))
    (file,) = bare[f"{BUCKET}.files"].find({"metadata.case": "a"})
    older = f"a/{file['filename']}"
    bare[f"{BUCKET}.files"].delete_one({"_id": file["_id"]})
    bare[f"{BUCKET}.files"].insert_one({**file, "_id": older})
    bare[f"{BUCKET}.chunks"].update_many({"files_id": file["_id"]}, {"$set": {"files_id": older}})
    bare[COLLECTION].update_one({"ID": "a"}, {"$set": {"film.file": older}})
    assert writer.sweep(-1.0) == Swept()
    assert plain(writer.get("a")) == plain(large_case("a", ord("a")))
    writer.remove("a")
    assert films(bare)[0] == 1 and len(films(bare)[1]) == 1
    assert plain(writer.get("b")) == plain(large_case("b", ord("b")))


def test_the_sweep_command(
    server: MongoServer, name: str, writer: MongoCaseStore, capsys: pytest.CaptureFixture[str]
) -> None:
    writer.put(dataclasses.replace(small_case("a"), reference={"exposure": "good"}))
    swept = {"films": 0, "uploads": 0, "filters": 0}
    assert sweep_command([server.uri, "--database", name]) == 0
    assert json.loads(capsys.readouterr().out) == swept
    with pymongo.MongoClient(server.uri) as client:  # as an older Viewbox stored it
        client[name][COLLECTION].update_many({}, {"$pull": {"facets": {"$regex": "label"}}})
    where = CaseFilter(label="exposure/good")
    assert MongoCaseStore.connect(server.uri, name).count(where) == 0
    assert sweep_command([server.uri, "--database", name]) == 0
    assert json.loads(capsys.readouterr().out) == swept | {"filters": 1}
    assert MongoCaseStore.connect(server.uri, name).count(where) == 1
    assert sweep_command(["mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=200"]) == 1
    assert "is not running" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["insert", "findAndModify"])
def test_a_full_disk_is_a_sentence_and_loses_nothing(
    server: MongoServer, writer: MongoCaseStore, bare: pymongo.database.Database, command: str
) -> None:
    many = [*documents(20), document_from_case(large_case("large"))]
    writer.put_documents(many[:5])
    many[0] = {**many[0], "report": {"findings": "changed"}}
    with pymongo.MongoClient(server.uri) as client:
        fault = {"failCommands": [command], "errorCode": 14031}
        client.admin.command("configureFailPoint", "failCommand", mode="alwaysOn", data=fault)
        try:
            with pytest.raises(CaseStoreError, match=r"The disk of MongoDB at .* is full; free some space"):
                writer.put_documents(many)
        finally:
            client.admin.command("configureFailPoint", "failCommand", mode="off")
    writer.put_documents(many)
    assert writer.put_documents(many) == Stored(same=21)
    assert [case_id for case_id, _ in lake_of(writer)] == in_order([d["ID"] for d in many])
    assert films(bare)[0] == 1 and len(films(bare)[1]) == 1


def test_a_server_stopped_midway_ends_in_the_same_lake(tmp_path: Path) -> None:
    many = [*documents(40), *(document_from_case(large_case(f"large-{n}", n)) for n in range(2))]
    with MongoServer(tmp_path) as server:
        uri = f"{server.uri}?serverSelectionTimeoutMS=500"
        with contextlib.closing(MongoCaseStore.connect(uri, write=True)) as store:

            def until(stop: int) -> Iterator[dict[str, Any]]:
                for number, document in enumerate(many):
                    if number == stop:
                        server.kill()
                    yield document

            for stop in (41, 30):
                with pytest.raises(CaseStoreError, match="MongoDB at"):
                    store.put_documents(until(stop))
                server.start()
            deadline = time.monotonic() + 30
            while True:
                with contextlib.suppress(CaseStoreError):
                    store.put_documents(many)
                    break
                assert time.monotonic() < deadline
            assert store.put_documents(many) == Stored(same=42)
            assert store.count(CaseFilter()) == 42
            for document in many:
                assert store.document(document["ID"])["film"]["sha256"] == document["film"]["sha256"]
        with pymongo.MongoClient(server.uri) as client:
            assert films(client["viewbox"])[0] == 2 and len(films(client["viewbox"])[1]) == 2
