"""Journeys in a real browser, and the page in Chinese on a phone; TEST_PICTURES=1 leaves pictures of them."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from modeling.csv_cells import csv_rows
from tests.doubles.served import unfold
from tests.interface.browser.visit import VIEWER, explained, shoot

pytestmark = pytest.mark.browser
PICTURE = f"({VIEWER}.panes[0].canvas.toDataURL() + {VIEWER}.panes[0].over.toDataURL())"


def probabilities(page) -> list[str]:
    return page.locator("#vb-prediction .vb-number").all_inner_texts()


def picture(page) -> str:
    """Film and map as they stand on the screen."""
    return page.evaluate(PICTURE)


def test_a_stranger_sees_a_case_its_prediction_and_its_map_without_a_click(page, tmp_path_factory):
    explained(page)
    assert "CASE-0000" in page.inner_text("#vb-figure figcaption")
    assert "Not for diagnosis" in page.inner_text("#vb-banner")
    assert re.search(r"Model: toy revision sha256:\w+, on cpu", page.inner_text("#vb-model"))
    page.mouse.wheel(0, 900)
    page.wait_for_timeout(300)
    assert page.locator("#vb-banner").bounding_box()["y"] >= 0, "the banner must stay in sight"
    shoot(page, tmp_path_factory, "arrival")
    page.mouse.wheel(0, -900)
    page.locator("#vb-strip [data-opens=vb-list]").click()
    page.wait_for_function(f"() => {VIEWER}.films.get({VIEWER}.ahead)?.whole")
    ahead = page.evaluate(f"{VIEWER}.ahead")
    assert ahead != page.evaluate(f"{VIEWER}.entryOf({VIEWER}.panes[0]).filmId")
    fetched = []
    page.on("request", lambda request: fetched.append(request.url))
    page.get_by_role("button", name="Next").click()
    page.wait_for_selector("#vb-figure figcaption:has-text('CASE-0001')")
    assert page.locator("#vb-strip [aria-current]").get_attribute("data-case") == "CASE-0001"
    assert page.evaluate(f"{VIEWER}.entryOf({VIEWER}.panes[0]).filmId") == ahead
    assert page.evaluate(f"{VIEWER}.entryOf({VIEWER}.panes[0]).film.whole"), "shown at once, not loaded now"
    assert not [url for url in fetched if url.endswith(ahead)]
    page.wait_for_function(
        f"id => {VIEWER}.ahead !== id && {VIEWER}.films.get({VIEWER}.ahead).whole", arg=ahead
    )
    page.get_by_label("Case ID").fill("CASE-0009")
    page.get_by_role("button", name="Open").click()
    page.wait_for_selector("#vb-figure figcaption:has-text('CASE-0009')")
    page.wait_for_function(f"() => {VIEWER}.entryOf({VIEWER}.panes[0])?.film?.whole")
    explained(page)
    page.wait_for_selector("#vb-rows button[data-case='CASE-0011']")
    page.get_by_role("button", name="Later").click()
    page.wait_for_selector("#vb-rows button[data-case='CASE-0012']")
    page.get_by_label("Appearance (reference)").click()
    page.get_by_role("option", name="Atypical").click()
    page.wait_for_selector("#vb-rows :text('1 to 10 of 10 cases')")
    shoot(page, tmp_path_factory, "list")
    page.locator("#vb-rows button[data-case='CASE-0008']").click()
    page.wait_for_selector("#vb-figure figcaption:has-text('CASE-0008')")
    page.get_by_role("button", name="Next").click()
    page.wait_for_selector("#vb-figure figcaption:has-text('CASE-0011')")


def test_a_bad_file_changes_nothing_and_a_case_is_looked_up(page, served, tmp_path_factory):
    page.locator("#vb-strip [data-opens=vb-upload]").click()
    bad = {"name": "film.png", "mimeType": "image/png", "buffer": b"this is no film"}
    page.set_input_files("#vb-film-file input[type=file]", bad)
    page.wait_for_selector("#vb-message [role=alert]:not(.vb-empty)")
    sentence = page.inner_text("#vb-message [role=alert]")
    assert sentence.endswith(".") and "Traceback" not in sentence
    assert "Still on screen: CASE-0000" in sentence
    assert "CASE-0000" in page.inner_text("#vb-figure figcaption") and served.files_left() == []
    shoot(page, tmp_path_factory, "bad-file")
    unfold(page, "vb-list")
    page.get_by_role("button", name="Next").click()
    page.wait_for_selector("#vb-figure figcaption:has-text('CASE-0001')")
    page.wait_for_selector("#vb-message .vb-empty", state="attached")
    unfold(page, "vb-why")
    page.get_by_label("Case ID").fill("CASE-0004")
    page.get_by_label("Case ID").press("Enter")
    page.wait_for_selector("#vb-figure figcaption:has-text('CASE-0004')")
    page.wait_for_selector("#vb-figure .vb-legend")
    explained(page)
    assert "Appearance: Typical" not in page.inner_text("#vb-prediction"), "read first"
    page.locator("#vb-prediction .vb-reveal summary").click()
    assert "✓ Appearance: Typical" in page.inner_text("#vb-prediction .vb-reveal")
    assert "SYNTHETIC" in page.inner_text("#vb-figure")
    assert "CC0 1.0 (synthetic)" in page.inner_text("#vb-figure figcaption")
    size = page.evaluate(f"(f => [f.width, f.height])({VIEWER}.entryOf({VIEWER}.panes[0]).film)")
    assert size == [280, 364], "the film has its own geometry"
    before, evidence = picture(page), page.inner_text("#vb-evidence")
    page.locator("#vb-figure .vv-more summary").click()
    page.locator("#vb-figure .vv-map select").select_option("only what speaks against it")
    page.wait_for_function(f"old => {PICTURE} !== old", arg=before)
    assert page.inner_text("#vb-evidence") == evidence, "another sign is a picture, not a new computation"
    shoot(page, tmp_path_factory, "look-up")
    page.get_by_role("button", name="Next").click()
    page.wait_for_selector("#vb-figure figcaption:has-text('CASE-0005')")
    page.get_by_label("Case ID").fill("nobody")
    page.get_by_role("button", name="Open").click()
    page.wait_for_selector("#vb-message [role=alert]:has-text('nobody')")
    assert "CASE-0005" in page.inner_text("#vb-figure figcaption")


def test_upload_of_a_dicom(page, tmp_path_factory):
    data = pytest.importorskip("pydicom.data").get_testdata_file("RG1_UNCR.dcm", download=False)
    if data is None:
        pytest.skip("pydicom-data is not installed")
    page.locator("#vb-strip [data-opens=vb-upload]").click()
    page.set_input_files("#vb-film-file input[type=file]", data)
    page.wait_for_selector("#vb-figure figcaption:has-text('RG1_UNCR.dcm')")
    page.wait_for_selector("#vb-prediction table")
    asked = []
    page.once("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    page.get_by_role("link", name="繁體中文").click()
    assert "Your own film is not kept" in asked[0] and "RG1_UNCR" in page.inner_text("#vb-figure figcaption")
    place = page.locator("#vb-prediction").bounding_box()
    assert 0 <= place["y"] <= 300, "the answer and what is said of the film must be in sight"
    unfold(page, "vb-form")
    page.get_by_label("Age (years)").fill("63")
    page.get_by_label("Indication").fill("cough for 3 days")
    page.get_by_role("button", name="Predict again").click()
    page.wait_for_selector("#vb-prediction :text('film, clinical data, text.')")
    explained(page)
    page.locator("#vb-prediction .vb-reveal summary").click()
    assert "no reference label" in page.inner_text("#vb-prediction")
    shoot(page, tmp_path_factory, "upload")


def test_several_films_in_one_upload_have_a_row_each_and_a_bad_one_stops_nothing(
    page, tmp_path, tmp_path_factory
):
    noise = np.random.default_rng(0).integers(0, 256, (128, 128), dtype=np.uint8)
    for name in ("first.png", "last.png"):
        Image.fromarray(noise).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no film")
    files = [tmp_path / name for name in ("notes.txt", "first.png", "last.png")]
    page.locator("#vb-strip [data-opens=vb-upload]").click()
    page.set_input_files("#vb-film-file input[type=file]", files)
    page.wait_for_selector("#vb-several :text('3 of 3 films read.')")
    assert page.locator("#vb-several tbody th").all_inner_texts() == ["notes.txt", "first.png", "last.png"]
    page.wait_for_selector("#vb-figure figcaption:has-text('first.png')")
    page.wait_for_selector("#vb-prediction table")
    shoot(page, tmp_path_factory, "several")
    page.locator("#vb-several button", has_text="last.png").click()
    page.wait_for_selector("#vb-figure figcaption:has-text('last.png')")
    with page.expect_download() as saved:
        page.locator("#vb-several a[download]").click()
    rows = csv_rows(Path(saved.value.path()))
    assert [bool(row["appearance: answer"]) for row in rows] == [False, True, True] and rows[0]["refusal"]


def test_a_field_is_changed_each_modality_left_out_and_the_case_put_back(page, tmp_path_factory):
    explained(page)
    unfold(page, "vb-form", "vb-why")
    before = probabilities(page)
    age = page.get_by_label("Age (years)")
    assert age.input_value() == "41"
    age.fill("96")
    age.press("Enter")
    page.wait_for_function(
        "old => { const t = [...document.querySelectorAll('#vb-prediction .vb-number')];"
        " return t.length && t.map(e => e.innerText).join() !== old }",
        arg=",".join(before),
    )
    explained(page)
    page.wait_for_selector("#vb-evidence :text('96')")
    shoot(page, tmp_path_factory, "changed-field")
    page.get_by_label("Temperature (°C)").fill("101")
    page.get_by_role("button", name="Predict again").click()
    page.wait_for_selector("#vb-prediction :text('read as 101 °F (38.33 °C)')")
    page.get_by_label("Temperature (°C)").fill("60")
    page.get_by_role("button", name="Predict again").click()
    page.wait_for_selector("#vb-message [role=alert]:has-text('outside 30 to 45 °C')")
    place = page.locator("#vb-message [role=alert]").bounding_box()
    assert 0 <= place["y"] <= 900, "the refusal must be in sight of the button"
    assert len(probabilities(page)) == 7, "the last prediction stays on screen"
    shoot(page, tmp_path_factory, "bad-value")

    def press(label):
        page.get_by_role("button", name=label).click()

    press("Restore the case")
    page.wait_for_function("document.querySelector('#vb-field-age :is(input, textarea)').value === '41'")
    explained(page)
    whole, age, words = probabilities(page), page.get_by_label("Age (years)"), page.get_by_label("Indication")
    assert age.input_value() and words.input_value()
    press("Leave out the table")
    page.wait_for_function("!document.querySelector('#vb-field-age input, #vb-field-age textarea').value")
    explained(page)
    assert probabilities(page) != whole and words.input_value()
    press("Leave out the film")
    page.wait_for_selector("#vb-figure :text('The film is left out of this prediction')")
    explained(page)
    shoot(page, tmp_path_factory, "film-left-out")
    press("Leave out the text")
    page.wait_for_selector("#vb-message [role=alert]:has-text('Nothing would be left')")
    assert words.input_value(), "what was refused changes nothing"
    press("Restore the case")
    page.wait_for_function("document.querySelector('#vb-field-age input, #vb-field-age textarea').value")
    page.wait_for_function(f"() => {VIEWER}.entryOf({VIEWER}.panes[0])?.film?.whole")
    explained(page)
    assert probabilities(page) == whole


WATCH = """() => {
  window.seen = [];
  const state = () => [
    document.querySelector('#vb-figure figcaption').innerText.includes('CASE-0001'),
    !!document.querySelector('#vb-prediction table'),
    !!document.querySelector('#vb-leans p'),
  ];
  const observer = new MutationObserver(() => window.seen.push(state()));
  observer.observe(document.body, {childList: true, subtree: true});
}"""


def test_the_prediction_is_there_before_the_explanation(page):
    explained(page)
    unfold(page, "vb-list")
    page.evaluate(WATCH)
    page.get_by_role("button", name="Next").click()
    page.wait_for_selector("#vb-figure figcaption:has-text('CASE-0001')")
    page.wait_for_function("() => window.seen.some(([, , delta]) => !delta)")
    explained(page)
    seen = [tuple(state) for state in page.evaluate("window.seen")]
    after = seen[seen.index((True, False, False)) :]
    assert (True, True, False) in after and (True, False, True) not in after


def test_on_a_phone_targets_are_large_and_the_page_speaks_chinese_then_english(phone, tmp_path_factory):
    phone.wait_for_selector("#vb-trust-summary .vb-trust-line")
    assert phone.locator("#vb-tabs .overflow-menu > button").is_hidden()
    names = "#vb-tabs .tab-container:not(.visually-hidden) [role=tab]"
    assert phone.locator(names).count() == 5
    small = phone.evaluate(
        f"""() => [...document.querySelectorAll("{names}, .vv-button, .vb-foot button, #vb-next button")]
          .map((e) => [e.textContent.trim(), e.getBoundingClientRect()])
          .filter(([, box]) => box.width && (box.height < 44 || box.width < 44)).map(([name]) => name)"""
    )
    assert small == []
    sticky = phone.evaluate(
        """() => [...document.querySelectorAll("body *")].filter((e) => {
          const { position } = getComputedStyle(e), { height, width } = e.getBoundingClientRect();
          const stays = position === "sticky" || position === "fixed";
          return stays && height > 40 && width > 100 && !e.closest(".vb-foot");
        }).map((e) => e.id || e.className)"""
    )
    assert sticky == []
    stage = phone.locator("#vb-figure .vv-stage").bounding_box()
    ratio = phone.evaluate(
        f"(f => f.width / (f.height * f.aspect))({VIEWER}.entryOf({VIEWER}.panes[0]).film)"
    )
    assert abs(stage["width"] / stage["height"] - ratio) < 0.02, "no black bands"
    film, answer, rest = (
        phone.locator(p).bounding_box()["y"] for p in ("#vb-figure", "#vb-answer", "#vb-take")
    )
    assert film < answer < rest
    phone.locator("[data-go=quiz]").tap()
    phone.wait_for_selector("#vb-quiz-begin")
    phone.locator("[data-go=answer]").tap()
    phone.wait_for_selector("#vb-prediction table")
    explained(phone)
    unfold(phone, "vb-list", "vb-form", "vb-why")
    text = phone.inner_text("body")
    attributes = """[...document.querySelectorAll('body *:not(script)')]
        .flatMap(e => [...e.attributes].map(a => a.value))"""
    raw = [v for v in [text, *phone.evaluate(attributes)] if "__i18n__" in v or "translation_metadata" in v]
    assert raw == []
    for words in ("不可用於診斷", "病例編號", "模型的答案", "再次預測", "體溫（°C）", "各部分的貢獻"):
        assert words in text or words in phone.content()
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390, "no sideways scrolling"
    shoot(phone, tmp_path_factory, "phone-chinese")
    phone.get_by_role("link", name="English").click()
    phone.wait_for_selector("#vb-banner :text('Not for diagnosis')")
    phone.wait_for_selector("#vb-copy-link:has-text('Copy link')")
    assert "lang=en" in phone.url and phone.evaluate("document.documentElement.lang") == "en"
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390, "no sideways scrolling"
