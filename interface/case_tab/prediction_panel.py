"""The prediction as HTML: probabilities beside what readers said, who answered, and what it had."""

from collections import Counter
from collections.abc import Sequence

from markupsafe import Markup
from PIL import Image

from cases.case import Case, Rating
from interface.html.codes import codes
from interface.html.fragments import part_name
from interface.html.marked_report import report_in
from interface.html.pictures import data_url, shown_film
from interface.html.regions import outlined_film
from interface.html.render import render
from interface.html.study_films import which_was_read
from interface.language.texts import (
    Language,
    known,
    listed,
    say,
    title_in,
    translated,
    word_for,
    words_for,
)
from modeling.labels import TASKS, Task
from modeling.results import Prediction
from modeling.study import Modality, Study

ZONES = "Brixia zone "
THUMBNAIL = 220
"""Height of the film under its zones, in pixels."""


def prediction_panel(
    prediction: Prediction,
    case: Case,
    language: Language,
    *,
    study: Study | None = None,
    reveal: bool = False,
) -> str:
    """What stands against an answer, then each task's probabilities beside the reference labels.

    Behind them stand the classes that cannot be ruled out, who answered, what it had, and its notes. With
    `reveal` the reference waits behind a press, so that a reader can read first. `study`: what was read,
    where the reader has changed values of the case.
    """
    values = (study or case.study).table.values
    labels = {} if reveal else case.reference
    tasks = []
    for task in prediction.tasks:
        read = listed((part_name(m, values, language) for m in task.modalities), language)
        about = word_for("aside", task.task, language) if known(f"aside.{task.task}") else task.task.source
        aside = [about] if about else []
        aside.append(say("prediction.made_from", language, modalities=read))
        if not reveal and task.task not in labels:
            aside.append(say("prediction.no_reference", language))
        rows = [(n, float(p)) for n, p in zip(task.classes, task.probabilities, strict=True)]
        told = {"task": task.task, "aside": " · ".join(aside), "rows": rows, "best": task.most_probable}
        reference = task.task.named(labels.get(task.task, ""))
        tasks.append(told | {"reference": reference, "codes": codes(task.classes, language)})
    used = [m for m in prediction.given if any(m in task.modalities for task in prediction.tasks)]
    given = listed((_used(m, part_name(m, values, language), prediction, language) for m in used), language)
    name = word_for("checkpoint", prediction.checkpoint, language, prediction.checkpoint)
    made = f"{say('prediction.by', language, name=name)} {say('prediction.given', language, given=given)}"
    return render(
        "case_tab/prediction.html",
        language=language,
        prediction=prediction,
        tasks=tasks,
        read=which_was_read(case, prediction, language),
        reveal=_behind_a_press(case, prediction, language) if reveal else "",
        notes=[made, *(translated(n, language) for n in prediction.notes)],
    )


def _used(modality: Modality, word: str, prediction: Prediction, language: Language) -> str:
    """A modality that answers were made from, by its word, and which of them where it is not all."""
    readers = [t.task for t in prediction.tasks if modality in t.modalities]
    if len(readers) == len(prediction.tasks):
        return word
    tasks = listed((word_for("task", task, language) for task in readers), language)
    return say("prediction.given_for", language, modality=word, tasks=tasks)


def _behind_a_press(case: Case, prediction: Prediction, language: Language) -> str:
    """Reference labels beside the model's answers, what readers said, and the teacher's note."""
    specs = {task.task: task.task for task in prediction.tasks}
    told = [
        (word_for("task", specs.get(task, task), language), _classes(name, language, specs.get(task)))
        for task, name in case.reference.items()
    ]
    lines = [f"✓ {say('reference.reading', language, reader=task, name=name)}" for task, name in told]
    readers, outlined = readings(case, language), outlined_film(case, language)
    if (lines or readers) and not prediction.refusal:
        answers = listed((word_for("class", t.most_probable, language) for t in prediction.tasks), language)
        lines.append(say("reference.model", language, classes=answers))
    note, shown = title_in(case.teaching_note, language), report_in(case, language)
    reported = any(text.strip() for text in case.report.values()) and case.licence.may_show
    return render(
        "case_tab/reference.html",
        language=language,
        lines=lines or [say("prediction.no_reference", language)],
        readings=readers,
        film="" if outlined is None else data_url(outlined[0]),
        legend="" if outlined is None else outlined[1],
        reported=reported,
        lesson="" if reported and note in (" ".join(own.values()) for own in (case.report, shown)) else note,
    )


def readings(case: Case, language: Language) -> Markup:
    """Every reader's words and numbers, the six zones on the film, and how far readers agree; else empty."""
    lines, zones = reader_lines(case, language), _zones(case.ratings)
    if not lines and not zones:
        return Markup("")
    film = shown_film(case) if zones else None
    return render(
        "case_tab/readings.html",
        language=language,
        lines=lines,
        zones=[[" / ".join(z[i] for z in zones) for i in (r, r + 3)] for r in range(3)] if zones else [],
        film="" if film is None else data_url(_small(film)),
        agreement=_agreement(case, zones, language),
    )


def reader_lines(case: Case, language: Language) -> list[str]:
    """What each reader said of a film: numbers on a scale (zones stand on the film), then classes."""
    rated = [
        say(
            "reference.rating",
            language,
            scale=word_for("scale", r.scale, language),
            value=f"{r.value:.1f}",
            high=f"{r.high:g}",
            reader=word_for("reader", r.reader, language),
        )
        for r in case.ratings
        if not r.scale.startswith(ZONES)
    ]
    told = (
        say(
            "reference.reading",
            language,
            reader=word_for("reader", r.reader, language),
            name=_classes(r.class_name, language),
        )
        for r in case.readings
    )
    return rated + list(dict.fromkeys(told))  # one word may answer several tasks


def _classes(label: str, language: Language, task: Task | None = None) -> str:
    """A label, or several joined by "|", in the words of the task where it is known."""
    return words_for("class", label.split("|") if task is None else task.named(label), language)


def _small(film: object) -> Image.Image:
    picture = Image.fromarray(film)
    return picture.resize((max(1, round(picture.width * THUMBNAIL / picture.height)), THUMBNAIL))


def _zones(ratings: Sequence[Rating]) -> list[list[str]] | None:
    """Each reader's six scores, A to F: the right lung's from above, then those of the left one."""
    marks: dict[str, list[str]] = {}
    for one in sorted((r for r in ratings if r.scale.startswith(ZONES)), key=lambda r: r.scale):
        marks.setdefault(one.reader, []).append(f"{one.value:g}")
    return [m for m in marks.values() if len(m) == 6] or None


def _agreement(case: Case, zones: list[list[str]] | None, language: Language) -> list[str]:
    """How far those who read this film agree, where several did."""
    told = [say("reference.mean", language)] if any("mean of" in r.reader for r in case.ratings) else []
    one_class = (task for task in TASKS.values() if task.kind != "multilabel")  # of several, no vote is one
    for task in one_class:
        votes = {r.reader: r.class_name for r in case.readings if r.task == task}
        if len(votes) < 2:
            continue
        (name, agreeing), *_ = Counter(votes.values()).most_common()
        values = {"task": word_for("task", task, language), "count": len(votes), "agreeing": agreeing}
        key = "reference.agree" if agreeing == len(votes) else "reference.differ"
        told.append(say(key, language, name=word_for("class", name, language), **values))
    if zones is not None and len(zones) == 2:
        same = sum(a == b for a, b in zip(*zones, strict=True))
        told.append(say("reference.zones_differ", language, same=same))
    return told
