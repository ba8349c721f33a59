"""The files of a checkpoint: found in a folder or on the Hub, read strictly, written."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from modeling.configuration import FusionConfig
from modeling.errors import CheckpointError
from modeling.model.hub import Repo, fetched
from modeling.model.processing import PROCESSOR_FILE, TOKENIZER_FILE, StudyProcessor

CONFIG_FILE = "config.json"
WEIGHTS_FILE = "model.safetensors"
OPTIONAL_FILES = (
    TOKENIZER_FILE, "baselines.safetensors", "README.md", "metrics.json", "split.csv", "training.json",
    "labels.json", "calibration.json", "familiarity.safetensors", "localisation.json", "verdicts.json",
    "phantoms.json", "shortcut.json", "fusion_comparison.json", "drills.json", "initial_weights.json",
)  # fmt: skip
_SAYS_NOTHING = (
    "README.md", "LICENSE.md", "metrics.json", "split.csv", "training.json", "labels.json", "film.onnx",
    "film_onnx.json", "initial_weights.json",
)  # fmt: skip
"""Files of a checkpoint that decide no answer."""


@dataclass(frozen=True)
class Origin:
    """A checkpoint's home: its name (repo id or folder), and the folder of its files on this machine.

    `revision` is a commit hash on the Hub, "sha256:..." of the weights for a folder; it is `pinned` where it
    was asked for by its full hash.
    """

    name: str
    revision: str
    folder: Path
    pinned: bool


def sha256_of(path: Path) -> str:
    """Content hash of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def checkpoint_hash(folder: Path) -> str:
    """A checkpoint's name wherever its results are kept: a hash of every file that decides an answer."""
    files = [f for f in sorted(folder.glob("*")) if f.is_file() and f.name not in _SAYS_NOTHING]
    if not files:
        raise CheckpointError("There is no checkpoint in '{name}'; give the folder of one.", name=folder.name)
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.name} {sha256_of(file)}\n".encode())
    return digest.hexdigest()


def locate(path_or_repo: str | Path, revision: str | None, token: str | None) -> Origin:
    """A checkpoint's files, fetched if need be. Raises CheckpointError: none there, or the Hub is silent."""
    folder = Path(path_or_repo)
    if folder.is_dir():
        weights = folder / WEIGHTS_FILE
        if not weights.is_file():
            no_weights = "{name} has no {file}; point to a folder with a checkpoint."
            raise CheckpointError(no_weights, name=folder.name, file=WEIGHTS_FILE)
        return Origin(folder.name, f"sha256:{sha256_of(weights)[:16]}", folder, pinned=False)
    repo = str(path_or_repo)
    if repo.count("/") != 1 or repo.startswith((".", "/")):
        no_folder = "There is no checkpoint folder '{name}'; give a folder or a Hub repo as owner/name."
        raise CheckpointError(no_folder, name=repo)
    wanted = (CONFIG_FILE, PROCESSOR_FILE, WEIGHTS_FILE, *OPTIONAL_FILES)
    commit, folder = fetched(Repo(repo, revision, token), wanted, CheckpointError)
    return Origin(repo, commit, folder, pinned=commit == revision)


def read_configuration(origin: Origin) -> tuple[FusionConfig, StudyProcessor]:
    """`config.json` and the weights' own processor. Raises CheckpointError: missing, damaged or another's."""
    config = FusionConfig.read(_part(origin, CONFIG_FILE))
    processor = StudyProcessor.load(origin.folder)
    if processor.config.sha256 != config.processor_sha256:
        another = "The processor of {name} is not the one of its weights; publish both together again."
        raise CheckpointError(another, name=origin.name)
    return config, processor


def _part(origin: Origin, file: str) -> Path:
    path = origin.folder / file
    if not path.is_file():
        absent = "{name} has no {file}; publish the checkpoint again whole."
        raise CheckpointError(absent, name=origin.name, file=file)
    return path


def load_weights(model: torch.nn.Module, origin: Origin) -> None:
    """Fill a model (half precision widened). Raises CheckpointError: a tensor missing, extra or misshapen."""
    try:
        tensors = load_file(_part(origin, WEIGHTS_FILE))
    except (SafetensorError, OSError) as exc:
        damaged = "{file} of {name} is damaged; fetch the checkpoint again."
        raise CheckpointError(damaged, file=WEIGHTS_FILE, name=origin.name) from exc
    own = model.state_dict()
    _check_tensors(own, tensors, origin)
    model.load_state_dict({n: t.to(own[n].dtype) for n, t in tensors.items()}, strict=True)


def _check_tensors(
    own: Mapping[str, torch.Tensor], tensors: Mapping[str, torch.Tensor], origin: Origin
) -> None:
    """Refuse a tensor that is missing, extra or of another shape."""
    for name in sorted(own.keys() ^ tensors.keys()):
        template = (
            "{file} of {name} lacks tensor '{tensor}'; fetch both files together."
            if name in own
            else "{file} of {name} has an extra tensor '{tensor}'; fetch both files together."
        )
        raise CheckpointError(template, file=WEIGHTS_FILE, name=origin.name, tensor=name)
    for name, tensor in tensors.items():
        shape, wanted = tuple(tensor.shape), tuple(own[name].shape)
        if shape != wanted:
            raise CheckpointError(
                "Tensor '{tensor}' of {name} has shape {shape}, not {wanted}; fetch weights and"
                " config.json together.",
                tensor=name,
                name=origin.name,
                shape=shape,
                wanted=wanted,
            )


def write(
    folder: Path,
    config: FusionConfig,
    processor: StudyProcessor,
    weights: Mapping[str, torch.Tensor],
    extra: Mapping[str, str],
) -> None:
    """Write a checkpoint folder; the processor's hash goes into `config.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    replace(config, processor_sha256=processor.config.sha256).write(folder / CONFIG_FILE)
    processor.save(folder)
    save_file({n: t.detach().cpu().contiguous() for n, t in weights.items()}, folder / WEIGHTS_FILE)
    for name, text in extra.items():
        (folder / name).write_text(text)
