"""Journeys with links, handouts, languages and lessons in a real browser."""

import re
from pathlib import Path

import pytest

from tests.doubles.served import models, unfold
from tests.interface.browser.visit import PATIENCE, VIEWER, by_link, explained, shoot

pytestmark = pytest.mark.browser
LINK = "/?case=CASE-0004&target=appearance/Atypical&baseline=blurred&method=edges"


def told(page) -> str:
    page.wait_for_selector("#vb-notice [role=alert]:not(.vb-empty)")
    return page.inner_text("#vb-notice")


@by_link("page", LINK)
def test_a_copied_link_restores_the_view(page, served):
    explained(page)
    unfold(page, "vb-maps", "vb-why")
    page.wait_for_selector("#vb-about .vb-about-control")
    assert "CASE-0004" in page.inner_text("#vb-figure figcaption")
    page.locator("#vb-evidence summary").click()
    assert "blurred film" in page.inner_text("#vb-evidence") and "Atypical" in page.inner_text("#vb-evidence")
    page.click("#vb-copy-link")
    page.wait_for_selector(".vb-link")
    address = page.input_value(".vb-link")
    assert address.startswith(served.url) and "method=edges" in address and "checkpoint=toy" in address
    page.goto(address)
    explained(page)
    unfold(page, "vb-maps")
    page.wait_for_selector("#vb-about .vb-about-control")
    assert page.locator("#vb-notice .vb-empty").count() == 1
    models(page)
    with page.expect_popup() as opened:
        page.click("#vb-report")
    opened.value.close()  # nobody answers there
    assert "case%3DCASE-0004%26target" in page.get_attribute("#vb-reported a", "href")


def test_a_link_restores_how_the_reader_looked_at_the_film(page, served):
    explained(page)
    page.locator("#vb-figure .vv-stage").first.focus()
    for key in ("+", "+", "ArrowRight", "Shift+ArrowUp", "i", "]", ".", "g", "c"):
        page.keyboard.press(key)
    page.wait_for_timeout(400)
    state = f"(v => [v.panes[0].view, v.panes[0].window, v.panes[0].inverted, v.choice])({VIEWER})"
    before = page.evaluate(state)
    page.click("#vb-copy-link")
    page.wait_for_selector(".vb-link")
    address = page.input_value(".vb-link")
    assert "&view=own," in address
    with page.expect_download() as download:
        page.wait_for_selector("#vb-trust-summary .vb-trust-line")
        page.click("#vb-handout")
    assert "&amp;view=own," in Path(download.value.path()).read_text()
    page.goto(address)
    explained(page)
    after = page.evaluate(state)
    for one, other in zip(before[:2], after[:2], strict=True):
        assert other == pytest.approx(one, abs=2e-4)
    assert after[2:] == before[2:]
    page.goto(address.partition("&view=")[0] + "&view=nonsense,1,,x")
    explained(page)
    assert page.evaluate(state)[0] == {"zoom": 1, "u": 0.5, "v": 0.5}


@by_link("page", "/?case=CASE-0004&baseline=purple")
def test_a_bad_link_is_one_sentence_and_the_usual_view(page, served):
    assert "baseline 'purple'" in told(page)
    page.wait_for_selector("#vb-prediction table")
    assert "CASE-0000" in page.inner_text("#vb-figure figcaption")
    page.goto(f"{served.url}/?case=NOBODY")
    assert "no case 'NOBODY'" in told(page)
    page.wait_for_selector("#vb-prediction table")


def comes_second(served, chromium) -> None:
    """Another reader sees at once what is known by now; all answers come within a moment."""
    second = chromium.new_context(locale="en-US").new_page()
    second.set_default_timeout(PATIENCE)
    second.goto(served.url)
    second.wait_for_selector("#vb-trust-summary .vb-trust-line")
    second.wait_for_selector("#vb-figure .vb-legend small")
    assert second.evaluate(f"{VIEWER}.entryOf({VIEWER}.panes[0]).heat !== null")
    unfold(second, "vb-prove")
    second.wait_for_selector("#vb-prove input[type=checkbox]", state="attached")
    second.context.close()


def test_a_handout_and_a_course_pack_ask_nobody_and_who_comes_second_sees_the_map_at_once(
    page, served, chromium, tmp_path
):
    page.wait_for_selector("#vb-trust-summary .vb-trust-line")
    comes_second(served, chromium)
    with page.expect_download() as download:
        page.click("#vb-handout")
    download.value.save_as(tmp_path / "one.html")
    unfold(page, "vb-pack")
    page.get_by_label("Case IDs").fill("CASE-0001, CASE-0003")
    with page.expect_download() as download:
        page.click("#vb-make-pack")
    download.value.save_as(tmp_path / "pack.html")
    one, pack = ((tmp_path / f"{name}.html").read_text() for name in ("one", "pack"))
    assert f'href="{served.url}/?case=CASE-0000' in one and "viewbox-address" not in one + pack
    assert pack.count("<article") == 2 and "not for show" in pack
    assert not re.search(r'(src|href)="(?!data:|#|' + re.escape(served.url) + ")", one + pack)


def test_the_map_is_told_in_words_and_a_lesson_opens_the_case_that_shows_it(page, tmp_path_factory):
    explained(page)
    unfold(page, "vb-maps")
    page.wait_for_selector("#vb-about .vb-inwords, #vb-about .vb-about-main")
    words = page.inner_text(".vb-inwords")
    assert words.endswith(".") and ("zone" in words or "lungs" in words)
    unfold(page, "vb-operating")
    page.get_by_label(re.compile("How common")).first.fill("20")
    page.wait_for_selector("#vb-operating-result :text('no operating point')")
    page.get_by_role("tab", name="Learn").click()
    page.wait_for_selector(".vb-failures")
    shoot(page, tmp_path_factory, "learn")
    page.get_by_role("link", name=re.compile("film inverted")).first.click()
    assert "inverted" in told(page)
    page.wait_for_selector("#vb-prediction table")
