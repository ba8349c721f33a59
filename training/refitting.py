"""A head fitted once more on the finished network, whose features stay as they are.

Features need more passes over the films than a head with few labels bears: by then it is sure of every film
that it was taught. Fitted last, with a penalty, it keeps what the features say (decoupled training, Kang et
al., ICLR 2020).

Shape letters: N labelled films, D width, K classes.
"""

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from evaluation.metrics.bootstrap import ahead, patient_draws, rounded
from evaluation.metrics.one_label import CALIBRATION, RANKING, Scored, confusion, scores
from modeling.errors import ViewboxError
from modeling.labels import Task, TaskName
from modeling.model.fusion import FusionModel, Head
from modeling.model.processing import ModelInputs
from modeling.model.temperature import cross_fitted, probabilities
from modeling.progress import progress
from training.corpora.duplicates import SPLIT_FILE, as_trained
from training.corpora.open_corpus import CORPORA, load
from training.films import inputs_of
from training.objective import class_weights, task_losses

PENALTY = 50.0
"""On half the squared weights of standardised features, beside the summed loss. A logistic regression on the
features of the film checkpoint with 333, 33 and 3.3 in its place ordered the validation films alike (Spearman
0.74, 0.75 and 0.74 with the experts' extent; the head before refitting 0.64)."""


@torch.inference_mode()
def entering(model: FusionModel, name: TaskName, batches: Iterable[ModelInputs]) -> Tensor:
    """(N, D) what a task's head is given, with nothing dropped."""
    rows: list[Tensor] = []
    hook = model.heads[name].register_forward_pre_hook(lambda _, given: rows.append(given[0].float()))
    try:
        for inputs in batches:
            model.eval()(inputs)
    finally:
        hook.remove()
    return torch.cat(rows)


def refit(
    model: FusionModel, name: TaskName, given: Tensor, labels: Tensor, weights: Tensor, gamma: float = 0.0
) -> None:
    """Fit a softmax or ordinal head anew, from nothing; the same films give the same head.

    `given`: (N, D) from `entering`; labels (N,), weights (K,) of the classes; gamma of the focal loss.
    """
    centre, spread = given.mean(dim=0), given.std(dim=0).clamp(min=1e-6)
    standard = ((given - centre) / spread).clone()
    task = model.config.spec(name)
    head = Head(task, given.shape[1])
    nn.init.zeros_(head.linear.weight)
    optimizer = torch.optim.LBFGS(head.parameters(), max_iter=300, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        given = ({name: head(standard)}, {name: labels}, {name: weights})
        fit = task_losses(*given, focal_gamma=gamma, tasks=[task])[name]
        total = fit + PENALTY / 2 / len(labels) * head.linear.weight.square().sum()
        total.backward()
        return total

    optimizer.step(loss)
    _unstandardise(head, centre, spread)
    model.heads[name].load_state_dict(head.state_dict())


@torch.no_grad()
def _unstandardise(head: Head, centre: Tensor, spread: Tensor) -> None:
    """A head on standardised features becomes one on the features as they are, (D,) centre and spread."""
    head.linear.weight /= spread
    offset = head.linear.weight @ centre
    if head.linear.bias is None:
        head.threshold[0] += offset[0]
    else:
        head.linear.bias -= offset


# --- the effect of weighing rare classes


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
    """Every way on the validation films, after the training films fitted the head anew.

    The features were learnt with one of these ways, so this says what the head gains by it, and nothing about
    the features. `ways`: name -> metrics with 95 % intervals, `recall` of each class, and for all but the
    first the `ahead` of it by the metrics of `COMPARED`, with the paired p.

    Raises:
        ViewboxError: the checkpoint has no such softmax head, or a corpus of it is not there.
    """
    model, processor, origin = FusionModel.from_pretrained(checkpoint)
    if task not in model.heads or model.config.spec(task).kind != "softmax":
        template = "{origin} has no classes of {task} to weigh; choose another --task."
        raise ViewboxError(template, origin=origin.name, task=task)
    known = [name for name in model.config.sources if name in CORPORA]
    films = as_trained(checkpoint / SPLIT_FILE, [film for name in known for film in load(name, data)])
    train, held = ([f for f in films if f.split == s and task in f.labels] for s in ("train", "validation"))
    if not train or not held:
        raise ViewboxError("There are no training or no validation films with a label for {task}.", task=task)
    taught, given = (entering(model, task, inputs_of(side, processor, "features")) for side in (train, held))
    classes = model.config.spec(task).classes
    labels = torch.tensor([classes.index(film.labels[task]) for film in train])
    counts = torch.bincount(labels, minlength=len(classes))
    logits = {}
    for name, (exponent, gamma) in progress(WAYS.items(), "fitting heads", unit="way"):
        refit(model, task, taught, labels, class_weights(counts, exponent), gamma)
        with torch.no_grad():
            logits[name] = model.heads[task](given).numpy()
    truth = np.array([classes.index(film.labels[task]) for film in held])
    ways = _measured(logits, truth, np.array([film.patient for film in held]), model.config.spec(task))
    about = {"checkpoint": origin.name, "revision": origin.revision, "task": str(task)}
    return {**about, "train": len(train), "validation": len(held), "ways": ways}


def _measured(
    logits: dict[str, np.ndarray], labels: np.ndarray, patients: np.ndarray, task: Task
) -> dict[str, Any]:
    kind, draws = task.kind, patient_draws(patients)
    plain = {name: Scored(probabilities(kind, rows), labels) for name, rows in logits.items()}
    calibrated = {
        name: Scored(cross_fitted(kind, rows, labels, patients), labels) for name, rows in logits.items()
    }
    first, ways = next(iter(logits)), {}
    for name in progress(logits, "measuring", unit="way"):
        row = scores(METRICS, plain[name], draws) | scores(CALIBRATED, calibrated[name], draws)
        hits = confusion(plain[name], np.ones((1, len(labels)), np.float32))[0]
        recall = hits.diagonal() / hits.sum(axis=1).clip(min=1)
        row["recall"] = dict(zip(task.classes, map(rounded, recall.tolist()), strict=True))
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
