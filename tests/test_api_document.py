"""docs/api.md keeps its word: each of its examples, run as it stands, gets prediction, map and refusal."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from PIL import Image

from hub_config.settings import BUNDLED
from modeling.trust.verdict import Level
from tests.doubles.app_client import connect, wait_for_model
from tests.doubles.served import ROOT, Served, serve

ADDRESS = "http://127.0.0.1:7860"
EXAMPLES = re.findall(
    r"^## (\w+)\n.*?```\w+\n(.*?)```", (ROOT / "docs/api.md").read_text("utf-8"), re.M | re.S
)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (BUNDLED / "film").is_dir(), reason="the bundled checkpoint is not in this tree"),
]


@pytest.fixture(scope="module")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Viewbox as it ships, but with its first checkpoint alone."""
    with serve(tmp_path_factory.mktemp("api") / "run", MODEL_REPO=str(BUNDLED / "film")) as running:
        wait_for_model(connect(running))
        yield running


def command(name: str, code: str, folder: Path) -> list[str]:
    if name in ("Python", "MCP"):
        return [sys.executable, "-c", code]
    if name == "curl":
        if shutil.which("curl") is None:
            pytest.skip("there is no curl on this machine")
        return ["sh", "-ec", code]
    if shutil.which("npm") is None:
        pytest.skip("there is no Node.js on this machine")
    install = ["npm", "install", "--no-audit", "--no-fund", "--prefer-offline", "@gradio/client@2.7.0"]
    if subprocess.run(install, cwd=folder, capture_output=True, timeout=120).returncode != 0:
        pytest.skip("@gradio/client cannot be fetched here")
    (folder / "example.mjs").write_text(code)
    return ["node", "example.mjs"]


@pytest.mark.parametrize(("name", "code"), EXAMPLES, ids=[name for name, _ in EXAMPLES])
def test_the_example_gets_prediction_map_and_refusal(
    bundled: Served, tmp_path: Path, name: str, code: str
) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (300, 300), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "photo.png")
    run = subprocess.run(
        command(name, code.replace(ADDRESS, bundled.url), tmp_path),
        cwd=tmp_path, capture_output=True, text=True, timeout=180,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-2000:]
    told = run.stdout
    assert "Typical" in told and re.search(r"\b0\.\d{3}", told)
    level = rf"\b(?:{'|'.join(get_args(Level))})\b"
    drawn = {
        "Python": rf"{level} \(\d+, \d+\)",
        "JavaScript": rf"{level} data:image/png",
        "MCP": rf"{level} image image/jpeg",
        "curl": r'"map": ?"k05VTVBZ.*"convergence_delta"|"convergence_delta".*"map": ?"k05VTVBZ',
    }
    assert re.search(drawn[name], told), told[-600:]
    assert "I'd rather not say: this film is unlike those I learnt from" in told


def test_every_client_has_an_example() -> None:
    assert [name for name, _ in EXAMPLES] == ["Python", "JavaScript", "MCP", "curl"]
