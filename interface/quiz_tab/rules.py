"""The rules of the quiz: which cases a code draws, how regions compare, and what there is to learn.

Nothing here draws a screen or asks a model. The same code draws the same set wherever the cases and the
checkpoint are the same, since the order rests on a hash and not on a generator of some library's version.
"""

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from scipy.ndimage import distance_transform_edt

from cases.case import Case
from cases.phantom.study_plan import STUDY_TASKS
from interface.quiz_tab.findings import EXTENT, EXTENTS, NO_FINDING, parts_of, truth_of
from modeling.labels import APPEARANCE, FINDINGS, GRADING, Task
from modeling.study import Modality

LENGTH = 8
"""Cases of a set."""
DRILLS = 3
"""Cases of a set on which the model is wrong, where there are as many."""
CONFIDENT = 0.6
"""Probability from which on a wrong answer of the model is a confident one."""
CONFIDENCES = (0.25, 0.5, 0.75, 0.9, 0.99)
"""What a reader can commit to; the first is a guess among the four classes of `APPEARANCE`."""
QUESTIONS = (APPEARANCE, GRADING, FINDINGS)
TOPICS = (*QUESTIONS, EXTENT, *STUDY_TASKS)
"""What a case can be asked about beside the tasks that a checkpoint declares: where its code names none, the
first for which it has a reference."""
_LONGEST_TOPIC = 24
SIDE = 256
"""Longer side, in cells, of the grid on which regions are compared."""
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
_SEED = re.compile(r"[a-z0-9-]{1,32}")
NO_REGION = ("Negative", NO_FINDING)
"""Answers with nothing to mark."""


@dataclass(frozen=True)
class Candidate:
    """A case that may be asked.

    Attributes:
        truth: the reference answer to the task.
        answer: the model's answer to the task; empty where there is no answer.
        probability: that the model gives to its answer, 0 to 1.
        conflicting: whether film, table and words are known to tell different stories.
        task: what is asked.
    """

    case_id: str
    truth: str
    answer: str = ""
    probability: float = 0.0
    conflicting: bool = False
    task: Task = APPEARANCE

    @property
    def misleads(self) -> bool:
        """Whether the model answers wrongly."""
        return bool(self.answer) and self.answer != self.truth


@dataclass(frozen=True)
class Asked:
    """A case of a set; a drill is there because the model is known to mislead on it."""

    case_id: str
    drill: bool
    task: Task = APPEARANCE


@dataclass(frozen=True)
class Answer:
    """A class, and how sure the reader is of it (0 to 1)."""

    class_name: str
    confidence: float


# --- the set


def askable_tasks(case: Case, declared: Sequence[Task] = ()) -> tuple[Task, ...]:
    """What a case can be asked about, Viewbox's own tasks before `declared` ones."""
    known = [task for task in (*QUESTIONS, *declared) if _is_sound(case.reference.get(task), task)]
    if case.reference.get(APPEARANCE) == APPEARANCE.classes[0]:
        known = [task for task in known if task != GRADING]  # it has no class for a film without an opacity
    return (*known, *([EXTENT] if truth_of(case, EXTENT) else []))


def _is_sound(label: str | None, task: Task) -> bool:
    """Whether a reference label is an answer to its task."""
    if label is None or task.kind != "multilabel":
        return label in task.classes
    names = [name for name in label.split("|") if name != NO_FINDING]
    return task == FINDINGS or len(parts_of(label, task)) == len(names)


def begins(topic: str) -> str:
    """How the codes of sets on one task begin."""
    return topic.replace("_", "-")[:_LONGEST_TOPIC].rstrip("-") + "-"


def topic_of(code: str, topics: Sequence[str] = TOPICS) -> str | None:
    """The one task that a code such as "findings-7b" asks about; None where it asks whatever a case has."""
    return max((name for name in topics if code.startswith(begins(name))), key=len, default=None)


def clean_code(text: str | None) -> str | None:
    """A quiz code as it stands in links, lower case; None where it has other signs or is too long."""
    code = (text or "").strip().lower()
    return code if _SEED.fullmatch(code) else None


def new_code() -> str:
    """A code that nobody has used, of letters and digits that are not mistaken for each other."""
    return "".join(secrets.choice(_LETTERS) for _ in range(6))


def _drawn(code: str, case_id: str) -> str:
    return hashlib.sha256(f"{code}|{case_id}".encode()).hexdigest()


def drawn_set(
    code: str, candidates: Sequence[Candidate], length: int = LENGTH, drills: int = DRILLS
) -> tuple[Asked, ...]:
    """The set that a code stands for, drills mixed in.

    Drills are cases on which the model is confidently wrong, then those on which it is just wrong. Where no
    case has an answer of the model, cases whose evidence conflicts stand in for them. The others are drawn so
    that the classes come about equally often.
    """
    topic = topic_of(code, [*TOPICS, *{c.task for c in candidates}])
    each = {c.case_id: c for c in reversed(candidates) if topic in (None, c.task)}
    ordered = sorted(each.values(), key=lambda c: _drawn(code, c.case_id))
    if any(c.answer for c in ordered):
        sure = [c for c in ordered if c.misleads and c.probability >= CONFIDENT]
        misleading = sure + [c for c in ordered if c.misleads and c.probability < CONFIDENT]
    else:
        misleading = [c for c in ordered if c.conflicting]
    chosen = misleading[:drills]
    rest = [c for c in ordered if c not in misleading]
    classes = [*chain(*zip(APPEARANCE.classes, EXTENTS, strict=True)), *GRADING.classes, NO_FINDING]
    classes += [
        n
        for task in dict.fromkeys(c.task for c in ordered)
        if task.kind != "multilabel"
        for n in task.classes
    ]
    by_class = [[c for c in rest if c.truth == name] for name in dict.fromkeys(classes)]
    by_class.append([c for c in rest if c.truth not in classes])  # some findings
    rounds = [group[i] for i in range(len(rest)) for group in by_class if i < len(group)]
    rounds.sort(key=lambda c: not c.answer)  # the model has nothing to compare with
    rounds += misleading[drills:]  # only where there is too little else
    asked = [Asked(c.case_id, True, c.task) for c in chosen]
    asked += [Asked(c.case_id, False, c.task) for c in rounds[: max(0, length - len(asked))]]
    return tuple(sorted(asked, key=lambda a: _drawn(f"{code}|order", a.case_id)))


def fingerprint(asked: Sequence[Asked]) -> str:
    """Six signs that tell two readers whether they had the same set."""
    return hashlib.sha256("|".join(a.case_id for a in asked).encode()).hexdigest()[:6]


# --- regions


def grid_shape(shape: tuple[int, int]) -> tuple[int, int]:
    """(rows, columns) of the comparing grid for a film of (H, W)."""
    ratio = max(1.0, max(shape) / SIDE)
    return max(1, round(shape[0] / ratio)), max(1, round(shape[1] / ratio))


def on_grid(values: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Values over a whole film, (h, w), brought to (rows, columns) by their nearest neighbour."""
    rows = (np.arange(shape[0]) * values.shape[0] // shape[0])[:, None]
    return values[rows, np.arange(shape[1]) * values.shape[1] // shape[1]]


def overlap(one: np.ndarray | None, other: np.ndarray | None) -> float | None:
    """Intersection over union of two (rows, columns) bool masks; None where either marks nothing."""
    if one is None or other is None or not one.any() or not other.any():
        return None
    return float((one & other).sum() / (one | other).sum())


def is_hit(mark: np.ndarray | None, truth: np.ndarray | None) -> bool | None:
    """Whether the point of the mark furthest from its edge lies in the true region.

    The middle of mass would fall between the lungs where a reader marks both.
    """
    if mark is None or truth is None or not mark.any() or not truth.any():
        return None
    depth = distance_transform_edt(np.pad(mark, 1))[1:-1, 1:-1]
    return bool(truth[np.unravel_index(int(depth.argmax()), depth.shape)])


def strongest(density: np.ndarray, cells: int) -> np.ndarray | None:
    """The `cells` cells with most that speaks for the target; None where nothing does.

    A map has no edge of its own; taking as much of it as the reader marked makes the two comparable.
    """
    level = np.sort(density, axis=None)[::-1][: max(1, cells)]
    threshold = max(float(level[-1]), 0.0)
    found = density >= threshold if threshold > 0 else density > 0
    return found if found.any() else None


# --- what there is to learn


def lesson(
    first: str,
    second: str,
    truth: str,
    model: str,
    *,
    confounder: str = "",
    holders: Sequence[Modality] = (),
) -> str:
    """Key of the one sentence of teaching that fits best: what the reader changed comes first.

    Args:
        model: its class; empty where it gave none.
        confounder: what was planted beside the evidence; empty for nothing.
        holders: modalities that hold the evidence; empty where that is not known.
    """
    right = second == truth
    if (first == truth) != right:
        if not model:
            return "quiz.lesson_changed_right" if right else "quiz.lesson_changed_wrong"
        if model == truth:
            return "quiz.lesson_helped" if right else "quiz.lesson_left_alone"
        return "quiz.lesson_withstood" if right else "quiz.lesson_talked_over"
    if model and model != truth:
        if second == model:
            return "quiz.lesson_both_misled"
        if right:
            return "quiz.lesson_withstood"
    if confounder:
        return "quiz.lesson_confounder"
    if holders and Modality.IMAGE not in holders:
        return "quiz.lesson_not_in_film"
    if not right:
        return "quiz.lesson_missed"
    return "quiz.lesson_agreed" if model else "quiz.lesson_alone"
