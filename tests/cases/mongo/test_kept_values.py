"""A kept value: read once, renewed behind the scenes, forgotten at will."""

import threading
import time
from collections.abc import Callable

import pytest

from cases.mongo.kept_values import KeptValues
from modeling.errors import CaseStoreError


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_a_value_is_read_once_while_it_is_young() -> None:
    kept, read = KeptValues(), []
    assert [kept.get("a", lambda: read.append(1) or len(read), 60) for _ in range(5)] == [1] * 5
    assert kept.get("b", lambda: "other", 60) == "other"


def test_an_old_value_is_renewed_and_nobody_waits() -> None:
    kept, numbers, gate = KeptValues(), iter(range(9)), threading.Event()
    gate.set()

    def read() -> int:
        assert gate.wait(10)
        return next(numbers)

    assert kept.get("a", read, 0) == 0
    gate.clear()
    time.sleep(0.01)
    for _ in range(20):
        assert kept.get("a", read, 0) == 0  # answered at once though the reading hangs
    gate.set()
    wait_until(lambda: kept.get("a", read, 60) == 1)
    assert next(numbers) == 2, "one reading at a time, whoever asks"


def test_a_slow_reading_rests_twenty_times_as_long_as_it_took() -> None:
    kept, read = KeptValues(), []

    def slow() -> int:
        read.append(1)
        time.sleep(0.05)
        return len(read)

    kept.get("a", slow, 0)
    until = time.monotonic() + 0.5
    while time.monotonic() < until:
        kept.get("a", slow, 0)
    assert read == [1]


def test_what_is_forgotten_is_read_at_once() -> None:
    kept, numbers = KeptValues(), iter(range(9))
    assert kept.get("a", lambda: next(numbers), 60) == 0
    kept.forget()
    assert kept.get("a", lambda: next(numbers), 60) == 1


def test_a_reading_that_was_under_way_when_it_was_forgotten_does_not_count() -> None:
    kept, numbers, gate = KeptValues(), iter(range(9)), threading.Event()
    gate.set()

    def read() -> int:
        number = next(numbers)
        assert gate.wait(10)
        return number

    assert kept.get("a", read, 0) == 0
    gate.clear()
    time.sleep(0.01)
    assert kept.get("a", read, 0) == 0  # the reading of 1 hangs behind the scenes
    wait_until(lambda: kept._renewing == {"a"})
    time.sleep(0.05)
    kept.forget()
    gate.set()
    wait_until(lambda: not kept._renewing)
    assert kept.get("a", read, 60) == 2


def test_a_failure_behind_the_scenes_keeps_the_older_answer_and_one_in_front_is_raised() -> None:
    kept, works = KeptValues(), [True]

    def read() -> str:
        if not works[0]:
            raise CaseStoreError("The server is away; start it.")
        return "value"

    works[0] = False
    with pytest.raises(CaseStoreError):
        kept.get("a", read, 0)
    works[0] = True
    assert kept.get("a", read, 0) == "value"
    works[0] = False
    time.sleep(0.01)
    assert [kept.get("a", read, 0) for _ in range(5)] == ["value"] * 5
    kept.forget()
    with pytest.raises(CaseStoreError):
        kept.get("a", read, 0)


def test_the_least_lately_asked_for_go_first() -> None:
    kept, read = KeptValues(most=2), []
    for key in ("a", "b", "a", "c", "a", "b"):
        kept.get(key, lambda key=key: read.append(key), 60)
    assert read == ["a", "b", "c", "b"]


def test_many_threads_read_once() -> None:
    kept, read = KeptValues(), []

    def slow() -> int:
        read.append(1)
        time.sleep(0.05)
        return 1

    threads = [threading.Thread(target=kept.get, args=("a", slow, 60)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read == [1]
