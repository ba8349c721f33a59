"""The films of a study beside the viewer: what stands under each, and what a press shows."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from cases.case import Licence
from interface.case_tab.case_handlers import CaseActions
from interface.case_tab.viewer import viewer_value
from interface.html.study_films import film_words, films_strip, which_was_read
from interface.models.held_film import held_film, hold
from interface.session.session import Session
from modeling.errors import StudyError
from modeling.study import DatedFilm, Modality, Radiograph, ViewPosition
from tests.doubles.example_cases import small_case, study_case

FILM = Radiograph(np.zeros((4, 4), np.uint8), view_position=ViewPosition.LATERAL)


@pytest.fixture
def session() -> Session:
    opened = Session()
    case = study_case(films=4)
    opened.put(case, hold(case))
    return opened


@pytest.fixture
def actions(session) -> CaseActions:
    made = CaseActions.__new__(CaseActions)
    made._sessions = SimpleNamespace(of=lambda _: session)
    made.parts = SimpleNamespace(film=SimpleNamespace(figure="figure", films="films"))
    return made


def press(actions: CaseActions, data: object) -> dict:
    return actions.open_film(SimpleNamespace(_data=data), SimpleNamespace(session_hash="one"))


@pytest.mark.parametrize(
    ("days", "english", "chinese"),
    [
        (0, "lateral, today", "側面，當天"),
        (1, "lateral, 1 day before", "側面，1 天前"),
        (30, "lateral, 30 days before", "側面，30 天前"),
    ],
)
def test_view_and_day_stand_under_each_film(days, english, chinese):
    film = DatedFilm(FILM, days)
    assert (film_words(film, "en"), film_words(film, "zh-Hant")) == (english, chinese)
    unknown = DatedFilm(dataclasses.replace(FILM, view_position=ViewPosition.UNKNOWN), days)
    assert film_words(unknown, "en").startswith("view unknown, ")
    for view in ViewPosition:
        film = DatedFilm(dataclasses.replace(FILM, view_position=view))
        assert not film_words(film, "zh-Hant").isascii()


def test_a_case_of_one_film_has_no_strip_and_no_sentence():
    case = small_case("a")
    read = SimpleNamespace(given=(Modality.IMAGE,))
    assert films_strip(case, "en") == "" and which_was_read(case, read, "en") == ""


def test_a_film_that_may_not_be_shown_is_not_shown_small():
    case = dataclasses.replace(study_case(), licence=Licence("private", False, False))
    assert films_strip(case, "en") == ""


def test_the_strip_has_a_button_a_film_and_marks_the_one_in_the_viewer():
    strip = films_strip(study_case(films=4), "en", shown=2)
    assert (
        strip.count("data-film=") == strip.count("data:image/jpeg") == strip.count("data-beside-film=") == 4
    )
    assert strip.count('aria-pressed="true"') == 1 and 'data-film="2" aria-pressed="true"' in strip
    assert "PA, 30 days before" in strip


def test_the_answer_says_which_film_it_read():
    case = study_case(films=4)
    read = SimpleNamespace(given=(Modality.IMAGE, Modality.TABLE))
    told = "Of the 4 films of this study the model read the first alone: AP, today."
    assert which_was_read(case, read, "en") == told
    assert "模型只讀了第一張：AP，當天" in which_was_read(case, read, "zh-Hant")
    assert which_was_read(case, SimpleNamespace(given=(Modality.TABLE,)), "en") == ""


def test_a_press_shows_that_film_without_the_first_one_s_map(session, actions):
    first = viewer_value(session)
    shown = press(actions, {"film": 3})
    value = shown["figure"]
    assert value["film"]["height"] == 23 and value["film_id"] != first["film_id"]
    assert value["name"].endswith("lateral, 30 days before") and value["mark"].startswith(
        "NOT READ BY THE MODEL"
    )
    assert value["layers"] == [] and not value["marking"] and not value["sheets"]
    assert held_film(value["film_id"]) is session.further[3]
    assert 'data-film="3" aria-pressed="true"' in shown["films"]
    assert press(actions, {"film": 3})["figure"]["film_id"] == value["film_id"]
    assert press(actions, {"film": 0})["figure"] == first
    assert session.film_bytes > first["film"]["height"] * first["film"]["width"]


def test_another_case_begins_with_its_first_film(session, actions):
    press(actions, {"film": 1})
    session.put(small_case("b"), hold(small_case("b")))
    assert session.film_shown == 0 and session.further == {}
    assert viewer_value(session)["film"]["height"] == 8


@pytest.mark.parametrize("data", [None, {}, {"film": -1}, {"film": 4}, {"film": "1"}, {"film": None}, []])
def test_a_press_on_no_film_is_refused(actions, data):
    with pytest.raises(StudyError, match="not held any more"):
        press(actions, data)


def test_a_film_that_may_not_be_shown_cannot_be_asked_for(session, actions):
    case = dataclasses.replace(study_case(), licence=Licence("private", False, False))
    session.put(case, hold(case))
    with pytest.raises(StudyError):
        press(actions, {"film": 1})


def test_the_list_can_be_narrowed_to_what_studies_hold_where_there_are_some(actions):
    actions._models = SimpleNamespace(declared=())
    for there in (1, 0):
        store = SimpleNamespace(count=lambda where, there=there: there * (where.label == "opacity/present"))
        labels = {value: words for words, value in actions._labels(store, "en")}
        assert ("interval_change/new" in labels) == ("opacity/absent" in labels) == bool(there)
        assert labels.get("interval_change/new", "Change since the last film: new").endswith(": new")
