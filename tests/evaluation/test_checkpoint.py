"""The card's one command on a toy checkpoint and a small corpus: every file, and the numbers on the card."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from evaluation import gate as gate_measuring
from evaluation import leak_audit
from evaluation.evaluate import evaluate
from evaluation.gate import SIDE, photographed, two_in_one
from hub_config.cards import card as cards
from modeling.errors import ViewboxError
from modeling.labels import APPEARANCE
from modeling.model.familiarity import FamiliarityGate
from modeling.model.fusion import FusionModel
from modeling.model.operating_points import Calibration
from modeling.study import Modality, Photometric, Radiograph
from tests.doubles.command import command
from tests.doubles.toys import toy_checkpoint
from tests.evaluation.test_evaluation import nih_file, siim_file

write_card = command("cards")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A measured copy of a toy checkpoint that reads films."""
    folder = tmp_path_factory.mktemp("measured")
    siim_file(folder).rename(folder / "siim_appearance.parquet")
    nih_file(folder / "nih_sample.parquet")
    toy = toy_checkpoint(
        folder / "checkpoints" / "toy",
        tasks=(APPEARANCE,),
        modalities=(Modality.IMAGE,),
        sources=("siim",),
    )
    results = folder / "docs" / "results.md"
    results.parent.mkdir()
    marked = (
        f"<!-- {name} -->\nold\n<!-- /{name} -->\n" for name in ("results", "maps", "shortcut", "fusion")
    )
    results.write_text(f"Before\n{''.join(marked)}After\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(leak_audit, "TREES", 10)
        patch.setattr(leak_audit, "SHUFFLES", 2)
        patch.setattr(gate_measuring, "_phantoms", lambda: [])
        patch.setattr(cards, "TREE", folder)
        patch.setattr(cards, "CHECKPOINTS", folder / "checkpoints")
        assert write_card(["--checkpoint", str(toy), "--data", str(folder)]) == 0
    return toy


def test_everything_that_the_app_reads_is_there(measured: Path) -> None:
    calibration = Calibration.load(measured)
    values = np.array([0.4, 0.3, 0.2, 0.1])
    assert "Negative" in calibration[APPEARANCE].prediction_set(APPEARANCE.classes, values).classes
    model, processor, _ = FusionModel.from_pretrained(measured)
    assert FamiliarityGate.load(measured, model, processor).threshold > 0
    rows = pd.read_csv(measured / "split.csv", dtype=str)
    assert list(rows.columns) == ["source", "film", "patient", "split", "sha256", "phash"] and len(rows) == 24
    assert sum(f.stat().st_size for f in measured.rglob("*") if f.name != "model.safetensors") < 500_000


def test_the_numbers_are_whole(measured: Path) -> None:
    metrics = json.loads((measured / "metrics.json").read_text())
    summary = metrics["measurements"]["appearance on siim"]
    assert (summary["n"], summary["patients"]) == (12, 6)
    assert {row["name"] for row in summary["audit"]} >= {"majority", "source", "thumbnail", "shuffled labels"}
    assert summary["not_beaten"]  # random weights on noise beat nobody
    assert sum(map(sum, summary["confusion"])) == sum(films for _, _, films in summary["reliability"]) == 12
    assert metrics["duplicates"]["films"] == {"siim": 24}
    assert set(metrics["familiarity"]["kinds"]) >= {"validation films", "inverted", "noise", "photographs"}
    outside = metrics["external"]["Negative against No Finding on nih"]
    assert (outside["n"], outside["normal"]) == (60, 30)
    assert not re.search(r"NaN|Infinity", (measured / "metrics.json").read_text())


def test_the_command_says_the_same(measured: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`viewbox evaluate` on the corpus's file, and `metrics.json`: one number for one question."""
    monkeypatch.setattr(leak_audit, "TREES", 10)
    metrics = json.loads((measured / "metrics.json").read_text())
    data = measured.parents[1]
    again = evaluate(measured, data / "siim_appearance.parquet", APPEARANCE)
    for key, value in metrics["measurements"]["appearance on siim"].items():
        assert key in ("audit", "not_beaten") or json.loads(json.dumps(again[key])) == value, key
    outside = evaluate(measured, data / "nih_sample.parquet", APPEARANCE)
    for key, value in metrics["external"]["Negative against No Finding on nih"].items():
        assert outside[key] == value, key
    card = (measured / "README.md").read_text()
    assert "Negative against No Finding on nih: 60 films of 30 patients" in card


def test_the_card_says_them(measured: Path) -> None:
    card = (measured / "README.md").read_text()
    metrics = json.loads((measured / "metrics.json").read_text())
    summary = metrics["measurements"]["appearance on siim"]
    assert card == cards.model_card(measured)
    assert f"{summary['macro_auroc']:.3f}" in card and "does not beat" in card
    for picture in re.findall(r"\(plots/(.*?)\)", card):
        assert (measured / "plots" / picture).is_file()
    assert len(list((measured / "plots").iterdir())) == 6
    (index,) = yaml.safe_load(card.split("---")[1])["model-index"]
    (result,) = index["results"]
    assert {m["type"]: m["value"] for m in result["metrics"]}["roc_auc"] == summary["macro_auroc"]
    results = (measured.parents[1] / "docs" / "results.md").read_text()
    assert results.startswith("Before") and results.endswith("After\n") and "| appearance on siim" in results


def test_a_changed_number_makes_card_and_plots_stale(measured: Path, tmp_path: Path) -> None:
    copy = tmp_path / "toy"
    shutil.copytree(measured, copy)
    metrics = json.loads((copy / "metrics.json").read_text())
    metrics["measurements"]["appearance on siim"]["macro_auroc"] = 0.1234
    (copy / "metrics.json").write_text(json.dumps(metrics))
    assert (copy / "README.md").read_text() != cards.model_card(copy)
    before = (copy / "plots" / "appearance-on-siim-audit.svg").read_text()
    cards.write(copy)
    assert (copy / "plots" / "appearance-on-siim-audit.svg").read_text() != before
    assert "0.123" in (copy / "README.md").read_text()


def test_an_old_or_missing_measurement_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert write_card(["--checkpoint", str(tmp_path)]) == 1
    assert "measure it first" in capsys.readouterr().err
    (tmp_path / "metrics.json").write_text("{}")
    with pytest.raises(ViewboxError, match="old form"):
        cards.read_metrics(tmp_path)


def test_a_film_photographed_or_twice_in_one_picture_is_another_picture() -> None:
    pixels = (np.add.outer(np.arange(300), np.arange(260)) % 4096).astype(np.uint16)
    film = Radiograph(pixels, bits_stored=12, photometric=Photometric.MONOCHROME1)
    seen = photographed(film)
    assert seen.pixels.dtype == np.uint8 and seen.pixels.shape == (SIDE, SIDE)
    assert np.array_equal(seen.pixels, photographed(film).pixels), "the same film, the same photograph"
    edge = np.concatenate([seen.pixels[0], seen.pixels[-1]])
    assert edge.std() < seen.pixels.std(), "the room around it is even"
    assert two_in_one(film).pixels.shape == (300, 520)
