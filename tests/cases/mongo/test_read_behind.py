"""A kept value: read once, renewed behind the scenes, forgotten at will."""

import threading
import time
from collections.abc import Callable

import pytest

from cases.mongo.read_behind import Kept
from modeling.errors import CaseStoreError


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_value_is_read_once_while_its_mark_stays() -> None:
    read: list[int] = []
    kept = Kept(lambda: read.append(1) or len(read))
    assert [kept.current(7) for _ in range(5)] == [1] * 5


def test_a_changed_mark_renews_it_and_nobody_waits() -> None:
    numbers, gate = iter(range(9)), threading.Event()
    gate.set()

    def read() -> int:
        assert gate.wait(10)
        return next(numbers)

    kept = Kept(read)
    assert kept.current("old") == 0
    gate.clear()
    wait_until(lambda: kept.current("new") == 0)  # answered at once though the reading hangs
    gate.set()
    wait_until(lambda: kept.current("new") == 1)
    assert kept.current("new") == 1


def test_age_renews_it() -> None:
    numbers = iter(range(1000))
    kept = Kept(lambda: next(numbers), max_age=0.02)
    assert kept.current() == 0
    wait_until(lambda: kept.current() > 1)


def test_what_is_forgotten_is_read_at_once() -> None:
    numbers = iter(range(9))
    kept = Kept(lambda: next(numbers))
    assert kept.current() == 0
    kept.forget()
    assert kept.current() == 1


def test_a_reading_that_was_under_way_when_it_was_forgotten_does_not_count() -> None:
    numbers, gate = iter(range(9)), threading.Event()
    gate.set()

    def read() -> int:
        number = next(numbers)
        assert gate.wait(10)
        return number

    kept = Kept(read)
    assert kept.current("a") == 0
    gate.clear()
    time.sleep(0.01)
    assert kept.current("b") == 0  # the reading of 1 hangs behind the scenes
    kept.forget()
    gate.set()
    assert kept.current("b") == 2


def test_a_failure_behind_the_scenes_keeps_the_older_answer_and_one_in_front_is_raised() -> None:
    works = [True]

    def read() -> str:
        if not works[0]:
            raise CaseStoreError("The server is away; start it.")
        return "value"

    kept = Kept(read)
    works[0] = False
    with pytest.raises(CaseStoreError):
        kept.current()
    works[0] = True
    assert kept.current(1) == "value"
    works[0] = False
    time.sleep(0.01)
    assert [kept.current(mark) for mark in range(5)] == ["value"] * 5
    kept.forget()
    with pytest.raises(CaseStoreError):
        kept.current()


def test_many_threads_read_once() -> None:
    read: list[int] = []

    def slow() -> int:
        read.append(1)
        time.sleep(0.05)
        return 1

    kept = Kept(slow)
    threads = [threading.Thread(target=kept.current) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read == [1]
