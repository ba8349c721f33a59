"""What words at training are worth, on a handful of phantoms: every row runs, and a run goes on."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from training.space import words_at_training
from training.space.settings import SpaceTraining
from training.space.words_at_training import WAYS, lines, measure_rows, taught


def test_labelled_films_are_nested_and_of_every_class():
    labels = np.repeat(range(4), 50)
    few, more = taught(labels, 0.01, 1), taught(labels, 0.1, 1)
    assert set(labels[few]) == {0, 1, 2, 3} and {*few} <= {*more} and len(more) == 20
    assert {*few} != {*taught(labels, 0.01, 2)}


def test_every_row_answers_and_is_read_from_its_file_the_next_time(tmp_path, monkeypatch):
    monkeypatch.setattr("training.space.corpus._AT_ONCE", 8)
    monkeypatch.setattr(words_at_training, "_STEPS", 1)
    monkeypatch.setattr(words_at_training, "_BATCH", 4)
    settings = replace(
        SpaceTraining.load(Path("training/configs/space_rows.json")), size=64, train_films=8, test_films=8,
        head_epochs=1, head_batch=8, versions=0, backbone="start",
    )  # fmt: skip
    found = measure_rows(settings, tmp_path, fractions=(1.0,), seeds=1)
    assert set(found["rows"]) == set(WAYS) and "ahead_of_scratch" not in found["rows"]["scratch"]
    monkeypatch.setattr(words_at_training, "bench", None)  # nothing is trained again
    assert measure_rows(settings, tmp_path, fractions=(1.0,), seeds=1) == found
    assert lines(found).count("|") > 6 * 3
