"""The case that a reader will most likely open next, read from the store while the last one is looked at.

The reader's browser is told of that film too (`interface.models.held_film`) and fetches it meanwhile.
"""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from cases.case import Case
from interface.models.held_film import HeldFilm, hold
from interface.models.stores import StoreHost
from modeling.errors import ViewboxError

logger = logging.getLogger(__name__)

KEPT_BYTES = 160 * 2**20
"""Memory for the cases of all readers that wait to be opened; a large film takes some 20 MB."""
REST = 0.5
"""Seconds before a case is read ahead, so that the one just opened reaches its reader first."""
FRESH = 120.0
"""Seconds after which a case is read again: the store may have changed."""


@dataclass(frozen=True, eq=False)
class _Waiting:
    since: float
    case: Case
    film: HeldFilm | None

    @property
    def bytes(self) -> int:
        radiograph = self.case.study.radiograph
        stored = 0 if radiograph is None else radiograph.pixels.nbytes
        stored += sum(film.radiograph.pixels.nbytes for film in self.case.further)
        return stored + (0 if self.film is None else self.film.film.values.nbytes)


class Prefetch:
    """Reads one case at a time in the background; each waits for the one reader it was read for."""

    def __init__(self, stores: StoreHost) -> None:
        self._stores = stores
        self._lock = threading.Lock()
        self._reading = ThreadPoolExecutor(1, "case ahead")
        self._wanted: dict[str, object] = {}
        self._waiting: OrderedDict[str, _Waiting] = OrderedDict()

    def opened(self, case_id: str, reader: str) -> tuple[Case, HeldFilm | None]:
        """A case with its film, at once where it was read ahead for this session; raises `CaseStoreError`."""
        with self._lock:
            self._wanted.pop(reader, None)
            found = self._waiting.pop(reader, None)
        if found is not None and found.case.case_id == case_id and time.monotonic() - found.since < FRESH:
            return found.case, found.film
        case = self._stores.case(case_id)
        return case, hold(case)

    def read(self, which: Callable[[], str | None], reader: str, shown: HeldFilm | None) -> None:
        """Read a case soon, unless the reader opens another one first.

        Args:
            which: gives its ID, or None for none; called in the background.
            shown: the film that the reader looks at meanwhile; it learns which one follows.
        """
        if shown is not None:
            shown.following = None
        wanted = object()
        with self._lock:
            self._wanted[reader] = wanted
        self._reading.submit(self._read, which, reader, wanted, shown, time.monotonic() + REST)

    def forget(self, reader: str) -> None:
        """The reader has left."""
        with self._lock:
            self._wanted.pop(reader, None)
            self._waiting.pop(reader, None)

    def _read(
        self,
        which: Callable[[], str | None],
        reader: str,
        wanted: object,
        shown: HeldFilm | None,
        due: float,
    ) -> None:
        film = None
        try:
            time.sleep(max(0.0, due - time.monotonic()))  # the later ones in line are due later still
            case_id = which() if self._wanted.get(reader) is wanted else None
            if case_id is not None:
                case = self._stores.case(case_id)
                film = hold(case)
                self._keep(reader, wanted, _Waiting(time.monotonic(), case, film))
        except ViewboxError as exc:  # a reader who opens it is told
            logger.info("not read ahead: %s", exc)
        except Exception:  # the thread's border: nobody asks a background read for its result
            logger.exception("not read ahead")
        finally:
            if shown is not None:
                shown.following = film.key if film is not None else ""

    def _keep(self, reader: str, wanted: object, waiting: _Waiting) -> None:
        with self._lock:
            if self._wanted.get(reader) is not wanted:  # the reader has moved on
                return
            del self._wanted[reader]
            self._waiting[reader] = waiting
            self._waiting.move_to_end(reader)
            while sum(w.bytes for w in self._waiting.values()) > KEPT_BYTES and len(self._waiting) > 1:
                self._waiting.popitem(last=False)
