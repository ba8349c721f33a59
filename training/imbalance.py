"""What weighing rare classes does: a checkpoint's head fitted anew in each way, on the same frozen features.

Training films fit the heads, the validation films compare them. The features were learnt with one of these
ways, so this says what the head gains by it, and nothing about the features.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from evaluation.metrics.bootstrap import compare, measured, patient_draws, rounded, with_interval
from evaluation.metrics.one_label import CALIBRATION, RANKING, Metric, Scored, confusion
from modeling.errors import ViewboxError
from modeling.labels import TASKS, TaskName
from modeling.model.fusion import FusionModel
from modeling.model.processing import ModelInputs, StudyProcessor, collate
from modeling.model.temperature import cross_fitted, probabilities
from modeling.progress import progress
from training.corpora.duplicates import SPLIT_FILE, as_trained
from training.corpora.labelled_film import Film
from training.corpora.open_corpus import CORPORA, load
from training.objective import class_weights
from training.refitting import entering, refit

WAYS: dict[str, tuple[float, float]] = {
    "no weights": (0.0, 0.0),
    "inverse frequency to the power 0.25": (0.25, 0.0),
    "inverse frequency to the power 0.5": (0.5, 0.0),
    "inverse frequency": (1.0, 0.0),
    "focal loss, gamma 2": (0.0, 2.0),
}
"""Name -> exponent of the inverse class frequency, gamma of the focal loss; the first is what others are
compared with."""
METRICS: dict[str, Metric] = {
    **{name: RANKING[name] for name in ("macro_auroc", "macro_average_precision", "accuracy", "macro_f1")},
    "expected_calibration_error": CALIBRATION["expected_calibration_error"],
}
COMPARED = ("macro_average_precision", "macro_f1")
BATCH = 32


def compare_ways(checkpoint: Path, data: Path, task: TaskName) -> dict[str, Any]:
    """Every way on the validation films.

    Returns:
        `train` and `validation` films, and `ways`: name -> metrics with 95 % intervals, `recall` of each
        class, and for all but the first the `ahead` of it by the metrics of `COMPARED`, with the paired p.

    Raises:
        ViewboxError: the checkpoint has no such softmax head, or a corpus of it is not there.
    """
    model, processor, origin = FusionModel.from_pretrained(checkpoint)
    if task not in model.heads or TASKS[task].kind != "softmax":
        raise ViewboxError(
            "{origin} has no classes of {task} to weigh; choose another --task.",
            origin=origin.name,
            task=task,
        )
    known = [name for name in model.config.sources if name in CORPORA]
    films = as_trained(checkpoint / SPLIT_FILE, [film for name in known for film in load(name, data)])
    sides = [[f for f in films if f.split == side and task in f.labels] for side in ("train", "validation")]
    if not all(sides):
        raise ViewboxError("There are no training or no validation films with a label for {task}.", task=task)
    given = [entering(model, task, _inputs(processor, side)) for side in sides]
    labels = [np.array([TASKS[task].index(film.labels[task]) for film in side]) for side in sides]
    patients = np.array([film.patient for film in sides[1]])
    counts = torch.bincount(torch.from_numpy(labels[0]), minlength=len(TASKS[task].classes))
    logits = {}
    for name, (exponent, gamma) in progress(WAYS.items(), "fitting heads", unit="way"):
        refit(model, task, given[0], torch.from_numpy(labels[0]), class_weights(counts, exponent), gamma)
        with torch.no_grad():
            logits[name] = model.heads[task](given[1]).numpy()
    return {
        "checkpoint": origin.name,
        "revision": origin.revision,
        "task": str(task),
        "train": len(sides[0]),
        "validation": len(sides[1]),
        "ways": _measured(logits, labels[1], patients, task),
    }


def _inputs(processor: StudyProcessor, films: Sequence[Film]) -> Iterator[ModelInputs]:
    with progress(what="features", total=len(films)) as bar:
        for start in range(0, len(films), BATCH):
            chosen = films[start : start + BATCH]
            yield collate([processor(film.study()) for film in chosen])
            bar.update(len(chosen))


def _measured(
    logits: dict[str, np.ndarray], labels: np.ndarray, patients: np.ndarray, task: TaskName
) -> dict[str, Any]:
    kind, draws = TASKS[task].kind, patient_draws(patients)
    plain = {name: Scored(probabilities(kind, rows), labels) for name, rows in logits.items()}
    calibrated = {
        name: Scored(cross_fitted(kind, rows, labels, patients), labels) for name, rows in logits.items()
    }
    first, ways = next(iter(logits)), {}
    for name in progress(logits, "measuring", unit="way"):
        row: dict[str, Any] = {}
        for metric, score in METRICS.items():
            scored = (calibrated if metric in CALIBRATION else plain)[name]
            row |= with_interval(metric, measured(lambda w, m=score, s=scored: m(s, w), draws))
        hits = confusion(plain[name], np.ones((1, len(labels)), np.float32))[0]
        recall = hits.diagonal() / hits.sum(axis=1).clip(min=1)
        row["recall"] = dict(zip(TASKS[task].classes, map(rounded, recall.tolist()), strict=True))
        if name != first:
            row["ahead"] = {m: _ahead(METRICS[m], plain[name], plain[first], draws) for m in COMPARED}
        ways[name] = row
    return ways


def _ahead(score: Metric, own: Scored, other: Scored, draws: np.ndarray) -> dict[str, Any]:
    found = compare(lambda w: score(own, w), lambda w: score(other, w), draws)
    return {**with_interval("difference", found.difference), "p": round(found.p, 4)}


def lines(answer: dict[str, Any]) -> str:
    """The comparison as lines to read."""
    told = [f"{answer['train']} training films fit the head, {answer['validation']} validation films compare"]
    for name, row in answer["ways"].items():
        told.append(
            f"{name:36} AUROC {row['macro_auroc']:.3f}"
            f"  average precision {row['macro_average_precision']:.3f}"
            f"  macro F1 {row['macro_f1']:.3f}  accuracy {row['accuracy']:.3f}"
        )
    return "\n".join(told)
