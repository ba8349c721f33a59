"""Many films in one command: a row each, what stands against an answer first; no film stops the others."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from modeling.answers import Json, prediction_json
from modeling.errors import StudyError
from modeling.labels import TASKS
from modeling.progress import progress
from modeling.results import Prediction
from modeling.study import Study

if TYPE_CHECKING:  # torch: not before there is a film
    from modeling.pipeline import DiagnosisPipeline

BATCH = 8
BATCH_BYTES = 64 * 2**20
"""Most films, and about the most bytes of their files, in one pass through the model: each lane holds one."""
_ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".dcm", ".dicom"})


@dataclass(frozen=True)
class FilmAnswer:
    """A film's prediction, or the sentence that says why it has none."""

    film: Path
    prediction: Prediction | None
    problem: str = ""

    @property
    def refusal(self) -> str:
        """Why there is no answer, or better none; empty where nothing speaks against it."""
        return self.problem if self.prediction is None else str(self.prediction.refusal or "")

    def as_json(self) -> Json:
        """The prediction's own, with the film's name in front."""
        if self.prediction is None:
            return {"film": str(self.film), "refusal": self.problem}
        return {"film": str(self.film), **prediction_json(self.prediction)}

    def __str__(self) -> str:
        return f"{self.film}\n{self.problem if self.prediction is None else self.prediction}\n"


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
        return [FilmAnswer(f, s.prediction, s.problem) for f, s in zip(batch, scored, strict=True)]

    def size(film: Path) -> int:
        return film.stat().st_size if film.is_file() else 0

    with progress(what="predicting", total=len(films)) as bar:
        for answers in in_lanes(answered, portions(films, BATCH, size, BATCH_BYTES)):
            yield from answers
            bar.update(len(answers))


def table_header(pipeline: "DiagnosisPipeline") -> list[str]:
    """The columns of a table of answers; what stands against an answer comes first."""
    tasks = [task.name for task in pipeline.config.tasks]
    asked = [(task, name) for task in tasks for name in ("answer", "cannot rule out", *TASKS[task].classes)]
    first = ("film", "refusal", "warnings", "distance", "usual up to")
    return [*first, *(f"{task}: {name}" for task, name in asked), "checkpoint", "revision"]


def table_row(pipeline: "DiagnosisPipeline", answer: FilmAnswer) -> list[str]:
    """A film's cells below `table_header`, empty where there is nothing to say."""
    row: dict[str, object] = {"film": answer.film, "refusal": answer.refusal}
    if (found := answer.prediction) is not None:
        row |= {"warnings": " ".join(found.warnings[1 if found.refusal else 0 :])}
        row |= {"checkpoint": found.checkpoint, "revision": found.revision}
        if near := found.familiarity:
            row |= {"distance": f"{near.score:.3f}", "usual up to": f"{near.threshold:.3f}"}
        for task in found.tasks:
            row[f"{task.task}: answer"] = task.most_probable
            if task.task in found.sets:
                row[f"{task.task}: cannot rule out"] = ", ".join(found.sets[task.task].classes)
            for name, probability in zip(task.classes, task.probabilities, strict=True):
                row[f"{task.task}: {name}"] = f"{probability:.4f}"
    return [str(row.get(name, "")) for name in table_header(pipeline)]
