"""What checks a map for a reader: the account beside it, the trust panel, other maps, other baselines."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import replace
from html import escape

import gradio as gr
import numpy as np

from interface.case_tab.baseline_comparison import BASELINES, baselines_panel
from interface.case_tab.components import Parts, Updates
from interface.case_tab.map_in_words import map_in_words
from interface.case_tab.map_switch import (
    about,
    localisation_of,
    method_choices,
    method_name,
    pointing_line,
)
from interface.case_tab.model_handlers import ModelActions
from interface.case_tab.prove_panel import field_choices, word_choices
from interface.case_tab.trust_panel import checks_panel, verdict
from interface.case_tab.viewer import desk_value
from interface.html.fragments import note
from interface.language.texts import say
from interface.learn_tab.defects import on_frame
from interface.session.session import Desk, Desks
from interface.session.waiting_line import Line, place_line
from modeling.errors import ExplanationCancelled, ViewboxError
from modeling.explain.registry import ACCOUNT, map_method
from modeling.results import Attribution

LOOK_SECONDS = 0.5


class ScrutinyActions:
    """Handlers around an explanation that is there; each returns or yields component updates."""

    def __init__(self, desks: Desks, parts: Parts, work: ModelActions, line: Line) -> None:
        self._desks, self.parts, self._work, self._line = desks, parts, work, line

    # --- the place in line

    async def wait(self, request: gr.Request) -> AsyncIterator[Updates]:
        """Show the place in line until the model turns to this reader; waiting costs no thread."""
        session = request.session_hash or ""
        desk, shown = self._desks.of(session), 0
        while desk.due in ("predict", "explain") and self._work.can_answer(desk):
            self._line.enter(session)
            place = self._line.place(session)
            if place != shown:
                yield {self.parts.line: place_line(place, desk.language)}
            shown = place
            await asyncio.sleep(LOOK_SECONDS)
        self._line.leave(session)
        yield {self.parts.line: "" if shown else gr.skip()}

    # --- the trust panel

    @property
    def examined(self) -> list[gr.components.Component]:
        """Outputs of `examine`."""
        p = self.parts
        shown = [p.results.evidence, p.results.cancel, p.message, p.method.switch, p.method.about]
        return [*shown, p.trust.summary, p.trust.checks, p.prove.fields, p.prove.words]

    def examine(self, request: gr.Request) -> Iterator[Updates]:
        """Put the exact account beside the path's, then one trust measure after the other."""
        desk, parts = self._desks.of(request.session_hash), self.parts
        with desk.lock:
            due = desk.due == "examine" and desk.attribution is not None
            if due:
                desk.due, stop, attribution, study = "nothing", desk.stop, desk.attribution, desk.study
                host, ready = desk.used, self._ready(desk)
        if not due:
            yield {parts.message: gr.skip()}
            return
        yield {**ready, parts.results.cancel: gr.Button(interactive=True)}
        stopped = False
        try:
            account = host.account(study, attribution.target, attribution)
            with desk.lock:
                if desk.attribution is not attribution:  # the reader has moved on meanwhile
                    return
                desk.account = account
                told = {parts.results.evidence: self._work.evidence(desk)}
                first = told | self._checks(desk, running=True)
            yield first
            for measure in host.measures(study, attribution.target, attribution, stop):
                with desk.lock:
                    if desk.attribution is not attribution:
                        return
                    desk.measures.append(measure)
                    more = told | self._checks(desk, running=True)
                yield more
        except ExplanationCancelled:
            stopped = True
        except Exception:  # whatever it was, Cancel must not stay open; the guard tells the reader
            yield {parts.trust.checks: "", parts.results.cancel: gr.Button(interactive=False)}
            raise
        yield from self._ended(desk, attribution, stopped)

    def _ended(self, desk: Desk, attribution: Attribution, stopped: bool) -> Iterator[Updates]:
        with desk.lock:
            if desk.attribution is not attribution:  # a newer explanation owns the screen
                return
            # All of it once more: see `on_top`.
            told = {self.parts.results.evidence: self._work.evidence(desk), **self._ready(desk, fresh=False)}
            ended = told | self._checks(desk, stopped=stopped)
        yield {**ended, self.parts.results.cancel: gr.Button(interactive=False)}

    def _ready(self, desk: Desk, *, fresh: bool = True) -> Updates:
        """What can be looked at and taken away, now that there is an account.

        Args:
            fresh: whether nothing is ticked yet; otherwise ticks stay.
        """
        rows, words = field_choices(desk.attribution, desk.language), word_choices(desk.attribution)
        prove, value = self.parts.prove, {"value": []} if fresh else {}
        return {
            self.parts.method.switch: gr.Radio(choices=method_choices(desk.used.scrutiny.opinions)),
            self.parts.method.about: self._about(desk),
            prove.fields: gr.CheckboxGroup(choices=rows, visible=bool(rows), **value),
            prove.words: gr.CheckboxGroup(choices=words, visible=bool(words), **value),
        }

    def _checks(self, desk: Desk, *, running: bool = False, stopped: bool = False) -> Updates:
        line = "" if running else verdict(desk.measures, desk.attribution, desk.language)
        panel = checks_panel(desk.measures, desk.language, running=running, stopped=stopped)
        return {self.parts.trust.checks: panel, self.parts.trust.summary: line}

    def stopped(self, request: gr.Request) -> Updates:
        """What the trust panel says after Cancel."""
        desk = self._desks.of(request.session_hash)
        with desk.lock:
            if desk.attribution is None or desk.account is None:
                return {self.parts.trust.checks: "", self.parts.trust.summary: ""}
            return self._checks(desk, stopped=True)

    # --- other maps

    @property
    def switched(self) -> list[gr.components.Component]:
        """Outputs of `switch`."""
        p = self.parts
        return [p.film.figure, p.method.about, p.method.switch, p.message]

    def switch(self, method: str, request: gr.Request) -> Iterator[Updates]:
        """Put another method's map, or a control's, on the film; the account's own comes back at once."""
        desk, parts = self._desks.of(request.session_hash), self.parts
        attribution = desk.attribution
        map_method(method)
        if attribution is None or desk.used is None:
            yield {
                parts.method.switch: ACCOUNT,
                parts.method.about: note(say("prove.waiting", desk.language)),
            }
            return
        if attribution.image is None:
            told = note(say("method.no_film", desk.language))
            yield {parts.method.switch: ACCOUNT, parts.method.about: told}
            return
        found = None
        if method != ACCOUNT:
            told = say("method.computing", desk.language, method=method_name(method, desk.language))
            yield {parts.method.about: note(told, "vb-running")}
            stop = desk.begin_looking()
            try:
                found = desk.used.opinion(desk.study, attribution.target, method, stop)
            except ViewboxError:
                yield {parts.method.switch: _shown(desk), parts.method.about: self._about(desk)}
                raise
        with desk.lock:
            if desk.attribution is None or desk.attribution.target != attribution.target:
                return
            desk.opinion = found
            # Whatever the reader had chosen in the viewer's own list, this choice is the newer one.
            figure = {**desk_value(desk), "insist": True}
            put = {parts.method.about: self._about(desk), parts.film.figure: figure}
        yield put

    def put_linked(self, request: gr.Request) -> Iterator[Updates]:
        """Put the map that the address asked for on the film, once there is an account."""
        desk = self._desks.of(request.session_hash)
        method = desk.linked.method
        if method in ("", ACCOUNT) or not desk.complete:  # another checkpoint's turn: it does nothing either
            yield {self.parts.message: gr.skip()}
            return
        desk.linked = replace(desk.linked, method="")
        for step in self.switch(method, request):  # with each step: a busy page sees the last one only
            yield {self.parts.method.switch: method, **step}

    def _about(self, desk: Desk) -> str:
        if desk.attribution is None or desk.attribution.image is None:
            return ""
        measured = localisation_of(desk.used.folder)
        pointing = pointing_line(measured, desk.attribution.baseline, desk.language)
        image = desk.attribution.image if desk.opinion is None else desk.opinion.image
        words = map_in_words(image, desk.film, desk.language)
        if desk.change == "framed" and np.abs(image).max() > 0:
            words += " " + say("words.frame", desk.language, percent=f"{100 * on_frame(image):.0f} %")
        line = f'<p class="vb-inwords">{escape(words)}</p>' if words else ""
        return line + about(desk.attribution, desk.opinion, desk.language, pointing=pointing)

    # --- other baselines

    def compare(self, request: gr.Request) -> Iterator[Updates]:
        """The same target from every baseline, side by side, each as soon as it is there."""
        desk, panel = self._desks.of(request.session_hash), self.parts.trust.baselines
        first, cancel = desk.attribution, self.parts.results.cancel
        if first is None or desk.used is None:
            yield {panel: note(say("compare.nothing", desk.language))}
            return
        if desk.stop.is_set():  # by an earlier Cancel
            desk.stop = threading.Event()
        stop = desk.stop
        desk.others[first.baseline] = first
        yield {panel: self._compared(desk, running=True), cancel: gr.Button(interactive=True)}
        try:
            for baseline in desk.used.pipeline.baselines if first.image is not None else ():
                if baseline in desk.others:
                    continue
                found = desk.used.explained(desk.study, first.target, baseline, stop)
                if desk.attribution is not first:
                    return
                desk.others[baseline] = found
                yield {panel: self._compared(desk, running=True)}
        except ExplanationCancelled:
            pass  # what was compared before stays on screen
        except Exception:  # whatever it was, Cancel must not stay open; the guard tells the reader
            yield {cancel: gr.Button(interactive=False)}
            raise
        if desk.attribution is first:
            yield {panel: self._compared(desk), cancel: gr.Button(interactive=False)}

    def _compared(self, desk: Desk, *, running: bool = False) -> str:
        ordered: Mapping = {b: desk.others[b] for b in BASELINES if b in desk.others}
        return baselines_panel(ordered, desk.shown, desk.language, running=running)


def _shown(desk: Desk) -> str:
    return ACCOUNT if desk.opinion is None else desk.opinion.method
