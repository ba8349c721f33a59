"""The cases that the quiz may ask, with the model's answer to each: found once, in the background.

Where a checkpoint that answers comes with drills (phantoms on which an evaluation found it confidently
wrong), these are among them; such a case is drawn when it is asked for.
"""

import logging
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from cases.case import Case
from cases.store import CaseFilter, CaseStore
from interface.models.checkpoints import Checkpoints
from interface.models.model_host import ModelHost
from interface.models.stores import StoreHost, drills_of, host_of_drills
from interface.quiz_tab.findings import answer_of, findings_asked, truth_of
from interface.quiz_tab.rules import QUESTIONS, Candidate, askable_tasks
from interface.session.lanes import sentence
from interface.session.study_edits import fitted
from modeling.errors import ViewboxError
from modeling.labels import TaskName
from modeling.results import TaskPrediction

logger = logging.getLogger(__name__)

WHOLE = 96
"""A store of at most so many cases is taken whole."""
PER_CLASS = 16
"""Cases of each class, and with findings, that are taken from a larger store; the same ones every time."""
DRAWS = 400
"""Draws for each of these at most: few of its films may be to be shown, or have findings."""


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
            yield from self._candidates(case)
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

    def _candidates(self, case: Case) -> Iterator[Candidate]:
        """One for each task that the case can be asked about, with the model's answer where it gives one."""
        conflicting = case.evidence is not None and case.evidence.agreement == "contradicts"
        told = self._told(case)
        for task in askable_tasks(case):
            answer, probability = answer_of(told.get(task), findings_asked(case, task))
            truth = truth_of(case, task)
            yield Candidate(case.case_id, truth, answer, probability, conflicting=conflicting, task=task)

    def _told(self, case: Case) -> Mapping[TaskName, TaskPrediction]:
        host = host_for(self._models, case)
        if not self._models.awaited(host):
            return {}
        try:
            host.gateway.pausing(threading.Event())()  # a reader's short work goes first
            prediction = host.predict(fitted(case.study, case, host.text_sections), None)
        except ViewboxError as exc:
            logger.info("quiz: no answer for %s: %s", case.case_id, exc)
            return {}
        return {task.task: task for task in prediction.tasks}


def host_for(models: Checkpoints, case: Case) -> ModelHost:
    """The checkpoint that answers in the quiz: the one that suits the case, whatever the reader chose."""
    return models.suiting(case.provenance.source)


def may_be_asked(case: Case) -> bool:
    """Whether a case has a film that may be shown and a reference to be judged by."""
    return case.study.radiograph is not None and case.licence.may_show and bool(askable_tasks(case))


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
    tasks = [task for task in QUESTIONS if task.kind != "multilabel"]
    wheres = [CaseFilter(**{task.name.value: name}) for task in tasks for name in task.classes]
    groups = [(where, "") for where in wheres if store.count(where)] + [(everything, TaskName.FINDINGS.value)]
    return [(_drawn(store, where, wanted, first), PER_CLASS) for where, wanted in groups]


def _drawn(store: CaseStore, where: CaseFilter, wanted: str, but: list[str]) -> Iterator[str]:
    """IDs drawn by index from those that pass a filter; some come more than once.

    Films that may not be shown, and cases without a reference for the wanted task, are passed over by their
    rows in the list: no film is read for these.
    """
    for seed in range(DRAWS):
        case_id = store.random(where, seed)
        if case_id is None or case_id in but:
            continue
        row = next(iter(store.page(CaseFilter(text=case_id), None, 1).rows), None)
        if row is not None and row.thumbnail and (not wanted or wanted in row.reference):
            yield case_id
