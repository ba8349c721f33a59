"""Asking in words: the film between sentences, a word's map on it, its checks, and films that fit words."""

import dataclasses

import pytest

from cases.parquet.store import EmbeddedCaseStore
from cases.phantom.generator import PhantomSettings, generate_case
from hub_config.settings import SPACE_CHECKPOINT
from tests.doubles.served import open_tab, serve, unfold, write_checkpoint
from tests.interface.browser.visit import DESKTOP, arrived

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not SPACE_CHECKPOINT.is_dir(), reason="the space that ships is not in this tree"),
]


@pytest.fixture(scope="module")
def page(chromium, tmp_path_factory):
    folder = tmp_path_factory.mktemp("words")
    with EmbeddedCaseStore.create(folder / "store") as store:
        for seed in range(3):
            case = generate_case(seed, settings=PhantomSettings(size=128))
            store.put(dataclasses.replace(case, case_id=f"film-{seed}"))
    given = {"MODEL_REPO": str(write_checkpoint(folder / "toy")), "CASES_FOLDER": str(folder / "store")}
    with serve(folder / "run", **given) as served:
        yield from arrived(served, chromium, DESKTOP, "/?case=film-1")


def test_sentences_words_and_a_search_by_words(page):
    unfold(page, "vb-prompts")
    page.locator("#vb-prompts-ask").click()
    words = page.locator("#vb-prompts-answer .vb-said-word")
    words.first.wait_for()
    assert page.locator("#vb-prompts-text textarea").input_value().startswith("The lungs are clear.")
    assert page.locator("#vb-prompts-answer .vb-number").count() == 2
    word, lies = words.filter(has_text="clear").first, page.locator(".vb-word-map")
    assert not lies.is_visible()
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
    assert cards.count() == 6  # three films, three reports
    cards.first.click()
    words.first.wait_for(state="detached")  # what was said of the film before is gone
