"""Journeys around the map in a real browser: checks, other maps, proofs, baselines, two readers at once."""

import re

import pytest
from playwright.sync_api import TimeoutError as NotYet

from tests.doubles.served import unfold
from tests.interface.browser.visit import DESKTOP, VIEWER, arrived, choose, explained, shoot

pytestmark = pytest.mark.browser


def checked(page) -> None:
    """Wait until every trust measure is on screen."""
    explained(page)
    page.wait_for_selector("#vb-trust-summary .vb-trust-line")
    unfold(page, "vb-prove", "vb-maps", "vb-why", "vb-trust", "vb-list")
    page.wait_for_selector("#vb-checks .vb-running", state="detached")


def pick(page, method: str) -> None:
    """Choose a map; again where the press fell on buttons that gradio was just drawing anew."""
    button = page.get_by_label(method, exact=True)
    for _ in range(3):
        button.click()
        try:
            return page.wait_for_function("e => e.checked", arg=button.element_handle(), timeout=2000)
        except NotYet:
            continue
    raise AssertionError(f"{method} was not chosen")


def test_no_map_stands_without_its_checks_and_other_maps_say_what_they_are(page, tmp_path_factory):
    checked(page)
    assert page.locator("#vb-checks .vb-check").count() == 11
    for row in page.locator("#vb-checks .vb-check").all():
        text = row.inner_text()
        assert any(
            word in text for word in ("speaks for", "speaks against", "leaves it open", "not measurable")
        )
    summary = page.inner_text("#vb-trust-summary")
    assert re.search(r"Trustworthy|Doubtful|Do not trust", summary), summary
    assert "not that the model is right" in summary
    budget = page.inner_text("#vb-evidence .vb-budget")
    assert "Shapley value" in budget and "film × clinical data together" in budget
    shoot(page, tmp_path_factory, "trust")
    before = page.inner_text("#vb-checks").partition("Checked in")[0]
    page.get_by_role("button", name="Next").click()
    page.wait_for_selector("#vb-figure figcaption:has-text('CASE-0001')")
    page.get_by_role("button", name="Previous").click()
    page.wait_for_selector("#vb-figure figcaption:has-text('CASE-0000')")
    checked(page)
    assert page.inner_text("#vb-checks").partition("Checked in")[0] == before
    assert "This map: Integrated Gradients" in page.inner_text("#vb-about")
    pick(page, "Grad-CAM")
    page.wait_for_selector("#vb-about .vb-about-opinion:has-text('Second opinion: Grad-CAM')")
    assert "coarse" in page.inner_text("#vb-about")
    page.get_by_label("Grad-CAM", exact=True).focus()
    pick(page, "Control: edges")
    page.wait_for_selector("#vb-about .vb-about-control:has-text('CONTROL, not an explanation')")
    assert page.get_by_label("Attention", exact=True).count() == 0, "this checkpoint has none"
    shoot(page, tmp_path_factory, "control")
    pick(page, "Control: random weights")
    page.wait_for_selector("#vb-about :text('forgotten its training')")
    pick(page, "Integrated Gradients")
    page.wait_for_selector("#vb-about .vb-about-main")
    choose(page, "Question", "Appearance: Atypical rather than Negative")
    page.wait_for_selector("#vb-about :text('Atypical')")


def laid(page, kind: str) -> None:
    """Wait until every pane of a sheet of this kind has its map."""
    whole = f"v => v.sheet?.kind === '{kind}' && v.sheet.panes.every(pane => pane.id) && !v.waiting"
    page.wait_for_function(f"() => ({whole})({VIEWER})")


def boxes(page) -> list[dict]:
    """Where the panes stand."""
    return [stage.bounding_box() for stage in page.locator("#vb-figure .vv-stage").all()]


VIEWS = f"{VIEWER}.panes.map((pane) => [pane.view.zoom, pane.view.u, pane.view.v])"
COLOURED = f"""() => {VIEWER}.panes.map((pane) => {{
  const {{ width, height }} = pane.over;
  const pixels = pane.over.getContext('2d').getImageData(0, 0, width, height).data;
  return pixels.filter((value, i) => i % 4 === 3 && value > 8).length / (width * height); }})"""


def test_four_maps_stand_beside_each_other_and_move_as_one(page, tmp_path_factory):
    explained(page)
    page.locator("#vb-compare-maps").click()
    laid(page, "methods")
    titles = page.locator("#vb-figure .vv-title").all_inner_texts()
    assert len(set(titles)) == 4 and "Grad-CAM" in titles
    page.wait_for_function(f"() => ({COLOURED})().every((share) => share > 0.01)")
    places = boxes(page)
    assert len({box["x"] for box in places}) == 2 == len({box["y"] for box in places})
    assert max(box["y"] + box["height"] for box in places) <= 900, "all four at once"
    assert page.locator("#vb-figure .vb-legend:visible").count() == 4
    assert page.evaluate("document.activeElement.classList.contains('vv-stage')"), "the keys are the viewer's"
    for key in ("+", "+", "ArrowRight"):
        page.keyboard.press(key)
    views = page.evaluate(VIEWS)
    assert views[0][0] > 1.4 and all(view == views[0] for view in views)
    page.get_by_role("slider", name="Opacity").fill("0")
    page.get_by_role("button", name="Questions", exact=True).click()
    laid(page, "targets")
    assert "Negative rather than all other classes" in " ".join(
        page.locator("#vb-figure .vv-title").all_inner_texts()
    )
    page.get_by_role("button", name="Baselines", exact=True).click()
    laid(page, "baselines")
    assert page.locator("#vb-figure .vv-stage").count() == 2
    page.get_by_role("button", name="Models", exact=True).click()
    page.wait_for_selector("#vb-message :text('Only one checkpoint here')")
    shoot(page, tmp_path_factory, "sheet")
    page.locator("#vb-figure .vv-stage").first.focus()
    page.keyboard.press("q")
    page.wait_for_function(f"() => {VIEWER}.count === 1")
    page.keyboard.press("q")
    laid(page, "methods")
    unfold(page, "vb-list")
    page.get_by_role("button", name="Next").click()
    page.wait_for_selector("#vb-figure figcaption:has-text('CASE-0001')")
    assert page.evaluate(f"{VIEWER}.count") == 1, "another case is looked at alone first"


def brush(page) -> None:
    """Mark a stroke over the middle of the film."""
    page.get_by_role("button", name="Mark").click()
    box = page.locator("#vb-figure canvas").first.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 3
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y + box["height"] / 4, steps=6)
    page.mouse.up()


def test_what_is_taken_away_changes_the_answer_at_once(page, tmp_path_factory):
    checked(page)
    page.locator("#vb-prove-it").click()
    page.wait_for_selector("#vb-proof :text('Nothing is taken away yet')")
    page.locator("#vb-prove-fields").get_by_label(re.compile("Age")).check()
    page.wait_for_selector("#vb-proof table")
    claim = page.inner_text("#vb-proof .vb-claim")
    assert re.search(r"Integrated Gradients claimed that this part adds [+−]\d\.\d{3} logits", claim)
    assert page.locator("#vb-proof table").count() == 2
    page.locator("#vb-prove-words").get_by_label(re.compile("cough")).check()
    page.wait_for_function(
        "old => document.querySelector('#vb-proof .vb-claim').innerText !== old", arg=claim
    )
    claim = page.inner_text("#vb-proof .vb-claim")
    brush(page)
    page.wait_for_function(
        "old => document.querySelector('#vb-proof .vb-claim').innerText !== old", arg=claim
    )
    page.wait_for_selector("#vb-figure .vv-hint:has-text('→')")
    assert re.search(r"^\w+: \d+ % → \d+ %$", page.inner_text("#vb-figure .vv-hint"))
    shoot(page, tmp_path_factory, "proof")
    page.get_by_role("button", name="Put everything back").click()
    page.wait_for_function("() => !document.querySelector('#vb-proof table')")
    assert page.locator("#vb-prove input:checked").count() == 0
    page.locator("#vb-prove-it").click()
    page.wait_for_selector("#vb-proof :text('Nothing is taken away yet')")
    page.locator("#vb-test").click()
    page.wait_for_function(f"() => {VIEWER}.tested")
    assert "the outlined place was tested" in page.inner_text("#vb-figure .vv-readout")
    assert page.evaluate(f"{VIEWER}.tool") == "mark"
    page.get_by_role("button", name="Next").click()
    page.wait_for_function(f"() => !{VIEWER}.tested && {VIEWER}.tool === 'window'")


def test_an_explanation_can_be_cancelled_and_the_checks_alone(slow_page, tmp_path_factory):
    page = slow_page
    explained(page)
    unfold(page, "vb-why")
    choose(page, "Question", "Appearance: Atypical rather than Negative")
    page.locator("#vb-cancel:enabled").click()
    page.wait_for_selector("#vb-progress .vb-stopped")
    assert "The prediction stands" in page.inner_text("#vb-progress")
    assert page.locator("#vb-prediction .vb-number").count() == 7
    shoot(page, tmp_path_factory, "cancelled")
    page.get_by_role("button", name="Explain again").click()
    page.wait_for_selector("#vb-progress .vb-stopped", state="detached")
    checked(page)
    choose(page, "Question", "Appearance: Indeterminate rather than Negative")
    page.wait_for_selector("#vb-checks .vb-running")
    page.locator("#vb-cancel:enabled").click()
    page.wait_for_selector("#vb-checks .vb-stopped")
    assert page.locator("#vb-evidence .vb-delta").count() == 1
    assert "were stopped" in page.inner_text("#vb-checks")


def test_of_two_readers_the_second_sees_its_place_in_line(slow_page, slow, chromium):
    page = slow_page
    checked(page)
    other = arrived(slow, chromium, DESKTOP | {"locale": "zh-TW"})
    second = next(other)
    checked(second)
    for _ in range(5):  # the first may be done before the second asks
        page.get_by_role("button", name="Explain again").click()
        second.get_by_role("button", name="再次解釋").click()
        try:
            second.wait_for_selector("#vb-line .vb-waiting:has-text('接下來就是您的')", timeout=10_000)
            break
        except Exception as exc:  # playwright's timeout, imported only where playwright is
            assert "Timeout" in str(exc)
    else:
        pytest.fail("the second reader never saw a place in line")
    second.wait_for_selector("#vb-line .vb-waiting", state="detached")
    for one in (page, second):
        checked(one)
        assert one.locator("#vb-message .vb-alert:not(.vb-empty)").count() == 0
    assert next(other, None) is None


def test_the_checks_speak_chinese_on_a_phone(phone, tmp_path_factory):
    checked(phone)
    phone.get_by_label("對照：邊緣", exact=True).check()
    phone.wait_for_selector("#vb-about :text('對照，並非解釋')")
    phone.get_by_role("button", name="標記", exact=True).tap()
    phone.locator("#vb-figure .vv-stage").tap()
    phone.wait_for_selector("#vb-proof table")
    phone.wait_for_selector("#vb-figure .vv-hint:has-text('→')")
    with phone.expect_request("**/queue/join*"):
        phone.locator("[data-go=test]").tap()
    phone.wait_for_timeout(1000)
    assert "測試的是您在影像上標記的位置" in phone.inner_text("#vb-proof"), "not the map's own place"
    assert not phone.evaluate(f"{VIEWER}.tested")
    more = phone.locator("#vb-figure .vv-more")
    for close in (
        lambda: phone.keyboard.press("Escape"),
        lambda: phone.locator("#vb-answer").dispatch_event("pointerdown"),
    ):
        more.locator("summary").tap()
        stage, panel = (
            phone.locator(f"#vb-figure {n}").first.bounding_box() for n in (".vv-stage", ".vv-panel")
        )
        assert panel["y"] >= stage["y"] + stage["height"], "the film stays in sight"
        close()
        assert more.get_attribute("open") is None
    phone.locator("#vb-compare-maps").tap()
    laid(phone, "methods")
    assert len({box["x"] for box in boxes(phone)}) == 2 == len({box["y"] for box in boxes(phone)})
    titles = phone.locator("#vb-figure .vv-title").all_inner_texts()
    assert titles[0] == "對照：邊緣" and len(set(titles)) == 4, "the map on screen comes first"
    for place in ("#vb-checks", "#vb-trust-summary", "#vb-proof", "#vb-about", "#vb-figure .vv-kinds"):
        assert not re.search(r"\b(the|map|checks|model)\b", phone.inner_text(place)), place
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390, "no sideways scrolling"
    shoot(phone, tmp_path_factory, "phone-trust")
    phone.get_by_label("病例編號").fill("NOBODY")
    phone.get_by_label("病例編號").press("Enter")
    phone.wait_for_selector("#vb-message [role=alert]:has-text('沒有病例「NOBODY」')")
