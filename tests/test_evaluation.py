"""Metrics against values worked out by hand, and the command on a file with the published columns."""

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from modeling import evaluation
from modeling.metrics import (
    accuracy,
    bootstrap_interval,
    expected_calibration_error,
    macro_auroc,
    macro_average_precision,
)

CLASSES = ("Negative", "Typical", "Indeterminate", "Atypical")


def siim_file(folder: Path, splits: tuple[str, ...] = ("train", "validation")) -> Path:
    """A file with the columns of the SIIM corpus and films of noise."""
    generator = np.random.default_rng(0)
    rows = []
    for i in range(24):
        buffer = io.BytesIO()
        Image.fromarray(generator.integers(0, 255, (32, 32)).astype(np.uint8)).save(buffer, "JPEG")
        row = {
            "image_id": f"f{i}",
            "study_id": f"s{i // 2}",
            "image": buffer.getvalue(),
            "width": 300,
            "height": 400,
        }
        split = splits[i // 2 % len(splits)]
        rows.append(row | {"appearance": CLASSES[i // 2 % 4], "boxes": "[]", "split": split})
    path = folder / "films.parquet"
    pd.DataFrame(rows).to_parquet(path)
    return path


def test_macro_auroc_and_average_precision_by_hand() -> None:
    values = np.array([[0.9, 0.1], [0.6, 0.4], [0.7, 0.3], [0.2, 0.8]])
    labels = np.array([0, 0, 1, 1])
    # class 0: of four pairs (0.9, 0.6) x (0.7, 0.2) three are in order; class 1 mirrors it
    assert macro_auroc(values, labels) == pytest.approx(0.75)
    assert macro_average_precision(values, labels) == pytest.approx((1 + 2 / 3) / 2)
    assert accuracy(values, labels) == 0.75
    assert np.isnan(macro_auroc(values, np.zeros(4, int)))


def test_calibration_error_by_hand() -> None:
    probabilities = np.array([[0.95, 0.05]] * 4)
    assert expected_calibration_error(probabilities, np.array([0, 0, 0, 1])) == pytest.approx(0.2)


def test_the_interval_is_wider_when_films_share_patients() -> None:
    generator = np.random.default_rng(1)
    labels = generator.integers(0, 2, 40).repeat(10)
    values = np.stack([1 - labels, labels], 1) + generator.normal(0, 1.5, (40, 1)).repeat(10, 0) * [[-1, 1]]
    alone = bootstrap_interval(macro_auroc, values, labels, np.arange(400))
    together = bootstrap_interval(macro_auroc, values, labels, np.arange(40).repeat(10))
    assert together[1] - together[0] > 2 * (alone[1] - alone[0])
    assert alone[0] < macro_auroc(values, labels) < alone[1]


def test_the_command_measures_validation_films_only(
    tmp_path: Path, checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = str(siim_file(tmp_path))
    assert (
        evaluation.main(["--checkpoint", str(checkpoint), "--data", data, "--task", "appearance", "--json"])
        == 0
    )
    summary = json.loads(capsys.readouterr().out)
    assert (summary["n"], summary["patients"], summary["split"]) == (12, 6, "validation")
    assert set(summary["per_class"]) == set(CLASSES)
    assert 0 <= summary["macro_auroc_95"][0] <= summary["macro_auroc"] <= summary["macro_auroc_95"][1] <= 1


def test_a_file_without_validation_films_is_measured_whole(
    tmp_path: Path, checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = str(siim_file(tmp_path, splits=("test",)))
    assert evaluation.main(["--checkpoint", str(checkpoint), "--data", data]) == 0
    assert "24 films of 12 patients" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--data", "nowhere.parquet"], "There is no file nowhere.parquet"),
        (["--task", "grading"], "with a label for grading"),
        (["--task", "findings"], "does not predict findings"),
        (["--task", "mood"], "no task 'mood'"),
        (["--corpus", "mars"], "no corpus 'mars'"),
        (["--checkpoint", "nowhere"], "no checkpoint folder 'nowhere'"),
    ],
)
def test_bad_input_is_one_sentence(
    tmp_path: Path, checkpoint: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    defaults = ["--checkpoint", str(checkpoint), "--data", str(siim_file(tmp_path))]
    assert evaluation.main([*defaults, *arguments]) == 2
    error = capsys.readouterr().err
    assert sentence in error and error.count("\n") == 1
