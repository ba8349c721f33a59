"""Values that are dear to read from a store, kept for a while and read again behind the scenes."""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, TypeVar

from modeling.errors import CaseStoreError

logger = logging.getLogger(__name__)
AGE = 1.0
"""Seconds after which a value is read anew, where nothing else is said: others may have written."""
REST = 20.0
"""Times as long as a reading took that pass before the next: a slow server is not asked without end."""
T = TypeVar("T")


@dataclass
class _Kept:
    value: Any
    read_at: float
    took: float


class KeptValues:
    """Up to `most` values by key; the least lately asked for go first.

    Only the first question for a key waits for its reading; later ones get the kept value, while a thread
    reads an old one anew. `border` stands around every reading and words what the driver raises.
    """

    def __init__(
        self, border: Callable[[], AbstractContextManager[None]] = nullcontext, most: int = 128
    ) -> None:
        self._border, self._most = border, most
        self._lock, self._first = threading.Lock(), threading.Lock()
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()
        self._renewing: set[Hashable] = set()
        self._generation = 0

    def forget(self) -> None:
        """Read everything again when it is asked for: this program changed the store itself."""
        with self._lock:
            self._kept.clear()
            self._generation += 1

    def get(self, key: Hashable, read: Callable[[], T], age: float = AGE) -> T:
        """The value of a key, read now where there is none yet, behind the scenes after `age` seconds."""
        kept = self._found(key)
        if kept is None:
            with self._first:
                return (self._found(key) or self._read(key, read)).value
        with self._lock:
            old = time.monotonic() - kept.read_at > max(age, REST * kept.took)
            renew = old and key not in self._renewing
            self._renewing |= {key} if renew else set()
        if renew:
            threading.Thread(target=self._renew, args=(key, read), daemon=True).start()
        return kept.value

    def _found(self, key: Hashable) -> _Kept | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def _read(self, key: Hashable, read: Callable[[], Any]) -> _Kept:
        generation, began = self._generation, time.monotonic()
        with self._border():
            value = read()
        kept = _Kept(value, time.monotonic(), time.monotonic() - began)
        with self._lock:
            if generation == self._generation:  # Otherwise it was forgotten meanwhile and may be older.
                self._kept[key] = kept
                while len(self._kept) > self._most:
                    self._kept.popitem(last=False)
        return kept

    def _renew(self, key: Hashable, read: Callable[[], Any]) -> None:
        try:
            self._read(key, read)
        except CaseStoreError as exc:
            logger.info("kept the older answer: %s", exc)  # The next question to the store says so itself.
            with self._lock:
                if key in self._kept:
                    self._kept[key].read_at = time.monotonic()
        finally:
            with self._lock:
                self._renewing.discard(key)
