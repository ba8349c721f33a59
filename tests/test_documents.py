"""What the documents say of the code is so: every path they name is there, and every name in it."""

import re
from pathlib import Path

import pytest
import yaml

from hub_config.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = ("ARCHITECTURE.md", "CONTRIBUTING.md", "README.md")
_PATH = re.compile(
    r"`((?:modeling|cases|training|evaluation|interface|hub_config|viewbox|tests|docs)/[\w./-]*)`"
)
_MADE_UP = {"interface/language/fr.json", "interface/html/templates/TAB/PANEL.html"}
"""Examples of what a contributor would add."""


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_path_is_there(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    named = {path for path in _PATH.findall(text) if "/" in path} - _MADE_UP
    missing = [
        path for path in named if not (ROOT / path).exists() and not (ROOT / "hub_config" / path).exists()
    ]
    assert not missing
    assert named or document == "README.md"


def test_the_main_path_names_functions_that_are_in_those_files() -> None:
    """`path`, `Class.method` on one line: the method is defined in that file."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    steps = re.findall(r"`([\w/]+\.py)`, `(\w+)\.(\w+)`", text)
    assert len(steps) >= 4
    for path, owner, name in steps:
        source = (ROOT / path).read_text(encoding="utf-8")
        assert f"class {owner}" in source and f"def {name}(" in source, f"{owner}.{name} in {path}"


def test_every_folder_of_the_tree_is_described() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert not [name for name in packages if f"`{name}/`" not in text]


def test_the_image_copies_what_is_there_and_its_database_has_an_address_that_is_understood() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    copied = [
        name for line in re.findall(r"^COPY (.+) \S+$", dockerfile, re.MULTILINE) for name in line.split()
    ]
    assert copied and all((ROOT / name).exists() for name in copied)
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    settings = Settings.from_env(services["viewbox"]["environment"])
    assert (settings.mongodb_uri or "").startswith("mongodb://mongo:27017/viewbox")
    assert f"EXPOSE {settings.server_port}" in dockerfile
