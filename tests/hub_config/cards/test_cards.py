"""Cards, README and docs say what was measured, and nothing else."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from hub_config.cards.card import (
    CHECKPOINTS,
    PAGES,
    PLOTS,
    card_plots,
    model_card,
    read_metrics,
    renewed,
)
from hub_config.cards.markdown import INDEXED, part
from hub_config.publishing.publish import check_card
from modeling.errors import ViewboxError
from modeling.model.familiarity import FAMILIARITY_FILE, FamiliarityGate
from modeling.model.fusion import FusionModel
from modeling.model.operating_points import Calibration
from tests.doubles.toys import byte_level_tokenizer

FOLDERS = sorted(path for path in CHECKPOINTS.iterdir() if path.is_dir())


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_a_bundled_checkpoint_loads_and_its_card_is_not_stale(folder: Path) -> None:
    model, processor, _ = FusionModel.from_pretrained(folder)
    assert model.config.processor_sha256 == processor.config.sha256
    assert (folder / "README.md").read_text() == model_card(folder)
    assert (folder / "model.safetensors").stat().st_size <= 20e6
    front = yaml.safe_load((folder / "README.md").read_text().split("---")[1])
    (index,) = front["model-index"]
    values = {m["value"] for result in index["results"] for m in result["metrics"]}
    measured = read_metrics(folder)["measurements"].values()
    assert values == {summary[key] for summary in measured for key in INDEXED if key in summary}
    for result in index["results"]:
        (ranked, *_) = result["metrics"]
        assert ranked["type"] == "roc_auc" and ranked["args"]["average"] == "macro"
        assert result["dataset"]["split"] in ("test", "validation")
    assert front["datasets"] and set(front["metrics"]) <= {"roc_auc", "accuracy", "f1"}
    assert ("base_model" in front) == ("image" in model.encoders)
    if front["license"] == "other":
        assert (folder / front["license_link"]).read_text() == model_card(folder, "licence.md")


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_the_plots_of_a_bundled_checkpoint_are_not_stale(folder: Path) -> None:
    drawn = card_plots(read_metrics(folder))
    assert {path.name for path in (folder / PLOTS).iterdir()} == set(drawn)
    for name, drawing in drawn.items():
        assert (folder / PLOTS / name).read_text() == drawing + "\n"
        assert f"({PLOTS}/{name})" in (folder / "README.md").read_text()


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_what_a_bundled_checkpoint_was_measured_with_are_its_own_weights(folder: Path) -> None:
    model, processor, origin = FusionModel.from_pretrained(folder)
    metrics, calibration = read_metrics(folder), Calibration.load(folder)
    assert metrics["revision"] == origin.revision
    assert {str(task.task) for task in calibration.tasks} == set(metrics["tasks"])
    for task in calibration.tasks:
        assert task.temperature == model.config.temperatures[task.task]
    sides = [summary["split"] for summary in metrics["measurements"].values()]
    assert all(summary["revision"] == origin.revision for summary in metrics["measurements"].values())
    tested = "image" not in model.encoders or folder.name == "film"
    assert sides[0] == ("test" if tested else "validation")
    marked = ["looked at" in title for title in metrics["measurements"]]
    assert marked == [tested and side == "validation" for side in sides]
    if "image" not in model.encoders:
        assert not metrics["familiarity"] and not (folder / FAMILIARITY_FILE).exists()
        return
    gate = FamiliarityGate.load(folder, model, processor)
    assert round(gate.threshold, 4) == metrics["familiarity"]["threshold"]
    assert (folder / FAMILIARITY_FILE).stat().st_size <= 300_000


def test_the_bundled_checkpoints_are_small_together() -> None:
    sizes = {f.name: sum(p.stat().st_size for p in f.rglob("*") if p.is_file()) for f in FOLDERS}
    assert sum(sizes.values()) <= 25e6 and max(sizes.values()) <= 20e6, sizes
    for name in ("reports", "indications"):
        assert sizes[name] <= 12e6


def test_a_text_checkpoint_says_what_leaks_and_what_stands_beside_it() -> None:
    """Post-read and pre-read are two processors, two cards and two numbers, each on the other's card."""
    numbers = {}
    for name in ("reports", "indications"):
        (summary,) = read_metrics(CHECKPOINTS / name)["measurements"].values()
        numbers[name] = f"{summary['macro_auroc']:.3f}"
        rows = {row["name"] for row in summary["audit"]}
        assert rows >= {"majority", "shuffled labels", "TF-IDF, whole report", "TF-IDF, indication only"}
    cards = {name: (CHECKPOINTS / name / "README.md").read_text() for name in numbers}
    assert "Its number is a leak" in cards["reports"] and "label leak" in cards["indications"]
    for card in cards.values():
        assert all(number in card for number in numbers.values())


@pytest.mark.parametrize("name", PAGES)
def test_no_page_with_numbers_is_stale(name: str, root: Path) -> None:
    page = (root / name).read_text()
    assert page == renewed(name, page, CHECKPOINTS)


def test_the_space_front_matter_is_complete(root: Path) -> None:
    front = yaml.safe_load((root / "README.md").read_text().split("---")[1])
    pinned = dict(
        line.split("==") for line in (root / "requirements.txt").read_text().splitlines() if "==" in line
    )
    assert front["sdk"] == "gradio"
    assert front["sdk_version"] == pinned["gradio[mcp,oauth]"]
    assert front["python_version"] == "3.12"
    assert (root / front["app_file"]).is_file()
    assert front["license"] and "models" not in front, "publishing names those that are on the Hub"
    assert 0 < len(front["short_description"]) <= 60


def test_an_unmeasured_checkpoint_has_no_card(tmp_path: Path) -> None:
    with pytest.raises(ViewboxError, match="measure it first"):
        model_card(tmp_path)


def test_a_card_says_of_its_corpora_what_holds_for_them() -> None:
    bundled = part("films.md", "labels_from", ["siim", "cohen"])
    assert "reads the film alone" in bundled and "Brixia" in bundled
    assert part("films.md", "labels_from", ["ricord"]) == "" == part("films.md", "grading_limits", ["ricord"])
    assert "few patients" in part("films.md", "grading_limits", ["hannover"])


def test_a_card_says_what_the_text_encoder_is_and_what_it_began_with(tmp_path: Path) -> None:
    """Somebody's own text checkpoint on somebody's own reports: nothing of ours is said of it."""
    folder = tmp_path / "ward" / "checkpoint"
    shutil.copytree(CHECKPOINTS / "reports", folder)
    config = json.loads((folder / "config.json").read_text())
    config["text"]["transformers"] |= {"model_type": "roberta", "hidden_size": 768, "num_hidden_layers": 12}
    config["sources"] = ["our ward"]
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer.json").write_text(byte_level_tokenizer().to_str())
    row = {"branch": "text", "weights": "lab/clinical", "revision": "", "base_models": ["lab/clinical"]}
    (folder / "initial_weights.json").write_text(json.dumps([row | {"licence": "mit"}]))
    metrics = (folder / "metrics.json").read_text().replace('"corpus": "openi"', '"corpus": "our ward"')
    (folder / "metrics.json").write_text(metrics)
    card = model_card(folder)
    about = f"12 layers of width 768; {byte_level_tokenizer().get_vocab_size()} byte-level BPE pieces"
    said = f"A RoBERTa ({about}; base model lab/clinical, licence mit)"
    assert f"# viewbox-ward\n\n{said} for Viewbox: findings" in card
    assert "WordPiece" not in card and "filled gaps" not in card and "training/configs" not in card
    front = yaml.safe_load(card.split("---")[1])
    assert front["base_model"] == ["lab/clinical"] and "datasets" not in front
    assert check_card("model", card, [path.name for path in folder.iterdir()]) == ()
    (folder / "initial_weights.json").write_text(json.dumps([row | {"licence": "", "base_models": []}]))
    assert "base model lab/clinical, licence not stated" in model_card(folder)
    (folder / "initial_weights.json").unlink()
    assert "random weights to begin with" in model_card(folder)
