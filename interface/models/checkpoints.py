"""The checkpoints of this page: which one suits a case, in which order they are loaded, how they stand."""

import logging
import threading
import time
from collections.abc import Callable, Sequence

from markupsafe import Markup

from cases.case import Case
from interface.html.render import render
from interface.language.texts import Count, Language
from interface.models.model_host import ModelHost, ModelState
from interface.models.study_host import StudyHost
from modeling.configuration import only_synthetic
from modeling.errors import ViewboxError
from modeling.labels import TASKS, Task
from modeling.sentence import Names

logger = logging.getLogger(__name__)

LOAD_PATIENCE = 120.0
"""Seconds to wait for a checkpoint where nothing can be done without it."""
_PAUSE = 0.3


class Checkpoints:
    """One host for each checkpoint; they are loaded one after another, the one that is needed first."""

    def __init__(self, hosts: Sequence[ModelHost], studies: StudyHost | None = None) -> None:
        """At least one host, with different names; earlier ones go before later ones.

        `studies` holds the one that reads several films; it is loaded when it is asked.
        """
        assert hosts and len({host.name for host in hosts}) == len(hosts)
        self.hosts, self.studies = tuple(hosts), studies or StudyHost()
        self._lock = threading.Lock()
        self._needed: ModelHost | None = None
        self._working = False

    # --- which one

    def named(self, name: str) -> ModelHost:
        """The host of a checkpoint; raises `ViewboxError` where there is none of that name."""
        for host in self.hosts:
            if host.name == name:
                return host
        raise ViewboxError(
            "There is no checkpoint '{name}' here; choose one of {names}, or leave it empty.",
            name=name,
            names=Names("name", [host.name for host in self.hosts]),
        )

    def suiting(self, source: str) -> ModelHost:
        """The checkpoint for cases of a source.

        Where none names it (a reader's own study has no source), the first one that was not trained on
        computed films alone. A shortcut twin suits nothing; it is there to be chosen.
        """
        honest = [host for host in self.hosts if not host.twin] or self.hosts
        for host in honest:
            if source in host.sources:
                return host
        return next((host for host in honest if not only_synthetic(host.sources)), honest[0])

    def of(self, name: str, case: Case | None) -> ModelHost:
        """The named checkpoint, or the one that suits the case where the name is empty."""
        return self.named(name) if name else self.suiting(case.provenance.source if case else "")

    @property
    def declared(self) -> tuple[Task, ...]:
        """The tasks that checkpoints declare, as far as they are known, each name once."""
        own = [task for host in self.hosts for task in host.tasks if task not in TASKS]
        return tuple({task: task for task in reversed(own)}.values())[::-1]

    # --- loading

    @property
    def settled(self) -> bool:
        """Whether every checkpoint is ready or has failed."""
        return all(host.settled for host in self.hosts)

    def start(self, first: Callable[[], str] | None = None) -> None:
        """Load in a thread what was not tried yet; `first` gives, there, the source of the first case."""
        with self._lock:
            if self._working or not any(host.state.phase == "waiting" for host in self.hosts):
                return
            self._working = True
        threading.Thread(target=self._work, args=(first,), name="checkpoints", daemon=True).start()

    def load(self) -> None:
        """Load in this thread, one after another, what was not tried yet."""
        self._work(None)

    def retry(self) -> None:
        """Try once more what failed."""
        for host in self.hosts:
            host.wait()
        self.start()

    def need(self, host: ModelHost) -> None:
        """Let a checkpoint be the next that is loaded."""
        self._needed = host

    def awaited(self, host: ModelHost) -> bool:
        """Whether a checkpoint is ready, after waiting for it for `LOAD_PATIENCE` at most."""
        if not host.settled:
            self.need(host)
            self.start()
        end = time.monotonic() + LOAD_PATIENCE
        while not host.settled and time.monotonic() < end:
            time.sleep(_PAUSE)
        return host.state.phase == "ready"

    def _work(self, first: Callable[[], str] | None) -> None:
        if first is not None and len(self.hosts) > 1:
            self._order(first)
        while (host := self._next()) is not None:
            host.load()

    def _order(self, first: Callable[[], str]) -> None:
        try:
            source = first()
        except Exception:  # the thread's border: the order is a convenience, loading is not
            logger.exception("which checkpoint is needed first")
            return
        if self._needed is None:  # else a reader has already asked for one
            self.need(self.suiting(source))

    def _next(self) -> ModelHost | None:
        with self._lock:
            waiting = [host for host in self.hosts if host.state.phase == "waiting"]
            if not waiting:
                self._working = False
                return None
            return self._needed if self._needed in waiting else waiting[0]


def model_line(
    state: ModelState, language: Language, *, in_use: bool = False, post_read: bool = False
) -> Markup:
    """Where a checkpoint stands; `post_read` where it reads what was written after the film was read."""
    shown = {"state": state, "parameters": Count(state.parameters)}
    return render("model_line.html", language=language, in_use=in_use, post_read=post_read, **shown)
