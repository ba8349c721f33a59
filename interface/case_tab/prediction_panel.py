"""The prediction as HTML: probabilities beside the reference, who answered, and what it had."""

from html import escape

from cases.case import Case
from interface.html.fragments import heading, note, title_in
from interface.language.texts import Language, listed, say, translated, word_for
from interface.models.model_host import ModelState
from modeling.results import Prediction, TaskPrediction


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def _task_table(
    task: TaskPrediction, reference: str | None, language: Language, *, reveal: bool = False
) -> str:
    rows = []
    for name, probability in zip(task.classes, task.probabilities, strict=True):
        tags = ""
        if name == task.most_probable:
            tags += f' <span class="vb-tag">▶ {escape(say("prediction.most", language))}</span>'
        if name == reference:
            tags += (
                f' <span class="vb-tag vb-reference">✓ {escape(say("prediction.agrees", language))}</span>'
            )
        rows.append(
            f'<tr><th scope="row">{escape(word_for("class", name, language))}{tags}</th>'
            f'<td class="vb-bar" aria-hidden="true"><i style="width:{100 * probability:.1f}%"></i></td>'
            f'<td class="vb-number">{_percent(float(probability))}</td></tr>'
        )
    read = listed((word_for("modality", m, language) for m in task.modalities), language)
    aside = say("prediction.made_from", language, modalities=read)
    if reference is None and not reveal:
        aside += " · " + say("prediction.no_reference", language)
    title = word_for("task", task.task, language)
    return (
        f'<table class="vb-bars"><caption><b>{escape(title)}</b> <small>{escape(aside)}</small></caption>'
        '<colgroup><col class="vb-names"><col><col class="vb-numbers"></colgroup>'
        f'<thead class="vb-unseen"><tr><th scope="col">{escape(say("prediction.class", language))}</th>'
        f'<td></td><th scope="col">{escape(say("prediction.probability", language))}</th></tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table>"
    )


def prediction_panel(
    prediction: Prediction,
    case: Case,
    language: Language,
    *,
    made_by: ModelState,
    warning: str = "",
    limits: tuple[str, str] = ("", ""),
    reveal: bool = False,
) -> str:
    """Probabilities of each task beside the reference labels, who answered, what it had, and its notes.

    Args:
        made_by: the checkpoint that predicted.
        warning: what `mismatch` says; stands before the numbers.
        limits: what `set_and_gate` says; stands before and behind the numbers.
        reveal: the reference waits behind a press, so that a reader can read first.
    """
    before, behind = limits
    known = {} if reveal else case.reference
    tables = "".join(_task_table(t, known.get(t.task), language, reveal=reveal) for t in prediction.tasks)
    tables += _behind_a_press(case, language) if reveal else ""
    given = ", ".join(word_for("modality", m, language) for m in prediction.given)
    made = say("prediction.made_by", language, name=made_by.name, revision=made_by.revision[:19])
    notes = [made, say("prediction.given", language, given=given)]
    stopped = prediction.familiarity.warning if prediction.familiarity else ""  # stands in front already
    notes += [translated(n, language) for n in prediction.notes if n != stopped]
    stands_out = (
        f'<p class="vb-mismatch"><span aria-hidden="true">⚠</span> {escape(warning)}</p>' if warning else ""
    )
    told = "".join(note(n) for n in notes)
    return heading("prediction.title", language) + stands_out + before + tables + behind + told


def _behind_a_press(case: Case, language: Language) -> str:
    """Reference labels, every reader's own words and numbers, and the teacher's note."""
    lines = [
        f"✓ {word_for('task', task, language)}: "
        + listed((word_for("class", name, language) for name in label.split("|")), language)
        for task, label in case.reference.items()
    ]
    lines += [
        say(
            "reference.rating",
            language,
            scale=word_for("scale", r.scale, language),
            value=f"{r.value:.1f}",
            high=f"{r.high:g}",
            reader=r.reader,
        )
        for r in case.ratings
    ]
    lines += [
        say("reference.reading", language, reader=r.reader, name=word_for("class", r.class_name, language))
        for r in case.readings
    ]
    lines = lines or [say("prediction.no_reference", language)]
    told = title_in(case.teaching_note, language)
    lesson = f'<p class="vb-lesson">{escape(told)}</p>' if told else ""
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    summary = escape(say("reference.reveal", language))
    return f'<details class="vb-reveal"><summary>{summary}</summary><ul>{items}</ul>{lesson}</details>'
