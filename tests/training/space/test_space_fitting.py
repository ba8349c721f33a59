"""A tiny space on phantoms: what counts as right, that it learns, and that a stopped run goes on."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from modeling.errors import ViewboxError
from modeling.model.shared_space import SharedSpace
from training.space.corpus import space_rows
from training.space.fitting import contrast
from training.space.run import phantoms, train_space
from training.space.settings import SpaceTraining
from training.space.texts import FactTable, drawn, token_rows

CONFIG = Path("training/configs/space.json")


@pytest.fixture(scope="module")
def rows(tmp_path_factory) -> list:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("training.space.corpus._AT_ONCE", 6)
        return space_rows(tmp_path_factory.mktemp("phantoms"), 6, 7900, 64)


def test_drawn_phantoms_are_kept_and_their_reports_stay(rows, tmp_path, monkeypatch):
    monkeypatch.setattr("training.space.corpus._AT_ONCE", 2)
    first = space_rows(tmp_path, 2, 7900, 64)
    again = space_rows(tmp_path, 2, 7900, 64)
    assert [row.report() for row in first] == [row.report() for row in again]
    for one, other in zip(first, rows, strict=False):
        assert np.array_equal(one.film, other.film) and one.facts == other.facts
        assert one.masks.keys() >= {statement.opacity for statement in one.statements if statement.opacity}


def test_a_text_holds_of_its_own_film_and_of_those_that_show_all_it_claims(rows):
    table, rng = FactTable(rows), np.random.default_rng(0)
    numbers = torch.arange(len(rows))
    for whole in (True, False):
        texts = [drawn(rng, row, whole=whole) for row in rows]
        right = table.hold(numbers, [text.facts for text in texts])
        assert right.diagonal().all()
        for film, text in np.ndindex(*right.shape):
            assert bool(right[film, text]) == (texts[text].facts <= rows[film].facts)


def test_contrast_rewards_any_right_answer():
    right = torch.tensor([[True, True], [False, True]])
    assert contrast(20 * right.float(), right) < contrast(20 * (~right).float(), right)
    assert contrast(torch.zeros(2, 2), right) == pytest.approx(np.log(2))


def test_a_run_writes_a_checkpoint_that_reads_as_it_was_trained_and_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr("training.space.corpus._AT_ONCE", 8)
    settings = replace(
        SpaceTraining.load(CONFIG), size=64, train_films=8, validation_films=8, head_epochs=1,
        whole_epochs=1, versions=0,
        head_batch=8, whole_batch=8,
    )  # fmt: skip
    folder = train_space(settings, tmp_path)
    weights = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").unlink()
    assert (train_space(settings, tmp_path) / "model.safetensors").read_bytes() == weights
    assert json.loads((folder / "training.json").read_text())["train_films"] == 8
    space = SharedSpace.from_pretrained(folder)
    held_out = phantoms(settings, tmp_path, "validation")
    reports = space.embed_texts([row.report("en")[0] for row in held_out])
    assert float(reports.mean(dim=0).norm()) < 0.9  # without their common mean
    texts = [
        row.report(language)[0]
        for row in phantoms(settings, tmp_path, "train")[:2]
        for language in ("en", "zh-Hant")
    ]
    tokens, mask = token_rows(space.processor.tokenizer, texts, 224)
    for text, ids, there in zip(texts, tokens, mask, strict=True):
        assert tuple(ids[there].tolist()) == space._read(text).ids


def test_no_settings_file_is_refused():
    with pytest.raises(ViewboxError, match="no settings file"):
        SpaceTraining.load(Path("nowhere.json"))
