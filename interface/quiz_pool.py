"""The cases that the quiz may ask, with the model's answer to each: found once, in the background."""

import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

from cases.case import Case
from cases.store import CaseFilter, CaseStore
from interface.checkpoints import Checkpoints
from interface.guard import sentence
from interface.hosts import ModelHost, StoreHost
from interface.quiz_rules import Candidate
from interface.reading import fitted
from modeling.errors import ViewboxError
from modeling.labels import APPEARANCE, TaskName

logger = logging.getLogger(__name__)

WHOLE = 96
"""A store of at most so many cases is taken whole."""
PER_CLASS = 16
"""Draws for each class from a larger store; the same ones every time."""
LOAD_PATIENCE = 120.0
"""Seconds to wait for a checkpoint before its cases go without an answer."""
_PAUSE = 0.3


@dataclass(frozen=True)
class PoolState:
    """How far the search has come.

    Attributes:
        candidates: all that may be asked, once it is over; None before.
        done, total: cases looked at, of how many.
        fault: why it ended without a result; empty otherwise.
    """

    candidates: tuple[Candidate, ...] | None = None
    done: int = 0
    total: int = 0
    fault: str = ""


class QuizPool:
    """Looks through the store once and keeps what it finds; a search that failed may be begun again."""

    def __init__(self, models: Checkpoints, stores: StoreHost) -> None:
        self._models, self._stores = models, stores
        self._lock = threading.Lock()
        self._working = False
        self.state = PoolState()

    def start(self) -> None:
        """Begin, unless it is under way or over."""
        with self._lock:
            if self._working or self.state.candidates is not None:
                return
            self._working, self.state = True, PoolState()
        threading.Thread(target=self._work, name="quiz cases", daemon=True).start()

    def _work(self) -> None:
        try:
            found = tuple(self._found(self._stores.store))
            self.state = PoolState(found, self.state.total, self.state.total)
            misled = sum(c.misleads for c in found)
            logger.info("quiz: %d cases, the model is wrong on %d", len(found), misled)
        except Exception as exc:  # the thread's border: told to whoever waits, logged in `sentence`
            self.state = PoolState(fault=sentence(exc))
        finally:
            self._working = False

    def _found(self, store: CaseStore) -> Iterator[Candidate]:
        ids = _ids(store)
        for done, case_id in enumerate(ids):
            self.state = PoolState(done=done, total=len(ids))
            case = store.get(case_id)
            if may_be_asked(case):
                yield self._candidate(case)

    def _candidate(self, case: Case) -> Candidate:
        truth = case.reference[TaskName.APPEARANCE]
        conflicting = case.evidence is not None and case.evidence.agreement == "contradicts"
        host = host_for(self._models, case)
        if not self._ready(host):
            return Candidate(case.case_id, truth, conflicting=conflicting)
        try:
            # A reader's short work goes first.
            host.scrutiny.way.stopped(threading.Event())()
            task = host.predict(fitted(case.study, case, host.text_sections), None)[TaskName.APPEARANCE]
        except ViewboxError as exc:
            logger.info("quiz: no answer for %s: %s", case.case_id, exc)
            return Candidate(case.case_id, truth, conflicting=conflicting)
        probability = float(task.probabilities.max())
        return Candidate(case.case_id, truth, task.most_probable, probability, conflicting)

    def _ready(self, host: ModelHost) -> bool:
        if not host.settled:
            self._models.need(host)
            self._models.start()
        end = time.monotonic() + LOAD_PATIENCE
        while not host.settled and time.monotonic() < end:
            time.sleep(_PAUSE)
        return host.state.phase == "ready"


def host_for(models: Checkpoints, case: Case) -> ModelHost:
    """The checkpoint that answers in the quiz: the one that suits the case, whatever the reader chose."""
    return models.suiting(case.provenance.source)


def may_be_asked(case: Case) -> bool:
    """Whether a case has a film that may be shown and a reference to be judged by."""
    return (
        case.study.radiograph is not None
        and case.licence.may_show
        and case.reference.get(TaskName.APPEARANCE) in APPEARANCE.classes
    )


def _ids(store: CaseStore) -> list[str]:
    """The cases to look at: all of a small store, else the same draws for each class every time.

    Without the very first case, whose answer every reader has just seen on the page, where there are others.
    """
    everything = CaseFilter()
    first = [row.case_id for row in store.page(everything, None, 1).rows]
    if store.count(everything) <= WHOLE:
        found = [row.case_id for row in store.page(everything, None, WHOLE).rows]
    else:
        filters = [CaseFilter(appearance=name) for name in APPEARANCE.classes]
        drawn = {store.random(where, seed) for where in filters for seed in range(PER_CLASS)}
        found = sorted(case_id for case_id in drawn if case_id is not None)
    return [case_id for case_id in found if case_id not in first] or found
