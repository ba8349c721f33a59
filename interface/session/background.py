"""What is built of the whole store when a reader first asks for it, in a thread of its own."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from interface.session.lanes import sentence
from modeling.errors import ViewboxError
from modeling.sentence import Sentence

Built = TypeVar("Built")
LOOK_AGAIN = 0.4
"""Seconds between two looks at how far it is."""


@dataclass(frozen=True)
class Progress:
    """How far the building is: `done` of `total` cases are read; `fault` is why it stopped."""

    done: int = 0
    total: int = 0
    fault: str = ""


class BuiltOnDemand(ABC, Generic[Built]):
    """Builds once, and again when what was built is outdated."""

    def __init__(self, name: str) -> None:
        """`name` is the thread's."""
        self._name, self._lock = name, threading.Lock()
        self._thread: threading.Thread | None = None
        self._built: Built | None = None
        self.progress = Progress()

    @abstractmethod
    def _make(self) -> Built:
        """Build it, in this thread; tells `progress`."""

    def _outdated(self, built: Built) -> bool:
        return False

    @property
    def built(self) -> Built:
        """What was built; raises `ViewboxError` while it is not there yet, or with why it could not be."""
        if self._built is None:
            told = Sentence("The cases are still being compared; ask again in a few seconds.")
            raise ViewboxError(self.progress.fault or told)
        return self._built

    def start(self) -> None:
        """Build in a thread what is missing; does nothing where that is under way or done."""
        with self._lock:
            if self._building or (self._built is not None and not self._outdated(self._built)):
                return
            self.progress = Progress()
            self._thread = threading.Thread(target=self._build, name=self._name, daemon=True)
            self._thread.start()

    def wait(self, seconds: float) -> None:
        """Until it is there, has failed, or the time is over."""
        if self._thread is not None:
            self._thread.join(seconds)

    def steps(self) -> Iterator[Progress]:
        """How far it is, again and again until it is there or has failed; builds it where it must."""
        self.start()
        while self._building and self._built is None:
            yield self.progress
            self.wait(LOOK_AGAIN)

    @property
    def _building(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _build(self) -> None:
        try:
            self._built = self._make()
        except Exception as exc:  # the thread's border: kept for the reader, logged in `sentence`
            self.progress = Progress(fault=sentence(exc))
