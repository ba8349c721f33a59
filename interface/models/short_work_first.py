"""Short work goes first: long model work pauses where it may, while a proof or a second opinion is made."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

PATIENCE = 20.0
"""Seconds after which long work goes on all the same."""


class Way:
    """Long work asks `stopped` between its steps; there it waits for the short work that is under way.

    Two torch jobs at once on a small machine slow each other down far more than they gain.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._short = 0

    @contextmanager
    def short(self) -> Iterator[None]:
        """Around work that takes a moment; long work holds still meanwhile."""
        with self._changed:
            self._short += 1
        try:
            yield
        finally:
            with self._changed:
                self._short -= 1
                self._changed.notify_all()

    def stopped(self, stop: threading.Event) -> Callable[[], bool]:
        """What long work asks between two steps: lets short work pass, then says whether to stop."""

        def ask() -> bool:
            with self._changed:
                self._changed.wait_for(lambda: self._short == 0 or stop.is_set(), PATIENCE)
            return stop.is_set()

        return ask
