"""Between the screen and `modeling`: what was typed becomes a study, and what to explain is chosen."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from cases.case import Case, Licence, Provenance
from cases.reading.study_upload import ReadStudy, given_films, study_of_films
from cases.reading.upload import MAX_TEXT
from interface.session.admission import sent_film, short_name
from modeling.errors import StudyError, ViewboxError
from modeling.field_values import is_unknown
from modeling.labels import NOTHING, Target, alternatives
from modeling.results import Prediction
from modeling.sentence import Names
from modeling.study import CLINICAL_FIELDS, ClinicalTable, ClinicalText, Study, ViewPosition


def typed(value: float | str | None) -> str:
    """A clinical value as it stands in the form; empty where unknown."""
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float | int) else str(value)


def revised(study: Study, table: Mapping[str, object], text: Mapping[str, object]) -> Study:
    """The study with other clinical values and text; what is not named stays.

    A value that reads as the stored one does keeps the stored one, with all its digits; stored laboratory
    limits (infinite numbers) stay so too.

    Raises:
        StudyError: a value that its field refuses, or a text that is none.
    """
    stored = study.table.values
    changed = {
        name: value
        for name, value in table.items()
        if name not in stored
        or typed(value if _is_number(value) else str(value).strip()) != typed(stored[name])
    }
    kept = {name: value for name, value in stored.items() if name not in changed}
    given = {name: value for name, value in changed.items() if not is_unknown(value)}
    typed_in = ClinicalTable.from_raw(given, kept)
    merged = {**kept, **typed_in.values}
    values = {name: merged[name] for name in CLINICAL_FIELDS if name in merged}
    said = {name: _words(name, words) for name, words in text.items()}
    sections = {name: words for name, words in study.text.sections.items() if name not in said}
    sections |= {name: words for name, words in said.items() if words.strip()}
    return Study(study.radiograph, ClinicalTable(values, typed_in.notes), ClinicalText(sections))


def _words(section: str, words: object) -> str:
    named = Names("section", section)
    if words is not None and not isinstance(words, str):
        raise StudyError("The {section} must be text; write it in words or leave it empty.", section=named)
    if len(words or "") > MAX_TEXT:
        raise StudyError(
            "The {section} is longer than {limit} characters; shorten it.", section=named, limit=MAX_TEXT
        )
    return words or ""


def _is_number(value: object) -> bool:
    return isinstance(value, float | int) and not isinstance(value, bool) and not math.isnan(value)


def own_case(study: Study, name: str, licence: str) -> Case:
    """A reader's own study as a case that no store holds."""
    return Case(
        "", study, Licence(licence, may_show=True, may_export=False), Provenance("", attribution=name)
    )


def own_study(read: ReadStudy, licence: str) -> Case:
    """A reader's own films of several views and days as a case that no store holds, the day's frontal first.

    Raises StudyError: none is of the day of the study.
    """
    frontal = (ViewPosition.PA, ViewPosition.AP)
    films = sorted(read.films, key=lambda f: (f.days_before, f.radiograph.view_position not in frontal))
    first, *further = films
    if first.days_before:
        raise StudyError("No film is of the day of the study; give the latest one 0 days before.")
    name = f"{first.name} + {len(further)}" if further else first.name
    case = own_case(replace(read.study, radiograph=first.radiograph), name, licence)
    return replace(case, further=tuple(further), notes=tuple(one.note for one in read.refused))


def sent_study_of_films(sent: Sequence[Mapping[str, Any]], licence: str) -> Case:
    """A case of the films that the page sent as one patient's study; those that cannot be read are named.

    Raises StudyError: they are too large together, or as `own_study`.
    """
    if sum(size for one in sent if type(size := one.get("size")) is int) > 90e6:
        raise StudyError("These films are larger than 90 MB together; send fewer, or compressed ones.")
    read = [partial(sent_film, one.get("data")) for one in sent]
    names = [short_name(one.get("name")) for one in sent]
    said = ([one.get(what) for one in sent] for what in ("view", "days"))
    return own_study(study_of_films(given_films(read, names, *said)), licence)


def fitted(study: Study, case: Case, sections: tuple[str, ...]) -> Study:
    """The study with the text that a checkpoint may read: of the case's report, only `sections`."""
    may_stand = {"indication", *sections, *case.study.text.sections}
    kept = {name: words for name, words in study.text.sections.items() if name in may_stand}
    added = {name: words for name, words in case.report.items() if name in sections and name not in kept}
    return replace(study, text=ClinicalText({**kept, **added}))


def possible_targets(prediction: Prediction, chosen: Target | None = None) -> tuple[Target, ...]:
    """Every class against its usual alternative, the likeliest against each other; and what is `chosen`."""
    targets = [Target(task.task, name) for task in prediction.tasks for name in task.classes]
    for task in prediction.tasks:
        others = alternatives(task.task, task.most_probable)
        targets += [Target(task.task, task.most_probable, other) for other in others if other != NOTHING]
    return tuple(dict.fromkeys(targets if chosen is None else [*targets, chosen]))


def target_of(prediction: Prediction, chosen: Target | None) -> Target:
    """The chosen target, or the most probable class of the first task."""
    if chosen is None:
        first = prediction.tasks[0]
        return Target(first.task, first.most_probable)
    if chosen.answer not in {target.answer for target in possible_targets(prediction)}:
        raise ViewboxError(
            "{target} was not predicted for this study; choose another target.", target=chosen.slug
        )
    return chosen


def parsed(prediction: Prediction, slug: str) -> Target:
    """A slug as a target of the tasks that were predicted. Raises ViewboxError: as `Target.parse`."""
    return Target.parse(slug, [task.task for task in prediction.tasks])


def asked_target(prediction: Prediction, slug: str, against: str) -> Target:
    """The target of a slug, empty for the most probable class, and of another alternative than its own."""
    target = target_of(prediction, parsed(prediction, slug) if slug else None)
    return target.instead_of(against) if against else target
