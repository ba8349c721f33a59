"""Answers that are no class of a task: findings, each present or absent, and the experts' extent in bands."""

import hashlib
import math
from collections.abc import Iterable

from cases.case import Case, geographic_extent
from modeling.labels import FINDINGS, NO_FINDING, TASKS
from modeling.results import TaskPrediction

EXTENT = "extent"
"""A question of the quiz's own, on how much of the lungs is opaque: no checkpoint answers it."""
EXTENTS = ("extent_2", "extent_4", "extent_6", "extent_8")
"""Its answers, by the most that they hold of the experts' 0 to 8."""
JOINT = "|"
ASKED = 4
PRESENT = 0.5
"""Probability from which on the model calls a finding present."""


def together(names: Iterable[str]) -> str:
    """Findings as one answer, in the task's order; `NO_FINDING` for none."""
    return JOINT.join(name for name in FINDINGS.classes if name in set(names)) or NO_FINDING


def parts_of(answer: str) -> tuple[str, ...]:
    """The findings of an answer."""
    return tuple(name for name in answer.split(JOINT) if name in FINDINGS.classes)


def findings_asked(case: Case, task: str) -> tuple[str, ...]:
    """The findings that a film is asked about, the same for everybody: at most three of them are present."""
    if task != FINDINGS:
        return ()
    order = sorted(
        FINDINGS.classes, key=lambda name: hashlib.sha256(f"{case.case_id}|{name}".encode()).digest()
    )
    present = [name for name in order if name in parts_of(case.reference[task])][: ASKED - 1]
    chosen = (present + [name for name in order if name not in parts_of(case.reference[task])])[:ASKED]
    return tuple(name for name in FINDINGS.classes if name in chosen)


def classes_of(task: str) -> tuple[str, ...]:
    """The answers to a task, or to `EXTENT`."""
    return EXTENTS if task == EXTENT else TASKS[task].classes


def truth_of(case: Case, task: str) -> str:
    """The reference answer to what is asked about a case; of `EXTENT` empty where no expert read it."""
    if task == EXTENT:
        extent = geographic_extent(case.ratings)
        return "" if extent is None else EXTENTS[max(0, math.ceil(extent / 2) - 1)]
    if task != FINDINGS:
        return case.reference[task]
    return together(set(findings_asked(case, task)) & set(parts_of(case.reference[task])))


def answer_of(told: TaskPrediction | None, asked: tuple[str, ...]) -> tuple[str, float]:
    """The model's answer to what is asked, and its probability; empty and 0 where it gave none.

    Args:
        asked: findings, which do not exclude each other; empty for the classes of another task.
    """
    if told is None:
        return "", 0.0
    if not asked:
        return told.most_probable, float(told.probabilities.max())
    each = {name: float(told.probabilities[told.classes.index(name)]) for name in asked}
    sure = math.prod(max(p, 1 - p) for p in each.values())
    return together(name for name, p in each.items() if p >= PRESENT), sure


def is_answer(task: str, answer: object) -> bool:
    """Whether something is a possible answer to a task."""
    if task != FINDINGS:
        return answer in classes_of(task)
    return isinstance(answer, str) and answer == together(parts_of(answer))
