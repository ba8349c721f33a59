"""The notebook runs as it stands, on what ships, and keeps what it printed."""

import json
import re

import pytest

from hub_config.settings import BUNDLED
from tests.test_architecture import ROOT
from tests.tools.notebook import run

NOTEBOOK = ROOT / "docs" / "quickstart.ipynb"


def kept(cell: dict) -> list[str]:
    """What a cell prints but for its numbers, which processors and checkpoints may move, and its pictures."""
    text = ["".join(out.get("text", out.get("data", {}).get("text/plain", ""))) for out in cell["outputs"]]
    return [re.sub(r"sha256:\w+|[-+]?[\d.]+", "0", part) for part in text]


@pytest.mark.slow
@pytest.mark.skipif(not (BUNDLED / "film").is_dir(), reason="the bundled checkpoint is not in this tree")
def test_the_notebook_gives_what_it_shows() -> None:
    """Where this fails because an answer changed, `make screenshots` writes its outputs anew."""
    notebook = json.loads(NOTEBOOK.read_text("utf-8"))
    stored = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert [kept(cell) for cell in run(NOTEBOOK)] == [kept(cell) for cell in stored]
    assert sum("image/jpeg" in str(cell["outputs"]) for cell in stored) == 2


def test_the_notebook_is_small_names_its_film_and_is_not_for_diagnosis() -> None:
    text = NOTEBOOK.read_text("utf-8")
    prose = "".join("".join(c["source"]) for c in json.loads(text)["cells"] if c["cell_type"] == "markdown")
    assert len(text) < 400_000 and "Not for diagnosis" in prose and "CC BY 3.0" in prose
