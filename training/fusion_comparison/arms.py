"""The arms: the same small model over frozen film features, with other evidence or another fusion.

The features are computed once and kept on disk.

Shape letters: N films, K classes.
"""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from modeling.configuration import (
    ClassDeclaration,
    FusionConfig,
    FusionKind,
    ImageEncoderConfig,
    ProcessorConfig,
    TaskConfig,
    TaskDeclaration,
)
from modeling.csv_cells import csv_rows
from modeling.errors import ViewboxError
from modeling.labels import TASKS, Task
from modeling.model.checkpoint import sha256_of
from modeling.model.encoders import ImageEncoder
from modeling.model.fusion import FusionModel
from modeling.model.processing import ModelInputs, StudyProcessor, encode_table
from modeling.model.temperature import probabilities
from modeling.progress import progress
from modeling.study import Modality
from training.corpora.labelled_film import Film
from training.films import decode_all
from training.initial_weights import load_imagenet
from training.objective import class_weights, drop_modalities, task_losses
from training.preparation import freeze_statistics

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
        load_imagenet(model)
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


# --- the arms


@dataclass(frozen=True)
class Arm:
    """One row of the comparison."""

    name: str
    modalities: tuple[Modality, ...]  # none: it says how often each class is among the training films
    fusion: FusionKind = "product"
    values: bool = True  # False shows the model only which fields are known, not what they say


MAJORITY, FILM = Arm("majority", ()), Arm("film", (Modality.IMAGE,))
FUSIONS: tuple[FusionKind, ...] = ("product", "concat", "gated", "cross_attention")
ARMS = (
    MAJORITY,
    FILM,
    Arm("table", (Modality.TABLE,)),
    Arm("known_fields", (Modality.TABLE,), values=False),
    *(Arm(kind, (Modality.IMAGE, Modality.TABLE), kind) for kind in FUSIONS),
)


PATCHES = 4
"""Patches a side that attention looks at: fewer than the 7 of a 224 px film, so that a fit takes seconds."""


@dataclass(frozen=True)
class Recipe:
    """How every arm is trained: the same for all of them, and not tuned on anything that was measured."""

    epochs: int = 25
    batch_size: int = 64
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    class_balance: float = 0.25
    table_dropout: float = 0.25  # as in `TrainingSettings`, where an arm reads both
    field_dropout: float = 0.15
    image_dropout: float = 0.1
    fewest_known: int = 10  # a field is read only where so many training films have a value of it


@dataclass(frozen=True, eq=False)
class Evidence:
    """Everything of N films that an arm may read."""

    films: Sequence[Film]
    patches: Tensor  # N C 4 4 float16 feature maps, averaged down to that
    pooled: Tensor  # N C 1 1 their means
    labels: np.ndarray  # N class numbers
    task: Task

    @classmethod
    def of(cls, films: Sequence[Film], maps: Tensor, task: Task) -> "Evidence":
        """The evidence of films whose (N, C, h', w') feature maps are known."""
        labels = np.array([task.index(film.labels[task]) for film in films])
        patches = functional.adaptive_avg_pool2d(maps.float(), PATCHES).half()
        return cls(films, patches, maps.float().mean(dim=(2, 3), keepdim=True), labels, task)

    def features(self, arm: Arm, rows: np.ndarray) -> Tensor | None:
        """(B, C, h', w') of some films; only attention looks at the patches, all else at their mean."""
        if Modality.IMAGE not in arm.modalities:
            return None
        return self.patches[rows].float() if arm.fusion == "cross_attention" else self.pooled[rows]


@dataclass(frozen=True, eq=False)
class _Reading:
    """An arm's evidence of all films; its clinical fields are encoded, (N, F) each."""

    arm: Arm
    evidence: Evidence
    numeric: np.ndarray
    category: np.ndarray
    known: np.ndarray

    @classmethod
    def of(cls, arm: Arm, evidence: Evidence, processor: ProcessorConfig) -> "_Reading":
        columns = [encode_table(film.table, processor.table) for film in evidence.films]
        numeric, category, known = (np.stack(column) for column in zip(*columns, strict=True))
        if not arm.values:
            numeric, category = np.zeros_like(numeric), np.zeros_like(category)
        return cls(arm, evidence, numeric, category, known)

    def inputs(self, rows: np.ndarray) -> ModelInputs:
        """The films' inputs, with a film that comes as a feature map."""
        batch = len(rows)
        given = torch.full((batch,), Modality.IMAGE in self.arm.modalities)
        table = (torch.from_numpy(v[rows]) for v in (self.numeric, self.category, self.known))
        text = (torch.zeros(batch, 0, dtype=kind) for kind in (torch.long, torch.bool))
        return ModelInputs(torch.zeros(batch, 0), given, *table, *text)

    def logits(self, model: FusionModel, inputs: ModelInputs, rows: np.ndarray) -> Tensor:
        """(B, K) of the films' inputs."""
        features = self.evidence.features(self.arm, rows)
        return model.forward_embedded(model.embed(inputs), inputs, features)[self.evidence.task]


def train_and_predict(
    arm: Arm,
    evidence: Evidence,
    train: np.ndarray,
    test: np.ndarray,
    settings: tuple[FusionConfig, ProcessorConfig],
    recipe: Recipe,
    seed: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Fit an arm on some films, by number, and read others; no patient stands in both.

    (N test, K) probabilities, and those of the same model with the table taken away.
    """
    task = evidence.task
    if not arm.modalities:
        counts = np.bincount(evidence.labels[train], minlength=len(task.classes))
        prior = np.tile(counts / counts.sum(), (len(test), 1))
        return prior, prior
    torch.manual_seed(seed)
    films = [evidence.films[i] for i in train]
    config, processor = _configure(arm, task, settings, films, recipe.fewest_known)
    model = FusionModel(config, processor)
    if "image" in model.encoders:
        model.encoders["image"].backbone = nn.Identity()  # frozen: it has given its feature maps
    reading = _Reading.of(arm, evidence, processor)
    _fit(model, reading, train, recipe, seed)
    model.eval()
    with torch.inference_mode():
        inputs = reading.inputs(test)
        without = replace(inputs, known=torch.zeros_like(inputs.known))
        given, bare = (reading.logits(model, one, test).numpy() for one in (inputs, without))
    return probabilities(task.kind, given), probabilities(task.kind, bare)


def _declaration(task: Task) -> TaskDeclaration | None:
    """How a configuration declares a task that is not one of Viewbox's own."""
    if task in TASKS:
        return None
    return TaskDeclaration(task.kind, tuple(ClassDeclaration(str(name)) for name in task.classes))


def _configure(
    arm: Arm,
    task: Task,
    settings: tuple[FusionConfig, ProcessorConfig],
    films: Sequence[Film],
    fewest_known: int,
) -> tuple[FusionConfig, ProcessorConfig]:
    """The arm's model over `settings`, with the table's statistics of its training films."""
    config, processor = settings
    fields = tuple(f for f in freeze_statistics(processor, films).table if f.known >= fewest_known)
    reads_film, reads_table = (m in arm.modalities for m in (Modality.IMAGE, Modality.TABLE))
    model = replace(
        config,
        tasks=(TaskConfig(task.name, arm.modalities, _declaration(task)),),
        image=config.image if reads_film else None,
        table=config.table if reads_table else None,
        text=None,
        fusion=arm.fusion,
    )
    image, table = processor.image if reads_film else None, fields if reads_table else ()
    return model, ProcessorConfig(image=image, table=table)


def _fit(model: FusionModel, reading: _Reading, train: np.ndarray, recipe: Recipe, seed: int) -> None:
    """AdamW with a one-cycle schedule on the task's loss; no early stopping, so no film is needed for it."""
    generator, task = torch.Generator().manual_seed(seed), reading.evidence.task
    rate, steps = recipe.learning_rate, recipe.epochs * math.ceil(len(train) / recipe.batch_size)
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=recipe.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=steps)
    labels = torch.from_numpy(reading.evidence.labels)
    counts = torch.bincount(labels[train], minlength=len(task.classes))
    weights = {task: class_weights(counts, recipe.class_balance)}
    dropout = (recipe.table_dropout, recipe.field_dropout, recipe.image_dropout)
    model.train()
    for _ in range(recipe.epochs):
        order = train[torch.randperm(len(train), generator=generator).numpy()]
        for start in range(0, len(order), recipe.batch_size):
            rows = order[start : start + recipe.batch_size]
            inputs = reading.inputs(rows)
            if len(reading.arm.modalities) > 1:
                inputs = drop_modalities(inputs, *dropout, generator)
            logits = reading.logits(model, inputs, rows)
            loss = task_losses({task: logits}, {task: labels[rows]}, weights, tasks=[task])[task]
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
