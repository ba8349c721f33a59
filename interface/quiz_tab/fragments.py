"""What the quiz draws as HTML: the facts of a case, the model's answer, the reference, and the results."""

from collections.abc import Sequence
from html import escape

from cases.case import Case
from interface.html.fragments import note
from interface.language.texts import Language, field_label, say, value_word, word_for
from interface.quiz_tab.score import CaseResult, Score, score
from interface.quiz_tab.sitting import Sitting, planted_region
from interface.session.links import Link
from interface.session.study_edits import typed
from modeling.labels import TASKS, TaskName
from modeling.results import Attribution, TaskPrediction
from modeling.study import CLINICAL_FIELDS

_DEFINITIONS = {
    "Negative": "quiz.definition_Negative",
    "Typical": "quiz.definition_Typical",
    "Indeterminate": "quiz.definition_Indeterminate",
    "Atypical": "quiz.definition_Atypical",
    "Mild": "quiz.definition_Mild",
    "Moderate": "quiz.definition_Moderate",
    "Severe": "quiz.definition_Severe",
}
CLOSE = 0.1
"""Confidence and share of right answers this near are alike."""


def percent(value: float) -> str:
    """A share, 0 to 1, as whole per cent."""
    return f"{100 * value:.0f} %"


def _class(name: str, language: Language) -> str:
    return word_for("class", name, language)


def step(key: str, language: Language, **values: object) -> str:
    """The heading of a step; it takes the focus. One with a number lets film and questions be seen."""
    asked = " vb-quiz-asked" if values else ""
    told = escape(say(key, language, **values))
    return f'<h2 class="vb-heading vb-quiz-step{asked}" tabindex="-1">{told}</h2>'


def intro(length: int, language: Language) -> str:
    """What the quiz is, before it starts."""
    return (
        f'<h2 class="vb-heading">{escape(say("quiz.title", language))}</h2>'
        f"<p>{escape(say('quiz.intro', language, length=length))}</p>" + note(say("quiz.private", language))
    )


def facts(case: Case, task: TaskName, language: Language) -> str:
    """What is known before anyone reads the film: indication, clinical table, and what the answers mean."""
    words = case.study.text.sections.get("indication", "").strip()
    values = case.study.table.values
    rows = "".join(
        f"<div><dt>{escape(field_label(name, language))}</dt>"
        f"<dd>{escape(value_word(typed(values[name]), language))}</dd></div>"
        for name in CLINICAL_FIELDS
        if name in values
    )
    none = escape(say("quiz.no_data", language))
    return (
        f'<div class="vb-quiz-facts"><h3>{escape(say("quiz.indication", language))}</h3>'
        f"<p>{escape(words) or none}</p><h3>{escape(say('quiz.table', language))}</h3>"
        + (f"<dl>{rows}</dl>" if rows else f"<p>{none}</p>")
        + f"<details><summary>{escape(say('quiz.classes', language))}</summary>"
        + f"<ul>{_classes(task, language)}</ul></details></div>"
    )


def _classes(task: TaskName, language: Language) -> str:
    names = TASKS[task].classes
    return "".join(f"<li>{escape(say(_DEFINITIONS[name], language))}</li>" for name in names)


# --- the model


def model_answer(
    told: TaskPrediction | None, first: str, language: Language, account: Attribution | None, *, coming: bool
) -> str:
    """The model's probabilities beside what the reader committed to.

    Args:
        account: the map, once it is there.
        coming: whether it is still on its way.
    """
    title = f"<h3>{escape(say('quiz.model_title', language))}</h3>"
    if told is None:
        return f'{title}<p role="status">{escape(say("quiz.model_silent", language))}</p>'
    name = _class(told.most_probable, language)
    says = say("quiz.model_says", language, name=name, percent=percent(float(told.probabilities.max())))
    agrees = told.most_probable == first
    compared = (
        say("quiz.model_agrees", language)
        if agrees
        else say("quiz.model_differs", language, name=_class(first, language))
    )
    rows = "".join(
        f'<tr><th scope="row">{escape(_class(one, language))}</th>'
        f'<td class="vb-bar" aria-hidden="true"><i style="width:{100 * float(p):.1f}%"></i></td>'
        f'<td class="vb-number">{100 * float(p):.1f} %</td></tr>'
        for one, p in zip(told.classes, told.probabilities, strict=True)
    )
    return (
        f'{title}<p role="status"><b>{escape(says)}</b> '
        f'{escape(compared)}</p><table class="vb-bars"><colgroup><col class="vb-names"><col>'
        f'<col class="vb-numbers"></colgroup><tbody>{rows}</tbody></table>'
        + _map_line(account, name, language, coming=coming)
    )


def _map_line(account: Attribution | None, name: str, language: Language, *, coming: bool) -> str:
    if account is None:
        return note(say("quiz.map_coming", language), "vb-running") if coming else ""
    if account.image is None:
        return note(say("quiz.map_none", language))
    told = say("quiz.map_there", language, name=name)
    if account.verdict == "not converged":
        told += " " + say("quiz.map_unfit", language)
    return note(told)


# --- the reference


def _judged(name: str, truth: str, language: Language) -> str:
    if not name:
        return escape(say("quiz.no_answer", language))
    right = name == truth
    word = say("quiz.right" if right else "quiz.wrong", language)
    icon = "✓" if right else "✗"
    return (
        f"{escape(_class(name, language))} "
        f'<span class="vb-tag"><span aria-hidden="true">{icon}</span> {escape(word)}</span>'
    )


def reference(case: Case, row: CaseResult, language: Language) -> str:
    """The reference beside all three answers, what the mark met, and one sentence of teaching."""
    truth = say("quiz.truth", language, name=_class(row.truth, language))
    answers = "".join(
        f"<div><dt>{escape(say(key, language))}</dt><dd>{_judged(name, row.truth, language)}</dd></div>"
        for key, name in (("quiz.first", row.first), ("quiz.second", row.second), ("quiz.model", row.model))
    )
    return (
        f'<h3>{escape(say("quiz.truth_title", language))}</h3><p role="status"><b>{escape(truth)}</b> '
        f"<small>{escape(case.case_id)}</small></p>"
        f"<p>{escape(say(_DEFINITIONS[row.truth], language))}</p>"
        f'<dl class="vb-quiz-answers">{answers}</dl>'
        + "".join(note(line) for line in _overlaps(case, row, language))
        + f'<p class="vb-quiz-lesson">{escape(say(row.lesson, language))}</p>'
    )


def _overlaps(case: Case, row: CaseResult, language: Language) -> list[str]:
    lines = []
    if case.evidence is not None and planted_region(case) is None:
        lines.append(say("quiz.nothing_planted", language))
    if not row.marked:
        return [*lines, say("quiz.nothing_marked", language)]
    if row.iou_truth is not None:
        where = say("quiz.inside" if row.hit_truth else "quiz.outside", language)
        lines.append(say("quiz.overlap_truth", language, percent=percent(row.iou_truth), where=where))
    if row.iou_map is not None:
        lines.append(say("quiz.overlap_map", language, percent=percent(row.iou_map)))
    return lines


# --- the results


def results(sitting: Sitting, set_name: str, language: Language) -> str:
    """The whole sitting: score, drills revealed, film by film, and the link for the class."""
    if not sitting.rows:
        return note(say("quiz.nothing_done", language))
    found = score(sitting.rows)
    return (
        note(say("quiz.few", language, n=found.cases))
        + _score_table(found, language)
        + _calibration(found, language)
        + _drills(sitting.rows, found, language)
        + _film_by_film(sitting.rows, language)
        + share(sitting.code, set_name, language)
    )


def _score_table(found: Score, language: Language) -> str:
    def of(value: float, count: int = found.cases) -> str:
        return f"{round(value * count)} / {count} ({percent(value)})"

    rows = [("quiz.before", of(found.before)), ("quiz.after", of(found.after))]
    if found.model is not None:
        rows.append(("quiz.model_right", of(found.model, found.answered)))
    rows += [
        ("quiz.to_right", str(found.to_right)),
        ("quiz.to_wrong", str(found.to_wrong)),
        ("quiz.brier", f"{found.brier_before:.2f} → {found.brier_after:.2f}"),
    ]
    if found.marks:
        rows.append(("quiz.hits", f"{found.hits} / {found.marks}"))
    if found.iou_truth is not None:
        rows.append(("quiz.iou_truth", percent(found.iou_truth)))
    if found.iou_map is not None:
        rows.append(("quiz.iou_map", percent(found.iou_map)))
    body = "".join(
        f'<tr><th scope="row">{escape(say(key, language))}</th><td>{escape(value)}</td></tr>'
        for key, value in rows
    )
    title = escape(say("quiz.score_title", language))
    return (
        f'<table class="vb-quiz-table vb-quiz-score"><caption>{title}</caption><tbody>{body}</tbody></table>'
    )


def _calibration(found: Score, language: Language) -> str:
    gap = found.sure_before - found.before
    key = "quiz.calibrated"
    if abs(gap) > CLOSE:
        key = "quiz.overconfident" if gap > 0 else "quiz.underconfident"
    felt = say("quiz.sure", language, sure=percent(found.sure_before), right=percent(found.before))
    return note(f"{felt} {say(key, language)}") + note(say("quiz.brier_note", language))


def _drills(rows: Sequence[CaseResult], found: Score, language: Language) -> str:
    if not found.drills:
        return ""
    known = all(r.model and r.model != r.truth for r in rows if r.drill)
    values = {"drills": found.drills, "withstood": found.withstood, "followed": found.followed}
    told = say("quiz.drills" if known else "quiz.drills_conflict", language, **values)
    return f'<p class="vb-quiz-lesson">{escape(told)}</p>'


def _film_by_film(rows: Sequence[CaseResult], language: Language) -> str:
    heads = ("quiz.film", "quiz.first", "quiz.second", "quiz.model", "quiz.truth_title")
    head = "".join(f'<th scope="col">{escape(say(key, language))}</th>' for key in heads)
    body = []
    for row in rows:
        address = escape("?" + Link(case=row.case_id).query(language))
        film = f'<a href="{address}" target="_blank" rel="noopener">{escape(row.case_id)}</a>'
        drill = f' <span class="vb-tag">{escape(say("quiz.drill", language))}</span>' if row.drill else ""
        answers = (
            (row.first, row.first_confidence),
            (row.second, row.second_confidence),
            (row.model, row.model_probability),
        )
        cells = "".join(
            f"<td>{_judged(name, row.truth, language)}"
            + (f' <span class="vb-number">{percent(p)}</span></td>' if name else "</td>")
            for name, p in answers
        )
        body.append(
            f'<tr><th scope="row">{row.number}. <small>{film}</small>{drill}</th>{cells}'
            f"<td>{escape(_class(row.truth, language))}</td></tr>"
        )
    title = escape(say("quiz.cases_title", language))
    return (
        f'<div class="vb-sheet-scroll" tabindex="0" role="region" aria-label="{title}">'
        f'<table class="vb-quiz-table"><caption>{title}</caption><thead><tr>{head}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table></div>"
    )


def share(code: str, set_name: str, language: Language) -> str:
    """The link that gives others the same set."""
    return (
        f'<p class="vb-quiz-share">{escape(say("quiz.share", language))} '
        f'<a href="?quiz={escape(code)}" target="_blank" rel="noopener">?quiz={escape(code)}</a> '
        f"({escape(say('quiz.set_name', language, name=set_name))}) "
        f'<button type="button" class="vb-quiz-copy" data-done="{escape(say("quiz.copied", language))}">'
        f"{escape(say('quiz.copy', language))}</button></p>"
    )
