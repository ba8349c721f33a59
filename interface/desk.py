"""What each reader has in front of them, kept on the server and never on its disk."""

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from cases.case import Case
from interface.hosts import ModelHost
from interface.texts import Language
from modeling.labels import Target
from modeling.results import Attribution, Prediction
from modeling.study import Study

Due = Literal["predict", "explain", "nothing"]


@dataclass(eq=False)
class Desk:
    """One reader's case, and how far the work on it has come.

    Attributes:
        study: the case's study with the reader's own changes.
        shown: the film as `shown_film` gives it; None where there is none to show.
        fault: the sentence of the last action that was refused.
        due: the next step; steps that are not due do nothing, so a chain of them is safe to repeat.
        opened: counts up with every change of case or study, so that late answers can be told apart.
        chosen: the reader's own target; None follows the most probable class.
        wanted: the reader's own choice of checkpoint; empty for the one that suits the case.
        used: the checkpoint that the study was fitted to and the prediction made with.
        trail: `after` of the list pages seen so far, the last one on screen.
    """

    language: Language = "en"
    case: Case | None = None
    study: Study | None = None
    shown: np.ndarray | None = None
    fault: str = ""
    prediction: Prediction | None = None
    attribution: Attribution | None = None
    due: Due = "nothing"
    opened: int = 0
    chosen: Target | None = None
    wanted: str = ""
    used: ModelHost | None = None
    trail: list[str | None] = field(default_factory=lambda: [None])
    sources: set[str] = field(default_factory=set)
    stop: threading.Event = field(default_factory=threading.Event)

    def put(self, case: Case, shown: np.ndarray | None) -> None:
        """Lay a new case and its film on the desk; work on the last one stops."""
        self.case, self.shown, self.chosen, self.used = case, shown, None, None
        self.revise(case.study)

    def revise(self, study: Study) -> None:
        """Lay a changed study on the desk; work on the last one stops."""
        self.stop.set()
        self.opened += 1
        self.study, self.prediction, self.attribution, self.due = study, None, None, "predict"

    def begin_explanation(self) -> threading.Event:
        """Take the due explanation; the event tells it to stop."""
        self.stop.set()
        self.stop, self.attribution, self.due = threading.Event(), None, "nothing"
        return self.stop


class Desks:
    """Desks by session; the one longest unused goes first, so that memory stays bounded."""

    def __init__(self, capacity: int = 64, idle_seconds: float = 3600.0) -> None:
        self._capacity, self._idle = capacity, idle_seconds
        self._lock = threading.Lock()
        self._desks: OrderedDict[str, tuple[float, Desk]] = OrderedDict()

    def of(self, session: str | None) -> Desk:
        """The desk of a session; a new one where there is none, and always without a session."""
        if session is None:
            return Desk()
        now = time.monotonic()
        with self._lock:
            _, desk = self._desks.pop(session, (now, None))
            desk = desk or Desk()
            self._desks[session] = (now, desk)
            while len(self._desks) > self._capacity or now - next(iter(self._desks.values()))[0] > self._idle:
                _, (_, left) = self._desks.popitem(last=False)
                left.stop.set()
        return desk

    def clear(self, session: str | None) -> None:
        """The reader has left: stop their work and forget their film."""
        with self._lock:
            _, desk = self._desks.pop(session or "", (0.0, None))
        if desk is not None:
            desk.stop.set()

    def __len__(self) -> int:
        return len(self._desks)
