"""Everything that is measured of a checkpoint that reads reports and no film: its `metrics.json`.

The held-out reports chose nothing: no word of the vocabulary, no gap, no epoch, no temperature.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.calibration import operating_points, task_summary
from evaluation.evaluate import ask_several, named
from evaluation.metrics.bootstrap import bracketed, patient_draws
from evaluation.metrics.many_labels import LabelScores, beside, summarise_labels
from evaluation.summary import not_beaten
from modeling.errors import ViewboxError
from modeling.labels import FINDINGS
from modeling.model.checkpoint import CONFIG_FILE, WEIGHTS_FILE, sha256_of
from modeling.model.fusion import FusionModel
from modeling.model.operating_points import Calibration, TaskCalibration
from modeling.model.processing import StudyProcessor
from modeling.reports.reading import read_reports
from training.corpora.duplicates import SPLIT_FILE, as_trained
from training.corpora.labelled_film import Film
from training.corpora.open_corpus import CORPORA, load
from training.corpora.reports import SOURCE, labels_of, texts_of
from training.text_only import READINGS, measure, tfidf_scores

OWN, MINED = "index terms", "mined labels, each with its weight"


def reads_reports_only(model: FusionModel) -> bool:
    """Whether a checkpoint finds the NIH labels in text and looks at no film."""
    return list(model.encoders) == ["text"] and FINDINGS in model.heads


def measure_text(folder: Path, data: Path) -> dict[str, Any]:
    """Measure a text checkpoint on the reports that it was not trained on; writes `calibration.json`.

    Raises:
        ViewboxError: the reports are missing, or the split cannot be read.
    """
    model, processor, origin = FusionModel.from_pretrained(folder)
    films = as_trained(folder / SPLIT_FILE, load(SOURCE, data))
    sides = {side: [f for f in films if f.split == side] for side in ("train", "validation", "test")}
    if not sides["test"] or not sides["validation"]:
        template = "{split_file} of {origin} holds no report out; train the checkpoint again."
        raise ViewboxError(template, split_file=SPLIT_FILE, origin=origin.name)
    tested, reading = ask_several(model, processor, sides["test"], FINDINGS).scores, reading_of(processor)
    about = {"corpus": SOURCE, "task": FINDINGS, "reading": reading, "split": "test"}
    summary = named(origin) | about
    summary |= summarise_labels(FINDINGS, tested, _shares(sides["train"]))
    summary["audit"] = beside(tested, rivals(folder, sides))
    summary["not_beaten"] = not_beaten(summary["audit"])
    calibration = _operating(model, ask_several(model, processor, sides["validation"], FINDINGS).scores)
    Calibration(sha256_of(folder / WEIGHTS_FILE), (calibration,)).save(folder)
    return {
        **named(origin),
        "measurements": {f"findings on {SOURCE} ({reading})": summary},
        "tasks": {FINDINGS: task_summary(calibration)},
        "ceilings": {},
        "duplicates": twins(sides, processor, tested),
        "familiarity": {},
        "sides": {side: len(rows) for side, rows in sides.items()},
        "benchmark": measure(read_reports(data / CORPORA[SOURCE][0]))["readings"],
    }


def reading_of(processor: StudyProcessor) -> str:
    """The reading of a checkpoint, a key of `text_only.READINGS`."""
    return "whole report" if processor.config.is_post_read else "indication only"


def rivals(folder: Path, sides: dict[str, list[Film]]) -> dict[str, tuple[str, np.ndarray]]:
    """Name -> what it sees, and its (N, K) scores; each was trained on all other reports."""
    others = [*sides["train"], *sides["validation"]]
    labels, test = labels_of(others), sides["test"]
    found = {"majority": ("the findings' shares in training", np.tile(labels.mean(axis=0), (len(test), 1)))}
    for reading, sections in READINGS.items():
        scores = tfidf_scores(texts_of(others, sections), labels, texts_of(test, sections))
        found[f"TF-IDF, {reading}"] = (f"the {reading}: TF-IDF and logistic regression", scores)
    generator = np.random.default_rng(0)
    shuffled = generator.permutation(len(labels))
    whole = READINGS["whole report"]
    scores = tfidf_scores(texts_of(others, whole), labels[shuffled], texts_of(test, whole))
    found["shuffled labels"] = ("the whole report: TF-IDF, labels in random order", scores)
    for sibling in sorted(path for path in folder.resolve().parent.iterdir() if path.name != folder.name):
        if all((sibling / name).is_file() for name in (CONFIG_FILE, WEIGHTS_FILE)):
            model, processor, _ = FusionModel.from_pretrained(sibling)
            if reads_reports_only(model):
                name = f"the checkpoint {sibling.name}"
                found[name] = (
                    f"the {reading_of(processor)}",
                    ask_several(model, processor, test, FINDINGS).scores.values,
                )
    return found


def twins(sides: dict[str, list[Film]], processor: StudyProcessor, tested: LabelScores) -> dict[str, Any]:
    """Held-out reports whose text, as it is read, stands word for word in training too."""
    sections = processor.config.text.sections
    seen = set(texts_of(sides["train"], sections))
    own = np.array([text not in seen for text in texts_of(sides["test"], sections)])
    left = LabelScores(tested.values[own], tested.labels[own], tested.patients[own])
    keys = ("n", "macro_auroc", "macro_auroc_95", "macro_average_precision", "macro_average_precision_95")
    without = {}
    if left.tested:
        summary = summarise_labels(FINDINGS, left, _shares(sides["train"]))
        without = {key: summary[key] for key in keys}
    return {"reports": len(own), "with_a_twin": int((~own).sum()), "without": without}


def _shares(films: Sequence[Film]) -> dict[str, float]:
    return dict(zip(FINDINGS.classes, labels_of(films).mean(axis=0).tolist(), strict=True))


def _operating(model: FusionModel, scores: LabelScores) -> TaskCalibration:
    """Operating points from the validation reports."""
    count = len(scores.labels)
    return TaskCalibration(
        task=FINDINGS,
        films=count,
        patients=count,
        temperature=model.config.temperatures.get(FINDINGS, 1.0),
        operating_points=operating_points(FINDINGS.classes, scores.values, scores.labels, scores.patients),
    )


# --- mined labels against index terms


def compare_labels(checkpoint: Path, mined: Path, data: Path) -> dict[str, Any]:
    """One recipe, two kinds of labels: both checkpoints on the reports that the first was not trained on.

    Train the two with `configs/reports.json` and `configs/reports_mined.json`. The held-out reports keep
    their index terms. `sources`: name -> reports trained on, mean AUROC and average precision with 95 %
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
    (second,) = beside(own, {MINED: ("mined labels", other.values)})
    trained = {"reports": sum(film.split == "train" for film in films)}
    first = trained | own.headline(patient_draws(own.patients))
    second = trained | {k: v for k, v in second.items() if k not in ("name", "sees")}
    return {"test_reports": len(test), "sources": {OWN: first, MINED: second}}


def _scored(folder: Path, films: Sequence[Any]) -> LabelScores:
    model, processor, origin = FusionModel.from_pretrained(folder)
    if FINDINGS not in model.heads:
        template = "{origin} does not predict findings; name a checkpoint that does."
        raise ViewboxError(template, origin=origin.name)
    return ask_several(model, processor, films, FINDINGS).scores


def source_lines(answer: dict[str, Any]) -> str:
    """The comparison as lines to read."""
    lines = [f"trained on ... and tested on the index terms of {answer['test_reports']} held-out reports"]
    for name, row in answer["sources"].items():
        mean = bracketed(row["macro_auroc"], row["macro_auroc_95"])
        ahead = f"  first ahead by {row['difference']:.3f} (p {row['p']:.3f})" if "difference" in row else ""
        lines.append(f"{name:36} mean AUROC {mean}{ahead}")
    return "\n".join(lines)
