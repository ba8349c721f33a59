"""Answers that are no class of a task: findings, each present or absent, and the experts' extent in bands."""

import hashlib
import math
from collections.abc import Iterable

from cases.case import Case, geographic_extent
from modeling.labels import FINDINGS, NO_FINDING, Task
from modeling.results import TaskPrediction

EXTENTS = ("extent_2", "extent_4", "extent_6", "extent_8")
"""The answers to `EXTENT`, by the most that they hold of the experts' 0 to 8."""
EXTENT = Task("extent", "ordinal", EXTENTS, ("",) * len(EXTENTS))
"""A question of the quiz's own, on how much of the lungs is opaque: no checkpoint answers it."""
JOINT = "|"
ASKED = 4
PRESENT = 0.5
"""Probability from which on the model calls a finding present."""


def together(names: Iterable[str], task: Task = FINDINGS) -> str:
    """Findings as one answer, in the task's order; `NO_FINDING` for none."""
    given = set(names) - {NO_FINDING}
    return JOINT.join(name for name in task.classes if name in given) or NO_FINDING


def parts_of(answer: str, task: Task = FINDINGS) -> tuple[str, ...]:
    """The findings of an answer."""
    return tuple(name for name in task.named(answer) if name in task.classes and name != NO_FINDING)


def findings_asked(case: Case, task: Task) -> tuple[str, ...]:
    """The findings that a film is asked about, the same for everybody: at most three of them are present."""
    if task.kind != "multilabel":
        return ()
    classes = [name for name in task.classes if name != NO_FINDING]
    order = sorted(classes, key=lambda name: hashlib.sha256(f"{case.case_id}|{name}".encode()).digest())
    there = parts_of(case.reference[task], task)
    present = [name for name in order if name in there][: ASKED - 1]
    chosen = (present + [name for name in order if name not in there])[:ASKED]
    return tuple(name for name in classes if name in chosen)


def truth_of(case: Case, task: Task) -> str:
    """The reference answer to what is asked about a case; of `EXTENT` empty where no expert read it."""
    if task == EXTENT:
        extent = geographic_extent(case.ratings)
        return "" if extent is None else EXTENTS[max(0, math.ceil(extent / 2) - 1)]
    if task.kind != "multilabel":
        return task.named(case.reference[task])[0]
    return together(set(findings_asked(case, task)) & set(parts_of(case.reference[task], task)), task)


def answer_of(told: TaskPrediction | None, asked: tuple[str, ...]) -> tuple[str, float]:
    """The model's answer to what is asked, and its probability; empty and 0 where it gave none.

    Args:
        asked: findings, which do not exclude each other; empty for the classes of another task.
    """
    if told is None or not set(asked) <= set(told.classes):
        return "", 0.0
    if not asked:
        return told.most_probable, float(told.probabilities.max())
    each = {name: float(told.probabilities[told.classes.index(name)]) for name in asked}
    sure = math.prod(max(p, 1 - p) for p in each.values())
    return together((name for name, p in each.items() if p >= PRESENT), told.task), sure


def is_answer(task: Task, answer: object) -> bool:
    """Whether something is a possible answer to a task."""
    if task.kind != "multilabel":
        return answer in task.classes
    return isinstance(answer, str) and answer == together(parts_of(answer, task), task)
