"""Links that restore a view, defects made on purpose, and the language that an address names."""

import asyncio
import dataclasses
import io
from urllib.parse import urlsplit

import numpy as np
import pytest
from PIL import Image

from hub_config.settings import SPACE_FRAMES
from interface.browser.routes import HUB, Guards, HeadRoute
from interface.case_tab.report import report_address
from interface.language.texts import CATALOGUES, LANGUAGES, translated
from interface.learn_tab.tab import FAILURES, FILMS, GLOSSARY, learn_page
from interface.session.defects import DEFECTS, FRAME, on_frame
from interface.session.links import Link, LinkError, language_of
from interface.session.session import Session, link_of
from modeling.errors import StudyError
from modeling.labels import Target
from modeling.model.film import brightness
from modeling.study import Study
from tests.doubles.example_answers import attribution, case
from tests.doubles.toys import toy_study
from tests.interface.test_interface import HOSTILE, Tags

HERE = ("film", "teaching", "teaching-twin")


def parsed(query: str) -> dict[str, str]:
    from urllib.parse import parse_qsl

    return dict(parse_qsl(query))


def test_a_link_comes_back_as_it_was():
    link = Link(
        "a b&c/d", "appearance/Typical", "blurred", "grad_cam", "teaching-twin", "inverted", "a?\nb & c"
    )
    assert Link.read(parsed(link.query("zh-Hant")), HERE) == link
    assert parsed(link.query("zh-Hant"))["lang"] == "zh-Hant"
    assert Link().query() == "" and Link.read({"utm": "x"}, HERE) == Link()


def test_a_target_of_a_task_that_a_checkpoint_declares_waits_for_that_checkpoint():
    for slug in ("tubes/Tube", "exposure/good/fair", "chexpert/Support Devices"):
        assert Link.read({"target": slug}, HERE).target == slug


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("target", "appearance/Nothing"),
        ("target", "tubes/"),
        ("target", "No Task/Tube"),
        ("target", "exposure/good/fair/poor"),
        ("target", "typical"),
        ("baseline", "white"),
        ("method", HOSTILE),
        ("checkpoint", "../secret"),
        ("change", "explode"),
        ("case", "x" * 500),
        ("ask", "x" * 10_000),
    ],
)
def test_a_bad_value_is_one_clear_sentence(part, value):
    with pytest.raises(LinkError) as caught:
        Link.read({"case": "C1", part: value}, HERE)
    for language in LANGUAGES:
        said = translated(caught.value.sentence, language)
        assert said.endswith((".", "。")) and "\n" not in said and len(said) < 250
    assert caught.value.part == part


def test_the_link_of_a_session_restores_it():
    session = Session()
    assert link_of(session) == Link()
    session.put(case(), None)
    session.wish(target=Target.parse("appearance/Typical"), checkpoint="film")
    assert link_of(session) == Link("C1", "appearance/Typical", checkpoint="film")
    session.learn(attribution=attribution(baseline="blurred"))
    assert link_of(session).baseline == "blurred" and link_of(session).method == ""
    report = parsed(urlsplit(report_address("https://git.example/new?labels=bug", session)).query)
    assert report["labels"] == "bug" and "?case=C1&target=appearance/Typical" in report["body"]
    session.put(dataclasses.replace(case(), case_id=""), None)
    assert link_of(session) == Link(), "a film of one's own is not kept"
    session.language = "zh-Hant"
    report = parsed(
        urlsplit(report_address("https://huggingface.co/spaces/a/b/discussions/new", session)).query
    )
    assert "case=" not in report["description"] and "我自己的檢查" in report["description"]


def test_the_address_names_the_language_before_the_browser_does():
    assert language_of({"lang": "zh-Hant"}, "en-US") == "zh-Hant"
    assert language_of({"lang": "en"}, "zh-TW") == "en"
    assert language_of({"lang": "tlh"}, "zh-TW") == "zh-Hant"
    assert language_of({}, None) == "en"


PAGE = (
    b'<html><head><meta property="og:title" content="Gradio" /><meta\n\tname="twitter:description"\n'
    b'\tcontent="Gradio\'s own" /></head></html>'
)


def test_on_a_space_the_page_may_ask_the_hub_and_stand_in_its_frame():
    sent = []

    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def send(message):
        sent.append(dict(message["headers"])[b"content-security-policy"].decode())

    for frames in ("'self'", SPACE_FRAMES):
        asyncio.run(Guards(app, frames)({"type": "http"}, None, send))
    assert "https:" not in sent[0]
    assert f"connect-src 'self' data: blob: {HUB};" in sent[1] and sent[1].endswith(f" {SPACE_FRAMES}")


def answered(
    query: str,
    kind: str = "text/html; charset=utf-8",
    path: str = "/",
    noindex: bool = False,
    spoken: bytes = b"",
) -> tuple[dict, bytes]:
    """What the middleware makes of a small page."""
    sent = []

    async def app(scope, receive, send):
        headers = [(b"content-type", kind.encode()), (b"content-length", str(len(PAGE)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": PAGE[:12], "more_body": True})
        await send({"type": "http.response.body", "body": PAGE[12:]})

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": path, "query_string": query.encode()}
    scope["headers"] = [(b"host", b"127.0.0.1:7860"), (b"x-forwarded-host", b"cases.example")]
    scope["headers"] += [(b"x-forwarded-proto", b"https,http"), (b"accept-language", spoken)]
    asyncio.run(HeadRoute(app, noindex)(scope, None, send))
    return dict(sent[0]["headers"]), b"".join(m.get("body", b"") for m in sent[1:])


def test_a_page_says_what_it_is_and_the_language_of_its_address_or_of_its_reader():
    in_chinese = {"case=C1&lang=zh-Hant": b"de", "": b"zh-HK,en;q=0.5", "lang=fr": b"zh-MO"}
    for query, spoken in in_chinese.items():
        headers, body = answered(query, spoken=spoken)
        assert b'"zh-TW"' in body and "看看 X 光".encode() in body
        assert int(headers[b"content-length"]) == len(body)
    for query in ("", "lang=fr"):
        _, body = answered(query, spoken=b"" if query else b"fr")
        assert b'"zh-TW"' not in body and b'og:title" content="Viewbox: See what an X-ray' in body
        assert b'og:image" content="https://cases.example/viewbox-page.jpg"' in body
        assert b"Gradio" not in body and body.count(b"og:title") == 1 and b"noindex" not in body
    assert b'content="noindex"' in answered("", noindex=True)[1]
    assert answered("lang=en", "application/json")[1] == PAGE


def test_the_picture_of_the_page_is_there():
    _, picture = answered("", path="/viewbox-page.jpg")
    assert Image.open(io.BytesIO(picture)).size == (1280, 900)


# --- defects


def test_each_defect_does_what_it_says():
    study = toy_study()
    film = brightness(study.radiograph)
    inverted = brightness(DEFECTS["inverted"](study).radiograph)
    np.testing.assert_allclose(inverted, 1 - film, atol=0.03)
    assert (
        DEFECTS["inverted"](DEFECTS["inverted"](study)).radiograph.photometric == study.radiograph.photometric
    )
    arrow = DEFECTS["arrow"](study).radiograph
    assert (
        arrow.shape == study.radiograph.shape
        and 0.0005 < np.mean(np.abs(arrow.pixels / 255 - film) > 0.1) < 0.1
    )
    assert DEFECTS["no_film"](study).radiograph is None and DEFECTS["no_film"](study).table == study.table
    assert DEFECTS["sideways"](study).radiograph.shape == study.radiograph.shape[::-1]
    framed = DEFECTS["framed"](study).radiograph
    assert all(outer > 1.3 * inner for outer, inner in zip(framed.shape, study.radiograph.shape, strict=True))
    assert framed.pixels[0].min() == 255 == framed.pixels[:, -1].min(), "the frame is bright"
    for name in ("inverted", "arrow", "sideways", "framed"):
        with pytest.raises(StudyError):
            DEFECTS[name](Study())
    assert {f"defect.{name}" for name in DEFECTS} == {
        k for k in CATALOGUES["en"].strings if k.startswith("defect.")
    }


def test_what_lies_on_the_frame_is_counted():
    study = toy_study()
    rows, columns = DEFECTS["framed"](study).radiograph.shape
    inner = [round(FRAME * side) for side in study.radiograph.shape]
    image = np.ones((rows, columns), np.float32)
    image[inner[0] : -inner[0], inner[1] : -inner[1]] = 0
    assert on_frame(image) > 0.99 and on_frame(1 - image) < 0.02
    assert on_frame(np.ones((300, 200), np.float32)) == pytest.approx(1 - 1 / (1 + 2 * FRAME) ** 2, abs=0.02)


# --- the tab "Learn"


def test_the_gallery_shows_each_kind_of_failure_live():
    shown = {one.name: [link.query() for link in one.shows] for one in FAILURES}
    for name, part in (
        ("failure.inverted", "change=inverted"),
        ("failure.random", "method=random_weights"),
        ("failure.edges", "method=edges"),
        ("failure.padding", "change=framed"),
        ("failure.arrow", "change=arrow"),
    ):
        assert any(part in query for query in shown[name]), name


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_entry_is_there_and_each_view_is_a_link_that_can_be_read(language):
    page = learn_page(language, HERE)
    links = [dict(attrs) for tag, attrs in Tags(page).opened if tag == "a"]
    for link in links:
        query = parsed(link["href"].removeprefix("?"))
        Link.read(query, HERE)
        assert query["lang"] == language
    assert len(links) >= len(FAILURES) + len(FILMS) + len(GLOSSARY)
    names = {one.name for one in (*FAILURES, *FILMS, *GLOSSARY)}
    families = {
        k.removeprefix("learn.").removesuffix(".text")
        for k in CATALOGUES["en"].strings
        if k.startswith("learn.")
    }
    assert names <= families
    assert len({one.name for one in GLOSSARY}) >= 12


def test_what_needs_an_absent_checkpoint_says_so_and_is_no_link():
    page = learn_page("en", ("teaching",))
    assert (
        "The model Teaching twin (a shortcut) is not on this page" in page
        and "checkpoint=teaching-twin" not in page
    )
