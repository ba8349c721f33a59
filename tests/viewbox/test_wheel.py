"""`pip install .` gives all that Viewbox is: built here without a network, installed alone, and asked."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from tests.doubles.toys import toy_radiograph
from tests.test_architecture import PACKAGES

pytestmark = pytest.mark.slow


def pip(*arguments: str | Path, cwd: Path) -> None:
    command = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check", *map(str, arguments)]
    subprocess.run(command, cwd=cwd, check=True, timeout=300)


@pytest.fixture(scope="module")
def installed(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the wheel of this tree was installed, and nothing else."""
    folder = tmp_path_factory.mktemp("wheel")
    tree = folder / "tree"
    tree.mkdir()
    for package in PACKAGES:
        shutil.copytree(root / package, tree / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("app.py", "pyproject.toml", "README.md", "LICENSE", *root.glob("requirements*.txt")):
        shutil.copy(root / name, tree)
    pip("wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", folder, ".", cwd=tree)
    (wheel,) = folder.glob("*.whl")
    pip("install", "--no-deps", "--no-index", "--target", folder / "site", wheel, cwd=folder)
    return folder


def test_every_file_of_the_packages_is_in_the_wheel(installed: Path) -> None:
    (wheel,) = installed.glob("*.whl")
    tree = installed / "tree"
    inside = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    files = (path for package in PACKAGES for path in (tree / package).rglob("*") if path.is_file())
    assert inside == {path.relative_to(tree).as_posix() for path in files} | {"app.py"}


def test_a_film_is_predicted_with_the_checkpoint_that_comes_along(installed: Path, tmp_path: Path) -> None:
    Image.fromarray(toy_radiograph(shape=(180, 150)).pixels).save(tmp_path / "film.png")
    run = subprocess.run(
        [installed / "site" / "bin" / "viewbox", "predict", "film.png", "--json"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(installed / "site"), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert (run.returncode, run.stderr) == (1, "")
    answer = json.loads(run.stdout)
    assert "appearance" in answer["tasks"] and "rather not say" in answer["refusal"], "a toy is no film"


def test_what_it_needs_is_what_the_requirements_pin(installed: Path, root: Path) -> None:
    (metadata,) = (installed / "site").glob("viewbox-*.dist-info/METADATA")
    needs = {
        line.removeprefix("Requires-Dist: ")
        for line in metadata.read_text().splitlines()
        if line.startswith("Requires-Dist") and "extra ==" not in line
    }
    assert needs == set((root / "requirements.txt").read_text().split())
