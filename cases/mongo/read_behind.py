"""A value that is dear to read from a store, kept and read again behind the scenes."""

import logging
import threading
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from modeling.errors import CaseStoreError

logger = logging.getLogger(__name__)

REST = 20.0
T = TypeVar("T")


class Kept(Generic[T]):
    """A value read once, and again when its mark changed or it grew old.

    Only the first question waits for the reading; later ones get the kept value while a thread of its own
    reads anew, and never before `REST` times as long as it took has passed: a server that is slow to answer
    is not asked without end.
    """

    def __init__(self, read: Callable[[], T], max_age: float = 300.0) -> None:
        """
        Args:
            max_age: seconds after which the value is read again though its mark stayed the same.
        """
        self._read, self._max_age = read, max_age
        self._lock = threading.Lock()
        self._reading = threading.Lock()
        self._value: tuple[T] | None = None
        self._mark: Hashable = None
        self._read_at, self._took = 0.0, 0.0
        self._generation = 0

    def forget(self) -> None:
        """Read again at the next question, which waits: this program changed the store itself."""
        with self._lock:
            self._value = None
            self._generation += 1

    def current(self, mark: Hashable = None) -> T:
        """The value, at most a reading behind.

        Args:
            mark: a cheap sign of change, such as the number of documents.

        Raises:
            CaseStoreError: there is no value yet and the store cannot answer.
        """
        with self._lock:
            kept, age = self._value, time.monotonic() - self._read_at
            old = age > self._max_age or mark != self._mark
            stale = old and age > REST * self._took
        if kept is None:
            return self._read_now(mark)
        if stale and self._reading.acquire(blocking=False):
            threading.Thread(target=self._read_behind, args=(mark,), daemon=True).start()
        return kept[0]

    def _read_now(self, mark: Hashable) -> T:
        with self._reading:
            with self._lock:
                kept = self._value
            return kept[0] if kept is not None else self._take(mark)

    def _read_behind(self, mark: Hashable) -> None:
        try:
            self._take(mark)
        except CaseStoreError as exc:
            logger.info("kept the older answer: %s", exc)  # The next question to the store says so itself.
            with self._lock:
                self._read_at = time.monotonic()
        finally:
            self._reading.release()

    def _take(self, mark: Hashable) -> T:
        with self._lock:
            generation = self._generation
        began = time.monotonic()
        value = self._read()
        with self._lock:
            if generation == self._generation:  # Otherwise it was forgotten meanwhile and may be older.
                self._value, self._mark = (value,), mark
            self._read_at = time.monotonic()
            self._took = self._read_at - began
        return value
