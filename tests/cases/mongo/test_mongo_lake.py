"""The lake under load and under faults: short ranges, right counts, nothing lost and nothing doubled."""

import contextlib
import dataclasses
import datetime
import json
import threading
import time
import uuid
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pymongo
import pytest

from cases.case import Case
from cases.document import document_from_case, facet_of
from cases.mongo.__main__ import main as sweep_command
from cases.mongo.films import BUCKET
from cases.mongo.ranges import FENCE_EVERY, fence_of, ranges_down, ranges_up
from cases.mongo.store import COLLECTION, MongoCaseStore
from cases.mongo.tallies import COLLECTION as TALLIES
from cases.store import CaseFilter, Stored
from modeling.errors import CaseStoreError
from modeling.study import Radiograph, Study
from tests.doubles.example_cases import full_case, plain, small_case
from tests.doubles.mongo_server import MongoServer

WHERES = [
    CaseFilter(),
    CaseFilter(source="set-a"),
    CaseFilter(appearance="Typical"),
    CaseFilter("set-b", "Typical", "Severe"),
    CaseFilter(text="1"),
    CaseFilter(source="set-a", text="12"),
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


# --- ranges


@pytest.mark.parametrize("seed", range(30))
def test_ranges_follow_one_another_and_miss_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    ids = sorted({f"{n:03d}" for n in rng.integers(0, 999, rng.integers(0, 200))})
    fences = sorted(rng.choice(ids, rng.integers(0, len(ids) + 1), replace=False)) if ids else []
    at = f"{rng.integers(0, 999):03d}"
    operators = {"$gt": str.__gt__, "$gte": str.__ge__, "$lt": str.__lt__, "$lte": str.__le__}

    def inside(bounds: dict[str, str]) -> list[str]:
        return [i for i in ids if all(operators[op](i, bound) for op, bound in bounds.items())]

    for prefix in (None, "1", "12", at[:1]):
        passing = [i for i in ids if i.startswith(prefix or "")]
        up = [i for bounds in ranges_up(fences, at, prefix, 21) for i in inside(bounds)]
        assert up == [i for i in passing if i > at]
        assert [i for b in ranges_up(fences, None, prefix, 1) for i in inside(b)] == passing
        down = [inside(bounds) for bounds in ranges_down(fences, at, prefix, 1)]
        assert [i for found in down for i in reversed(found)] == [i for i in reversed(passing) if i < at]


def test_a_range_that_fell_short_is_followed_by_one_no_longer_than_all_before_it() -> None:
    fences = [f"{n:03d}" for n in range(100)]
    ends = [fences.index(b["$lte"]) for b in ranges_up(fences, None, None, 21) if "$lte" in b]
    assert ends[:5] == [1, 3, 7, 15, 31]
    starts = [fences.index(b["$gte"]) for b in ranges_down(fences, "100", None, 21) if "$gte" in b]
    assert starts[:5] == [98, 96, 92, 84, 68]


def test_a_page_reads_a_short_range_with_two_ends(
    server: MongoServer, writer: MongoCaseStore, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Listener(pymongo.monitoring.CommandListener):
        queries: ClassVar[list[dict[str, Any]]] = []

        def started(self, event: pymongo.monitoring.CommandStartedEvent) -> None:
            if event.command_name == "find" and event.command["find"] == COLLECTION:
                self.queries.append(event.command["filter"])

        def succeeded(self, event: object) -> None: ...

        def failed(self, event: object) -> None: ...

    stored = writer.put_documents(documents(700))
    assert stored == Stored(new=700)
    monkeypatch.setattr(pymongo, "MongoClient", partial(pymongo.MongoClient, event_listeners=[Listener()]))
    with contextlib.closing(MongoCaseStore.connect(server.uri, name)) as store:
        store.page(CaseFilter(), "0100", 20)
        assert {"facets": fence_of(facet_of(CaseFilter()))} in Listener.queries
        Listener.queries.clear()
        assert [row.case_id for row in store.page(CaseFilter(), "0300", 5).rows] == [
            f"{number:04d}" for number in range(301, 306)
        ]
        assert store.step("0300", "next", CaseFilter()) == "0301"
        assert store.step("0300", "previous", CaseFilter()) == "0299"
        assert store.random(CaseFilter(), 4) is not None
        assert Listener.queries
        for query in Listener.queries:
            bounds = query.get("ID") or query["random"]
            assert len(bounds) == 2, query
            low, high = bounds.values()
            if "ID" in query and low != "0300":
                low, high = high, low
            if "ID" in query:
                assert abs(int(high) - int(low)) < 12 * FENCE_EVERY, query


def test_lists_and_counts_agree_with_and_without_fences_and_tallies(
    bare: pymongo.database.Database,
    writer: MongoCaseStore,
    reader: MongoCaseStore,
    server: MongoServer,
    name: str,
) -> None:
    writer.put_documents(documents(300))

    def answers(store: MongoCaseStore) -> list[Any]:
        return [
            [
                [row.case_id for row in store.page(where, "0100", 1000).rows],
                [row.case_id for row in store.page(where, None, 7).rows],
                [store.step(at, "next", where) for at in ("0000", "0150", "0299")],
                [store.step(at, "previous", where) for at in ("0000", "0150", "0299")],
                [store.random(where, seed) for seed in range(6)],
                store.count(where),
            ]
            for where in WHERES
        ]  # fmt: skip

    with_all = answers(reader)
    bare[COLLECTION].update_many({}, {"$pull": {"facets": {"$regex": "^fence"}}})
    bare[TALLIES].delete_many({})
    with contextlib.closing(MongoCaseStore.connect(server.uri, name)) as store:
        assert answers(store) == with_all
    assert [answer[-1] for answer in with_all] == [300, 150, 100, 10, 0, 0, 0]


# --- tallies


def tallied(bare: pymongo.database.Database) -> dict[str, int]:
    return {d["_id"]: d["n"] for d in bare[TALLIES].find({"n": {"$ne": 0}}) if d["_id"] != "state"}


def counted(bare: pymongo.database.Database) -> dict[str, int]:
    counts: dict[str, int] = {}
    for document in bare[COLLECTION].find({}, {"facets": 1}):
        for facet in document["facets"]:
            counts[facet] = counts.get(facet, 0) + 1
    return counts


def test_tallies_follow_every_kind_of_writing(
    bare: pymongo.database.Database, writer: MongoCaseStore
) -> None:
    writer.put_documents(documents(80))
    assert tallied(bare) == counted(bare)
    writer.put(small_case("0001", source="later", appearance="Atypical"))
    writer.put(small_case("new"))
    writer.put_documents(documents(90, report={"findings": "changed"}))
    writer.remove("0003")
    writer.remove("not there")
    assert tallied(bare) == counted(bare)
    assert writer.count(CaseFilter()) == 90 and writer.count(CaseFilter(source="later")) == 0


def test_a_writer_that_died_makes_the_tallies_unsound_until_a_sweep(
    bare: pymongo.database.Database, writer: MongoCaseStore, server: MongoServer, name: str
) -> None:
    writer.put_documents(documents(40))
    bare[TALLIES].update_one({"_id": "state"}, {"$currentDate": {"writings.dead": True}})
    assert writer.count(CaseFilter()) == 40
    assert writer.sweep().busy, "a writer that began a moment ago may be alive"
    long_ago = datetime.datetime(2020, 1, 1)
    bare[TALLIES].update_one({"_id": "state"}, {"$set": {"writings.dead": long_ago}})
    bare[TALLIES].update_many({"n": {"$gt": 0}}, {"$inc": {"n": 5}})
    with contextlib.closing(MongoCaseStore.connect(server.uri, name)) as store:
        assert store.count(CaseFilter()) == 40, "counted, not taken from tallies that nobody vouches for"
    assert writer.sweep().recounted
    assert tallied(bare) == counted(bare)
    assert not writer.sweep().recounted


def test_a_lake_from_before_the_tallies_is_counted_and_can_be_recounted(
    bare: pymongo.database.Database, server: MongoServer, name: str
) -> None:
    bare[COLLECTION].insert_many([{"_id": f"case:{d['ID']}", **d} for d in documents(20)])
    with contextlib.closing(MongoCaseStore.connect(server.uri, name, write=True)) as store:
        assert store.count(CaseFilter()) == 20
        store.put(small_case("one more"))
        assert store.count(CaseFilter()) == 21
        assert store.sweep().recounted and store.count(CaseFilter()) == 21
    assert tallied(bare) == counted(bare)


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
        lambda: reader.put_seed(b""),
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
    assert [case_id for case_id, _ in lake_of(writer)] == sorted(d["ID"] for d in many)
    assert films(bare) == (
        3,
        {d["film"]["file"] for d in bare[COLLECTION].find({"film.file": {"$ne": None}})},
    )
    assert tallied(bare) == counted(bare)


def test_a_killed_upload_is_completed_by_the_next_writer(
    bare: pymongo.database.Database, writer: MongoCaseStore
) -> None:
    case = large_case("big")
    writer.put(case)
    (file,) = bare[f"{BUCKET}.files"].find()
    bare[COLLECTION].delete_one({"ID": "big"})
    bare[f"{BUCKET}.files"].delete_one({})
    bare[f"{BUCKET}.chunks"].delete_one({"n": 1})
    bare[f"{BUCKET}.chunks"].update_one({"n": 0}, {"$set": {"data": b"half"}})
    writer.put(case)
    assert plain(writer.get("big")) == plain(case)
    assert films(bare) == (1, {file["_id"]})


def test_a_sweep_takes_out_what_no_case_names(
    bare: pymongo.database.Database, writer: MongoCaseStore
) -> None:
    for case_id in ("a", "b", "c"):
        writer.put(large_case(case_id, ord(case_id)))
    bare[COLLECTION].delete_one({"ID": "a"})  # by another program, or a writer that died before its document
    bare[f"{BUCKET}.files"].delete_one({"metadata.case": "b"})
    bare[COLLECTION].delete_one({"ID": "b"})
    assert writer.sweep().films == 0, "young films are left alone"
    swept = writer.sweep(0.0)
    assert (swept.films, swept.uploads) == (1, 0), "the unfinished upload went with the first sweep"
    assert films(bare)[0] == 1
    assert plain(writer.get("c")) == plain(large_case("c", ord("c")))


def test_the_sweep_command(
    server: MongoServer, name: str, writer: MongoCaseStore, capsys: pytest.CaptureFixture[str]
) -> None:
    writer.put(small_case("a"))
    assert sweep_command([server.uri, "--database", name, "--recount"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said == {"films": 0, "uploads": 0, "recounted": True, "busy": False}
    assert sweep_command(["mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=200"]) == 2
    assert "is not running" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["insert", "findAndModify", "update"])
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
    assert [case_id for case_id, _ in lake_of(writer)] == sorted(d["ID"] for d in many)
    assert films(bare)[0] == 1 and len(films(bare)[1]) == 1
    bare[TALLIES].update_one({"_id": "state"}, {"$set": {"writings": {"dead": None}}})
    assert writer.sweep(0.0).recounted and tallied(bare) == counted(bare)


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
