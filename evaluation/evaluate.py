"""Measure a checkpoint on labelled films: what `viewbox evaluate` does."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from evaluation.film_facts import facts_of
from evaluation.leak_audit import AuditRow, Side, audit
from evaluation.summary import Measurement, compare_with_audit, not_beaten, summarise, training_counts
from modeling.errors import ViewboxError
from modeling.labels import TASKS, TaskName
from modeling.model.fusion import FusionModel
from modeling.model.processing import StudyProcessor, collate
from modeling.model.temperature import cross_fitted, probabilities
from modeling.progress import progress
from modeling.study import Modality, Study
from training.corpora.case_folders import case_folder
from training.corpora.labelled_film import Film
from training.corpora.open_corpus import CORPORA

BATCH = 32
HEADLINES = ("macro_auroc", "macro_average_precision", "accuracy")


def choose(films: Sequence[Film], task: TaskName, split: str | None = None) -> tuple[list[Film], str]:
    """The films to measure on, and in a word which they are.

    Args:
        split: "train", "validation", "test" or "all"; None takes the test films where there are any, else the
            validation films.

    Raises:
        ViewboxError: no film of that split has the task's label.
    """
    labelled = [f for f in films if task in f.labels]
    present = {f.split for f in labelled}
    split = split or next((side for side in ("test", "validation") if side in present), "all")
    chosen = [f for f in labelled if split in ("all", f.split)]
    if not chosen:
        raise ViewboxError(
            "The file has no {split} film with a label for {task}; choose another --split or --task.",
            split=split,
            task=task,
        )
    return chosen, split


def predict_films(
    model: FusionModel,
    processor: StudyProcessor,
    films: Sequence[Film],
    *,
    film_alone: bool = False,
    device: str = "cpu",
) -> dict[str, np.ndarray]:
    """Task -> (N, K) logits; films are decoded as they are needed.

    Args:
        film_alone: leave table and text aside.
    """
    model = model.to(device).to(memory_format=torch.channels_last)
    rows: dict[str, list[np.ndarray]] = {}
    with progress(what="predicting", total=len(films)) as bar:
        for start in range(0, len(films), BATCH):
            studies = [film.study() for film in films[start : start + BATCH]]
            if film_alone:
                studies = [Study(study.radiograph) for study in studies]
            batch = collate([processor(study) for study in studies]).to(device)
            batch = replace(batch, image=batch.image.contiguous(memory_format=torch.channels_last))
            with torch.inference_mode():
                for task, logits in model(batch).items():
                    rows.setdefault(task, []).append(logits.float().cpu().numpy())
            bar.update(len(studies))
    return {task: np.concatenate(parts) for task, parts in rows.items()}


@dataclass(frozen=True, eq=False)
class Answers:
    """Films with a task's label, and what a checkpoint said of them.

    Attributes:
        logits: (N, K).
        alone: (N, K) from the film alone; None for a task that reads nothing else.
    """

    task: TaskName
    films: Sequence[Film]
    logits: np.ndarray
    alone: np.ndarray | None
    temperature: float

    def of(self, split: str) -> "Answers":
        """Those for the films of one side."""
        rows = [i for i, film in enumerate(self.films) if film.split == split]
        alone = None if self.alone is None else self.alone[rows]
        return replace(self, films=[self.films[i] for i in rows], logits=self.logits[rows], alone=alone)

    @property
    def labels(self) -> np.ndarray:
        """(N,) class numbers."""
        return np.array([TASKS[self.task].index(film.labels[self.task]) for film in self.films])

    @property
    def patients(self) -> np.ndarray:
        """(N,) patient of each film."""
        return np.array([film.patient for film in self.films])

    @property
    def calibrated(self) -> np.ndarray:
        """(N, K) probabilities, each film's with the temperature of other patients."""
        return cross_fitted(TASKS[self.task].kind, self.logits, self.labels, self.patients)

    def values(self, logits: np.ndarray) -> np.ndarray:
        """(N, K) probabilities with the checkpoint's own temperature."""
        return probabilities(TASKS[self.task].kind, logits, self.temperature)

    def measurement(self, rows: np.ndarray, training: Mapping[str, int]) -> Measurement:
        """Some of the films; the calibrated values rest on all of them.

        Args:
            rows: (N,) bool.
        """
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
    """The leak audit of some of the films.

    Args:
        rows: (N,) bool.
        corpus: all films that those come from, training films among them.

    Returns:
        `audit` rows and the names that were `not_beaten`; empty where there is no training film.
    """
    task, spec = answers.task, TASKS[answers.task]
    films = [film for film, chosen in zip(answers.films, rows, strict=True) if chosen]
    train = [f for f in corpus if f.split == "train" and task in f.labels]
    if not train:
        return {}
    sides = []
    for side in (train, films):
        labels = np.array([spec.index(f.labels[task]) for f in side])
        sides.append(Side(side, facts_of(side, folder), labels))
    found = answers.measurement(rows, training_counts(corpus, task))
    also = {} if answers.alone is None else {"film alone": answers.values(answers.alone)[rows]}
    small: list[AuditRow] = audit(*sides, len(spec.classes))
    compared = compare_with_audit(found, small, also)
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

    Args:
        data: Parquet file with the columns of `corpus`, or a folder that an importer or an export wrote.
        split: "train", "validation" or "all"; None takes the validation films where there are any.
        with_audit: also train small models that never see the lungs on the file's training films, and set the
            checkpoint beside them.

    Raises:
        ViewboxError: the checkpoint, the file, the task or the split is not there.
    """
    if task not in TASKS:
        raise ViewboxError(
            "There is no task '{task}'; choose one of {tasks}.", task=task, tasks=", ".join(TASKS)
        )
    if corpus not in CORPORA:
        raise ViewboxError(
            "There is no corpus '{corpus}'; choose one of {corpora}.",
            corpus=corpus,
            corpora=", ".join(CORPORA),
        )
    model, processor, origin = FusionModel.from_pretrained(checkpoint)
    if task not in model.heads:
        raise ViewboxError(
            "{origin} does not predict {task}; choose one of {heads}.",
            origin=origin.name,
            task=task,
            heads=", ".join(model.heads),
        )
    if data.is_dir():
        everything, corpus = list(case_folder(data)), data.name
    else:
        everything = list(CORPORA[corpus][1](data))
    films, used = choose(everything, task, split)
    started = time.perf_counter()
    answers = ask(model, processor, films, TaskName(task))
    seconds = time.perf_counter() - started
    rows = np.ones(len(films), bool)
    summary = summarise(answers.measurement(rows, training_counts(everything, TaskName(task))))
    if with_audit:
        summary |= audited(answers, rows, everything, data.parent)
    about = {
        "checkpoint": origin.name,
        "revision": origin.revision,
        "data": data.name,
        "corpus": corpus,
        "task": task,
        "split": used,
    }
    return {**about, **summary, "films_per_second": round(len(films) / seconds, 1)}


def as_table(summary: dict[str, Any]) -> str:
    """The measurement as lines to read."""
    lines = ["{checkpoint} {revision}: {task} on {data} ({split})".format(**summary)]
    for name in [n for n in summary if f"{n}_95" in summary]:
        low, high = summary[f"{name}_95"]
        line = f"{name:28} {_cell(summary[name])} [{_cell(low)}, {_cell(high)}]"
        lines.append(line + (f"  majority {_cell(summary['majority'][name])}" if name in HEADLINES else ""))
    for name, row in summary["per_class"].items():
        lines.append(
            f"  {name:26} n {row['n']:5}  AUROC {_cell(row['auroc'])}"
            f"  average precision {_cell(row['average_precision'])}  {row['frequency']}"
        )
    for row in summary.get("audit", []):
        lines.append(
            f"  against {row['name']:18} {_cell(row['macro_auroc'])}  ahead by {_cell(row['difference'])}"
            f"  p {_cell(row['p'])}"
        )
    lines.append(
        f"{summary['n']} films of {summary['patients']} patients, {summary['films_per_second']} films/s"
    )
    return "\n".join(lines)


def _cell(value: float | None) -> str:
    return "    -" if value is None else f"{value:.3f}"
