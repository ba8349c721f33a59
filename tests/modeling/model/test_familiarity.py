"""The gate of a toy checkpoint: what it stops, what it lets pass, and its file."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from evaluation.unfamiliar_films import LATERAL_VIEW, MADE, laterals, made_from, noise, photographs, turned
from modeling.errors import CheckpointError
from modeling.model.familiarity import FAMILIARITY_FILE, FamiliarityGate
from modeling.model.fusion import FusionModel
from modeling.study import Study
from tests.doubles.toys import toy_radiograph

FILMS = [toy_radiograph(seed) for seed in range(70)]


@pytest.fixture(scope="module")
def gate(checkpoint: Path) -> FamiliarityGate:
    model, processor, _ = FusionModel.from_pretrained(checkpoint)
    return FamiliarityGate.fit(model, processor, FILMS[:40], FILMS[40:60])


def test_films_like_the_training_films_pass(gate: FamiliarityGate) -> None:
    assert gate.scores(FILMS[:40]).mean() == pytest.approx(1.0, rel=0.05)
    assert (gate.scores(FILMS[60:]) <= gate.threshold).mean() >= 0.7
    found = gate.judge(Study(FILMS[5]))
    assert found.familiar and found.score <= found.threshold == gate.threshold


@pytest.mark.parametrize("kind", ["inverted", "rotated 90", "part of a film"])
def test_a_changed_film_is_stopped(gate: FamiliarityGate, kind: str) -> None:
    assert (gate.scores([MADE[kind](film) for film in FILMS[60:]]) > gate.threshold).mean() >= 0.9


def test_what_is_no_film_is_stopped(gate: FamiliarityGate) -> None:
    for films in (noise(8), photographs(8)):
        assert (gate.scores(films) > gate.threshold).mean() >= 0.9
    assert not gate.judge(Study(photographs(1)[0])).familiar


def test_a_study_without_a_film_is_not_judged(gate: FamiliarityGate) -> None:
    assert gate.judge(Study()) is None


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
