"""Everything that is measured of a checkpoint: what `metrics.json`, the card and the panel about the model
rest on.

Beside the weights it leaves `calibration.json` (prediction sets, operating points), `familiarity.safetensors`
(the gate), `baselines.safetensors` (films for an explanation to start from) and `split.csv` (each film's side
and hashes, no films).
"""

import logging
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.evaluate import Answers, ask, audited
from evaluation.gate import fit_gate
from evaluation.reader_agreement import READINGS_FILE, reader_agreement
from evaluation.summary import extent_correlation, rounded, summarise, training_counts
from evaluation.text_checkpoint import measure_text, reads_reports_only
from modeling.errors import ViewboxError
from modeling.explain.baselines import NORMALS, StoredBaselines, gather_baselines, write_baselines
from modeling.labels import APPEARANCE, TASKS, TaskName
from modeling.model.checkpoint import WEIGHTS_FILE, Origin, sha256_of
from modeling.model.fusion import FusionModel
from modeling.model.operating_points import Calibration, OperatingPoint, TaskCalibration
from modeling.model.prediction_sets import Coverage, class_thresholds, conformal_threshold, measured_coverage
from modeling.model.temperature import cut_point
from training.corpora.duplicates import (
    SPLIT_FILE,
    Hashed,
    as_trained,
    hash_films,
    left_out,
    near_pairs,
    report,
    trained_sources,
    twins_in_training,
    write_split,
)
from training.corpora.labelled_film import Film
from training.corpora.open_corpus import CORPORA, load
from training.corpora.severity import expert_agreement, severities

logger = logging.getLogger(__name__)

COVERAGE = 0.9
FEWEST_POSITIVES = 10
AVERAGED = 400
"""Training films in the mean film."""
GRADED = ("cohen", "hannover")
"""The corpora whose films carry experts' severity readings."""


def measure(folder: Path, data: Path) -> dict[str, Any]:
    """Measure a checkpoint on the films of every corpus that it names and that nobody chose by.

    Those are the test films where its split has some, else the validation films. Thresholds come from both.

    Args:
        folder: the checkpoint; the files that rest on the measurement are written into it.
        data: folder with the corpora.

    Raises:
        ViewboxError: a corpus is missing, a film cannot be decoded, or the split cannot be read.
    """
    model, processor, origin = FusionModel.from_pretrained(folder)
    if reads_reports_only(model):
        return measure_text(folder, data)
    known = set(CORPORA) | trained_sources(folder / SPLIT_FILE)
    corpora = {name: load(name, data) for name in model.config.sources if name in known}
    if not corpora:
        raise ViewboxError(
            "{origin} names no corpus that can be measured; give 'sources' in config.json.",
            origin=origin.name,
        )
    films = as_trained(folder / SPLIT_FILE, [film for corpus in corpora.values() for film in corpus])
    hashed = hash_films(films)
    duplicates, twins = _duplicates(hashed, films, data)
    measurements, tasks, calibrations = {}, {}, []
    for task in (t.name for t in model.config.tasks):
        held = [f for f in films if f.split in ("validation", "test") and task in f.labels]
        held = [f for f in held if (f.source, f.film_id) not in twins]
        if not held:
            logger.warning("no film that was held out has a label for %s; it was not measured", task)
            continue
        answers = ask(model, processor, held, task)
        sides = [side for side in ("test", "validation") if any(f.split == side for f in held)]
        for side in sides:
            measurements |= _measurements(answers.of(side), films, data, origin, first=side == sides[0])
        tasks[str(task)], calibration = _calibrated(answers)
        calibrations.append(calibration)
    Calibration(sha256_of(folder / WEIGHTS_FILE), tuple(calibrations)).save(folder)
    familiarity: dict[str, Any] = {}
    if "image" in model.encoders:
        write_baselines(folder, baseline_films(films, processor.config.image.percentiles))
        gate, familiarity = fit_gate(model, processor, films, data)
        gate.save(folder)
    write_split(folder / SPLIT_FILE, hashed)
    return {
        "checkpoint": origin.name,
        "revision": origin.revision,
        "measurements": measurements,
        "tasks": tasks,
        "ceilings": ceilings(data, tuple(corpora)),
        "duplicates": duplicates,
        "familiarity": familiarity,
    }


def baseline_films(films: Sequence[Film], percentiles: tuple[float, ...]) -> StoredBaselines:
    """Films for an explanation to start from: a mean of training films, and normal ones to pass on.

    A mean of hundreds of films shows none of them; of single films only synthetic ones may be passed on.
    """
    training = [film for film in films if film.split == "train"]
    drawn = np.random.default_rng(0).permutation(len(training))[:AVERAGED]
    normals = [
        film
        for film in training
        if film.source == "phantom" and film.labels.get(TaskName.APPEARANCE) == APPEARANCE.classes[0]
    ]
    return gather_baselines(
        (training[i].study().radiograph for i in drawn),
        (film.study().radiograph for film in normals[:NORMALS]),
        percentiles,
    )


# --- a task on one corpus ----------------------------------------------------------------------------------


def _measurements(
    answers: Answers, films: Sequence[Film], data: Path, origin: Origin, *, first: bool
) -> dict[str, Any]:
    """A summary for each corpus and, where there are several, one of all together.

    Args:
        first: no other side is freer of choices; the side that was looked at is not audited too.
    """
    source = np.array([film.source for film in answers.films])
    names = list(dict.fromkeys(source))
    groups = [(name, source == name, [name]) for name in names]
    if len(names) > 1:
        groups.append((" and ".join(names), np.ones(len(source), bool), names))
    out = {}
    for name, rows, corpora in groups:
        pool = [film for film in films if film.source in corpora]
        found = answers.measurement(rows, training_counts(pool, answers.task))
        about = {
            "checkpoint": origin.name,
            "revision": origin.revision,
            "corpus": name,
            "task": str(answers.task),
            "split": answers.films[0].split,
        }
        summary = {**about, **summarise(found), **(audited(answers, rows, pool, data) if first else {})}
        if TASKS[answers.task].kind == "ordinal" and set(corpora) <= set(GRADED) and _rated(data):
            summary["extent"] = extent_correlation(found, _extents(data))
        out[f"{answers.task} on {name}{'' if first else ', looked at'}"] = summary
    return out


def _rated(data: Path) -> bool:
    """Whether the files with the experts' readings are there, not only films from a folder of cases."""
    return all((data / CORPORA[name][0]).is_file() for name in GRADED)


def _extents(data: Path) -> dict[tuple[str, str], float]:
    return {key: one.extent for key, one in severities(data).items() if one.extent is not None}


# --- a task over all corpora -------------------------------------------------------------------------------


def _calibrated(answers: Answers) -> tuple[dict[str, Any], TaskCalibration]:
    """Prediction sets and operating points: what goes into `metrics.json`, and what the app reads."""
    values, labels, patients = answers.values(answers.logits), answers.labels, answers.patients
    held = answers.calibrated
    spec = TASKS[answers.task]
    shown, common = (
        measured_coverage(held, labels, patients, COVERAGE, fit=fit)
        for fit in (class_thresholds, conformal_threshold)
    )
    points = _operating_points(answers.task, values, labels, patients)
    calibration = TaskCalibration(
        task=answers.task,
        films=len(labels),
        patients=len(np.unique(patients)),
        temperature=answers.temperature,
        coverage=COVERAGE,
        set_threshold=conformal_threshold(values, labels, COVERAGE),
        class_thresholds=tuple(round(float(x), 6) for x in class_thresholds(values, labels, COVERAGE)),
        measured_coverage=round(shown.coverage, 4),
        operating_points=points,
    )
    summary = {
        "films": calibration.films,
        "patients": calibration.patients,
        "temperature": calibration.temperature,
        "prediction_sets": _sets(shown, spec.classes),
        "sets_with_one_threshold": _sets(common, spec.classes),
        "operating_points": [asdict(point) for point in points],
    }
    return summary, calibration


def _sets(found: Coverage, classes: Sequence[str]) -> dict[str, Any]:
    return {
        "wanted": COVERAGE,
        "coverage": rounded(found.coverage),
        "coverage_5_to_95": [rounded(found.low), rounded(found.high)],
        "coverage_by_class": dict(zip(classes, map(rounded, found.by_class), strict=True)),
        "mean_size": rounded(found.size),
        "sizes": [rounded(share) for share in found.sizes],
    }


def _operating_points(
    task: TaskName, values: np.ndarray, labels: np.ndarray, patients: np.ndarray
) -> tuple[OperatingPoint, ...]:
    points = []
    for k, name in enumerate(TASKS[task].classes):
        positive = labels == k
        if min(positive.sum(), (~positive).sum()) < FEWEST_POSITIVES:
            continue
        for rule in ("balanced", "sensitive"):
            point = cut_point(values[:, k], positive, patients, rule)
            numbers = (round(x, 4) for x in (point.threshold, point.sensitivity, point.specificity))
            points.append(OperatingPoint(name, rule, *numbers))
    return tuple(points)


# --- what surrounds the numbers ----------------------------------------------------------------------------


def ceilings(data: Path, corpora: Sequence[str]) -> dict[str, Any]:
    """How far the readers agree, for the kinds of labels that the corpora have; what is not in `data`"
    " is left out."""
    out: dict[str, Any] = {}
    if {"siim", *GRADED} & set(corpora) and (data / READINGS_FILE).is_file():
        out["ricord"] = {
            str(task): {k: rounded(v) if isinstance(v, float) else v for k, v in asdict(found).items()}
            for task, found in reader_agreement(data / READINGS_FILE).items()
        }
    if set(GRADED) <= set(corpora) and _rated(data):
        out["severity"] = expert_agreement(severities(data))
    return out


def _duplicates(
    hashed: Sequence[Hashed], films: Sequence[Film], data: Path
) -> tuple[dict[str, Any], set[tuple[str, str]]]:
    """The report, and the held-out films that training showed too: those are not measured."""
    everything = [*hashed, *hash_films(left_out(films, data))]
    pairs = near_pairs(everything)
    twins = twins_in_training(pairs)
    if twins:
        logger.warning("%d held-out films stand in training too and are not measured", len(twins))
    return report(everything, pairs), twins
