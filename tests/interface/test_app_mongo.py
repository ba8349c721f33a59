"""The app on a MongoDB with a login: a user who may only read is enough, and a lost server is found again."""

import contextlib
import time
from collections.abc import Iterator

import pymongo
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError

from cases.case import Licence
from cases.mongo.store import COLLECTION, MongoCaseStore
from tests.doubles.app_client import refused, wait_for_model
from tests.doubles.example_cases import small_case, student_document
from tests.doubles.mongo_server import ENCODED, PASSWORD, USER, MongoServer
from tests.doubles.served import Served, serve, write_checkpoint

HIDDEN = Licence("not for show", may_show=False, may_export=False)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MongoServer]:
    """A lake of both forms, and a film that may not be shown; one user, who may read it."""
    with MongoServer(tmp_path_factory.mktemp("lake")) as server:
        with contextlib.closing(MongoCaseStore.connect(server.uri, "ward", write=True)) as store:
            for number in range(12):
                store.put(small_case(f"own-{number:02d}", appearance="Typical"))
            store.put(small_case("own-hidden", licence=HIDDEN))
        with pymongo.MongoClient(server.uri) as client:
            client["ward"][COLLECTION].insert_many([student_document(f"seed-{n}", age=60) for n in range(3)])
            client["ward"].command("createUser", USER, pwd=PASSWORD, roles=["read"])
        server.stop()
        server.options.append("--auth")
        server.start()
        yield server


@pytest.fixture(scope="module")
def app(lake: MongoServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("app")
    uri = f"mongodb://{USER}:{ENCODED}@127.0.0.1:{lake.port}/ward?serverSelectionTimeoutMS=1000"
    checkpoint = write_checkpoint(folder / "toy")
    with serve(folder / "run", MODEL_REPO=str(checkpoint), MONGODB_URI=uri) as running:
        yield running


def connect(app: Served) -> Client:
    """A patient caller: a lost server takes the driver some seconds to notice."""
    return Client(app.url, verbose=False, analytics_enabled=False, httpx_kwargs={"timeout": 60})


def test_reading_is_enough_and_a_server_that_comes_back_is_found(app: Served, lake: MongoServer) -> None:
    client = connect(app)
    wait_for_model(client)
    listed = client.predict(api_name="/list_cases", limit=50)
    assert [row["case_id"] for row in listed["cases"]] == [
        *(f"own-{n:02d}" for n in range(12)), "own-hidden", "seed-0", "seed-1", "seed-2",
    ]  # fmt: skip
    for case_id in ("own-03", "seed-1"):
        assert client.predict(case_id, api_name="/lookup_case")["film"].startswith("data:image")
        assert client.predict(case_id, api_name="/predict")["tasks"]
    assert client.predict("own-hidden", api_name="/lookup_case")["film"] is None
    lake.kill()
    assert f"MongoDB at 127.0.0.1:{lake.port}" in refused(client, "/lookup_case", case_id="own-04")
    lake.start()
    deadline = time.monotonic() + 30
    while True:
        with contextlib.suppress(AppError):
            assert client.predict("own-04", api_name="/lookup_case")["case_id"] == "own-04"
            break
        assert time.monotonic() < deadline, "the app did not find the server again"
        time.sleep(0.5)


def test_neither_log_nor_answer_holds_the_password(app: Served, lake: MongoServer) -> None:
    client = connect(app)
    said = [str(client.predict(api_name="/model_state")), refused(client, "/lookup_case", case_id="none")]
    said.append(app.log.read_text())
    assert f"MongoDB at 127.0.0.1:{lake.port}, database 'ward'" in said[-1]
    for text in said:
        assert PASSWORD not in text and ENCODED not in text
