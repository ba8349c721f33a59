"""What the films of a run are labelled with, counted before it starts; what it could not learn is refused.

A task without labels, a modality that no film has or a class that is never seen would train in silence and
answer all the same.
"""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from modeling.configuration import TaskConfig
from modeling.errors import ViewboxError
from modeling.labels import Task
from modeling.sentence import Names
from modeling.study import Modality
from training.corpora.labelled_film import Film
from training.films import LabelPolicy, labels_of
from training.settings import TrainingSettings

logger = logging.getLogger(__name__)
SIDES = ("train", "validation")
COUNTS_FILE = "labels.json"
"""Beside a checkpoint's weights: what it was trained on, class by class, and by which policies."""


def counted(settings: TrainingSettings, films: Sequence[Film]) -> dict[str, dict[str, Any]]:
    """Task -> side -> class -> how many films; and a multilabel task's policy for what is uncertain or blank.

    A film counts where it has something that the task reads. Of a multilabel task each class has `positive`
    and `negative` as they are taught, and `uncertain` and `blank` as they were given.

    Raises:
        ViewboxError: a film's label is no class of its task.
    """
    found = {}
    for task in settings.model.tasks:
        policy = settings.policy(task.name)
        several = task.spec.kind == "multilabel"
        found[task.name] = {"uncertain": policy.uncertain, "blank": policy.blank} if several else {}
        for side in SIDES:
            own = films_for(settings, films, task, side)
            count = _count_several if several else _count
            found[task.name][side] = {"films": len(own), "classes": count(own, task.spec, policy)}
    return found


def films_for(settings: TrainingSettings, films: Sequence[Film], task: TaskConfig, side: str) -> list[Film]:
    """The films of a side that have a label for a task, and something that it reads."""
    own = [film for film in films if film.split == side and film.has_label(task.spec)]
    return [film for film in own if any(_has(film, modality, settings) for modality in task.modalities)]


def _count(films: Sequence[Film], task: Task, policy: LabelPolicy) -> dict[str, int]:
    numbers = np.bincount(labels_of(films, task, policy), minlength=len(task.classes))
    return dict(zip(map(str, task.classes), numbers.tolist(), strict=True))


def _count_several(films: Sequence[Film], task: Task, policy: LabelPolicy) -> dict[str, dict[str, int]]:
    labels, states = labels_of(films, task, policy), [film.states_of(task) for film in films]
    return {
        str(name): {
            "positive": int((labels[:, k] == 1).sum()),
            "negative": int((labels[:, k] == 0).sum()),
            "uncertain": sum(own.get(name, 0) < 0 for own in states),
            "blank": sum(name not in own for own in states),
        }
        for k, name in enumerate(task.classes)
    }


def _has(film: Film, modality: Modality, settings: TrainingSettings) -> bool:
    """Whether a film has something of what the model reads of a modality."""
    processor = settings.processor
    if modality == Modality.IMAGE:
        return bool(film.encoded)
    if modality == Modality.TABLE:
        return any(column.name in film.table.values for column in processor.table)
    return processor.text is not None and any(film.text.sections.get(s) for s in processor.text.sections)


def check(settings: TrainingSettings, films: Sequence[Film]) -> dict[str, dict[str, Any]]:
    """As `counted`, of films on which the settings can be trained.

    Raises:
        ViewboxError: no training film has a modality that the model reads, or a task has no labels, or no
            film of a class where the settings do not allow that; in one sentence, with the counts.
    """
    train = [film for film in films if film.split == "train"]
    for modality in settings.model.modalities:
        if not any(_has(film, modality, settings) for film in train):
            template = "None of the {count} training films has the {modality}; add it, or drop its encoder."
            raise ViewboxError(template, count=len(train), modality=Names("modality", modality))
    unknown = [c.name for c in settings.processor.table if all(c.name not in f.table.values for f in train)]
    if unknown:
        logger.warning("no training film has %s", ", ".join(unknown))
    found = counted(settings, films)
    for task in settings.model.tasks:
        for side in SIDES:
            _check_side(settings, task.spec, side, found[task.name][side], films)
    return found


def _check_side(
    settings: TrainingSettings, task: Task, side: str, counts: Mapping[str, Any], films: Sequence[Film]
) -> None:
    name, of_side = Names("task", task), Names("name", side)
    if not counts["films"]:
        template = (
            "None of the {count} {side} films has a label for {task} and something that it reads (the column"
            " or label is called '{name}'; there are labels for {others}); label some, or leave the task out."
        )
        own = [film for film in films if film.split == side]
        others = ", ".join(sorted({str(one) for film in own for one in (*film.labels, *film.states)}))
        raise ViewboxError(
            template, count=len(own), side=of_side, task=name, name=task.name, others=others or "nothing"
        )
    never = list(never_seen(counts["classes"]))
    if never and settings.unseen == "refuse":
        template = (
            "The {side} films for {task} never show {classes} ({counts}); add such films, leave the class out"
            ' of the declaration, or allow it with "unseen": "allow" in the settings.'
        )
        values = {"classes": ", ".join(never), "counts": _told(counts["classes"])}
        raise ViewboxError(template, side=of_side, task=name, **values)
    if never:
        logger.warning("%s: the %s films never show %s", task, side, ", ".join(never))
    decides = task == settings.model.tasks[0].name and settings.keep == "best" and side == "validation"
    if decides and not ranked(counts["classes"]):
        template = (
            "The best epoch is kept by the validation films for {task}, which show one class ({counts});"
            ' add others, or set "keep" to "last".'
        )
        raise ViewboxError(template, task=name, counts=_told(counts["classes"]))


def never_seen(classes: Mapping[str, Any]) -> Iterator[str]:
    """The classes (of several at once: their states) that no film shows, of classes as `counted` has them."""
    for name, count in classes.items():
        if isinstance(count, int):
            yield from () if count else (name,)
        else:
            yield from (f"{name} {state}" for state in ("positive", "negative") if not count[state])


def ranked(classes: Mapping[str, Any]) -> bool:
    """Whether an area under a curve is defined for any class."""
    if all(isinstance(count, int) for count in classes.values()):
        return sum(count > 0 for count in classes.values()) > 1
    return any(count["positive"] and count["negative"] for count in classes.values())


def _told(classes: Mapping[str, Any]) -> str:
    rows = (
        f"{name} {count if isinstance(count, int) else _states(count)}" for name, count in classes.items()
    )
    return ", ".join(rows)


def _states(count: Mapping[str, int]) -> str:
    left = [f"{count[state]} {state}" for state in ("uncertain", "blank") if count[state]]
    return f"{count['positive']} of {count['positive'] + count['negative']}" + (
        f" ({', '.join(left)})" if left else ""
    )


def lines(found: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """What was counted, a line a task and side, with each multilabel task's policy."""
    for name, about in found.items():
        if "uncertain" in about:
            yield f"{name}: uncertain labels: {about['uncertain']}; blank labels: {about['blank']}"
        for side in SIDES:
            yield f"{name}, {side}: {about[side]['films']} films: {_told(about[side]['classes'])}"


def policy_of(folder: Path, task: Task) -> LabelPolicy:
    """The policy by which a checkpoint learnt a task; the plain one where nothing beside it says so."""
    about = _about(folder, task)
    return LabelPolicy(about["uncertain"], about["blank"]) if "uncertain" in about else LabelPolicy()


def shares_of(folder: Path, task: Task) -> dict[str, float]:
    """Class -> its share of the labels that a checkpoint learnt a task from; empty where nothing says so."""
    classes = _about(folder, task).get("train", {}).get("classes", {})
    total, shares = sum(count for count in classes.values() if isinstance(count, int)), {}
    for name, count in classes.items():
        of = total if isinstance(count, int) else count["positive"] + count["negative"]
        if of:
            shares[name] = (count if isinstance(count, int) else count["positive"]) / of
    return shares


def _about(folder: Path, task: Task) -> dict[str, Any]:
    path = folder / COUNTS_FILE
    return json.loads(path.read_text()).get(task.name, {}) if path.is_file() else {}
