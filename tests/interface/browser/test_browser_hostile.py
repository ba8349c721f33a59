"""Hostile texts in Chromium: wherever the page, its files and its cards show them, they stay text."""

import json
from pathlib import Path

import pytest
from PIL import Image

from interface.quiz_tab.score import as_csv
from tests.doubles.served import open_tab, serve, write_checkpoint, write_store
from tests.hostile.texts import ALL, MARKUP, SEEN, make_hostile
from tests.interface.browser.test_browser_class import answers

pytestmark = pytest.mark.browser
NAME = "<img src=x onerror=window.owned=1>"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hostile")
    make_hostile(write_store(folder / "store"))
    checkpoint = write_checkpoint(folder / NAME)
    card = f"---\nlicense: apache-2.0\nmodel-index: [{json.dumps(ALL)}]\n---\n# {ALL}\n"
    (checkpoint / "README.md").write_text(card, encoding="utf-8")
    task = {"task": "appearance", "n": 10, "name": ALL, "macro_auroc": ALL, "classes": {ALL: {"auroc": ALL}}}
    (checkpoint / "metrics.json").write_text(json.dumps({"measurements": {ALL: task}}), encoding="utf-8")
    with serve(folder / "run", MODEL_REPO=str(checkpoint), CASES_FOLDER=str(folder / "store")) as running:
        yield running


@pytest.fixture
def page(served, chromium):
    """A page whose console is read: the browser says there what it refuses."""
    page = chromium.new_context(locale="en-US", viewport={"width": 1280, "height": 900}).new_page()
    page.set_default_timeout(60_000)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("dialog", lambda dialog: said.append(f"dialog {dialog.message}"))
    page.goto(served.url)
    page.wait_for_selector("#vb-trust-summary .vb-trust-line")
    yield page
    page.context.close()
    assert [text for text in said if "Content Security Policy" in text or "dialog" in text] == []


def film(folder: Path) -> Path:
    """A JPEG whose name and EXIF are hostile."""
    exif = Image.Exif()
    for tag in (0x010E, 0x010F, 0x0110, 0x013B, 0x8298):  # description, make, model, artist, copyright
        exif[tag] = ALL
    path = folder / f"{NAME}.jpg"
    Image.linear_gradient("L").resize((400, 480)).save(path, exif=exif)
    return path


def test_no_text_of_a_case_report_card_or_file_becomes_more_than_text(page, tmp_path):
    assert MARKUP[0] in page.inner_text("#vb-figure figcaption")
    for heading in page.query_selector_all("button.label-wrap:not(.open):visible"):
        heading.click()
    page.wait_for_selector("#vb-pack [data-testid=accordion-content]")
    with page.expect_download() as download:
        page.click("#vb-handout")
    download.value.save_as(tmp_path / "handout.html")
    page.get_by_label("Case IDs").fill("CASE-0001, CASE-0003")
    with page.expect_download() as download:
        page.click("#vb-make-pack")
    download.value.save_as(tmp_path / "pack.html")
    found = {"case": page.evaluate(SEEN)}
    for name, steps in {
        "Quiz": quiz,
        "Reports and similar cases": reports,
        "About this model": about,
    }.items():
        open_tab(page, name)
        steps(page, tmp_path)
        found[name] = page.evaluate(SEEN)
    open_tab(page, "Look at a case")
    page.locator("#vb-strip [data-opens=vb-upload]").click()
    page.set_input_files("#vb-film-file input[type=file]", film(tmp_path))
    page.wait_for_selector("#vb-figure figcaption:has-text('onerror')")
    page.wait_for_selector("#vb-trust-summary .vb-trust-line")
    found["upload"] = page.evaluate(SEEN)
    for name in ("handout", "pack"):
        page.goto(f"file://{tmp_path}/{name}.html")
        assert MARKUP[0] in page.inner_text("body")
        found[name] = page.evaluate(SEEN)
    assert found == {key: [0, 0, 0] for key in found}


def quiz(page, folder: Path) -> None:
    page.locator("#vb-quiz-teachers button").first.click()
    said = ALL[:300]  # longer ones are refused
    rows = [vars(row) | {"case_id": said, "truth": said} for row in answers(1)]
    (folder / f"{NAME}.json").write_text(json.dumps({"code": said, "set": said, "key": said, "rows": rows}))
    (folder / f"{NAME}.csv").write_text("\ufeff" + as_csv(answers(2), said, said), newline="")
    files = [folder / f"{NAME}.{end}" for end in ("json", "csv")]
    page.locator("#vb-quiz-class input").set_input_files(files)
    page.wait_for_selector("#vb-quiz-class table")
    assert MARKUP[0] in page.inner_text("#vb-quiz-class")
    page.locator("#vb-quiz-begin").click()
    page.wait_for_selector("#vb-quiz-film .vv-readout:not(:empty)")
    page.locator("#vb-quiz-answer input").first.check()
    page.locator("#vb-quiz-sure input").nth(2).check()
    page.locator("#vb-quiz-commit").click()
    page.wait_for_selector("#vb-quiz-model table")
    page.locator("#vb-quiz-reveal").click()
    page.wait_for_selector("#vb-quiz-truth .vb-quiz-lesson")
    assert MARKUP[0] in page.inner_text("#vb-quiz-truth")
    page.locator("#vb-quiz-finish").click()
    page.wait_for_selector("#vb-quiz-results table")


def reports(page, folder: Path) -> None:
    page.get_by_role("button", name="Take the report").click()
    page.wait_for_selector("#vb-report-marked .vb-report")
    assert MARKUP[0] in page.inner_text("#vb-report-marked")
    page.locator("#vb-rules button.label-wrap").click()
    page.wait_for_selector("#vb-rule-scores table")
    page.locator("#vb-rules-text textarea").fill(f"sections = [{json.dumps(ALL)}]\n{ALL} = 1")
    page.wait_for_selector("#vb-rule-scores .vb-stopped")
    page.get_by_role("button", name="Find similar").click()
    page.locator("#vb-similar .vb-similar-compare").first.click()
    page.wait_for_selector("#vb-pair .vb-side")
    page.locator("#vb-topics-fold button.label-wrap").click()
    page.get_by_role("button", name="Show the topics").click()
    page.wait_for_selector("#vb-topics .vb-topic[open]")


def about(page, folder: Path) -> None:
    page.wait_for_selector("#vb-about-models h2, #vb-about-models p")
    assert MARKUP[0] in page.inner_text("#vb-about-models")
