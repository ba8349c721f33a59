"""Measure a checkpoint: `python -m modeling.evaluation --checkpoint DIR --data FILE.parquet --task NAME`.

`FILE` has the columns of a corpus (`--corpus`, by default those of the SIIM films). Where it has films marked
as validation only those are measured, else all of them; the answer says which.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.metrics import average_precision_score, roc_auc_score
from tqdm import tqdm

from modeling.calibration import probabilities
from modeling.errors import ViewboxError
from modeling.fusion import FusionModel
from modeling.labels import TASKS, TaskName
from modeling.metrics import (
    accuracy,
    bootstrap_interval,
    expected_calibration_error,
    macro_auroc,
    macro_average_precision,
    one_vs_rest,
)
from modeling.processing import StudyProcessor, collate
from modeling.training.corpora import CORPORA, Film

BATCH = 32
METRICS = {
    "macro_auroc": macro_auroc,
    "macro_average_precision": macro_average_precision,
    "accuracy": accuracy,
}


def choose(films: Sequence[Film], task: TaskName, split: str | None = None) -> tuple[list[Film], str]:
    """The films to measure on, and in a word which they are.

    Args:
        split: "train", "validation" or "all"; None takes the validation films where there are any.

    Raises:
        ViewboxError: no film of that split has the task's label.
    """
    labelled = [f for f in films if task in f.labels]
    present = {f.split for f in labelled}
    split = split or ("validation" if "validation" in present else "all")
    chosen = [f for f in labelled if split in ("all", f.split)]
    if not chosen:
        raise ViewboxError(
            f"The file has no {split} film with a label for {task}; choose another --split or --task."
        )
    return chosen, split


def predict_films(
    model: FusionModel, processor: StudyProcessor, films: Sequence[Film], task: TaskName, device: str = "cpu"
) -> np.ndarray:
    """(N, K) logits of one task; films are decoded as they are needed."""
    model = model.to(device).to(memory_format=torch.channels_last)
    rows = []
    for start in tqdm(
        range(0, len(films), BATCH), unit_scale=BATCH, unit="film", desc="evaluating", disable=None
    ):
        batch = collate([processor(film.study()) for film in films[start : start + BATCH]])
        with torch.inference_mode():
            rows.append(model(batch.to(device))[str(task)].float().cpu().numpy())
    return np.concatenate(rows)


def summarise(
    task: TaskName, logits: np.ndarray, labels: np.ndarray, patients: np.ndarray, temperature: float
) -> dict[str, Any]:
    """Headline metrics with intervals by patient, each class, and the majority baseline.

    Args:
        logits: (N, K); labels: (N,) class numbers; patients: (N,).
    """
    spec = TASKS[task]
    values = probabilities(spec.kind, logits, temperature)
    summary: dict[str, Any] = {"n": len(labels), "patients": len(np.unique(patients))}
    for name, metric in METRICS.items():
        low, high = bootstrap_interval(metric, values, labels, patients)
        summary[name] = round(metric(values, labels), 4)
        summary[f"{name}_95"] = [round(low, 4), round(high, 4)]
    summary["expected_calibration_error"] = round(expected_calibration_error(values, labels), 4)
    auroc = one_vs_rest(roc_auc_score, values, labels)
    precision = one_vs_rest(average_precision_score, values, labels)
    shares = np.bincount(labels, minlength=len(spec.classes)) / len(labels)
    summary["per_class"] = {
        name: {
            "n": int((labels == k).sum()),
            "auroc": None if np.isnan(auroc[k]) else round(float(auroc[k]), 4),
            "average_precision": None if np.isnan(precision[k]) else round(float(precision[k]), 4),
            "share": round(float(shares[k]), 4),
        }
        for k, name in enumerate(spec.classes)
    }
    summary["majority"] = {
        "macro_auroc": 0.5,
        "macro_average_precision": round(float(shares[shares > 0].mean()), 4),
        "accuracy": round(float(shares.max()), 4),
    }
    return summary


def evaluate(
    checkpoint: str | Path, data: Path, task: TaskName, *, corpus: str = "siim", split: str | None = None
) -> dict[str, Any]:
    """Load, predict, summarise; adds the checkpoint's name and revision, the split and films a second.

    Raises:
        ViewboxError: the checkpoint, the file, the task or the split is not there.
    """
    if task not in TASKS:
        raise ViewboxError(f"There is no task '{task}'; choose one of {', '.join(TASKS)}.")
    if corpus not in CORPORA:
        raise ViewboxError(f"There is no corpus '{corpus}'; choose one of {', '.join(CORPORA)}.")
    model, processor, origin = FusionModel.from_pretrained(checkpoint)
    if task not in model.heads:
        raise ViewboxError(f"{origin.name} does not predict {task}; choose one of {', '.join(model.heads)}.")
    films, used = choose(list(CORPORA[corpus][1](data)), task, split)
    started = time.perf_counter()
    logits = predict_films(model, processor, films, task)
    seconds = time.perf_counter() - started
    labels = np.array([TASKS[task].index(film.labels[task]) for film in films])
    patients = np.array([film.patient for film in films])
    summary = summarise(task, logits, labels, patients, model.config.temperatures.get(task, 1.0))
    about = {
        "checkpoint": origin.name,
        "revision": origin.revision,
        "data": data.name,
        "corpus": corpus,
        "task": task,
        "split": used,
    }
    return {**about, **summary, "films_per_second": round(len(films) / seconds, 1)}


def _table(summary: dict[str, Any]) -> str:
    lines = ["{checkpoint} {revision}: {task} on {data} ({split})".format(**summary)]
    for name in METRICS:
        low, high = summary[f"{name}_95"]
        lines.append(
            f"{name:24} {summary[name]:.3f} [{low:.3f}, {high:.3f}]  majority {summary['majority'][name]:.3f}"
        )
    for name, row in summary["per_class"].items():
        lines.append(
            f"  {name:22} n {row['n']:5}  AUROC {row['auroc']}  average precision {row['average_precision']}"
        )
    lines.append(
        f"{summary['n']} films of {summary['patients']} patients, {summary['films_per_second']} films/s"
    )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(description="Measure a checkpoint on labelled films.")
    parser.add_argument("--checkpoint", required=True, help="folder or Hub repo")
    parser.add_argument("--data", type=Path, required=True, help="Parquet file with the corpus's columns")
    parser.add_argument("--task", default="appearance", help=f"one of {', '.join(TASKS)}")
    parser.add_argument("--corpus", default="siim", help=f"whose columns: {', '.join(CORPORA)}")
    parser.add_argument("--split", choices=("train", "validation", "all"), help="which films (see above)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)
    try:
        summary = evaluate(
            options.checkpoint, options.data, options.task, corpus=options.corpus, split=options.split
        )
    except ViewboxError as exc:
        print(exc, file=sys.stderr)
        return 2
    print(json.dumps(summary, indent=2) if options.json else _table(summary))
    return 0


if __name__ == "__main__":
    sys.exit(main())
