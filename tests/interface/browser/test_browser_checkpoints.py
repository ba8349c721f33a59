"""The page with two checkpoints, and as it ships: which one answers, what stands above the fold."""

import re
import shutil

import pytest

from tests.doubles.served import ROOT, models, open_tab, serve, unfold, write_bundle, write_store
from tests.interface.browser.visit import DESKTOP, PHONE, arrived, choose, explained, shoot

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def of_two(chromium, tmp_path_factory):
    """An app with the checkpoints film and teaching; film shows what was measured of the one that ships."""
    folder = tmp_path_factory.mktemp("of-two")
    bundle = write_bundle(folder / "run" / "hub_config")
    for name in ("metrics", "localisation", "fusion_comparison"):
        shutil.copy(ROOT / f"hub_config/checkpoints/film/{name}.json", bundle / "checkpoints" / "film")
    with serve(folder / "run", CASES_FOLDER=str(write_store(folder / "store", 4))) as running:
        yield running


@pytest.fixture(scope="module")
def shipped(chromium, tmp_path_factory):
    """The app as it ships, with its own cases and checkpoints."""
    with serve(tmp_path_factory.mktemp("shipped") / "run") as running:
        yield running


@pytest.fixture
def page_of_two(of_two, chromium):
    yield from arrived(of_two, chromium, DESKTOP)


def test_the_checkpoint_follows_the_case_and_the_reader_may_take_the_other(page_of_two, tmp_path_factory):
    page = page_of_two
    prediction = page.locator("#vb-prediction")
    explained(page)
    unfold(page, "vb-why", "vb-form", "vb-list")
    assert "Model: Teaching." in prediction.inner_text()
    assert page.locator("#vb-prediction .vb-mismatch").count() == 0
    assert page.locator("#vb-evidence .vb-word").count() > 0
    assert "Text that it reads: Indication" in page.inner_text("#vb-form .vb-reads")
    models(page)
    page.wait_for_selector("#vb-model :text('Model: Film')")
    assert "Model: Teaching" in page.inner_text("#vb-model .vb-model:has(.vb-tag)")
    choose(page, "Question", "Grading: Severe rather than Mild")
    page.wait_for_selector(
        "#vb-evidence :text('Integrated Gradients for Severe rather than Mild')", state="attached"
    )
    models(page)
    choose(page, "Model", "Film")
    page.keyboard.press("Escape")
    page.wait_for_selector(
        "#vb-prediction .vb-mismatch:has-text('(SIIM) and has seen none like this one (synthetic films)')"
    )
    page.wait_for_selector("#vb-evidence .vb-nowords:has-text('This model reads no text.')")
    explained(page)
    assert "Model: Film." in prediction.inner_text() and "Grading" not in prediction.inner_text()
    assert page.get_by_label("Question", exact=True).input_value().startswith("Appearance:")
    assert page.locator("#vb-evidence .vb-word").count() == 0
    assert "It reads no text" in page.inner_text("#vb-form .vb-reads")
    assert "Model: Film" in page.inner_text("#vb-model .vb-model:has(.vb-tag)")
    mark = "n => getComputedStyle(document.querySelector(`${n} [data-testid=block-info]`), '::after').content"
    assert "✓" in page.evaluate(mark, "#vb-field-age") and page.evaluate(mark, "#vb-field-ldh") == "none"
    shoot(page, tmp_path_factory, "other-checkpoint")
    page.get_by_role("button", name="Next").click()
    page.wait_for_selector("#vb-prediction .vb-mismatch:has-text('none like this one (other)')")
    models(page)
    choose(page, "Model", "Automatic")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Previous").click()
    page.wait_for_selector("#vb-prediction :text('Model: Teaching.')")
    assert page.locator("#vb-prediction .vb-mismatch").count() == 0


FOLD = 900
PARTS = {
    "the film": "#vb-figure .vv-stage",
    "the legend": "#vb-figure .vb-legend",
    "the switch": "#vb-figure .vv-map .vv-switch",
    "the answer": "#vb-prediction table >> nth=-1",
    "what it leans on": "#vb-leans p",
    "the verdict": "#vb-trust-summary .vb-trust-line",
    "test": "#vb-test",
    "compare": "#vb-compare-maps",
    "handout": "#vb-handout",
}


@pytest.mark.parametrize("locale", ["en-US", "zh-TW"])
def test_film_answer_and_verdict_stand_above_the_fold_and_the_rest_is_closed(locale, shipped, chromium):
    visit = arrived(shipped, chromium, DESKTOP | {"locale": locale})
    page = next(visit)
    page.wait_for_selector("#vb-trust-summary .vb-trust-line")
    page.wait_for_selector("#vb-figure .vb-legend small")
    places = {name: page.locator(part).bounding_box() for name, part in PARTS.items()}
    low = {n: box["y"] + box["height"] for n, box in places.items() if box["y"] + box["height"] > FOLD}
    assert low == {}
    assert places["the film"]["y"] <= 210 and places["the film"]["height"] >= 500
    assert page.locator("#vb-banner").bounding_box()["height"] == 44
    tools = {e.bounding_box()["y"] for e in page.locator(".vv-tools .vv-button:visible").all()}
    assert len(tools) == 1, "one row of tools"
    assert page.evaluate("document.documentElement.scrollHeight") <= 2400
    page.set_viewport_size({"width": 1440, "height": FOLD})
    page.wait_for_function("() => document.querySelector('#vb-tabs').clientWidth >= 1400")
    assert "sha256" not in page.inner_text("body")
    page.locator("[data-info]").click()
    assert page.locator("#vb-model").is_visible() and "sha256" in page.inner_text("#vb-model")
    assert next(visit, None) is None


SCREEN = 850
"""Pixels that a checkpoint takes at most at 1280 x 900, once it is opened."""
HEIGHTS = """() => [...document.querySelectorAll('#vb-about-models section')].map((sheet) => {
  sheet.querySelector('details').open = true;
  return sheet.getBoundingClientRect().height;
})"""
LETTERS = """() => {
  document.querySelectorAll('#vb-about-models details').forEach((fold) => { fold.open = true; });
  return [...document.querySelectorAll('#vb-about-models svg')].map((svg) =>
    svg.getAttribute('font-size') * svg.getBoundingClientRect().width / svg.viewBox.baseVal.width);
}"""


@pytest.mark.parametrize(
    ("options", "tab", "said"),
    [
        (DESKTOP, "About this model", "where guessing gives 0.50"),
        (PHONE, "關於此模型", "隨意猜測為 0.50"),
    ],
    ids=["english, desktop", "chinese, phone"],
)
def test_what_was_measured_of_each_checkpoint_is_legible(
    of_two, chromium, tmp_path_factory, options, tab, said
):
    visit = arrived(of_two, chromium, options)
    page = next(visit)
    page.wait_for_function("() => document.querySelectorAll('#vb-model .vb-ready').length >= 2")
    open_tab(page, tab)
    page.wait_for_selector("#vb-about-models section >> nth=1")
    text = page.inner_text("#vb-about-models")
    english = options is DESKTOP
    assert said in text and "[0.7" in text and ("Teaching" if english else "教學") in text
    raw = re.compile(r"\b(siim|cohen|hannover|looked at)\b" + ("" if english else "|female"))
    assert not raw.search(page.text_content("#vb-about-models")), "the reader's words, not the files'"
    assert page.locator(".vb-swipe >> nth=0").is_visible() == (options is PHONE)
    assert page.locator("#vb-about-models details[open]").count() == 1, "all else is closed"
    heights = page.evaluate(HEIGHTS)
    assert len(heights) == 2 and (options is PHONE or max(heights) <= SCREEN)
    letters = page.evaluate(LETTERS)
    assert len(letters) > 10 and min(letters) >= 11, "a drawing's words are legible"
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overflow <= 0, "the page scrolls sideways"
    shoot(page, tmp_path_factory, f"about-{options['locale']}")
    assert next(visit, None) is None
