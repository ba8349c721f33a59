"""What the quiz shows beside the film: facts of a case, the model's answer, the reference, the results."""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from cases.case import Case
from cases.phantom.phrases import read_indication
from cases.phantom.study_plan import STUDY_TASKS
from interface.case_tab.prediction_panel import readings
from interface.html.codes import codes
from interface.html.fragments import note, title_in
from interface.html.regions import reference_region
from interface.html.render import render, signed
from interface.html.study_films import film_words
from interface.language.texts import Language, known, listed, question, say, translated, word_for, words_for
from interface.quiz_tab.findings import JOINT, answer_of
from interface.quiz_tab.rules import TOPICS
from interface.quiz_tab.score import CaseResult, Score, interval, score
from interface.quiz_tab.sitting import Sitting, planted_on_grid
from interface.quiz_tab.studies import shown_first
from interface.session.links import Link
from interface.session.study_edits import typed
from interface.study_panel.answer import against_runner_up
from modeling.labels import APPEARANCE, GRADING, Task
from modeling.study import CLINICAL_FIELDS

if TYPE_CHECKING:
    from modeling.study_answer import StudyAnswer  # torch: not before it is needed

CLOSE = 0.1
"""Confidence and share of right answers this near are alike."""
_DEFINED = "quiz.definition_"


def percent(value: float) -> str:
    """A share, 0 to 1, as whole per cent."""
    return f"{100 * value:.0f} %"


def asking(kind: str, task: Task, language: Language) -> str:
    """The question ("ask"), or what to do ("read_hint"); of a declared task in its own words."""
    if task in TOPICS:
        return say(f"quiz.{kind}_{task}", language)
    key = f"quiz.{kind}_own_several" if task.kind == "multilabel" else f"quiz.{kind}_own"
    return say(key, language, task=word_for("task", task, language))


def named(answer: str, language: Language, task: Task) -> str:
    """A class, or the findings of an answer, in the reader's words."""
    return words_for("class", task.named(answer), language)


def definition(task: Task, name: str, language: Language) -> str:
    """What an answer means; empty where nobody said."""
    if task in TOPICS:
        return say(_DEFINED + name, language) if known(_DEFINED + name) else ""
    told = task.definitions[task.classes.index(name)] if name in task.classes else ""
    return told and say("choose.label_of", language, task=named(name, language, task), name=told)


def _drawn(panel: str, language: Language, task: Task, **values: object) -> str:
    words = {"named": partial(named, language=language, task=task), "percent": percent}
    return str(render(f"quiz/{panel}.html", language=language, **words, **values))


def step(key: str, language: Language, **values: object) -> str:
    """The heading of a step; it takes the focus. One with a number lets film and questions be seen."""
    return _drawn("step", language, APPEARANCE, key=key, values=values)


def intro(length: int, language: Language) -> str:
    """What the quiz is, before it starts."""
    return _drawn("intro", language, APPEARANCE, length=length)


def facts(case: Case, task: Task, language: Language) -> str:
    """What is known before anyone reads the film: indication, clinical table, and what the answers mean."""
    known_values = case.study.table.values
    indication = case.study.text.sections.get("indication", "").strip()
    phrases = read_indication(indication) if case.provenance.synthetic else ()
    return _drawn(
        "facts",
        language,
        task,
        indication=indication,
        worded=listed((translated(one, language) for one in phrases), language, "; "),
        foreign=language != "en" and indication.isascii(),
        values=[(name, typed(known_values[name])) for name in CLINICAL_FIELDS if name in known_values],
        classes=[told for name in task.classes if (told := definition(task, name, language))],
    )


def model_answer(sitting: Sitting, language: Language, *, coming: bool = False) -> str:
    """The model's probabilities beside what the reader committed to.

    Args:
        coming: whether its map is still on its way.
    """
    assert sitting.first is not None, "the model is shown after the reader has committed"
    answer, sure = answer_of(sitting.told, sitting.findings)
    told = sitting.told
    each = zip(told.classes, told.probabilities, strict=True) if told else ()
    return _drawn(
        "model",
        language,
        sitting.task,
        answer=answer,
        sure=sure,
        first=sitting.first.class_name,
        rows=[(name, float(p)) for name, p in each if name in (sitting.findings or told.classes)],
        map=_map_line(sitting, language, coming=coming),
        kind="vb-running" if coming else "",
    )


def _map_line(sitting: Sitting, language: Language, *, coming: bool) -> str:
    if sitting.map is None or sitting.told is None:
        return say("quiz.map_coming", language) if coming else ""
    if sitting.map.image is None:
        return say("quiz.map_none", language)
    if sitting.stage == "reveal" and reference_region(sitting.case, (64, 64), language) is not None:
        return ""  # which lies on the film instead
    told = say("quiz.map_there", language, name=named(sitting.explained, language, sitting.task))
    return f"{told} {say('quiz.map_unfit', language)}" if sitting.map.verdict == "not converged" else told


def reference(case: Case, row: CaseResult, task: Task, language: Language, grading: str = "") -> str:
    """The reference beside all answers, what readers said, what the mark met, and what there is to learn.

    Args:
        grading: the model's, to stand beside the readers' numbers; empty for none, or where it was asked for.
    """
    return _drawn(
        "reference",
        language,
        task,
        row=row,
        case=" · ".join(filter(None, (title_in(case.title, language), case.case_id))),
        definition=definition(task, row.truth, language),
        codes=codes(row.truth.split(JOINT), language) if task.kind == "multilabel" else "",
        overlaps=_overlaps(case, row, language),
        readings=readings(case, language),
        grading=grading and named(grading, language, GRADING),
        teaching=title_in(case.teaching_note, language),
    )


def whole_study(sitting: Sitting, language: Language) -> str:
    """What the model of studies says from all films, from those shown first, and what each film adds."""
    row, task, told = sitting.rows[-1], sitting.task, sitting.whole
    each = zip(sitting.told.classes, sitting.told.probabilities, strict=True) if sitting.told else ()
    answered = {"answer": row.model, "sure": row.model_probability, "first": row.second}
    rows = [(name, float(p)) for name, p in each]
    drawn = _drawn("model", language, task, rows=rows, map="", kind="", **answered)
    return drawn if told is None else drawn + "".join(map(note, _films_lines(told, task, language)))


def _films_lines(told: "StudyAnswer", task: Task, language: Language) -> Iterator[str]:
    first = next(t for t in told.with_films(shown_first(told.films, task)) if t.task == task)
    sure, name = percent(float(first.probabilities.max())), named(first.most_probable, language, task)
    yield say(f"quiz.model_first_{task}", language, name=name, percent=sure)
    about = against_runner_up(told.prediction[task])
    values = told.shapley(about).values
    each = zip(told.films, values, strict=True)
    added = listed((f"{film_words(film, language)} {signed(value)}" for film, value in each), language, "; ")
    yield say("quiz.films_add", language, target=question(about, language), films=added)


def _overlaps(case: Case, row: CaseResult, language: Language) -> list[str]:
    if row.task in STUDY_TASKS:
        return []
    lines = []
    if case.evidence is not None and planted_on_grid(case) is None:
        lines.append(say("quiz.nothing_planted", language))
    if not row.marked:
        return [*lines, say("quiz.nothing_marked", language)]
    if row.iou_truth is not None:
        where = say("quiz.inside" if row.hit_truth else "quiz.outside", language)
        lines.append(say("quiz.overlap_truth", language, percent=percent(row.iou_truth), where=where))
    if row.iou_map is not None:
        lines.append(say("quiz.overlap_map", language, percent=percent(row.iou_map)))
    return lines


def results(sitting: Sitting, set_name: str, language: Language) -> str:
    """The whole sitting: score, drills revealed, film by film, and the link for the class."""
    if not sitting.rows:
        return note(say("quiz.nothing_done", language))
    found = score(sitting.rows)
    misled = all(row.model and row.model != row.truth for row in sitting.rows if row.drill)
    return _drawn(
        "results",
        language,
        APPEARANCE,
        words=[partial(named, language=language, task=one.task) for one in sitting.asked],
        score=found,
        lines=_score_lines(found, sitting.asked[0].task),
        calibration=_calibration(found, language),
        drills="quiz.drills" if misled else "quiz.drills_conflict",
        rows=sitting.rows,
        address=lambda case_id: Link(case=case_id).query(language),
        code=sitting.code,
        set_name=set_name,
    )


def _score_lines(found: Score, task: Task) -> list[tuple[str, str]]:
    """Key of the words, and the number; of studies a further film stands between the two answers."""
    about, by = (f"_{task}", "film_") if task in STUDY_TASKS else ("", "")

    def of(value: float, count: int = found.cases) -> str:
        right = round(value * count)
        low, high = map(percent, interval(right, count))
        return f"{right} / {count} ({percent(value)}; {low} – {high})"

    lines = [(f"quiz.before{about}", of(found.before)), (f"quiz.after{about}", of(found.after))]
    if found.model is not None:
        lines.append(("quiz.model_right", of(found.model, found.answered)))
    lines += [
        (f"quiz.{by}to_right", str(found.to_right)),
        (f"quiz.{by}to_wrong", str(found.to_wrong)),
        ("quiz.brier", f"{found.brier_before:.2f} → {found.brier_after:.2f}"),
    ]
    if found.marks:
        lines.append(("quiz.hits", f"{found.hits} / {found.marks}"))
    shares = (("quiz.iou_truth", found.iou_truth), ("quiz.iou_map", found.iou_map))
    return lines + [(key, percent(share)) for key, share in shares if share is not None]


def _calibration(found: Score, language: Language) -> str:
    gap = found.sure_before - found.before
    key = "quiz.calibrated"
    if abs(gap) > CLOSE:
        key = "quiz.overconfident" if gap > 0 else "quiz.underconfident"
    felt = say("quiz.sure", language, sure=percent(found.sure_before), right=percent(found.before))
    return f"{felt} {say(key, language)}"
