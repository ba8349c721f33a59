"""MongoDB as it is met in the field: down, locked, restarted, and full of other people's documents."""

import base64
import contextlib
import dataclasses
import io
import logging
import socket
import time
import traceback
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import pymongo
import pytest
from PIL import Image
from pymongo import monitoring

from cases.case import Case
from cases.mongo.address import MongoAddress
from cases.mongo.store import COLLECTION, MongoCaseStore
from cases.mongo.writing import BUCKET
from cases.store import CaseFilter
from modeling.errors import CaseNotFoundError, CaseStoreError
from modeling.study import Radiograph, Study, ViewPosition
from tests.doubles.example_cases import chest_like, full_case, jpeg, plain, small_case, student_document
from tests.doubles.mongo_server import ENCODED, PASSWORD, USER, MongoServer, free_port

SPACE_PORTS = (80, 443, 8080)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MongoServer]:
    """One open server for this module."""
    with MongoServer(tmp_path_factory.mktemp("mongo")) as running:
        yield running


@pytest.fixture
def name() -> str:
    """A database of the test's own."""
    return f"test_{uuid.uuid4().hex}"


@pytest.fixture
def bare(server: MongoServer, name: str) -> Iterator[pymongo.database.Database]:
    """The database through plain pymongo, as any other program would see it."""
    with pymongo.MongoClient(server.uri) as client:
        yield client[name]


@pytest.fixture
def writer(server: MongoServer, name: str) -> Iterator[MongoCaseStore]:
    """A store open for writing."""
    with contextlib.closing(MongoCaseStore.connect(server.uri, name, write=True)) as store:
        yield store


@pytest.fixture
def reader(server: MongoServer, name: str) -> Iterator[MongoCaseStore]:
    """A store open for reading, on whatever the test puts there."""
    with contextlib.closing(MongoCaseStore.connect(server.uri, name)) as store:
        yield store


@pytest.fixture
def deaf_port() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MongoServer]:
    """A server that wants a login; one user may read database "ward"."""
    with MongoServer(tmp_path_factory.mktemp("locked")) as running:
        with contextlib.closing(MongoCaseStore.connect(running.uri, "ward", write=True)) as store:
            store.put(small_case("a"))
        with pymongo.MongoClient(running.uri) as client:
            client["ward"].command("createUser", USER, pwd=PASSWORD, roles=["read"])
        running.stop()
        running.options.append("--auth")
        running.start()
        yield running


def ask(store: MongoCaseStore) -> Callable[[], object]:
    """The shortest question to a server."""
    return lambda: store.step("", "next", CaseFilter())


def every_question(store: MongoCaseStore) -> list[Callable[[], object]]:
    where = CaseFilter()
    return [
        ask(store),
        lambda: store.get("a"),
        lambda: store.page(where),
        lambda: store.step("a", "next", where),
        lambda: store.random(where, 1),
        lambda: store.count(where),
    ]


def sentence(ask: Callable[[], object]) -> str:
    """What a reader sees when a question fails: one sentence."""
    with pytest.raises(CaseStoreError) as caught:
        ask()
    text = str(caught.value)
    assert text.endswith(".") and "\n" not in text and len(text) < 300, text
    return text


def test_a_server_that_is_down_says_so_at_the_first_question_not_before(name: str) -> None:
    port = free_port()
    store = MongoCaseStore.connect(f"mongodb://127.0.0.1:{port}/", name)
    began = time.monotonic()
    assert f"MongoDB at 127.0.0.1:{port} is not running; start it" in sentence(ask(store))
    assert time.monotonic() - began < 8
    store.close()
    with pytest.raises(CaseStoreError, match="is not running"):
        MongoCaseStore.connect(f"mongodb://127.0.0.1:{port}/?serverSelectionTimeoutMS=200", name, write=True)


@pytest.mark.parametrize("number", range(6))
def test_every_question_to_a_server_that_is_down_ends_in_a_sentence(number: int) -> None:
    uri = f"mongodb://127.0.0.1:{free_port()}/?serverSelectionTimeoutMS=200"
    with contextlib.closing(MongoCaseStore.connect(uri)) as store:
        assert "is not running" in sentence(every_question(store)[number])


@pytest.mark.parametrize(
    "uri", ["mongodb://nowhere.invalid/?serverSelectionTimeoutMS=500", "mongodb+srv://nowhere.invalid/"]
)
def test_a_name_that_nobody_knows(uri: str) -> None:
    with contextlib.closing(MongoCaseStore.connect(uri)) as store:
        assert "name of MongoDB at nowhere.invalid cannot be found" in sentence(ask(store))


def test_a_server_that_never_answers(deaf_port: int) -> None:
    options = "serverSelectionTimeoutMS=700&connectTimeoutMS=300"
    with contextlib.closing(MongoCaseStore.connect(f"mongodb://127.0.0.1:{deaf_port}/?{options}")) as store:
        assert "does not answer in time; check that it runs and that no firewall" in sentence(ask(store))


@pytest.mark.parametrize("uri", ["mongodb://127.0.0.1:{port}/", "mongodb://127.0.0.1/"])
def test_a_space_is_told_about_its_ports(deaf_port: int, uri: str) -> None:
    address = uri.format(port=deaf_port) + "?serverSelectionTimeoutMS=700&connectTimeoutMS=300"
    with contextlib.closing(MongoCaseStore.connect(address, reachable_ports=SPACE_PORTS)) as store:
        said = sentence(ask(store))
    assert "reaches only ports 80, 443 and 8080" in said and "listen on port 443" in said


def test_a_space_on_a_port_it_reaches_hears_nothing_of_ports() -> None:
    address = "mongodb://127.0.0.1:443/?serverSelectionTimeoutMS=300"
    with contextlib.closing(MongoCaseStore.connect(address, reachable_ports=SPACE_PORTS)) as store:
        assert "reaches only" not in sentence(ask(store))


def test_tls_against_a_server_without_it(server: MongoServer) -> None:
    address = f"{server.uri}?tls=true&serverSelectionTimeoutMS=500"
    with contextlib.closing(MongoCaseStore.connect(address)) as store:
        said = sentence(ask(store))
    assert "secure connection" in said or "wants tls" in said


@pytest.mark.parametrize(
    "uri",
    [
        "mongodb://user:p@ss@host/",
        "mongodb://user:12/34@host/",
        "mongodb://user:12?34@host/",
        "mongodb://user:12#34@host/",
        "mongodb://user:p%zzword@host/",
        "mongodb://user:hunter2@host:99999/",
        "mongodb://user:hunter2@",
        "mongodb://user:hunter2@host,/",
        "mongodb://user:hunter2@host/a b",
        "mongodb://user:hunter2@host/?authSource=",
        "mongodb+srv://user:hunter2@host.example:27017/",
        "postgres://user:hunter2@host/",
    ],
)
def test_an_address_that_is_none_is_refused_without_repeating_it(uri: str) -> None:
    with pytest.raises(CaseStoreError) as caught:
        MongoCaseStore.connect(uri)
    said = "".join(traceback.format_exception(caught.value, chain=True)).partition("CaseStoreError: ")[2]
    assert "MONGODB_URI" in said
    for secret in ("hunter2", "p@ss", "12/34", "12?34", "12#34", "p%zz", uri):
        assert secret not in said


def test_pools_timeouts_and_reads_are_set_and_the_address_has_the_last_word() -> None:
    uri = "mongodb://user:pw@a.example,b.example/?replicaSet=rs&maxPoolSize=3&tls=true&authSource=admin"
    reading, writing = (MongoAddress.parse(uri).client_options(write=write) for write in (False, True))
    with pymongo.MongoClient(uri, connect=False, **reading) as client:
        options = client.options
        assert (options.pool_options.max_pool_size, options.pool_options.wait_queue_timeout) == (3, 5)
        assert (options.server_selection_timeout, options.pool_options.connect_timeout) == (3, 3)
        assert options.retry_reads and options.pool_options.socket_timeout == 15
        assert client.read_preference == pymongo.ReadPreference.PRIMARY_PREFERRED
        assert options.pool_options._ssl_context is not None and options.replica_set_name == "rs"
    assert writing["socketTimeoutMS"] == 120_000
    own = MongoAddress.parse("mongodb://h/?socketTimeoutMS=1&readPreference=secondary&retryReads=false")
    assert not {"socketTimeoutMS", "readPreference", "retryReads"} & set(own.client_options(write=True))


def test_the_right_login_reads_and_may_not_write(locked: MongoServer) -> None:
    uri = f"mongodb://{USER}:{ENCODED}@127.0.0.1:{locked.port}/ward"
    with contextlib.closing(MongoCaseStore.connect(uri)) as store:
        assert store.get("a").case_id == "a"
        assert store.count(CaseFilter()) == 1 and store.random(CaseFilter(), 1) == "a"
    said = sentence(lambda: MongoCaseStore.connect(uri, write=True))
    assert "does not let this user into database 'ward'" in said and "readWrite" in said


@pytest.mark.parametrize("login", [f"{USER}:wr%40ng@", f"nobody:{ENCODED}@"])
def test_a_refused_login(locked: MongoServer, login: str) -> None:
    uri = f"mongodb://{login}127.0.0.1:{locked.port}/ward?serverSelectionTimeoutMS=500"
    with contextlib.closing(MongoCaseStore.connect(uri)) as store:
        for ask in every_question(store):
            assert "refused the login; check user, password and authSource" in sentence(ask)


def test_no_login_where_one_is_wanted(locked: MongoServer) -> None:
    with contextlib.closing(MongoCaseStore.connect(locked.uri, "ward")) as store:
        assert "log in with the role read on it" in sentence(ask(store))


@pytest.mark.parametrize("outcome", ["works", "refused", "down"])
def test_the_password_is_nowhere(locked: MongoServer, outcome: str, caplog: pytest.LogCaptureFixture) -> None:
    user = "nobody" if outcome == "refused" else USER
    port = free_port() if outcome == "down" else locked.port
    uri = f"mongodb://{user}:{ENCODED}@127.0.0.1:{port}/ward?serverSelectionTimeoutMS=500"
    seen = []
    with caplog.at_level(logging.DEBUG), contextlib.closing(MongoCaseStore.connect(uri)) as store:
        seen += [repr(store), str(store), store.description, repr(vars(store))]
        for ask in every_question(store):
            try:
                seen.append(repr(ask()))
            except CaseStoreError as exc:
                seen += traceback.format_exception(exc, chain=True)
    seen += [record.getMessage() + repr(vars(record)) for record in caplog.records]
    for text in seen:
        assert PASSWORD not in text and ENCODED not in text and uri not in text, text


def test_a_server_that_comes_back_is_found_again(tmp_path: Path) -> None:
    with MongoServer(tmp_path) as server:
        with contextlib.closing(MongoCaseStore.connect(server.uri, write=True)) as writer:
            writer.put(full_case())
        # Directly: as it ends, this server can tell the driver of a replica set without a member.
        uri = f"{server.uri}?directConnection=true&serverSelectionTimeoutMS=500"
        with contextlib.closing(MongoCaseStore.connect(uri)) as store:
            assert store.count(CaseFilter()) == 1
            server.stop()
            for ask in every_question(store)[:-1]:  # a count is kept, and told while nobody can count anew
                assert "MongoDB at 127.0.0.1" in sentence(ask)
            server.start()
            deadline = time.monotonic() + 15
            while True:
                try:
                    store.step("", "next", CaseFilter())
                    break
                except CaseStoreError:
                    assert time.monotonic() < deadline, "the store did not find the server again"
            assert plain(store.get("phantom-1")) == plain(full_case())
            assert store.page(CaseFilter()).rows[0].case_id == "phantom-1"


def test_student_documents_are_read_in_place(bare: pymongo.database.Database, reader: MongoCaseStore) -> None:
    values = {"Age": "65 years", "Gender": "M", "RT-PCR": "Positive", "Temperature": 38.2, "SpO2": "92%"}
    labels = {"Appearance": "Typical Appearance", "Grading": "Mild Opacities  (1-2 lung zones)"}
    bare[COLLECTION].insert_one(student_document("covid-7", **values, **labels, Ward="4b", View="AP supine"))
    case = reader.get("covid-7")
    assert dict(case.study.table.values) == {
        "age": 65.0,
        "sex": "male",
        "rt_pcr": "positive",
        "temperature": 38.2,
        "spo2": 92.0,
        "view_position": "AP",
    }
    assert dict(case.reference) == {"appearance": "Typical", "grading": "Mild"}
    assert case.notes == () and "Ward" in case.other
    film = case.study.radiograph
    assert film is not None and film.view_position is ViewPosition.AP
    assert film.shape == (120, 100) and np.abs(film.pixels - chest_like().astype(int)).max() < 12
    assert not case.licence.may_export
    (row,) = reader.page(CaseFilter(appearance="Typical", grading="Mild", source="ricord")).rows
    assert (row.case_id, row.reference) == ("covid-7", {"appearance": "Typical", "grading": "Mild"})


def test_both_forms_and_numbers_as_ids_stand_in_one_order(
    bare: pymongo.database.Database, writer: MongoCaseStore
) -> None:
    for case_id in (2, 10, 1.0, -3, "10a", "b", "é"):
        bare[COLLECTION].insert_one(student_document(case_id, Appearance="Negative for Pneumonia"))
    for case_id in ("0", "11", "a", "c"):
        writer.put(small_case(case_id, appearance="Negative"))
    expected = ["-3", "0", "1", "2", "10", "11", "10a", "a", "b", "c", "é"]
    for where in (CaseFilter(), CaseFilter(appearance="Negative")):
        found, after = [], None
        while True:
            page = writer.page(where, after, 2)
            found += [row.case_id for row in page.rows]
            if page.next_after is None:
                break
            after = page.next_after
        assert found == expected
        assert writer.count(where) == len(expected)
        assert {writer.random(where, seed) for seed in range(120)} == set(expected)
    steps = ["-3"]
    while (following := writer.step(steps[-1], "next", CaseFilter())) is not None:
        assert writer.step(following, "previous", CaseFilter()) == steps[-1]
        steps.append(following)
    assert steps == expected
    for case_id in expected:
        assert writer.get(case_id).case_id == case_id
    for case_id in ("02", "2.0", "+2", " 2", "٢"):
        with pytest.raises(CaseNotFoundError):
            writer.get(case_id)
    assert [row.case_id for row in writer.page(CaseFilter(text="1")).rows] == ["1", "10", "11", "10a"]


def test_a_case_put_over_a_student_document_is_shown_in_its_place(
    bare: pymongo.database.Database, writer: MongoCaseStore
) -> None:
    bare[COLLECTION].insert_many([student_document("x"), student_document(5), student_document("y")])
    assert writer.count(CaseFilter()) == 3
    writer.put(small_case("x"))
    writer.put(small_case("5"))
    assert writer.count(CaseFilter()) == 3
    assert [row.source for row in writer.page(CaseFilter()).rows] == ["set-a", "set-a", "seed"]
    assert writer.get("5").provenance.source == "set-a"
    assert bare[COLLECTION].count_documents({"image_data": {"$exists": True}}) == 3


def test_documents_that_others_add_and_remove_are_noticed(
    bare: pymongo.database.Database, reader: MongoCaseStore
) -> None:
    assert reader.count(CaseFilter()) == 0
    bare[COLLECTION].insert_one(student_document("late"))
    deadline = time.monotonic() + 20
    while reader.count(CaseFilter()) == 0:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    bare[COLLECTION].delete_one({"ID": "late"})
    while reader.count(CaseFilter()) == 1:
        assert time.monotonic() < deadline
        time.sleep(0.01)


FILM = base64.b64encode(jpeg(chest_like())).decode()


@pytest.mark.parametrize(
    "image_data",
    [
        "data:image/jpeg;base64," + FILM,
        "\n".join(FILM[i : i + 76] for i in range(0, len(FILM), 76)),
        FILM.rstrip("="),
        base64.urlsafe_b64encode(base64.b64decode(FILM)).decode(),
        base64.b64decode(FILM),
        FILM.encode(),
    ],
    ids=["data-url", "lines", "unpadded", "url-safe", "raw-bytes", "base64-bytes"],
)
def test_base64_in_all_its_spellings(
    bare: pymongo.database.Database, reader: MongoCaseStore, image_data: object
) -> None:
    bare[COLLECTION].insert_one({**student_document("a"), "image_data": image_data})
    film = reader.get("a").study.radiograph
    assert film is not None and film.shape == (120, 100)


BROKEN_STUDENT = {
    "no film": {"image_data": None},
    "empty film": {"image_data": ""},
    "bad base64": {"image_data": "!!!" + FILM},
    "not an image": {"image_data": base64.b64encode(b"hello" * 50).decode()},
    "truncated": {"image_data": FILM[: len(FILM) // 2]},
    "film is a number": {"image_data": 7},
    "film is a list": {"image_data": [FILM]},
    "table is text": {"clinical_data": "Age: 65"},
    "table is a list": {"clinical_data": ["Age", 65]},
}


@pytest.mark.parametrize("change", BROKEN_STUDENT.values(), ids=BROKEN_STUDENT)
def test_a_broken_student_document_is_named_and_hides_no_other(
    bare: pymongo.database.Database, reader: MongoCaseStore, change: dict[str, object]
) -> None:
    bare[COLLECTION].insert_many([{**student_document("bad"), **change}, student_document("good")])
    said = sentence(lambda: reader.get("bad"))
    assert said.startswith("Case 'bad' is broken in the store (")
    assert [row.case_id for row in reader.page(CaseFilter()).rows] == ["bad", "good"]
    assert reader.get("good").case_id == "good"


def test_a_document_without_an_id_is_called_by_its_object_id(
    bare: pymongo.database.Database, reader: MongoCaseStore
) -> None:
    document = student_document(None)
    key = bare[COLLECTION].insert_one(document).inserted_id
    assert [row.case_id for row in reader.page(CaseFilter()).rows] == [str(key)]
    assert reader.get(str(key)).case_id == str(key)


def test_an_id_that_two_documents_claim(bare: pymongo.database.Database, reader: MongoCaseStore) -> None:
    bare[COLLECTION].insert_many([student_document("12"), student_document(12)])
    assert "More than one document has the ID '12'" in sentence(lambda: reader.get("12"))
    assert reader.count(CaseFilter()) == 1


BROKEN_OWN = {
    "newer schema": {"$set": {"schema_version": 99}},
    "no schema number": {"$set": {"schema_version": "one"}, "$unset": {"film": 1}},
    "no licence": {"$unset": {"licence": 1}},
    "licence is text": {"$set": {"licence": "CC BY"}},
    "another film": {"$set": {"film.bytes": jpeg(chest_like())}},
    "film is gone": {"$unset": {"film.bytes": 1}},
    "film is text": {"$set": {"film": "film.png"}},
    "film of another size": {"$set": {"film.height": 3}},
    "unknown field": {"$set": {"table.mood": {"value": 1.0, "unit": ""}}},
    "out of range": {"$set": {"table.age.value": 400.0}},
    "another unit": {"$set": {"table.age.unit": "months"}},
    "unknown class": {"$set": {"reference.appearance": "Odd"}},
    "report is a number": {"$set": {"report.findings": 7}},
    "mask is no picture": {"$set": {"evidence.masks.0.png": b"no"}},
    "readings are text": {"$set": {"readings": "Tiger"}},
}


@pytest.mark.parametrize("change", BROKEN_OWN.values(), ids=BROKEN_OWN)
def test_a_broken_document_of_our_own_is_named_and_hides_no_other(
    bare: pymongo.database.Database, writer: MongoCaseStore, change: dict[str, object]
) -> None:
    writer.put(full_case("bad"))
    writer.put(full_case("good"))
    bare[COLLECTION].update_one({"ID": "bad"}, change, bypass_document_validation=True)
    said = sentence(lambda: writer.get("bad"))
    assert said.startswith("Case 'bad'") and ("store it again" in said or "update Viewbox" in said)
    assert [row.case_id for row in writer.page(CaseFilter()).rows] == ["bad", "good"]
    assert plain(writer.get("good")) == plain(full_case("good"))


def large_case(case_id: str, seed: int = 0) -> Case:
    pixels = np.random.default_rng(seed).integers(0, 2**16, (900, 800), dtype=np.uint16)
    return dataclasses.replace(small_case(case_id), study=Study(Radiograph(pixels, bits_stored=16)))


def test_a_large_film_lies_in_gridfs_and_goes_with_its_case(
    bare: pymongo.database.Database, writer: MongoCaseStore
) -> None:
    case = large_case("big")
    writer.put(case)
    assert plain(writer.get("big")) == plain(case)
    stored = bare[COLLECTION].find_one({"ID": "big"})
    assert "bytes" not in stored["film"]
    assert [file["_id"] for file in bare[f"{BUCKET}.files"].find()] == [stored["film"]["file"]]
    again = large_case("big", 1)
    writer.put(again)
    assert plain(writer.get("big")) == plain(again)
    assert bare[f"{BUCKET}.files"].count_documents({}) == 1
    writer.put(small_case("big"))
    assert bare[f"{BUCKET}.files"].count_documents({}) == 0
    assert bare[f"{BUCKET}.chunks"].count_documents({}) == 0


@pytest.mark.parametrize("part", ["files", "chunks"])
def test_a_large_film_with_a_part_missing(
    bare: pymongo.database.Database, writer: MongoCaseStore, part: str
) -> None:
    writer.put(large_case("big"))
    collection = bare[f"{BUCKET}.{part}"]
    collection.delete_one({"_id": collection.find_one({}, {"_id": 1})["_id"]})
    assert "GridFS" in sentence(lambda: writer.get("big"))


def test_the_validator_guards_our_form_and_leaves_the_student_form_alone(
    bare: pymongo.database.Database, writer: MongoCaseStore
) -> None:
    with pytest.raises(pymongo.errors.WriteError, match="validation"):
        bare[COLLECTION].insert_one({"ID": "x", "schema_version": 1})
    bare[COLLECTION].insert_one({"ID": "y", "anything": "goes"})
    writer.put(full_case("z"))
    assert bare[COLLECTION].count_documents({}) == 2


class Listener(monitoring.CommandListener):
    """Keeps every command the driver sends."""

    def __init__(self) -> None:
        self.commands: list[dict[str, object]] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        self.commands.append({"name": event.command_name, **event.command})

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None: ...

    def failed(self, event: monitoring.CommandFailedEvent) -> None: ...


def test_every_query_uses_an_index_and_lists_carry_no_film(
    server: MongoServer,
    bare: pymongo.database.Database,
    writer: MongoCaseStore,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for number in range(60):
        case_id = f"{number:03d}" if number % 2 else f"film-{number:03d}"
        writer.put(small_case(case_id, appearance="Typical" if number % 3 else None))
    writer.put(large_case("film-large"))
    bare[COLLECTION].insert_many([student_document(number) for number in range(5)])
    listener = Listener()
    monkeypatch.setattr(pymongo, "MongoClient", partial(pymongo.MongoClient, event_listeners=[listener]))
    with contextlib.closing(MongoCaseStore.connect(server.uri, name)) as store:
        store.get("011")
        store.get("film-large")
        for where in (CaseFilter(), CaseFilter("set-a", "Typical", None, "f"), CaseFilter(grading="Mild")):
            for after in ("021", "film-020"):
                store.page(where, after, 10)
                store.step(after, "next", where)
                store.step(after, "previous", where)
            store.random(where, 3)
            store.count(where)
        assert store.sources() == ["seed", "set-a"]
    commands = [command for command in listener.commands if command["name"] in ("find", "aggregate")]
    assert len(commands) > 20
    for command in commands:
        collection = command.get("find") or command.get("aggregate")
        query = command.get("filter") or command["pipeline"][0]["$match"]
        if {
            "ID",
            "random",
        } <= query.keys():  # MongoDB takes the better index; this server plans one
            query = {key: value for key, value in query.items() if key != "random"}
        if "$elemMatch" in str(query):  # likewise: bounds of one element are bounds of the index there
            query = {"facets": query["facets"]["$elemMatch"]}
        plan = str(bare[collection].find(query).explain()["queryPlanner"]["winningPlan"])
        assert ("IXSCAN" in plan or "IDHACK" in plan) and "COLLSCAN" not in plan, (query, plan)
        assert "skip" not in command
        if command["name"] == "find" and query.keys() != {"ID"} and collection == COLLECTION:
            assert not {"film", "image_data"} & set(command["projection"]), command


def test_a_look_up_costs_little_more_than_the_driver(
    bare: pymongo.database.Database, writer: MongoCaseStore
) -> None:
    # The figure is in the log (`--log-cli-level=INFO`); the bound only catches a blunder.
    noise = np.random.default_rng(0).integers(0, 9, (512, 512)).astype(np.uint8)
    file = jpeg(chest_like(512, 512) + noise)
    pixels = np.array(Image.open(io.BytesIO(file)))
    writer.put(dataclasses.replace(full_case("a"), study=Study(Radiograph(pixels)), evidence=None), film=file)

    def timed(ask: Callable[[], object]) -> float:
        times = []
        for _ in range(60):
            began = time.perf_counter()
            ask()
            times.append(time.perf_counter() - began)
        return 1e3 * median(times)

    driver = timed(lambda: bare[COLLECTION].find_one({"ID": "a"}))
    store = timed(lambda: writer.get("a"))
    logging.getLogger(__name__).info("look-up, 512 px JPEG: driver %.2f ms, store %.2f ms", driver, store)
    assert store - driver < 100
