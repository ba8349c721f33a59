"""What checks a map for a reader: the account beside it, the trust panel, other maps."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import gradio as gr
import numpy as np

from interface.about_tab.facts import VERDICTS_FILE
from interface.case_tab.components import Parts, Updates
from interface.case_tab.map_in_words import map_in_words
from interface.case_tab.map_switch import about, method_choices, method_name, pointing_line
from interface.case_tab.model_handlers import ModelActions
from interface.case_tab.prove_panel import field_choices, word_choices
from interface.case_tab.trust_panel import LAST, checks_panel, verdict
from interface.case_tab.viewer import viewer_value
from interface.html.fragments import note
from interface.language.texts import say
from interface.session.defects import on_frame
from interface.session.lanes import ModelQueue, position_line
from interface.session.session import Session, Sessions
from modeling.errors import ExplanationCancelled, ViewboxError
from modeling.explain.measured import localisation_of, mapping
from modeling.explain.registry import ACCOUNT, grain_of, map_method
from modeling.results import Attribution

LOOK_SECONDS = 0.5
NEAR, TOLD_SECONDS = 4, 5.0
"""A position this near is told as it changes; one further back at most so often."""
BETWEEN = 0.3
"""Seconds between two states of the checks on screen."""


def verdict_on(session: Session) -> str:
    """The verdict on the map on the film, from what is known of it."""
    known, record = session.explanation, mapping(session.host.folder / VERDICTS_FILE)
    judged = (known.measures, known.attribution, session.language, record, known.method)
    return verdict(*judged, refused=session.refused, tested=known.tested)


class ScrutinyActions:
    """Handlers around an explanation that is there; each returns or yields component updates."""

    def __init__(self, sessions: Sessions, parts: Parts, work: ModelActions, queue: ModelQueue) -> None:
        self._sessions, self.parts, self._work, self._queue = sessions, parts, work, queue

    # --- the position in the queue

    async def wait(self, request: gr.Request) -> AsyncIterator[Updates]:
        """Show the position until the model turns to this reader; waiting costs no thread."""
        reader = request.session_hash or ""
        session, shown, told = self._sessions.of(reader), 0, 0.0
        while session.due in ("predict", "explain") and self._work.can_answer(session):
            self._queue.enter(reader)
            position = self._queue.position(reader)
            # A hundred who wait are not all told whenever one of them is answered.
            if position != shown and (position < NEAR or not shown or time.monotonic() - told > TOLD_SECONDS):
                shown, told = position, time.monotonic()
                yield {self.parts.position: position_line(position, session.language)}
            await asyncio.sleep(LOOK_SECONDS)
        self._queue.leave(reader)
        yield {self.parts.position: "" if shown else gr.skip()}

    # --- the trust panel

    @property
    def examined(self) -> list[gr.components.Component]:
        """Outputs of `examine`."""
        p = self.parts
        told = [p.why.evidence, p.results.leans, p.results.summary, p.checks, p.results.cancel, p.message]
        return [*told, p.method.switch, p.method.about, p.prove.fields, p.prove.words]

    def examine(self, request: gr.Request) -> Iterator[Updates]:
        """Put the exact account beside the path's, then one trust measure after the other."""
        session, parts = self._sessions.of(request.session_hash), self.parts
        with session.lock:
            due = session.due == "examine" and session.explanation.attribution is not None
            if due:
                examined = session.explanation.method
                session.learn(measures=())
                session.due, stop, study = "nothing", session.stop, session.study
                attribution = session.explanation.attribution
                host, ready = session.host, self._ready(session)
        if not due:
            yield {parts.message: gr.skip()}
            return
        yield {**ready, parts.results.cancel: gr.Button(interactive=True)}
        stopped = False
        try:
            account = host.account(study, attribution.target, attribution)
            with session.lock:
                if session.explanation.attribution is not attribution:  # the reader has moved on meanwhile
                    return
                session.learn(account=account)
                told = self._work.evidence(session)
                first = told | self._checks(session, running=True)
            yield first
            shown = time.monotonic()
            for measure in host.measures(study, attribution.target, attribution, stop, examined):
                with session.lock:
                    known = session.explanation
                    if known.attribution is not attribution or known.method != examined:
                        return
                    session.learn(measures=(*session.explanation.measures, measure))
                    more = told | self._checks(session, running=True)
                if time.monotonic() - shown > BETWEEN:  # what is known already comes all at once
                    yield more
                    shown = time.monotonic()
        except ExplanationCancelled:
            stopped = True
        except Exception:  # whatever it was, Cancel must not stay open; the guard tells the reader
            yield {parts.checks: "", parts.results.cancel: gr.Button(interactive=False)}
            raise
        yield from self._ended(session, attribution, stopped)

    def _ended(self, session: Session, attribution: Attribution, stopped: bool) -> Iterator[Updates]:
        with session.lock:
            if session.explanation.attribution is not attribution:  # a newer explanation owns the screen
                return
            # All of it once more: see `on_top`.
            told = {**self._work.evidence(session), **self._ready(session, fresh=False)}
            ended = told | self._checks(session, stopped=stopped)
        yield {**ended, self.parts.results.cancel: gr.Button(interactive=False)}

    def _ready(self, session: Session, *, fresh: bool = True) -> Updates:
        """What can be looked at and taken away, now that there is an account; ticks stay if not `fresh`."""
        known, prove, value = session.explanation, self.parts.prove, {"value": []} if fresh else {}
        rows, words = field_choices(known.attribution, session.language), word_choices(known.attribution)
        maps = method_choices(session.host.scrutiny.opinions)
        return {
            self.parts.method.switch: gr.Radio(choices=maps, value=known.method),
            self.parts.method.about: self._about(session),
            prove.fields: gr.CheckboxGroup(choices=rows, visible=bool(rows), **value),
            prove.words: gr.CheckboxGroup(choices=words, visible=bool(words), **value),
        }

    def _checks(self, session: Session, *, running: bool = False, stopped: bool = False) -> Updates:
        known, line = session.explanation, ""
        decided = bool(known.measures) and known.measures[-1].name in LAST
        if decided or not running:
            line = verdict_on(session)
        panel = checks_panel(known.measures, session.language, running=running, stopped=stopped)
        return {self.parts.checks: panel, self.parts.results.summary: line}

    @property
    def ended(self) -> list[gr.components.Component]:
        """Outputs of `cancel`."""
        results, why = self.parts.results, self.parts.why
        shown = [results.progress, why.evidence, results.leans, results.cancel, self.parts.message]
        return [*shown, self.parts.checks, results.summary]

    def cancel(self, request: gr.Request) -> Updates:
        """Stop explanation and checks; the prediction stands, and what was finished before."""
        session = self._sessions.of(request.session_hash)
        with session.lock:
            stopped = self._work.cancel(session)
            if session.explanation.attribution is None or session.explanation.account is None:
                return {**stopped, self.parts.checks: "", self.parts.results.summary: ""}
            return stopped | self._checks(session, stopped=True)

    # --- other maps

    @property
    def switched(self) -> list[gr.components.Component]:
        """Outputs of `switch`."""
        p = self.parts
        return [p.film.figure, p.method.about, p.method.switch, p.message]

    def switch(self, method: str, request: gr.Request) -> Iterator[Updates]:
        """Put another method's map, or a control's, on the film; the account's own comes back at once."""
        session, parts = self._sessions.of(request.session_hash), self.parts
        attribution = session.explanation.attribution
        map_method(method)
        if attribution is None or session.host is None:
            told = note(say("prove.waiting", session.language))
            yield {parts.method.switch: ACCOUNT, parts.method.about: told}
            return
        if attribution.image is None:
            told = note(say("method.no_film", session.language))
            yield {parts.method.switch: ACCOUNT, parts.method.about: told}
            return
        found = None
        if method != ACCOUNT:
            told = say("method.computing", session.language, method=method_name(method, session.language))
            yield {parts.method.about: note(told, "vb-running")}
            stop = session.begin_looking()
            try:
                found = session.host.opinion(session.study, attribution.target, method, stop)
            except ViewboxError:
                shown = session.explanation.method
                yield {parts.method.switch: shown, parts.method.about: self._about(session)}
                raise
        with session.lock:
            known = session.explanation.attribution
            if known is None or known.target != attribution.target:
                return
            session.learn(opinion=found, tested=None)
            if session.explanation.complete:
                session.due = "examine"
            # Whatever the reader had chosen in the viewer's own list, this choice is the newer one.
            figure = {**viewer_value(session), "insist": True}
            put = {parts.method.about: self._about(session), parts.film.figure: figure}
        yield put

    def put_linked(self, request: gr.Request) -> Iterator[Updates]:
        """Put the map that the address asked for on the film, once there is an account."""
        session = self._sessions.of(request.session_hash)
        method, known = session.wishes.link.method, session.explanation
        if method in ("", known.method) or not known.complete:  # nor in another checkpoint's turn
            yield {self.parts.message: gr.skip()}
            return
        session.wish(link=replace(session.wishes.link, method=""))
        for step in self.switch(method, request):  # with each step: a busy page sees the last one only
            yield {self.parts.method.switch: method, **step}

    def _about(self, session: Session) -> str:
        known = session.explanation
        if known.attribution is None or known.attribution.image is None:
            return ""
        measured = localisation_of(session.host.folder)
        pointing = pointing_line(measured, known.method, known.attribution.baseline, session.language)
        image = known.shown.image
        words = map_in_words(image, session.film, session.language, grain_of(known.method))
        if session.wishes.change == "framed" and np.abs(image).max() > 0:
            words += " " + say("words.frame", session.language, percent=f"{100 * on_frame(image):.0f} %")
        line = note(words, "vb-inwords") if words else ""
        return line + about(known.attribution, known.opinion, session.language, pointing=pointing)
