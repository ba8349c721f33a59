"""The case that a reader will most likely open next, read from the store while the last one is looked at."""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from cases.case import Case
from interface.films import HeldFilm, hold
from interface.hosts import StoreHost
from modeling.errors import ViewboxError

logger = logging.getLogger(__name__)

KEPT = 6
"""Cases that wait to be opened, of all readers together; a large film takes some 20 MB."""
FRESH = 120.0
"""Seconds after which a case is read again: the store may have changed."""


class Ahead:
    """Reads one case at a time in the background; each goes to one reader only, with its film's address."""

    def __init__(self, stores: StoreHost) -> None:
        self._stores = stores
        self._lock, self._busy = threading.Lock(), threading.Lock()
        self._waiting: OrderedDict[str, tuple[float, Case, HeldFilm | None]] = OrderedDict()

    def opened(self, case_id: str) -> tuple[Case, HeldFilm | None]:
        """A case with its film; at once where it was read ahead.

        Raises:
            CaseStoreError: the store does not answer.
            CaseNotFoundError: it has no such case.
        """
        with self._lock:
            since, case, film = self._waiting.pop(case_id, (0.0, None, None))
        if case is not None and time.monotonic() - since < FRESH:
            return case, film
        case = self._stores.store.get(case_id)
        return case, hold(case)

    def read(self, which: Callable[[], str | None]) -> None:
        """Read a case soon, unless another is being read: then it is opened the usual way.

        Args:
            which: gives its ID, or None for none; called in the background.
        """
        threading.Thread(target=self._read, args=(which,), name="case ahead", daemon=True).start()

    def _read(self, which: Callable[[], str | None]) -> None:
        if not self._busy.acquire(blocking=False):
            return
        try:
            case_id = which()
            if case_id is None or case_id in self._waiting:
                return
            case = self._stores.store.get(case_id)
            with self._lock:
                self._waiting[case_id] = time.monotonic(), case, hold(case)
                while len(self._waiting) > KEPT:
                    self._waiting.popitem(last=False)
        except ViewboxError as exc:  # a reader who opens it is told
            logger.info("not read ahead: %s", exc)
        finally:
            self._busy.release()
