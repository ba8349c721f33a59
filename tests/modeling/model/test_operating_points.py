"""`calibration.json` round trip, and its refusal beside other weights."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from modeling.errors import CheckpointError, ViewboxError
from modeling.labels import APPEARANCE, GRADING
from modeling.model.checkpoint import WEIGHTS_FILE, sha256_of
from modeling.model.operating_points import CALIBRATION_FILE, Calibration, OperatingPoint, TaskCalibration


@pytest.fixture
def folder(tmp_path: Path, checkpoint: Path) -> Path:
    """A copy of the toy checkpoint with a calibration file."""
    copy = tmp_path / "toy"
    shutil.copytree(checkpoint, copy)
    grading = TaskCalibration(
        task=GRADING,
        films=91,
        patients=43,
        temperature=1.5,
        coverage=0.9,
        set_threshold=0.2,
        measured_coverage=0.91,
        operating_points=(OperatingPoint("Severe", "balanced", 0.4, 0.8, 0.7),),
    )
    Calibration(sha256_of(copy / WEIGHTS_FILE), (grading,)).save(copy)
    return copy


def test_a_prediction_set_names_the_classes_that_cannot_be_ruled_out(folder: Path) -> None:
    calibration = Calibration.load(folder)
    assert GRADING in calibration and APPEARANCE not in calibration
    found = calibration["grading"].prediction_set(GRADING.classes, np.array([0.1, 0.3, 0.6]))
    assert found.classes == ("Moderate", "Severe")
    assert (found.coverage, found.measured) == (0.9, 0.91)
    assert [(p.class_name, p.threshold) for p in calibration["grading"].operating_points] == [("Severe", 0.4)]
    with pytest.raises(ViewboxError, match="Nothing was measured for appearance"):
        calibration["appearance"]


def test_thresholds_of_the_classes_go_before_the_common_one(folder: Path) -> None:
    common = Calibration.load(folder)["grading"]
    own = replace(common, class_thresholds=(0.05, 0.5, 0.3))
    assert own.prediction_set(GRADING.classes, np.array([0.1, 0.3, 0.6])).classes == ("Mild", "Severe")
    assert TaskCalibration.from_json(own.to_json()) == own


def test_a_checkpoint_without_the_file_has_no_calibration(checkpoint: Path) -> None:
    assert Calibration.load(checkpoint) is None


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"weights_sha256": "0" * 64}, "measured with other weights"),
        ({"extra": 1}, "no key 'extra'"),
        ({"tasks": [{"task": "mood"}]}, "lacks the key|no value"),
    ],
)
def test_a_file_that_does_not_fit_is_refused(folder: Path, change: dict, sentence: str) -> None:
    path = folder / CALIBRATION_FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(CheckpointError, match=sentence):
        Calibration.load(folder)
    path.write_text("{")
    with pytest.raises(CheckpointError, match="not valid JSON"):
        Calibration.load(folder)
