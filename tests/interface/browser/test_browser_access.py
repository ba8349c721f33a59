"""Who cannot see well, use a mouse or stand movement: axe on every panel, keyboard, zoom and contrast."""

from functools import cache
from pathlib import Path

import pytest

from tests.doubles.served import open_tab, unfold
from tests.interface.browser.visit import DESKTOP, PATIENCE, PHONE

pytestmark = pytest.mark.browser
PAGES = {"english, desktop": DESKTOP, "chinese, phone": PHONE}
TABS = {
    "en-US": ("Quiz", "Reports and similar cases", "Learn", "About this model"),
    "zh-TW": ("測驗", "報告與相似病例", "學習", "關於此模型"),
}
STAGE = "#vb-figure .vv-stage"


@cache
def axe() -> str:
    """The script of axe-core, from a package of the test requirements; nothing is fetched."""
    package = pytest.importorskip("axe_playwright_python", reason="axe-core is not installed")
    return (Path(package.__file__).parent / "axe.min.js").read_text(encoding="utf-8")


_SETTLED = """() => Promise.all(document.getAnimations()
  .filter((one) => one instanceof CSSTransition).map((one) => one.finished.catch(() => null)))"""
"""Colours that are still on their way are no colours to judge."""


def _why(node: dict) -> str:
    return "; ".join(one["message"] for one in node["any"])


def faults(page, where: str) -> list[str]:
    """The serious and critical findings of axe-core on what is on screen, in light and dark colours.

    Width changes no colour: a phone is judged in the dark alone, by all rules at once.
    """
    page.evaluate(f"{axe()};0")
    found = []
    desktop = page.viewport_size["width"] == DESKTOP["viewport"]["width"]
    for colours, rules in (("light", None), ("dark", ["color-contrast"])) if desktop else (("dark", None),):
        page.evaluate("dark => document.body.classList.toggle('dark', dark)", colours == "dark")
        page.evaluate(_SETTLED)
        options = {"resultTypes": ["violations"]} | ({"runOnly": rules} if rules else {})
        seen = page.evaluate("options => axe.run(document, options)", options)["violations"]
        found += [
            f"{where}, {colours}: {one['id']} ({one['impact']}): {node['html'][:120]} {_why(node)}"
            for one in seen
            if one["impact"] in ("serious", "critical")
            for node in one["nodes"]
        ]
    page.evaluate("document.body.classList.remove('dark')")
    return found


def arrived(served, chromium, **options):
    context = chromium.new_context(**options)
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(served.url)
    page.wait_for_selector("#vb-trust-summary .vb-trust-line")
    # What is still being written may take the place of what a test has its eye on.
    page.wait_for_selector("#vb-checks .vb-running", state="detached")
    page.wait_for_selector("#vb-cancel:disabled", state="attached")
    return page


@pytest.fixture(scope="module")
def page(served, chromium):
    """One visit for all who look and walk, in this order: the first of them finds every fold closed."""
    page = arrived(served, chromium, reduced_motion="reduce", **DESKTOP)
    yield page
    page.context.close()


@pytest.mark.parametrize("kind", PAGES)
def test_axe_finds_nothing_serious_on_any_panel(kind, served, chromium, tmp_path):
    page = arrived(served, chromium, **PAGES[kind])
    quiz, reports, learn, about = TABS[PAGES[kind]["locale"]]
    found = faults(page, "look")
    for heading in page.locator("button.label-wrap:visible").all():
        heading.click()
    page.wait_for_timeout(600)
    found += faults(page, "look, all open")
    page.locator(STAGE).first.focus()
    page.keyboard.press("?")
    found += faults(page, "keys")
    page.keyboard.press("Escape")
    with page.expect_download() as download:
        page.click("#vb-handout")
    download.value.save_as(tmp_path / "handout.html")
    for name, ready in (
        (reports, "#vb-report-text textarea"),
        (learn, ".vb-failures"),
        (about, "#vb-about-models h2, #vb-about-models p"),
    ):
        open_tab(page, name)
        page.wait_for_selector(ready)
        found += faults(page, name)
    found += _quiz_faults(page, quiz)
    page.goto(f"file://{tmp_path}/handout.html")
    found += faults(page, "handout")
    page.context.close()
    assert found == []


def _quiz_faults(page, name: str) -> list[str]:
    """Every stage of the quiz."""
    open_tab(page, name)
    found = faults(page, "quiz, start")
    page.locator("#vb-quiz-begin").click()
    page.wait_for_selector("#vb-quiz-step .vb-quiz-asked")
    page.wait_for_selector("#vb-quiz-film .vv-readout:not(:empty)")
    found += faults(page, "quiz, read")
    page.locator("#vb-quiz-answer input").first.check()
    page.locator("#vb-quiz-sure input").nth(2).check()
    page.locator("#vb-quiz-commit").click()
    page.wait_for_selector("#vb-quiz-model table")
    found += faults(page, "quiz, revise")
    page.locator("#vb-quiz-reveal").click()
    page.wait_for_selector("#vb-quiz-truth .vb-quiz-lesson")
    found += faults(page, "quiz, reference")
    page.locator("#vb-quiz-finish").click()
    page.wait_for_selector("#vb-quiz-results table")
    return found + faults(page, "quiz, over")


def test_a_page_twice_or_four_times_as_large_needs_no_sideways_scrolling(served, chromium):
    """A small screen at 200 %, and any at 400 %."""
    page = arrived(
        served, chromium, locale="en-US", viewport={"width": 640, "height": 450}, device_scale_factor=2
    )
    for wide in (640, 320):
        page.set_viewport_size({"width": wide, "height": 450})
        for name in ("Look at a case", *TABS["en-US"]):
            open_tab(page, name)
            page.wait_for_timeout(300)
            assert page.evaluate("document.documentElement.scrollWidth") <= wide, name
    page.context.close()


def test_no_tab_stop_is_invisible_once_a_case_is_explained_and_checked(page):
    unseen = page.evaluate(
        """() => [...document.querySelectorAll('button, a[href], input, select, textarea, [tabindex]')]
          .filter((e) => e.tabIndex >= 0 && !e.disabled && e.getClientRects().length)
          .filter((e) => { for (; e; e = e.parentElement) if (getComputedStyle(e).opacity == 0) return 1; })
          .map((e) => e.outerHTML.slice(0, 120))"""
    )
    assert unseen == []


_FOCUS = """() => {
  const e = document.activeElement, box = e.getBoundingClientRect(), look = getComputedStyle(e);
  const ringed = [e, ...e.querySelectorAll("*")].concat(e.parentElement).some((n) => {
    const s = getComputedStyle(n);
    return s.outlineStyle !== "none" && parseFloat(s.outlineWidth) > 0 || s.boxShadow !== "none";
  });
  window.walked ??= [];
  const before = window.walked.at(-1);
  const onward = !before || Boolean(before.compareDocumentPosition(e) & Node.DOCUMENT_POSITION_FOLLOWING);
  window.walked.push(e);
  const label = e.getAttribute("aria-label") || e.labels?.[0]?.textContent;
  const name = label || e.textContent || e.title || "";
  const seen = box.width > 0 && box.height > 0;
  return { tag: e.tagName, name: name.trim().slice(0, 40), seen, ringed, onward };
}"""


def test_the_tab_key_walks_the_page_in_order_and_always_shows_where_it_is(page):
    page.evaluate("window.scrollTo(0, 0); document.body.focus()")
    walked = []
    for _ in range(60):
        page.keyboard.press("Tab")
        walked.append(page.evaluate(_FOCUS))
        if "Course pack" in walked[-1]["name"]:
            break
    assert all(stop["seen"] and stop["onward"] for stop in walked), walked
    assert all(stop["name"] for stop in walked), walked
    assert all(stop["ringed"] for stop in walked), [stop for stop in walked if not stop["ringed"]]
    names = " | ".join(stop["name"] for stop in walked)
    order = ("Quiz", "Brightness", "Chest film", "Both", "Reveal", "Test the map", "Copy link", "Course pack")
    places = [names.index(one) for one in order]
    assert places == sorted(places)


def _quiet(page) -> int:
    return page.evaluate("document.getAnimations().filter((a) => a.playState === 'running').length")


def test_nothing_moves_for_who_asks_for_less_motion(page):
    assert _quiet(page) == 0
    unfold(page, "vb-why")
    page.get_by_role("button", name="Explain again").click()
    page.wait_for_timeout(200)
    assert _quiet(page) == 0


def test_arrows_move_among_the_maps_and_the_group_has_a_name(page):
    unfold(page, "vb-maps")
    group = page.get_by_role("group", name="Map on the film")
    page.wait_for_function(
        "() => document.querySelector('#vb-method input').name.startsWith('viewbox-radios')"
    )
    group.get_by_role("radio").first.focus()
    page.keyboard.press("ArrowRight")
    assert group.get_by_role("radio").nth(1).is_checked()
    page.wait_for_selector("#vb-about .vb-about-opinion")
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector("#vb-about .vb-about-main")


def test_what_speaks_against_is_told_by_more_than_its_colour(page):
    unfold(page, "vb-why")
    against = page.locator("#vb-evidence .vb-signed i.neg").first
    assert "repeating-linear-gradient" in against.evaluate("e => getComputedStyle(e).backgroundImage")
    row = page.locator("#vb-evidence tr:has(.vb-signed i.neg)").first.inner_text()
    assert "−" in row
    pressed = page.locator(".vv-button[aria-pressed=true]").first
    assert "underline" in pressed.evaluate("e => getComputedStyle(e).textDecorationLine")
