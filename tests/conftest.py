"""What every test shares: one thread, no telemetry, and data that may be absent."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
os.environ.setdefault("HF_HUB_DISABLE_XET", "1")  # the loopback Hub speaks plain LFS
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import pytest
import torch

if TYPE_CHECKING:
    from gradio_client import Client

    from tests.doubles.served import Served

ROOT = Path(__file__).resolve().parent.parent
BROWSER = ROOT / "tests" / "interface" / "browser"
SERVERS = {f"tests.doubles.{name}" for name in ("hub_server", "mongo_server", "served", "vector_server")}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what starts a server, which `make check` leaves out; what drives a browser lies in one folder.

    Modules with a test that takes long come first, so that no process waits for another at the end.
    """
    for item in items:
        astray = item.get_closest_marker("browser") and BROWSER not in item.path.parents
        assert not astray, f"{item.nodeid} drives a browser; move it to {BROWSER}"
        doubles = {getattr(value, "__module__", "") for value in vars(item.module).values()}
        if doubles & SERVERS or {"served", "client"} & set(item.fixturenames):
            item.add_marker("server")
    long = {item.path for item in items if any(map(item.get_closest_marker, ("server", "slow")))}
    items.sort(key=lambda item: item.path not in long)


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Torch jobs with several threads each slow each other down on a small machine."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's folder."""
    return ROOT


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The development data beside the project, which is never part of it."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the development data (../shared/data) is not on this machine")
    return folder


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A toy checkpoint folder (product fusion, appearance and grading) that no test may change."""
    from tests.doubles.toys import toy_checkpoint

    return toy_checkpoint(tmp_path_factory.mktemp("checkpoint") / "toy")


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Served"]:
    """Viewbox in a process of its own, with one toy checkpoint and thirty cases."""
    from tests.doubles.served import serve, write_checkpoint, write_store

    folder = tmp_path_factory.mktemp("app")
    checkpoint, store = write_checkpoint(folder / "toy"), write_store(folder / "store")
    with serve(folder / "run", MODEL_REPO=str(checkpoint), CASES_FOLDER=str(store)) as running:
        yield running


@pytest.fixture(scope="session")
def client(served: "Served") -> "Client":
    """A caller of `served`, whose checkpoint is loaded."""
    from tests.doubles.app_client import connect, wait_for_model

    client = connect(served)
    wait_for_model(client)
    return client
