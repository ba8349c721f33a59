"""Every film is answered by a run without its patient, and what is chosen is chosen by other films."""

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from evaluation import out_of_fold as measuring
from evaluation.findings_rivals import out_of_folds, table_features
from evaluation.maps.film_maps import Effort
from evaluation.maps.finding_maps import marked_findings
from evaluation.metrics.many_labels import LabelScores
from evaluation.out_of_fold import Answered, among_positive, chosen, fold_sides, lines, out_of_fold, rank
from modeling.configuration import FusionConfig, ImageProcessing, ProcessorConfig
from modeling.errors import ViewboxError
from modeling.labels import FINDINGS
from modeling.model.temperature import patient_folds
from modeling.study import ClinicalTable
from tests.training.test_training import toy_films, toy_settings
from training.corpora.labelled_film import Film
from training.corpora.open_corpus import load
from training.corpora.published_films import NIH_SHOWN

ROOT = Path(__file__).parents[2]


def films_with_findings(count: int) -> list[Film]:
    """A bright quadrant is a finding; every third film has none, and none is bright."""
    dark = io.BytesIO()
    Image.fromarray(np.random.default_rng(5).integers(0, 90, (48, 40)).astype(np.uint8)).save(dark, "PNG")
    found = []
    for i, film in enumerate(toy_films(count)):
        name = FINDINGS.classes[i % 4] if i % 3 else ""
        states = {FINDINGS: {one: float(one == name) for one in FINDINGS.classes}}
        encoded = film.encoded if name else dark.getvalue()
        found.append(replace(film, labels={}, states=states, boxes=None, encoded=encoded))
    return found


def recipe(folder: Path, name: str, rate: float) -> Path:
    model = {"tasks": [{"name": "findings", "modalities": ["image"]}], "width": 16}
    model["image"] = {"name": "test_vit", "dropout": 0.0}
    settings = toy_settings(
        name=name, epochs=10, learning_rate=rate, model=FusionConfig.from_json(model),
        processor=ProcessorConfig(image=ImageProcessing(size=32)), image_dropout=0.0,
    )  # fmt: skip
    (folder / f"{name}.json").write_text(json.dumps(settings.to_json()))
    return folder / f"{name}.json"


def test_a_fold_is_tested_the_next_one_chooses_and_the_others_teach() -> None:
    films = films_with_findings(80)
    tested = []
    for fold in range(4):
        sided = fold_sides(films, fold, 4)
        patients = {s: {f.patient for f in sided if f.split == s} for s in ("train", "validation", "test")}
        assert all(patients.values()) and not patients["train"] & (patients["validation"] | patients["test"])
        assert not patients["validation"] & patients["test"]
        tested += [film.film_id for film in sided if film.split == "test"]
    assert sorted(tested) == sorted(film.film_id for film in films)


def test_films_without_a_class_choose_nothing() -> None:
    labels = np.array([[1, 0], [0, 1], [1, 0], [0, 1], [0, 0], [0, 0]], bool)
    patients = np.arange(6)
    normal = np.array([[0.9, 0.9]] * 4 + [[0.1, 0.1]] * 2)  # tells films with a class from those without
    apart = np.where(labels, 0.6, 0.4)
    assert rank(LabelScores(normal, labels, patients)) == 0.5
    assert rank(LabelScores(apart, labels, patients)) == 1.0
    assert len(among_positive(LabelScores(normal, labels, patients)).labels) == 4


def test_each_fold_takes_the_recipe_that_its_validation_films_rank_first() -> None:
    one, other = np.zeros((4, 2)), np.ones((4, 2))
    recipes = {"one": Answered(one, (0.7, 0.6)), "other": Answered(other, (0.6, 0.8))}
    found, best = chosen(recipes, np.array([0, 1, 1, 0]))
    assert best == ["one", "other"] and found.values[:, 0].tolist() == [0, 1, 1, 0]
    assert found.validation == (0.7, 0.8)


def test_a_rival_answers_out_of_its_fold() -> None:
    generator = np.random.default_rng(0)
    labels = (generator.random((200, 2)) < 0.3).astype(float)
    patients = np.arange(200)
    sides = [
        np.array([("test", "validation", "train")[(i + fold) % 3] for i in range(200)]) for fold in range(3)
    ]
    memory = np.eye(200)  # knows each film, and nothing of others
    assert np.ptp(out_of_folds(memory, labels, patients, sides)[sides[0] == "test"], axis=0).max() < 0.05
    own, told = sides[0] == "test", labels[:, 0] == 1
    values = out_of_folds(labels, labels, patients, sides)[:, 0]
    assert values[own & told].min() > values[own & ~told].max()
    unseen = labels * [1, 0]
    assert out_of_folds(memory, unseen, patients, sides)[:, 1].max() == 0
    films = [
        replace(toy_films(1)[0], table=ClinicalTable(t)) for t in ({"age": 40.0, "sex": "M"}, {"sex": "F"})
    ]
    assert table_features(films).tolist() == [[4, 1, 0, 1], [4, 0, 1, 0]]


def test_recipes_on_every_film(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    films = films_with_findings(120)
    monkeypatch.setattr(measuring, "gathered", lambda settings, data: films)
    monkeypatch.setattr(measuring, "rivals_of", lambda *_: {"noise": ("nothing", noise)})
    noise = np.random.default_rng(3).random((120, 14))
    recipes = [recipe(tmp_path, name, rate) for name, rate in (("still", 1e-9), ("quick", 5e-3))]
    asked = {"folds": 3, "cache": tmp_path / "cache"}
    found = out_of_fold(recipes, tmp_path, tmp_path / "out", **asked)
    rows = {row["name"]: row for row in found["recipes"]}
    assert found["chosen"] == ["quick"] * 3 and found["n"] == 120
    assert found["macro_auroc"] == rows["quick"]["macro_auroc"] > 0.7
    inside = found["among_positive"]
    assert inside["n"] == 80 and inside["macro_auroc"] > 0.7 and inside["not_beaten"] == []
    assert inside["per_class"]["Cardiomegaly"]["n"] == found["per_class"]["Cardiomegaly"]["n"] == 20
    assert rows["quick"]["validation"] > rows["still"]["validation"]
    monkeypatch.setattr(measuring, "Run", None)  # what is done is not done again
    assert out_of_fold(recipes, tmp_path, tmp_path / "out", **asked) == found
    assert "chosen in each fold" in lines(found) and "noise" in lines(found)
    monkeypatch.setattr(measuring, "EFFORT", Effort(0.5, 4))
    file = boxed(tmp_path / "boxed.parquet")
    mapped = out_of_fold(recipes[::-1], tmp_path, tmp_path / "out", boxes=file, **asked)
    maps = mapped["maps"]
    assert "centre_prior" in lines(mapped)
    assert maps["films"] == 4 and maps["patients"] == 3 and maps["task"] == "findings"
    assert {"centre_prior", "integrated_gradients_black"} <= set(maps["maps"])
    with pytest.raises(ViewboxError, match="its own"):
        out_of_fold(recipes[:1] * 2, tmp_path, tmp_path / "out", **asked)
    with pytest.raises(ViewboxError, match="several classes at once"):
        out_of_fold([ROOT / "training/configs/siim.json"], tmp_path, tmp_path / "out", **asked)


def boxed(path: Path) -> Path:
    """A file like NIH's: three films with boxes, one of them for two findings, and one of a shown patient."""
    boxes = [
        [["Infiltrate", 0.1, 0.2, 0.3, 0.4], ["Mass", 0.5, 0.5, 0.2, 0.2]],
        [["Pneumonia", 0.1, 0.2, 0.3, 0.4], ["Pneumonia", 0.6, 0.2, 0.3, 0.4]],
        [["Pneumonia", 0.1, 0.2, 0.3, 0.4]],
        [],
    ]
    rows = []
    for i, drawn in enumerate(boxes):
        buffer = io.BytesIO()
        pixels = np.random.default_rng(i).integers(0, 255, (40, 32)).astype(np.uint8)
        Image.fromarray(pixels).save(buffer, "JPEG")
        patient = 506 if i == 2 else i
        row = {"image_id": f"{patient:08d}_000.png", "patient_id": patient, "image": buffer.getvalue()}
        named = "|".join(sorted({"Infiltration" if b[0] == "Infiltrate" else b[0] for b in drawn}))
        row |= {"age": 50, "sex": "M", "view": "PA", "findings": named or "No Finding"}
        rows.append(row | {"boxes": json.dumps(drawn)})
    pd.DataFrame(rows).to_parquet(path)
    return path


def test_nih_films_teach_but_for_those_that_are_shown(tmp_path: Path) -> None:
    boxed(tmp_path / "nih_sample.parquet")
    films = load("nih", tmp_path)
    assert {film.patient for film in films} == {"nih-0", "nih-1", "nih-3"} and "nih-506" in NIH_SHOWN
    assert films[0].states_of(FINDINGS)["Mass"] == 1 and films[2].states_of(FINDINGS)["Mass"] == 0
    assert all(film.boxes is None for film in films), "boxes of single findings teach nobody"
    marked = marked_findings(tmp_path / "nih_sample.parquet")
    assert [one.target.slug for one in marked[:3]] == [
        "findings/Infiltration",
        "findings/Mass",
        "findings/Pneumonia",
    ]
    assert marked[2].region.mean() == pytest.approx(0.24, abs=0.06), "both boxes of one finding"
    assert len(set(patient_folds(np.array([one.patient for one in marked]), 3))) > 1
    (tmp_path / "bare.parquet").write_bytes((tmp_path / "nih_sample.parquet").read_bytes())
    bare = pd.read_parquet(tmp_path / "bare.parquet").assign(boxes="[]")
    bare.to_parquet(tmp_path / "bare.parquet")
    with pytest.raises(ViewboxError, match="no film with boxes"):
        marked_findings(tmp_path / "bare.parquet")
