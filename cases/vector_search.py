"""Vector search that a store itself offers, and how vectors are laid out for it.

A case's vectors of film, table and text stand one after the other, each at length 1, then one number that
brings every case to the same length. So the cosine with a query whose parts are weighted is the weighted mean
of the cosines, whatever the weights: one index answers every mix.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from modeling.study import Modality

PARTS = len(Modality)


@dataclass(frozen=True, eq=False)
class StoredVectors:
    """A case's vectors, (D,) float32 of length 1 by modality; patient and label are empty where not known."""

    case_id: str
    vectors: Mapping[Modality, np.ndarray]
    patient: str = ""
    label: str = ""


@runtime_checkable
class SearchableStore(Protocol):
    """A case store that may offer a vector search."""

    def vectors(self, encoding: str) -> Any:
        """The search among vectors of a checkpoint, by its hash: a `cases.mongo.vectors.MongoVectors`."""


def laid_out(vectors: Mapping[Modality, np.ndarray], width: int) -> np.ndarray:
    """(3 * `width` + 1,) float32: film, table and text, zeros for what is missing; its length is sqrt(3).

    Raises:
        ValueError: a vector has another width, is not finite, or there is none that is not zero.
    """
    row = np.zeros(PARTS * width + 1, np.float32)
    given = 0
    for modality, vector in vectors.items():
        vector = np.asarray(vector, np.float64)
        if vector.shape != (width,) or not np.isfinite(vector).all():
            raise ValueError(f"{modality}: {vector.shape}")
        length = np.linalg.norm(vector)
        if length > 0:
            row[_place(modality, width)] = vector / length
            given += 1
    if not given:
        raise ValueError("no vector")
    row[-1] = (PARTS - given) ** 0.5
    return row


def asked(query: Mapping[Modality, np.ndarray], weights: Mapping[Modality, float], width: int) -> np.ndarray:
    """(3 * `width` + 1,) float32: the weighted query; its cosines order cases as the weighted mean does."""
    row = laid_out({m: query[m] for m in weights}, width)
    row[-1] = 0.0
    for modality in Modality:
        row[_place(modality, width)] *= weights.get(modality, 0.0)
    return row / np.linalg.norm(row)


def taken_apart(row: np.ndarray, width: int) -> dict[Modality, np.ndarray]:
    """The vectors that `laid_out` laid out."""
    parts = {modality: row[_place(modality, width)] for modality in Modality}
    return {modality: part for modality, part in parts.items() if part.any()}


def _place(modality: Modality, width: int) -> slice:
    start = list(Modality).index(modality) * width
    return slice(start, start + width)
