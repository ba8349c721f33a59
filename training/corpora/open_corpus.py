"""Corpora by name: of a published file, or of a folder of imported cases."""

from collections.abc import Callable, Iterator
from pathlib import Path

from modeling.errors import ViewboxError
from training.corpora.case_folders import case_folder, is_case_folder
from training.corpora.labelled_film import Film
from training.corpora.published_films import cohen, hannover, phantoms, siim
from training.corpora.reports import indexed_reports, mined_reports

CORPORA: dict[str, tuple[str, Callable[[Path], Iterator[Film]]]] = {
    "siim": ("siim_appearance.parquet", siim),
    "cohen": ("cohen.parquet", cohen),
    "hannover": ("hannover.parquet", hannover),
    "phantom": ("phantoms.parquet", phantoms),
    "openi": ("openi/NLMCXR_reports.tgz", indexed_reports),
    "openi-mined": ("openi/NLMCXR_reports.tgz", mined_reports),
}
"""Corpus name -> the file it is read from, and its loader."""


def load(name: str, folder: Path) -> list[Film]:
    """All films of a corpus: of its file in `folder`, or of a folder of cases that bears its name.

    Raises:
        ViewboxError: an unknown corpus, or it is not in the folder.
    """
    file, loader = CORPORA.get(name, ("", None))
    if is_case_folder(folder / name) and not (file and (folder / file).is_file()):
        return list(case_folder(folder / name))
    if loader is None:
        template = "There is no corpus '{name}'; choose from {corpora}, or import it to {folder}."
        raise ViewboxError(template, name=name, corpora=", ".join(CORPORA), folder=folder / name)
    return list(loader(folder / file))
