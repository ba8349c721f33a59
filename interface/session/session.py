"""What each reader has in front of them, kept on the server and never on its disk."""

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import gradio as gr
import numpy as np

from cases.case import Case
from interface.language.texts import Language
from interface.models.held_film import HeldFilm
from interface.models.model_host import ModelHost
from interface.models.prediction_limits import Limits
from interface.quiz_tab.sitting import Sitting
from interface.session.links import Link
from modeling.labels import Target
from modeling.results import Attribution, FilmOpinion, ModalityAccount, Prediction, TrustMeasure
from modeling.study import Study

Due = Literal["predict", "explain", "examine", "nothing"]


@dataclass(eq=False)
class Desk:
    """One reader's case, and how far the work on it has come.

    Attributes:
        study: the case's study with the reader's own changes.
        film: what the viewer shows; None where there is none to show.
        fault: the sentence of the last action that was refused.
        due: the next step; steps that are not due do nothing, so a chain of them is safe to repeat.
        opened: counts up with every change of case or study, so that late answers can be told apart.
        settled: the `opened` for which the whole screen was laid out, where that takes a second step.
        chosen: the reader's own target; None follows the most probable class.
        wanted: the reader's own choice of checkpoint; empty for the one that suits the case.
        limits: how far the prediction goes: sets of classes, and whether the film is unfamiliar.
        used: the checkpoint that the study was fitted to and the prediction made with.
        account: Shapley values of the modalities, once known.
        measures: the trust measures of the attribution, as far as they have come.
        opinion: the map that stands on the film in the attribution's place; None for the attribution itself.
        others: baseline -> the same target's account from there, for comparison.
        looking: stops the second opinion that is being computed.
        brushed: the region that the reader marked on the film, as the viewer tells it; None for none.
        complete: whether the attribution is the last refinement, not one on the way.
        proof_seconds: what the last proof took.
        anew: whether the next explanation is computed even where it is known.
        change: the defect that was made on purpose, one of `interface.learn_tab.defects`; empty for none.
        linked: what the link asked for that is still to be done.
        quiz: the reader's quiz; None where none was begun.
        lock: held for the moment in which what belongs together is read or changed: a reader may turn to
            another case while the last one is predicted or explained.
        trail: `after` of the list pages seen so far, the last one on screen.
    """

    language: Language = "en"
    case: Case | None = None
    study: Study | None = None
    film: HeldFilm | None = None
    fault: str = ""
    prediction: Prediction | None = None
    limits: Limits = field(default_factory=Limits)
    attribution: Attribution | None = None
    due: Due = "nothing"
    opened: int = 0
    settled: int = 0
    chosen: Target | None = None
    wanted: str = ""
    used: ModelHost | None = None
    account: ModalityAccount | None = None
    measures: list[TrustMeasure] = field(default_factory=list)
    opinion: FilmOpinion | None = None
    others: dict[str, Attribution] = field(default_factory=dict)
    looking: threading.Event = field(default_factory=threading.Event)
    brushed: Mapping[str, object] | None = None
    complete: bool = False
    proof_seconds: float = 0.0
    anew: bool = False
    quiz: Sitting | None = None
    change: str = ""
    linked: Link = field(default_factory=Link)
    trail: list[str | None] = field(default_factory=lambda: [None])
    sources: set[str] = field(default_factory=set)
    stop: threading.Event = field(default_factory=threading.Event)
    lock: "threading.RLock" = field(default_factory=threading.RLock)

    @property
    def shown(self) -> np.ndarray | None:
        """The film as one small picture, for maps that are drawn on the server; see `HeldFilm.picture`."""
        return None if self.film is None else self.film.picture

    def put(self, case: Case, film: HeldFilm | None) -> None:
        """Lay a new case and its film on the desk; work on the last one stops."""
        with self.lock:
            self.case, self.film, self.chosen, self.used = case, film, None, None
            self.brushed, self.change, self.linked = None, "", Link()
            self.revise(case.study)

    def revise(self, study: Study) -> None:
        """Lay a changed study on the desk; work on the last one stops."""
        with self.lock:
            self.stop.set()
            self.opened += 1
            self.study, self.prediction, self.attribution, self.due = study, None, None, "predict"
            self.limits = Limits()
            self._forget_checks()

    def begin_explanation(self) -> threading.Event:
        """Take the due explanation; the event tells it to stop."""
        self.stop.set()
        self.stop, self.attribution, self.due = threading.Event(), None, "nothing"
        self._forget_checks()
        return self.stop

    def begin_looking(self) -> threading.Event:
        """Stop the second opinion that is being computed; the event stops the next one."""
        self.looking.set()
        self.looking = threading.Event()
        return self.looking

    def leave(self) -> None:
        """The reader has gone: nothing is due any more, and work under way stops."""
        self.due = "nothing"
        self.stop.set()
        self.looking.set()
        if self.quiz is not None:
            self.quiz.stop.set()

    def _forget_checks(self) -> None:
        self.looking.set()
        self.account, self.measures, self.opinion, self.others = None, [], None, {}
        self.complete = False


def link_of(desk: Desk) -> Link:
    """The link that restores what is on a desk; nothing for a study that no store holds."""
    if desk.case is None or not desk.case.case_id:
        return Link()
    account = desk.attribution
    target = account.target.slug if account is not None else desk.chosen.slug if desk.chosen else ""
    return Link(
        case=desk.case.case_id,
        target=target,
        baseline="" if account is None else account.baseline,
        method="" if desk.opinion is None else desk.opinion.method,
        checkpoint=desk.used.name if desk.used is not None else desk.wanted,
        change=desk.change,
    )


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
                left.leave()
        return desk

    def clear(self, session: str | None) -> None:
        """The reader has left: stop their work and forget their film."""
        with self._lock:
            _, desk = self._desks.pop(session or "", (0.0, None))
        if desk is not None:
            desk.leave()

    def language(self, request: gr.Request | None) -> Language:
        """The language of the reader who asks; English where that is not known."""
        session = getattr(request, "session_hash", None)
        with self._lock:
            _, desk = self._desks.get(session or "", (0.0, None))
        return "en" if desk is None else desk.language

    def __len__(self) -> int:
        return len(self._desks)
