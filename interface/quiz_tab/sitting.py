"""One reader's quiz: the set, where it stands, and what is known of the case on screen. In memory only."""

import secrets
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from cases.case import Case
from cases.phantom.study_plan import STUDY_TASKS
from interface.html.regions import planted_region
from interface.models.held_film import HeldFilm
from interface.models.model_host import ModelHost
from interface.quiz_tab.findings import answer_of, findings_asked, truth_of
from interface.quiz_tab.rules import Answer, Asked, grid_shape, is_hit, lesson, on_grid, overlap, strongest
from interface.quiz_tab.score import CaseResult
from interface.quiz_tab.studies import lesson_of_films, moved_by_further, needs_further
from modeling.explain.registry import grain_of
from modeling.labels import Task
from modeling.render.pictures import smoothed_density
from modeling.results import Attribution, TaskPrediction

if TYPE_CHECKING:
    from modeling.study_answer import StudyAnswer  # torch: not before it is needed

Stage = Literal["read", "revise", "reveal", "over"]


@dataclass(frozen=True, eq=False)
class Committed:
    """A first reading that the reader had committed to before the page was loaded again."""

    answer: Answer
    mark: np.ndarray | None


@dataclass(eq=False)
class Sitting:
    """A set under way.

    Attributes:
        key: names the sitting among those that a browser keeps.
        stage: read (nothing of the model or the reference is told), revise (the model's answer is), reveal.
        first: what the reader committed to.
        mark: (rows, columns) bool on the comparing grid, as it was when the reader committed.
        told: the model's answer for the case; None until the reader has committed, and where it gives none.
        grading: the model's beside it, where something else was asked; empty for none.
        stop: stops the map that is being computed.
        whole: what the model of studies says of several films; None before the reference is told.
        waiting: what was committed for the next film before a reload; the model's answer follows it at once.
    """

    code: str
    asked: tuple[Asked, ...]
    key: str = field(default_factory=lambda: secrets.token_hex(6))
    rows: list[CaseResult] = field(default_factory=list)
    stage: Stage = "read"
    case: Case | None = None
    film: HeldFilm | None = None
    host: ModelHost | None = None
    first: Answer | None = None
    mark: np.ndarray | None = None
    reminded: bool = False
    told: TaskPrediction | None = None
    grading: str = ""
    map: Attribution | None = None
    whole: "StudyAnswer | None" = None
    stop: threading.Event = field(default_factory=threading.Event)
    waiting: Committed | None = None

    @property
    def number(self) -> int:
        """Of the case on screen, from 1."""
        return len(self.rows) + (self.stage != "reveal")

    @property
    def current(self) -> Asked:
        """The case on screen, or the next one."""
        return self.asked[self.number - 1]

    @property
    def task(self) -> Task:
        """What the case on screen is asked about."""
        return self.current.task

    @property
    def findings(self) -> tuple[str, ...]:
        """The findings asked about on screen; empty where classes are asked that exclude each other."""
        return () if self.case is None else findings_asked(self.case, self.task)

    @property
    def explained(self) -> str:
        """The class whose map is shown: the most probable one of what is asked."""
        assert self.told is not None, "explained without an answer"
        value = dict(zip(self.told.classes, self.told.probabilities, strict=True))
        return max(self.findings or self.told.classes, key=value.__getitem__)

    def put(self, case: Case, film: HeldFilm, host: ModelHost) -> None:
        """Lay the next case; work on the last one stops."""
        self.stop.set()
        self.stop, self.stage = threading.Event(), "read"
        self.case, self.film, self.host = case, film, host
        self.first, self.mark, self.told, self.map, self.whole = None, None, None, None, None
        self.reminded = self.task in STUDY_TASKS  # on several films nothing is marked

    def end(self) -> None:
        """No further case; films and maps go."""
        self.stop.set()
        self.stage, self.case, self.film, self.map = "over", None, None, None

    def result(self, second: Answer) -> CaseResult:
        """What came of the case on screen."""
        assert self.case is not None and self.first is not None, self.stage
        truth, planted = truth_of(self.case, self.task), planted_on_grid(self.case)
        model, probability = answer_of(self.told, self.findings)
        return CaseResult(
            number=self.number,
            case_id=self.case.case_id,
            truth=truth,
            first=self.first.class_name,
            first_confidence=self.first.confidence,
            second=second.class_name,
            second_confidence=second.confidence,
            model=model,
            model_probability=probability,
            drill=self.current.drill,
            marked=self.mark is not None,
            iou_truth=overlap(self.mark, planted),
            hit_truth=is_hit(self.mark, planted),
            iou_map=self.map_overlap,
            lesson=self._lesson(self.case, self.first.class_name, second.class_name, truth, model),
            task=str(self.task),
        )

    def _lesson(self, case: Case, first: str, second: str, truth: str, model: str) -> str:
        if self.task in STUDY_TASKS:
            moved = self.whole is not None and moved_by_further(self.whole, self.task, truth)
            return lesson_of_films(first, second, truth, needs_further(case, self.task), moved=moved)
        evidence = case.evidence
        confounder = evidence.confounder if evidence else ""
        holders = evidence.modality.get(self.task, ()) if evidence else ()
        return lesson(first, second, truth, model, confounder=confounder, holders=holders)

    @property
    def map_overlap(self) -> float | None:
        """Overlap of the mark with the strongest part of the map, of the same area; None without either."""
        if self.mark is None or self.map is None or self.map.image is None:
            return None
        density = on_grid(smoothed_density(self.map.image, grain_of(self.map.method)), self.mark.shape)
        return overlap(self.mark, strongest(density, int(self.mark.sum())))


def planted_on_grid(case: Case) -> np.ndarray | None:
    """(rows, columns) bool on the comparing grid: every planted opacity; None where none is known."""
    film = case.study.radiograph
    return None if film is None else planted_region(case, grid_shape(film.shape))
