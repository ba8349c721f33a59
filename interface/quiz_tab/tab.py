"""The tab "Quiz": lays out its parts and says which event calls which action."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

import gradio as gr

from cases.phantom.study_plan import STUDY_TASKS
from interface.case_tab.viewer import viewer
from interface.html.fragments import alert
from interface.language.texts import Language, marker, word_for
from interface.quiz_tab.rules import CONFIDENCES, TOPICS
from interface.quiz_tab.teachers import scripted, teachers_panel
from interface.session.lanes import PRIVATE, QUIET, Lanes
from modeling.labels import APPEARANCE, Task
from modeling.sentence import own_word

FILM_ID = "vb-quiz-film"
_KEPT_WORDS = ("quiz.kept", "quiz.csv", "quiz.json", "quiz.forget", "quiz.full", "quiz.continue")
_SURE = ("quiz.sure_guess", "quiz.sure_half", "quiz.sure_more", "quiz.sure_much", "quiz.sure_certain")
_MOUNT = """
const mount = () => window.viewboxQuiz?.mount
  ? window.viewboxQuiz.mount(element, props, watch, (record) => trigger('resume', record))
  : setTimeout(mount, 20);
mount();
"""
_FOCUS = "() => window.viewboxQuiz.focus()"


@dataclass(frozen=True)
class QuizPanel:
    """Everything of the tab that the actions change."""

    tabs: gr.Tabs
    message: gr.HTML
    start: gr.Column
    intro: gr.HTML
    topic: gr.Radio
    code: gr.Textbox
    begin: gr.Button
    status: gr.HTML
    step: gr.HTML
    film: gr.HTML
    facts: gr.HTML
    model: gr.HTML
    truth: gr.HTML
    answers: gr.Column
    answer: gr.Radio
    findings: gr.CheckboxGroup
    confidence: gr.Radio
    commit: gr.Button
    reveal: gr.Button
    next: gr.Button
    finish: gr.Button
    results: gr.HTML
    again: gr.Button
    kept: gr.HTML
    exports: dict[str, gr.Button]
    taken: gr.HTML
    group: gr.HTML

    @property
    def all(self) -> list[Any]:
        """Outputs of every action."""
        return [getattr(self, f.name) for f in fields(self) if f.name != "exports"]


def quiz_panel(tabs: gr.Tabs, message: gr.HTML) -> QuizPanel:
    """Lay out the tab's content; only its introduction shows before a quiz is begun."""
    parts: dict[str, Any] = {"tabs": tabs, "message": message}
    with gr.Column(elem_id="vb-quiz-start") as parts["start"]:
        parts["intro"] = gr.HTML(elem_id="vb-quiz-intro")
        parts["topic"] = gr.Radio(
            topics(),
            value="",
            label=marker("quiz.topic"),
            info=marker("quiz.topic_hint"),
            elem_id="vb-quiz-topic",
        )
        parts["begin"] = gr.Button(marker("quiz.begin"), variant="primary", elem_id="vb-quiz-begin")
        parts["code"] = gr.Textbox(
            label=marker("quiz.code"),
            info=marker("quiz.code_hint"),
            max_lines=1,
            max_length=40,
            elem_id="vb-quiz-code",
        )
    parts["step"] = gr.HTML(elem_id="vb-quiz-step")
    parts["status"] = gr.HTML(elem_id="vb-quiz-status")
    # Seen while a film is asked (quiz.css): showing it by `visible` would rob the viewer of its words.
    with gr.Column(elem_id="vb-quiz-desk"), gr.Row(equal_height=False):
        with gr.Column(scale=6, min_width=330):
            parts["film"] = viewer(FILM_ID)
        with gr.Column(scale=5, min_width=330):
            parts |= _questions()
    parts["results"] = gr.HTML(elem_id="vb-quiz-results")
    parts["again"] = gr.Button(marker("quiz.again"), visible=False, elem_id="vb-quiz-again")
    # Earlier results, which only the browser has; its script keeps, lists, downloads and deletes them.
    parts["kept"] = scripted("vb-quiz-kept", _MOUNT, _KEPT_WORDS)
    parts |= teachers_panel()
    return QuizPanel(**parts)


def topics(declared: Sequence[Task] = (), language: Language = "en") -> list[tuple[str, str]]:
    """What a set can be asked about, each by its name in the reader's language."""
    own = [(word_for("task", task, language), str(task)) for task in declared]
    keys = [(f"quiz.topic_{name}" if name in STUDY_TASKS else f"task.{name}", str(name)) for name in TOPICS]
    return [(marker("quiz.topic_any"), ""), *((marker(key), name) for key, name in keys), *own]


def answers_to(names: Sequence[str], language: Language = "en") -> list[tuple[str, str]]:
    """Classes to choose from, each by its name in the reader's language."""
    return [(own_word(name, language) or marker(f"class.{name}", str(name)), str(name)) for name in names]


def _questions() -> dict[str, Any]:
    """What stands beside the film."""
    parts: dict[str, Any] = {
        "truth": gr.HTML(elem_id="vb-quiz-truth"),
        "model": gr.HTML(elem_id="vb-quiz-model"),
        "facts": gr.HTML(elem_id="vb-quiz-facts"),
    }
    with gr.Column(elem_id="vb-quiz-answers") as parts["answers"]:
        parts["answer"] = gr.Radio(
            answers_to(APPEARANCE.classes), label=marker("quiz.answer"), elem_id="vb-quiz-answer"
        )
        parts["findings"] = gr.CheckboxGroup(
            [],
            label=marker("quiz.findings"),
            info=marker("quiz.findings_hint"),
            visible=False,
            elem_id="vb-quiz-findings",
        )
        sure = [(marker(key), value) for key, value in zip(_SURE, CONFIDENCES, strict=True)]
        parts["confidence"] = gr.Radio(sure, label=marker("quiz.confidence"), elem_id="vb-quiz-sure")
        parts["commit"] = gr.Button(marker("quiz.commit"), variant="primary", elem_id="vb-quiz-commit")
        parts["reveal"] = gr.Button(
            marker("quiz.reveal"), variant="primary", visible=False, elem_id="vb-quiz-reveal"
        )
    parts["next"] = gr.Button(marker("quiz.next"), variant="primary", visible=False, elem_id="vb-quiz-next")
    parts["finish"] = gr.Button(marker("quiz.finish"), size="sm", elem_id="vb-quiz-finish")
    return parts


def quiz_tab(page: gr.Blocks, tabs: gr.Tabs, actions: Callable[[QuizPanel], Any], lanes: Lanes) -> None:
    """Lay out the tab among the others and connect it.

    Args:
        actions: makes the handlers for the panel (`interface.quiz_tab.handlers.QuizActions`).
    """
    with tabs, gr.Tab(marker("tab.quiz"), id="quiz", render_children=True) as tab:
        panel = quiz_panel(tabs, lanes.message)
    work, reading = actions(panel), partial(lanes.reading, pool="quiz")
    answered, shown = [panel.answer, panel.confidence], panel.all
    # Not `all`: an update of the viewer before it is built, even an empty one, takes its words away.
    started = [panel.status, panel.code, panel.begin, panel.message, panel.taken]
    arrival = [panel.intro, panel.kept, panel.group, panel.tabs, panel.topic, *started[:2]]
    reading(page.load, work.arrive, None, arrival)
    reading(tab.select, work.prepare)
    begun = partial(gr.on, [panel.begin.click, panel.code.submit])
    reading(begun, work.begin, [panel.code, panel.topic], shown)
    for kind, button in panel.exports.items():
        reading(button.click, work.export(kind), [panel.code, panel.topic], started)
    committed = lanes.short(panel.commit.click, work.commit, [*answered, panel.film, panel.findings], shown)
    resumed = reading(panel.kept.resume, work.resume, None, shown)
    recommitted = lanes.short(resumed.then, work.recommit, None, shown)
    for answer in (committed, recommitted):
        lanes.long(answer.then, work.explain, None, shown)
    reading(panel.reveal.click, work.reveal, [*answered, panel.findings], shown)
    reading(panel.next.click, work.next, None, shown)
    reading(panel.finish.click, work.finish, None, shown)
    reading(panel.again.click, work.again, None, shown)
    # What was refused is no longer said once a reader goes on.
    given = [part.input for part in (panel.answer, panel.findings, panel.confidence, panel.code)]
    gr.on(given, None, None, [panel.message], js=f"() => {json.dumps(alert(''))}", **QUIET)
    panel.step.change(None, None, None, js=_FOCUS, queue=False, **PRIVATE)
