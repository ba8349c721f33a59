"""Mined labels against index terms: one model and recipe, two kinds of labels, the same held-out reports.

Train the two with `configs/reports.json` and `configs/reports_mined.json`. The held-out reports keep their
index terms, whatever a checkpoint learnt from.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evaluation.metrics.bootstrap import measured, patient_draws, with_interval
from evaluation.metrics.many_labels import MACRO, LabelScores, beside
from evaluation.text_checkpoint import scores_of
from modeling.errors import ViewboxError
from modeling.labels import TaskName
from modeling.model.checkpoint import sha256_of
from modeling.model.fusion import FusionModel
from training.corpora.duplicates import SPLIT_FILE, as_trained
from training.corpora.open_corpus import load

OWN, MINED = "index terms", "mined labels, each with its weight"


def compare_labels(checkpoint: Path, mined: Path, data: Path) -> dict[str, Any]:
    """Both checkpoints on the reports that the first one was not trained on.

    Returns:
        `test_reports`, and `sources`: name -> reports trained on, mean AUROC and average precision with 95 %
        intervals, and for the mined one by how much the first is ahead, with the paired p.

    Raises:
        ViewboxError: a checkpoint finds no NIH labels, or the two were trained on other sides.
    """
    films = as_trained(checkpoint / SPLIT_FILE, load("openi", data))
    if sha256_of(checkpoint / SPLIT_FILE) != sha256_of(mined / SPLIT_FILE):
        sides = {(f.film_id, f.split) for f in as_trained(mined / SPLIT_FILE, films)}
        if sides != {(f.film_id, f.split) for f in films}:
            raise ViewboxError("The two checkpoints held out other reports; train both on one split.")
    test = [film for film in films if film.split == "test"]
    own, other = (_scored(folder, test) for folder in (checkpoint, mined))
    draws = patient_draws(own.patients)
    first: dict[str, Any] = {}
    for metric, score in MACRO.items():
        first |= with_interval(metric, measured(own.macro(score), draws))
    (second,) = beside(own, {MINED: ("mined labels", other.values)})
    trained = sum(film.split == "train" for film in films)
    sources = {OWN: first, MINED: {k: v for k, v in second.items() if k not in ("name", "sees")}}
    return {
        "test_reports": len(test),
        "sources": {name: {"reports": trained, **row} for name, row in sources.items()},
    }


def _scored(folder: Path, films: Sequence[Any]) -> LabelScores:
    model, processor, origin = FusionModel.from_pretrained(folder)
    if TaskName.FINDINGS not in model.heads:
        raise ViewboxError(
            "{origin} does not predict findings; name a checkpoint that does.", origin=origin.name
        )
    return scores_of(model, processor, films)


def source_lines(answer: dict[str, Any]) -> str:
    """The comparison as lines to read."""
    lines = [f"trained on ... and tested on the index terms of {answer['test_reports']} held-out reports"]
    for name, row in answer["sources"].items():
        low, high = row["macro_auroc_95"]
        ahead = f"  first ahead by {row['difference']:.3f} (p {row['p']:.3f})" if "difference" in row else ""
        lines.append(f"{name:36} mean AUROC {row['macro_auroc']:.3f} [{low:.3f}, {high:.3f}]{ahead}")
    return "\n".join(lines)
