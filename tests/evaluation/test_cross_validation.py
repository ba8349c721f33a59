"""Recipes are compared on training patients alone, and a fold that is done is not done again."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from evaluation import cross_validation
from evaluation.cross_validation import cross_validate, inner_sides
from modeling.errors import ViewboxError
from tests.training.test_training import toy_films, toy_settings

ROOT = Path(__file__).parents[2]


def test_one_fold_tests_and_the_others_teach_without_validation_films() -> None:
    films = toy_films(60)
    sides = inner_sides(films, 1, 3, [True] * 60)
    trained = {f.film_id for f in films if f.split == "train"}
    assert {f.film_id for f in sides} == trained
    patients = {side: {f.patient for f in sides if f.split == side} for side in ("train", "validation")}
    assert patients["train"] and patients["validation"] and not set.intersection(*patients.values())
    assert not any(f.split == "validation" for f in inner_sides(films, 1, 3, [False] * 60))


def test_recipes_are_held_against_the_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cross_validation.open_corpus, "load", lambda name, data: toy_films(60))
    recipes = []
    for name, rate in (("still", 1e-9), ("quick", 3e-3)):
        (tmp_path / f"{name}.json").write_text(
            json.dumps(replace(toy_settings(epochs=6), name=name, learning_rate=rate).to_json())
        )
        recipes.append(tmp_path / f"{name}.json")
    asked = {"folds": 2, "tested": 1, "cache": tmp_path / "cache"}
    found = cross_validate(recipes, tmp_path, tmp_path / "out", **asked)["recipes"]
    assert found["still"]["macro_auroc"]["difference"] == 0
    quick = found["quick"]["macro_auroc"]
    assert quick["difference"] > 0.1 and quick["95"][0] <= quick["value"] <= quick["95"][1]
    assert 0 <= found["quick"]["integrated_gradients_in_lungs"]["value"] <= 1
    monkeypatch.setattr(cross_validation, "Run", None)  # what is done is not done again
    again = cross_validate(recipes, tmp_path, tmp_path / "out", **asked)
    assert again["recipes"] == found and "quick" in cross_validation.lines(again)
    with pytest.raises(ViewboxError, match="its own"):
        cross_validate(recipes[:1] * 2, tmp_path, tmp_path / "out", **asked)
    with pytest.raises(ViewboxError, match="inner-fold"):
        cross_validate([ROOT / "training/configs/reports.json"], tmp_path, tmp_path / "out", **asked)
