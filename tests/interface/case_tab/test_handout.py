"""Handouts: one file that asks nobody, escapes everything, and holds back what its licence holds back."""

import hashlib
import re
from dataclasses import replace

import numpy as np
import pytest

from cases.case import Licence
from interface.case_tab.export_panel import ADDRESS
from interface.case_tab.handout import Picture, Sheet, handout, is_changed, sheet_of
from interface.case_tab.map_in_words import map_in_words, sentence
from interface.case_tab.prediction_panel import prediction_panel
from interface.language.texts import LANGUAGES
from interface.models.held_film import hold
from interface.models.model_host import ModelState
from interface.session.session import Answer, Session
from modeling.labels import APPEARANCE, GRADING
from modeling.results import Familiarity, PredictionSet, WordAttribution
from modeling.study import ClinicalTable, ClinicalText
from modeling.trust.map_in_words import OUTSIDE, ZONES, PlaceOfWeight
from tests.doubles.example_answers import attribution, case, prediction
from tests.doubles.example_checks import account, every_measure, opinion
from tests.doubles.toys import toy_study
from tests.interface.test_interface import HOSTILE, Tags


class Host:
    """A checkpoint that answers nothing; only its name and files are asked for."""

    name, sources, twin, text_sections = "toy", ("phantom",), False, ("indication",)

    def __init__(self, folder):
        self.folder = folder
        (folder / "model.safetensors").write_bytes(b"weights")
        self.state = ModelState("ready", "toy", "sha256:0123", "cpu", 12)


@pytest.fixture
def session(tmp_path) -> Session:
    session = Session()
    stored = case(toy_study())
    session.put(stored, hold(stored))
    session.host, session.answer = Host(tmp_path), Answer(prediction())
    session.learn(attribution=attribution(), account=account(), measures=every_measure(), complete=True)
    return session


def addresses(html: str) -> list[str]:
    return [
        v
        for _, attrs in Tags(html).opened
        for k, v in attrs.items()
        if k in ("src", "href", "srcset", "action")
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_handout_holds_everything_and_asks_nobody(session, language):
    session.language = language
    html = handout([sheet_of(session)], language, "Viewbox")
    found = addresses(html)
    assert found and all(a.startswith(("data:image/", ADDRESS + "?", "#")) for a in found)
    bare = re.sub(r"base64,[A-Za-z0-9+/=]+", "", html)
    assert not re.search(r"https?:|//[a-z]|url\(|@import|<script|<link|<iframe", bare)
    assert hashlib.sha256(b"weights").hexdigest() in html and "sha256:0123" in html
    assert "case=C1" in html and "target=appearance/Typical" in html and f"lang={language}" in html
    for told in {
        "en": ("Not for diagnosis", "CC0", "Convergence", "SYNTHETIC"),
        "zh-Hant": ("不可用於診斷", "CC0", "合成影像"),
    }[language]:
        assert told in html or told == "Convergence"
    assert html.count("<img") == 3 and "data:image/png" in html
    assert 'class="vb-check' in html and 'class="vb-delta' in html and "Fever" in html


def test_everything_in_a_handout_is_escaped(session):
    session.case = replace(session.case, case_id=HOSTILE, licence=Licence(HOSTILE, True, True))
    session.study = replace(session.study, text=ClinicalText({"indication": HOSTILE}))
    words = (WordAttribution("indication", 0, len(HOSTILE), HOSTILE, 0.1),)
    session.learn(attribution=attribution(words=words, notes=(HOSTILE,)))
    session.host.name = session.host.state.__dict__["name"] = HOSTILE
    sheet = replace(sheet_of(session), origin=HOSTILE, notes=(HOSTILE,), settings=((HOSTILE, HOSTILE),))
    html = handout([sheet, sheet], "en", HOSTILE)
    assert not [tag for tag, attrs in Tags(html).opened if "onerror" in attrs or attrs.get("src") == "x"]
    assert "<img src=x" not in html


def test_a_picture_from_elsewhere_is_a_slip_of_ours():
    sheet = Sheet("C1", "", (), (Picture("https://example.org/x.png", "", ""),), (), ())
    with pytest.raises(AssertionError):
        handout([sheet], "en", "x")


def test_a_film_that_may_not_be_passed_on_stays_behind(session):
    whole = sheet_of(session)
    session.case = replace(session.case, licence=Licence("research only", may_show=True, may_export=False))
    kept = sheet_of(session)
    assert len(whole.pictures) - len(kept.pictures) == 1 and any(
        "research only" in note for note in kept.notes
    )
    assert whole.pictures[0].url not in handout([kept], "en", "x")
    assert kept.pictures[0].url != whole.pictures[1].url, "the map lies on plain gray"
    session.film = None  # not even to be shown
    assert sheet_of(session).pictures == ()


def test_a_reader_s_own_study_has_no_link_and_changes_are_told(session):
    assert not is_changed(session)
    session.study = replace(session.study, table=ClinicalTable({"age": 99.0}))
    assert is_changed(session) and any("changed" in note for note in sheet_of(session).notes)
    session.case = replace(session.case, case_id="")
    assert sheet_of(session).link == ""


def test_another_map_stands_in_a_handout_with_its_own_name(session):
    session.learn(opinion=opinion())
    html = handout([sheet_of(session)], "en", "x")
    assert "Grad-CAM" in html and "method=grad_cam" in html


# --- the map in words


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_sentence_names_the_zone_of_most_weight(language):
    zones = dict.fromkeys(ZONES, 0.02) | {"right lower": 0.41, "left lower": 0.2}
    told = sentence(PlaceOfWeight(zones, 0.31), language)
    assert "41 %" in told and "20 %" in told and "31 %" in told and "2 %" not in told.replace("20 %", "")
    assert ("right lower zone" if language == "en" else "右下肺區") in told
    outside = sentence(PlaceOfWeight(dict.fromkeys(ZONES, 0.05), 0.7), language)
    assert "70 %" in outside and OUTSIDE


def test_no_map_and_no_film_give_no_words(session):
    assert map_in_words(None, session.film, "en") == "" == map_in_words(np.ones((8, 6)), None, "en")
    assert map_in_words(attribution().image, session.film, "en").endswith(".")


# --- how far an answer goes


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_unfamiliar_film_is_refused_in_front_and_a_differential_stands_behind(language):
    sets = {
        APPEARANCE: PredictionSet(("Typical", "Atypical"), 0.9, 0.91),
        GRADING: PredictionSet(("Mild",), 0.9, float("nan")),
    }

    def panel(**changes: object) -> tuple[str, str]:
        shown = prediction_panel(replace(prediction(), **changes), case(), language)
        before, _, behind = shown.partition("<table")
        return before, behind

    before, behind = panel(sets=sets, familiarity=Familiarity(3.0, 2.0))
    assert ("rather not say" if language == "en" else "不作回答") in before and "3.00" in before
    assert before.count("<details") == 1 and "vb-anyway" in before, "the numbers wait"
    assert behind.count("<li>") == 2 and "91 %" in behind and "nan" not in behind
    before, behind = panel(familiarity=Familiarity(1.0, 2.0))
    assert "vb-refuses" not in before and ("resembles the training" in behind or "類似模型學習過" in behind)
    assert "<li>" not in panel()[1] and "vb-refuses" not in panel()[0]
