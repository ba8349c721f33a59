"""Phantom studies: what each film shows follows from one thorax, one opacity and the plan."""

import re
import time
from dataclasses import replace

import numpy as np
import pytest

from cases.phantom import studies as made_studies
from cases.phantom.making import brightness
from cases.phantom.projection import View
from cases.phantom.streams import stream
from cases.phantom.studies import PhantomStudy, StudySettings, generate_study, study_seed
from cases.phantom.study_plan import (
    CHANGE,
    CHANGES,
    HIDDEN,
    LANGUAGES,
    OPACITY,
    PLACES,
    draw_study_plan,
    study_reports,
)
from modeling.errors import ViewboxError
from modeling.study import MOST_FILMS, DatedFilm, Radiograph, ViewPosition, checked_films

PA, LATERAL = ViewPosition.PA, ViewPosition.LATERAL
BOTH_DAYS = ((PA, 0), (LATERAL, 0), (PA, 40), (LATERAL, 40))
CHINESE = re.compile("[\u4e00-\u9fff]")


def _study(seed: int, **settings: object) -> PhantomStudy:
    return generate_study(seed, settings=StudySettings(size=128, films=BOTH_DAYS, **settings))


@pytest.fixture(scope="module")
def hidden() -> list[PhantomStudy]:
    """New opacities behind the heart and before the spine, several of each."""
    return [_study(study_seed(3, n), place=HIDDEN[n % 2], change="new") for n in range(8)]


def test_what_heart_and_spine_hide_drowns_on_the_frontal_and_stands_out_on_the_lateral(hidden) -> None:
    for study in hidden:
        frontal, lateral = (study.signals[n][study.masks[n]].mean() / study.noises[n] for n in range(2))
        assert frontal < 1.0, (study.study_id, frontal)
        assert lateral > 20.0, (study.study_id, lateral)
        assert study.plan.evidence[OPACITY] == (1,) and study.plan.evidence[CHANGE] == (1, 3)


def test_an_open_opacity_shows_on_both_views() -> None:
    for n, place in enumerate(("right lung", "left lung")):
        study = _study(n, place=place, change="new")
        for number in range(2):
            assert study.signals[number][study.masks[number]].mean() > 8 * study.noises[number]
        assert study.plan.evidence[OPACITY] == (0, 1)


def test_on_a_day_without_it_nothing_is_added() -> None:
    study = _study(5, place="left lung", change="cleared")
    assert not study.signals[0].any() and not study.signals[1].any()
    assert study.signals[2].any() and study.signals[3].any()
    assert study.plan.reference == {OPACITY: "absent", CHANGE: "cleared"}


def test_masks_of_both_views_lie_at_the_same_height_of_the_body() -> None:
    for n, place in enumerate(PLACES):
        plan = draw_study_plan(stream(n, "study"), place=place, change="new", films=BOTH_DAYS, breath=1.0)
        patient = made_studies.draw_study_patient(n)
        balls = made_studies.draw_balls(stream(n, "opacities"), plan, patient)
        usual = made_studies.PhantomSettings(size=128)
        heights = []
        for film in plan.films[:2]:
            view = made_studies.pose(film, stream(n, "patient"), patient, usual)
            _, y = view.plane(balls[0][0][0 if view.lateral else 2])
            inside = np.maximum.reduce([made_studies.chord(ball, view) for ball in balls]) > 0
            heights.append((y[inside].min(), y[inside].max()))
        assert np.allclose(heights[0], heights[1], atol=6.0), (place, heights)


def test_every_mask_has_its_films_shape_and_holds_something(hidden) -> None:
    for study in hidden:
        for film, mask in zip(study.films, study.masks, strict=True):
            assert mask.shape == film.radiograph.shape and mask.dtype == bool and mask.any()


def _noiseless(seed: int, breath: float, pose: View | None = None) -> tuple[np.ndarray, np.ndarray, View]:
    """Primary exposure of a patient without opacity, its lung and the view."""
    plan = draw_study_plan(stream(seed, "study"), change="clear", films=BOTH_DAYS, breath=breath)
    patient = made_studies.draw_study_patient(seed)
    view = pose or made_studies.pose(
        plan.films[0], stream(seed, "patient"), patient, made_studies.PhantomSettings(size=128, square=True)
    )
    view = replace(view, breath=breath)
    thorax = made_studies.healthy_thorax(patient, view, seed)
    return made_studies.transmitted(thorax), thorax.lung, view


def test_a_deeper_breath_lowers_the_diaphragm_and_nothing_else_differs() -> None:
    usual, lung, view = _noiseless(4, 1.0)
    again, _, _ = _noiseless(4, 1.0, view)
    deeper, deep_lung, _ = _noiseless(4, 1.05, view)
    assert np.array_equal(usual, again)
    rows = [np.flatnonzero((field > 40).any(axis=1)).max() for field in (lung, deep_lung)]
    moved = (rows[1] - rows[0]) * view.pitch / view.magnification(0.0)
    assert 5 < moved < 20, "about 5 % of a lung of 250 mm"
    # Stretched back about the apex, both are one picture but for bones and skin.
    assert np.corrcoef(usual.ravel(), deeper.ravel())[0, 1] > 0.95


def test_unchanged_films_differ_by_pose_breath_and_noise_alone() -> None:
    study = _study(6, place="right lung", change="unchanged")
    day, before = (study.signals[n][study.masks[n]].mean() for n in (0, 2))
    assert day == pytest.approx(before, rel=0.25)
    assert np.count_nonzero(study.masks[0]) == pytest.approx(np.count_nonzero(study.masks[2]), rel=0.45)


def test_the_same_seed_gives_the_same_bytes_and_another_another_patient() -> None:
    settings = StudySettings(size=96)
    one, again, other = (generate_study(seed, settings=settings) for seed in (7, 7, 8))
    assert [f.radiograph.sha256 for f in one.films] == [f.radiograph.sha256 for f in again.films]
    assert one.reports == again.reports and one.table == again.table and one.text == again.text
    assert one.films[0].radiograph.sha256 != other.films[0].radiograph.sha256


def test_a_lateral_looks_like_one() -> None:
    """Black before the heart, white below the diaphragm, vertebrae brighter than their discs."""
    for seed in range(4):
        study = _study(seed, change="clear")
        film = study.films[1].radiograph
        values = brightness(film)
        assert film.view_position is LATERAL and film.shape[0] > film.shape[1]
        height, width = values.shape
        abdomen = values[int(0.86 * height) :, int(0.4 * width) : int(0.6 * width)].mean()
        chest = values[int(0.3 * height) : int(0.6 * height), int(0.3 * width) : int(0.6 * width)].mean()
        assert abdomen > chest + 0.1, (seed, abdomen, chest)


def test_plans_are_as_they_are_asked_for_and_never_hold_too_many_films() -> None:
    seen = set()
    for seed in range(300):
        plan = draw_study_plan(stream(seed, "study"))
        assert 1 <= len(plan.films) <= MOST_FILMS
        assert plan.films[0].position is PA and plan.films[0].days_before == 0
        assert (CHANGE in plan.reference) == (plan.prior is not None)
        for numbers in plan.evidence.values():
            assert all(plan.shows(n) for n in numbers)
        seen.add(plan.reference.get(CHANGE))
    assert seen == {None, *CHANGES}
    kept = draw_study_plan(stream(1, "study"), place="left lung", change="new", films=BOTH_DAYS)
    assert kept.place == "left lung" and kept.reference[CHANGE] == "new"


def test_a_large_heart_leaves_room_for_an_opacity() -> None:
    """Its left lung has no place that is clear of everything by the opacity's whole radius."""
    seed = study_seed(5101, 185)
    plan = draw_study_plan(stream(seed, "study"), place="left lung", change="new")
    patient = made_studies.draw_study_patient(seed)
    balls = made_studies.draw_balls(stream(seed, "opacities"), plan, patient)
    assert all(centre[0] > 40 for centre, _ in balls)


def test_reports_compare_in_both_languages() -> None:
    for seed in range(60):
        plan = draw_study_plan(stream(seed, "study"))
        reports = study_reports(stream(seed, "prose"), plan)
        assert set(reports) == set(LANGUAGES) == {"en", "zh-Hant"}
        for language, report in reports.items():
            text = " ".join(report.values())
            assert not re.search(r"[{}]|None", text), text
            assert bool(CHINESE.search(text)) == (language == "zh-Hant")
            assert plan.prior is None or str(plan.prior) in report["findings"]
    plan = draw_study_plan(stream(0, "study"), place=HIDDEN[0], change="new", films=((PA, 0), (PA, 9)))
    unseen = study_reports(stream(0, "prose"), plan)["en"]
    assert "behind the heart" not in str(unseen), "no film shows it, so no reader can write it"


@pytest.mark.parametrize(
    "settings",
    [
        {"size": 10},
        {"place": "in the foot"},
        {"change": "worse"},
        {"films": ((LATERAL, 0),)},
        {"films": ((PA, 0), *((PA, day) for day in range(1, 9)))},
    ],
)
def test_wrong_settings_are_refused_in_a_sentence(settings) -> None:
    with pytest.raises(ViewboxError, match="choose"):
        StudySettings(**settings)


def test_films_that_make_no_study_are_refused_in_a_sentence() -> None:
    films = [DatedFilm(Radiograph(np.full((8, 8), n, np.uint8)), n) for n in range(9)]
    assert len(checked_films(films[:8])) == 8
    for wrong, said in (
        ([], "at least one"),
        (films, "9 films"),
        ([films[0], replace(films[0], days_before=3)], "Films 1 and 2 are the same"),
        ([films[0], replace(films[1], days_before=-2)], "Film 2 is of a day after"),
    ):
        with pytest.raises(ViewboxError, match=said):
            checked_films(wrong)


@pytest.mark.slow
def test_a_film_of_192_pixels_takes_at_most_a_third_of_a_second_of_one_core() -> None:
    settings = StudySettings(size=192, films=BOTH_DAYS)
    generate_study(0, settings=settings)

    def seconds(seed: int) -> float:
        start = time.process_time()
        generate_study(seed, settings=settings)
        return (time.process_time() - start) / len(BOTH_DAYS)

    assert any(seconds(seed) <= 0.33 for seed in range(3)), "a busy machine takes longer now and then"
