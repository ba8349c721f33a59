"""Prediction sets and operating points of a checkpoint, from films that were held out of its training."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from evaluation.evaluate import Answers, SeveralAnswers
from evaluation.summary import rounded
from modeling.model.operating_points import (
    Coverage,
    OperatingPoint,
    TaskCalibration,
    class_thresholds,
    conformal_threshold,
    measured_coverage,
)
from modeling.model.temperature import cut_point

COVERAGE = 0.9
FEWEST_POSITIVES = 10


def calibrated(answers: Answers) -> tuple[dict[str, Any], TaskCalibration]:
    """What goes into `metrics.json` and what the app reads, of a task whose classes exclude each other."""
    classes, patients = answers.task.classes, answers.patients
    present = np.eye(len(classes))[answers.labels] > 0
    fits = (class_thresholds, conformal_threshold)
    shown, common = (
        measured_coverage(answers.cross_fitted, present, patients, COVERAGE, fit=f) for f in fits
    )
    values = answers.values(answers.logits)
    calibration = _calibration(
        answers,
        coverage=COVERAGE,
        measured_coverage=rounded(shown.coverage),
        set_threshold=conformal_threshold(values, present, COVERAGE),
        class_thresholds=_rounded(class_thresholds(values, present, COVERAGE)),
        operating_points=operating_points(classes, values, present, patients),
    )
    sets = {"prediction_sets": _sets(shown, classes), "sets_with_one_threshold": _sets(common, classes)}
    return task_summary(calibration, **sets), calibration


def calibrated_several(answers: SeveralAnswers) -> tuple[dict[str, Any], TaskCalibration]:
    """The same of findings that do not exclude each other; what nobody labelled sets no threshold."""
    classes, present = answers.task.classes, answers.labels == 1
    values, known = answers.values(answers.logits), np.isfinite(answers.labels)
    how = {"coverage": COVERAGE, "fit": class_thresholds, "exclusive": False}
    shown = measured_coverage(answers.cross_fitted, present, answers.patients, **how)
    points = operating_points(classes, values, present, answers.patients, known)
    if not np.isfinite(shown.coverage):  # too few films for any promise
        calibration = _calibration(answers, operating_points=points)
        return task_summary(calibration), calibration
    thresholds = _rounded(class_thresholds(values, present, COVERAGE))
    promise = {"coverage": COVERAGE, "measured_coverage": rounded(shown.coverage)}
    calibration = _calibration(answers, class_thresholds=thresholds, operating_points=points, **promise)
    sets = {"several": True, **_sets(shown, classes)}
    return task_summary(calibration, prediction_sets=sets), calibration


def _calibration(answers: Answers, **measured: Any) -> TaskCalibration:
    return TaskCalibration(
        task=answers.task.name,
        films=len(answers.films),
        patients=len(np.unique(answers.patients)),
        temperature=answers.temperature,
        **measured,
    )


def _rounded(thresholds: np.ndarray) -> tuple[float, ...]:
    return tuple(round(float(one), 6) for one in thresholds)


def operating_points(
    classes: Sequence[str],
    values: np.ndarray,
    positive: np.ndarray,
    patients: np.ndarray,
    known: np.ndarray | None = None,
) -> tuple[OperatingPoint, ...]:
    """By each rule, for each class with positives and negatives enough.

    `values` (N, K) probabilities; `positive` (N, K) bool; `known` (N, K) bool, the labels that count (None:
    all).
    """
    points = []
    for k, name in enumerate(classes):
        rows = np.ones(len(values), bool) if known is None else known[:, k]
        own, true = values[rows, k], positive[rows, k]
        if min(true.sum(), (~true).sum()) >= FEWEST_POSITIVES:
            for rule in ("balanced", "sensitive"):
                point = cut_point(own, true, patients[rows], rule)
                numbers = (round(x, 4) for x in (point.threshold, point.sensitivity, point.specificity))
                points.append(OperatingPoint(str(name), rule, *numbers))
    return tuple(points)


def task_summary(found: TaskCalibration, **more: Any) -> dict[str, Any]:
    """A task's calibration as `metrics.json` holds it."""
    about = {"films": found.films, "patients": found.patients, "temperature": found.temperature}
    return {**about, **more, "operating_points": [asdict(point) for point in found.operating_points]}


def _sets(found: Coverage, classes: Sequence[str]) -> dict[str, Any]:
    return {
        "wanted": COVERAGE,
        "coverage": rounded(found.coverage),
        "coverage_5_to_95": [rounded(found.low), rounded(found.high)],
        "coverage_by_class": dict(zip(classes, map(rounded, found.by_class), strict=True)),
        "mean_size": rounded(found.size),
        "sizes": [rounded(share) for share in found.sizes],
    }
