"""What the tab shows at each stage of a quiz, as updates of its parts; `handlers` decide what happens."""

from typing import Any

import gradio as gr

from cases.phantom.study_plan import STUDY_TASKS
from interface.html.fragments import alert, note
from interface.language.texts import Language, say
from interface.quiz_tab import fragments as draw
from interface.quiz_tab.film import kept_record, quiz_film
from interface.quiz_tab.findings import parts_of
from interface.quiz_tab.rules import Answer, fingerprint
from interface.quiz_tab.sitting import Sitting
from interface.quiz_tab.tab import QuizPanel, answers_to

Updates = dict[Any, Any]


def start(p: QuizPanel) -> Updates:
    """The start, for another set."""
    shown = {p.start: gr.Column(visible=True), p.code: "", p.begin: gr.Button(interactive=True)}
    return shown | {p.step: "", p.status: "", p.results: "", p.again: gr.Button(visible=False)}


def read(p: QuizPanel, sitting: Sitting, language: Language) -> Updates:
    """A case with nothing but what exists before anyone reads it."""
    assert sitting.case is not None, "no case is laid"
    return {
        p.message: alert(""),
        p.status: note(draw.asking("read_hint", sitting.task, language)),
        p.start: gr.Column(visible=False),
        p.begin: gr.Button(interactive=True),
        p.step: _step("read", language, sitting),
        p.film: quiz_film(sitting, language),
        p.facts: draw.facts(sitting.case, sitting.task, language),
        p.model: "",
        p.truth: "",
        p.answers: gr.Column(visible=True),
        p.answer: gr.Radio(
            choices=answers_to(sitting.task.classes, language), value=None, visible=not sitting.findings
        ),
        p.findings: gr.CheckboxGroup(
            choices=answers_to(sitting.findings, language), value=[], visible=bool(sitting.findings)
        ),
        p.confidence: gr.Radio(value=None),
        p.commit: gr.Button(visible=True),
        p.reveal: gr.Button(visible=False),
        p.next: gr.Button(visible=False),
        p.finish: gr.Button(visible=True),
        p.results: "",
        p.again: gr.Button(visible=False),
    }


def given(p: QuizPanel, sitting: Sitting, answer: Answer) -> Updates:
    """What the reader had committed to before a reload, chosen again."""
    chosen = {p.answer: gr.Radio(value=answer.class_name)}
    if sitting.findings:
        parts = parts_of(answer.class_name, sitting.task)
        chosen = {p.findings: gr.CheckboxGroup(value=list(map(str, parts)))}
    return chosen | {p.confidence: gr.Radio(value=answer.confidence)}


def revise(p: QuizPanel, sitting: Sitting, language: Language) -> Updates:
    """The model's answer beside the reader's own, which may change; of several films the others instead."""
    several = sitting.task in STUDY_TASKS
    hint = f"quiz.revise_hint_{sitting.task}" if several else "quiz.revise_hint"
    more = (
        {p.film: quiz_film(sitting, language)}
        if several
        else {p.model: draw.model_answer(sitting, language, coming=sitting.told is not None)}
    )
    return more | {
        p.message: alert(""),
        p.status: note(say(hint, language)),
        p.step: _step("revise", language, sitting),
        p.commit: gr.Button(visible=False),
        p.reveal: gr.Button(visible=True),
        p.kept: kept_record(sitting, language),
    }


def reference(p: QuizPanel, sitting: Sitting, language: Language) -> Updates:
    """The reference of the case just read, and the score with it."""
    truth = draw.reference(sitting.case, sitting.rows[-1], sitting.task, language, sitting.grading)
    return {p.truth: truth, p.kept: kept_record(sitting, language)}


def reveal(p: QuizPanel, sitting: Sitting, language: Language) -> Updates:
    """The reference and the model's answer; nothing may be changed any more."""
    model = draw.whole_study if sitting.task in STUDY_TASKS else draw.model_answer
    return reference(p, sitting, language) | {
        p.message: alert(""),
        p.status: "",
        p.step: _step("reveal", language, sitting),
        p.film: quiz_film(sitting, language),
        p.model: model(sitting, language),
        p.answers: gr.Column(visible=False),
        p.next: gr.Button(visible=len(sitting.rows) < len(sitting.asked)),
    }


def over(p: QuizPanel, sitting: Sitting, language: Language) -> Updates:
    """The results of what has been done."""
    return {
        p.message: alert(""),
        p.status: "",
        p.step: draw.step("quiz.step_over", language),
        p.facts: "",
        p.model: "",
        p.truth: "",
        p.results: draw.results(sitting, fingerprint(sitting.asked), language),
        p.again: gr.Button(visible=True),
        p.kept: kept_record(sitting, language),
    }


def _step(stage: str, language: Language, sitting: Sitting) -> str:
    key = f"quiz.step_{stage}" + (f"_{sitting.task}" if sitting.task in STUDY_TASKS else "")
    return draw.step(key, language, number=sitting.number, total=len(sitting.asked))
