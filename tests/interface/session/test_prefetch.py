"""Cases that are read before they are opened."""

import threading

import pytest

from cases.case import SYNTHETIC_LICENCE, Case, Provenance
from cases.open_store import open_case_store
from cases.parquet.store import EmbeddedCaseStore
from interface.models.stores import StoreHost
from interface.session import prefetch as ahead
from interface.session.prefetch import Prefetch
from modeling.errors import ViewboxError
from tests.doubles.toys import toy_study

COUNT = 6


class Counting:
    """A store that counts what is asked of it, and answers when it may."""

    def __init__(self, store) -> None:
        self._store, self.asked = store, []
        self.description = "counting"
        self.may = threading.Event()
        self.may.set()

    def get(self, case_id: str) -> Case:
        self.asked.append(case_id)
        assert self.may.wait(10)
        return self._store.get(case_id)


@pytest.fixture
def store(tmp_path):
    with EmbeddedCaseStore.create(tmp_path / "store") as writing:
        for number in range(COUNT):
            writing.put(
                Case(f"C{number}", toy_study(seed=number), SYNTHETIC_LICENCE, Provenance("phantom", "p"))
            )
    return Counting(open_case_store(str(tmp_path / "store")))


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(ahead, "REST", 0.0)


def settled(cases: Prefetch) -> None:
    cases._reading.submit(lambda: None).result(10)


def read(cases: Prefetch, case_id: str | None, reader: str, shown=None) -> None:
    cases.read(lambda: case_id, reader, shown)
    settled(cases)


def test_a_case_read_ahead_is_not_read_again_and_goes_to_its_reader_only(store):
    cases = Prefetch(StoreHost(lambda: store))
    read(cases, "C1", "one")
    other, second = cases.opened("C1", "two")
    assert other.case_id == "C1" and store.asked == ["C1", "C1"]
    case, film = cases.opened("C1", "one")
    assert case.case_id == "C1" and store.asked == ["C1", "C1"]
    assert film is not None and second.key != film.key, "two readers never share a film's address"
    cases.opened("C1", "one")
    assert store.asked == ["C1"] * 3, "what was opened does not wait any more"


def test_the_film_on_screen_learns_which_one_follows(store):
    cases = Prefetch(StoreHost(lambda: store))
    _, shown = cases.opened("C0", "one")
    assert shown.following == ""
    store.may.clear()
    cases.read(lambda: "C1", "one", shown)
    assert shown.following is None, "it is being read"
    store.may.set()
    settled(cases)
    assert shown.following == cases.opened("C1", "one")[1].key
    read(cases, None, "one", shown)
    assert shown.following == "", "the last case has none after it"


def test_a_reader_who_moves_on_or_leaves_is_not_read_for(store):
    cases = Prefetch(StoreHost(lambda: store))
    store.may.clear()
    cases.read(lambda: "C1", "one", None)
    cases.read(lambda: "C2", "two", None)
    cases.read(lambda: "C3", "two", None)
    cases.read(lambda: "C4", "three", None)
    cases.forget("three")
    store.may.set()
    settled(cases)
    assert store.asked == ["C1", "C3"]
    cases.forget("one")
    cases.opened("C1", "one")
    assert store.asked == ["C1", "C3", "C1"]


def test_what_waits_is_bounded_and_not_for_long(store, monkeypatch):
    cases = Prefetch(StoreHost(lambda: store))
    read(cases, "C0", "0")
    monkeypatch.setattr(ahead, "KEPT_BYTES", 2 * cases._waiting["0"].bytes)
    for number in range(1, COUNT):
        read(cases, f"C{number}", str(number))
    assert list(cases._waiting) == [str(COUNT - 2), str(COUNT - 1)]
    asked = len(store.asked)
    monkeypatch.setattr(ahead, "FRESH", -1.0)
    cases.opened(f"C{COUNT - 1}", str(COUNT - 1))
    assert len(store.asked) == asked + 1, "the store may have changed meanwhile"


def test_what_cannot_be_read_ahead_is_told_when_it_is_opened(store):
    cases = Prefetch(StoreHost(lambda: store))
    _, shown = cases.opened("C0", "one")
    read(cases, "nobody", "one", shown)
    assert shown.following == ""
    with pytest.raises(ViewboxError):
        cases.opened("nobody", "one")
