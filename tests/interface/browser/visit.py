"""What every browser test does: a reader arrives, waits for the map and leaves nothing behind."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""The shell first: a browser that draws itself too takes a quarter more of a core for every page."""
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
FLAGS = ["--no-sandbox", "--disable-background-networking", "--disable-gpu"]
PATIENCE = 60_000
"""Milliseconds."""
DESKTOP = {"locale": "en-US", "viewport": {"width": 1280, "height": 900}}
PHONE = {"locale": "zh-TW", "viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
VIEWER = "document.querySelector('#vb-figure .vv').parentElement.viewer"


def arrived(served, chromium, options: dict, path: str = "/") -> Iterator:
    """A fresh page with its first case predicted, or its quiz; nothing is fetched elsewhere or left on disk.

    `path`: what the reader's link says after the address.
    """
    context = chromium.new_context(**options)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    outside, faults = [], []
    page.on(
        "request",
        lambda r: None if r.url.startswith((served.url, "data:", "blob:")) else outside.append(r.url),
    )
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(served.url + path)
    page.locator("#vb-prediction table, #vb-quiz-begin").locator("visible=true").first.wait_for()
    yield page
    context.close()
    assert outside == [] and faults == []
    assert served.files_left() == []


def by_link(name: str, path: str) -> pytest.MarkDecorator:
    """Let the reader whose page is the fixture `name` arrive by a link, not at the first case."""
    return pytest.mark.parametrize(name, [path], indirect=True, ids=["by a link"])


def explained(page) -> None:
    """Wait until the last refinement is on screen and Cancel has nothing to cancel."""
    page.wait_for_selector("#vb-leans p")
    page.wait_for_selector("#vb-cancel:disabled", state="attached")


def choose(page, label: str, option: str) -> None:
    """Choose from a list by its words."""
    page.get_by_label(label, exact=True).click()
    page.get_by_role("option", name=option, exact=True).click()


def shoot(page, tmp_path_factory, name: str) -> None:
    """Leave a picture to look at, where TEST_PICTURES=1 asks for it: a page costs a second of a core."""
    if not os.environ.get("TEST_PICTURES"):
        return
    folder: Path = tmp_path_factory.getbasetemp() / "screens"
    folder.mkdir(exist_ok=True)
    page.screenshot(path=folder / f"{name}.png", full_page=True)
