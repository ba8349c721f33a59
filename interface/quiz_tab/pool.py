"""The cases that the quiz may ask, with the model's answer to each: found once, in the background.

Where a checkpoint that answers comes with drills (phantoms on which an evaluation found it confidently
wrong), these are among them; such a case is drawn when it is asked for.
"""

import logging
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from cases.case import Case
from cases.store import CaseFilter, CaseStore
from interface.models.checkpoints import Checkpoints
from interface.models.drawn_cases import drills_of, host_of_drills
from interface.models.model_host import ModelHost, StoreHost
from interface.quiz_tab.rules import QUESTIONS, Candidate, asked_task
from interface.session.error_border import sentence
from interface.session.study_edits import fitted
from modeling.errors import ViewboxError

logger = logging.getLogger(__name__)

WHOLE = 96
"""A store of at most so many cases is taken whole."""
PER_CLASS = 16
"""Cases of each class that are taken from a larger store; the same ones every time."""
DRAWS = 64
"""Draws for each class at most, where few of its films may be shown."""


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
        hosts = set()
        for case in self._askable(store):
            hosts.add(host_for(self._models, case))
            yield self._candidate(case)
        for host in hosts:
            yield from self._evaluated(host)

    def _askable(self, store: CaseStore) -> Iterator[Case]:
        """The cases that may be asked, each once; tells meanwhile how far the search has come."""
        groups, seen, before = _ids(store), set(), 0
        total = sum(most for _, most in groups)
        for ids, most in groups:
            taken = 0
            for case_id in ids:
                self.state = PoolState(done=before + taken, total=total)
                if case_id in seen:
                    continue
                seen.add(case_id)
                case = store.get(case_id)
                if may_be_asked(case):
                    taken += 1
                    yield case
                if taken == most:
                    break
            before += most

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
        asked = asked_task(case.reference)
        assert asked is not None, case.case_id
        conflicting = case.evidence is not None and case.evidence.agreement == "contradicts"
        without = Candidate(case.case_id, case.reference[asked], conflicting=conflicting, task=asked)
        host = host_for(self._models, case)
        if not self._models.awaited(host):
            return without
        try:
            # A reader's short work goes first.
            host.gateway.pausing(threading.Event())()
            task = host.predict(fitted(case.study, case, host.text_sections), None)[asked]
        except ViewboxError as exc:
            logger.info("quiz: no answer for %s: %s", case.case_id, exc)
            return without
        return replace(without, answer=task.most_probable, probability=float(task.probabilities.max()))


def host_for(models: Checkpoints, case: Case) -> ModelHost:
    """The checkpoint that answers in the quiz: the one that suits the case, whatever the reader chose."""
    return models.suiting(case.provenance.source)


def may_be_asked(case: Case) -> bool:
    """Whether a case has a film that may be shown and a reference to be judged by."""
    return (
        case.study.radiograph is not None and case.licence.may_show and asked_task(case.reference) is not None
    )


def _ids(store: CaseStore) -> list[tuple[Iterable[str], int]]:
    """The cases to look at, and how many of them to take: a small store's all, else draws for each class.

    Without the very first case, whose answer every reader has just seen on the page, where there are others.
    """
    everything = CaseFilter()
    first = [row.case_id for row in store.page(everything, None, 1).rows]
    if store.count(everything) <= WHOLE:
        found = [row.case_id for row in store.page(everything, None, WHOLE).rows]
        found = [case_id for case_id in found if case_id not in first] or found
        return [(found, len(found))]
    wheres = [CaseFilter(**{task.name.value: name}) for task in QUESTIONS for name in task.classes]
    return [(_drawn(store, where, first), PER_CLASS) for where in wheres if store.count(where)]


def _drawn(store: CaseStore, where: CaseFilter, but: list[str]) -> Iterator[str]:
    """IDs drawn by index from those that pass a filter; some come more than once."""
    for seed in range(DRAWS):
        case_id = store.random(where, seed)
        if case_id is not None and case_id not in but:
            yield case_id
