"""Metrics against values worked out by hand, and the command on a file with the published columns."""

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from evaluation.metrics.bootstrap import bootstrap_interval, plain
from evaluation.metrics.one_label import CALIBRATION, RANKING, Scored, macro_auroc
from evaluation.summary import Measurement, curves, extent_correlation, summarise
from modeling.labels import GRADING
from modeling.study import ClinicalTable
from tests.doubles.command import command
from training.corpora.labelled_film import Film

evaluate = command("evaluate")

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
    scored = Scored(values, labels)
    assert RANKING["macro_average_precision"](scored, plain(4))[0] == pytest.approx((1 + 2 / 3) / 2)
    assert RANKING["accuracy"](scored, plain(4))[0] == 0.75
    assert np.isnan(macro_auroc(values, np.zeros(4, int)))


def test_calibration_error_by_hand() -> None:
    probabilities = np.array([[0.95, 0.05]] * 4)
    scored = Scored(probabilities, np.array([0, 0, 0, 1]))
    assert CALIBRATION["expected_calibration_error"](scored, plain(4))[0] == pytest.approx(0.2)


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
    assert evaluate(["--checkpoint", str(checkpoint), "--data", data, "--task", "appearance", "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["n"], summary["patients"], summary["split"]) == (12, 6, "validation")
    assert set(summary["per_class"]) == set(CLASSES)
    assert 0 <= summary["macro_auroc_95"][0] <= summary["macro_auroc"] <= summary["macro_auroc_95"][1] <= 1


def test_a_file_without_validation_films_is_measured_whole(
    tmp_path: Path, checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = str(siim_file(tmp_path, splits=("test",)))
    assert evaluate(["--checkpoint", str(checkpoint), "--data", data]) == 0
    assert "24 films of 12 patients" in capsys.readouterr().out


def test_the_audit_stands_beside_the_checkpoint(
    tmp_path: Path, checkpoint: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evaluation.leak_audit.TREES", 10)
    data = str(siim_file(tmp_path))
    assert evaluate(["--checkpoint", str(checkpoint), "--data", data, "--audit"]) == 0
    said = capsys.readouterr().out
    for row in ("majority", "source", "thumbnail", "shuffled labels", "film alone"):
        assert f"against {row}" in said


def test_subgroups_and_training_frequency(checkpoint: Path) -> None:
    """A rare class is a tail label; a subgroup below twenty films has no numbers."""
    generator = np.random.default_rng(0)
    labels = np.arange(60) % 3
    films = [
        Film(
            f"f{i}",
            "toy",
            f"p{i}",
            "validation",
            b"",
            table=ClinicalTable({"sex": "female" if i < 45 else "male"}),
            labels={GRADING: GRADING.classes[label]},
        )
        for i, label in enumerate(labels)
    ]
    values = generator.dirichlet([1, 1, 1], 60) + np.eye(3)[labels]
    values /= values.sum(axis=1, keepdims=True)
    training = {"Mild": 70, "Moderate": 25, "Severe": 5}
    summary = summarise(Measurement(GRADING, films, values, values, training))
    assert {name: row["frequency"] for name, row in summary["per_class"].items()} == {
        "Mild": "head",
        "Moderate": "medium",
        "Severe": "tail",
    }
    assert summary["by_training_frequency"]["tail"]["classes"] == ["Severe"]
    assert summary["by_training_frequency"]["tail"]["macro_auroc"] == summary["per_class"]["Severe"]["auroc"]
    female, male = (summary["subgroups"]["sex"][name] for name in ("female", "male"))
    assert female["n"] == 45 and 0.5 < female["macro_auroc"] <= 1
    assert male == {"n": 15, "patients": 15}
    extents = {("toy", f"f{i}"): float(label) for i, label in enumerate(labels[:40])}
    found = extent_correlation(Measurement(GRADING, films, values, values, training), extents)
    assert (found["films"], found["spearman"] > 0.5) == (40, True)
    assert summary["quadratic_kappa"] > 0.3


def test_curves_start_and_end_where_they_should() -> None:
    positive = np.arange(500) % 3 == 0
    found = curves(np.random.default_rng(1).normal(size=500) + positive, positive)
    assert found["roc"][0] == [0.0, 0.0] and found["roc"][-1] == [1.0, 1.0]
    assert found["precision_recall"][-1] == [1.0, pytest.approx(1 / 3, abs=0.01)]
    assert all(len(points) <= 40 for points in found.values())
    assert curves(np.zeros(4), np.zeros(4, bool)) == {}


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
    assert evaluate([*defaults, *arguments]) == 1
    error = capsys.readouterr().err
    assert sentence in error and error.count("\n") == 1
