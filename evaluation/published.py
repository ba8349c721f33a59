"""The films of a file or a folder to measure on; whose a file is, its columns tell."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from cases.importers import covid_net
from evaluation.external import from_outside
from modeling.errors import ViewboxError
from training.corpora.labelled_film import Film
from training.corpora.open_corpus import CORPORA, FILES, case_folder
from training.corpora.published_films import every_nih

NIH, NIH_FILE = "nih", "nih_sample.parquet"
"""Its films say nothing of appearance or grading, and check those from outside."""
OUTSIDE = (covid_net.ACTUALMED.source, covid_net.FIGURE_1.source)
"""Sets that do so once they are imported into a folder of their name."""
COLUMNS: dict[str, tuple[str, ...]] = {
    "siim": ("image_id", "study_id", "image", "appearance"),
    "cohen": ("patientid", "filename", "modality", "image"),
    "hannover": ("patient_id", "image_id", "projection", "crp_val", "image"),
    "phantom": ("case_id", "reference", "opacities", "image"),
    NIH: ("image_id", "patient_id", "findings", "image"),
}
"""Corpus -> columns that its published file has and no other's."""


def films_at(data: Path, corpus: str | None = None) -> tuple[str, list[Film]]:
    """The name of a corpus and its films: of a published file, or of a folder of imported cases.

    `corpus`: whose columns a file has; else they tell.

    Raises:
        ViewboxError: nothing is there, or its columns are those of no corpus.
    """
    if data.is_dir():
        if not any(data.glob(FILES)):
            no_cases = "'{folder}' holds no imported cases; name one of its Parquet files, or import the set."
            raise ViewboxError(no_cases, folder=data.name)
        return data.name, list(case_folder(data))
    name = corpus or corpus_of(data)
    if name == NIH:
        return name, nih_films(data)
    if name not in CORPORA:
        template = "There is no corpus '{name}'; choose one of {names}."
        raise ViewboxError(template, name=name, names=", ".join(CORPORA))
    return name, list(CORPORA[name][1](data))


def corpus_of(path: Path) -> str:
    """The corpus that a Parquet file's columns are of. Raises ViewboxError: of none, or it is not there."""
    from pyarrow import ArrowInvalid, parquet

    try:
        columns = set(parquet.read_schema(path).names)
    except FileNotFoundError as exc:
        absent = "There is no file {path} in {parent}; name a Parquet file of films, or a folder of cases."
        raise ViewboxError(absent, path=path.name, parent=path.parent) from exc
    except (OSError, ArrowInvalid) as exc:
        template = "'{path}' is no Parquet file; name one of films, or a folder of imported cases."
        raise ViewboxError(template, path=path.name) from exc
    if {"case_id", "document"} <= columns:
        raise ViewboxError("'{path}' is one file of a folder of cases; name the folder.", path=path.name)
    found = next((name for name, own in COLUMNS.items() if columns.issuperset(own)), None)
    if found is None:
        template = "'{path}' has the columns of no set known here ({names}); import it and name its folder."
        raise ViewboxError(template, path=path.name, names=", ".join(COLUMNS))
    return found


def outside_films(data: Path) -> Iterator[list[Film]]:
    """The films of each set in a folder that checks from outside: NIH's file, imports of `OUTSIDE`."""
    if (data / NIH_FILE).is_file():
        yield nih_films(data / NIH_FILE)
    for name in OUTSIDE:
        films = from_outside(list(case_folder(data / name))) if any((data / name).glob(FILES)) else []
        if films:
            yield films


def nih_films(path: Path) -> list[Film]:
    """All films of NIH's file, as a check from outside; a checkpoint that learnt from some names them."""
    return [replace(film, split="test") for film in every_nih(path)]
