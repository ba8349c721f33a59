"""Sets on studies of several films: what is shown before and after the reader commits, and what is scored."""

from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest

from cases.phantom.streams import stream
from cases.phantom.study_plan import CHANGE, OPACITY, STUDY_TASKS, draw_study_plan
from cases.phantom.teaching_studies import teaching_studies
from hub_config.settings import STUDY_CHECKPOINT
from interface.html.render import signed
from interface.language.texts import question
from interface.models.checkpoints import Checkpoints
from interface.models.model_host import ModelHost
from interface.models.stores import StoreHost, drawn_study
from interface.models.study_host import StudyHost
from interface.quiz_tab.handlers import QuizActions, quiz_actions
from interface.quiz_tab.question_bank import question_of
from interface.quiz_tab.resume import code_of, sitting_from
from interface.quiz_tab.rules import LENGTH, begins, drawn_set
from interface.quiz_tab.score import interval
from interface.quiz_tab.studies import laid, lesson_of_films, moved_by_further, study_candidates
from interface.quiz_tab.tab import quiz_panel
from interface.session.session import Sessions
from interface.study_panel.answer import against_runner_up
from modeling.errors import CheckpointError, ViewboxError
from modeling.study import DatedFilm, Radiograph, ViewPosition
from modeling.study_answer import StudyPipeline

PA, LATERAL = ViewPosition.PA, ViewPosition.LATERAL


def never() -> None:
    raise CheckpointError("No film is read here.")


def actions_with(studies: StudyHost | None) -> tuple[QuizActions, Sessions]:
    """The handlers where the other checkpoints and the store are never asked."""
    models = Checkpoints([ModelHost(never, "silent")], studies)
    with gr.Blocks(), gr.Tabs() as tabs:
        panel = quiz_panel(tabs, gr.HTML())
    sessions = Sessions()
    return quiz_actions(models, StoreHost(never), sessions)(panel), sessions


@pytest.fixture(scope="module")
def made() -> tuple[QuizActions, Sessions]:
    return actions_with(StudyHost(lambda: StudyPipeline.from_pretrained(STUDY_CHECKPOINT)))


def reader(session: str = "s") -> SimpleNamespace:
    return SimpleNamespace(session_hash=session, headers={"accept-language": "en"}, query_params={})


def text_of(updates: dict) -> str:
    return " ".join(update for update in updates.values() if isinstance(update, str))


# --- the sets


def test_what_is_true_is_known_before_anything_is_drawn():
    for one in study_candidates():
        seed, wanted = teaching_studies()[one.case_id]
        kept = {"place": wanted.place, "change": wanted.change, "films": wanted.films}
        plan = draw_study_plan(stream(seed, "study"), breath=wanted.breath, **kept)
        assert plan.reference[one.task] == one.truth


@pytest.mark.parametrize("task", [OPACITY, CHANGE])
def test_a_set_asks_one_thing_and_every_answer_comes(task):
    asked = drawn_set(f"{begins(task)}7b", study_candidates())
    truth = {(one.case_id, one.task): one.truth for one in study_candidates()}
    assert len(asked) == LENGTH and {one.task for one in asked} == {task}
    assert not any(one.drill for one in asked)
    counts = np.unique([truth[one.case_id, one.task] for one in asked], return_counts=True)[1]
    assert np.ptp(counts) <= 1 and counts.sum() == LENGTH, "each answer about equally often"
    assert drawn_set(f"{begins(task)}7c", study_candidates()) != asked


def test_no_other_set_asks_about_studies():
    assert drawn_set("7b", ()) == ()
    assert [code_of(bad) for bad in (None, [], {"code": "<b>"}, {"code": "Opacity-7B"})] == [
        "",
        "",
        "",
        "opacity-7b",
    ]


def test_films_of_a_day_lie_side_by_side_and_earlier_days_below():
    def film(view: ViewPosition, days: int) -> DatedFilm:
        return DatedFilm(Radiograph(np.ones((4, 3), np.uint8), view_position=view), days)

    both = [film(PA, 0), film(LATERAL, 0), film(PA, 9)]
    one, other, third = np.full((4, 3), 1), np.full((5, 2), 2), np.full((4, 3), 3)
    assert laid(both[:1], [one]).tolist() == one.tolist()
    row = laid(both[:2], [one, other])
    assert (
        row.shape == (5, 3 + 6 + 2)
        and (row[:4, :3] == 1).all()
        and (row[:, 9:] == 2).all()
        and row[4, 0] == 0
    )
    whole = laid(both, [one, other, third])
    assert whole.shape == (5 + 6 + 4, 11) and (whole[11:, :3] == 3).all() and not whole[5:11].any()
    assert laid([both[0], both[2]], [one, third]).shape == (4, 12), "one film a day"


@pytest.mark.parametrize(
    ("first", "second", "needed", "key"),
    [
        ("absent", "present", True, "helped"),
        ("present", "absent", False, "misled"),
        ("present", "present", True, "guess"),
        ("present", "present", False, "idle"),
    ],
)
def test_the_lesson_follows_what_the_further_film_changed(first, second, needed, key):
    assert lesson_of_films(first, second, "present", needed) == f"quiz.lesson_film_{key}"
    moved = lesson_of_films(first, second, "present", needed, moved=True)
    assert moved == f"quiz.lesson_film_{'moved' if key == 'idle' else key}"
    assert lesson_of_films("absent", "absent", "present", needed) == "quiz.lesson_missed"


@pytest.mark.parametrize(("alone", "moved"), [(0.55, True), (0.93, False), (0.99, False)])
def test_a_film_that_moves_the_model_is_not_called_idle(alone, moved):
    [task] = [one for one in STUDY_TASKS if one == OPACITY]

    def told(present: float) -> tuple[SimpleNamespace]:
        return (SimpleNamespace(task=task, probabilities=np.array([1 - present, present])),)

    films = [DatedFilm(Radiograph(np.ones((2, 2), np.uint8), view_position=view)) for view in (PA, LATERAL)]
    asked = {(True, False): told(alone), (True, True): told(0.97)}
    answer = SimpleNamespace(films=films, with_films=lambda given: asked[tuple(given)])
    answer.prediction = SimpleNamespace(tasks=asked[True, True])
    assert moved_by_further(answer, task, "present") == moved


def test_a_share_has_wilsons_interval():
    assert interval(5, 8) == pytest.approx((0.3057, 0.8632), abs=1e-4)
    assert interval(0, 8)[0] == 0 and interval(8, 8)[1] == 1


# --- a sitting


def test_the_lateral_comes_after_the_reader_has_committed_and_the_model_after_the_reference(made):
    actions, sessions = made
    panel, request = actions.panel, reader()
    *_, read = actions.begin("opacity-learn", request)
    sitting = sessions.of("s").quiz
    narrow = sitting.film.shape
    assert read[panel.film]["name"] == "Quiz film 1 · PA, today"
    assert f"Study 1 of {LENGTH}: read the frontal film first" in read[panel.step]
    assert not read[panel.film]["marking"] and "phantom-study" not in text_of(read) + str(read[panel.film])
    with pytest.raises(ViewboxError, match="Choose an answer"):
        actions.commit(None, 0.5, None, request)
    with pytest.raises(ViewboxError, match="Choose an answer"):
        actions.commit("new", 0.5, None, request)
    both = actions.commit("present", 0.5, None, request)
    assert sitting.film.shape[1] > narrow[1] and sitting.told is None
    assert "lateral, today" in both[panel.film]["name"] and "model" not in text_of(both)
    assert actions.explain(request) == {panel.message: gr.skip()}
    told = actions.reveal("absent", 0.9, request)
    assert "From the frontal film alone it would have said" in told[panel.model]
    assert "lateral, today" in told[panel.model] and "Reference: " in told[panel.truth]
    assert f"Study 1 of {LENGTH}: the reference" in told[panel.step]
    assert "You marked nothing" not in told[panel.truth]
    truth = sitting.case.reference[OPACITY]
    assert bool(told[panel.film]["layers"]) == (truth == "present")
    row = sitting.rows[0]
    assert (row.first, row.second, row.truth, row.task) == ("present", "absent", truth, OPACITY)
    assert row.model in ("absent", "present") and 0.5 <= row.model_probability <= 1
    results = actions.finish(request)[panel.results]
    assert "Right from the frontal film alone" in results and "Right after the lateral" in results
    right = "1 / 1 (100 %; 21 % – 100 %)"
    assert right in results and "0 / 1 (0 %; 0 % – 79 %)" in results


def test_an_earlier_film_is_added_and_a_reload_takes_the_set_up_again(made):
    actions, sessions = made
    panel, request = actions.panel, reader("change")
    *_, read = actions.begin("interval-change-learn", request)
    assert "before" not in read[panel.film]["name"]
    later = actions.commit("clear", 0.25, None, request)
    assert "days before" in later[panel.film]["name"]
    record = {**later[panel.kept]["record"], "csv": ""}
    again = sitting_from(record, study_candidates())
    assert again.waiting.answer.class_name == "clear" and again.task == CHANGE
    *_, resumed = actions.resume(SimpleNamespace(_data=record), reader("later"))
    assert "before" not in resumed[panel.film]["name"]
    assert "days before" in actions.recommit(reader("later"))[panel.film]["name"]
    told = actions.reveal("clear", 0.25, reader("later"))
    assert "From today&#39;s film alone" in told[panel.model] and len(sessions.of("later").quiz.rows) == 1
    sitting = sessions.of("later").quiz
    about = against_runner_up(sitting.whole.prediction[CHANGE])
    assert f"What each film adds to “{question(about, 'en')}”" in told[panel.model]
    added = [signed(value) for value in sitting.whole.shapley(about).values]
    assert all(value in told[panel.model] for value in added), "as beside the study itself"


def test_where_there_is_no_model_of_studies_the_set_goes_on_without_it():
    actions, _ = actions_with(None)
    request = reader()
    list(actions.begin("opacity-learn", request))
    actions.commit("present", 0.5, None, request)
    told = actions.reveal("present", 0.5, request)
    assert "gives no answer to this question" in told[actions.panel.model]
    assert "no answer" in told[actions.panel.truth]


def test_a_question_for_a_course_shows_all_films():
    asked = drawn_set("interval-change-learn", study_candidates())[0]
    case = drawn_study(asked.case_id)
    made = question_of(case, asked, 1, "en")
    assert made.asked.startswith("What has become of an opacity") and len(made.options) == 4
    assert len(made.film) > 10_000 and sum(part for _, part in made.options) == 100
