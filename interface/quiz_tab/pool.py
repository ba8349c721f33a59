"""The cases that the quiz may ask, with the model's answer to each: found once, in the background.

What a code draws follows from the store's cases, from the checkpoints and whether they could be loaded, and
from the rules of this version, never from who asks or when. Where a checkpoint that answers comes with drills
(phantoms on which an evaluation found it confidently wrong), these are among them; such a case is drawn when
it is asked for.
"""

import logging
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from cases.case import Case
from cases.store import BrokenCase, CaseFilter, CaseStore
from interface.models.checkpoints import Checkpoints
from interface.models.model_host import ModelHost
from interface.models.stores import STUDY, StoreHost, drawn_study, drills_of, host_of_drills
from interface.quiz_tab.findings import EXTENT, answer_of, findings_asked, truth_of
from interface.quiz_tab.rules import QUESTIONS, Candidate, askable_tasks
from interface.session.lanes import sentence
from interface.session.study_edits import fitted
from modeling.errors import CaseNotFoundError, ViewboxError
from modeling.labels import FINDINGS, NO_FINDING, Task, TaskName
from modeling.results import TaskPrediction
from modeling.sentence import Sentence

logger = logging.getLogger(__name__)

WHOLE = 96
"""A store of at most so many cases is taken whole."""
PER_CLASS = 16
"""Cases of each class, and with findings, that are taken from a larger store; the same ones every time."""
DRAWS = 400
"""Draws for each of these at most: few of its films may be to be shown, or have findings."""
IN_VAIN = 24
"""Films of a source that are looked at for the experts' extent, of which no list tells, before it is left."""

NOT_READY = Sentence("The films are not ready yet; press Start again in a minute.")


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
        self._working = self._awaited = False
        self._drills: set[str] = set()
        self._ahead = ThreadPoolExecutor(1, "quiz drills")
        self._silent: set[ModelHost] = set()
        self.declared: tuple[Task, ...] = ()
        self.state = PoolState()

    def start(self, awaited: bool = False) -> None:
        """Begin, unless it is under way or over; again where a checkpoint that had failed is there now.

        An `awaited` search shares the model with the readers' short work; any other lets that go first.
        """
        with self._lock:
            self._awaited = self._awaited or awaited
            over = self.state.candidates is not None and not any(
                h.state.phase == "ready" for h in self._silent
            )
            if self._working or over:
                return
            self._working, self.state, self._silent = True, PoolState(), set()
        threading.Thread(target=self._work, name="quiz cases", daemon=True).start()

    def case(self, case_id: str) -> Case:
        """A case of a set: a drill or a study is drawn, any other comes from the store.

        Raises:
            CaseStoreError: the store does not answer, or has the case no longer.
        """
        return drawn_study(case_id) or self._stores.case(case_id)

    def draw_ahead(self, case_ids: list[str]) -> None:
        """Draw drills and studies of a set that was just begun, so that no reader waits for one."""
        for case_id in case_ids:
            if case_id in self._drills or case_id.startswith(STUDY):
                self._ahead.submit(self.case, case_id)

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
        for host in self._models.hosts:
            if not host.tasks:  # of a Hub repo, until it is loaded
                self._models.awaited(host)
        self.declared, hosts = self._models.declared, set()
        for case in self._askable(store):
            hosts.add(host_for(self._models, case))
            yield from self._candidates(case)
        for host in hosts:
            yield from self._evaluated(host)

    def _askable(self, store: CaseStore) -> Iterator[Case]:
        """The cases that may be asked, each once; tells meanwhile how far the search has come."""
        groups, seen, before = _groups(store, self.declared), set(), 0
        total = sum(group.most for group in groups)
        for group in groups:
            taken = in_vain = 0
            for case_id in group.ids:
                self.state = PoolState(done=before + taken, total=total)
                case = None if case_id in seen else _readable(store, case_id)
                seen.add(case_id)
                if case is not None and may_be_asked(case, group.wanted, self.declared):
                    taken += 1
                    yield case
                else:
                    in_vain += 1
                if taken == group.most or (group.wanted == EXTENT and not taken and in_vain == IN_VAIN):
                    break
            before += group.most

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
        tasks = askable_tasks(case, self.declared)
        told = self._told(case) if tasks != (EXTENT,) else {}
        for task in tasks:
            answer, probability = answer_of(told.get(task), findings_asked(case, task))
            truth = truth_of(case, task)
            yield Candidate(case.case_id, truth, answer, probability, conflicting=conflicting, task=task)

    def _told(self, case: Case) -> Mapping[TaskName, TaskPrediction]:
        host = host_for(self._models, case)
        if not self._models.awaited(host):
            if not host.settled:
                raise ViewboxError(NOT_READY)
            self._silent.add(host)
            return {}
        try:
            if not self._awaited:
                host.gateway.pausing(threading.Event())()
            prediction = host.predict(fitted(case.study, case, host.text_sections), None)
        except ViewboxError as exc:
            logger.info("quiz: no answer for %s: %s", case.case_id, exc)
            return {}
        return {task.task: task for task in prediction.tasks}


def host_for(models: Checkpoints, case: Case) -> ModelHost:
    """The checkpoint that answers in the quiz: the one that suits the case, whatever the reader chose."""
    return models.suiting(case.provenance.source)


def may_be_asked(case: Case, task: str = "", declared: Sequence[Task] = ()) -> bool:
    """Whether a case has a film that may be shown and a reference, to that task where one is named."""
    if case.study.radiograph is None or not case.licence.may_show:
        return False
    tasks = askable_tasks(case, declared)
    return task in tasks if task else bool(tasks)


@dataclass(frozen=True)
class _Group:
    """Cases to look at, of which at most so many are taken; all of them can be asked what is `wanted`."""

    ids: Iterable[str]
    most: int
    wanted: str = ""


def _groups(store: CaseStore, declared: Sequence[Task]) -> list[_Group]:
    """A small store's cases, all; else draws for each class, with findings, and of each source with extents.

    Without the very first case, whose answer every reader has just seen on the page, where there are others.
    """
    everything = CaseFilter()
    first = [row.case_id for row in store.page(everything, None, 1).rows]
    if store.count(everything) <= WHOLE:
        found = [row.case_id for row in store.page(everything, None, WHOLE).rows]
        found = [case_id for case_id in found if case_id not in first] or found
        return [_Group(found, len(found))]
    tasks = [task for task in QUESTIONS if task.kind != "multilabel"]
    wheres = [CaseFilter(**{task.name: name}) for task in tasks for name in task.classes]
    labels = [f"{task}/{n}" for task in declared for n in dict.fromkeys((*task.classes, NO_FINDING))]
    wheres += [CaseFilter(label=label) for label in labels]
    groups = [(where, "") for where in wheres if store.count(where)] + [(everything, FINDINGS)]
    groups += [(CaseFilter(source=source), EXTENT) for source in store.sources()]
    return [_Group(_drawn(store, where, wanted, first), PER_CLASS, wanted) for where, wanted in groups]


def _drawn(store: CaseStore, where: CaseFilter, wanted: str, but: list[str]) -> Iterator[str]:
    """IDs drawn by index from those that pass a filter, each once.

    Films that may not be shown, and cases without a reference for the wanted task, are passed over by their
    rows in the list: no film is read for these.
    """
    passed = set(but)
    for seed in range(min(DRAWS, 8 * store.count(where))):  # eight times as many miss hardly a case
        case_id = store.random(where, seed)
        if case_id is None or case_id in passed:
            continue
        passed.add(case_id)
        row = next(iter(store.page(CaseFilter(text=case_id), None, 1).rows), None)
        if row is not None and row.thumbnail and (wanted in ("", EXTENT) or wanted in row.reference):
            yield case_id


def _readable(store: CaseStore, case_id: str) -> Case | None:
    """A case; None for one that is broken or has gone: it hides no other."""
    try:
        return store.get(case_id)
    except (BrokenCase, CaseNotFoundError) as exc:
        logger.info("quiz: %s", exc)
        return None
