"""The cases that the quiz may ask, with the model's answer to each: found once, in the background.

Where a checkpoint that answers comes with drills (phantoms on which an evaluation found it confidently
wrong), these are among them; such a case is drawn when it is asked for.
"""

import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass

from cases.case import Case
from cases.store import CaseFilter, CaseStore
from interface.models.checkpoints import Checkpoints
from interface.models.drawn_cases import drills_of, host_of_drills
from interface.models.model_host import ModelHost, StoreHost
from interface.quiz_tab.rules import Candidate
from interface.session.error_border import sentence
from interface.session.study_edits import fitted
from modeling.errors import ViewboxError
from modeling.labels import APPEARANCE, TaskName

logger = logging.getLogger(__name__)

WHOLE = 96
"""A store of at most so many cases is taken whole."""
PER_CLASS = 16
"""Draws for each class from a larger store; the same ones every time."""


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
        self._drills: set[str] = set()
        self.state = PoolState()

    def start(self) -> None:
        """Begin, unless it is under way or over."""
        with self._lock:
            if self._working or self.state.candidates is not None:
                return
            self._working, self.state = True, PoolState()
        threading.Thread(target=self._work, name="quiz cases", daemon=True).start()

    def case(self, case_id: str) -> Case:
        """A case of a set: a drill is drawn, any other comes from the store.

        Raises:
            CaseStoreError: the store does not answer, or has the case no longer.
        """
        return self._stores.case(case_id)

    def draw_ahead(self, case_ids: list[str]) -> None:
        """Draw the drills of a set that was just begun, so that no reader waits for one."""
        wanted = [case_id for case_id in case_ids if case_id in self._drills]
        if wanted:
            draw = lambda: [self.case(case_id) for case_id in wanted]  # noqa: E731
            threading.Thread(target=draw, name="quiz drills", daemon=True).start()

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
        ids, hosts = _ids(store), set()
        for done, case_id in enumerate(ids):
            self.state = PoolState(done=done, total=len(ids))
            case = store.get(case_id)
            if may_be_asked(case):
                hosts.add(host_for(self._models, case))
                yield self._candidate(case)
        for host in hosts:
            yield from self._evaluated(host)

    def _evaluated(self, host: ModelHost) -> Iterator[Candidate]:
        """What an evaluation of this checkpoint found it confidently wrong on."""
        found = drills_of(host)
        if found is None or host_of_drills(self._models) is not host:
            return
        for drill in found.drills:
            case_id = found.case_id(drill.index)
            self._drills.add(case_id)
            yield Candidate(case_id, drill.truth, drill.answer, drill.probability)

    def _candidate(self, case: Case) -> Candidate:
        truth = case.reference[TaskName.APPEARANCE]
        conflicting = case.evidence is not None and case.evidence.agreement == "contradicts"
        host = host_for(self._models, case)
        if not self._models.awaited(host):
            return Candidate(case.case_id, truth, conflicting=conflicting)
        try:
            # A reader's short work goes first.
            host.gateway.pausing(threading.Event())()
            task = host.predict(fitted(case.study, case, host.text_sections), None)[TaskName.APPEARANCE]
        except ViewboxError as exc:
            logger.info("quiz: no answer for %s: %s", case.case_id, exc)
            return Candidate(case.case_id, truth, conflicting=conflicting)
        probability = float(task.probabilities.max())
        return Candidate(case.case_id, truth, task.most_probable, probability, conflicting)


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
