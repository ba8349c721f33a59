"""Whole studies of a lake: one answer a study, and what each of its films adds to it."""

from typing import TYPE_CHECKING, Any

from cases.store import CaseStore
from modeling.errors import CaseStoreError, StudyError
from modeling.labels import Target

if TYPE_CHECKING:  # torch: not before it is needed
    from modeling.batch import Scored
    from modeling.study_answer import StudyAnswer, StudyPipeline


def study_answers(
    store: CaseStore, pipeline: "StudyPipeline", ids: list[str]
) -> list[tuple[str, str, "Scored", list[dict[str, Any]]]]:
    """Case ID, source, answer and `films_added` of every case; one that was taken out is left out."""
    from modeling.batch import Scored

    found = []
    for case_id, case in store.several(ids):
        if isinstance(case, CaseStoreError):
            found.append((case_id, "", Scored(None, {}, str(case)), []))
            continue
        study = case.study_with_report if pipeline.processor.config.is_post_read else case.study
        source = case.provenance.source
        try:
            answer = pipeline.predict(case.films, study, source=source or None)
            found.append((case_id, source, Scored(answer.prediction, {}), films_added(answer)))
        except StudyError as exc:
            found.append((case_id, source, Scored(None, {}, str(exc)), []))
    return found


def films_added(answer: "StudyAnswer") -> list[dict[str, Any]]:
    """Of every film its view, its days before the study, and what it adds to the most probable class of each
    task: `shapley` and `lost_without`, both in logits (`modeling.study_answer.FilmPart`)."""
    films = [
        {
            "view_position": str(film.radiograph.view_position),
            "days_before": film.days_before,
            "shapley": {},
            "lost_without": {},
        }
        for film in answer.films
    ]
    for task in answer.prediction.tasks:
        worth = answer.shapley(Target(task.task, task.most_probable))
        for film, value, lost in zip(films, worth.values, worth.left_out, strict=True):
            film["shapley"][str(task.task)] = float(value)
            film["lost_without"][str(task.task)] = float(lost)
    return films
