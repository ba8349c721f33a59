"""The film viewer in a real browser: by mouse, touch and keys, in both languages, on desktop and phone."""

import re

import pytest

from tests.doubles.viewer_page import viewer_page
from tests.interface.browser.visit import PATIENCE, PHONE, VIEWER, shoot

pytestmark = pytest.mark.browser
STAGE = "#vb-figure .vv-stage"


@pytest.fixture(scope="module")
def english():
    with viewer_page("en") as address:
        yield address


def arrived(chromium, address, **options):
    context = chromium.new_context(**options)
    page, outside, faults = context.new_page(), [], []
    page.set_default_timeout(PATIENCE)
    own = (address, "data:", "blob:")
    page.on("request", lambda r: None if r.url.startswith(own) else outside.append(r.url))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.goto(address)
    page.wait_for_selector(STAGE)
    whole(page)
    yield page
    context.close()
    assert outside == [] and faults == []


@pytest.fixture
def page(english, chromium):
    yield from arrived(chromium, english, locale="en-US", viewport={"width": 720, "height": 900})


@pytest.fixture
def phone(chromium):
    with viewer_page("zh-Hant") as address:
        yield from arrived(chromium, address, **PHONE)


def whole(page, case: str = "CASE-0") -> None:
    """Wait until a case's film is on screen at native range."""
    page.wait_for_selector(f"#vb-figure figcaption:has-text('{case}')")
    page.wait_for_function(f"() => {VIEWER}.entryOf({VIEWER}.panes[0])?.film?.whole")
    rested(page)


def rested(page) -> None:
    page.wait_for_function(f"() => !{VIEWER}.waiting && !{VIEWER}.resting && !{VIEWER}.frame.due")


def press(page, *keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)
    rested(page)


def go(page, what: str, number: int) -> None:
    page.get_by_label("number").fill(str(number))
    page.get_by_role("button", name=what, exact=True).click()


def explain(page, number: int, target: str) -> None:
    go(page, "explain", number)
    page.wait_for_selector(f"#vb-figure .vb-legend small:has-text('{target}')")
    rested(page)


def state(page, pane: int = 0) -> dict:
    told = (
        f"(p => ({{...p.view, ...p.window, preset: p.preset, inverted: p.inverted}}))({VIEWER}.panes[{pane}])"
    )
    return page.evaluate(told)


def gray(page, x: float = 0.5, y: float = 0.5, layer: str = "canvas", pane: int = 0) -> list[int]:
    """The pixel that stands at a share of the stage: red, green, blue, alpha."""
    return page.evaluate(
        f"""([x, y]) => {{ const c = {VIEWER}.panes[{pane}].{layer};
        return [...c.getContext('2d').getImageData(x * c.width, y * c.height, 1, 1).data]; }}""",
        [x, y],
    )


def drag(page, right: float, down: float, button: str = "left") -> None:
    box = page.locator(STAGE).first.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down(button=button)
    page.mouse.move(x + right * box["width"], y + down * box["height"], steps=4)
    page.mouse.up(button=button)
    rested(page)


def test_the_film_comes_at_native_range_and_every_pixel_is_right(page):
    from modeling.model.film import grayscale
    from tests.doubles.viewer_page import SHAPES, film

    expected = grayscale(film(0, SHAPES[0]))
    sums = page.evaluate(
        f"(d => [d.length, d.reduce((a, b) => a + b, 0), Math.max(...d.slice(0, 9000))])"
        f"({VIEWER}.entryOf({VIEWER}.panes[0]).film.levels[0].data)"
    )
    values = expected.values.ravel()
    assert sums == [values.size, int(values.sum()), int(values[:9000].max())]
    assert values.max() > 2000, "more than eight bits reach the browser"
    low, high = expected.seen_by_model
    shown = page.locator(".vv-readout").first.inner_text()
    ends = [round(expected.slope * value + expected.intercept) for value in (low, high)]
    assert f"window centre {round(sum(ends) / 2)}, width {abs(ends[1] - ends[0])}" in shown
    assert page.get_by_role("application").get_attribute("aria-label").startswith("Chest film of CASE-0")


def test_window_zoom_pan_invert_and_reset_by_mouse(page):
    start, before = state(page), gray(page)
    drag(page, 0, 0.15)
    darker = gray(page)
    assert darker[0] < before[0] and state(page)["preset"] == "own", "dragging down darkens"
    assert page.get_by_label("Preset").input_value() == "own"
    drag(page, 0.2, 0)
    wider = state(page)
    assert wider["high"] - wider["low"] > 1.2 * (start["high"] - start["low"])
    page.get_by_label("Preset").select_option("full range")
    rested(page)
    assert state(page)["low"] < 0 < 1 < state(page)["high"]
    page.mouse.wheel(0, -300)
    rested(page)
    assert state(page)["zoom"] > 1.5, "the wheel zooms once the film has the focus"
    drag(page, 0.2, 0, button="right")
    assert state(page)["u"] < 0.5
    page.get_by_role("button", name="Invert").click()
    rested(page)
    plain = gray(page, 0.4, 0.3)
    press(page, "i")
    assert abs(plain[0] + gray(page, 0.4, 0.3)[0] - 255) <= 1
    page.get_by_role("button", name="Reset").click()
    rested(page)
    assert state(page) == start and gray(page) == before


def test_the_wheel_scrolls_the_page_until_the_film_is_chosen(page):
    box = page.locator(STAGE).first.bounding_box()
    page.mouse.move(box["x"] + 50, box["y"] + 50)
    page.mouse.wheel(0, 120)
    page.wait_for_selector(".vv-hint:has-text('Click the film first')")
    assert state(page)["zoom"] == 1


def test_everything_by_keyboard_and_the_keys_are_listed(page, tmp_path_factory):
    explain(page, 1, "Typical")
    page.locator(STAGE).first.focus()
    press(page, "+", "+", "ArrowRight", "Shift+ArrowUp", "Shift+ArrowLeft")
    moved = state(page)
    assert moved["zoom"] > 1.5 and moved["u"] > 0.5 and moved["high"] - moved["low"] < 1
    press(page, "]", "]", ".", ".", "g", "c")
    assert page.evaluate(f"{VIEWER}.choice") == {
        "opacity": 70,
        "threshold": 70,
        "sign": "positive",
        "contours": False,
    }
    page.wait_for_selector(".vv [role=status]:has-text('Opacity 70 %')", state="attached")
    press(page, "2", "i", "r")
    assert state(page)["preset"] == "model" and state(page)["zoom"] == 1
    page.keyboard.press("?")
    rows = page.locator("dialog.vv-keys tr").all_inner_texts()
    assert len(rows) == 21 and all("\t" in row and len(row.split("\t")[1]) > 3 for row in rows)
    shoot(page, tmp_path_factory, "viewer-keys")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.className").startswith("vb-ground vv-stage")
    press(page, "f")
    page.wait_for_function(f"() => {VIEWER}.frame.isFull()")
    press(page, "f")
    page.wait_for_function(f"() => !{VIEWER}.frame.isFull()")


def test_keys_in_a_field_are_left_alone(page):
    before = state(page)
    page.get_by_label("region").fill("")
    page.get_by_label("region").press_sequentially("iris+")
    assert page.get_by_label("region").input_value() == "iris+" and state(page) == before


def test_opacity_sign_and_threshold_change_the_picture_without_the_server(page, tmp_path_factory):
    explain(page, 1, "Typical")
    page.locator(".vv-more summary").click()
    page.get_by_role("button", name="Contours").click()  # off: their white rims have no sign
    rested(page)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    cover = f"""(sign) => {{ const c = {VIEWER}.panes[0].over;
        const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
        let n = 0;
        for (let i = 0; i < d.length; i += 4) if (d[i + 3] > 8 && (sign > 0) === (d[i] > d[i + 2])) n++;
        return n; }}"""
    supports, against = page.evaluate(cover, 1), page.evaluate(cover, -1)
    assert supports > 1000 and against > 1000
    page.locator(".vv-map select").select_option("only what speaks against it")
    rested(page)
    assert page.evaluate(cover, 1) == 0 and page.evaluate(cover, -1) == against
    assert "Only what speaks against Typical shows" in page.inner_text("#vb-figure .vb-legend")
    assert "only what speaks against Typical rather than Negative shows" in page.inner_text(".vv-panel")
    page.get_by_label("Hide the weakest").fill("80")
    rested(page)
    assert 0 < page.evaluate(cover, -1) < 0.6 * against
    assert "strongest 20 %" in page.inner_text(".vv-panel")
    page.get_by_label("Opacity").fill("0")
    rested(page)
    assert page.evaluate(cover, -1) == 0
    page.get_by_role("button", name="Contours").click()
    rested(page)
    assert page.evaluate(cover, -1) > 0 and "dashed against" in page.inner_text(".vv-panel")
    shoot(page, tmp_path_factory, "viewer-contours")
    assert asked == []


def test_the_film_alone_where_it_looked_or_both(page):
    explain(page, 1, "Typical")
    colour = f"""() => {{ const c = {VIEWER}.panes[0].over;
        const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
        let coloured = 0, covered = 0;
        for (let i = 0; i < d.length; i += 4) {{
          if (d[i + 3] > 8) covered++;
          if (d[i + 3] > 8 && Math.abs(d[i] - d[i + 2]) > 40) coloured++;
        }}
        return [coloured, covered]; }}"""
    both = page.evaluate(colour)
    page.get_by_role("button", name="Film", exact=True).click()
    rested(page)
    assert page.evaluate(colour) == [0, 0]
    page.get_by_role("button", name="Where it looked").click()
    rested(page)
    alone = page.evaluate(colour)
    assert alone[0] > 0 and alone[1] > 2 * both[1], "the film lies in the shade"
    page.locator(STAGE).first.focus()
    press(page, "v")
    assert page.get_by_role("button", name="Both").get_attribute("aria-pressed") == "true"
    assert page.evaluate(colour) == both


def test_side_by_side_two_targets_then_two_cases_with_linked_motion(page, tmp_path_factory):
    explain(page, 1, "Typical")
    explain(page, 3, "Atypical")
    page.get_by_role("button", name="Side by side").click()
    rested(page)
    views = page.get_by_label("Shown here")
    assert views.nth(0).evaluate("e => e.selectedOptions[0].text").startswith("Atypical")
    assert views.nth(1).evaluate("e => e.selectedOptions[0].text").startswith("Typical")
    legends = page.locator("#vb-figure .vb-legend:not([hidden])").all_inner_texts()
    assert len(legends) == 2 and all("Both maps share this scale." in told for told in legends)
    scales = page.evaluate(f"{VIEWER}.panes.slice(0, 2).map(p => {VIEWER}.scale({VIEWER}.entryOf(p)).limit)")
    assert scales[0] == scales[1]
    page.locator(STAGE).nth(1).focus()
    press(page, "+", "+", "ArrowLeft", "Shift+ArrowUp")
    assert state(page, 0) == state(page, 1) and state(page)["zoom"] > 1.5
    press(page, "l", "+")
    assert state(page, 0)["zoom"] < state(page, 1)["zoom"], "no longer linked"
    shoot(page, tmp_path_factory, "viewer-two-targets")
    go(page, "open", 1)
    whole(page, "CASE-1")
    options = views.nth(1).evaluate("e => [...e.options].map(o => o.text)")
    assert "film alone" in options and any(o.startswith("CASE-0 · Typical") for o in options)
    assert "SYNTHETIC" not in page.locator(".vv-pane").nth(0).inner_text()
    assert "SYNTHETIC" in page.locator(".vv-pane").nth(1).inner_text()
    assert gray(page, layer="canvas", pane=0) != gray(page, layer="canvas", pane=1)
    shoot(page, tmp_path_factory, "viewer-two-cases")


def test_a_region_is_brushed_by_mouse_and_told_in_the_films_own_geometry(page, tmp_path_factory):
    page.get_by_role("button", name="Mark").click()
    box = page.locator(STAGE).first.bounding_box()
    place = page.evaluate(f"(v => v.place(v.panes[0]))({VIEWER})")
    ratio = page.evaluate(f"{VIEWER}.panes[0].canvas.width") / box["width"]
    x = box["x"] + (place["left"] + 2.5 / 11 * place["width"]) / ratio
    y = box["y"] + (place["top"] + 7.5 / 11 * place["height"]) / ratio
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + place["width"] / 11 / ratio, y, steps=5)
    page.mouse.up()
    page.wait_for_function(
        "() => document.querySelector('[aria-label=sent] textarea, textarea').value !== null"
    )
    sent = page.get_by_label("sent")
    page.wait_for_function("e => e.value.includes('72')", arg=sent.element_handle())
    assert sent.input_value() == "72 73"
    explain(page, 1, "Typical")
    page.get_by_role("button", name="ask").click()
    page.wait_for_function("e => e.value !== ''", arg=page.get_by_label("region").element_handle())
    assert page.get_by_label("region").input_value() == sent.input_value(), "the mark outlives a new map"
    assert "of the film marked" in page.locator(".vv-readout").first.inner_text()
    shoot(page, tmp_path_factory, "viewer-marked")
    page.get_by_role("button", name="Undo").click()
    page.wait_for_function("e => e.value === 'nothing'", arg=sent.element_handle())


def test_a_region_is_drawn_by_keyboard_alone_and_cleared(page):
    sent = page.get_by_label("sent")
    page.locator(STAGE).first.focus()
    press(page, "b", "Shift+ArrowRight", "Shift+ArrowRight", "Space")
    page.wait_for_function("e => /\\b55\\b/.test(e.value)", arg=sent.element_handle())
    press(page, ">", ">", "e", "Space")
    page.wait_for_function("e => !/\\b55\\b/.test(e.value)", arg=sent.element_handle())
    for _ in range(2):  # one answer at a time: two on their way may come in either order
        press(page, "b", "Space")
        page.wait_for_function("e => /\\b55\\b/.test(e.value)", arg=sent.element_handle())
        press(page, "Delete")
        page.wait_for_function("e => e.value === 'nothing'", arg=sent.element_handle())
    press(page, "b", "Space")
    page.wait_for_function("e => e.value !== 'nothing'", arg=sent.element_handle())
    page.get_by_role("button", name="put back").click()
    page.get_by_role("button", name="ask").click()
    page.wait_for_function("e => e.value === 'nothing'", arg=page.get_by_label("region").element_handle())


def test_a_film_that_may_not_be_shown_leaves_words_only(page):
    fetched = []
    page.on("request", lambda r: fetched.append(r.url) if "viewbox/film" in r.url else None)
    go(page, "open", 3)
    page.wait_for_selector("#vb-figure figcaption:has-text('CASE-3')")
    page.wait_for_selector(".vb-nofilm:has-text('does not let it be shown')")
    rested(page)
    assert fetched == [] and gray(page)[:3] == [10, 12, 15], "the ground, and nothing else"
    assert page.get_by_role("button", name="Mark").count() == 0
    assert "does not let it be shown" in page.get_by_role("application").get_attribute("aria-label")


def test_a_large_film_is_there_small_first_then_whole(page):
    page.evaluate("""() => { window.widths = [];
        const film = window.viewboxViewer.Film.prototype, level = film.level;
        film.level = function (...given) {
          window.widths.push(this.levels[0].width);
          return level.apply(this, given);
        }; }""")
    go(page, "open", 2)
    whole(page, "CASE-2")
    assert page.evaluate("window.widths").count(666) > 0 and page.evaluate("window.widths.at(-1)") == 2000


def test_by_touch_on_a_phone_in_chinese(phone, tmp_path_factory):
    session = phone.context.new_cdp_session(phone)
    box = phone.locator(STAGE).first.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def touch(kind, *points):
        places = [{"x": px, "y": py, "id": i} for i, (px, py) in enumerate(points)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})

    touch("touchStart", (x - 20, y), (x + 20, y))
    for far in (40, 60, 80):
        touch("touchMove", (x - far, y), (x + far, y))
    touch("touchEnd")
    rested(phone)
    assert state(phone)["zoom"] > 2.5, "two fingers zoom"
    touch("touchStart", (x, y))
    for step in (10, 30, 60):
        touch("touchMove", (x + step, y))
    touch("touchEnd")
    rested(phone)
    assert state(phone)["u"] < 0.5 and state(phone)["preset"] == "model", "one finger moves"
    explain(phone, 1, "典型")
    phone.wait_for_timeout(400)  # to a browser a tap that follows a swipe at once belongs to it
    phone.locator("#vb-figure .vv-rest").tap()
    phone.locator(".vv-more summary").tap()
    text = phone.inner_text("#vb-figure")
    for words in ("移動", "標記", "反相", "並排", "不透明度", "等值線", "合成影像", "縮放"):
        assert words in text
    assert "胸部 X 光片" in phone.get_by_role("application").get_attribute("aria-label")
    assert not re.search(r"\b(zoom|window|Opacity|Reset|viewer)\b", text)
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390, "no sideways scrolling"
    smallest = phone.evaluate(
        "Math.min(...[...document.querySelectorAll('.vv button, .vv select')]"
        ".map(e => e.getBoundingClientRect()).filter(b => b.width).map(b => Math.min(b.width, b.height)))"
    )
    assert smallest >= 44
    shoot(phone, tmp_path_factory, "viewer-phone-chinese")
