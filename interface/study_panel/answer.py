"""What the model of whole studies answers, as HTML: each task, without any films, and what each part adds."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cases.case import Case
from interface.html.fragments import part_name
from interface.html.render import render, signed
from interface.html.study_films import Added, added, film_words
from interface.language.texts import Language, known, listed, question, say, title_in, translated, word_for
from modeling.labels import Target
from modeling.study import Study

if TYPE_CHECKING:
    from modeling.results import TaskPrediction
    from modeling.study_answer import StudyAnswer

_ICON = {"converged": "✓", "usable": "≈", "not converged": "✗"}


def of_every_task(answer: "StudyAnswer") -> tuple["StudyAnswer", ...]:
    """One answer about each task's most probable class against the runner-up, in the order of the tasks."""
    return tuple(answer.about(against_runner_up(task)) for task in answer.prediction.tasks)


def against_runner_up(task: "TaskPrediction") -> Target:
    """The most probable class against the next one; a finding, which excludes no other, alone."""
    if task.task.kind == "multilabel":
        return Target(task.task, task.most_probable)
    *_, second, first = np.argsort(task.probabilities, kind="stable")
    return Target(task.task, task.classes[first], task.classes[second])


def _scale(answers: Sequence["StudyAnswer"]) -> float:
    """The largest magnitude, in logits, of any part of any answer: what a whole bar stands for."""
    values = [abs(part.shapley) for answer in answers for part in answer.parts]
    values += [abs(value) for answer in answers for _, value in _others(answer)]
    return max(values, default=0.0)


def _others(answer: "StudyAnswer") -> list[tuple[str, float]]:
    """What is no film: the name of the modality, and its part in the account; nothing before there is one."""
    if answer.account is None:
        return []
    sums = {"table": answer.account.fields, "text": answer.account.tokens}
    return [(name, float(part.sum())) for name, part in sums.items() if np.abs(part).any()]


def beside_films(answers: Sequence["StudyAnswer"], language: Language) -> list[tuple[str, list[Added]]]:
    """For the strip of films: each answer in words, and what every film adds to it."""
    scale = _scale(answers)
    return [
        (
            word_for("class", answer.target.class_name, language),
            [added(part.shapley, scale, language) for part in answer.parts],
        )
        for answer in answers
    ]


def left_out_films(case: Case | None, language: Language) -> list[str]:
    """Sentences that name the films of a reader's own study that could not be read, each with its reason."""
    return [translated(one, language) for one in case.notes] if case is not None and not case.case_id else []


def answer_panel(answers: Sequence["StudyAnswer"], case: Case, language: Language) -> str:
    """The answers of `of_every_task`, with their accounts as far as they are there."""
    first, scale = answers[0], _scale(answers)
    prediction = first.prediction
    truth = [
        say("reference.reading", language, reader=word_for("task", answer.target.task, language), name=name)
        for answer in answers
        for name in _true(answer, case, language)
    ]
    return render(
        "study_panel/answer.html",
        language=language,
        left_out=left_out_films(case, language),
        warnings=prediction.mismatch,
        films=[film_words(film, language) for film in first.films],
        joint=listed(("", ""), language),
        tasks=[_task(answer, scale, language) for answer in answers],
        truth=truth,
        lesson=title_in(case.teaching_note, language) if truth else "",
        notes=[_made(answers, case.study, language), *_notes(first, language)],
    )


def _true(answer: "StudyAnswer", case: Case, language: Language) -> list[str]:
    label = case.reference.get(answer.target.task)
    return [] if label is None else [word_for("class", label, language)]


def _task(answer: "StudyAnswer", scale: float, language: Language) -> dict[str, Any]:
    """What the template shows of one task."""
    from modeling.study_answer import CHANGE, NO_EARLIER  # torch: there is an answer already

    task = answer.prediction[answer.target.task]
    count = len(answer.films)
    every = [
        next(t for t in answer.with_films(_films(choice, count)) if t.task == task.task)
        for choice in range(1 << count)
    ]
    about = f"aside.{task.task}"
    return {
        "task": task.task,
        "cautions": [note for note in answer.prediction.notes if note == NO_EARLIER and task.task == CHANGE],
        "aside": say(about, language) if known(about) else "",
        "rows": [(name, float(p)) for name, p in zip(task.classes, task.probabilities, strict=True)],
        "best": task.most_probable,
        "reference": (),
        "choices": json.dumps([[round(float(p), 4) for p in one.probabilities] for one in every]),
        "target": question(answer.target, language),
        "parts": _parts(answer, scale, language),
        "delta": _delta(answer, language),
    }


def _films(choice: int, count: int) -> list[bool]:
    """Which films a choice by its number holds; the first one's bit is the highest."""
    return [bool(choice >> (count - 1 - film) & 1) for film in range(count)]


def _parts(answer: "StudyAnswer", scale: float, language: Language) -> list[dict[str, Any]]:
    rows = []
    for part in answer.parts:
        account = "…" if part.contribution is None else signed(part.contribution)
        words = film_words(part.film, language)
        bar = added(part.shapley, scale, language)
        rows.append({**vars(bar), "words": words, "shapley": signed(part.shapley), "account": account})
    for name, value in _others(answer):
        words = word_for("modality", name, language)
        rows.append(
            {**vars(added(value, scale, language)), "words": words, "shapley": "–", "account": signed(value)}
        )
    return rows


def _delta(answer: "StudyAnswer", language: Language) -> str:
    """How far the account adds up; "" before there is one."""
    account = answer.account
    if account is None:
        return ""
    change = account.output - account.baseline_output
    told = say(
        "explain.delta",
        language,
        verdict=word_for("verdict", answer.verdict, language),
        total=signed(change + account.convergence_delta),
        change=signed(change),
        delta=signed(account.convergence_delta),
        percent=f"{100 * account.relative_delta:.1f} %",
    )
    icon = _ICON[answer.verdict]
    return render("case_tab/delta.html", verdict=answer.verdict, icon=icon, sentence=told)


def _made(answers: Sequence["StudyAnswer"], study: Study, language: Language) -> str:
    """Who answered, from what, and whether the account is still on its way."""
    prediction = answers[0].prediction
    name = word_for("checkpoint", prediction.checkpoint, language, prediction.checkpoint)
    films = say("whole.count", language, count=len(answers[0].films))
    used = listed(
        (films, *(part_name(m, study.table.values, language) for m in prediction.given[1:])), language
    )
    told = [say("prediction.by", language, name=name), say("prediction.given", language, given=used)]
    if any(answer.account is None for answer in answers):
        told.append(say("whole.accounting", language))
    return " ".join(told)


def _notes(answer: "StudyAnswer", language: Language) -> list[str]:
    from modeling.study_answer import NO_EARLIER  # it stands with its task

    return [translated(note, language) for note in answer.prediction.notes if note != NO_EARLIER]
