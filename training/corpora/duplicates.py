"""The same film twice: by content, and by a perceptual hash that survives another encoding or size.

A film that stands on both sides of a split flatters the model. The hashes go into `split.csv`, so that
anyone who holds the films can check it without the films being passed on.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import imagehash
import numpy as np
from PIL import Image
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from modeling.csv_cells import csv_rows, csv_text
from modeling.errors import ViewboxError
from training.corpora.labelled_film import Film
from training.corpora.open_corpus import CORPORA

SIDE = 16
"""The perceptual hash has 16 x 16 bits (pHash: signs of low frequencies of the discrete cosine transform) of
the middle square of the film."""

NEAR = 20
"""Hashes that differ in at most so many of 256 bits are taken for one film."""

SPLIT_FILE = "split.csv"
SIDES = {"train", "validation", "test"}
LEFT_OUT = "left out"
"""Instead of a side: films of a corpus's file that its loader gives nobody."""

FILE_COLUMNS = {"cohen": ("filename", "patientid"), "hannover": ("image_id", "patient_id")}
"""Corpus -> the columns of film and patient in its file."""

_BLOCK = 512


@dataclass(frozen=True)
class Hashed:
    """A film by its hashes."""

    source: str
    film_id: str
    patient: str
    split: str
    content: str  # first 16 hex digits of the SHA-256 of the stored file
    perceptual: str  # 64 hex digits

    @property
    def bits(self) -> np.ndarray:
        """(4,) uint64."""
        return np.frombuffer(bytes.fromhex(self.perceptual), np.uint64)


def hash_films(films: Iterable[Film]) -> list[Hashed]:
    """The hashes of each film.

    Raises:
        StudyError: a film cannot be decoded.
    """
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(_hashed, films))


def left_out(films: Iterable[Film], folder: Path) -> list[Film]:
    """The films of Cohen's and Hannover's files that are on no side: without a label, or in both files."""
    import pyarrow.parquet as pq

    films = list(films)
    found = []
    for source in sorted({film.source for film in films} & set(FILE_COLUMNS)):
        film_column, patient_column = FILE_COLUMNS[source]
        if not (folder / CORPORA[source][0]).is_file():
            continue  # it came as a folder of cases, all of which are films here
        taken = {film.film_id for film in films if film.source == source}
        columns = [film_column, patient_column, "image"]
        for row in pq.read_table(folder / CORPORA[source][0], columns=columns).to_pylist():
            if row[film_column] not in taken:
                patient = f"{source}-{row[patient_column]}"
                found.append(Film(row[film_column], source, patient, LEFT_OUT, row["image"]))
    return found


def _hashed(film: Film) -> Hashed:
    pixels = film.pixels()
    if pixels.dtype != np.uint8:
        values = pixels.astype(np.float32)
        pixels = (values * (255.0 / max(float(values.max()), 1.0))).astype(np.uint8)
    gray = _middle_square(Image.fromarray(pixels), film.pixel_aspect_ratio)
    content = hashlib.sha256(film.encoded).hexdigest()[:16]
    found = str(imagehash.phash(gray, hash_size=SIDE))
    return Hashed(film.source, film.film_id, film.patient, film.split, content, found)


def _middle_square(picture: Image.Image, pixel_aspect_ratio: float) -> Image.Image:
    """The largest square in the middle: a film that was cropped to a square keeps its hash.

    92 films of the Cohen set are Hannover films cropped so.
    """
    width, height = float(picture.width), picture.height * pixel_aspect_ratio
    side = min(width, height)
    left, top = (width - side) / 2, (height - side) / 2 / pixel_aspect_ratio
    return picture.crop((round(left), round(top), round(left + side), round(top + side / pixel_aspect_ratio)))


@dataclass(frozen=True)
class Pair:
    """Two films that are one, with the number of bits in which their hashes differ."""

    first: Hashed
    second: Hashed
    distance: int

    @property
    def crosses(self) -> bool:
        """Whether they stand on two sides of the split."""
        return {self.first.split, self.second.split} <= SIDES and self.first.split != self.second.split

    @property
    def same_patient(self) -> bool:
        """Whether they carry one patient's name."""
        return self.first.patient == self.second.patient


def near_pairs(films: Sequence[Hashed], limit: int = NEAR) -> list[Pair]:
    """Every two films whose hashes differ in at most `limit` bits."""
    bits = np.stack([film.bits for film in films])  # N 4
    found = []
    for start in range(0, len(films), _BLOCK):
        block = bits[start : start + _BLOCK]
        distance = np.zeros((len(block), len(films)), np.uint16)
        for word in range(bits.shape[1]):
            distance += np.bitwise_count(block[:, None, word] ^ bits[None, :, word])
        for i, j in np.argwhere(distance <= limit):
            if start + i < j:
                found.append(Pair(films[start + i], films[j], int(distance[i, j])))
    return found


def report(films: Sequence[Hashed], pairs: Sequence[Pair]) -> dict[str, Any]:
    """Counts for `metrics.json`: how many films are one, within and across corpora, patients and sides."""
    kept = [pair for pair in pairs if LEFT_OUT not in (pair.first.split, pair.second.split)]
    kinds = {
        "exact": [p for p in kept if p.first.content == p.second.content],
        "near": [p for p in kept if p.first.content != p.second.content],
    }
    return {
        "films": dict(Counter(film.source for film in films if film.split != LEFT_OUT)),
        "bits": SIDE * SIDE,
        "at_most": NEAR,
        **{name: _counts(found) for name, found in kinds.items()},
        "across_corpora": _across(kept),
        "validation_films_with_a_twin_in_training": len(twins_in_training(kept)),
        "left_out": {
            "films": dict(Counter(film.source for film in films if film.split == LEFT_OUT)),
            "across_corpora": _across([pair for pair in pairs if pair not in kept]),
        },
    }


def find_twins(
    films: Sequence[Film], folder: Path
) -> tuple[list[Hashed], dict[str, Any], set[tuple[str, str]]]:
    """Hashes, the report on all films in the folder's files, and those held out that training showed too."""
    hashed = hash_films(films)
    everything = [*hashed, *hash_films(left_out(films, folder))]
    pairs = near_pairs(everything)
    return hashed, report(everything, pairs), twins_in_training(pairs)


def _across(pairs: Sequence[Pair]) -> dict[str, int]:
    """Pairs of two corpora."""
    names = (sorted((p.first.source, p.second.source)) for p in pairs if p.first.source != p.second.source)
    return dict(Counter(" and ".join(pair) for pair in names))


def _counts(pairs: Sequence[Pair]) -> dict[str, int]:
    return {
        "pairs": len(pairs),
        "of_two_patients": sum(not pair.same_patient for pair in pairs),
        "across_the_split": sum(pair.crosses for pair in pairs),
    }


def twins_in_training(pairs: Iterable[Pair]) -> set[tuple[str, str]]:
    """(source, film ID) of validation or test films that training showed too."""
    found = set()
    for pair in pairs:
        sides = {pair.first.split, pair.second.split}
        if pair.crosses and "train" in sides:
            held = pair.second if pair.first.split == "train" else pair.first
            found.add((held.source, held.film_id))
    return found


def write_split(path: Path, films: Sequence[Hashed]) -> None:
    """`split.csv` with a film a line: where it stands, and its hashes."""
    header = ("source", "film", "patient", "split", "sha256", "phash")
    rows = ((f.source, f.film_id, f.patient, f.split, f.content, f.perceptual) for f in films)
    path.write_text(csv_text(header, rows), encoding="utf-8", newline="")


def trained_sources(path: Path) -> set[str]:
    """The corpora that a checkpoint's `split.csv` names."""
    return {row.get("source", "") for row in csv_rows(path)} if path.is_file() else set()


def as_trained(path: Path, films: Sequence[Film]) -> list[Film]:
    """The films on the sides that a checkpoint's `split.csv` names; one that it does not name stays as it is.

    Raises:
        ViewboxError: the file cannot be read, or has other columns.
    """
    if not path.is_file():
        return list(films)
    try:
        written = {(row["source"], row["film"]): row["split"] for row in csv_rows(path)}
    except KeyError as exc:
        template = "{path} has no column {exc}; train the checkpoint again."
        raise ViewboxError(template, path=path.name, exc=str(exc)) from exc
    return [replace(film, split=written.get((film.source, film.film_id), film.split)) for film in films]


def one_person(films: Sequence[Film], patients: Iterable[str]) -> dict[str, str]:
    """Patient -> the first of `patients` who shares a film, or nearly the same one: one person."""
    names = list(dict.fromkeys(patients))
    number = {name: i for i, name in enumerate(names)}
    pairs = near_pairs(hash_films(films))
    edges = [[number[one.patient] for one in (pair.first, pair.second)] for pair in pairs]
    ends = np.array(edges, int).reshape(-1, 2).T
    graph = coo_array((np.ones(len(pairs)), tuple(ends)), (len(names), len(names)))
    _, group = connected_components(graph, directed=False)
    first = {g: name for name, g in zip(names[::-1], group[::-1].tolist(), strict=True)}
    return {name: first[g] for name, g in zip(names, group.tolist(), strict=True)}


def twins_share_a_patient(films: Sequence[Film]) -> list[Film]:
    """Films that are one film get one patient and one side, so that a split by patient keeps them together.

    A group that stood on several sides goes as a whole to training, or else to validation: a film that
    training shows, or that a choice looked at, cannot be held out for a test.
    """
    person, sides = one_person(films, sorted(film.patient for film in films)), {}
    for film in films:
        sides.setdefault(person[film.patient], set()).add(film.split)
    first = {name: min(found, key=("train", "validation", "test").index) for name, found in sides.items()}
    return [replace(f, patient=person[f.patient], split=first[person[f.patient]]) for f in films]
