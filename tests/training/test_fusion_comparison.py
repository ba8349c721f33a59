"""The fusion comparison: its metrics against known values, its protocol, and on films made for the test."""

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from hub_config.cards.card import CHECKPOINTS
from hub_config.cards.markdown import part
from modeling.labels import APPEARANCE, GRADING
from modeling.study import ClinicalTable, Modality
from tests.doubles import lake_sources as made
from tests.doubles.command import command
from tests.doubles.toys import toy_checkpoint
from training.corpora.labelled_film import Film
from training.corpora.severity import expert_agreement, severities
from training.fusion_comparison.arms import (
    ARMS,
    FILM,
    IMAGENET,
    Arm,
    Evidence,
    Recipe,
    feature_maps,
    open_backbone,
    train_and_predict,
)
from training.fusion_comparison.comparison import CONFIG, compare, folds, labelled_films, outside, report
from training.fusion_comparison.scoring import Readings, holm, score
from training.settings import TrainingSettings

main = command("compare")

GRADES = ("Mild", "Moderate", "Severe")
QUICK = Recipe(epochs=6, fewest_known=3)
CHANNELS = 64  # of timm's test_vit


def films_of(count: int, source: str = "cohen", seed: int = 0) -> list[Film]:
    """Two films a patient; the age says the grading, the pixels say nothing."""
    rng = np.random.default_rng(seed)
    made = []
    for i in range(count):
        grade = int(rng.integers(3))
        table = ClinicalTable({"age": 30.0 + 20 * grade + rng.normal(), "sex": ("female", "male")[i % 2]})
        labels = {GRADING: GRADES[grade]}
        made.append(
            Film(f"{source}{i}", source, f"{source}-p{i // 2}", "train", b"", table=table, labels=labels)
        )
    return made


@pytest.fixture(scope="module")
def settings():
    """The film checkpoint's, with a backbone that is small to build."""
    loaded = TrainingSettings.load(CONFIG)
    image = replace(loaded.model.image, name="test_vit", pyramid=0, norm="batch", drop_path=0.0)
    return replace(loaded.model, image=image), loaded.processor


# --- arms


def predicted(arm: Arm, films: list[Film], maps: torch.Tensor, settings, recipe: Recipe = QUICK):
    evidence = Evidence.of(films, maps, GRADING)
    train, test = np.arange(0, len(films) // 2), np.arange(len(films) // 2, len(films))
    read, bare = train_and_predict(arm, evidence, train, test, settings, recipe, seed=0)
    return evidence.labels[test], read, bare


def test_an_arm_reads_what_it_may_and_nothing_else(settings):
    films = films_of(120)
    maps = torch.randn(120, CHANNELS, 7, 7).half()
    arms = {arm.name: arm for arm in ARMS}
    recipe = Recipe(epochs=80, fewest_known=3)
    labels, read, bare = predicted(arms["table"], films, maps, settings, recipe)
    assert (read.argmax(1) == labels).mean() > 0.7, "the age says it all"
    assert np.allclose(bare, bare[0]), "without the table there is nothing left to tell films apart"
    _, read, bare = predicted(arms["film"], films, maps, settings)
    assert np.array_equal(read, bare), "the film alone has no table to take away"
    _, read, _ = predicted(arms["known_fields"], films, maps, settings)
    assert np.allclose(read, read[0]), "every film knows the same two fields here"


@pytest.mark.parametrize("name", ["product", "concat", "gated", "cross_attention"])
def test_every_fusion_learns_from_the_table_and_loses_it_when_it_is_taken_away(settings, name):
    arm = next(arm for arm in ARMS if arm.name == name)
    films, maps = films_of(120), torch.zeros(120, CHANNELS, 7, 7).half()
    labels, read, bare = predicted(arm, films, maps, settings, Recipe(epochs=60, fewest_known=3))
    assert read.shape == (60, 3) and np.allclose(read.sum(1), 1)
    assert (read.argmax(1) == labels).mean() > 0.7
    assert np.allclose(bare, bare[0], atol=1e-5)


def test_the_same_seed_gives_the_same_answer(settings):
    films, maps = films_of(40), torch.randn(40, CHANNELS, 7, 7).half()
    first, second = (predicted(FILM, films, maps, settings)[1] for _ in range(2))
    assert np.array_equal(first, second)


def test_a_field_with_few_values_is_not_read(settings):
    films = films_of(60)
    one = films[0]
    rare = ClinicalTable({**one.table.values, "crp": 600.0})
    with_rare = [Film(**{**vars(one), "table": rare}), *films[1:]]
    table = next(arm for arm in ARMS if arm.name == "table")
    maps = torch.zeros(60, CHANNELS, 7, 7).half()
    recipe = Recipe(epochs=3)
    assert np.array_equal(
        predicted(table, films, maps, settings, recipe)[1],
        predicted(table, with_rare, maps, settings, recipe)[1],
    )


# --- the protocol


def test_no_patient_stands_on_both_sides_of_a_fold():
    films = films_of(60) + films_of(40, "hannover", seed=1)
    seen = np.zeros(100, int)
    people = np.array([film.patient for film in films])
    for train, test in folds(films, GRADING, people, seed=0):
        assert not {films[i].patient for i in train} & {films[i].patient for i in test}
        assert {films[i].source for i in test} == {"cohen", "hannover"}
        seen[test] += 1
    assert (seen == 1).all()
    assert any(
        not np.array_equal(a[1], b[1])
        for a, b in zip(folds(films, GRADING, people, 0), folds(films, GRADING, people, 1), strict=True)
    )
    ((train, test),) = outside(films, "cohen")
    assert {films[i].source for i in train} == {"cohen"} and {films[i].source for i in test} == {"hannover"}


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_an_arm_that_knows_beats_one_that_guesses_and_one_that_is_the_same_does_not():
    rng = np.random.default_rng(0)
    labels, patients = rng.integers(0, 3, 150), np.repeat(np.arange(75), 2)
    extents = labels * 3.0 + rng.random(150)
    extents[:10] = np.nan
    guess, know = (
        rng.random((2, 150, 3)),
        np.eye(3)[labels][None].repeat(2, 0) + 0.3 * rng.random((2, 150, 3)),
    )
    given = {arm.name: guess for arm in ARMS} | {"product": know}
    found = score(Readings(given, {"product": guess}, labels, extents, patients, GRADING), draws=300)
    rows = found["rows"]
    assert found["films_with_extent"] == 140 and found["patients"] == 75
    assert rows["product"]["quadratic_kappa"]["value"] == 1.0
    test = rows["product"]["versus_film"]["spearman_extent"]
    assert test["p"] < 0.01 <= test["p_holm"] < 0.05 and test["95"][0] > 0
    assert rows["concat"]["versus_film"]["spearman_extent"]["value"] == 0.0
    assert rows["concat"]["versus_film"]["spearman_extent"]["p_holm"] == 1.0
    assert rows["product"]["without_table"]["macro_auroc"] == rows["film"]["macro_auroc"]["value"]
    said = part("fusion.md", "verdict", found)
    assert "better" in said.lower() and "product" in said


# --- on files


def picture(seed: int) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 255, (64, 48), dtype=np.uint8)).save(file, "JPEG")
    return file.getvalue()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both corpora in their published columns: 30 films of Cohen, 20 of Hannover."""
    folder, rng = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    cohen, hannover = [], []
    for i in range(30):
        zones = rng.integers(0, 4, 6)
        row = {f"brixia_S_{z}": float(v) for z, v in zip("ABCDEF", zones, strict=True)}
        row |= {
            f"brixia_J_{z}": float(min(v + (i % 5 == 0), 3)) for z, v in zip("ABCDEF", zones, strict=True)
        }
        row |= {
            "patientid": str(i // 2),
            "view": "PA",
            "filename": f"c{i}.jpg",
            "url": "",
            "modality": "X-ray",
            "license": "CC0",
            "image": picture(i),
        }
        row |= {
            "severity_geographic": float((zones > 0).sum()),
            "age": 50.0 + i,
            "sex": "M",
            "temperature": 38.0,
        }
        row |= {"pO2_saturation": 90.0}
        row |= dict.fromkeys(("leukocyte_count", "neutrophil_count", "lymphocyte_count"))
        cohen.append(row)
    laboratory = ("crp", "d-dimer", "ldh", "lymphocytes", "neutrophils", "po2", "pco2")
    for i in range(20):
        row = {"patient_id": f"h{i // 2}", "image_id": f"h{i}", "image": picture(100 + i), "sex": "f"}
        row |= {
            "projection": "ap",
            "severity_geographic": float(i % 9),
            **{f"{n}_val": 60.0 for n in laboratory},
        }
        hannover.append(row)
    pq.write_table(pa.Table.from_pylist(cohen), folder / "cohen.parquet")
    pq.write_table(pa.Table.from_pylist(hannover), folder / "hannover.parquet")
    return folder


def test_readers_agree_as_far_as_they_do(data: Path):
    readings = severities(data)
    assert readings["hannover", "h3"].extent == 3.0 and readings["hannover", "h3"].senior is None
    assert readings["cohen", "c0.jpg"].patient == "cohen-0"
    found = expert_agreement(readings, draws=50)
    assert 0.5 < found["kappa_brixia_zones"]["value"] < 1.0
    assert found["kappa_brixia_sum"]["films"] == 30 and found["kappa_brixia_sum"]["patients"] == 15
    same = {key: reading for key, reading in readings.items() if key[1][1:2] not in "05"}
    assert expert_agreement(same, draws=20)["kappa_brixia_zones"]["95"][1] <= 1.0


def test_the_whole_comparison_on_a_toy_backbone(data: Path, tmp_path: Path, settings):
    backbone = toy_checkpoint(tmp_path / "toy", modalities=[Modality.IMAGE])
    films = labelled_films(data, GRADING)
    split = "source,film_id,patient,split\n" + "".join(
        f"{f.source},{f.film_id},{f.patient},{'train' if i % 4 == 0 else 'validation'}\n"
        for i, f in enumerate(films)
    )
    (backbone / "split.csv").write_text(split)
    asked = {"seeds": 1, "recipe": Recipe(epochs=1), "draws": 40, "cache": tmp_path / "cache"}
    found = compare(data, [str(backbone)], **asked)
    (one,) = found["backbones"]
    seen = {f.patient for i, f in enumerate(films) if i % 4 == 0}
    assert one["trained_on"] == ["cohen", "hannover"] and one["patients_seen_in_training"] == len(seen)
    assert set(one["cross_validation"]["rows"]) == {arm.name for arm in ARMS}
    assert one["cross_validation"]["films"] == len(films)
    assert one["cohen_to_hannover"]["films"] == sum(f.source == "hannover" for f in films)
    assert found["protocol"]["fields_in_both"] == ["sex", "view_position"]
    said = part("fusion.md", "comparison", found)
    assert "film alone" in said and "flatter" in said
    assert "readers, kappa_grading" in report(found)
    json.dumps(found, allow_nan=False)
    fits = sorted((tmp_path / "cache").glob("fit-*.npy"))
    changed = [path.stat().st_mtime_ns for path in fits]
    again = compare(data, [str(backbone)], **asked)
    assert [path.stat().st_mtime_ns for path in fits] == changed, "what was fitted is not fitted again"
    assert {**again, "seconds": 0} == {**found, "seconds": 0}


@pytest.fixture(scope="module")
def ricord(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A RICORD tree of 20 patients, each read by three of whom one differs now and then, imported."""
    tree, data = tmp_path_factory.mktemp("ricord"), tmp_path_factory.mktemp("corpora")
    lines, labels, sheet = [], [], []
    for n in range(20):
        study, patient = f"1.2.3.{n + 1}", f"SITE1-{n:06d}"
        typical = n % 2 == 0
        for reader in ("Bear", "Tiger", "Wolf"):
            other = reader == "Wolf" and n % 5 == 0
            said = {"CLASS_label": "Negative" if typical == other else "Typical"}
            said["GRADE_label"] = "" if said["CLASS_label"] == "Negative" else GRADES[n // 2 % 2]
            line = {"Anon MRN": patient, "Anon TCIA Study Date": "", "Anon Sex": "F"}
            lines.append({**line, "StudyInstanceUID": study, "Reader_name": reader, **said})
        labels.append((study, "Bear", "Typical Appearance" if typical else "Negative for Pneumonia"))
        sheet.append({"Anon MRN": patient, "Anon Age": 40 + n, "Anon Sex": "F", "Result": "Positive"})
        (tree / f"{n}.dcm").write_bytes(made.dicom(n, study=study, patient=f"MIDRC-RICORD-1C-{patient}"))
    made.ricord_annotations(tree, lines, labels)
    made.write_csv(tree / "MIDRC-RICORD-1C-Clinical-Data.csv", sheet)
    assert command("import")(["ricord", str(tree), "--store", str(data / "ricord"), "--write"]) == 0
    return data


@pytest.mark.parametrize(
    ("task", "metrics", "patients"),
    [
        (APPEARANCE, {"macro_auroc", "kappa", "accuracy"}, 20),
        (GRADING, {"quadratic_kappa", "macro_auroc", "accuracy"}, 10),
    ],
)
def test_the_student_projects_table_comes_from_a_ricord_tree(
    ricord: Path, tmp_path: Path, task, metrics, patients
):
    backbone = toy_checkpoint(tmp_path / "toy", modalities=[Modality.IMAGE])
    (backbone / "split.csv").write_text("source,film_id,patient,split\n")
    asked = {"seeds": 1, "recipe": Recipe(epochs=1, fewest_known=3), "draws": 40, "cache": tmp_path / "cache"}
    found = compare(ricord, [str(backbone)], task=task, **asked)
    assert found["protocol"]["corpora"] == {"ricord": {"films": patients, "patients": patients}}
    (one,) = found["backbones"]
    assert not any("_to_" in key or key.startswith("cross_validation_") for key in one), "one corpus"
    rows = one["cross_validation"]["rows"]
    assert set(rows) == {arm.name for arm in ARMS} and metrics < set(rows["product"])
    most = rows["majority"]
    assert most["accuracy"]["value"] >= (0.4 if task == APPEARANCE else 0.2) and most["versus_film"]
    readers = found["readers"]["reader_and_another"]
    low, high = readers["95"]
    assert 0.5 < low <= readers["value"] <= high <= 1.0
    assert f"{task}:" in report(found) and "majority" in report(found)
    json.dumps(found, allow_nan=False)


def test_features_are_what_the_encoder_gives(data: Path, tmp_path: Path, settings):
    backbone = toy_checkpoint(tmp_path / "toy", modalities=[Modality.IMAGE])
    (backbone / "split.csv").write_text("source,film_id,patient,split\n")
    opened, films = open_backbone(str(backbone), *settings), labelled_films(data, GRADING)[:3]
    maps = feature_maps(films, opened, tmp_path)
    shown = opened.processor(films[1].study()).inputs.image
    with torch.inference_mode():
        assert torch.allclose(maps[1:2].float(), opened.encoder.feature_map(shown), atol=0.02)
    assert torch.equal(maps, feature_maps(films, opened, tmp_path))


def test_what_is_missing_is_said_in_a_sentence(tmp_path: Path, data: Path, capsys: pytest.CaptureFixture):
    assert main(["--data", str(tmp_path)]) == 1
    toy = toy_checkpoint(tmp_path / "toy", modalities=[Modality.IMAGE])
    assert main(["--data", str(data), "--backbone", str(toy)]) == 1
    said = capsys.readouterr().err.splitlines()
    assert "holds 0 films" in said[0] and "split.csv" in said[1] and len(said) == 2
    for asked, sentence in (
        (["--corpus", "cohen", "--data", str(tmp_path)], "name the folder that holds the corpora"),
        (["--data", str(tmp_path / "nowhere")], "name the one that holds the corpora"),
        (
            ["--task", "findings"],
            "several classes at once, which cannot be compared yet; choose from appearance, grading",
        ),
        (["--task", "appearance", "--corpus", "cohen"], "holds 0 films of 0 patients with appearance"),
    ):
        assert main(["--data", str(data), *asked]) == 1
        assert sentence in capsys.readouterr().err


# --- what is published


def test_what_is_published_was_measured_with_this_recipe():
    found = json.loads((CHECKPOINTS / "film" / "fusion_comparison.json").read_text())
    assert found["backbones"][0]["name"] == IMAGENET
    assert found["protocol"]["recipe"] == vars(Recipe()), "the recipe has changed since: measure again"
