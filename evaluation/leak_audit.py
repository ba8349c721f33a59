"""The leak audit: small models that never see the lungs, trained and scored on the same films.

Where one of them comes near the checkpoint, the labels leak from somewhere else: the film's origin, file or
notes, which are read from the corpora's own columns; films are decoded only for their border.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from PIL import Image
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

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


# --- the small models


SEED = 0
TREES = 200
SHUFFLES = 20
LEAST_WORDS = 2


@dataclass(frozen=True, eq=False)
class Side:
    """One side of the split: its films, what is known beside them, and (N,) class numbers."""

    films: Sequence[Film]
    facts: Sequence[FilmFacts]
    labels: np.ndarray


@dataclass(frozen=True, eq=False)
class AuditRow:
    """The answers of a small model for the validation films."""

    name: str
    sees: str  # in words, all that it was allowed to see
    runs: tuple[np.ndarray, ...]  # N K probabilities each; several where chance decides, to be averaged over


def audit(train: Side, validation: Side, classes: int) -> list[AuditRow]:
    """Every small model that these films of one task allow; one without anything to see is left out."""
    shares = np.bincount(train.labels, minlength=classes) / len(train.labels)
    constant = np.tile(shares, (len(validation.labels), 1))
    rows = [AuditRow("majority", "the classes' shares in training", (constant,))]
    for name, sees, build in VIEWS:
        columns = build(train, validation)
        if columns is not None:
            rows.append(AuditRow(name, sees, (_fitted(_model(name), *columns, train.labels, classes),)))
    return [*rows, _shuffled(train, validation, classes)]


def audit_several(
    train: Sequence[Film], tested: Sequence[Film], labels: np.ndarray, folder: Path | None
) -> dict[str, tuple[str, np.ndarray]]:
    """The same for K classes that do not exclude each other: name -> what it sees, and (N, K) probabilities.

    `labels`: (M, K) of the training films, 0, 1 and NaN; a class is learnt from those that are known.

    Raises:
        StudyError: a film cannot be decoded.
    """
    learnt, asked = facts_of(train, folder), facts_of(tested, folder)
    values: dict[str, np.ndarray] = {}
    sees: dict[str, str] = {}
    for k, label in enumerate(labels.T):
        rows = np.flatnonzero(np.isfinite(label))
        own = Side([train[i] for i in rows], [learnt[i] for i in rows], label[rows].astype(int))
        for row in audit(own, Side(tested, asked, np.zeros(len(tested), int)), 2) if len(rows) else ():
            sees[row.name] = row.sees
            table = values.setdefault(row.name, np.zeros((len(tested), labels.shape[1])))
            table[:, k] = np.mean(row.runs, axis=0)[:, 1]
    return {name: (sees[name], table) for name, table in values.items()}


def _shuffled(train: Side, validation: Side, classes: int) -> AuditRow:
    """Labels in random order, so that only a flaw of the protocol could make it better than chance."""
    generator, columns = np.random.default_rng(SEED), _table_and_source(train, validation)
    name, sees = "shuffled labels", f"table and source, {SHUFFLES} random orders of the labels"
    orders = (generator.permutation(train.labels) for _ in range(SHUFFLES))
    return AuditRow(name, sees, tuple(_fitted(_model(name), *columns, order, classes) for order in orders))


def _fitted(
    model: Any, train: np.ndarray, validation: np.ndarray, labels: np.ndarray, classes: int
) -> np.ndarray:
    """(N, K) probabilities; a class that training never showed gets 0."""
    if len(np.unique(labels)) < 2:
        return np.tile(np.bincount(labels, minlength=classes) / len(labels), (validation.shape[0], 1))
    model.fit(train, labels)
    values = np.zeros((validation.shape[0], classes))
    values[:, model.classes_] = model.predict_proba(validation)
    return values


def _model(name: str) -> Any:
    if name == "text":
        return LogisticRegression(C=10.0, max_iter=1000, class_weight="balanced")
    if name in ("thumbnail", "shuffled labels"):
        return make_pipeline(StandardScaler(), LogisticRegression(C=0.003, max_iter=2000))
    return ExtraTreesClassifier(TREES, min_samples_leaf=3, random_state=SEED)


# --- what each one sees ------------------------------------------------------------------------------------

Columns = tuple[np.ndarray, np.ndarray]


def _table(train: Side, validation: Side) -> Columns | None:
    known = sorted({name for film in train.films for name in film.table.values})

    def value(film: Film, name: str) -> float:
        given, spec = film.table.values.get(name), CLINICAL_FIELDS[name]
        if given is None:
            return np.nan
        categorical = spec.kind == "categorical"
        return float(
            spec.categories.index(str(given)) if categorical else np.clip(given, spec.low, spec.high)
        )

    if not known:
        return None
    sides = (train, validation)
    rows = [np.array([[value(film, name) for name in known] for film in side.films]) for side in sides]
    return tuple(np.concatenate([np.nan_to_num(r, nan=-1.0), np.isnan(r)], axis=1) for r in rows)


def _text(train: Side, validation: Side) -> Columns | None:
    def text(film: Film, facts: FilmFacts) -> str:
        return " ".join([*film.text.sections.values(), facts.notes]).strip()

    seen, unseen = (list(map(text, side.films, side.facts)) for side in (train, validation))
    if sum(len(words.split()) >= LEAST_WORDS for words in seen) < 10:
        return None
    words = TfidfVectorizer(min_df=2, ngram_range=(1, 2), sublinear_tf=True, stop_words="english")
    return words.fit_transform(seen), words.transform(unseen)


def _joined(*columns: Columns) -> Columns:
    return tuple(np.concatenate(side, axis=1) for side in zip(*columns, strict=True))


def _source(train: Side, validation: Side) -> Columns:
    names = sorted({name for facts in train.facts for name in facts.origin})
    seen, new = [[[f.origin.get(n, "unknown") for n in names] for f in s.facts] for s in (train, validation)]
    encoder = OneHotEncoder(handle_unknown="ignore", min_frequency=3, sparse_output=False)
    files = tuple(np.stack([f.file for f in side.facts]) for side in (train, validation))
    return _joined(files, (encoder.fit_transform(seen), encoder.transform(new)))


def _thumbnail(train: Side, validation: Side) -> Columns:
    return tuple(np.stack([f.thumbnail.ravel() for f in side.facts]) for side in (train, validation))


def _table_and_source(train: Side, validation: Side) -> Columns:
    table, source = _table(train, validation), _source(train, validation)
    return source if table is None else _joined(table, source)


VIEWS: tuple[tuple[str, str, Callable[[Side, Side], Columns | None]], ...] = (
    ("table", "the clinical fields alone", _table),
    ("text", "the indication or the corpus's clinical notes alone", _text),
    ("source", "site, licence, view, size of the file and border of the film", _source),
    ("thumbnail", "the film at 16 x 16 pixels", _thumbnail),
)
