"""How like the training films a film is: a gate in front of the numbers, not a diagnosis of the film.

Two questions are asked of each film, in the backbone's features and as a coarse picture. How far does it lie
from the training films: the Mahalanobis distance within their leading components (Lee et al., NeurIPS 2018)
plus what those leave unexplained? And on which side of a boundary does it lie that was taught with strange
pictures (outlier exposure, Hendrycks et al., ICLR 2019): films turned, inverted or cut up, noise, photographs
and cuts through bodies? The distance stops what nobody thought of, the boundary what resembles a film.

Shape letters: N films, C numbers that describe a film, d components.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Self, TypeVar

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file, save_file

from modeling.errors import CheckpointError
from modeling.model.checkpoint import WEIGHTS_FILE, sha256_of
from modeling.model.fusion import FusionModel
from modeling.model.processing import StudyProcessor, collate
from modeling.results import Familiarity
from modeling.study import Radiograph, Study

FAMILIARITY_FILE = "familiarity.safetensors"
CELLS = 16
"""The coarse picture is the letterboxed film at 16 x 16."""
COMPONENTS = {"features": 32, "picture": 16}
FALSE_ALARMS = 0.02
"""Share of validation films that the threshold lets be called unfamiliar: fitted on SIIM films alone, it
flags 5 % of Cohen's and 3 % of Hannover's films, and all but a few of the strange pictures."""
FAR_OUT = 0.002
"""Share of validation films that lie farther out than the distance that counts as 1."""
SHRINKAGE = 10.0
"""Ridge penalty of the boundary, in units of a standardised number's variance."""
CLIPPED = 8.0
"""Standard deviations beyond which a number counts no further."""
BATCH = 32


@dataclass(frozen=True, eq=False)
class Subspace:
    """The leading components (d, C) of the training films in one description of a film.

    Their mean and scale are (C,), the variances along the components (d,); the residual is the mean square
    that these leave unexplained.
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
class Boundary:
    """A plane (C,) between films and strange pictures, by the training films' mean and scale (C,).

    By its offset a usual validation film lies at 0 and one that is stopped above 1.
    """

    mean: np.ndarray
    scale: np.ndarray
    weights: np.ndarray
    offset: float

    @classmethod
    def fit(cls, films: np.ndarray, strange: Sequence[np.ndarray], held: np.ndarray) -> Self:
        """Ridge regression on the side, every kind of strange pictures (N, C) weighing the same.

        `films` are (N, C) of training, `held` of validation, which set the scale alone.
        """
        mean, scale = films.mean(axis=0), films.std(axis=0) + 1e-6
        kinds = (films, *strange)
        rows = np.clip((np.concatenate(kinds) - mean) / scale, -CLIPPED, CLIPPED)
        shares = [0.5, *([0.5 / len(strange)] * len(strange))]
        weight = np.concatenate([np.full(len(k), s / len(k)) for k, s in zip(kinds, shares, strict=True)])
        side = np.concatenate([np.full(len(k), -1.0 if i == 0 else 1.0) for i, k in enumerate(kinds)])
        centred = rows - weight @ rows
        weighted = centred.T * weight
        plane = np.linalg.solve(weighted @ centred + SHRINKAGE * np.eye(rows.shape[1]), weighted @ side)
        along = cls(mean, scale, plane, 0.0).score(held)
        usual, limit = np.quantile(along, (0.5, 1 - FALSE_ALARMS))
        return cls(mean, scale, plane / (limit - usual), float(-usual / (limit - usual)))

    def score(self, rows: np.ndarray) -> np.ndarray:
        """(N,): 0 for a usual film, above 1 for one that is stopped."""
        return np.clip((rows - self.mean) / self.scale, -CLIPPED, CLIPPED) @ self.weights + self.offset


Part = TypeVar("Part", Subspace, Boundary)
Described = dict[str, np.ndarray]
"""Name -> (N, C), as `describe` gives it."""


@dataclass(frozen=True, eq=False)
class FamiliarityGate:
    """The gate of one checkpoint; `judge` is what the app calls.

    A distance of `far` counts as 1; older gates have no boundary.
    """

    model: FusionModel
    processor: StudyProcessor
    subspaces: dict[str, Subspace]
    boundary: Boundary | None
    far: float
    threshold: float

    @classmethod
    def fit(
        cls,
        model: FusionModel,
        processor: StudyProcessor,
        training: Sequence[Radiograph],
        validation: Sequence[Radiograph],
        strange: Sequence[Sequence[Radiograph]],
    ) -> Self:
        """Subspaces and boundary from training films and kinds of strange pictures; limits by validation."""
        films, held = (describe(model, processor, side) for side in (training, validation))
        subspaces = {name: Subspace.fit(rows, COMPONENTS[name]) for name, rows in films.items()}
        kinds = [_joined(describe(model, processor, kind)) for kind in strange if kind]
        boundary = Boundary.fit(_joined(films), kinds, _joined(held)) if kinds else None
        near = cls(model, processor, subspaces, None, 1.0, 1.0)
        far = float(np.quantile(near.score(held), 1 - FAR_OUT))
        gate = cls(model, processor, subspaces, boundary, far, 1.0)
        return replace(gate, threshold=float(np.quantile(gate.score(held), 1 - FALSE_ALARMS)))

    def score(self, described: Described) -> np.ndarray:
        """(N,) how strange each film is: the larger of its distance and its place at the boundary."""
        distance = [self.subspaces[name].distance(described[name]) for name in sorted(described)]
        score = np.mean(distance, axis=0) / self.far
        return score if self.boundary is None else np.maximum(score, self.boundary.score(_joined(described)))

    def scores(self, films: Sequence[Radiograph]) -> np.ndarray:
        """(N,) `score` of films."""
        return self.score(describe(self.model, self.processor, films))

    def judge(self, image: torch.Tensor, features: torch.Tensor) -> tuple[Familiarity, ...]:
        """How familiar each film is: (N, 3, h, w) as processed, and its (N, C, h', w') feature map."""
        described = {n: rows.double().cpu().numpy() for n, rows in _described(image, features).items()}
        return tuple(Familiarity(float(score), self.threshold) for score in self.score(described))

    # --- persistence

    def save(self, folder: Path) -> None:
        """Write `familiarity.safetensors`, components in half precision: some 100 kB."""
        arrays = {name: np.array([getattr(self, name)], np.float64) for name in ("threshold", "far")}
        boundary = {} if self.boundary is None else {"boundary": self.boundary}
        for name, part in (self.subspaces | boundary).items():
            for key, value in vars(part).items():
                arrays[f"{name}.{key}"] = np.atleast_1d(value).astype(_STORED_AS.get(key, np.float32))
        metadata = {"weights_sha256": sha256_of(folder / WEIGHTS_FILE)}
        save_file(arrays, folder / FAMILIARITY_FILE, metadata=metadata)

    @classmethod
    def load(cls, folder: Path, model: FusionModel, processor: StudyProcessor) -> Self | None:
        """The gate of a folder, or None. Raises CheckpointError: it is damaged, or of other weights."""
        path = folder / FAMILIARITY_FILE
        if not path.is_file():
            return None
        try:
            arrays = load_file(path)
            with safe_open(path, framework="numpy") as file:
                weights = (file.metadata() or {}).get("weights_sha256", "")
            subspaces = {name: _read(Subspace, arrays, name) for name in COMPONENTS}
            boundary = _read(Boundary, arrays, "boundary") if "boundary.weights" in arrays else None
            threshold = float(arrays["threshold"][0])
            far = float(arrays["far"][0]) if "far" in arrays else 1.0
        except (SafetensorError, OSError, KeyError, IndexError) as exc:
            raise CheckpointError("{file} is damaged; fetch the checkpoint again.", file=path.name) from exc
        if weights != sha256_of(folder / WEIGHTS_FILE):
            other_weights = "{file} was measured with other weights; measure the checkpoint again."
            raise CheckpointError(other_weights, file=path.name)
        return cls(model, processor, subspaces, boundary, far, threshold)


_STORED_AS = {"components": np.float16, "residual": np.float64, "offset": np.float64}


def _read(kind: type[Part], arrays: dict[str, np.ndarray], name: str) -> Part:
    """A subspace or boundary as `save` wrote it."""
    values = {f.name: arrays[f"{name}.{f.name}"].astype(np.float64) for f in fields(kind)}
    return kind(**{key: float(v[0]) if key in ("residual", "offset") else v for key, v in values.items()})


def _joined(described: Described) -> np.ndarray:
    return np.concatenate([described[name] for name in sorted(described)], axis=1)


@torch.inference_mode()
def describe(model: FusionModel, processor: StudyProcessor, films: Sequence[Radiograph]) -> Described:
    """Name -> (N, C) float64: the backbone's features, averaged over the film, and the coarse picture."""
    parts: dict[str, list[np.ndarray]] = {name: [] for name in COMPONENTS}
    device = next(model.parameters()).device
    for start in range(0, len(films), BATCH):
        inputs = collate([processor(Study(film)) for film in films[start : start + BATCH]]).to(device)
        image = inputs.image.contiguous(memory_format=torch.channels_last)
        for name, rows in _described(image, model.encoders["image"].feature_map(image)).items():
            parts[name].append(rows.double().cpu().numpy())
    return {name: np.concatenate(rows) for name, rows in parts.items()}


def _described(image: torch.Tensor, features: torch.Tensor) -> dict[str, torch.Tensor]:
    picture = torch.nn.functional.adaptive_avg_pool2d(image[:, :1], CELLS).flatten(1)
    return {"features": features.mean(dim=(2, 3)), "picture": picture}
