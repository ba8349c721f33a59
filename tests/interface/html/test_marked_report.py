"""A report beside its films: sentences that point, in both languages, and what a reader may not see."""

import asyncio
import json
import re
from dataclasses import replace
from functools import partial
from html import unescape

import numpy as np
import pytest

from cases.case import SYNTHETIC_LICENCE, Case, Provenance, own_copy
from interface.browser.routes import FilmRoute
from interface.html.marked_report import case_report, marked_report, pointed_films, report_in
from interface.models.held_film import HeldFilm
from interface.session.links import LANGUAGE
from modeling.reports.mining import Miner
from modeling.reports.report import Report
from modeling.study import DatedFilm, Radiograph, Study, ViewPosition

FILM = Radiograph(
    (np.random.default_rng(0).random((60, 50)) * 255).astype(np.uint8), view_position=ViewPosition.PA
)
SIDE = replace(FILM, view_position=ViewPosition.LATERAL)
REPORT = {"findings": "Opacity in the left base. No pneumothorax. It shows on the lateral view alone."}
CASE = Case(
    "one", Study(FILM), SYNTHETIC_LICENCE, Provenance("phantom"), REPORT,
    teaching_note={"en": REPORT["findings"], "zh-Hant": "左肺底可見陰影。僅見於側面影像。"},
    further=(DatedFilm(SIDE),),
)  # fmt: skip


def points(markup):
    return [json.loads(unescape(told)) for told in re.findall(r'data-points="([^"]*)"', str(markup))]


def test_sentences_tell_their_films_and_boxes():
    first, denied, lateral = points(case_report(CASE, "en"))
    assert first["films"] == [0, 1] and len(first["boxes"]["0"]) == 1 and not first["denied"]
    assert denied["denied"] and len(denied["boxes"]["0"]) == 2
    assert lateral["films"] == [1] and list(lateral["boxes"]) == ["1"]
    assert 'title="left base – PA, today; lateral, today"' in case_report(CASE, "en")


def test_a_note_that_is_the_reports_translation_stands_for_it():
    assert report_in(CASE, "zh-Hant") == {"report": CASE.teaching_note["zh-Hant"]}
    assert (
        report_in(replace(CASE, teaching_note={"en": "Look at the base.", "zh-Hant": "看肺底。"}), "zh-Hant")
        == REPORT
    )
    chinese = case_report(CASE, "zh-Hant")
    assert "左側肺底" in chinese and len(points(chinese)) == 2 and "vb-stopped" not in chinese


def test_a_film_that_may_not_be_shown_is_not_in_it():
    hidden = case_report(replace(CASE, licence=own_copy("ours", may_show=False)), "en")
    assert "data:image" not in hidden and not points(hidden) and "left base" in hidden


def test_without_films_a_report_is_marked_as_ever():
    miner, report = Miner(), Report("", REPORT)
    plain = marked_report(report, miner.label(report), miner, "en")
    assert "vb-points" not in plain and plain.count("vb-said-positive") > 0


def test_every_character_of_the_report_stays_and_none_becomes_a_tag():
    text = "  <b>Left</b> base opacity.  No edema & no mass.\n\nRight hilum is full. "
    miner, report = Miner(), Report("", {"findings": text})
    shown = marked_report(
        report, miner.label(report), miner, "en", brief=True, films=pointed_films(CASE.films, "en")
    )
    body = re.search(r'<div class="vb-report".*?</div>', str(shown), re.DOTALL)[0]
    body = re.sub(r'<small.*?</small>|<span class="vb-why".*?</span>|<b aria-hidden.*?</b>', "", body)
    assert "".join(unescape(re.sub(r"<[^>]+>", "", body)).split()) == "".join(text.split())


def answer(key, language="zh-Hant"):
    sent = []

    async def send(message):
        sent.append(message)

    async def run():
        scope = {
            "type": "http",
            "method": "GET",
            "path": f"/viewbox/film/{key}/report",
            "headers": [],
            "query_string": f"{LANGUAGE}={language}".encode(),
        }
        await FilmRoute(None)(scope, None, send)

    asyncio.run(run())
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent).decode()


def test_the_report_is_fetched_by_its_film_alone_and_only_where_it_may_be_read():
    held = HeldFilm(FILM)
    assert answer(held.key)[0] == 204, "in the quiz, say, nothing is told"
    held.report = partial(case_report, CASE)
    status, told = answer(held.key)
    assert status == 200 and "左側肺底" in told
    assert "left base" in answer(held.key, "<script>")[1]
    assert answer("x" * 32)[0] == 404


@pytest.mark.parametrize("text", ["", "   ", "。。。", "left " * 5000])
def test_odd_reports_are_shown(text):
    odd = replace(CASE, report={"findings": text, "impression": "Left base."}, teaching_note={})
    assert points(case_report(odd, "en"))
