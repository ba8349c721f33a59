"""Feature maps of films from a backbone that is not trained any more, computed once and kept on disk."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from modeling.configuration import FusionConfig, ImageEncoderConfig, ProcessorConfig
from modeling.csv_cells import csv_rows
from modeling.errors import ViewboxError
from modeling.model.checkpoint import sha256_of
from modeling.model.encoders import ImageEncoder
from modeling.model.fusion import FusionModel
from modeling.model.processing import StudyProcessor
from modeling.progress import progress
from training.corpora.labelled_film import Film
from training.films import decode_all
from training.initial_weights import load_initial_weights

BATCH = 32
IMAGENET = "imagenet"


@dataclass(frozen=True, eq=False)
class FrozenBackbone:
    """An image encoder as it is, and what it has seen."""

    name: str  # "imagenet", or the name of a checkpoint folder
    revision: str  # hash of its weights
    architecture: ImageEncoderConfig  # the backbone, and how its last maps are joined
    encoder: ImageEncoder
    processor: StudyProcessor
    trained_on: tuple[str, ...]  # corpora
    trained_patients: frozenset[str]  # as far as its `split.csv` says

    def seen(self, films: Sequence[Film]) -> int:
        """How many patients of these films it was trained on."""
        return len({film.patient for film in films} & self.trained_patients)


def open_backbone(name: str, config: FusionConfig, processor: ProcessorConfig) -> FrozenBackbone:
    """The image encoder of a checkpoint folder, or the ImageNet one in `config`'s architecture.

    Raises:
        ViewboxError: no such checkpoint, or one without an image encoder.
    """
    if name == IMAGENET:
        plain = replace(config.image, pyramid=0, norm="batch")  # as the published weights are
        model = FusionModel(replace(config, image=plain), processor).eval()
        load_initial_weights(model, IMAGENET)
        encoder = model.encoders["image"]
        revision = _hash_of(encoder.backbone)
        return FrozenBackbone(IMAGENET, revision, plain, encoder, StudyProcessor(processor), (), frozenset())
    model, own, origin = FusionModel.from_pretrained(name)
    if "image" not in model.encoders:
        template = "{origin} reads no film; name a checkpoint with an image encoder."
        raise ViewboxError(template, origin=origin.name)
    corpora, patients = _trained_on(origin.folder / "split.csv")
    revision = f"sha256:{sha256_of(origin.folder / 'model.safetensors')[:16]}"
    label = origin.folder.parent.name if origin.name == "checkpoint" else origin.name
    architecture = model.config.image
    return FrozenBackbone(label, revision, architecture, model.encoders["image"], own, corpora, patients)


def _hash_of(module: nn.Module) -> str:
    digest = hashlib.sha256()
    for tensor in module.state_dict().values():
        digest.update(tensor.contiguous().numpy().tobytes())
    return f"sha256:{digest.hexdigest()[:16]}"


def _trained_on(split: Path) -> tuple[tuple[str, ...], frozenset[str]]:
    """Corpora and patients on the training side of a checkpoint's split.

    Raises:
        ViewboxError: the checkpoint does not say what it was trained on.
    """
    try:
        trained = [row for row in csv_rows(split) if row["split"] == "train"]
        corpora = tuple(sorted({row["source"] for row in trained}))
        return corpora, frozenset(row["patient"] for row in trained)
    except (ViewboxError, KeyError) as exc:
        template = "{parent} has no readable split.csv, so its training patients are unknown; name another."
        raise ViewboxError(template, parent=split.parent) from exc


@torch.inference_mode()
def feature_maps(films: Sequence[Film], backbone: FrozenBackbone, cache: Path) -> torch.Tensor:
    """(N, C, h', w') float16 maps of the last layer; read from `cache` where they were computed before."""
    digest = hashlib.sha256(repr((backbone.revision, backbone.processor.config.image)).encode())
    for film in films:
        digest.update(f"{film.source}/{film.film_id}/{film.pixel_aspect_ratio}/".encode())
        digest.update(hashlib.sha256(film.encoded).digest())
    path = cache / f"{digest.hexdigest()[:16]}-features.npy"
    if not path.is_file():
        pixels, _ = decode_all(films, backbone.processor.config.image, cache)
        encoder, parts = backbone.encoder.eval().to(memory_format=torch.channels_last), []
        with progress(what=f"features ({backbone.name})", total=len(films)) as bar:
            for start in range(0, len(films), BATCH):
                shown = torch.from_numpy(np.array(pixels[start : start + BATCH])).float() / 255.0
                batch = backbone.processor.normalise(shown).to(memory_format=torch.channels_last)
                parts.append(encoder.feature_map(batch).half().contiguous().numpy())
                bar.update(len(batch))
        part = path.with_suffix(".part.npy")
        np.save(part, np.concatenate(parts))
        part.rename(path)
    return torch.from_numpy(np.load(path))
