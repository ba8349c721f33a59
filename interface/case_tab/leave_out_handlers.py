"""What if the model had not seen the film, the table or the words? Leave one out, or put all back."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import gradio as gr

from interface.case_tab.case_handlers import CaseActions
from interface.case_tab.components import Parts, Updates
from interface.case_tab.viewer import desk_value
from interface.language.texts import say
from interface.models.held_film import hold
from interface.session.session import Desks
from modeling.errors import ViewboxError
from modeling.study import ClinicalTable, ClinicalText, Modality, Study

EMPTY: dict[Modality, Any] = {
    Modality.IMAGE: {"radiograph": None},
    Modality.TABLE: {"table": ClinicalTable()},
    Modality.TEXT: {"text": ClinicalText()},
}


class WhatIf:
    """Handlers of the form's buttons that change a whole modality of the case on the desk."""

    def __init__(self, desks: Desks, parts: Parts, cases: CaseActions) -> None:
        self._desks, self._parts, self._cases = desks, parts, cases

    def leave_out(self, modality: Modality) -> Callable[[gr.Request], Updates]:
        """A handler that takes one modality from the study; the others stay as the reader changed them."""

        def left_out(request: gr.Request) -> Updates:
            study = replace(self._study(request), **EMPTY[modality])
            if not study.modalities:
                language = self._desks.of(request.session_hash).language
                raise ViewboxError(say("form.nothing_left", language))
            return self._changed(study, request)

        return left_out

    def as_stored(self, request: gr.Request) -> Updates:
        """The case as it was opened, whatever the reader changed."""
        self._study(request)
        desk = self._desks.of(request.session_hash)
        desk.used = None  # fitted anew: a report's sections that were taken away come back
        return self._changed(desk.case.study, request)

    def _study(self, request: gr.Request) -> Study:
        desk = self._desks.of(request.session_hash)
        if desk.case is None or desk.study is None:
            raise ViewboxError(say("choose.first", desk.language))
        return desk.study

    def _changed(self, study: Study, request: gr.Request) -> Updates:
        desk = self._desks.of(request.session_hash)
        with desk.lock:
            if study.radiograph is None:
                desk.film = None
            elif desk.film is None:
                desk.film = hold(desk.case)
            desk.revise(study)
            shown = {self._parts.film.figure: desk_value(desk), **self._parts.form.filled(study)}
        return {**self._cases.cleared(desk), **shown}
