"""Several films of a reader's own as one patient's study: read together, or what is left out and why."""

from types import SimpleNamespace

import gradio as gr
import pytest

from interface.case_tab.case_handlers import CaseActions
from interface.case_tab.panels import model_panel
from interface.case_tab.tab import case_layout
from interface.html.fragments import upload_box
from interface.models.checkpoints import Checkpoints
from interface.models.model_host import ModelHost
from interface.models.stores import StoreHost
from interface.prompt_panel.panel import prompt_panel
from interface.session.session import Sessions
from modeling.errors import StudyError
from modeling.study import ViewPosition
from tests.doubles.toys import toy_radiograph

READER = SimpleNamespace(session_hash="reader")
PA, LATERAL = ViewPosition.PA, ViewPosition.LATERAL


def sent(number: int, view: str = "", days: int | None = None, **other) -> dict:
    """A film as the queue leaves it: read already, or its refusal."""
    film = {"name": f"{number}.png", "data": toy_radiograph(number), "size": 1000, "view": view, "days": days}
    return film | other


@pytest.fixture
def desk():
    sessions, models = Sessions(4), Checkpoints([ModelHost(lambda: None, "film")])
    with gr.Blocks():
        parts = case_layout(gr.Tabs(), gr.HTML(), model_panel(["film"]), gr.HTML(), prompt_panel())
    return CaseActions(models, StoreHost(lambda: None), sessions, parts), sessions


@pytest.fixture
def page(desk):
    cases, sessions = desk

    def take(*films: object) -> tuple[object, str]:
        shown = cases.take_film(SimpleNamespace(_data={"films": list(films)}), READER)
        return sessions.of("reader").case, str(shown[cases.parts.message])

    return take


def test_films_of_two_views_and_days_become_one_case_with_the_day_s_frontal_first(page):
    case, told = page(sent(1, "lateral", 0), sent(2, "PA", 30), sent(3, "PA", 0))
    assert [(f.radiograph.view_position, f.days_before) for f in case.films] == [
        (PA, 0),
        (LATERAL, 0),
        (PA, 30),
    ]
    assert [film.name for film in case.further] == ["1.png", "2.png"]
    assert case.case_id == "" and not case.licence.may_export and case.licence.may_show
    assert case.provenance.attribution == "3.png + 2" and "vb-empty" in told


def test_a_film_that_cannot_be_read_is_named_as_long_as_its_study_stands_and_the_rest_goes_on(desk):
    cases, sessions = desk
    bad = sent(2, data=StudyError("This file is no film; send another."))
    films = {"films": [sent(1, "PA"), bad, sent(3, "lateral")]}
    shown = cases.take_film(SimpleNamespace(_data=films), READER)
    notice, left_out = cases.parts.take.notice, "The film 2.png was left out: "
    assert left_out in shown[notice], "not the message, which the prediction empties"
    assert left_out in cases.use("", READER)[notice]
    case = sessions.of("reader").case
    assert "vb-empty" in cases.without_film(READER)[notice]
    assert len(case.films) == 2
    assert [str(note) for note in case.notes] == [
        "The film 2.png was left out: This file is no film; send another."
    ]


@pytest.mark.parametrize(
    ("films", "said"),
    [
        ([], "at least one film"),
        ([sent(n) for n in range(9)], "A study of 9 films is too large"),
        ([sent(1), sent(1)], "are the same film"),
        ([sent(1, days=3), sent(2, days=9)], "No film is of the day of the study"),
        ([sent(1), sent(2, days=-1)], "is of a day after the study"),
        ([sent(1), sent(2, days=1.5)], "must be a whole number"),
        ([sent(1), sent(2, view="from above")], "is no view"),
        ([sent(1), sent(2, view=["PA"])], "is no view"),
        ([sent(1, size=80_000_000), sent(2, size=80_000_000)], "larger than 90 MB together"),
        ([sent(1, data=None), sent(2, data=7)], "None of the 2 files"),
        (["film", None], "at least one film"),
    ],
)
def test_what_is_no_study_is_refused_in_a_sentence(page, films, said):
    case, told = page(*films)
    assert case is None and said in told


def test_one_film_called_a_study_is_a_case_of_one_film(page):
    case, _ = page(sent(1, "PA"))
    assert case.further == () and case.provenance.attribution == "1.png"


def test_the_box_asks_for_view_and_day_of_each_film_in_both_languages():
    for language, words in (("en", "one patient's study"), ("zh-Hant", "同一份檢查")):
        box = upload_box(language).unescape()
        assert words in box and box.count("<option") == 6 and 'type="number"' in box
