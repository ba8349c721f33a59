"""Fractions of the training patients: who is drawn, what is compared, and what a reader is told."""

import json
import math
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from evaluation.metrics.bootstrap import patient_draws, plain
from evaluation.metrics.one_label import Scored, accuracy
from modeling.errors import ViewboxError
from modeling.labels import APPEARANCE, FINDINGS
from modeling.model.fusion import FusionModel
from modeling.study import Modality
from tests.doubles.command import command
from tests.training.test_initial_weights import timm_files
from tests.training.test_training import toy_films, toy_settings
from training.branches import BranchLearning
from training.corpora.duplicates import LEFT_OUT
from training.corpora.labelled_film import Film
from training.few_shot import cells
from training.few_shot.cells import CELLS, Cell, Sweep, plan
from training.few_shot.draw import order, reduced, traits
from training.few_shot.plot import DOTS_PER_INCH, POINTS
from training.few_shot.table import OverSeeds, few_shot, markdown
from training.films import PLAIN
from training.settings import TrainingSettings

train = command("train")


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("start")
    for name, content in timm_files("test_efficientnet").items():
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def settings(start: Path | None = None, **changes: object) -> TrainingSettings:
    plain_ = toy_settings(epochs=1, keep="last")
    image = replace(plain_.model.image, name="test_efficientnet")
    weights = {"image": str(start)} if start else ""
    return replace(plain_, model=replace(plain_.model, image=image), initial_weights=weights, **changes)


def graded(count: int = 80) -> list[Film]:
    """Films with a test side; every patient has two."""
    films = toy_films(count)
    grades = ("Mild", "Moderate", "Severe")
    return [
        replace(
            film,
            split=("train", "train", "train", "validation", "test")[i // 2 % 5],
            labels={**film.labels, "grading": grades[i // 2 % 3]},
        )
        for i, film in enumerate(films)
    ]


# --- who is drawn


def patients(films: list[Film], side: str = "train") -> set[str]:
    return {film.patient for film in films if film.split == side}


def test_every_beginning_of_an_order_has_the_shares_of_the_whole() -> None:
    generator = np.random.default_rng(0)
    classes = generator.choice(["a", "b", "c", "d"], 400, p=[0.6, 0.25, 0.1, 0.05])
    shown = {f"p{i}": frozenset({str(name), "in all"}) for i, name in enumerate(classes)}
    count, drawn = Counter(classes.tolist()), order(shown, seed=3)
    assert sorted(drawn) == sorted(shown)
    for size in range(1, 401):
        first = Counter(name for p in drawn[:size] for name in shown[p])
        assert all(abs(first[name] - count[name] * size / 400) < 1.5 for name in count), size
    assert order(shown, seed=3) == drawn != order(shown, seed=4)
    assert order(dict(reversed(shown.items())), seed=3) == drawn, "whatever order the films were read in"


def test_several_labels_at_once_are_mixed_too() -> None:
    generator = np.random.default_rng(1)
    shares = np.array([0.4, 0.2, 0.1, 0.05])
    shown = {
        f"p{i}": frozenset(n for n, has in zip("abcd", generator.random(4) < shares, strict=True) if has)
        | {"x"}
        for i in range(500)
    }
    count = Counter(name for own in shown.values() for name in own)
    drawn = order(shown, seed=0)
    for size in range(1, 501):
        first = Counter(name for p in drawn[:size] for name in shown[p])
        assert all(abs(first[name] - count[name] * size / 500) < 4 for name in "abcd"), size


def test_what_patients_show() -> None:
    films = toy_films(6)
    findings = {"findings": {"Effusion": 1.0, "Hernia": 0.0}}
    films[1] = replace(films[1], states=findings)  # of patient 0, whose other film is for validation
    films[2] = replace(films[2], states={"findings": {"Hernia": 0.0}}, labels={})
    shown = traits(films, {APPEARANCE: PLAIN, FINDINGS: PLAIN})
    assert set(shown) == {"patient-0", "patient-1", "patient-2"}
    assert shown["patient-0"] == {"from toy", "appearance/Typical", "findings/Effusion"}
    assert shown["patient-1"] == {"from toy", "appearance/Atypical", "findings/none"}


def test_fractions_are_nested_by_patient_and_nobody_else_moves() -> None:
    films = graded()
    sweep = Sweep(settings(), films, (1.0, 0.1, 0.5, 0.1), seeds=2)
    assert sweep.fractions == [0.1, 0.5, 1.0]
    for seed in (0, 1):
        tenth, half, all_ = (sweep.films_of(Cell(f, "as_set", seed)) for f in sweep.fractions)
        assert len(patients(tenth)) == 2 and len(patients(half)) == 12  # of 24
        assert patients(tenth) < patients(half) < patients(all_) == patients(films)
        assert not patients(half) & patients(half, LEFT_OUT)
        for side in ("validation", "test"):
            assert patients(tenth, side) == patients(films, side)
    assert patients(sweep.films_of(Cell(0.5, "as_set", 0))) != patients(
        sweep.films_of(Cell(0.5, "as_set", 1))
    )
    assert len(patients(reduced(films, sorted(patients(films)), 1e-6))) == 1, "never nobody"


# --- how a cell learns


def test_fewer_films_are_shown_oftener_and_a_probe_keeps_its_bodies() -> None:
    films = graded()
    sweep = Sweep(settings(repeat={"toy": 2}), films, (0.1, 1.0), probe=True)
    assert [cell.name for cell in sweep.cells()][:3] == ["0.1-probed-0", "0.1-fine_tuned-0", "0.1-probed-1"]
    few, all_ = (sweep.settings_of(Cell(f, "probed", 2)) for f in (0.1, 1.0))
    assert few.repeat == {"toy": 24} and all_.repeat == {"toy": 2}, "48 films or 4: 96 rows an epoch"
    assert few.learning == {Modality.IMAGE: BranchLearning("probed")} and few.seed == 2
    tuned = sweep.settings_of(Cell(0.1, "fine_tuned", 0))
    assert tuned.learning == {Modality.IMAGE: BranchLearning("fine_tuned")}
    slow = settings(learning={Modality.IMAGE: BranchLearning("probed", rate=0.1)})
    assert Sweep(slow, films).settings_of(Cell(1.0, "as_set", 0)).learning == slow.learning
    ways = {way: Sweep(slow, films, probe=True).settings_of(Cell(1.0, way, 0)).learning for way in WAYS}
    assert ways["fine_tuned"] == {Modality.IMAGE: BranchLearning("fine_tuned", rate=0.1)}


WAYS = ("probed", "fine_tuned")


def test_what_cannot_be_compared_is_a_sentence() -> None:
    frozen = settings(learning={Modality.IMAGE: BranchLearning("frozen")})
    with pytest.raises(ViewboxError, match="no branch to probe"):
        Sweep(frozen, graded(), probe=True)
    for fraction in (0.0, 1.5, math.nan):
        with pytest.raises(ViewboxError, match="above 0 and at most 1"):
            Sweep(settings(), graded(), (fraction,))


# --- the whole


def test_a_probed_body_stays_and_a_cell_that_is_done_is_not_trained_again(
    tmp_path: Path, cache: Path, start: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = Sweep(settings(start), graded(), (0.3, 1.0), probe=True, seeds=1)
    found = few_shot(sweep, tmp_path, cache=cache)
    began = load_file(start / "model.safetensors")
    for way in WAYS:
        folder = tmp_path / CELLS / f"0.3-{way}-0"
        assert {path.name for path in folder.iterdir()} >= {"checkpoint", "cell.json", "probabilities.npz"}
        assert not (folder / "state").exists() and not (folder / "best.pt").exists()
        model, _, _ = FusionModel.from_pretrained(folder / "checkpoint")
        body = dict(model.encoders["image"].backbone.named_parameters())
        assert all(torch.equal(weights, began[name]) for name, weights in body.items()) == (way == "probed")
        lines = (folder / "checkpoint" / "split.csv").read_text().splitlines()[1:]
        sides = Counter(line.rsplit(",", 1)[1] for line in lines)
        assert sides == {"train": 14, LEFT_OUT: 34, "validation": 16, "test": 16}

    def trains_again(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(cells, "Run", trains_again)
    kept = tmp_path / "few_shot.json"
    assert few_shot(sweep, tmp_path, cache=cache) == found == json.loads(kept.read_text())
    assert [line for line in plan(sweep, tmp_path) if "done: probed, fine-tuned" in line][1:]
    with pytest.raises(ViewboxError, match="holds what other settings or films gave; name another folder"):
        few_shot(
            Sweep(settings(start, epochs=2), graded(), (0.3,), probe=True, seeds=1), tmp_path, cache=cache
        )
    relabelled = [replace(film, labels={**film.labels, "grading": "Mild"}) for film in graded()]
    with pytest.raises(ViewboxError, match="other settings or films"):
        few_shot(Sweep(settings(start), relabelled, (0.3,), probe=True, seeds=1), tmp_path, cache=cache)


def test_a_sweep_that_was_stopped_goes_on(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = Sweep(settings(), graded(), (0.5, 1.0), seeds=1)
    whole = few_shot(sweep, tmp_path / "whole", cache=cache)
    begun, run = [], cells.Run

    def stopped(*given: object) -> object:
        if begun:
            raise KeyboardInterrupt
        begun.append(1)
        return run(*given)

    monkeypatch.setattr(cells, "Run", stopped)
    with pytest.raises(KeyboardInterrupt):
        few_shot(sweep, tmp_path / "stopped", cache=cache)
    monkeypatch.setattr(cells, "Run", run)
    assert few_shot(sweep, tmp_path / "stopped", cache=cache) == whole


def test_what_nothing_has_taught_is_not_probed_and_leaves_the_folder_free(
    tmp_path: Path, cache: Path, start: Path
) -> None:
    with pytest.raises(ViewboxError, match="would keep a part of the image that nothing has taught"):
        few_shot(Sweep(settings(), graded(), (0.3,), probe=True, seeds=1), tmp_path, cache=cache)
    begun = Sweep(settings(start), graded(), (0.3,), probe=True, seeds=1)
    assert few_shot(begun, tmp_path, cache=cache)["tasks"]["appearance"]["probed_ahead"]


def test_the_table_holds_what_the_answers_give(tmp_path: Path, cache: Path) -> None:
    sweep = Sweep(settings(), graded(), (1.0,), seeds=2)
    found = few_shot(sweep, tmp_path, cache=cache)
    one = found["tasks"]["appearance"]
    tested = [film for film in graded() if film.split == "test"]
    truth = np.array([APPEARANCE.index(film.labels["appearance"]) for film in tested])
    assert one["side"] == "test" and one["films"] == len(tested) == 16 and one["patients"] == 8
    assert one["chance"] == {"macro_auroc": 0.5, "accuracy": round(np.bincount(truth).max() / 16, 4)}
    assert one["positives"] == {name: int((truth == k).sum()) for k, name in enumerate(APPEARANCE.classes)}
    (row,) = one["rows"]
    assert row["films"] == [48, 48] and row["patients"] == [24, 24] and not row["missing"]
    right = []
    for seed in (0, 1):
        with np.load(tmp_path / CELLS / f"1-as_set-{seed}" / "probabilities.npz") as answers:
            right.append(float((answers["appearance"].argmax(axis=1) == truth).mean()))
    assert row["accuracy"]["seeds"] == pytest.approx(right, abs=1e-4)
    assert row["accuracy"]["value"] == pytest.approx(np.mean(right), abs=1e-4)
    assert row["accuracy"]["95"][0] <= row["accuracy"]["value"] <= row["accuracy"]["95"][1]
    text = (tmp_path / "few_shot.md").read_text()
    assert text == markdown(found)
    assert "| 100 % | 24 (48) | as set |" in text and "asked of the same 16 test films of 8 patients" in text
    assert "epoch was chosen" not in text


def test_a_fraction_without_a_class_is_told_and_one_of_one_class_not_trained(
    tmp_path: Path, cache: Path
) -> None:
    films = graded()
    sweep = Sweep(settings(), films, (0.04, 0.1, 1.0), seeds=1)  # one patient, with two classes of four; two
    found = few_shot(sweep, tmp_path, cache=cache)
    appearance, grading = found["tasks"]["appearance"], found["tasks"]["grading"]
    assert len(appearance["rows"][0]["missing"]) == 2
    assert grading["rows"][0]["not_trained"] == [0] and "macro_auroc" not in grading["rows"][0]
    assert [row["not_trained"] for row in grading["rows"]][-1] == []
    table = markdown(found)
    first = next(line for line in table.split("**appearance**")[1].splitlines() if line.startswith("| 4 % |"))
    assert "| not trained | not trained |" in first and "**nothing of" in first
    assert "shows one class alone: not trained" in "\n".join(plan(sweep, tmp_path))
    picture = Image.open(tmp_path / "few_shot.png").convert("RGB")
    assert picture.width > 1000 and POINTS * DOTS_PER_INCH / 72 >= 11
    assert (0, 114, 178) in {colour for _, colour in picture.getcolors(1 << 24)}


def test_a_mean_over_seeds_draws_seeds_and_patients() -> None:
    labels = np.array([0, 1] * 50)
    sure, guess = np.eye(2)[labels], np.full((100, 2), 0.5)
    each = [partial(accuracy, Scored(values, labels)) for values in (sure, guess)]
    draws = patient_draws(np.arange(100), 500)
    assert OverSeeds(each)(plain(100)).tolist() == [0.75]
    drawn = OverSeeds(each)(draws)
    assert drawn.min() < 0.5 < 0.9 < drawn.max() == 1.0, "both seeds the good one in a quarter of the draws"
    assert (drawn == 1.0).mean() == pytest.approx(0.25, abs=0.06)
    alone = OverSeeds(each[:1])(draws)
    assert np.all(alone == 1.0)


def test_several_labels_at_once_have_their_base_rate(tmp_path: Path, cache: Path) -> None:
    generator = np.random.default_rng(0)
    films = [
        replace(film, labels={}, states={"findings": {"Effusion": float(i % 4 == 0), "Mass": float(a > 0.5)}})
        for i, (film, a) in enumerate(zip(graded(), generator.random(80), strict=True))
    ]
    plain_ = settings()
    task = {"name": "findings", "modalities": ["image"]}
    raw = plain_.model.to_json() | {"tasks": [task]}
    several = replace(plain_, model=type(plain_.model).from_json(raw), unseen="allow")
    found = few_shot(Sweep(several, films, (0.5,), seeds=1), tmp_path, cache=cache)["tasks"]["findings"]
    tested = [film.states["findings"] for film in films if film.split == "test"]
    rate = np.mean([[own["Effusion"], own["Mass"]] for own in tested])
    assert found["chance"] == {"macro_auroc": 0.5, "macro_average_precision": pytest.approx(rate, abs=1e-4)}
    assert found["positives"]["Effusion"] == sum(own["Effusion"] for own in tested)
    assert found["rows"][0]["missing"]["Hernia positive"] == [0]
    assert 0 <= found["rows"][0]["macro_auroc"]["value"] <= 1


def test_the_command_takes_fractions_in_a_row_and_a_rehearsal_trains_nothing(
    tmp_path: Path, start: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file, out = tmp_path / "recipe.json", tmp_path / "out"
    raw = settings(start).to_json()
    raw["model"] = settings(start).model.to_json()
    file.write_text(json.dumps(raw))
    monkeypatch.setattr(cells, "gathered", lambda *_: graded())
    asked = ["--config", file, "--data", tmp_path, "--out", out, "--probe", "--seeds", 1, "--dry-run"]
    assert train(["--fraction", 0.1, 0.5, 1, *asked]) == 0
    lines = capsys.readouterr().out.splitlines()
    told = [line.split(";")[0] for line in lines if ", seed 0, probed and fine-tuned: " in line]
    assert told == [
        "0.1, seed 0, probed and fine-tuned: 4 films of 2 patients",
        "0.5, seed 0, probed and fine-tuned: 24 films of 12 patients",
        "1, seed 0, probed and fine-tuned: 48 films of 24 patients",
    ]
    assert "asks every cell for appearance of 16 films of 8 patients: test" in lines
    assert f"trains 6 cells, each 1 epochs of about 6 steps; writes to {out}" in lines
    assert not out.exists()
    assert train([*asked, "--fraction", 0.5, "--fraction", 2]) == 1
    assert capsys.readouterr().err == (
        "A fraction of the training patients is above 0 and at most 1; correct it.\n"
    )
    assert train([*asked, "--fraction"]) == 2
