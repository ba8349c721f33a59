"""The quiz in a real browser: a whole sitting in English by keyboard, and its start in Chinese on a phone."""

import csv
import io
from pathlib import Path

import pytest

from interface.quiz_tab.rules import LENGTH
from tests.interface.browser.visit import by_link, shoot

pytestmark = pytest.mark.browser
STEP = "#vb-quiz-step .vb-quiz-step"


def stepped(page, text: str) -> None:
    """Wait until a step's heading is there and has the focus."""
    page.wait_for_selector(f"{STEP}:has-text('{text}')")
    page.wait_for_function("() => document.activeElement?.classList.contains('vb-quiz-step')")


def pick(page, group: str, number: int) -> None:
    """Choose from a group of radio buttons by its arrows."""
    first = page.locator(f"{group} input").first
    page.wait_for_function("e => e.name.startsWith('viewbox-radios')", arg=first.element_handle())
    first.focus()
    page.keyboard.press("Space")
    for _ in range(number):
        page.keyboard.press("ArrowRight")
    assert page.locator(f"{group} input").nth(number).is_checked()


def press(page, button: str) -> None:
    page.locator(f"#vb-quiz-{button}").focus()
    page.keyboard.press("Enter")


def mark(page) -> None:
    """Mark a place in the middle of the film by keyboard."""
    page.locator("#vb-quiz-film .vv-stage").first.focus()
    for key in ("b", "ArrowRight", "Space", "Shift+ArrowDown"):
        page.keyboard.press(key)


def told(page, part: str) -> str:
    return page.locator(f"#vb-quiz-{part}").inner_text()


def test_a_whole_quiz_by_keyboard_tells_nothing_before_the_reader_commits(page, tmp_path_factory):
    page.get_by_role("tab", name="Quiz", exact=True).click()
    assert "than the model" in told(page, "intro") and "stored on the server" in told(page, "intro")
    page.locator("#vb-quiz-code input, #vb-quiz-code textarea").fill("class-7b")
    press(page, "begin")
    for number in range(1, 3):
        stepped(page, f"Film {number} of {LENGTH}: read it first")
        for key in ("Tab", "Enter"):  # past the film
            page.keyboard.press(key)
        assert page.evaluate("() => Boolean(document.activeElement.closest('#vb-quiz-answers'))")
        page.wait_for_function("() => document.querySelector('#vb-quiz-film canvas')")
        assert "model says" not in told(page, "model") and "Reference: " not in told(page, "truth")
        caption = page.locator("#vb-quiz-film figcaption").first.inner_text()
        assert f"Quiz film {number}" in caption and "CASE-" not in caption
        press(page, "commit")
        page.wait_for_selector("#vb-message :text('Choose an answer')")
        pick(page, "#vb-quiz-answer", number)
        page.wait_for_selector("#vb-message .vb-empty", state="attached")
        pick(page, "#vb-quiz-sure", 2)
        if number == 1:
            press(page, "commit")
            page.wait_for_selector("#vb-message :text('marked nothing yet')")
        mark(page)
        shoot(page, tmp_path_factory, f"quiz-{number}-read")
        press(page, "commit")
        stepped(page, "now you see the model")
        assert "The model says" in told(page, "model") and "Reference: " not in told(page, "truth")
        page.wait_for_selector("#vb-quiz-model :text('map is on the film')")
        shoot(page, tmp_path_factory, f"quiz-{number}-model")
        press(page, "reveal")
        stepped(page, f"Film {number} of {LENGTH}: the reference")
        assert "Reference: " in told(page, "truth") and "CASE-" in told(page, "truth")
        shoot(page, tmp_path_factory, f"quiz-{number}-truth")
        press(page, "next")
    stepped(page, "read it first")
    press(page, "finish")
    stepped(page, "Your results")
    results = told(page, "results")
    assert "Right before seeing the model" in results and "?quiz=class-7b" in results
    shoot(page, tmp_path_factory, "quiz-results")
    with page.expect_download() as waiting:
        page.locator("#vb-quiz-kept button").first.click()
    text = Path(waiting.value.path()).read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["number"] for row in rows] == ["1", "2"] and rows[0]["quiz"] == "class-7b"
    assert all(row["marked"] == "True" for row in rows)


@by_link("phone", "/?quiz=%3Cb%3E")
def test_a_wrong_code_in_a_link_is_told_and_a_refusal_is_seen_below_the_banner_on_a_phone(phone):
    phone.wait_for_selector("#vb-quiz-status [role=alert]:has-text('測驗代碼')")
    phone.locator("#vb-quiz-begin").tap()
    stepped(phone, f"第 1 / {LENGTH} 張")
    phone.locator("#vb-quiz-commit").tap()
    phone.wait_for_selector("#vb-message :text('請先選擇')")
    edge = "e => e.getBoundingClientRect()"
    banner, told = (phone.locator(f"#vb-{name}").evaluate(edge) for name in ("banner", "message"))
    assert banner["bottom"] - 1 <= told["top"] < 844 / 2


def test_a_reload_does_not_end_a_quiz_nor_take_back_what_was_committed(page):
    page.get_by_role("tab", name="Quiz", exact=True).click()
    page.locator("#vb-quiz-code input, #vb-quiz-code textarea").fill("class-7b")
    press(page, "begin")
    stepped(page, f"Film 1 of {LENGTH}: read it first")
    pick(page, "#vb-quiz-answer", 0)
    pick(page, "#vb-quiz-sure", 3)
    press(page, "commit")
    stepped(page, "now you see the model")
    model = told(page, "model").split("\n")[1]
    page.reload()
    page.get_by_role("tab", name="Quiz", exact=True).click()
    page.locator(".vb-quiz-onward").focus()
    assert page.locator(".vb-quiz-onward").inner_text() == "Go on with film 1"
    page.keyboard.press("Enter")
    stepped(page, f"Film 1 of {LENGTH}: now you see the model")
    assert model in told(page, "model") and page.locator("#vb-quiz-commit").is_hidden()
    assert page.locator("#vb-quiz-answer input").first.is_checked()
    assert page.locator(".vb-quiz-onward").count() == 0, "what is on screen is not offered again"
    press(page, "reveal")
    stepped(page, f"Film 1 of {LENGTH}: the reference")
    press(page, "next")
    stepped(page, f"Film 2 of {LENGTH}: read it first")
    page.reload()
    page.get_by_role("tab", name="Quiz", exact=True).click()
    page.locator(".vb-quiz-onward:has-text('Go on with film 2')").click()
    stepped(page, f"Film 2 of {LENGTH}: read it first")
    press(page, "finish")
    stepped(page, "Your results")
    page.reload()
    page.get_by_role("tab", name="Quiz", exact=True).click()
    page.wait_for_selector("#vb-quiz-kept :text('1 of 8 films')")
    assert page.locator(".vb-quiz-onward").count() == 0, "what is over is not offered"


LOW = """() => [...document.querySelectorAll(
  '#vb-quiz-answers label, #vb-quiz-answers button, #vb-quiz-finish, #vb-quiz-next')]
  .filter((node) => node.offsetParent && node.getBoundingClientRect().height < 43.5)
  .map((node) => node.textContent)"""


BANDS = """() => {
  const stage = document.querySelector('#vb-quiz-film .vv-stage').getBoundingClientRect();
  const { viewer } = document.querySelector('#vb-quiz-film .vv').parentElement;
  const { width, height } = viewer.entryOf(viewer.panes[0]).film;
  const [shown, whole] = [width / height, stage.width / stage.height].sort((a, b) => a - b);
  return 1 - shown / whole;
}"""
CUT = """() => [...document.querySelectorAll('#vb-quiz-film .vv > .vv-bar:first-child > *')]
  .filter((node) => node.offsetParent && node.getBoundingClientRect().right > 390).length"""


@by_link("phone", "/?quiz=class-7b")
def test_a_link_opens_the_quiz_on_a_phone_and_every_target_can_be_hit(phone, tmp_path_factory):
    phone.wait_for_selector("#vb-quiz-begin")
    phone.wait_for_function("() => document.querySelector('#vb-quiz-code :is(input, textarea)').value")
    assert "判讀" in told(phone, "intro")
    shoot(phone, tmp_path_factory, "quiz-phone-start")
    phone.locator("#vb-quiz-begin").tap()
    stepped(phone, f"第 1 / {LENGTH} 張")
    phone.wait_for_selector("#vb-quiz-film .vv-readout:not(:empty)")
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    shoot(phone, tmp_path_factory, "quiz-phone-read")
    edge = "e => e.getBoundingClientRect()"
    film, answers, facts = (
        phone.locator(f"#vb-quiz-{part}").evaluate(edge) for part in ("film", "answers", "facts")
    )
    assert 0 <= answers["top"] - film["bottom"] < 40 and facts["top"] >= answers["bottom"]
    assert phone.evaluate(LOW) == []
    assert phone.evaluate(BANDS) < 0.2 and phone.evaluate(CUT) == 0
    hint = phone.locator("#vb-quiz-status p").evaluate(edge)
    banner = phone.locator("#vb-banner").evaluate(edge)
    assert hint["top"] >= banner["bottom"] - 1, "the hint is not under the banner"
    phone.locator("#vb-quiz-answer label").first.tap()
    phone.locator("#vb-quiz-sure label").nth(1).tap()
    phone.locator("#vb-quiz-commit").tap()
    phone.wait_for_selector("#vb-quiz-model table")
    model, answers = (phone.locator(f"#vb-quiz-{part}").evaluate(edge) for part in ("model", "answers"))
    assert model["bottom"] <= answers["top"] + 1 and phone.evaluate(LOW) == []
    shoot(phone, tmp_path_factory, "quiz-phone-model")


@by_link("phone", "/?quiz=opacity-learn")
def test_a_study_is_read_from_the_frontal_film_then_with_the_lateral_on_a_phone(phone, tmp_path_factory):
    phone.wait_for_selector("#vb-quiz-begin")
    phone.locator("#vb-quiz-begin").tap()
    stepped(phone, f"第 1 / {LENGTH} 個檢查")
    caption = phone.locator("#vb-quiz-film figcaption").first
    caption.get_by_text("PA，當天").wait_for()
    assert "側面，當天" not in caption.inner_text()
    shoot(phone, tmp_path_factory, "quiz-study-read")
    phone.locator("#vb-quiz-answer label").nth(1).tap()
    phone.locator("#vb-quiz-sure label").nth(1).tap()
    phone.locator("#vb-quiz-commit").tap()
    stepped(phone, "加上側面影像")
    caption.get_by_text("側面，當天").wait_for()
    assert "模型" not in told(phone, "model") and "參考答案" not in told(phone, "truth")
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    shoot(phone, tmp_path_factory, "quiz-study-both")
    phone.locator("#vb-quiz-reveal").tap()
    stepped(phone, "參考答案")
    phone.wait_for_selector("#vb-quiz-model :text('只看正面影像時')")
    assert "側面，當天 " in told(phone, "model") and "phantom-study-" in told(phone, "truth")
    shoot(phone, tmp_path_factory, "quiz-study-truth")
    phone.locator("#vb-quiz-finish").tap()
    stepped(phone, "您的結果")
    assert "只看正面影像答對" in told(phone, "results") and "加上側面影像後答對" in told(phone, "results")
    shoot(phone, tmp_path_factory, "quiz-study-results")
