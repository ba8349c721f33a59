"""The effect of weighing rare classes: a checkpoint's head fitted anew in each way, on frozen features.

Training films fit the heads, the validation films compare them. The features were learnt with one of these
ways, so this says what the head gains by it, and nothing about the features.
"""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from evaluation.metrics.bootstrap import ahead, patient_draws, rounded
from evaluation.metrics.one_label import CALIBRATION, RANKING, Scored, confusion, scores
from modeling.errors import ViewboxError
from modeling.labels import TASKS, TaskName
from modeling.model.fusion import FusionModel
from modeling.model.temperature import cross_fitted, probabilities
from modeling.progress import progress
from training.corpora.duplicates import SPLIT_FILE, as_trained
from training.corpora.open_corpus import CORPORA, load
from training.films import inputs_of
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
METRICS = {n: RANKING[n] for n in ("macro_auroc", "macro_average_precision", "accuracy", "macro_f1")}
CALIBRATED = {"expected_calibration_error": CALIBRATION["expected_calibration_error"]}
COMPARED = ("macro_average_precision", "macro_f1")


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
        template = "{origin} has no classes of {task} to weigh; choose another --task."
        raise ViewboxError(template, origin=origin.name, task=task)
    known = [name for name in model.config.sources if name in CORPORA]
    films = as_trained(checkpoint / SPLIT_FILE, [film for name in known for film in load(name, data)])
    train, held = ([f for f in films if f.split == s and task in f.labels] for s in ("train", "validation"))
    if not train or not held:
        raise ViewboxError("There are no training or no validation films with a label for {task}.", task=task)
    taught, given = (entering(model, task, inputs_of(side, processor, "features")) for side in (train, held))
    classes = TASKS[task].classes
    labels = torch.tensor([classes.index(film.labels[task]) for film in train])
    counts = torch.bincount(labels, minlength=len(classes))
    logits = {}
    for name, (exponent, gamma) in progress(WAYS.items(), "fitting heads", unit="way"):
        refit(model, task, taught, labels, class_weights(counts, exponent), gamma)
        with torch.no_grad():
            logits[name] = model.heads[task](given).numpy()
    truth = np.array([classes.index(film.labels[task]) for film in held])
    ways = _measured(logits, truth, np.array([film.patient for film in held]), task)
    about = {"checkpoint": origin.name, "revision": origin.revision, "task": str(task)}
    return {**about, "train": len(train), "validation": len(held), "ways": ways}


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
        row = scores(METRICS, plain[name], draws) | scores(CALIBRATED, calibrated[name], draws)
        hits = confusion(plain[name], np.ones((1, len(labels)), np.float32))[0]
        recall = hits.diagonal() / hits.sum(axis=1).clip(min=1)
        row["recall"] = dict(zip(TASKS[task].classes, map(rounded, recall.tolist()), strict=True))
        if name != first:
            pair = (plain[name], plain[first])
            row["ahead"] = {m: ahead(*(partial(METRICS[m], one) for one in pair), draws) for m in COMPARED}
        ways[name] = row
    return ways


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
