"""Metrics against values worked out by hand, and the command on a file with the published columns."""

import io
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from evaluation.evaluate import as_table, ask
from evaluation.evaluate import evaluate as measured_on
from evaluation.external import from_outside, negative_against_no_finding, without_lungs
from evaluation.metrics.bootstrap import bootstrap_interval, plain
from evaluation.metrics.one_label import CALIBRATION, RANKING, Scored, curves, macro_auroc
from evaluation.published import COLUMNS, corpus_of, films_at, nih_films, outside_films
from evaluation.summary import Measurement, extent_correlation, summarise
from modeling.labels import APPEARANCE, FINDINGS, GRADING
from modeling.model.fusion import FusionModel
from modeling.study import ClinicalTable
from tests.doubles import lake_sources as made
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
        (["--task", "grading"], "No film here has a label for grading"),
        (["--task", "findings"], "does not predict findings"),
        (["--task", "mood"], "does not predict mood"),
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


# --- whose file it is, which side a film is on, and one number for one question


def nih_file(path: Path, films: int = 60) -> Path:
    """A file with the columns of the NIH sample: noise, every second film without a finding."""
    generator = np.random.default_rng(1)
    rows = []
    for i in range(films):
        buffer = io.BytesIO()
        Image.fromarray(generator.integers(0, 255, (32, 32)).astype(np.uint8)).save(buffer, "JPEG")
        finding = "No Finding" if i % 2 else "Effusion|Mass" if i % 20 == 0 else "Effusion"
        row = {"image_id": f"{i:08d}_000.png", "patient_id": i // 2, "image": buffer.getvalue()}
        rows.append(row | {"age": 50, "sex": "M", "view": "PA", "findings": finding, "boxes": "[]"})
    pd.DataFrame(rows).to_parquet(path)
    return path


def columns_file(path: Path, *columns: str) -> Path:
    pd.DataFrame({name: ["x"] for name in columns}).to_parquet(path)
    return path


@pytest.mark.parametrize("name", sorted(COLUMNS))
def test_a_published_file_is_known_by_its_columns(tmp_path: Path, name: str) -> None:
    assert corpus_of(columns_file(tmp_path / "any.parquet", *COLUMNS[name], "width")) == name


@pytest.mark.parametrize("name", ["siim_appearance", "cohen", "hannover", "nih_sample"])
def test_the_published_files_are_known(name: str) -> None:
    path = Path("../shared/data", f"{name}.parquet")
    if not path.is_file():
        pytest.skip(f"{path} is not here: the published sets are not in the repository")
    assert corpus_of(path) == name.partition("_")[0]


def test_films_that_the_checkpoint_knows_are_on_the_side_that_it_names(
    tmp_path: Path, checkpoint: Path
) -> None:
    """The file calls all films test films; the checkpoint chose by two of them and learnt from the rest."""
    own = tmp_path / "own"
    shutil.copytree(checkpoint, own)
    names = [f"siim,f{i},siim-s{i // 2},{'validation' if i < 2 else 'train'}" for i in range(20)]
    (own / "split.csv").write_text("\n".join(["source,film,patient,split", *names, ""]))
    data = siim_file(tmp_path, splits=("test",))
    summary = measured_on(own, data, APPEARANCE)
    assert (summary["n"], summary["split"]) == (4, "test")
    assert measured_on(own, data, APPEARANCE, split="validation")["n"] == 2


def test_classes_are_rare_or_common_by_what_was_learnt_from(tmp_path: Path, checkpoint: Path) -> None:
    own = tmp_path / "own"
    shutil.copytree(checkpoint, own)
    data = siim_file(tmp_path, splits=("test",))
    unknown = measured_on(own, data, APPEARANCE)
    assert unknown["by_training_frequency"] == {}
    assert {row["frequency"] for row in unknown["per_class"].values()} == {None}
    assert "tail" not in as_table(unknown)
    shares = dict(zip(CLASSES, (0.5, 0.3, 0.15, 0.05), strict=True))
    rows = {name: {"training_share": share} for name, share in shares.items()}
    told = {"appearance on siim": {"corpus": "siim", "task": "appearance", "per_class": rows}}
    (own / "metrics.json").write_text(json.dumps({"measurements": told}))
    known = measured_on(own, data, APPEARANCE)
    bands = [row["frequency"] for row in known["per_class"].values()]
    assert bands == ["head", "head", "medium", "tail"]
    assert list(known["by_training_frequency"]) == ["head", "medium", "tail"]


def test_the_company_of_other_films_changes_no_number(checkpoint: Path, tmp_path: Path) -> None:
    """Calibration of some films of a measurement equals that of those alone, test or validation."""
    films = films_at(siim_file(tmp_path, splits=("validation", "test")))[1]
    model, processor, _ = FusionModel.from_pretrained(checkpoint)
    together = ask(model, processor, films, APPEARANCE)
    for side in ("validation", "test"):
        rows = np.array([film.split == side for film in films])
        alone = ask(model, processor, [f for f in films if f.split == side], APPEARANCE)
        everyone = np.ones(rows.sum(), bool)
        among, own = (summarise(one.measurement(r, {})) for one, r in ((together, rows), (alone, everyone)))
        assert among == own
    as_read = together.values(together.logits)
    assert np.array_equal(together.calibrated()[rows], as_read[rows]), "test films: as a reader sees them"
    assert not np.allclose(together.calibrated()[~rows], as_read[~rows])


def test_nih_films_check_from_outside(
    tmp_path: Path, checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = str(nih_file(tmp_path / "any.parquet"))
    assert evaluate(["--checkpoint", str(checkpoint), "--data", data, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["title"], found["n"], found["patients"]) == ("Negative against No Finding", 60, 30)
    assert found["normal"] == 30 and list(found["per_finding"]) == ["Effusion"], (
        "three films of a Mass are few"
    )
    assert found["auroc_95"][0] <= found["auroc"] <= found["auroc_95"][1]
    assert set(found["without_lungs"]) == {"table", "source", "thumbnail"}
    assert found["without_lungs"]["source"]["auroc"] < 0.8, "the toy's films are all made alike"
    assert evaluate(["--checkpoint", str(checkpoint), "--data", data]) == 0
    told = capsys.readouterr().out
    assert "60 films of 30 patients, 30 without a finding" in told and "without lungs: source" in told
    assert evaluate(["--checkpoint", str(checkpoint), "--data", data, "--split", "test"]) == 1
    assert "leave --split and --audit out" in capsys.readouterr().err


def test_an_imported_set_with_diagnoses_checks_from_outside(
    tmp_path: Path, checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tree" / "images").mkdir(parents=True)
    lines = ["patientid,sex,age,finding,temperature,pO2 saturation,view,modality,imagename,notes"]
    for number in range(48):
        finding = ("No finding", "COVID-19", "")[number % 3]
        lines.append(f"ANON{number // 2},,,{finding},,,PA,X-ray,CR.{number}.png,")
        (tmp_path / "tree" / "images" / f"CR.{number}.png").write_bytes(made.png(number))
    (tmp_path / "tree" / "metadata.csv").write_text("\n".join(lines))
    data = tmp_path / "data"
    told = ["actualmed", str(tmp_path / "tree"), "--store", str(data / "actualmed"), "--write"]
    assert command("import")(told) == 0
    capsys.readouterr()
    asked = ["--checkpoint", str(checkpoint), "--data", str(data / "actualmed")]
    assert evaluate([*asked, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["n"], found["normal"], list(found["per_finding"])) == (32, 16, [])
    assert evaluate(asked) == 0 and "labels of the patient's disease" in capsys.readouterr().out
    (films,) = outside_films(data)
    assert {film.source for film in films} == {"actualmed"} and len(films) == 32


def test_what_a_film_was_made_like_can_give_its_label_away(tmp_path: Path) -> None:
    films = nih_films(nih_file(tmp_path / "nih.parquet"))
    bright = io.BytesIO()
    Image.fromarray(np.full((32, 32), 255, np.uint8)).save(bright, "JPEG")
    made = [replace(f, encoded=bright.getvalue()) if i % 2 else f for i, f in enumerate(films)]
    found = without_lungs(made)
    assert found["source"]["auroc"] == found["thumbnail"]["auroc"] == 1.0 > found["table"]["auroc"]


def test_a_perfect_ranking_of_normal_films_is_one() -> None:
    names = FINDINGS.classes
    films = [
        Film(
            f"f{i}",
            "nih",
            f"p{i}",
            "test",
            b"",
            states={FINDINGS: {n: float(i % 2 and n == names[0]) for n in names}},
        )
        for i in range(60)
    ]
    values = np.array([[0.9, 0.1, 0, 0] if i % 2 == 0 else [0.2, 0.8, 0, 0] for i in range(60)])
    found = negative_against_no_finding(values, films)
    assert (found["auroc"], found["called_negative_normal"], found["called_negative_finding"]) == (1, 1, 0)
    assert found["per_finding"] == {names[0]: {"n": 30, "auroc": 1.0, "auroc_95": [1.0, 1.0]}}


def test_imported_films_check_from_outside_where_only_their_findings_are_known() -> None:
    def film(number: int, **labels: str) -> Film:
        return Film(f"f{number}", "nih", f"p{number}", "test", b"", labels=labels)

    imported = [film(i, findings="Effusion|Mass" if i % 2 else "No Finding") for i in range(60)]
    assert from_outside(imported) == imported
    assert not from_outside([*imported, film(60, findings="Mass", appearance="Typical")])
    assert not from_outside([*imported, film(60)]) and not from_outside([])
    values = np.array([[0.9, 0.1, 0, 0] if i % 2 == 0 else [0.2, 0.8, 0, 0] for i in range(60)])
    found = negative_against_no_finding(values, imported)
    assert (found["normal"], found["auroc"], set(found["per_finding"])) == (30, 1.0, {"Effusion", "Mass"})
    assert "labels" not in found


def test_a_diagnosis_checks_from_outside_and_an_inconclusive_one_does_not() -> None:
    told = [("No Finding", "COVID-19", "Pneumonia", "")[i % 4] for i in range(80)]
    films = [
        Film(f"f{i}", "actualmed", f"p{i}", "test", b"", labels={"diagnosis": name} if name else {})
        for i, name in enumerate(told)
    ]
    known = from_outside(films)
    assert len(known) == 60 and not from_outside([f for f in known if f.labels["diagnosis"] == "COVID-19"])
    values = np.array(
        [[0.9, 0.1, 0, 0] if "No" in f.labels["diagnosis"] else [0.2, 0.8, 0, 0] for f in known]
    )
    found = negative_against_no_finding(values, known)
    assert (found["labels"], found["n"], found["normal"], found["auroc"]) == ("diagnosis", 60, 20, 1.0)
    assert {name: row["n"] for name, row in found["per_finding"].items()} == {"COVID-19": 20, "Pneumonia": 20}


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda folder: columns_file(folder / "odd.parquet", "a", "b"), "columns of no set known here"),
        (lambda folder: columns_file(folder / "c.parquet", "case_id", "document"), "one file of a folder of"),
        (lambda folder: folder, "holds no imported cases"),
        (lambda folder: Path(__file__), "is no Parquet file"),
    ],
)
def test_what_is_no_set_of_films_is_said(
    tmp_path: Path, checkpoint: Path, capsys: pytest.CaptureFixture[str], make: object, sentence: str
) -> None:
    assert evaluate(["--checkpoint", str(checkpoint), "--data", str(make(tmp_path))]) == 1
    error = capsys.readouterr().err
    assert sentence in error and error.count("\n") == 1
