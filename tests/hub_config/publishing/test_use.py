"""The lines on a card do what they say: with Viewbox, from a Hub on loopback; without it, from ONNX."""

import logging
import re
import runpy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cases.open_store import open_case_store
from cases.reading.dicom import encode_radiograph
from cases.store import CaseFilter
from hub_config.cards.card import CHECKPOINTS
from modeling.pipeline import DiagnosisPipeline
from modeling.results import Prediction
from modeling.study import Radiograph
from tests.doubles.hub_server import LoopbackHub, point_clients_at
from tests.doubles.toys import toy_checkpoint, toy_radiograph
from viewbox.command import main
from viewbox.studies import open_study

pytestmark = pytest.mark.slow
FENCE = re.compile(r"```python\n(.*?)```", re.DOTALL)
Ran = Callable[[str], dict[str, Any]]


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[LoopbackHub]:
    monkeypatch.setattr(logging.root.manager, "disable", logging.INFO)  # what writes ONNX tells a lot
    with LoopbackHub() as server:
        point_clients_at(server, monkeypatch, tmp_path)
        monkeypatch.setenv("HF_TOKEN", "hf_any")
        yield server


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ran:
    """A block of a card as a reader runs it: as a file, in a folder with a film; the names that it made."""
    film = toy_radiograph(shape=(180, 150))
    (tmp_path / "film.dcm").write_bytes(encode_radiograph(film, case_id="x", synthetic=True))
    monkeypatch.chdir(tmp_path)

    def block(code: str) -> dict[str, Any]:
        (tmp_path / "block.py").write_text(code)
        return runpy.run_path(str(tmp_path / "block.py"))

    return block


def published(hub: LoopbackHub, repo: str, folder: Path) -> tuple[str, dict[str, bytes]]:
    """A card as it stands in the repo after `viewbox publish model`, and the repo's files."""
    assert main(["publish", "model", "--repo", repo, "--folder", str(folder)]) == 0
    files = hub.repos[repo][hub.resolve(repo, "main")]
    return files["README.md"].decode(), files


@pytest.mark.parametrize("name", ["teaching", "reports", "indications"])
def test_the_lines_of_a_card_predict_with_the_repo_that_it_stands_in(
    name: str, hub: LoopbackHub, run: Ran
) -> None:
    card, _ = published(hub, f"teacher/my-{name}", CHECKPOINTS / name)
    assert "git+https://huggingface.co/spaces/teacher/viewbox" in card and "owner/" not in card
    (code,) = FENCE.findall(card)
    made = run(code)
    assert isinstance(made["prediction"], Prediction) and made["prediction"].tasks
    assert made["pipeline"].origin.name == f"teacher/my-{name}"


def films(folder: Path) -> list[Path]:
    """Films that ship, a phantom among them, and one of 16 bits, as files of pictures."""
    store, paths = open_case_store(None), []
    for row in store.page(CaseFilter(), limit=4).rows:
        pixels = store.get(row.case_id).study.radiograph.pixels
        shown = pixels if pixels.dtype == np.uint8 else pixels.astype(np.uint16)
        Image.fromarray(shown).save(folder / f"{len(paths)}.png")
        paths.append(folder / f"{len(paths)}.png")
    deep = toy_radiograph(1, (300, 250)).pixels.astype(np.uint16) * 157 + 900
    Image.fromarray(deep).save(folder / "deep.png")
    Image.fromarray(toy_radiograph(2, (180, 310)).pixels).convert("RGB").save(folder / "colour.png")
    return [*paths, folder / "deep.png", folder / "colour.png"]


def test_the_film_checkpoint_answers_with_viewbox_and_without_it(
    hub: LoopbackHub, run: Ran, tmp_path: Path, root: Path, capsys: pytest.CaptureFixture
) -> None:
    card, files = published(hub, "owner/viewbox-film", CHECKPOINTS / "film")
    with_viewbox, without = FENCE.findall(card)
    assert run(with_viewbox)["prediction"].tasks
    readme = FENCE.findall((root / "README.md").read_text())
    assert run("\n".join(readme))["explanation"].attribution.relative_delta < 0.05

    pipeline = DiagnosisPipeline.from_pretrained(CHECKPOINTS / "film")
    for name in ("film.onnx", "film_onnx.json"):
        (tmp_path / name).write_bytes(files[name])
    assert not re.search(rb"/\w+/\w+/[\w/.-]+\.py", files["film.onnx"]), "no path of this machine"
    assert 12 <= len([line for line in without.splitlines() if line and "import" not in line]) <= 16
    for path in films(tmp_path):
        (tmp_path / "film.png").write_bytes(path.read_bytes())
        made = run(without)
        prediction = pipeline.predict(open_study(path))
        assert list(made["spec"]["tasks"]) == [task.task for task in prediction.tasks]
        for task, (answer,) in zip(prediction.tasks, made["answers"], strict=True):
            assert tuple(made["spec"]["tasks"][task.task]) == task.classes
            assert np.abs(answer - task.probabilities).max() < 1e-4, path.name
    assert "appearance" in capsys.readouterr().out


def test_without_what_writes_onnx_a_card_that_promises_it_is_not_published(
    hub: LoopbackHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def absent(*_: object, **__: object) -> None:
        raise ModuleNotFoundError("No module named 'onnxscript'")

    folder = toy_checkpoint(tmp_path / "film")
    (folder / "README.md").write_text("A toy with film.onnx.\n")
    monkeypatch.setattr("torch.onnx.export", absent)
    assert main(["publish", "model", "--repo", "owner/film", "--folder", str(folder)]) == 1
    assert "pip install '.[onnx]'" in capsys.readouterr().err and hub.requests == []


def test_a_file_that_is_no_film_is_refused_as_a_study_is(checkpoint: Path, tmp_path: Path) -> None:
    import viewbox

    pipeline = viewbox.DiagnosisPipeline.from_pretrained(checkpoint)
    with pytest.raises(viewbox.ViewboxError, match="cannot be read; give a PNG, JPEG or DICOM"):
        pipeline.predict(tmp_path / "none.dcm")
    assert isinstance(toy_radiograph(), Radiograph)
