"""Measure a checkpoint on labelled films: what `viewbox evaluate` does."""

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from evaluation import external
from evaluation.leak_audit import Side, audit, audit_several, facts_of
from evaluation.metrics.bootstrap import bracketed
from evaluation.metrics.many_labels import LabelScores, beside, summarise_labels
from evaluation.published import films_at
from evaluation.summary import (
    Labelled,
    Measurement,
    compare_with_audit,
    not_beaten,
    summarise,
    training_counts,
)
from modeling.errors import ViewboxError
from modeling.labels import APPEARANCE, Task, TaskName
from modeling.model.checkpoint import Origin
from modeling.model.fusion import FusionModel
from modeling.model.processing import StudyProcessor
from modeling.model.temperature import cross_fitted, probabilities
from modeling.sentence import Names
from modeling.study import Modality
from training.corpora.duplicates import SPLIT_FILE, as_trained
from training.corpora.labelled_film import Film
from training.films import PLAIN, LabelPolicy, inputs_of, labels_of
from training.label_counts import policy_of, shares_of

METRICS_FILE = "metrics.json"
HEADLINES = ("macro_auroc", "macro_average_precision", "accuracy")


def named(origin: Origin) -> dict[str, str]:
    """Whose numbers they are."""
    return {"checkpoint": origin.name, "revision": origin.revision}


def choose(films: Sequence[Film], task: Task, split: str | None = None) -> tuple[list[Film], str]:
    """The films to measure on, and which: without a split the test films, else those for validation.

    Raises:
        ViewboxError: no film of that split has the task's label.
    """
    labelled = [f for f in films if f.has_label(task)]
    present = {f.split for f in labelled}
    split = split or next((side for side in ("test", "validation") if side in present), "all")
    chosen = [f for f in labelled if split in ("all", f.split)]
    if not chosen:
        one = "film" if split == "all" else f"{split} film"
        template = "No {one} here has a label for {task}; choose another --split, --task or file."
        raise ViewboxError(template, one=one, task=Names("task", task))
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
    def cross_fitted(self) -> np.ndarray:
        """(N, K) probabilities, each film's with the temperature of other patients."""
        return cross_fitted(self.task.kind, self.logits, self.labels, self.patients)

    def calibrated(self) -> np.ndarray:
        """(N, K) probabilities as a reader sees them; those of validation films, which the checkpoint's
        temperature was fitted on, each with the temperature of other patients among them."""
        values = self.values(self.logits)
        chose = np.array([film.split == "validation" for film in self.films])
        if chose.any():
            values[chose] = self.of("validation").cross_fitted
        return values

    def values(self, logits: np.ndarray) -> np.ndarray:
        """(N, K) probabilities with the checkpoint's own temperature."""
        return probabilities(self.task.kind, logits, self.temperature)

    def measurement(self, rows: np.ndarray, training: Mapping[str, float]) -> Measurement:
        """Of some of the films, (N,) bool, and no others: what stands beside them changes no number."""
        films = [film for film, chosen in zip(self.films, rows, strict=True) if chosen]
        own = replace(self, films=films, logits=self.logits[rows], alone=None)
        return Measurement(self.task, films, own.values(own.logits), own.calibrated(), training)


@dataclass(frozen=True, eq=False)
class SeveralAnswers(Answers):
    """The same of a task with several classes at once; what is uncertain or blank counts by `policy`."""

    policy: LabelPolicy = PLAIN

    @cached_property
    def labels(self) -> np.ndarray:
        """(N, K) of 0 and 1, NaN where nothing counts."""
        return labels_of(self.films, self.task, self.policy)

    @property
    def scores(self) -> LabelScores:
        """What is measured of them."""
        values, known = self.values(self.logits), np.isfinite(self.labels)
        return LabelScores(values, self.labels == 1, self.patients, known, self.calibrated())


def ask_several(
    model: FusionModel,
    processor: StudyProcessor,
    films: Sequence[Film],
    task: Task,
    policy: LabelPolicy = PLAIN,
) -> SeveralAnswers:
    """The checkpoint's answers to a multilabel task for films that have its labels."""
    logits = predict_films(model, processor, films)[task]
    return SeveralAnswers(task, films, logits, None, model.config.temperatures.get(task, 1.0), policy)


def ask(model: FusionModel, processor: StudyProcessor, films: Sequence[Film], task: Task) -> Answers:
    """The checkpoint's answers for films that have the task's label."""
    read = next(t.modalities for t in model.config.tasks if t.name == task)
    logits = predict_films(model, processor, films)[task]
    alone = None
    if Modality.IMAGE in read and len(read) > 1:
        alone = predict_films(model, processor, films, film_alone=True)[task]
    return Answers(task, films, logits, alone, model.config.temperatures.get(task, 1.0))


def trained_shares(films: Sequence[Film], task: Task, policy: LabelPolicy = PLAIN) -> dict[str, float]:
    """Class -> its share of the known labels of a multilabel task on the training side, where there are."""
    labels = labels_of([film for film in films if film.split == "train"], task, policy)
    known = np.isfinite(labels).sum(axis=0)
    shares = np.nansum(labels, axis=0) / known.clip(min=1)
    return {name: float(shares[k]) for k, name in enumerate(task.classes) if known[k]}


def audited(
    answers: Answers, rows: np.ndarray, corpus: Sequence[Film], folder: Path | None
) -> dict[str, Any]:
    """The leak audit of some of the films: `audit` rows and the names that were `not_beaten`.

    `rows`: (N,) bool. `corpus`: all films that those come from; empty where none of them is a training film.
    """
    task = answers.task

    def side(films: Sequence[Film]) -> Side:
        return Side(films, facts_of(films, folder), np.array([task.index(f.labels[task]) for f in films]))

    train = [f for f in corpus if f.split == "train" and task in f.labels]
    if not train:
        return {}
    found = answers.measurement(rows, training_counts(corpus, task))
    also = {} if answers.alone is None else {"film alone": answers.values(answers.alone)[rows]}
    compared = compare_with_audit(found, audit(side(train), side(found.films), len(task.classes)), also)
    return {"audit": compared, "not_beaten": not_beaten(compared)}


def audited_several(answers: SeveralAnswers, corpus: Sequence[Film], folder: Path | None) -> dict[str, Any]:
    """As `audited`, of all films of a task with several classes at once; empty without their pictures."""
    train = [f for f in corpus if f.split == "train" and f.has_label(answers.task)]
    if not train or not all(film.encoded for film in (*train, *answers.films)):
        return {}
    taught = labels_of(train, answers.task, answers.policy)
    compared = beside(answers.scores, audit_several(train, answers.films, taught, folder))
    return {"audit": compared, "not_beaten": not_beaten(compared)}


def evaluate(
    checkpoint: str | Path,
    data: Path,
    task: TaskName,
    *,
    corpus: str | None = None,
    split: str | None = None,
    with_audit: bool = False,
) -> dict[str, Any]:
    """Load, predict, summarise; adds the checkpoint's name and revision, the split and films a second.

    `data`: Parquet file with the columns of `corpus` (else they tell whose they are), or a folder that an
    importer or an export wrote. Films that the checkpoint's own split names are on the side it names. Of
    films which nobody labelled for appearance: see `evaluation.external`.
    `with_audit`: also train small models that never see the lungs on its training films, and compare.

    Raises:
        ViewboxError: the checkpoint, the file, the task or the split is not there.
    """
    model, processor, origin = FusionModel.from_pretrained(checkpoint)
    _known(task, model.heads, "{origin} does not predict {name}; choose one of {names}.", origin=origin.name)
    spec = model.config.spec(task)
    corpus, everything = films_at(data, corpus)
    about = {**named(origin), "data": data.name, "corpus": corpus, "task": spec.name}
    if spec == APPEARANCE and (outside := external.from_outside(everything)):
        return {**about, **_outside(model, processor, outside, split, with_audit)}
    everything = as_trained(origin.folder / SPLIT_FILE, everything)
    films, used = choose(everything, spec, split)
    about |= {"split": used}
    learnt = _learnt(origin.folder, spec, corpus) or shares_of(origin.folder, spec)
    started = time.perf_counter()
    if spec.kind == "multilabel":
        policy = policy_of(origin.folder, spec)
        several = ask_several(model, processor, films, spec, policy)
        scores = several.scores
        if not scores.tested:
            few = "No class of {task} has two positive and two negative {split} films; try another --split."
            raise ViewboxError(few, task=Names("task", spec), split=used)
        seconds = time.perf_counter() - started
        trained = learnt or trained_shares(everything, spec, policy)
        about |= summarise_labels(spec, scores, trained)
        about |= audited_several(several, everything, data.parent) if with_audit else {}
        return {**about, "films_per_second": round(len(films) / seconds, 1)}
    answers = ask(model, processor, films, spec)
    seconds = time.perf_counter() - started
    rows = np.ones(len(films), bool)
    about |= summarise(answers.measurement(rows, learnt or training_counts(everything, spec)))
    about |= audited(answers, rows, everything, data.parent) if with_audit else {}
    return {**about, "films_per_second": round(len(films) / seconds, 1)}


def _learnt(folder: Path, task: TaskName, corpus: str) -> dict[str, float]:
    """Class -> its share of the films that a checkpoint learnt from, by its own numbers: of the same corpus
    where it learnt from that, else of all; empty where nothing says."""
    path = folder / METRICS_FILE
    measured = json.loads(path.read_text()).get("measurements", {}) if path.is_file() else {}
    of_task = {m["corpus"]: m["per_class"] for m in measured.values() if m["task"] == task}
    rows = of_task.get(corpus) or next((of_task[name] for name in sorted(of_task, key=len)[-1:]), {})
    shares = {name: row.get("training_share") for name, row in rows.items()}
    return {} if None in shares.values() else shares


def _outside(
    model: FusionModel,
    processor: StudyProcessor,
    films: Sequence[Film],
    split: str | None,
    with_audit: bool,
) -> dict[str, Any]:
    if split or with_audit:
        no_sides = "Films that check from outside have no sides and no audit; leave --split and --audit out."
        raise ViewboxError(no_sides)
    found = external_check(model, processor, films)
    if not found:
        raise ViewboxError("This checkpoint learnt from such films, or reads none; measure it on others.")
    return next(iter(found.values()))


def external_check(model: FusionModel, processor: StudyProcessor, films: Sequence[Film]) -> dict[str, Any]:
    """By title, the check of `evaluation.external` on such films of one set; empty for a checkpoint that
    learnt from the set, or reads no film for its appearance.
    """
    source = films[0].source
    if APPEARANCE.name not in model.heads or "image" not in model.encoders or source in model.config.sources:
        return {}
    logits = predict_films(model, processor, films)[str(APPEARANCE.name)]
    values = probabilities(APPEARANCE.kind, logits, model.config.temperatures.get(APPEARANCE.name, 1.0))
    title = f"{external.TITLE} on {source}"
    found = external.negative_against_no_finding(values, films)
    return {title: {"title": external.TITLE, **found, "without_lungs": external.without_lungs(films)}}


def _known(name: str, names: Iterable[str], template: str, **more: str) -> None:
    if name not in names:
        raise ViewboxError(template, name=name, names=", ".join(names), **more)


def as_table(summary: dict[str, Any]) -> str:
    """The measurement as lines to read."""
    if "title" in summary:
        return external.lines(summary)

    def cell(row: Mapping[str, Any], key: str) -> str:
        return f"{'-':>5}" if row[key] is None else f"{row[key]:.3f}"

    lines = ["{checkpoint} {revision}: {task} on {data} ({split})".format(**summary)]
    for name in [n for n in summary if f"{n}_95" in summary]:
        majority = f"  majority {cell(summary['majority'], name)}" if name in HEADLINES else ""
        lines.append(f"{name:28} {bracketed(summary[name], summary[f'{name}_95'])}{majority}")
    for name, row in summary["per_class"].items():
        ranked = f"AUROC {cell(row, 'auroc')}  average precision {cell(row, 'average_precision')}"
        lines.append(f"  {name:26} n {row['n']:5}  {ranked}  {row['frequency'] or ''}".rstrip())
    for row in summary.get("audit", []):
        beside = f"ahead by {cell(row, 'difference')}  p {cell(row, 'p')}"
        lines.append(f"  against {row['name']:18} {cell(row, 'macro_auroc')}  {beside}")
    last = "{n} films of {patients} patients, {films_per_second} films/s"
    return "\n".join([*lines, last.format(**summary)])
