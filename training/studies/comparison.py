"""Attention over the films of a study beside one random film, their mean and their maximum: one table.

Every model stands on the same film encoder and is asked about the same unseen studies: frontal and lateral of
the day and of a prior. What a lateral or a prior adds is the same model's answer with and without it.
"""

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch

from cases.phantom.study_plan import CHANGE, HIDDEN, OPACITY
from evaluation.metrics.bootstrap import ahead, measured, patient_draws, with_interval
from evaluation.metrics.one_label import Scored, auroc, macro
from modeling.model.processing import StudyProcessor
from modeling.model.study_fusion import VIEWS, FilmPooling, StudyInputs, StudyModel
from modeling.study import ViewPosition
from training.studies.corpus import study_rows
from training.studies.fitting import (
    StudyTensors,
    answers,
    film_vectors,
    fit_films,
    fit_fusion,
    study_tensors,
    with_pick,
)
from training.studies.settings import StudyTraining

logger = logging.getLogger(__name__)
POOLINGS: tuple[FilmPooling, ...] = get_args(FilmPooling)
_LATERAL = VIEWS.index(ViewPosition.LATERAL)
Question = tuple[str, str, Callable[[StudyTensors], np.ndarray]]
"""Task, what is scored ("" for all its classes), and (S,) bool of the studies that are asked about."""


@dataclass(frozen=True, eq=False)
class _Asked:
    """A question to one model: (N, K) probabilities and labels of the studies that are asked about."""

    values: np.ndarray
    labels: np.ndarray
    positive: int | None

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        """(R, N) weights -> (R,) AUROC."""
        if self.positive is not None:
            return auroc(self.values[:, self.positive], self.labels == self.positive, weights)
        return macro(auroc)(Scored(self.values, self.labels), weights)


def _hidden(data: StudyTensors) -> np.ndarray:
    return np.isin(data.places, HIDDEN)


def _with_opacity(data: StudyTensors) -> np.ndarray:
    return data.labels[OPACITY].numpy() == 1


QUESTIONS: dict[str, Question] = {
    "opacity that only the lateral shows": (OPACITY, "present", _hidden),
    "opacity that both views show": (OPACITY, "present", lambda data: ~_hidden(data)),
    "new or unchanged": (CHANGE, "new", _with_opacity),
    "change since the prior, four classes": (CHANGE, "", lambda data: np.ones(len(data.places), bool)),
}
WITHOUT: dict[str, Callable[[StudyInputs], torch.Tensor]] = {
    "laterals": lambda inputs: inputs.view != _LATERAL,
    "priors": lambda inputs: inputs.days == 0,
}


def compare_poolings(settings: StudyTraining, out: Path) -> dict[str, Any]:
    """Draw, train and measure; what `out` holds already is not made again. Returns `studies.json`."""
    out.mkdir(parents=True, exist_ok=True)
    model, processor = settings.begin("attention")
    train, test = _tensors(settings, processor, out)
    fit_films(model, processor, train, settings, out / "films.pt")
    learnt = film_vectors(model, processor, train.films, settings.versions, settings.seed)
    asked = film_vectors(model, processor, test.films)[0]
    answered: dict[str, dict[str, np.ndarray]] = {}
    image, given = (
        model.image.state_dict(),
        with_pick(test.inputs, torch.Generator().manual_seed(settings.seed)),
    )
    for pooling in POOLINGS:
        model = _fusion(settings, pooling, image, train, learnt, out)
        answered[pooling] = answers(model, asked, test, given)
        if pooling == "attention":
            for name, kept in WITHOUT.items():
                answered[f"without {name}"] = answers(model, asked, test, given.with_films(kept(given)))
    found = _table(settings, test, answered)
    (out / "studies.json").write_text(json.dumps(found, indent=1) + "\n")
    return found


def _tensors(
    settings: StudyTraining, processor: StudyProcessor, out: Path
) -> tuple[StudyTensors, StudyTensors]:
    drawn, tasks = out / "drawn", [task.spec for task in settings.model.tasks]
    train = study_rows(drawn, settings.train_studies, settings.train_series, settings.size)
    test = study_rows(drawn, settings.test_studies, settings.test_series, settings.size, four_films=True)
    return study_tensors(train, processor, tasks), study_tensors(test, processor, tasks)


def _fusion(
    settings: StudyTraining,
    pooling: FilmPooling,
    image: dict[str, torch.Tensor],
    train: StudyTensors,
    vectors: torch.Tensor,
    out: Path,
) -> StudyModel:
    """The model of one pooling, found in `out` or trained now."""
    folder = out / pooling
    if (folder / "model.safetensors").is_file():
        return StudyModel.from_pretrained(folder)[0]
    torch.manual_seed(settings.seed)
    model, processor = settings.begin(pooling)
    model.image.load_state_dict(image)
    fit_fusion(model, train, vectors, settings)
    model.save_pretrained(folder, processor)
    return model


def _table(
    settings: StudyTraining, test: StudyTensors, answered: dict[str, dict[str, np.ndarray]]
) -> dict[str, Any]:
    """Every question to every model, attention against each other one, and what a lateral and a prior add."""
    rows = {}
    for name, (task, positive, chosen) in QUESTIONS.items():
        rows[name] = _row(settings, test, answered, task, positive, chosen(test))
    counts = {
        "train_studies": settings.train_studies,
        "test_studies": len(test.places),
        "size": settings.size,
    }
    return counts | {"questions": rows}


def _row(
    settings: StudyTraining,
    test: StudyTensors,
    answered: dict[str, dict[str, np.ndarray]],
    task: str,
    positive: str,
    chosen: np.ndarray,
) -> dict[str, Any]:
    classes = settings.model.spec(task).classes
    labels = test.labels[task].numpy()[chosen]
    draws = patient_draws(np.arange(len(labels)), seed=settings.seed)
    at = classes.index(positive) if positive else None
    asked = {name: _Asked(values[task][chosen], labels, at) for name, values in answered.items()}
    attention = asked["attention"]
    row: dict[str, Any] = {
        "studies": len(labels),
        "positive": int((labels == at).sum()) if positive else None,
    }
    row |= {name: with_interval("auroc", measured(asked[name], draws)) for name in POOLINGS}
    row["ahead of"] = {name: ahead(attention, asked[name], draws) for name in POOLINGS if name != "attention"}
    row["gained from"] = {name: ahead(attention, asked[f"without {name}"], draws) for name in WITHOUT}
    return row


def lines(found: dict[str, Any]) -> str:
    """The table as Markdown."""
    said = [f"{found['test_studies']} unseen studies of four films, AUROC with 95 % intervals:", ""]
    said += ["| question | studies | " + " | ".join(POOLINGS) + " |", "|---" * (2 + len(POOLINGS)) + "|"]
    for name, row in found["questions"].items():
        cells = [_interval(row[pooling], "auroc") for pooling in POOLINGS]
        said.append(f"| {name} | {row['studies']} | " + " | ".join(cells) + " |")
    for kind in ("ahead of", "gained from"):
        names = list(next(iter(found["questions"].values()))[kind])
        said += ["", f"| attention, {kind} | " + " | ".join(names) + " |", "|---" * (1 + len(names)) + "|"]
        for name, row in found["questions"].items():
            cells = [f"{_interval(row[kind][o], 'difference')}, p {row[kind][o]['p']:.3f}" for o in names]
            said.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(said)


def _interval(found: dict[str, Any], name: str) -> str:
    low, high = found[f"{name}_95"]
    return f"{found[name]:.3f} ({low:.3f} to {high:.3f})"
