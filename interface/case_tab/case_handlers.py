"""What happens when a reader chooses a case, pages through the list, brings a film, or changes the study."""

import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Literal

import gradio as gr

from cases.case import Case
from cases.phantom.study_plan import OPACITY, STATES, STUDY_TASKS
from cases.store import CaseFilter, CaseStore
from interface.case_tab.chooser import ANY
from interface.case_tab.components import Parts, Updates
from interface.case_tab.form import table_and_text
from interface.case_tab.viewer import viewer_value
from interface.html.fragments import NONE_PASSES, alert, case_list, case_name, kept_values, note
from interface.html.study_films import films_strip
from interface.language.texts import Language, say, translated, word_for
from interface.models.checkpoints import Checkpoints
from interface.models.held_film import HeldFilm, hold
from interface.models.stores import StoreHost
from interface.session.admission import sent_study, sent_together, short_name
from interface.session.prefetch import Prefetch
from interface.session.session import Session, Sessions
from interface.session.study_edits import own_case, revised, sent_study_of_films
from interface.study_panel.answer import beside_films, left_out_films
from modeling.errors import StudyError, ViewboxError
from modeling.labels import FINDINGS, NO_FINDING
from modeling.study import ClinicalTable, ClinicalText, Modality, Study

PAGE_ROWS = 12

Pick = str | None
"""The value of a dropdown."""
Direction, Move = Literal["next", "previous"], Literal["start", "earlier", "later"]


def case_filter(source: Pick = "", appearance: Pick = "", grading: Pick = "", label: Pick = "") -> CaseFilter:
    """The filter that four dropdowns say."""
    return CaseFilter(source or None, appearance or None, grading or None, label=label or None)


def sent_upload(sent: Mapping[str, Any]) -> Study:
    """A study of a film that the page sent. Raises StudyError: it is too large, or could not be read."""
    if isinstance(sent.get("size"), int) and sent["size"] > 90e6:
        raise StudyError("This file is larger than 90 MB; export the film as a compressed DICOM or PNG.")
    return sent_study(sent.get("data"), short_name(sent.get("name")))


def _reader(request: gr.Request) -> str:
    return request.session_hash or ""


class CaseActions:
    """Handlers of the chooser and the form; each returns component updates."""

    def __init__(self, models: Checkpoints, stores: StoreHost, sessions: Sessions, parts: Parts) -> None:
        self._models, self._stores, self._sessions, self.parts = models, stores, sessions, parts
        self._prefetch = Prefetch(stores)

    # --- what the handlers put on screen

    @property
    def opened(self) -> list[gr.components.Component]:
        """Outputs of everything that puts a case on screen."""
        p = self.parts
        shown = [
            p.due,
            p.message,
            p.chooser.case_id,
            *self.looked_at,
            p.results.prediction,
            p.results.progress,
        ]
        shown += [p.why.evidence, p.results.leans, p.results.cancel, *p.of_map]
        shown += [*p.whole.said, *p.asked, *p.model.lines, *p.form.inputs, p.form.kept]
        return [*shown, p.take.notice]

    @property
    def turned(self) -> list[gr.components.Component]:
        """Outputs of what turns to another stored case: what is looked at first; `settle` puts the rest."""
        p = self.parts
        said = [p.results.prediction, p.results.leans, p.results.summary, p.take.notice]
        shown = [p.due, p.message, p.chooser.case_id, *self.looked_at, *p.whole.said]
        return [*shown, *said, *p.asked]

    @property
    def looked_at(self) -> list[gr.components.Component]:
        """Outputs of everything that puts another film into the viewer."""
        return [self.parts.film.figure, self.parts.film.films]

    @property
    def pressed(self) -> list[gr.components.Component]:
        """Outputs of `open_film`."""
        return [self.parts.message, *self.looked_at]

    def _films(self, session: Session) -> Updates:
        film, language = self.parts.film, session.language
        adds = beside_films(session.whole, language)
        strip = films_strip(session.case, language, session.film_shown, adds)
        return {film.figure: viewer_value(session), film.films: strip}

    @property
    def listed(self) -> list[gr.components.Component]:
        """Outputs of everything that draws the list."""
        c = self.parts.chooser
        return [self.parts.message, c.rows, c.earlier, c.later, c.source, c.label]

    def _expected(self, session: Session) -> Updates:
        """Where the prediction will stand; it is due."""
        host = self._models.of(session.wishes.checkpoint, session.case)
        self._models.need(host)
        key = "prediction.running" if host.state.phase == "ready" else "prediction.waiting"
        coming = note(say(key, session.language))
        due = self.parts.work_due()
        return {**due, self.parts.message: alert(""), self.parts.results.prediction: coming}

    def cleared(self, session: Session) -> Updates:
        """The screen without what was said about the study before."""
        session.unsettled = False
        left_out = " ".join(left_out_films(session.case, session.language))
        told = {self.parts.take.notice: alert(left_out), **self.parts.unanswered()}
        due = {**self.parts.lines(self._models, session), **self._expected(session)}
        return {**due, **told, **self.parts.unread(session)}

    def lay(self, session: Session, case: Case, film: HeldFilm | None = None) -> Updates:
        """Put a case on screen, with its `film` where that is held already, and clear the screen for it."""
        session.put(case, film or hold(case))
        return {
            **self.cleared(session),
            **dict.fromkeys(self.parts.asked, ""),
            self.parts.chooser.case_id: case.case_id,
            **self._films(session),
            **self.parts.form.filled(case.study),
            self.parts.form.kept: kept_values(case, session.language),
        }

    def turn(self, session: Session, case: Case, film: HeldFilm | None) -> Updates:
        """The same for a stored case, in steps: its film first, then its prediction, then everything else."""
        session.put(case, film)
        session.unsettled = True
        p = self.parts
        shown = {p.chooser.case_id: case.case_id, **self._films(session)}
        gone = {p.results.leans: "", p.results.summary: "", p.take.notice: alert("")}
        gone |= dict.fromkeys(p.asked, "")
        return {**self._expected(session), **self.parts.unread(session), **shown, **gone}

    def settle(self, request: gr.Request) -> Updates:
        """The last step, where one is to follow; it takes nothing off that is about this case already."""
        session = self._sessions.of(request.session_hash)
        if session.study is None or not session.unsettled:
            return {self.parts.message: gr.skip()}
        session.unsettled = False
        form = self.parts.form
        shown = {**self.parts.lines(self._models, session), **form.filled(session.study)}
        shown[form.kept] = kept_values(session.case, session.language) if session.case else ""
        return shown | (self.parts.unanswered() if session.due == "predict" else {})

    # --- choosing

    def open(self, case_id: str, request: gr.Request) -> Updates:
        """Open a case by its ID."""
        session = self._sessions.of(request.session_hash)
        if not (case_id or "").strip():
            raise ViewboxError("Type the ID of a case first, or choose one from the list.")
        updates = self._open(session, case_id.strip(), request)
        self.expect_next(session, request)
        return updates

    def _open(self, session: Session, case_id: str, request: gr.Request) -> Updates:
        return self.turn(session, *self._prefetch.opened(case_id, _reader(request)))

    def open_row(self, event: gr.EventData, request: gr.Request) -> Updates:
        """Open the row that was pressed."""
        return self.open(str((event._data or {}).get("case_id", "")), request)

    def open_film(self, event: gr.EventData, request: gr.Request) -> Updates:
        """Put the film of the study that was pressed into the viewer, or beside the one there, linked to it.

        Answer and map stay the first one's.
        """
        session = self._sessions.of(request.session_hash)
        told = event._data if isinstance(event._data, dict) else {}
        number, case = told.get("film"), session.case
        if case is None or not case.licence.may_show or number not in range(len(case.films)):
            raise StudyError("This film is not held any more; choose it again.")
        if told.get("beside") is True:
            session.film_beside = int(number), time.monotonic_ns()
        else:
            session.film_shown = int(number)
        return self._films(session)

    def next(self, request: gr.Request, *picked: Pick) -> Updates:
        """The case after this one."""
        return self._step("next", case_filter(*picked), request)

    def previous(self, request: gr.Request, *picked: Pick) -> Updates:
        """The case before this one."""
        return self._step("previous", case_filter(*picked), request)

    def _step(self, direction: Direction, where: CaseFilter, request: gr.Request) -> Updates:
        """The next or previous case that passes the filter; the first one where none is open."""
        session = self._sessions.of(request.session_hash)
        store = self._stores.store
        if session.case is None or not session.case.case_id:
            page = store.page(where, None, 1)
            found = page.rows[0].case_id if page.rows else None
        else:
            found = store.step(session.case.case_id, direction, where)
        if found is None:
            raise ViewboxError(
                "There is no further case in this direction; go the other way or change the filter."
            )
        updates = self._open(session, found, request)
        self._prefetch.read(lambda: store.step(found, direction, where), _reader(request), session.film)
        return updates

    def expect_next(self, session: Session, request: gr.Request) -> None:
        """The reader has just come to this case: "Next" is what they most likely press."""
        if session.case is not None and session.case.case_id:
            here = session.case.case_id

            def following() -> str | None:
                return self._stores.store.step(here, "next", CaseFilter())

            self._prefetch.read(following, _reader(request), session.film)

    def left(self, request: gr.Request) -> None:
        """The reader has gone: what was read for them goes too."""
        self._prefetch.forget(_reader(request))

    def random(self, request: gr.Request, *picked: Pick) -> Updates:
        """Any case that passes the filter."""
        found = self._stores.store.random(case_filter(*picked), secrets.randbits(31))
        if found is None:
            raise ViewboxError(NONE_PASSES)
        return self.open(found, request)

    # --- the list

    def list_start(self, request: gr.Request, *picked: Pick) -> Updates:
        """The first range of the list."""
        return self._list("start", case_filter(*picked), request)

    def list_earlier(self, request: gr.Request, *picked: Pick) -> Updates:
        """The range before this one."""
        return self._list("earlier", case_filter(*picked), request)

    def list_later(self, request: gr.Request, *picked: Pick) -> Updates:
        """The range after this one."""
        return self._list("later", case_filter(*picked), request)

    def _list(self, move: Move, where: CaseFilter, request: gr.Request) -> Updates:
        """One range of the list."""
        session = self._sessions.of(request.session_hash)
        store = self._stores.store
        trail = list(session.listing)
        if move != "later":
            trail = [None] if move == "start" else trail[:-1] or [None]
        page = store.page(where, trail[-1], PAGE_ROWS)
        if move == "later" and page.next_after is not None:
            trail.append(page.next_after)
            page = store.page(where, trail[-1], PAGE_ROWS)
        session.listing = tuple(trail)
        current = session.case.case_id if session.case else ""
        first = (len(trail) - 1) * PAGE_ROWS + 1
        chooser = self.parts.chooser
        sources = ((word_for("source", s, session.language), s) for s in store.sources())
        any_of_them = (say("choose.any", session.language), ANY)
        return {
            self.parts.message: alert(""),
            chooser.rows: case_list(page, first, store.count(where), current, session.language),
            chooser.earlier: gr.Button(interactive=len(trail) > 1),
            chooser.later: gr.Button(interactive=page.next_after is not None),
            chooser.source: gr.Dropdown(choices=[any_of_them, *sources]),
            chooser.label: gr.Dropdown(choices=[any_of_them, *self._labels(store, session.language)]),
        }

    def _labels(self, store: CaseStore, language: Language) -> Iterator[tuple[str, str]]:
        """The labels of tasks that have no filter of their own, in the reader's words.

        Those of phantom studies only where the store holds some.
        """
        studies = any(store.count(CaseFilter(label=f"{OPACITY}/{state}")) for state in STATES)
        for task in (FINDINGS, *self._models.declared, *(STUDY_TASKS if studies else ())):
            for name in dict.fromkeys((*task.classes, *([NO_FINDING] if task.kind == "multilabel" else []))):
                words = (word_for("task", task, language), word_for("class", name, language))
                yield say("choose.label_of", language, task=words[0], name=words[1]), f"{task}/{name}"

    # --- the reader's own study

    def take_film(self, event: gr.EventData, request: gr.Request) -> Updates:
        """Read a film that came inside the request; it is kept in memory only."""
        session = self._sessions.of(request.session_hash)
        try:
            return self._taken(event._data if isinstance(event._data, dict) else {}, session)
        except ViewboxError as refusal:
            told = translated(refusal.sentence, session.language)
            if session.case is not None:  # say whose film and numbers still stand there
                name = case_name(session.case, session.language)
                told += " " + say("upload.still", session.language, case=name)
            return self.parts.say(told)

    def _taken(self, sent: Mapping[str, Any], session: Session) -> Updates:
        licence = say("upload.licence", session.language)
        if "films" not in sent:
            return self.lay(session, own_case(sent_upload(sent), short_name(sent.get("name")), licence))
        return self.lay(session, sent_study_of_films(sent_together(sent), licence))

    def without_film(self, request: gr.Request) -> Updates:
        """An empty study: the reader fills in the form and predicts."""
        session = self._sessions.of(request.session_hash)
        updates = self.lay(session, own_case(Study(), "", say("upload.licence", session.language)))
        session.due = "nothing"
        return updates

    def use(self, checkpoint: str, request: gr.Request) -> Updates:
        """Another checkpoint for what is on screen; an empty choice is the one that suits the case."""
        session = self._sessions.of(request.session_hash)
        session.wish(checkpoint=self._models.named(checkpoint).name if checkpoint else "")
        nothing_yet = session.due == "nothing" and session.answer.prediction is None
        if session.case is None or nothing_yet:
            return {**self.parts.lines(self._models, session), self.parts.message: alert("")}
        session.revise(session.study)
        return {**self.cleared(session), self.parts.film.figure: viewer_value(session)}

    def revise(self, request: gr.Request, *inputs: object) -> Updates:
        """The case on screen with what the form says now."""
        session = self._sessions.of(request.session_hash)
        if session.case is None or session.study is None:
            raise ViewboxError("Choose a case or a film first.")
        session.revise(revised(session.study, *table_and_text(inputs)))
        return {**self.cleared(session), self.parts.film.figure: viewer_value(session)}


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
                raise ViewboxError(
                    "Nothing would be left to predict from; press Restore the case, or fill in a field."
                )
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
            raise ViewboxError("Choose a case or a film first.")
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
