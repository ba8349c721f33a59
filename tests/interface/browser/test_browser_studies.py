"""A study of several films on the page: its films beside the viewer, one press away from it."""

import dataclasses

import pytest

from cases.parquet.store import EmbeddedCaseStore
from cases.phantom.studies import StudySettings, generate_study, study_case
from modeling.study import ViewPosition
from tests.doubles.served import serve, write_checkpoint
from tests.interface.browser.visit import DESKTOP, arrived, explained

pytestmark = pytest.mark.browser

FILMS = ((ViewPosition.PA, 0), (ViewPosition.LATERAL, 0), (ViewPosition.PA, 30))


@pytest.fixture(scope="module")
def page(chromium, tmp_path_factory):
    folder = tmp_path_factory.mktemp("studies")
    study = study_case(generate_study(3, settings=StudySettings(size=128, films=FILMS)))
    with EmbeddedCaseStore.create(folder / "store") as store:
        store.put(dataclasses.replace(study, case_id="a-study"))
        store.put(dataclasses.replace(study, case_id="b-one-film", further=()))
    given = {"MODEL_REPO": str(write_checkpoint(folder / "toy")), "CASES_FOLDER": str(folder / "store")}
    with serve(folder / "run", **given) as served:
        yield from arrived(served, chromium, DESKTOP, "/?case=a-study")


def test_films_stand_beside_the_viewer_and_one_press_shows_one(page):
    explained(page)
    buttons = page.locator("#vb-films button")
    assert [text.strip() for text in buttons.all_inner_texts()] == [
        "PA, today",
        "lateral, today",
        "PA, 30 days before",
    ]
    read = page.get_by_text("Of the 3 films of this study the model read the first alone: PA, today.")
    assert read.is_visible()
    figure, caption = page.locator("#vb-figure"), page.locator("#vb-figure figcaption").first
    buttons.nth(1).click()
    caption.get_by_text("lateral, today").wait_for()
    assert figure.get_by_text("NOT READ BY THE MODEL").first.is_visible()
    assert buttons.nth(1).get_attribute("aria-pressed") == "true"
    buttons.nth(0).click()
    figure.get_by_text("Where it looked").first.wait_for()  # the map is back with the film that it is of
    assert "lateral" not in caption.inner_text()
    for part in ("#vb-figure", "#vb-prediction", "#vb-verdict", "#vb-next"):
        box = page.locator(part).bounding_box()
        assert box["y"] + box["height"] <= 900, part
    page.locator('#vb-strip [data-case="b-one-film"]').click()
    page.locator("#vb-films ul").wait_for(state="detached")
    assert not page.locator("#vb-films").is_visible()
