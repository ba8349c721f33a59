"""Several films of a reader's own in one upload: a row each, and each one press away in the strip."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import gradio as gr
from PIL import Image

from interface.case_tab.case_handlers import CaseActions, sent_upload
from interface.case_tab.components import Parts, Updates
from interface.html.pictures import data_url, small_film
from interface.html.render import percent, render
from interface.language.texts import Language, say, translated, word_for
from interface.models.checkpoints import Checkpoints
from interface.models.model_host import ModelHost
from interface.session.admission import short_name
from interface.session.session import OwnFilm, Sessions
from interface.session.study_edits import own_case
from modeling.answers import FilmAnswer, answer_film, table_header, table_row
from modeling.csv_cells import csv_text
from modeling.errors import StudyError
from modeling.labels import Task
from modeling.study import Radiograph, Study

MOST = 50
"""Films of one upload, and rows that stay; more go in another upload."""
HELD_BYTES = 256 * 2**20
"""Of the films that stay open for one reader; of earlier ones the row stays."""
THUMBNAIL = 96


class OwnFilms:
    """Handlers of an upload of several films; the page sends them one after the other."""

    def __init__(self, models: Checkpoints, sessions: Sessions, parts: Parts, cases: CaseActions) -> None:
        self._models, self._sessions, self.parts, self._cases = models, sessions, parts, cases

    @property
    def added(self) -> list[gr.components.Component]:
        """Outputs of `add_film`."""
        return [*self._cases.opened, self.parts.chooser.several]

    def add_film(self, event: gr.EventData, request: gr.Request) -> Updates:
        """One film of several: its row, its place in the strip, and the first that can be read on screen."""
        session = self._sessions.of(request.session_hash)
        sent: Mapping[str, Any] = event._data if isinstance(event._data, dict) else {}
        host = self._models.of(session.wishes.checkpoint, None)
        self._models.need(host)
        film = _answered(host, sent, session.language)
        number, count = (value if type(value := sent.get(name)) is int else 1 for name in ("number", "count"))
        with session.lock:
            before = session.own[-(number - 1) :] if number > 1 else ()
            session.own = _kept((*session.own, film))
            own = session.own
        first = film.case is not None and all(one.case is None for one in before)
        shown = self._cases.lay(session, film.case) if first else {self.parts.message: gr.skip()}
        tasks = [task.spec for task in host.pipeline.config.tasks]
        progress = {"done": number, "count": count, "turn": sent.get("turn")}
        return {**shown, self.parts.chooser.several: _table(own, tasks, session.language, progress)}

    def open_own(self, event: gr.EventData, request: gr.Request) -> Updates:
        """The film of the strip that was pressed."""
        session = self._sessions.of(request.session_hash)
        number = (event._data or {}).get("own") if isinstance(event._data, dict) else None
        own = session.own
        film = own[number] if type(number) is int and 0 <= number < len(own) else None
        if film is None or film.case is None:
            raise StudyError("This film is not held any more; choose it again.")
        return self._cases.lay(session, film.case)


def _answered(host: ModelHost, sent: Mapping[str, Any], language: Language) -> OwnFilm:
    name = short_name(sent.get("name"))
    answer, study = answer_film(name, partial(sent_upload, sent), partial(host.predict, source=None))
    if study is None:
        return OwnFilm(answer)
    return OwnFilm(answer, own_case(study, name, say("upload.licence", language)), _thumbnail(study))


def _thumbnail(study: Study) -> str:
    assert isinstance(study.radiograph, Radiograph), "an upload is a film"
    picture = Image.fromarray(small_film(study.radiograph))
    picture.thumbnail((THUMBNAIL, THUMBNAIL))
    return data_url(picture)


def _kept(films: tuple[OwnFilm, ...]) -> tuple[OwnFilm, ...]:
    """The latest rows, and of them as many films as may be held."""
    films, held = films[-MOST:], []
    free = HELD_BYTES
    for film in reversed(films):
        free -= film.bytes
        held.append(film if free >= 0 else replace(film, case=None, picture=""))
    return tuple(reversed(held))


def _table(
    own: Sequence[OwnFilm], tasks: Sequence[Task], language: Language, progress: Mapping[str, Any]
) -> str:
    """The films to press, how far the upload is, a row for each film, and the same as CSV."""
    header, answers = table_header(tasks), [film.answer for film in own]
    csv = csv_text(header, [table_row(header, answer) for answer in answers])
    return render(
        "case_tab/own_films.html",
        language=language,
        films=[(number, film) for number, film in enumerate(own) if film.case is not None],
        head=["", *(word_for("task", task, language) for task in tasks), say("several.against", language)],
        rows=[_row(answer, tasks, language) for answer in answers],
        most=MOST,
        csv=base64.b64encode(csv.encode("utf-8-sig")).decode(),
        **progress,
    )


def _row(answer: FilmAnswer, tasks: Sequence[Task], language: Language) -> list[str]:
    """What a refusal or a problem leaves: no answer stands beside either."""
    cells = dict.fromkeys(tasks, "")
    against = [answer.refusal] if answer.refusal else []
    if answer.prediction is not None and not answer.refusal:
        for task in answer.prediction.tasks:
            best = task.classes.index(task.most_probable)
            share = percent(float(task.probabilities[best]))
            cells[task.task] = f"{word_for('class', task.most_probable, language)} {share}"
        against = list(answer.prediction.warnings)
    return [answer.film, *cells.values(), " ".join(translated(one, language) for one in against)]
