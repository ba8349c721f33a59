"""The model of whole studies: loaded when somebody first asks about one, and never before."""

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from interface.models.model_host import Gateway
from modeling.errors import CheckpointError
from modeling.labels import Target
from modeling.study import DatedFilm, RefusedFilm, Study

if TYPE_CHECKING:  # torch: not before it is needed
    from modeling.explain.change import FilmChange
    from modeling.study_answer import StudyAnswer, StudyPipeline


class StudyHost:
    """One checkpoint of studies, and its work on the CPU; a question waits while it is loaded (a second)."""

    def __init__(self, load: Callable[[], "StudyPipeline"] | None = None) -> None:
        """`load` gives the pipeline; None where there is no such checkpoint."""
        self._load, self._lock = load, threading.Lock()
        self._pipeline: StudyPipeline | None = None
        self._gateway = Gateway()

    @property
    def pipeline(self) -> "StudyPipeline":
        """The pipeline, loaded if need be. Raises CheckpointError: there is none, or it cannot be loaded."""
        if self._load is None:
            raise CheckpointError("There is no checkpoint for whole studies here; ask about one film.")
        with self._lock:
            if self._pipeline is None:
                self._pipeline = self._load()
            return self._pipeline

    def predict(
        self,
        films: Sequence[DatedFilm],
        study: Study,
        target: Target | str = "",
        *,
        refused: Sequence[RefusedFilm] = (),
        source: str | None = None,
    ) -> "StudyAnswer":
        """Short work; see `StudyPipeline.predict`."""
        about = {"refused": refused, "source": source}
        return self._gateway.quickly(self.pipeline.predict, films, study, target, **about)

    def explain(
        self,
        answer: "StudyAnswer",
        target: Target | str,
        stop: threading.Event,
        progress: Callable[[float], None] | None = None,
    ) -> Iterator["StudyAnswer"]:
        """Refined as it goes, and making way for predictions; see `StudyPipeline.explain`."""
        return self._gateway.steps(self.pipeline.explain, answer, target, stop=stop, progress=progress)

    def change(self, films: Sequence[DatedFilm], pair: tuple[int, int]) -> "FilmChange":
        """Short work; see `modeling.explain.change.film_change`."""
        from modeling.explain.change import film_change

        pipeline = self.pipeline
        with self._gateway.short():
            return film_change(pipeline.model, pipeline.processor, films, pair)
