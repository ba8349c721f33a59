"""Many films in one command: a row each, what stands against an answer first; no film stops the others."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from modeling.answers import FilmAnswer
from modeling.errors import StudyError
from modeling.progress import progress
from modeling.study import Study

if TYPE_CHECKING:  # torch: not before there is a film
    from modeling.pipeline import DiagnosisPipeline

BATCH = 8
BATCH_BYTES = 64 * 2**20
"""Most films, and about the most bytes of their files, in one pass through the model: each lane holds one."""
_ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".dcm", ".dicom"})


def films_of(paths: Iterable[Path]) -> list[Path]:
    """Files as they are named, and of folders, however deep, what is a film by its ending or its beginning.

    Raises StudyError: there is none.
    """
    paths, films = list(paths), []
    for path in paths:
        films += sorted(filter(_is_film, path.rglob("*"))) if path.is_dir() else [path]
    if not films:
        none = "There is no film in '{folder}'; give PNG, JPEG or DICOM files, or folders of them."
        raise StudyError(none, folder=paths[0])
    return list(dict.fromkeys(films))


def _is_film(path: Path) -> bool:
    if path.name.startswith(".") or not path.is_file():
        return False
    if path.suffix.lower() in _ENDINGS:
        return True
    try:
        with path.open("rb") as file:
            return file.read(132)[128:] == b"DICM"  # archives name such files by their UID
    except OSError:
        return True  # its row says that it cannot be read


def predict_films(pipeline: "DiagnosisPipeline", films: Sequence[Path]) -> Iterator[FilmAnswer]:
    """An answer for each film, in order, several films at once; how far it is stands on standard error."""
    from cases.store import portions
    from modeling.batch import PreparedStudy, in_lanes, prepare, score
    from viewbox.studies import open_study

    def prepared(film: Path) -> PreparedStudy:
        try:
            return prepare(pipeline, open_study(film))
        except StudyError as exc:
            return PreparedStudy(Study(), None, str(exc))

    def answered(batch: list[Path]) -> list[FilmAnswer]:
        scored = score(pipeline, [prepared(film) for film in batch])
        return [FilmAnswer(str(f), s.prediction, s.problem) for f, s in zip(batch, scored, strict=True)]

    def size(film: Path) -> int:
        return film.stat().st_size if film.is_file() else 0

    with progress(what="predicting", total=len(films)) as bar:
        for answers in in_lanes(answered, portions(films, BATCH, size, BATCH_BYTES)):
            yield from answers
            bar.update(len(answers))
