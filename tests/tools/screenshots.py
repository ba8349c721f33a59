"""The pictures of README and docs, taken anew of the page with what ships: `make screenshots`."""

import io
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

from tests.doubles.served import Served, open_tab, serve
from tests.interface.browser.visit import CHROMIUM

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).parents[2]
DESK = {"viewport": {"width": 1280, "height": 900}, "locale": "en-US"}
PHONE = {
    "viewport": {"width": 390, "height": 844}, "locale": "en-US", "is_mobile": True, "has_touch": True,
    "device_scale_factor": 2,
}  # fmt: skip
LARGEST = 150_000
"""Bytes of a picture: the repository stays small."""
PATIENCE = 300_000
CASE = "?case=case-01"
STUDY = "?case=phantom-study-000000005208"
LEGENDS = """() => [...document.querySelectorAll('#vb-figure .vb-legend')]
  .filter((legend) => legend.offsetParent).length === 4"""


def verdict(page: "Page") -> None:
    """Wait for the map, and for what its checks come to."""
    page.wait_for_selector("#vb-cancel:disabled", state="attached")
    page.wait_for_selector(
        "#vb-verdict :text-matches('Trustworthy|Doubtful|Do not trust|可信|存疑|請勿相信')"
    )


def compared(page: "Page") -> None:
    """The same film under four maps."""
    verdict(page)
    page.locator("#vb-compare-maps").click()
    page.wait_for_function(LEGENDS)
    page.wait_for_timeout(3000)


def quizzed(page: "Page") -> None:
    """The first film of a quiz, to be read before the model is seen."""
    open_tab(page, "Quiz")
    page.locator("#vb-quiz-code input, #vb-quiz-code textarea").fill("class-7b")
    page.locator("#vb-quiz-begin").click()
    page.wait_for_selector("#vb-quiz-film canvas")
    page.wait_for_timeout(3000)


def together(page: "Page") -> None:
    """All films of a study read together, one of them left out, two side by side."""
    page.set_viewport_size({"width": 1280, "height": 1500})
    page.locator("#vb-whole-ask").click()
    page.locator("#vb-whole .vb-delta").nth(1).wait_for()
    page.locator("[data-leave]").nth(1).click()
    page.locator("[data-beside-film]").nth(1).click()
    verdict(page)
    page.wait_for_timeout(3000)


PICTURES: dict[str, tuple[dict[str, Any], str, Callable[["Page"], None]]] = {
    "interface/assets/page.jpg": (DESK, CASE, verdict),
    "docs/page_zh.jpg": (DESK | {"locale": "zh-TW"}, f"{CASE}&lang=zh-Hant", verdict),
    "docs/phone.jpg": (PHONE, CASE, verdict),
    "docs/compare.jpg": (DESK, CASE, compared),
    "docs/quiz.jpg": (DESK, "", quizzed),
    "docs/studies_page.jpg": (DESK, STUDY, together),
}
"""File -> the browser, the address, and what is done before the picture is taken."""


@contextmanager
def browsing() -> Iterator[tuple[Served, "Browser"]]:
    """The page with the checkpoints and cases that ship, and a browser."""
    from playwright.sync_api import sync_playwright

    assert CHROMIUM, "there is no Chromium on this machine"
    with (
        tempfile.TemporaryDirectory() as folder,
        serve(Path(folder) / "run") as served,
        sync_playwright() as p,
    ):
        browser = p.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield served, browser
        browser.close()


def jpeg(picture: bytes) -> bytes:
    """A screenshot as JPEG, as good as `LARGEST` lets it be."""
    for quality in range(90, 40, -5):
        buffer = io.BytesIO()
        Image.open(io.BytesIO(picture)).convert("RGB").save(buffer, "JPEG", quality=quality, optimize=True)
        if buffer.tell() <= LARGEST:
            break
    return buffer.getvalue()


def main() -> None:
    """Take every picture of `PICTURES`."""
    with browsing() as (served, browser):
        for name, (options, address, done) in PICTURES.items():
            context = browser.new_context(**options)
            page = context.new_page()
            page.set_default_timeout(PATIENCE)
            page.goto(f"{served.url}/{address}")
            page.wait_for_selector("#vb-prediction table")
            done(page)
            (ROOT / name).write_bytes(jpeg(page.screenshot()))
            print(name, (ROOT / name).stat().st_size)
            context.close()


if __name__ == "__main__":
    main()
