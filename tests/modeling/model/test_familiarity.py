"""The gate of a toy checkpoint: what it stops, what it lets pass, and its file."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from evaluation.gate import (
    LATERAL_VIEW,
    MADE,
    cuts,
    laterals,
    made_from,
    noise,
    other_pictures,
    photographs,
    turned,
)
from modeling.batch import predict_batch
from modeling.errors import CheckpointError
from modeling.model.familiarity import FAMILIARITY_FILE, FamiliarityGate
from modeling.model.fusion import FusionModel
from modeling.pipeline import DiagnosisPipeline
from modeling.study import ClinicalTable, Radiograph, Study
from tests.doubles.toys import toy_radiograph

FILMS = [toy_radiograph(seed) for seed in range(120)]


@pytest.fixture(scope="module")
def gate(checkpoint: Path) -> FamiliarityGate:
    model, processor, _ = FusionModel.from_pretrained(checkpoint)
    strange = [*made_from(FILMS[:60:4]).values(), noise(8), photographs(8), cuts(18)]
    return FamiliarityGate.fit(model, processor, FILMS[:60], FILMS[60:100], strange)


def stopped(gate: FamiliarityGate, films: list[Radiograph]) -> float:
    return float((gate.scores(films) > gate.threshold).mean())


def test_films_like_the_training_films_pass(gate: FamiliarityGate) -> None:
    assert np.median(gate.scores(FILMS[60:100])) < gate.threshold
    assert stopped(gate, FILMS[100:]) <= 0.3


@pytest.mark.parametrize("kind", ["inverted", "rotated 90", "part of a film"])
def test_a_changed_film_is_stopped(gate: FamiliarityGate, kind: str) -> None:
    assert stopped(gate, [MADE[kind](film) for film in FILMS[100:]]) >= 0.9


def test_what_is_no_film_is_stopped(gate: FamiliarityGate) -> None:
    assert stopped(gate, noise(8, seed=1)) >= 0.9
    assert stopped(gate, photographs(8, seed=1)) >= 0.9
    assert stopped(gate, cuts(9, seed=1)) >= 0.9


def test_the_boundary_stops_what_lies_near_the_films(gate: FamiliarityGate) -> None:
    without = replace(gate, boundary=None)
    flipped = [MADE["rotated 180"](film) for film in FILMS[100:]]
    assert stopped(gate, flipped) >= stopped(without, flipped)
    assert stopped(gate, cuts(9, seed=1)) >= stopped(without, cuts(9, seed=1))


@pytest.mark.slow
def test_every_picture_of_another_kind_is_one_and_teaches_nothing() -> None:
    pictures = other_pictures()
    assert len(pictures) >= 10 and len({one.sha256 for one in pictures}) == len(pictures)
    assert all(min(one.shape) >= 64 and one.pixels.max() > one.pixels.min() for one in pictures)


def test_a_prediction_says_whether_its_film_is_familiar(
    gate: FamiliarityGate, checkpoint: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "toy"
    shutil.copytree(checkpoint, folder)
    assert DiagnosisPipeline.from_pretrained(folder).predict(Study(FILMS[0])).familiarity is None
    gate.save(folder)
    pipeline = DiagnosisPipeline.from_pretrained(folder)
    usual, strange = (Study(film) for film in (FILMS[5], cuts(1, seed=1)[0]))
    assert pipeline.predict(usual).familiarity.familiar and not pipeline.predict(usual).warnings
    told = pipeline.predict(strange)
    assert not told.familiarity.familiar and told.warnings[0] == told.refusal == told.familiarity.warning
    assert str(told).startswith(told.refusal) and "%" not in str(told).splitlines()[0]
    for account in pipeline.explain(strange, pipeline.targets[0], max_evaluations=2):
        assert account.notes[0] == told.refusal, "an explanation of a refused film says so itself"
    assert told.familiarity.score == pytest.approx(float(gate.scores([strange.radiograph])[0]), rel=1e-3)
    assert pipeline.predict(Study(table=ClinicalTable({"age": 60.0}))).familiarity is None
    for one, scored in zip((usual, strange), predict_batch(pipeline, [usual, strange]), strict=True):
        assert scored.prediction.warnings == pipeline.predict(one).warnings
    (folder / FAMILIARITY_FILE).write_bytes(b"broken")
    answer = DiagnosisPipeline.from_pretrained(folder).predict(usual)
    assert answer.familiarity is None and "damaged" in answer.notes[0]


def test_the_gate_is_kept_beside_its_weights(gate: FamiliarityGate, checkpoint: Path, tmp_path: Path) -> None:
    folder = tmp_path / "toy"
    shutil.copytree(checkpoint, folder)
    assert FamiliarityGate.load(folder, gate.model, gate.processor) is None
    gate.save(folder)
    assert (folder / FAMILIARITY_FILE).stat().st_size < 300_000
    again = FamiliarityGate.load(folder, gate.model, gate.processor)
    assert again.threshold == gate.threshold
    assert np.allclose(again.scores(FILMS[:3]), gate.scores(FILMS[:3]), rtol=1e-4)
    (folder / "model.safetensors").write_bytes(b"other")
    with pytest.raises(CheckpointError, match="other weights"):
        FamiliarityGate.load(folder, gate.model, gate.processor)
    (folder / FAMILIARITY_FILE).write_bytes(b"broken")
    with pytest.raises(CheckpointError, match="damaged"):
        FamiliarityGate.load(folder, gate.model, gate.processor)


def test_turning_a_film_four_times_gives_it_back() -> None:
    film = replace(FILMS[0], pixel_aspect_ratio=1.25)
    again = film
    for _ in range(4):
        again = turned(again, 1)
    assert (again.pixels == film.pixels).all() and again.pixel_aspect_ratio == pytest.approx(1.25)
    assert set(made_from([film])) == set(MADE)


def test_lateral_films_come_from_the_cohen_set(tmp_path: Path, data_root: Path) -> None:
    assert laterals(tmp_path) == []
    assert len(laterals(data_root)) == 55, LATERAL_VIEW
