"""How far the readers agree with each other: the ceiling for a model that learns from their labels.

Computed from the readings as MIDRC-RICORD-1c publishes them (Tsai et al., Radiology 2021), one row a reader
and study.
"""

import csv
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from sklearn.metrics import cohen_kappa_score

from evaluation.metrics.one_label import against_others
from modeling.errors import ViewboxError
from modeling.labels import APPEARANCE, GRADING, TASKS, TaskName

READINGS_FILE = Path("ricord") / "1c_annotations.csv"
_COLUMNS = {APPEARANCE: "CLASS_label", GRADING: "GRADE_label"}
_STUDY, _READER = "StudyInstanceUID", "Reader_id"


@dataclass(frozen=True)
class Agreement:
    """The agreement of the readers of one task.

    `majority`: share of published rows that say what most rows of their study say, their own vote included (a
    reader's second row for a study counts too, a tie counts one of its sides, and a study with one row agrees
    with itself: flattering). `others`: share of readings that say what a strict majority of the other readers
    says, over the readings that have one: the fair ceiling.
    """

    task: TaskName
    studies: int
    readings: int
    pairs: float  # share of pairs of readers of one study who say the same
    majority: float
    others: float
    kappa: float  # mean over pairs of readers of Cohen's kappa, quadratic for classes in an order


def reader_agreement(path: Path) -> dict[TaskName, Agreement]:
    """Agreement on appearance and on grading; of several rows of a reader for a study the first counts.

    Raises:
        ViewboxError: the file is not there, or has other columns.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        return {task: _agreement(task, rows, column) for task, column in _COLUMNS.items()}
    except FileNotFoundError:
        template = "There is no file {path} in {parent}; put RICORD's readings there."
        raise ViewboxError(template, path=path.name, parent=path.parent) from None
    except KeyError as exc:
        template = "{path} has no column {exc}; give the file as RICORD publishes it."
        raise ViewboxError(template, path=path.name, exc=str(exc)) from exc


def _agreement(task: TaskName, rows: list[dict[str, str]], column: str) -> Agreement:
    first: dict[str, dict[str, str]] = defaultdict(dict)
    votes: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        if row[column]:
            first[row[_STUDY]].setdefault(row[_READER], row[column])
            votes[row[_STUDY]][row[column]] += 1
    studies = list(first.values())
    readings = sum(vote.total() for vote in votes.values())
    return Agreement(
        task=task,
        studies=len(studies),
        readings=readings,
        pairs=_share(a == b for study in studies for a, b in combinations(study.values(), 2)),
        majority=sum(max(vote.values()) for vote in votes.values()) / readings,
        others=_share(said == most for study in studies for said, most in against_others(study)),
        kappa=_kappa(task, studies),
    )


def _share(hits: Iterable[bool]) -> float:
    found = list(hits)
    return float(np.mean(found)) if found else float("nan")


def _kappa(task: TaskName, studies: list[dict[str, str]]) -> float:
    """Mean kappa over the pairs of readers who share at least a hundred studies."""
    spec = TASKS[task]
    shared: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    for study in studies:
        for (a, said_a), (b, said_b) in combinations(sorted(study.items()), 2):
            shared[a, b].append((spec.index(said_a), spec.index(said_b)))
    how = {"weights": "quadratic" if spec.kind == "ordinal" else None, "labels": range(len(spec.classes))}
    known = [zip(*said, strict=True) for said in shared.values() if len(said) >= 100]
    kappas = [cohen_kappa_score(*both, **how) for both in known]
    return float(np.mean(kappas)) if kappas else float("nan")
