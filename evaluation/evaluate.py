"""Measure a checkpoint on labelled films: what `viewbox evaluate` does."""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from evaluation.leak_audit import Side, audit, facts_of
from evaluation.metrics.bootstrap import bracketed
from evaluation.summary import (
    Labelled,
    Measurement,
    compare_with_audit,
    not_beaten,
    summarise,
    training_counts,
)
from modeling.errors import ViewboxError
from modeling.labels import TASKS, TaskName
from modeling.model.checkpoint import Origin
from modeling.model.fusion import FusionModel
from modeling.model.processing import StudyProcessor
from modeling.model.temperature import cross_fitted, probabilities
from modeling.study import Modality
from training.corpora.labelled_film import Film
from training.corpora.open_corpus import CORPORA, case_folder
from training.films import inputs_of

HEADLINES = ("macro_auroc", "macro_average_precision", "accuracy")


def named(origin: Origin) -> dict[str, str]:
    """Whose numbers they are."""
    return {"checkpoint": origin.name, "revision": origin.revision}


def choose(films: Sequence[Film], task: TaskName, split: str | None = None) -> tuple[list[Film], str]:
    """The films to measure on, and which: without a split the test films, else those for validation.

    Raises:
        ViewboxError: no film of that split has the task's label.
    """
    labelled = [f for f in films if task in f.labels]
    present = {f.split for f in labelled}
    split = split or next((side for side in ("test", "validation") if side in present), "all")
    chosen = [f for f in labelled if split in ("all", f.split)]
    if not chosen:
        template = "The file has no {split} film with a label for {task}; choose another --split or --task."
        raise ViewboxError(template, split=split, task=task)
    return chosen, split


def predict_films(
    model: FusionModel,
    processor: StudyProcessor,
    films: Sequence[Film],
    *,
    film_alone: bool = False,
    device: str = "cpu",
) -> dict[str, np.ndarray]:
    """Task -> (N, K) logits, from the film alone or all there is; films are decoded as they are needed."""
    model = model.to(device).to(memory_format=torch.channels_last)
    rows: dict[str, list[np.ndarray]] = {}
    for batch in inputs_of(films, processor, "predicting", film_alone=film_alone):
        image = batch.image.contiguous(memory_format=torch.channels_last)
        with torch.inference_mode():
            for task, logits in model(replace(batch, image=image).to(device)).items():
                rows.setdefault(task, []).append(logits.float().cpu().numpy())
    return {task: np.concatenate(parts) for task, parts in rows.items()}


@dataclass(frozen=True, eq=False)
class Answers(Labelled):
    """Films with a task's label, and what a checkpoint said of them."""

    logits: np.ndarray  # N K
    alone: np.ndarray | None  # N K from the film alone; None for a task that reads nothing else
    temperature: float

    def of(self, split: str) -> "Answers":
        """Those for the films of one side."""
        rows = [i for i, film in enumerate(self.films) if film.split == split]
        alone = None if self.alone is None else self.alone[rows]
        return replace(self, films=[self.films[i] for i in rows], logits=self.logits[rows], alone=alone)

    @property
    def calibrated(self) -> np.ndarray:
        """(N, K) probabilities, each film's with the temperature of other patients."""
        return cross_fitted(self.spec.kind, self.logits, self.labels, self.patients)

    def values(self, logits: np.ndarray) -> np.ndarray:
        """(N, K) probabilities with the checkpoint's own temperature."""
        return probabilities(self.spec.kind, logits, self.temperature)

    def measurement(self, rows: np.ndarray, training: Mapping[str, int]) -> Measurement:
        """Of some of the films, (N,) bool; the calibrated values rest on all of them."""
        films = [film for film, chosen in zip(self.films, rows, strict=True) if chosen]
        return Measurement(self.task, films, self.values(self.logits)[rows], self.calibrated[rows], training)


def ask(model: FusionModel, processor: StudyProcessor, films: Sequence[Film], task: TaskName) -> Answers:
    """The checkpoint's answers for films that have the task's label."""
    read = next(t.modalities for t in model.config.tasks if t.name == task)
    logits = predict_films(model, processor, films)[str(task)]
    alone = None
    if Modality.IMAGE in read and len(read) > 1:
        alone = predict_films(model, processor, films, film_alone=True)[str(task)]
    return Answers(task, films, logits, alone, model.config.temperatures.get(task, 1.0))


def audited(
    answers: Answers, rows: np.ndarray, corpus: Sequence[Film], folder: Path | None
) -> dict[str, Any]:
    """The leak audit of some of the films: `audit` rows and the names that were `not_beaten`.

    `rows`: (N,) bool. `corpus`: all films that those come from; empty where none of them is a training film.
    """
    task, spec = answers.task, answers.spec

    def side(films: Sequence[Film]) -> Side:
        return Side(films, facts_of(films, folder), np.array([spec.index(f.labels[task]) for f in films]))

    train = [f for f in corpus if f.split == "train" and task in f.labels]
    if not train:
        return {}
    found = answers.measurement(rows, training_counts(corpus, task))
    also = {} if answers.alone is None else {"film alone": answers.values(answers.alone)[rows]}
    compared = compare_with_audit(found, audit(side(train), side(found.films), len(spec.classes)), also)
    return {"audit": compared, "not_beaten": not_beaten(compared)}


def evaluate(
    checkpoint: str | Path,
    data: Path,
    task: TaskName,
    *,
    corpus: str = "siim",
    split: str | None = None,
    with_audit: bool = False,
) -> dict[str, Any]:
    """Load, predict, summarise; adds the checkpoint's name and revision, the split and films a second.

    `data`: Parquet file with the columns of `corpus`, or a folder that an importer or an export wrote.
    `with_audit`: also train small models that never see the lungs on its training films, and compare.

    Raises:
        ViewboxError: the checkpoint, the file, the task or the split is not there.
    """
    _known(task, TASKS, "There is no task '{name}'; choose one of {names}.")
    _known(corpus, CORPORA, "There is no corpus '{name}'; choose one of {names}.")
    model, processor, origin = FusionModel.from_pretrained(checkpoint)
    _known(task, model.heads, "{origin} does not predict {name}; choose one of {names}.", origin=origin.name)
    everything = list(case_folder(data) if data.is_dir() else CORPORA[corpus][1](data))
    films, used = choose(everything, task, split)
    started = time.perf_counter()
    answers = ask(model, processor, films, task)
    seconds = time.perf_counter() - started
    rows = np.ones(len(films), bool)
    corpus = data.name if data.is_dir() else corpus
    about = {**named(origin), "data": data.name, "corpus": corpus, "task": task, "split": used}
    about |= summarise(answers.measurement(rows, training_counts(everything, task)))
    about |= audited(answers, rows, everything, data.parent) if with_audit else {}
    return {**about, "films_per_second": round(len(films) / seconds, 1)}


def _known(name: str, names: Iterable[str], template: str, **more: str) -> None:
    if name not in names:
        raise ViewboxError(template, name=name, names=", ".join(names), **more)


def as_table(summary: dict[str, Any]) -> str:
    """The measurement as lines to read."""

    def cell(row: Mapping[str, Any], key: str) -> str:
        return f"{'-':>5}" if row[key] is None else f"{row[key]:.3f}"

    lines = ["{checkpoint} {revision}: {task} on {data} ({split})".format(**summary)]
    for name in [n for n in summary if f"{n}_95" in summary]:
        majority = f"  majority {cell(summary['majority'], name)}" if name in HEADLINES else ""
        lines.append(f"{name:28} {bracketed(summary[name], summary[f'{name}_95'])}{majority}")
    for name, row in summary["per_class"].items():
        ranked = f"AUROC {cell(row, 'auroc')}  average precision {cell(row, 'average_precision')}"
        lines.append(f"  {name:26} n {row['n']:5}  {ranked}  {row['frequency']}")
    for row in summary.get("audit", []):
        beside = f"ahead by {cell(row, 'difference')}  p {cell(row, 'p')}"
        lines.append(f"  against {row['name']:18} {cell(row, 'macro_auroc')}  {beside}")
    last = "{n} films of {patients} patients, {films_per_second} films/s"
    return "\n".join([*lines, last.format(**summary)])
