"""Films that an explanation may start from, stored beside a checkpoint: a mean film and a few normal ones.

They are kept without the letterbox's padding, stretched to a small square, and stretched back into the place
of the film that is explained: so the padding is the same at both ends of the path and gets no attribution.

Source: expected gradients over several baselines, Erion et al., Nature Machine Intelligence 2021.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from modeling.errors import CheckpointError
from modeling.model.film import brightness
from modeling.study import Radiograph

BASELINES_FILE = "baselines.safetensors"
CELLS = 96
NORMALS = 4
"""How many normal films are kept: every one costs a path of its own."""


@dataclass(frozen=True, eq=False)
class StoredBaselines:
    """Baseline films of a checkpoint."""

    mean: np.ndarray | None  # (g, g) float32 in [0, 1], the mean of many films; None where none is stored
    normals: np.ndarray  # (N, g, g) float32 in [0, 1], films of Negative appearance; N may be 0


def square_film(radiograph: Radiograph, percentiles: tuple[float, ...], cells: int = CELLS) -> np.ndarray:
    """(cells, cells) float32 in [0, 1]: the film stretched to a square, without regard to its aspect."""
    film = Image.fromarray(brightness(radiograph, percentiles))
    return np.asarray(film.resize((cells, cells), Image.Resampling.BILINEAR)).clip(0.0, 1.0)


def placed(square: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """A stored film (g, g) in the place (h, w) of the film that is explained."""
    film = Image.fromarray(np.ascontiguousarray(square, np.float32))
    return np.asarray(film.resize(shape[::-1], Image.Resampling.BILINEAR)).clip(0.0, 1.0)


def gather_baselines(
    films: Iterable[Radiograph], normals: Iterable[Radiograph], percentiles: tuple[float, ...]
) -> StoredBaselines:
    """The mean of the training's `films`, read one at a time, and `normals`, windowed by `percentiles`.

    `normals` are few films of Negative appearance whose licence lets them be passed on; may be empty.
    """
    total, count = np.zeros((CELLS, CELLS)), 0
    for film in films:
        total += square_film(film, percentiles)
        count += 1
    kept = [square_film(film, percentiles) for film in normals]
    return StoredBaselines(
        (total / count).astype(np.float32) if count else None,
        np.stack(kept) if kept else np.zeros((0, CELLS, CELLS), np.float32),
    )


def write_baselines(folder: Path, baselines: StoredBaselines) -> None:
    """Write `baselines.safetensors` (8 bits a pixel) into a checkpoint's folder."""
    tensors = {"normals": _stored(baselines.normals)}
    if baselines.mean is not None:
        tensors["mean"] = _stored(baselines.mean)
    save_file(tensors, folder / BASELINES_FILE)


def load_baselines(folder: Path) -> StoredBaselines:
    """What `write_baselines` wrote, or nothing. Raises CheckpointError: the file is damaged."""
    path = folder / BASELINES_FILE
    if not path.is_file():
        return StoredBaselines(None, np.zeros((0, CELLS, CELLS), np.float32))
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError) as exc:
        raise CheckpointError("{file} is damaged; fetch the checkpoint again.", file=BASELINES_FILE) from exc
    normals, mean = tensors.get("normals"), tensors.get("mean")
    squares = [t for t in (mean, *([] if normals is None else normals)) if t is not None]
    if normals is None or any(s.ndim != 2 or s.dtype != torch.uint8 for s in squares):
        raise CheckpointError(
            "{file} holds no baseline films; fetch the checkpoint again.", file=BASELINES_FILE
        )
    return StoredBaselines(None if mean is None else _read(mean), _read(normals))


def _stored(films: np.ndarray) -> torch.Tensor:
    return torch.from_numpy((films.clip(0.0, 1.0) * 255.0).round().astype(np.uint8))


def _read(films: torch.Tensor) -> np.ndarray:
    return films.numpy().astype(np.float32) / np.float32(255.0)
