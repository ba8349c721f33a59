"""A study of several films on the page, then a case of one, asked in words: one visit, in this order."""

import dataclasses
import json
from urllib.parse import urlencode

import pytest

from cases.parquet.store import EmbeddedCaseStore
from cases.phantom.studies import StudySettings, generate_study, study_case
from hub_config.settings import SPACE_CHECKPOINT
from modeling.study import ViewPosition
from tests.doubles.served import open_tab, serve, unfold, write_checkpoint
from tests.interface.browser.visit import DESKTOP, VIEWER, arrived, explained, shoot

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
    buttons = page.locator("#vb-films [data-film]")
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
    assert "lateral, today" not in caption.inner_text()
    for part in ("#vb-figure", "#vb-prediction", "#vb-verdict", "#vb-next"):
        box = page.locator(part).bounding_box()
        assert box["y"] + box["height"] <= 900, part


FLIPPED = """table => {
    const best = [...table.tBodies[0].rows].findIndex((row) => row.classList.contains('vb-best'));
    const flipped = (row) => row.map((_, at) => Number(at === (best + 1) % row.length));
    const rows = JSON.parse(table.dataset.choices), all = rows.pop();
    table.dataset.choices = JSON.stringify([...rows.map(flipped), all]);
}"""
"""Another class is the most probable one of a table without any one of the films."""


def test_all_films_are_read_together_and_one_press_leaves_one_out(page):
    panel, films = page.locator("#vb-whole"), page.locator("#vb-films")
    films.get_by_role("button", name="Read all films together").click()
    panel.locator("[data-leave]").nth(2).wait_for()
    panel.locator(".vb-delta").nth(1).wait_for()
    assert films.locator(".vb-of-0 i").count() == 3 and films.locator(".vb-of-0").first.is_visible()
    with_all = panel.locator("[data-choices] .vb-number:not(.vb-without)").all_inner_texts()
    assert not panel.locator("td.vb-without").first.is_visible()
    leave = panel.get_by_role("button", name="lateral, today", exact=True)
    marked = panel.locator("tr.vb-best:has(.vb-tag)")
    of_all = marked.evaluate_all("rows => rows.map((row) => row.dataset.name)")
    panel.locator("[data-choices]").first.evaluate(FLIPPED)
    leave.click()
    without = panel.locator("td.vb-without").all_inner_texts()
    assert len(without) == len(with_all) == 6 and without != with_all
    told = panel.locator("[role=status]").inner_text()
    assert told.startswith("without lateral, today: opacity today: ")
    assert marked.count() == panel.locator("tr.vb-best").count() == 2
    assert f"{marked.first.get_attribute('data-name')} 100.0 %" in told, "of the films that are left"
    assert marked.first.get_attribute("data-name") != of_all[0]
    leave.click()
    assert not panel.locator("td.vb-without").first.is_visible()
    assert marked.evaluate_all("rows => rows.map((row) => row.dataset.name)") == of_all
    panel.get_by_role("button", name="Show this beside the films").nth(1).click()
    assert films.locator(".vb-of-1").first.is_visible() and not films.locator(".vb-of-0").first.is_visible()


def test_two_films_stand_beside_each_other_linked(page):
    films, stages = page.locator("#vb-films"), page.locator("#vb-figure .vv-stage")
    films.locator("[data-film]").nth(0).click()
    films.locator("[data-beside-film]").nth(1).click()
    captions = page.locator("#vb-figure figcaption")
    captions.nth(1).get_by_text("lateral, today").wait_for()
    stages.nth(0).press("+")
    views = page.evaluate(
        "document.querySelector('#vb-figure .vv').parentElement.viewer.panes.map((p) => p.view.zoom)"
    )
    assert views[0] == views[1] > 1
    films.locator("[data-beside-film]").nth(2).click()
    captions.nth(1).get_by_text("PA, 30 days before").wait_for()


def test_sentences_outline_their_places_and_places_mark_their_sentences(page, tmp_path_factory):
    page.locator("#vb-films [data-film]").nth(0).click()
    page.locator("#vb-prediction .vb-reveal > summary").click()
    sentence = page.locator(""".vb-case-report .vb-points[data-points*='"0": [[']""").first
    sentence.wait_for()
    told = json.loads(sentence.get_attribute("data-points"))
    sentence.hover()
    page.wait_for_function(f"{VIEWER}.pointed?.length === {len(told['boxes']['0'])}")
    lit = page.locator("#vb-films [data-film].vb-of").evaluate_all(
        "all => all.map(one => Number(one.dataset.film))"
    )
    assert lit == told["films"] and 1 in lit
    shoot(page, tmp_path_factory, "pointing")
    left, top, right, bottom = told["boxes"]["0"][0]
    stage = page.evaluate(
        f"""([u, v]) => {{ const viewer = {VIEWER}, pane = viewer.panes[0], place = viewer.place(pane);
            const box = pane.stage.getBoundingClientRect(), unit = pane.canvas.width / box.width;
            const across = place.left + u * place.width, down = place.top + v * place.height;
            return [box.left + across / unit, box.top + down / unit]; }}""",
        [(left + right) / 2, (top + bottom) / 2],
    )
    page.mouse.move(5, 5)
    page.locator(".vb-case-report .vb-pointing").wait_for(state="detached")
    page.mouse.move(*stage)
    page.locator(".vb-case-report .vb-pointing").first.wait_for()
    page.mouse.move(5, 5)
    page.wait_for_function(f"!{VIEWER}.pointed.length")


def test_a_case_of_one_film_has_no_strip_and_no_panel(page):
    page.locator('#vb-strip [data-case="b-one-film"]').click()
    page.locator("#vb-films ul").wait_for(state="detached")
    assert not page.locator("#vb-films").is_visible() and not page.locator("#vb-whole").is_visible()
    assert page.locator("#vb-figure figcaption:visible").count() == 1
    assert page.locator("#vb-whole-answer section").count() == 0


@pytest.mark.skipif(not SPACE_CHECKPOINT.is_dir(), reason="the space that ships is not in this tree")
def test_sentences_words_and_a_search_by_words(page):
    unfold(page, "vb-prompts")
    page.locator("#vb-prompts-text textarea").fill("")  # an empty box asks the example
    page.locator("#vb-prompts-ask").click()
    words = page.locator("#vb-prompts-answer .vb-said-word")
    words.filter(has_text="opacity").first.wait_for()
    assert page.locator("#vb-prompts-text textarea").input_value().startswith("The lungs are clear.")
    assert page.locator("#vb-prompts-answer .vb-number").count() == 2
    word, lies = words.filter(has_text="clear").first, page.locator(".vb-word-map")
    page.mouse.move(5, 5)  # off whatever has come under the hand
    lies.wait_for(state="hidden")
    word.hover()
    lies.wait_for()
    assert lies.get_attribute("src") == word.get_attribute("data-map")
    other = words.filter(has_text="opacity").first
    other.hover()
    page.locator(".vb-word-named:text-is('opacity')").wait_for()
    assert lies.get_attribute("src") == other.get_attribute("data-map")
    word.click()
    page.locator("#vb-prompts-checked li").nth(4).wait_for()
    assert word.get_attribute("aria-pressed") == "true"
    page.locator("#vb-prompts-text textarea").fill("The lungs are clear.\nA gryphon at the left base.")
    page.locator("#vb-prompts-ask").click()
    page.get_by_role("alert").filter(has_text="gryphon").wait_for()
    words.first.wait_for(state="detached")  # it was not about these sentences
    page.locator("#vb-prompts-text textarea").fill("")
    page.locator("#vb-prompts-ask").click()
    words.first.wait_for()
    open_tab(page, "Reports")
    page.get_by_label("Search by words").fill("The lungs are clear.")
    page.locator("#vb-by-words").click()
    cards = page.locator("#vb-similar [data-case]")
    cards.first.wait_for()
    assert cards.count() == 4  # a film and a report of each
    cards.first.click()
    words.first.wait_for(state="detached")  # what was said of the film before is gone
    asked = "The lungs are clear.\nSevere airspace disease."
    page.goto(f"{page.url.partition('?')[0]}?{urlencode({'case': 'b-one-film', 'ask': asked})}")
    words.filter(has_text="Severe").wait_for()
    assert page.locator("#vb-prompts-text textarea").input_value() == asked
    page.locator("#vb-prompts-text textarea").wait_for()  # the panel is open
