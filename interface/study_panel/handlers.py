"""What happens when a reader asks for all films of a study together."""

import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import gradio as gr

from cases.case import Case
from interface.html.fragments import alert, note
from interface.html.study_films import films_strip
from interface.language.texts import say
from interface.models.study_host import StudyHost
from interface.session.session import Session, Sessions
from interface.study_panel.answer import answer_panel, beside_films, of_every_task
from interface.study_panel.change import changed_panel
from interface.study_panel.panel import StudyPanel
from modeling.errors import ExplanationCancelled, StudyError
from modeling.sentence import Sentence
from modeling.study import DatedFilm

if TYPE_CHECKING:
    from modeling.explain.change import FilmChange
    from modeling.study_answer import StudyAnswer

Updates = dict[Any, Any]


def films_of(session: Session, case: Case) -> tuple[DatedFilm, ...]:
    """The films of the study on screen; in the first one a defect may have been made on purpose."""
    first = session.study.radiograph or case.study.radiograph
    return (DatedFilm(first), *case.further)


class StudyActions:
    """Handlers of the panel; `films` is the strip beside the viewer, `message` where a refusal is said."""

    def __init__(
        self, studies: StudyHost, sessions: Sessions, panel: StudyPanel, films: gr.HTML, message: gr.HTML
    ) -> None:
        self._studies, self._sessions = studies, sessions
        self._panel, self._films, self._message = panel, films, message

    @property
    def asked(self) -> list[gr.HTML]:
        """Outputs of `ask`."""
        return [self._panel.answer, self._films, self._message]

    @property
    def compared(self) -> list[gr.HTML]:
        """Outputs of `compare`."""
        return [self._panel.changed, self._message]

    def ask(self, request: gr.Request) -> Iterator[Updates]:
        """The answers with what each film adds, then the account of each, as it comes."""
        session, case, stop = self._begun(request)
        study = session.study
        reading = say("whole.reading", session.language, count=len(case.films))
        yield {self._panel.answer: note(reading, "vb-waiting"), self._message: alert("")}
        films, source = films_of(session, case), case.provenance.source or None
        answers = list(of_every_task(self._studies.predict(films, study, source=source)))
        yield from self._told(session, case, answers, stop)
        try:
            for place, about in enumerate(answers):
                *_, answers[place] = self._studies.explain(about, about.target, stop)
                yield from self._told(session, case, answers, stop)
        except ExplanationCancelled:  # another case or another value: what was said here is gone
            return

    def compare(self, request: gr.Request) -> Iterator[Updates]:
        """What changed since the latest earlier film of each view of the day, one after the other."""
        from modeling.explain.change import pairs_of_views  # torch: not before it is needed
        from modeling.pipeline import unlike_sources

        session, case, stop = self._begun(request)
        language, films = session.language, films_of(session, case)
        if not case.licence.may_show:
            raise StudyError("This film may not be shown here; open a case whose licence allows it.")
        yield {self._panel.changed: note(say("whole.comparing", language)), self._message: alert("")}
        pipeline, pairs = self._studies.pipeline, pairs_of_views(films)
        found: list[tuple[tuple[int, int], FilmChange | Sentence]] = []
        for pair in pairs:
            try:
                found.append((pair, self._studies.change(films, pair)))
            except StudyError as refusal:
                found.append((pair, refusal.sentence))
        with session.lock:
            if stop.is_set():
                return
            session.whole_shown = True
        image, sources = pipeline.processor.config.image, pipeline.model.config.sources
        unlike = unlike_sources(sources, case.provenance.source or None)
        panel = changed_panel(found, films, image, language, unlike)
        yield {self._panel.changed: panel, self._message: alert("")}

    def _begun(self, request: gr.Request) -> tuple[Session, Case, threading.Event]:
        """The session, its case of several films, and what stops this work; what ran of it before stops."""
        session = self._sessions.of(request.session_hash)
        with session.lock:
            case, stop = session.case, session.begin_reading()
        if case is None or session.study is None or not case.further:
            raise StudyError("This case has one film; open one of several films, which are read together.")
        return session, case, stop

    def _told(
        self, session: Session, case: Case, answers: Sequence["StudyAnswer"], stop: threading.Event
    ) -> Iterator[Updates]:
        """The screen as far as the answers have come; nothing where the reader has gone on."""
        with session.lock:
            if stop.is_set():
                return
            session.whole, session.whole_shown = tuple(answers), True
            shown = self._shown(session, case)
        yield shown

    def _shown(self, session: Session, case: Case) -> Updates:
        language, answers = session.language, session.whole
        strip = films_strip(case, language, session.film_shown, beside_films(answers, language))
        panel = answer_panel(answers, case, language)
        return {self._panel.answer: panel, self._films: strip, self._message: alert("")}
