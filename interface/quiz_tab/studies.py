"""Sets on studies of several films: read from some films first, then from all, then told what each added.

"Both views" asks from the day's frontal film whether there is an opacity, then shows the lateral; "earlier
films" asks from the day's films what has changed, then shows the prior. The studies are phantoms, so that
what is true is known; they are drawn when they are asked for, whatever the store holds.
"""

import logging
from collections.abc import Sequence
from itertools import compress
from typing import TYPE_CHECKING

import numpy as np

from cases.case import Case
from cases.phantom.study_plan import CHANGE, OPACITY, STATES, STUDY_TASKS
from interface.html.pictures import shown_film, small_film
from interface.html.regions import ReferenceRegion
from interface.html.study_films import film_words
from interface.language.texts import Language, listed, say
from interface.models.held_film import HeldFilm, hold
from interface.models.study_host import StudyHost
from interface.quiz_tab.rules import Candidate, grid_shape, on_grid
from modeling.errors import CheckpointError
from modeling.labels import Task
from modeling.study import DatedFilm, Radiograph, ViewPosition

if TYPE_CHECKING:
    from modeling.study_answer import StudyAnswer  # torch: not before it is needed

logger = logging.getLogger(__name__)

_GAP = 6
"""Black pixels between two films."""


def study_candidates() -> tuple[Candidate, ...]:
    """Every phantom study for teaching, for each question of `STUDY_TASKS` that it can be asked."""
    from cases.phantom.teaching_studies import teaching_studies  # late: the phantoms' machinery

    opacity, change = STUDY_TASKS
    found = []
    for case_id, (_, settings) in teaching_studies().items():
        if (ViewPosition.LATERAL, 0) in settings.films:
            truth = STATES[settings.change in ("new", "unchanged")]
            found.append(Candidate(case_id, truth, task=opacity))
        if any(when for _, when in settings.films):
            found.append(Candidate(case_id, settings.change, task=change))
    return tuple(found)


def shown_first(films: Sequence[DatedFilm], task: Task) -> list[bool]:
    """Which of the films asked about are shown before the reader commits."""
    if task == OPACITY:
        return [film.radiograph.view_position is not ViewPosition.LATERAL for film in films]
    return [film.days_before == 0 for film in films]


def films_asked(case: Case, task: Task, *, whole: bool) -> tuple[DatedFilm, ...]:
    """The films that a question is about: those shown first, or the `whole` of them."""
    films = [film for film in case.films if task != OPACITY or film.days_before == 0]
    return tuple(films if whole else compress(films, shown_first(films, task)))


def film_asked(case: Case, task: Task, *, whole: bool = False) -> HeldFilm | None:
    """The film for the viewer; of several all of them together. None where none may be shown."""
    if task not in STUDY_TASKS:
        return hold(case)
    return HeldFilm(Radiograph(_pictures(films_asked(case, task, whole=whole))))


def picture_asked(case: Case, task: Task) -> np.ndarray | None:
    """The same, whole, as `shown_film` gives one film."""
    if task not in STUDY_TASKS:
        return shown_film(case)
    return _pictures(films_asked(case, task, whole=True))


def _pictures(films: Sequence[DatedFilm]) -> np.ndarray:
    return laid(films, [small_film(film.radiograph) for film in films])


def laid(films: Sequence[DatedFilm], pictures: Sequence[np.ndarray]) -> np.ndarray:
    """(H, W) of several: those of a day side by side, earlier days below; one a day all side by side.

    Args:
        pictures: (h, w) a film, of one dtype; what stands between them is 0.
    """
    days = sorted({film.days_before for film in films})
    if len(days) == len(films):
        return _joined(pictures, axis=1)
    each = [[p for film, p in zip(films, pictures, strict=True) if film.days_before == day] for day in days]
    return _joined([_joined(row, axis=1) for row in each], axis=0)


def _joined(pictures: Sequence[np.ndarray], axis: int) -> np.ndarray:
    """Pictures along an axis, with a gap between them, each filled up with 0 along the other."""
    across = max(picture.shape[1 - axis] for picture in pictures)
    parts = []
    for number, picture in enumerate(pictures):
        missing = (0, across - picture.shape[1 - axis])
        gap = (_GAP if number else 0, 0)
        parts.append(np.pad(picture, (gap, missing) if axis == 0 else (missing, gap)))
    return np.concatenate(parts, axis=axis)


def which_films(case: Case, task: Task, language: Language, *, whole: bool) -> str:
    """What stands in the viewer, from left to right and row by row; "" for one film of a single case."""
    if task not in STUDY_TASKS:
        return ""
    return listed((film_words(f, language) for f in films_asked(case, task, whole=whole)), language, "; ")


def planted_on_films(case: Case, task: Task, language: Language) -> ReferenceRegion | None:
    """Where the opacity lies on every film asked about of a day that has it; None for none.

    On a frontal film that hides it, this is where it would show.
    """
    from cases.phantom.teaching_studies import teaching_study

    study = teaching_study(case.case_id)
    films, planned = films_asked(case, task, whole=True), zip(study.plan.films, study.masks, strict=True)
    kept = {(film.position, film.days_before): mask for film, mask in planned}
    masks = [
        kept[film.radiograph.view_position, film.days_before] & (film.days_before in study.plan.present)
        for film in films
    ]
    together = laid(films, masks)
    if not together.any():
        return None
    mask = on_grid(together, grid_shape(together.shape))
    return ReferenceRegion(mask, say("region.planted", language), say("region.planted_legend", language))


def needs_further(case: Case, task: Task) -> bool:
    """Whether no film that is shown first could show the answer."""
    from cases.phantom.teaching_studies import teaching_study

    plan = teaching_study(case.case_id).plan
    return task == CHANGE or (plan.hidden and 0 in plan.present)


def study_answer(studies: StudyHost, case: Case, task: Task) -> "StudyAnswer | None":
    """What the model of studies says from all films asked about; None where there is no such model here."""
    films = films_asked(case, task, whole=True)
    try:
        return studies.predict(films, case.study, source=case.provenance.source or None)
    except CheckpointError as exc:
        logger.info("quiz: no answer for %s: %s", case.case_id, exc)
        return None


def moved_by_further(answer: "StudyAnswer", task: Task, truth: str) -> bool:
    """Whether the further films change the model's probability of what is true by ten points or more."""
    tasks = answer.with_films(shown_first(answer.films, task)), answer.prediction.tasks
    before, after = (next(one for one in each if one.task == task) for each in tasks)
    place = task.index(truth)
    return bool(abs(after.probabilities[place] - before.probabilities[place]) >= 0.1)


def lesson_of_films(first: str, second: str, truth: str, needed: bool, *, moved: bool = False) -> str:
    """Key of the sentence of teaching: what a further film changed, or that it was a guess before it.

    Args:
        needed: as `needs_further`.
        moved: as `moved_by_further`.
    """
    if first != truth:
        return "quiz.lesson_film_helped" if second == truth else "quiz.lesson_missed"
    if second != truth:
        return "quiz.lesson_film_misled"
    if needed:
        return "quiz.lesson_film_guess"
    return "quiz.lesson_film_moved" if moved else "quiz.lesson_film_idle"
