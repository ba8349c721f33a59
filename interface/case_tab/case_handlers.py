"""What happens when a reader chooses a case, pages through the list, brings a film, or changes the form."""

import secrets
from typing import Literal

import gradio as gr

from cases.case import Case
from cases.reading.upload import film_of_base64, study_from_upload
from cases.store import CaseFilter
from interface.case_tab.chooser import ANY
from interface.case_tab.components import Parts, Updates
from interface.case_tab.form import table_and_text
from interface.case_tab.viewer import desk_value
from interface.html.fragments import alert, case_list, note
from interface.language.texts import marker, say, translated
from interface.models.checkpoints import Checkpoints
from interface.models.held_film import HeldFilm, hold
from interface.models.model_host import StoreHost
from interface.session.prefetch import Ahead
from interface.session.session import Desk, Desks
from interface.session.study_edits import own_case, revised
from modeling.errors import StudyError, ViewboxError
from modeling.study import Study

PAGE_ROWS = 12


def case_filter(source: str | None, appearance: str | None, grading: str | None) -> CaseFilter:
    """The filter that three dropdowns say."""
    return CaseFilter(source or None, appearance or None, grading or None)


def decoded(film: object) -> bytes:
    """The bytes of a film that came as base64 text, as `film_of_base64` reads it.

    Raises:
        StudyError: it is not base64.
    """
    if not isinstance(film, str):
        raise StudyError("The film must be sent as base64 text; encode the file and try again.")
    return film_of_base64(film)


def _reader(request: gr.Request) -> str:
    return request.session_hash or ""


class CaseActions:
    """Handlers of the chooser and the form; each returns component updates."""

    def __init__(self, models: Checkpoints, stores: StoreHost, desks: Desks, parts: Parts) -> None:
        self._models, self._stores, self._desks, self.parts = models, stores, desks, parts
        self._ahead = Ahead(stores)

    # --- what the handlers put on screen

    @property
    def opened(self) -> list[gr.components.Component]:
        """Outputs of everything that lays a case on the desk."""
        p = self.parts
        shown = [p.message, p.chooser.case_id, p.film.figure, p.results.prediction, p.results.progress]
        shown += [p.results.evidence, p.results.cancel, *p.checks]
        return [*shown, *p.model.lines, *p.form.inputs, p.take.notice]

    @property
    def turned(self) -> list[gr.components.Component]:
        """Outputs of what turns to another stored case: what is looked at first; `settle` puts the rest."""
        p = self.parts
        return [p.message, p.chooser.case_id, p.film.figure, p.results.prediction]

    @property
    def listed(self) -> list[gr.components.Component]:
        """Outputs of everything that draws the list."""
        c = self.parts.chooser
        return [self.parts.message, c.rows, c.earlier, c.later, c.source]

    def _expected(self, desk: Desk) -> Updates:
        """Where the prediction will stand."""
        host = self._models.of(desk.wanted, desk.case)
        self._models.need(host)
        key = "prediction.running" if host.state.phase == "ready" else "prediction.waiting"
        return {self.parts.message: alert(""), self.parts.results.prediction: note(say(key, desk.language))}

    def cleared(self, desk: Desk) -> Updates:
        """The screen without what was said about the study before."""
        return {**self.parts.lines(self._models, desk), **self._expected(desk), **self._unanswered()}

    def _unanswered(self) -> Updates:
        """Take off what was said about the case before."""
        results = self.parts.results
        return {
            **self.parts.unchecked(),
            self.parts.take.notice: alert(""),
            results.progress: "",
            results.evidence: "",
            results.cancel: gr.Button(interactive=False),
        }

    def lay(self, desk: Desk, case: Case, film: HeldFilm | None = None) -> Updates:
        """Lay a case on the desk and clear the screen for it.

        Args:
            film: the case's film for the viewer, where it is held already.
        """
        desk.put(case, film or hold(case))
        return {
            **self.cleared(desk),
            self.parts.chooser.case_id: case.case_id,
            self.parts.film.figure: desk_value(desk),
            **self.parts.form.filled(case.study),
        }

    def _turned(self, desk: Desk, case: Case, film: HeldFilm | None) -> Updates:
        """The same for a stored case, in two steps: its film comes on screen before everything else."""
        desk.put(case, film)
        figure, case_id = self.parts.film.figure, self.parts.chooser.case_id
        return {**self._expected(desk), case_id: case.case_id, figure: desk_value(desk)}

    def settle(self, request: gr.Request) -> Updates:
        """The second step; it takes nothing off that is about this case already, nor after a refusal."""
        desk = self._desks.of(request.session_hash)
        if desk.study is None or desk.settled == desk.opened:
            return {self.parts.message: gr.skip()}
        desk.settled = desk.opened
        shown = {**self.parts.lines(self._models, desk), **self.parts.form.filled(desk.study)}
        return shown | (self._unanswered() if desk.due == "predict" else {})

    # --- what was refused

    def remember(self, sentence: str, request: gr.Request) -> None:
        """Keep the sentence of a refused action until `show_fault` puts it on screen."""
        self._desks.of(request.session_hash).fault = sentence

    def show_fault(self, request: gr.Request) -> Updates:
        """The sentence of the action that was just refused."""
        desk = self._desks.of(request.session_hash)
        return self.parts.say(translated(desk.fault, desk.language))

    # --- choosing

    def open(self, case_id: str, request: gr.Request) -> Updates:
        """Open a case by its ID."""
        desk = self._desks.of(request.session_hash)
        if not (case_id or "").strip():
            raise ViewboxError(say("choose.empty_id", desk.language))
        updates = self._open(desk, case_id.strip(), request)
        self.expect_next(desk, request)
        return updates

    def _open(self, desk: Desk, case_id: str, request: gr.Request) -> Updates:
        return self._turned(desk, *self._ahead.opened(case_id, _reader(request)))

    def open_row(self, event: gr.EventData, request: gr.Request) -> Updates:
        """Open the row that was pressed."""
        return self.open(str((event._data or {}).get("case_id", "")), request)

    def next(
        self, source: str | None, appearance: str | None, grading: str | None, request: gr.Request
    ) -> Updates:
        """The case after this one."""
        return self._step("next", case_filter(source, appearance, grading), request)

    def previous(
        self, source: str | None, appearance: str | None, grading: str | None, request: gr.Request
    ) -> Updates:
        """The case before this one."""
        return self._step("previous", case_filter(source, appearance, grading), request)

    def _step(
        self, direction: Literal["next", "previous"], where: CaseFilter, request: gr.Request
    ) -> Updates:
        """The next or previous case that passes the filter; the first one where none is open."""
        desk = self._desks.of(request.session_hash)
        store = self._stores.store
        if desk.case is None or not desk.case.case_id:
            page = store.page(where, None, 1)
            found = page.rows[0].case_id if page.rows else None
        else:
            found = store.step(desk.case.case_id, direction, where)
        if found is None:
            raise ViewboxError(say("choose.end", desk.language))
        updates = self._open(desk, found, request)
        self._ahead.read(lambda: store.step(found, direction, where), _reader(request), desk.film)
        return updates

    def expect_next(self, desk: Desk, request: gr.Request) -> None:
        """The reader has just come to this case: "Next" is what they most likely press."""
        if desk.case is not None and desk.case.case_id:
            here = desk.case.case_id

            def following() -> str | None:
                return self._stores.store.step(here, "next", CaseFilter())

            self._ahead.read(following, _reader(request), desk.film)

    def left(self, request: gr.Request) -> None:
        """The reader has gone: what was read for them goes too."""
        self._ahead.forget(_reader(request))

    def random(
        self, source: str | None, appearance: str | None, grading: str | None, request: gr.Request
    ) -> Updates:
        """Any case that passes the filter."""
        found = self._stores.store.random(case_filter(source, appearance, grading), secrets.randbits(31))
        if found is None:
            raise ViewboxError(say("choose.none", self._desks.of(request.session_hash).language))
        return self.open(found, request)

    # --- the list

    def list_start(
        self, source: str | None, appearance: str | None, grading: str | None, request: gr.Request
    ) -> Updates:
        """The first range of the list."""
        return self._list("start", case_filter(source, appearance, grading), request)

    def list_earlier(
        self, source: str | None, appearance: str | None, grading: str | None, request: gr.Request
    ) -> Updates:
        """The range before this one."""
        return self._list("earlier", case_filter(source, appearance, grading), request)

    def list_later(
        self, source: str | None, appearance: str | None, grading: str | None, request: gr.Request
    ) -> Updates:
        """The range after this one."""
        return self._list("later", case_filter(source, appearance, grading), request)

    def _list(
        self, move: Literal["start", "earlier", "later"], where: CaseFilter, request: gr.Request
    ) -> Updates:
        """One range of the list."""
        desk = self._desks.of(request.session_hash)
        store = self._stores.store
        trail = {"start": [None], "earlier": desk.trail[:-1] or [None]}.get(move, list(desk.trail))
        page = store.page(where, trail[-1], PAGE_ROWS)
        if move == "later" and page.next_after is not None:
            trail.append(page.next_after)
            page = store.page(where, trail[-1], PAGE_ROWS)
        desk.trail = trail
        desk.sources |= {row.source for row in page.rows if row.source}
        current = desk.case.case_id if desk.case else ""
        first = (len(trail) - 1) * PAGE_ROWS + 1
        chooser = self.parts.chooser
        choices = [(marker("choose.any"), ANY), *((s, s) for s in sorted(desk.sources))]
        return {
            self.parts.message: alert(""),
            chooser.rows: case_list(page, first, store.count(where), current, desk.language),
            chooser.earlier: gr.Button(interactive=len(trail) > 1),
            chooser.later: gr.Button(interactive=page.next_after is not None),
            chooser.source: gr.Dropdown(choices=choices),
        }

    # --- the reader's own study

    def take_film(self, event: gr.EventData, request: gr.Request) -> Updates:
        """Read a film that came inside the request; it is kept in memory only."""
        desk = self._desks.of(request.session_hash)
        sent = event._data if isinstance(event._data, dict) else {}
        if isinstance(sent.get("size"), int) and sent["size"] > 90e6:
            raise StudyError("This file is larger than 90 MB; export the film as a compressed DICOM or PNG.")
        name = str(sent.get("name", ""))[:120]
        study = study_from_upload(decoded(sent.get("data")), table={}, text={}, name=name)
        return self.lay(desk, own_case(study, name, say("upload.licence", desk.language)))

    def without_film(self, request: gr.Request) -> Updates:
        """An empty study: the reader fills in the form and predicts."""
        desk = self._desks.of(request.session_hash)
        updates = self.lay(desk, own_case(Study(), "", say("upload.licence", desk.language)))
        desk.due = "nothing"
        return updates

    def use(self, checkpoint: str, request: gr.Request) -> Updates:
        """Another checkpoint for what is on the desk; an empty choice is the one that suits the case."""
        desk = self._desks.of(request.session_hash)
        desk.wanted = self._models.named(checkpoint).name if checkpoint else ""
        if desk.case is None or (desk.due == "nothing" and desk.prediction is None):  # nothing to predict yet
            return {**self.parts.lines(self._models, desk), self.parts.message: alert("")}
        desk.revise(desk.study)
        return {**self.cleared(desk), self.parts.film.figure: desk_value(desk)}

    def revise(self, request: gr.Request, *inputs: object) -> Updates:
        """The case on the desk with what the form says now."""
        desk = self._desks.of(request.session_hash)
        if desk.case is None or desk.study is None:
            raise ViewboxError(say("choose.first", desk.language))
        desk.revise(revised(desk.study, *table_and_text(inputs)))
        return {**self.cleared(desk), self.parts.film.figure: desk_value(desk)}
