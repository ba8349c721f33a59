"""Cards and the README say what was measured, and nothing else."""

import json
from pathlib import Path

import pytest
import yaml

from hub_config.cards import CHECKPOINTS, METRICS_FILE, model_card, readme_with_results
from modeling.errors import ViewboxError
from modeling.fusion import FusionModel

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
    measured = json.loads((folder / METRICS_FILE).read_text())
    assert values == {
        s[k] for s in measured.values() for k in ("macro_auroc", "macro_average_precision", "accuracy")
    }


def test_the_readme_is_not_stale(root: Path) -> None:
    readme = (root / "README.md").read_text()
    assert readme == readme_with_results(readme, CHECKPOINTS)


def test_the_space_front_matter_is_complete(root: Path) -> None:
    front = yaml.safe_load((root / "README.md").read_text().split("---")[1])
    pinned = dict(
        line.split("==") for line in (root / "requirements.txt").read_text().splitlines() if "==" in line
    )
    assert front["sdk"] == "gradio"
    assert front["sdk_version"] == pinned["gradio[mcp,oauth]"]
    assert front["python_version"] == "3.12"
    assert (root / front["app_file"]).is_file()
    assert front["license"] and front["models"]
    assert 0 < len(front["short_description"]) <= 60


def test_an_unmeasured_checkpoint_has_no_card(tmp_path: Path) -> None:
    with pytest.raises(ViewboxError, match="measure it first"):
        model_card(tmp_path)
