"""Viewbox as its own process: a toy checkpoint, a small embedded store, a free port, a folder to watch."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from cases.case import SYNTHETIC_LICENCE, Case, Licence, Provenance
from cases.parquet.store import EmbeddedCaseStore
from modeling.labels import APPEARANCE
from modeling.study import Modality
from tests.doubles.toys import TASKS, toy_config, toy_model, toy_processor, toy_radiograph, toy_study

ROOT = Path(__file__).parents[2]
SECRET = "the secret beside the app"
HIDDEN = "CASE-0003"
"""The case whose licence does not let its film be shown."""


@dataclass(frozen=True)
class Served:
    """A running Viewbox.

    Attributes:
        folder: its working directory, with `app.py` and `secret.txt` in it.
        uploads: gradio's temporary folder, where nothing may stay.
        pid: of its process.
    """

    url: str
    folder: Path
    uploads: Path
    log: Path
    pid: int = 0

    def files_left(self) -> list[Path]:
        """Every file in gradio's temporary folder."""
        return [path for path in self.uploads.rglob("*") if path.is_file()]

    @contextmanager
    def slowed(self) -> Iterator[None]:
        """Answers of the model take a `pause` longer meanwhile, for tests that press a button."""
        slow = self.folder / "slow"
        slow.touch()
        yield
        slow.unlink()


def write_checkpoint(folder: Path) -> Path:
    """A toy that reads film, table and text, large enough that an explanation takes a moment."""
    processor = toy_processor(size=128)
    toy_model(toy_config(backbone="resnet10t"), processor, seed=3).save_pretrained(folder, processor)
    return folder


def write_bundle(folder: Path) -> Path:
    """Two bundled checkpoints: `film` (siim, appearance, no text), `teaching` (phantom, all modalities)."""
    left_out = shutil.ignore_patterns("checkpoints", "cases", "__pycache__")
    shutil.copytree(ROOT / "hub_config", folder, ignore=left_out)
    words = Path("interface", "language")  # beside it, as in every checkout: drawings take their words there
    shutil.copytree(ROOT / words, folder.parent / words, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    sighted = (Modality.IMAGE, Modality.TABLE)
    for name, sources, modalities, tasks in (
        ("film", ("siim",), sighted, (APPEARANCE,)),
        ("teaching", ("phantom",), tuple(Modality), TASKS),
    ):
        processor = toy_processor(modalities, size=128)
        config = toy_config(tasks=tasks, modalities=modalities, backbone="resnet10t", sources=sources)
        toy_model(config, processor, seed=3).save_pretrained(folder / "checkpoints" / name, processor)
    return folder


def write_store(folder: Path, count: int = 30) -> Path:
    """Cases CASE-0000 onwards, alternately of the sources phantom and other."""
    with EmbeddedCaseStore.create(folder) as store:
        for i in range(count):
            study = replace(toy_study(seed=i), radiograph=toy_radiograph(i, (364, 280)))
            name = f"CASE-{i:04d}"
            licence = Licence("not for show", False, False) if name == HIDDEN else SYNTHETIC_LICENCE
            provenance = Provenance(
                "other" if i % 2 else "phantom", f"p{i}", "Viewbox tests", synthetic=i != 5
            )
            appearance = ("Negative", "Typical", "Atypical")[i % 3]
            store.put(Case(name, study, licence, provenance, reference={APPEARANCE: appearance}))
    return folder


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


_SLOWED = """import time
from pathlib import Path
from modeling.model.fusion import FusionModel
decide, slow = FusionModel.decide, Path("slow").absolute()
FusionModel.decide = lambda *given: (time.sleep({pause} if slow.exists() else 0), decide(*given))[1]
"""


@contextmanager
def serve(folder: Path, pause: float = 0.0, **variables: str) -> Iterator[Served]:
    """Start `app.py` in a folder of its own, wait for the page, and stop it at the end.

    `pause`: seconds that an answer of the model takes longer while it is `slowed`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "secret.txt").write_text(SECRET)
    slowed = _SLOWED.format(pause=pause) if pause else ""
    (folder / "app.py").write_text(slowed + (ROOT / "app.py").read_text())
    port, log = free_port(), folder.parent / f"{folder.name}.log"
    uploads = folder.parent / f"{folder.name}-uploads"
    kept = {
        k: v for k, v in os.environ.items() if not k.startswith(("MODEL_", "MONGODB_", "HF_TOKEN", "CASES_"))
    }
    environment = kept | {
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
        "GRADIO_SERVER_PORT": str(port),
        "GRADIO_TEMP_DIR": str(uploads),
        "DEVICE": "cpu",
        "OMP_NUM_THREADS": "1",
        **variables,
    }
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "app.py"], cwd=folder, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait(url, process, log)
        yield Served(url, folder, uploads, log, process.pid)
    finally:
        process.terminate()
        process.wait(20)


def _wait(url: str, process: subprocess.Popen, log: Path, seconds: float = 300) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            time.sleep(0.2)
    raise AssertionError(f"the app did not start:\n{log.read_text()[-4000:]}")


def open_tab(page, name: str) -> None:
    """Open a tab of the page in the browser; a narrow page keeps the later ones in a menu."""
    tab = page.get_by_role("tab", name=name)
    if not tab.is_visible():
        page.locator("#vb-tabs .overflow-menu > button").click()
        tab = page.locator("#vb-tabs .overflow-dropdown button", has_text=name)
    tab.click()


def unfold(page, *folds: str) -> None:
    """Open folds of the page in the browser, by their ids; what is open stays so."""
    for fold in folds:
        if not page.locator(f"#{fold} [data-testid=accordion-content]").first.is_visible():
            page.locator(f"#{fold} button.label-wrap").first.click()
            page.wait_for_selector(f"#{fold} [data-testid=accordion-content] >> nth=0")


def models(page) -> None:
    """Open what the button in the bar opens."""
    if not page.locator("#vb-info").is_visible():
        page.locator("[data-info]").click()
