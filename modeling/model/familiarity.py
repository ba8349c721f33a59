"""Is this a film like those the checkpoint learnt from? A gate in front of the numbers, not a diagnosis of
the film.

A film is unfamiliar where it lies far from the training films, in the backbone's features or as a coarse
picture: the Mahalanobis distance within the leading components of the training films (Lee et al., NeurIPS
2018), plus what those components leave unexplained. The coarse picture is what catches inverted, turned and
lateral films: the features of a trained backbone hardly notice them.

Shape letters: N films, C numbers that describe a film, d components.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from modeling.errors import CheckpointError
from modeling.model.checkpoint import WEIGHTS_FILE, sha256_of
from modeling.model.fusion import FusionModel
from modeling.model.processing import StudyProcessor, collate
from modeling.study import Radiograph, Study

FAMILIARITY_FILE = "familiarity.safetensors"
CELLS = 16
"""The coarse picture is the letterboxed film at 16 x 16."""

COMPONENTS = {"features": 32, "picture": 16}
FALSE_ALARMS = 0.05
"""Share of validation films that the threshold lets be called unfamiliar."""

BATCH = 32


@dataclass(frozen=True)
class Familiarity:
    """How far a film lies from the training films.

    Attributes:
        score: 1 on average for a training film; larger is farther.
        threshold: 95 % of the validation films lie at or below it.
    """

    score: float
    threshold: float

    @property
    def familiar(self) -> bool:
        """Whether the film lies as near as nearly all validation films do."""
        return self.score <= self.threshold


@dataclass(frozen=True, eq=False)
class Subspace:
    """The leading components of the training films in one description of a film.

    Attributes:
        mean, scale: (C,); components: (d, C); variances: (d,) of the training films along them.
        residual: mean square that the components leave unexplained.
    """

    mean: np.ndarray
    scale: np.ndarray
    components: np.ndarray
    variances: np.ndarray
    residual: float

    @classmethod
    def fit(cls, rows: np.ndarray, components: int) -> Self:
        """From (N, C) training films."""
        mean, scale = rows.mean(axis=0), rows.std(axis=0) + 1e-6
        standard = (rows - mean) / scale
        count = max(1, min(components, *(n - 1 for n in rows.shape)))
        axes = np.linalg.svd(standard, full_matrices=False)[2][:count].astype(np.float16).astype(np.float64)
        along = standard @ axes.T
        left = ((standard - along @ axes) ** 2).sum(axis=1).mean()
        return cls(mean, scale, axes, along.var(axis=0) + 1e-9, float(left) + 1e-9)

    def distance(self, rows: np.ndarray) -> np.ndarray:
        """(N,): 1 on average for a training film."""
        standard = (rows - self.mean) / self.scale
        along = standard @ self.components.T
        inside = (along**2 / self.variances).mean(axis=1)
        outside = ((standard - along @ self.components) ** 2).sum(axis=1) / self.residual
        return (inside + outside) / 2


@dataclass(frozen=True, eq=False)
class FamiliarityGate:
    """The gate of one checkpoint; `judge` is what the app calls."""

    model: FusionModel
    processor: StudyProcessor
    subspaces: dict[str, Subspace]
    threshold: float

    @classmethod
    def fit(
        cls,
        model: FusionModel,
        processor: StudyProcessor,
        training: Sequence[Radiograph],
        validation: Sequence[Radiograph],
    ) -> Self:
        """Subspaces from training films, the threshold from validation films."""
        described = describe(model, processor, training)
        subspaces = {name: Subspace.fit(rows, COMPONENTS[name]) for name, rows in described.items()}
        open_gate = cls(model, processor, subspaces, float("inf"))
        threshold = float(np.quantile(open_gate.scores(validation), 1 - FALSE_ALARMS))
        return cls(model, processor, subspaces, threshold)

    def scores(self, films: Sequence[Radiograph]) -> np.ndarray:
        """(N,) how far each film lies from the training films."""
        rows = describe(self.model, self.processor, films)
        return np.mean([self.subspaces[name].distance(rows[name]) for name in sorted(rows)], axis=0)

    def judge(self, study: Study) -> Familiarity | None:
        """How familiar the study's film is; None for a study without one."""
        if study.radiograph is None:
            return None
        return Familiarity(float(self.scores([study.radiograph])[0]), self.threshold)

    # --- persistence

    def save(self, folder: Path) -> None:
        """Write `familiarity.safetensors`, components in half precision: some 100 kB."""
        arrays = {"threshold": np.array([self.threshold], np.float64)}
        for name, s in self.subspaces.items():
            arrays |= {
                f"{name}.mean": s.mean.astype(np.float32),
                f"{name}.scale": s.scale.astype(np.float32),
                f"{name}.components": s.components.astype(np.float16),
                f"{name}.variances": s.variances.astype(np.float32),
                f"{name}.residual": np.array([s.residual], np.float64),
            }
        metadata = {"weights_sha256": sha256_of(folder / WEIGHTS_FILE)}
        save_file(arrays, folder / FAMILIARITY_FILE, metadata=metadata)

    @classmethod
    def load(cls, folder: Path, model: FusionModel, processor: StudyProcessor) -> Self | None:
        """The gate of a checkpoint folder; None where it has none.

        Raises:
            CheckpointError: its file is damaged or belongs to other weights.
        """
        path = folder / FAMILIARITY_FILE
        if not path.is_file():
            return None
        try:
            arrays, weights = load_file(path), _weights_of(path)
            subspaces = {
                name: Subspace(
                    *(
                        arrays[f"{name}.{part}"].astype(np.float64)
                        for part in ("mean", "scale", "components", "variances")
                    ),
                    residual=float(arrays[f"{name}.residual"][0]),
                )
                for name in COMPONENTS
            }
            threshold = float(arrays["threshold"][0])
        except (SafetensorError, OSError, KeyError, IndexError) as exc:
            raise CheckpointError(
                "{file} is damaged; fetch the checkpoint again.", file=FAMILIARITY_FILE
            ) from exc
        if weights != sha256_of(folder / WEIGHTS_FILE):
            raise CheckpointError(
                "{file} was measured with other weights; measure the checkpoint again.", file=FAMILIARITY_FILE
            )
        return cls(model, processor, subspaces, threshold)


def _weights_of(path: Path) -> str:
    from safetensors import safe_open

    with safe_open(path, framework="numpy") as file:
        return (file.metadata() or {}).get("weights_sha256", "")


@torch.inference_mode()
def describe(
    model: FusionModel, processor: StudyProcessor, films: Sequence[Radiograph]
) -> dict[str, np.ndarray]:
    """Name -> (N, C) float64: the backbone's features, averaged over the film, and the coarse picture."""
    parts: dict[str, list[np.ndarray]] = {name: [] for name in COMPONENTS}
    device = next(model.parameters()).device
    for start in range(0, len(films), BATCH):
        inputs = collate([processor(Study(film)) for film in films[start : start + BATCH]]).to(device)
        image = inputs.image.contiguous(memory_format=torch.channels_last)
        features = model.encoders["image"].feature_map(image).mean(dim=(2, 3))
        picture = torch.nn.functional.adaptive_avg_pool2d(inputs.image[:, :1], CELLS).flatten(1)
        parts["features"].append(features.double().cpu().numpy())
        parts["picture"].append(picture.double().cpu().numpy())
    return {name: np.concatenate(rows) for name, rows in parts.items()}
