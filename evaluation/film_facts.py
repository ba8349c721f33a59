"""The surroundings of a film, which should not tell its label: its origin, its file, its notes.

Read from the corpora's own columns; the films are decoded only for their border.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from PIL import Image

from modeling.study import CLINICAL_FIELDS
from training.corpora.labelled_film import Film
from training.corpora.open_corpus import CORPORA

COLUMNS = {
    "siim": ("image_id", {}, None),
    "cohen": ("filename", {"site": "location", "licence": "license", "view": "view"}, "clinical_notes"),
    "hannover": ("image_id", {"licence": "licence", "view": "projection"}, None),
}
"""Corpus -> its column of film IDs, what its columns say of a film's origin, and its column of free text."""

THUMBNAIL = 16
BANDS = ((0, 40), (40, 60), (60, 75), (75, 121))


@dataclass(frozen=True, eq=False)
class FilmFacts:
    """The surroundings of one film."""

    origin: Mapping[str, str]  # site, licence, view, where the corpus has them
    file: np.ndarray  # numbers about the stored file and the film's border, see `FILE_FACTS`
    notes: str  # the corpus's free text; may name the diagnosis
    thumbnail: np.ndarray  # (16, 16) float32 in [0, 1]


FILE_FACTS = (
    *("width", "height", "aspect", "bytes_per_pixel", "black", "white"),
    *(f"border_{side}_{kind}" for side in ("top", "bottom", "left", "right") for kind in ("mean", "spread")),
)


def facts_of(films: Sequence[Film], folder: Path | None) -> list[FilmFacts]:
    """The facts of each film; further columns from the folder where the corpora lie.

    Raises:
        StudyError: a film cannot be decoded.
    """
    rows = {source: _rows(source, folder) for source in {film.source for film in films}}
    with ThreadPoolExecutor(2) as pool:  # decoding leaves the interpreter free
        return list(pool.map(lambda film: _facts(film, rows[film.source].get(film.film_id, {})), films))


def _rows(source: str, folder: Path | None) -> dict[str, dict[str, Any]]:
    """Film ID -> the columns of a corpus that hold no film."""
    path = None if folder is None or source not in COLUMNS else folder / CORPORA[source][0]
    if path is None or not path.is_file():
        return {}
    key, origin, notes = COLUMNS[source]
    present = set(pq.read_schema(path).names)
    wanted = [c for c in (key, "width", "height", notes, *origin.values()) if c in present]
    return {str(row[key]): row for row in pq.read_table(path, columns=wanted).to_pylist()} if wanted else {}


def _facts(film: Film, row: Mapping[str, Any]) -> FilmFacts:
    _, columns, notes = COLUMNS.get(film.source, ("", {}, None))
    origin = {name: str(row[column]) for name, column in columns.items() if row.get(column)}
    view = film.table.values.get("view_position")
    if view is not None:
        origin.setdefault("view", str(view))
    pixels = film.pixels().astype(np.float32)
    pixels = pixels / (65535.0 if pixels.max() > 255 else 255.0)
    size = (float(row.get("width") or pixels.shape[1]), float(row.get("height") or pixels.shape[0]))
    small = Image.fromarray(pixels).resize((THUMBNAIL, THUMBNAIL), Image.Resampling.BOX)
    numbers = _file_facts(pixels, size, len(film.encoded))
    return FilmFacts({**origin, "source": film.source}, numbers, str(row.get(notes) or ""), np.asarray(small))


def _file_facts(pixels: np.ndarray, size: tuple[float, float], file_bytes: int) -> np.ndarray:
    strip = max(1, min(pixels.shape) // 32)
    borders = (pixels[:strip], pixels[-strip:], pixels[:, :strip], pixels[:, -strip:])
    numbers = [*size, size[1] / size[0], file_bytes / pixels.size]
    numbers += [float((pixels <= 0.02).mean()), float((pixels >= 0.98).mean())]
    for border in borders:
        numbers += [float(border.mean()), float(border.std())]
    return np.array(numbers, np.float32)


def group_of(film: Film, by: str) -> str | None:
    """The subgroup by "sex", "age", "view" or "source" that a film belongs to; None where nobody knows."""
    values = film.table.values
    if by == "source":
        return film.source
    if by == "age":
        age = values.get("age")
        if not isinstance(age, int | float) or not np.isfinite(age):
            return None
        return next(f"{low:02} to {high - 1}" for low, high in BANDS if age < high)
    name = {"view": "view_position"}.get(by, by)
    assert name in CLINICAL_FIELDS, by
    return str(values[name]) if name in values else None
