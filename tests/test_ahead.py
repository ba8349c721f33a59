"""Cases that are read before they are opened."""

import time

import pytest

from cases.case import SYNTHETIC_LICENCE, Case, Provenance
from cases.embedded import EmbeddedCaseStore
from cases.store import open_case_store
from interface import ahead
from interface.ahead import KEPT, Ahead
from interface.hosts import StoreHost
from modeling.errors import ViewboxError
from tests.toys import toy_study


class Counting:
    """A store that counts what is asked of it."""

    def __init__(self, store) -> None:
        self._store, self.asked = store, []
        self.description = "counting"

    def get(self, case_id: str) -> Case:
        self.asked.append(case_id)
        return self._store.get(case_id)


@pytest.fixture
def store(tmp_path):
    with EmbeddedCaseStore.create(tmp_path / "store") as writing:
        for number in range(KEPT + 3):
            writing.put(
                Case(f"C{number}", toy_study(seed=number), SYNTHETIC_LICENCE, Provenance("phantom", "p"))
            )
    return Counting(open_case_store(str(tmp_path / "store")))


def read(cases: Ahead, case_id: str | None) -> None:
    cases.read(lambda: case_id)
    end = time.monotonic() + 10
    while case_id is not None and case_id not in cases._waiting and time.monotonic() < end:
        time.sleep(0.01)
    while cases._busy.locked() and time.monotonic() < end:
        time.sleep(0.01)


def test_a_case_read_ahead_is_not_read_again_and_goes_to_one_reader_only(store):
    cases = Ahead(StoreHost(lambda: store))
    read(cases, "C1")
    one, film = cases.opened("C1")
    assert one.case_id == "C1" and store.asked == ["C1"]
    other, second = cases.opened("C1")
    assert other.case_id == "C1" and store.asked == ["C1", "C1"]
    assert film is not None and second.key != film.key, "two readers never share a film's address"


def test_few_wait_and_not_for_long(store, monkeypatch):
    cases = Ahead(StoreHost(lambda: store))
    for number in range(KEPT + 2):
        read(cases, f"C{number}")
    assert len(cases._waiting) == KEPT
    asked = len(store.asked)
    monkeypatch.setattr(ahead, "FRESH", -1.0)
    cases.opened(f"C{KEPT}")
    assert len(store.asked) == asked + 1, "the store may have changed meanwhile"


def test_what_cannot_be_read_ahead_is_told_when_it_is_opened(store):
    cases = Ahead(StoreHost(lambda: store))
    read(cases, None)
    cases.read(lambda: "nobody")
    with pytest.raises(ViewboxError):
        cases.opened("nobody")
