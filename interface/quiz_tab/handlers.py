"""What happens in the quiz: nothing of model or reference leaves the server before a reader has committed."""

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from typing import Any

import gradio as gr
import numpy as np

from cases.phantom.study_plan import STUDY_TASKS
from interface.html.fragments import alert
from interface.language.texts import Language, translated
from interface.models.checkpoints import Checkpoints
from interface.models.stores import StoreHost
from interface.quiz_tab import fragments as draw
from interface.quiz_tab import stages
from interface.quiz_tab.film import kept_record, mark_on, quiz_film
from interface.quiz_tab.findings import is_answer, together
from interface.quiz_tab.pool import QuizPool, host_for
from interface.quiz_tab.resume import code_of, sitting_from
from interface.quiz_tab.rules import (
    LENGTH,
    NO_REGION,
    TOPICS,
    Answer,
    Asked,
    askable_tasks,
    begins,
    clean_code,
    drawn_set,
    new_code,
    topic_of,
)
from interface.quiz_tab.search import NO_CASES, candidates_for
from interface.quiz_tab.sitting import Sitting, Stage
from interface.quiz_tab.studies import film_asked, study_answer
from interface.quiz_tab.tab import QuizPanel, topics
from interface.quiz_tab.teachers import exported
from interface.session.links import language_of
from interface.session.session import Session, Sessions
from interface.session.study_edits import fitted
from modeling.errors import ExplanationCancelled, ViewboxError
from modeling.labels import GRADING, Target
from modeling.results import BASELINES
from modeling.sentence import Sentence

Updates = dict[Any, Any]
BAD_CODE = Sentence(
    "A quiz code has letters a to z, digits and hyphens only, at most 32; correct it or leave it empty."
)


class QuizActions:
    """Handlers of the tab; each returns component updates."""

    def __init__(self, models: Checkpoints, sessions: Sessions, pool: QuizPool, panel: QuizPanel) -> None:
        self._models, self._sessions, self._pool, self.panel = models, sessions, pool, panel

    # --- arriving

    def arrive(self, request: gr.Request) -> Updates:
        """The introduction in the reader's language; a link with `?quiz=` opens the tab with its code."""
        language = language_of(request.query_params, request.headers.get("accept-language"))
        updates = {
            self.panel.intro: draw.intro(LENGTH, language),
            self.panel.kept: {"language": language, "record": None},
            self.panel.group: {"language": language},
            self.panel.topic: gr.Radio(choices=topics(self._models.declared, language)),
        }
        wanted = dict(request.query_params).get("quiz")
        if wanted is None:
            return updates
        self._pool.start()
        code = clean_code(str(wanted))
        refused = {} if code or not wanted else {self.panel.status: alert(translated(BAD_CODE, language))}
        return updates | {self.panel.tabs: gr.Tabs(selected="quiz"), self.panel.code: code or ""} | refused

    def prepare(self) -> None:
        """The reader looks at the tab: find the films meanwhile."""
        self._pool.start()

    def begin(self, code: str | None, request: gr.Request, topic: str | None = None) -> Iterator[Updates]:
        """Draw the set, as soon as the films are known, and show the first one.

        Args:
            topic: the task that the set asks about, unless its code names one; empty for whatever each has.
        """
        session = self._sessions.of(request.session_hash)
        chosen, asked = yield from self._drawn(code, topic, session.language)
        yield self._begun(session, Sitting(chosen, asked))

    def _drawn(
        self, code: str | None, topic: str | None, language: Language
    ) -> Generator[Updates, None, tuple[str, tuple[Asked, ...]]]:
        """The code of a set, a new one where none is given, and its films, as soon as they are known."""
        chosen: str | None = (code or "").strip() or new_code()
        if topic and topic_of(chosen.lower(), [*TOPICS, *self._models.declared]) is None:
            chosen = begins(topic) + chosen
        chosen = clean_code(chosen)
        if chosen is None:
            raise ViewboxError(BAD_CODE)
        candidates = yield from candidates_for(chosen, self._pool, self._models, self.panel, language)
        asked = drawn_set(chosen, candidates)
        yield {self.panel.status: "", self.panel.begin: gr.Button(interactive=True)}
        if not asked:
            raise ViewboxError("No film here can be asked about that; choose another question.")
        return chosen, asked

    def export(self, kind: str) -> Callable[..., Iterator[Updates]]:
        """The handler that gives a set of films as questions for a course.

        Args:
            kind: of `FORMATS`.
        """

        def made(code: str | None, request: gr.Request, topic: str | None = None) -> Iterator[Updates]:
            language = self._sessions.of(request.session_hash).language
            chosen, asked = yield from self._drawn(code, topic, language)
            file = exported(kind, chosen, asked, self._pool.case, language)
            yield {self.panel.taken: file, self.panel.code: chosen, self.panel.message: alert("")}

        return made

    def resume(self, event: gr.EventData, request: gr.Request) -> Iterator[Updates]:
        """Go on with a set that a reload interrupted, from what the reader's browser kept of it."""
        session = self._sessions.of(request.session_hash)
        about = code_of(event._data), self._pool, self._models, self.panel, session.language
        candidates = yield from candidates_for(*about)
        yield {self.panel.status: "", self.panel.begin: gr.Button(interactive=True)}
        yield self._begun(session, sitting_from(event._data, candidates))

    def _begun(self, session: Session, sitting: Sitting) -> Updates:
        if session.quiz is not None:
            session.quiz.end()
        session.quiz, done = sitting, len(sitting.rows)
        shown = self._open(session, sitting)
        self._pool.draw_ahead([one.case_id for one in sitting.asked[done + 1 :]])
        return shown | {self.panel.kept: kept_record(sitting, session.language)}

    # --- reading

    def _open(self, session: Session, sitting: Sitting) -> Updates:
        """The next case, with nothing but what exists before anyone reads it."""
        asked = sitting.asked[len(sitting.rows)]
        case = self._pool.case(asked.case_id)
        film = film_asked(case, asked.task)
        if film is None or asked.task not in askable_tasks(case, [asked.task]):
            raise ViewboxError(NO_CASES)
        sitting.put(case, film, host_for(self._models, case))
        return stages.read(self.panel, sitting, session.language)

    def commit(
        self,
        answer: str | None,
        confidence: float | None,
        marked: object,
        request: gr.Request,
        findings: Sequence[str] = (),
    ) -> Updates:
        """Keep the reader's own reading; from here on the model's answer may be seen."""
        session, sitting = self._sitting(request, "read")
        first = self._given(sitting, answer, findings, confidence)
        mark = mark_on(sitting, marked)
        if mark is None and first.class_name not in NO_REGION and not sitting.reminded:
            sitting.reminded = True
            raise ViewboxError(
                "You have marked nothing yet. Mark what you see, or press Commit once more to"
                " go on without a mark."
            )
        return self._committed(session, sitting, first, mark)

    def recommit(self, request: gr.Request) -> Updates:
        """After a reload: what had been committed stands, and the model's answer is told again."""
        session = self._sessions.of(request.session_hash)
        sitting = session.quiz
        if sitting is None or sitting.waiting is None or sitting.stage != "read":
            return {self.panel.message: gr.skip()}
        first, mark = sitting.waiting.answer, sitting.waiting.mark
        sitting.waiting = None
        chosen = stages.given(self.panel, sitting, first)
        return chosen | self._committed(session, sitting, first, mark)

    def _committed(
        self, session: Session, sitting: Sitting, first: Answer, mark: np.ndarray | None
    ) -> Updates:
        if sitting.task in STUDY_TASKS:  # the other films come; the model waits until the reference is told
            sitting.first, sitting.stage = first, "revise"
            sitting.film = film_asked(sitting.case, sitting.task, whole=True)
            return stages.revise(self.panel, sitting, session.language)
        case, host = sitting.case, sitting.host
        study = fitted(case.study, case, host.text_sections)
        tasks = {} if host.state.phase == "failed" else {t.task: t for t in host.predict(study, None).tasks}
        told, other = tasks.get(sitting.task), tasks.get(GRADING)
        if sitting.case is not case or sitting.stage != "read":  # the reader has moved on meanwhile
            return {self.panel.message: gr.skip()}
        sitting.first, sitting.mark, sitting.told, sitting.stage = first, mark, told, "revise"
        sitting.grading = other.most_probable if other is not None and other is not told else ""
        return stages.revise(self.panel, sitting, session.language)

    def explain(self, request: gr.Request) -> Updates:
        """The map of the model's answer; one that comes after the reference is still shown and scored."""
        session = self._sessions.of(request.session_hash)
        sitting, nothing = session.quiz, {self.panel.message: gr.skip()}
        if sitting is None or sitting.told is None or sitting.map is not None or sitting.stage == "over":
            return nothing
        if sitting.whole is not None:  # read by the model of studies
            return nothing
        case, stop = sitting.case, sitting.stop
        study = fitted(case.study, case, sitting.host.text_sections)
        target = Target(sitting.task, sitting.explained)
        try:
            account = sitting.host.explained(study, target, BASELINES[0], stop)
        except ExplanationCancelled:  # the reader went on to the next film
            return nothing
        except ViewboxError as exc:
            without = draw.model_answer(sitting, session.language)
            return {
                self.panel.model: without,
                self.panel.message: alert(translated(exc.sentence, session.language)),
            }
        if stop.is_set() or sitting.case is not case:
            return nothing
        sitting.map = account
        updates: Updates = {
            self.panel.film: quiz_film(sitting, session.language),
            self.panel.model: draw.model_answer(sitting, session.language),
        }
        return updates | (self._rescored(session, sitting) if sitting.stage == "reveal" else {})

    def _rescored(self, session: Session, sitting: Sitting) -> Updates:
        sitting.rows[-1] = replace(sitting.rows[-1], iou_map=sitting.map_overlap)
        return stages.reference(self.panel, sitting, session.language)

    def reveal(
        self,
        answer: str | None,
        confidence: float | None,
        request: gr.Request,
        findings: Sequence[str] = (),
    ) -> Updates:
        """Keep the second answer and tell the reference."""
        session, sitting = self._sitting(request, "revise")
        second = self._given(sitting, answer, findings, confidence)
        if sitting.task in STUDY_TASKS:
            sitting.whole = study_answer(self._models.studies, sitting.case, sitting.task)
            told = () if sitting.whole is None else sitting.whole.prediction.tasks
            sitting.told = next((one for one in told if one.task == sitting.task), None)
        sitting.rows.append(sitting.result(second))
        sitting.stage = "reveal"
        return stages.reveal(self.panel, sitting, session.language)

    def next(self, request: gr.Request) -> Updates:
        """The next film."""
        session, sitting = self._sitting(request, "reveal")
        if len(sitting.rows) == len(sitting.asked):
            return self._over(session, sitting)
        return self._open(session, sitting)

    def finish(self, request: gr.Request) -> Updates:
        """The results of what has been done."""
        session = self._sessions.of(request.session_hash)
        if session.quiz is None:
            raise ViewboxError("This quiz is no longer open; start it again.")
        return self._over(session, session.quiz)

    def again(self, request: gr.Request) -> Updates:
        """Back to the start, for another set."""
        self._sessions.of(request.session_hash).quiz = None
        return stages.start(self.panel)

    def _over(self, session: Session, sitting: Sitting) -> Updates:
        sitting.end()
        return stages.over(self.panel, sitting, session.language)

    # --- what the reader gave

    def _sitting(self, request: gr.Request, stage: Stage) -> tuple[Session, Sitting]:
        session = self._sessions.of(request.session_hash)
        if session.quiz is None or session.quiz.stage != stage:
            raise ViewboxError("This quiz is no longer open; start it again.")
        return session, session.quiz

    @staticmethod
    def _given(
        sitting: Sitting, answer: str | None, findings: Sequence[str], confidence: float | None
    ) -> Answer:
        if sitting.findings:
            answer = together(set(findings) & set(sitting.findings), sitting.task)
        if not is_answer(sitting.task, answer) or confidence is None:
            raise ViewboxError("Choose an answer and how sure you are first.")
        return Answer(answer, float(confidence))


def quiz_actions(
    models: Checkpoints, stores: StoreHost, sessions: Sessions
) -> Callable[[QuizPanel], QuizActions]:
    """Makes the handlers, for `interface.quiz_tab.tab.quiz_tab`."""
    pool = QuizPool(models, stores)
    return lambda panel: QuizActions(models, sessions, pool, panel)
