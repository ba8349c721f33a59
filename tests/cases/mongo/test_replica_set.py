"""A replica set of which a part answers, and servers that fall silent: reading goes on, or a sentence."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from cases.mongo.store import MongoCaseStore
from cases.store import CaseFilter
from modeling.errors import CaseStoreError
from tests.doubles.example_cases import small_case
from tests.doubles.mongo_server import MongoServer
from tests.doubles.replica_set import Member, State, address, replica_set

NO_PRIMARY = "has no primary at the moment; wait a little and try again"
QUICK = {"serverSelectionTimeoutMS": 800, "connectTimeoutMS": 500}
SELECTION, MORE = 0.8, 1.5
"""Seconds until a server must be chosen, and what a busy machine may add."""
T = TypeVar("T")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MongoServer]:
    with MongoServer(tmp_path_factory.mktemp("mongo")) as running:
        with contextlib.closing(MongoCaseStore.connect(running.uri, write=True)) as store:
            store.put(small_case("a"))
        yield running


def timed(ask: Callable[[], T]) -> tuple[T | str, float]:
    """The answer, or the sentence in its place, and the seconds it took."""
    begun = time.monotonic()
    try:
        answer: T | str = ask()
    except CaseStoreError as exc:
        answer = str(exc)
    return answer, time.monotonic() - begun


@contextlib.contextmanager
def opened(
    server: MongoServer, *states: State, write: bool = False, **options: int
) -> Iterator[tuple[list[Member], MongoCaseStore]]:
    """A set in these states, and a store on it."""
    with (
        replica_set(server.port, *states) as members,
        contextlib.closing(MongoCaseStore.connect(address(members, **options), write=write)) as store,
    ):
        yield members, store


def first(store: MongoCaseStore) -> Callable[[], str | None]:
    """What a page asks as it opens."""
    return lambda: store.step("", "next", CaseFilter())


def until(ask: Callable[[], object], answer: object, seconds: float = 15) -> None:
    """Ask again and again, as a reader who presses again."""
    deadline = time.monotonic() + seconds
    while timed(ask)[0] != answer:
        assert time.monotonic() < deadline, timed(ask)


def put(members: list[Member], case_id: str) -> str | None:
    """Open for writing and store a case."""
    with contextlib.closing(MongoCaseStore.connect(address(members, **QUICK), write=True)) as store:
        store.put(small_case(case_id))
    return None


@pytest.mark.parametrize("sick", ["silent", "refusing", "recovering"])
def test_a_sick_member_keeps_nobody_waiting(server: MongoServer, sick: State) -> None:
    with opened(server, sick, "primary") as (members, store):
        answer, seconds = timed(first(store))
        assert answer == "a" and seconds < MORE, "not even the 3 s that a connection may take"
        assert put(members, "a") is None


@pytest.mark.parametrize("sick", ["silent", "refusing"])
def test_without_a_primary_pages_are_read_and_a_writer_is_told(server: MongoServer, sick: State) -> None:
    with opened(server, "secondary", sick, **QUICK) as (members, store):
        assert first(store)() == "a" and store.get("a").case_id == "a"
        said, seconds = timed(lambda: put(members, "a"))
        assert NO_PRIMARY in str(said) and seconds < SELECTION + MORE
        members[1].state = "primary"
        until(lambda: put(members, "a"), None)
        assert first(store)() == "a"


@pytest.mark.parametrize(
    ("states", "words"),
    [
        (("recovering", "silent"), NO_PRIMARY),
        (("recovering", "refusing"), NO_PRIMARY),
        (("silent", "silent"), "does not answer in time"),
        (("refusing", "refusing"), "is not running; start it"),
    ],
)
def test_where_nobody_can_be_read_a_sentence_comes_in_time_and_the_set_is_found_again(
    server: MongoServer, states: tuple[State, State], words: str
) -> None:
    with opened(server, *states, **QUICK) as (members, store):
        for _ in range(2):
            said, seconds = timed(first(store))
            assert words in str(said) and seconds < SELECTION + MORE
            assert all(member.host in str(said) for member in members)
        members[1].state = "primary"
        until(first(store), "a")


def test_a_primary_that_steps_down_is_followed_and_a_put_is_there_once(server: MongoServer) -> None:
    with opened(server, "primary", "secondary", **QUICK, write=True) as (members, store):
        store.put(small_case("b"))
        members[0].state = "secondary"
        assert store.get("b").case_id == "b"
        said, seconds = timed(lambda: store.put(small_case("c")))
        assert NO_PRIMARY in str(said) and seconds < SELECTION + MORE
        members[1].state = "primary"
        store.put(small_case("c"))
        assert store.count(CaseFilter(text="c")) == 1
        store.remove("b")
        store.remove("c")


def test_another_set_than_the_address_names(server: MongoServer) -> None:
    with replica_set(server.port, "primary") as members:
        uri = address(members, **QUICK).replace("replicaSet=rs", "replicaSet=other")
        with contextlib.closing(MongoCaseStore.connect(uri)) as store:
            assert "is not the replica set that MONGODB_URI names" in str(timed(first(store))[0])


def test_a_member_that_falls_silent_in_the_middle_is_given_up(server: MongoServer) -> None:
    options = {"heartbeatFrequencyMS": 500, **QUICK}
    with opened(server, "primary", "secondary", **options) as (members, store):
        assert store.get("a").case_id == "a"
        members[0].state = "silent"
        found, seconds = timed(lambda: store.get("a").case_id)
        assert found == "a" and seconds < 5, "read from the other, long before the 15 s of a socket"


def test_a_server_that_is_halted_under_an_open_page_and_goes_on(tmp_path: Path) -> None:
    """As a machine does that runs out of memory: its connections stand, and nothing comes through them."""
    with MongoServer(tmp_path) as server:
        with contextlib.closing(MongoCaseStore.connect(server.uri, write=True)) as store:
            store.put(small_case("a"))
        uri = f"{server.uri}?heartbeatFrequencyMS=500&connectTimeoutMS=500&serverSelectionTimeoutMS=800"
        with contextlib.closing(MongoCaseStore.connect(uri)) as store:
            assert store.get("a").case_id == "a"
            os.kill(server.pid, signal.SIGSTOP)
            os.waitpid(server.pid, os.WUNTRACED)
            try:
                for _ in range(2):
                    said, seconds = timed(lambda: store.get("a"))
                    assert "does not answer in time" in str(said) and seconds < 6, "the socket's is 15 s"
            finally:
                os.kill(server.pid, signal.SIGCONT)
            until(lambda: store.get("a").case_id, "a")
