"""A head is fitted once more on the finished network, and films may be served larger than in training."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from scipy.stats import spearmanr

from modeling.errors import ViewboxError
from modeling.labels import APPEARANCE, GRADING, TaskName
from modeling.model.fusion import FusionModel
from tests.doubles.toys import toy_config, toy_model, toy_processor
from tests.training.test_training import toy_films, toy_settings
from training.refitting import entering, refit
from training.run import Run

WEIGHTS = {GRADING: torch.ones(3), APPEARANCE: torch.ones(4)}


def taught(name: TaskName) -> tuple[FusionModel, torch.Tensor, torch.Tensor]:
    """A model, 90 features whose first one says the class, and the classes."""
    model = toy_model(toy_config(), toy_processor(size=32))
    generator = torch.Generator().manual_seed(0)
    given = torch.randn(90, model.config.width, generator=generator)
    labels = torch.bucketize(given[:, 0].contiguous(), torch.tensor([-0.6, 0.6]))
    return model, given, labels


@pytest.mark.parametrize("name", [GRADING, APPEARANCE])
def test_a_head_learns_what_the_features_say_whatever_their_scale(name: TaskName) -> None:
    model, given, labels = taught(name)
    refit(model, name, given, labels, WEIGHTS[name])
    with torch.no_grad():
        logits = model.heads[name](given)
    expected = logits.softmax(dim=1)[:, :3] @ torch.arange(3.0)
    assert spearmanr(expected, given[:, 0])[0] > 0.9
    assert logits.softmax(dim=1).max() < 0.999, "the penalty keeps it from being sure of every film"
    other, shifted = taught(name)[0], given * torch.linspace(0.5, 20.0, given.shape[1]) + 3.0
    refit(other, name, shifted, labels, WEIGHTS[name])
    with torch.no_grad():
        again = other.heads[name](shifted).softmax(dim=1)
    torch.testing.assert_close(again, logits.softmax(dim=1), rtol=0.0, atol=1e-2)


def settings(**changes: object):
    made = toy_settings(epochs=1, **changes)
    return replace(made, model=replace(made.model, image=replace(made.model.image, name="test_resnet")))


def test_what_enters_a_head_is_what_it_answers_from(tmp_path: Path) -> None:
    run = Run(settings(), toy_films(24), tmp_path / "run", tmp_path / "cache")
    model, inputs = run.average.module.eval(), run.batches.plain(np.arange(8))
    given = entering(model, GRADING, [inputs])
    with torch.no_grad():
        torch.testing.assert_close(model.heads["grading"](given), model(inputs)["grading"])


def test_only_the_named_head_is_refitted_and_films_are_served_at_their_own_size(tmp_path: Path) -> None:
    films, weights = toy_films(48), {}
    for name, changes in (("plain", {}), ("served", {"refit": ("grading",), "serve_size": 40})):
        run = Run(settings(**changes), films, tmp_path / name, tmp_path / "cache")
        run.train()
        run.export()
        weights[name] = load_file(tmp_path / name / "checkpoint" / "model.safetensors")
    differ = {key for key, one in weights["plain"].items() if not torch.equal(one, weights["served"][key])}
    assert differ and all(key.startswith("heads.grading") for key in differ)
    served = tmp_path / "served" / "checkpoint"
    assert json.loads((served / "preprocessor_config.json").read_text())["image"]["size"] == 40
    model, processor, _ = FusionModel.from_pretrained(served)
    film = next(film for film in films if film.split == "validation")
    assert processor(film.study()).inputs.image.shape[-2:] == (40, 40)
    assert set(model.config.temperatures) == {"appearance", "grading"}


def test_only_a_models_own_heads_can_be_refitted() -> None:
    with pytest.raises(ViewboxError, match="'refit' takes any of appearance, grading"):
        toy_settings(refit=("findings",))
