"""A text checkpoint is trained, measured, put on a card and compared, each by its one command."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml

from evaluation.metrics.many_labels import LEAST, LabelScores, beside, summarise_labels
from evaluation.metrics.one_label import macro_auroc
from evaluation.text_checkpoint import MINED
from hub_config.cards import card as cards
from modeling.errors import ViewboxError
from modeling.labels import FINDINGS
from modeling.model.operating_points import Calibration
from modeling.study import ClinicalText
from tests.doubles.command import command
from tests.doubles.example_reports import toy_reports_settings, write_indexed_archive
from training import inner_fold, text_only
from training.corpora.labelled_film import Film

write_card = command("cards")
train = command("train")
compare_labels = command("label-sources")
try_inside = command("inner-fold")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the reports, and two measured checkpoints below `checkpoints`: one reads indications."""
    folder = tmp_path_factory.mktemp("text")
    write_indexed_archive(folder)
    results = folder / "docs" / "results.md"
    results.parent.mkdir()
    marked = (
        f"<!-- {name} -->\nold\n<!-- /{name} -->\n" for name in ("results", "maps", "shortcut", "fusion")
    )
    results.write_text("".join(marked))
    readings = {"reports": ("indication", "findings", "impression"), "indications": ("indication",)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cards, "TREE", folder)
        patch.setattr(cards, "CHECKPOINTS", folder / "checkpoints")
        patch.setattr(text_only, "FEWEST", 4)
        for name, sections in readings.items():
            out = train_toy(folder, name, sections, corpus="openi")
            shutil.copytree(out / "checkpoint", folder / "checkpoints" / name)
        for name in readings:
            toy = folder / "checkpoints" / name
            assert write_card(["--checkpoint", str(toy), "--data", str(folder)]) == 0
    return folder


def train_toy(folder: Path, name: str, sections: tuple[str, ...], corpus: str) -> Path:
    config = folder / f"{name}.json"
    config.write_text(json.dumps(toy_reports_settings(sections, corpora=(corpus,), epochs=6).to_json()))
    where = ["--config", config, "--data", folder, "--out", folder / name, "--cache", folder / "cache"]
    assert train(where) == 0
    return folder / name


def test_the_held_out_reports_are_measured_beside_their_rivals(trained: Path) -> None:
    metrics = cards.read_metrics(trained / "checkpoints" / "reports")
    summary = metrics["measurements"]["findings on openi (whole report)"]
    sides = metrics["sides"]
    assert summary["n"] == sides["test"] and sum(sides.values()) == 150 and summary["split"] == "test"
    rows = {row["name"]: row for row in summary["audit"]}
    assert set(rows) == {
        "majority", "TF-IDF, whole report", "TF-IDF, indication only", "shuffled labels",
        "the checkpoint indications",
    }  # fmt: skip
    assert rows["majority"]["macro_auroc"] == 0.5 and rows["TF-IDF, whole report"]["macro_auroc"] > 0.99
    assert summary["macro_auroc"] > 0.9 and summary["per_class"]["Effusion"]["n"] > 5
    assert summary["per_class"]["Hernia"]["auroc"] is None  # nobody has one
    assert metrics["duplicates"]["with_a_twin"] > 0
    assert metrics["benchmark"]["whole report"]["mean_auroc"] > 0.99
    assert "NaN" not in (trained / "checkpoints" / "reports" / "metrics.json").read_text()


def test_operating_points_are_stored_and_there_is_no_prediction_set(trained: Path) -> None:
    calibration = Calibration.load(trained / "checkpoints" / "reports")
    found = calibration[FINDINGS]
    assert (
        found.set_threshold is None
        and found.films == cards.read_metrics(trained / "checkpoints" / "reports")["sides"]["validation"]
    )
    with pytest.raises(ViewboxError, match="no prediction set"):
        found.prediction_set(FINDINGS.classes, np.full(14, 0.5))


def test_two_readings_have_two_cards_and_two_numbers(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cards, "CHECKPOINTS", trained / "checkpoints")
    texts = {n: (trained / "checkpoints" / n / "README.md").read_text() for n in ("reports", "indications")}
    assert "number is a leak" in texts["reports"] and "Pre-read" in texts["indications"]
    for name, text in texts.items():
        folder = trained / "checkpoints" / name
        assert text == cards.model_card(folder)
        (index,) = yaml.safe_load(text.split("---")[1])["model-index"]
        (result,) = index["results"]
        values = {m["type"]: m["value"] for m in result["metrics"]}
        (summary,) = cards.read_metrics(folder)["measurements"].values()
        assert values["roc_auc"] == summary["macro_auroc"] and "accuracy" not in values
        assert result["task"]["type"] == "text-classification"
        assert [path.name for path in (folder / "plots").iterdir()] == [
            f"findings-on-openi-{summary['reading'].replace(' ', '-')}-readings.svg"
        ]
        assert "CC BY-NC-ND" in text and "films" not in text.split("## Measured")[1].split("##")[0]


def test_mined_labels_are_compared_on_the_same_reports(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = trained / "checkpoints" / "reports"
    mined = train_toy(trained, "mined", ("indication", "findings", "impression"), "openi-mined")
    out = own / "weak_labels.json"
    asked = ["--data", trained, "--checkpoint", own, "--mined", mined / "checkpoint", "--out", out]
    capsys.readouterr()
    assert compare_labels(asked) == 0
    assert "first ahead by" in capsys.readouterr().out
    answer = json.loads(out.read_text())
    assert answer["test_reports"] == cards.read_metrics(own)["sides"]["test"]
    row = answer["sources"][MINED]
    assert row["macro_auroc"] > 0.8 and len(row["difference_95"]) == 2
    cards.write(own)
    assert f"{row['macro_auroc']:.3f}" in (own / "README.md").read_text()
    other = trained / "other"
    shutil.copytree(mined / "checkpoint", other)
    split = (other / "split.csv").read_text()
    (other / "split.csv").write_text(split.replace(",test\n", ",train\n", 1))
    assert compare_labels(["--data", trained, "--checkpoint", own, "--mined", other]) == 1
    assert "held out other reports" in capsys.readouterr().err


def test_a_recipe_is_tried_inside_the_training_reports(
    trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own, out = trained / "checkpoints" / "reports", trained / "inner"
    asked = ["--config", trained / "reports.json", "--data", trained, "--out", out, "--fold", 1]
    known = cards.read_metrics(own)["measurements"]["findings on openi (whole report)"]["macro_auroc"]
    assert try_inside([*asked, "--former", own / "metrics.json"]) == 0
    assert "others test" in capsys.readouterr().out
    answer = json.loads((out / "inner_fold.json").read_text())
    trained_reports = cards.read_metrics(own)["sides"]["train"]
    assert answer["trained_reports"] + answer["tested_reports"] == trained_reports
    assert answer["known_before"] == known and answer["tfidf"]["mean_auroc"] > 0.99
    assert answer["recipe"]["mean_auroc"] > 0.7
    shutil.copy(out / "inner_fold.json", own / "inner_fold.json")
    card = cards.model_card(own)
    assert f"{answer['recipe']['mean_auroc']:.3f}" in card and "was known before" in card
    assert try_inside([*asked, "--former", out / "absent"]) == 1
    assert "name one" in capsys.readouterr().err


def test_copies_of_a_report_stand_in_one_third_and_the_test_is_left_out() -> None:
    def film(number: int, side: str) -> Film:
        text = ClinicalText({"findings": f"Report {number % 7}."})
        return Film(str(number), "openi", str(number), side, b"", text=text)

    films = [film(i, "train") for i in range(40)] + [film(90, "test"), film(91, "validation")]
    inner = inner_fold.inner_films(films, ("findings",), 2)
    assert len(inner) == 40 and {f.split for f in inner} == {"train", "validation"}
    sides = {(f.text.sections["findings"], f.split) for f in inner}
    assert len(sides) == 7


# --- metrics of labels that do not exclude each other


def scores(seed: int = 0) -> LabelScores:
    generator = np.random.default_rng(seed)
    labels = generator.random((80, 14)) < 0.3
    values = np.clip(0.3 * labels + generator.random((80, 14)) * 0.7, 0, 1)
    return LabelScores(values, labels, np.array([f"p{i}" for i in range(80)]))


def test_numbers_agree_with_sklearn() -> None:
    found = scores()
    summary = summarise_labels(FINDINGS, found, dict.fromkeys(FINDINGS.classes, 0.3))
    assert summary["macro_auroc"] == pytest.approx(
        macro_auroc(found.values, found.labels.astype(float)), abs=1e-4
    )
    assert summary["brier"] == pytest.approx(np.mean((found.values - found.labels) ** 2), abs=1e-4)
    low, high = summary["macro_auroc_95"]
    assert low < summary["macro_auroc"] < high and set(summary["per_class"]) == set(FINDINGS.classes)
    (row,) = beside(found, {"itself": ("the same", found.values)})
    assert row["difference"] == 0 and row["p"] == 1


def test_calibration_error_is_zero_where_probabilities_are_shares() -> None:
    labels = np.zeros((100, 14), bool)
    labels[:30] = True
    once = np.ones((1, 100))
    patients = np.arange(100)
    assert LabelScores(np.full((100, 14), 0.3), labels, patients).calibration_error(once) == pytest.approx(0)
    assert LabelScores(np.full((100, 14), 0.8), labels, patients).calibration_error(once) == pytest.approx(
        0.5
    )


def test_a_label_that_nobody_has_is_left_out_of_the_mean() -> None:
    found = scores()
    found.labels[:, 5] = False
    assert 5 not in found.tested and len(found.tested) == 13
    assert LEAST == 2


def test_missing_labels_are_masked_in_the_validation_score() -> None:
    labels = np.array([[1.0, np.nan], [0.0, np.nan], [np.nan, 1.0]])
    values = np.array([[0.9, 0.1], [0.1, 0.2], [0.5, 0.3]])
    assert macro_auroc(values, labels) == 1.0  # the second label has one side only
