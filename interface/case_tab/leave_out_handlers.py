"""What if the model had not seen the film, the table or the words? Leave one out, or put all back."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import gradio as gr

from interface.case_tab.case_handlers import CaseActions
from interface.case_tab.components import Parts, Updates
from interface.case_tab.viewer import viewer_value
from interface.language.texts import say
from interface.models.held_film import hold
from interface.session.session import Sessions
from modeling.errors import ViewboxError
from modeling.study import ClinicalTable, ClinicalText, Modality, Study

EMPTY: dict[Modality, Any] = {
    Modality.IMAGE: {"radiograph": None},
    Modality.TABLE: {"table": ClinicalTable()},
    Modality.TEXT: {"text": ClinicalText()},
}


class WhatIf:
    """Handlers of the form's buttons that change a whole modality of the case on screen."""

    def __init__(self, sessions: Sessions, parts: Parts, cases: CaseActions) -> None:
        self._sessions, self._parts, self._cases = sessions, parts, cases

    def leave_out(self, modality: Modality) -> Callable[[gr.Request], Updates]:
        """A handler that takes one modality from the study; the others stay as the reader changed them."""

        def left_out(request: gr.Request) -> Updates:
            study = replace(self._study(request), **EMPTY[modality])
            if not study.modalities:
                language = self._sessions.of(request.session_hash).language
                raise ViewboxError(say("form.nothing_left", language))
            return self._changed(study, request)

        return left_out

    def as_stored(self, request: gr.Request) -> Updates:
        """The case as it was opened, whatever the reader changed."""
        self._study(request)
        session = self._sessions.of(request.session_hash)
        session.host = None  # fitted anew: a report's sections that were taken away come back
        return self._changed(session.case.study, request)

    def _study(self, request: gr.Request) -> Study:
        session = self._sessions.of(request.session_hash)
        if session.case is None or session.study is None:
            raise ViewboxError(say("choose.first", session.language))
        return session.study

    def _changed(self, study: Study, request: gr.Request) -> Updates:
        session = self._sessions.of(request.session_hash)
        with session.lock:
            if study.radiograph is None:
                session.film = None
            elif session.film is None:
                session.film = hold(session.case)
            session.revise(study)
            shown = {self._parts.film.figure: viewer_value(session), **self._parts.form.filled(study)}
        return {**self._cases.cleared(session), **shown}
