"""What changed between two films of one view, by the bundled checkpoint on phantoms, whose truth is known."""

from dataclasses import replace

import numpy as np
import pytest

from cases.phantom.studies import StudySettings, generate_study
from hub_config.settings import STUDY_CHECKPOINT
from modeling.errors import StudyError, ViewboxError
from modeling.explain.change import USUAL, film_change, pairs_of_views
from modeling.model.film import resampled
from modeling.render.change_pictures import change_pictures
from modeling.study import DatedFilm, ViewPosition
from modeling.study_answer import StudyPipeline
from tests.doubles.toys import toy_films, toy_radiograph, toy_study_model

LATERALS = ((ViewPosition.PA, 0), (ViewPosition.LATERAL, 0), (ViewPosition.LATERAL, 30))


@pytest.fixture(scope="module")
def pipeline() -> StudyPipeline:
    return StudyPipeline.from_pretrained(STUDY_CHECKPOINT)


def laterals(change: str, breath: float | None = None):
    settings = StudySettings(size=128, place="behind the heart", change=change, films=LATERALS, breath=breath)
    return generate_study(10, settings=settings)


def changed(pipeline: StudyPipeline, study):
    return film_change(pipeline.model, pipeline.processor, study.films, (1, 2))


def test_what_is_new_is_seen_where_it_lies_and_what_cleared_the_other_way_round(pipeline):
    study = laterals("new")
    new, cleared = changed(pipeline, study), changed(pipeline, laterals("cleared"))
    usual = USUAL[ViewPosition.LATERAL]
    assert new.strength > usual and cleared.strength < -usual
    place = np.unravel_index(new.values.argmax(), new.values.shape)
    mask = resampled(study.masks[1].astype(np.float32), new.values.shape)
    assert mask[place] > 0.3
    drawn = change_pictures(new, study.films, pipeline.processor.config.image, side=200)
    assert drawn.today.size == drawn.earlier.size == drawn.difference.size and max(drawn.today.size) == 200
    red, _, blue = (np.asarray(drawn.difference)[..., n].astype(int) for n in range(3))
    down, across = (
        int((i + 0.5) * n / m) for i, n, m in zip(place, red.shape, new.values.shape, strict=True)
    )
    assert red[down, across] > blue[down, across] + 40, "orange for what is new"


@pytest.mark.parametrize(("change", "breath"), [("unchanged", 1.0), ("clear", 1.06)])
def test_what_stayed_and_a_deeper_breath_alone_are_no_change(pipeline, change, breath):
    found = changed(pipeline, laterals(change, breath))
    assert abs(found.strength) < USUAL[ViewPosition.LATERAL]


def test_films_of_two_views_are_refused_and_so_is_a_model_without_such_a_map(pipeline):
    study = laterals("new")
    with pytest.raises(StudyError, match="cannot be laid on today's"):
        film_change(pipeline.model, pipeline.processor, study.films, (0, 2))
    model, processor = toy_study_model()
    film = DatedFilm(toy_radiograph(0))
    with pytest.raises(ViewboxError, match="weighs every place"):
        film_change(model, processor, [film, replace(film, days_before=3)], (0, 1))


def test_each_view_of_the_day_is_compared_with_its_latest_earlier_film():
    films = toy_films(6)  # frontal and lateral today, 30 and 60 days before
    assert pairs_of_views(films) == [(0, 2), (1, 3)]
    assert pairs_of_views([films[0], films[5], films[4]]) == [(0, 2)]
    assert pairs_of_views(films[:2]) == [] and pairs_of_views(films[2:]) == []
    unknown = [
        DatedFilm(replace(f.radiograph, view_position=ViewPosition.UNKNOWN), f.days_before) for f in films
    ]
    assert pairs_of_views(unknown) == []
