"""Journeys with links, handouts, languages and lessons in a real browser."""

# ruff: noqa: F811 (fixtures come by name)

import re

import pytest

from tests.test_browser import (  # noqa: F401 (fixtures)
    chromium,
    explained,
    page,
    phone,
    served,
    shoot,
)

pytestmark = pytest.mark.browser
LINK = "?case=CASE-0004&target=appearance/Atypical&baseline=blurred&method=edges"


def told(page) -> str:
    page.wait_for_selector("#vb-notice [role=alert]:not(.vb-empty)")
    return page.inner_text("#vb-notice")


def test_a_copied_link_restores_the_view(page, served):
    page.goto(f"{served.url}/{LINK}")
    page.wait_for_selector("#vb-about .vb-about-control")
    assert "CASE-0004" in page.inner_text("#vb-figure figcaption")
    assert "blurred film" in page.inner_text("#vb-evidence") and "Atypical" in page.inner_text("#vb-evidence")
    page.click("#vb-copy-link")
    page.wait_for_selector(".vb-link")
    address = page.input_value(".vb-link")
    assert address.startswith(served.url) and "method=edges" in address and "checkpoint=toy" in address
    page.goto(address)
    page.wait_for_selector("#vb-about .vb-about-control")
    assert page.locator("#vb-notice .vb-empty").count() == 1


def test_a_bad_link_is_one_sentence_and_the_usual_view(page, served):
    page.goto(f"{served.url}/?case=CASE-0004&baseline=purple")
    assert "baseline 'purple'" in told(page)
    page.wait_for_selector("#vb-prediction table")
    assert "CASE-0000" in page.inner_text("#vb-figure figcaption")
    page.goto(f"{served.url}/?case=NOBODY")
    assert "no case 'NOBODY'" in told(page)
    page.wait_for_selector("#vb-prediction table")


def test_a_handout_and_a_course_pack_are_files_that_ask_nobody(page, served, tmp_path, tmp_path_factory):
    page.wait_for_selector("#vb-trust-summary .vb-trust-line")
    with page.expect_download() as download:
        page.click("#vb-handout")
    download.value.save_as(tmp_path / "one.html")
    page.locator("#vb-pack button").first.click()
    page.get_by_label("Case IDs").fill("CASE-0001, CASE-0003")
    with page.expect_download() as download:
        page.click("#vb-make-pack")
    download.value.save_as(tmp_path / "pack.html")
    one, pack = ((tmp_path / f"{name}.html").read_text() for name in ("one", "pack"))
    assert f'href="{served.url}/?case=CASE-0000' in one and "viewbox-address" not in one + pack
    assert pack.count("<article") == 2 and "not for show" in pack
    assert not re.search(r'(src|href)="(?!data:|#|' + re.escape(served.url) + ")", one + pack)


def test_the_language_can_be_switched_and_both_sides_follow(phone, served):
    assert "不可用於診斷" in phone.inner_text("#vb-banner")
    phone.get_by_role("link", name="English").click()
    phone.wait_for_selector("#vb-banner :text('Not for diagnosis')")
    phone.wait_for_selector("#vb-copy-link:has-text('Copy link')")
    assert "lang=en" in phone.url and phone.evaluate("document.documentElement.lang") == "en"
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390, "no sideways scrolling"


def test_a_lesson_opens_the_case_that_shows_it(page, tmp_path_factory):
    page.get_by_role("tab", name="Learn").click()
    page.wait_for_selector(".vb-failures")
    shoot(page, tmp_path_factory, "learn")
    page.get_by_role("link", name=re.compile("film inverted")).first.click()
    assert "inverted" in told(page)
    page.wait_for_selector("#vb-prediction table")


def test_the_map_is_told_in_words_and_the_ward_says_what_is_missing(page):
    explained(page)
    page.wait_for_selector("#vb-about .vb-inwords, #vb-about .vb-about-main")
    words = page.inner_text(".vb-inwords")
    assert words.endswith(".") and ("zone" in words or "lungs" in words)
    page.locator("#vb-ward button").first.click()
    page.get_by_label(re.compile("How common")).first.fill("20")
    page.wait_for_selector("#vb-ward-result :text('no operating point')")
