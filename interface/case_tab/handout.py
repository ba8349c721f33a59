"""A handout: one HTML file that holds everything it shows and asks nobody for anything.

It is drawn from texts, pictures as data URLs, and the page's own fragments; no model is needed here.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from PIL import Image

from interface.case_tab.explanation_panel import evidence_panel
from interface.case_tab.export_panel import ADDRESS
from interface.case_tab.map_in_words import map_in_words
from interface.case_tab.map_switch import method_name
from interface.case_tab.prediction_panel import prediction_panel
from interface.case_tab.trust_panel import checks_panel, verdict
from interface.html.fragments import case_name, licence_name, provenance_line
from interface.html.pictures import data_url, map_urls
from interface.html.render import render
from interface.language.texts import Language, say, word_for
from interface.session.session import Session, link_of
from modeling.explain.registry import ACCOUNT, grain_of
from modeling.render.pictures import plain_number

GRAY = 128
"""Ground of a map whose film may not be passed on."""


@dataclass(frozen=True)
class Picture:
    """A picture inside the file: a data URL, what it shows for those who do not see it, what stands below."""

    url: str
    text: str
    caption: str


@dataclass(frozen=True)
class Sheet:
    """One case of a handout.

    Attributes:
        origin: source, licence and attribution.
        notes: sentences that stand before everything else.
        pictures: the film and its map, as far as the licence lets them be passed on.
        fragments: the page's own HTML of prediction, explanation and checks.
        settings: what was chosen and which weights answered: name and value.
        link: the address that restores the view; empty where there is none.
        words: where the map lies.
    """

    title: str
    origin: str
    notes: tuple[str, ...]
    pictures: tuple[Picture, ...]
    fragments: tuple[Markup, ...]
    settings: tuple[tuple[str, str], ...]
    link: str = ""
    words: str = ""


def handout(sheets: Sequence[Sheet], language: Language, title: str) -> str:
    """The file of at least one sheet."""
    assert sheets, "a handout of no case"
    urls = (picture.url for sheet in sheets for picture in sheet.pictures)
    assert all(url.startswith("data:image/") for url in urls), "a handout asks nobody for a picture"
    return str(render("case_tab/handout.html", language=language, sheets=sheets, title=title))


def sheet_of(session: Session, *, quick: bool = False) -> Sheet:
    """The sheet of a session with an attribution; `quick` says that it was made without trust measures."""
    assert session.case is not None and session.answer.prediction is not None and session.host is not None
    assert session.explanation.attribution is not None, "a handout before its explanation"
    language, case, shown = session.language, session.case, session.explanation.shown
    return Sheet(
        case_name(case, language),
        provenance_line(case, language),
        _notes(session, quick),
        _pictures(session),
        _fragments(session),
        _settings(session),
        f"{ADDRESS}?{link_of(session).query(language)}" if case.case_id else "",
        map_in_words(shown.image, session.film, language, grain_of(shown.method)),
    )


def _fragments(session: Session) -> tuple[Markup, ...]:
    known, case, host, language = session.explanation, session.case, session.host, session.language
    answer = prediction_panel(session.answer.prediction, case, language, study=session.study)
    read = {"reads_text": bool(host.text_sections), "account": known.account}
    evidence = evidence_panel(known.attribution, session.study, language, **read)
    told = verdict(known.measures, known.attribution, language, refused=session.refused)
    return tuple(map(Markup, (answer, evidence, told, checks_panel(known.measures, language))))


def _notes(session: Session, quick: bool) -> tuple[str, ...]:
    assert session.case is not None and session.study is not None
    language, told = session.language, []
    if session.case.provenance.synthetic:
        told.append(say("film.synthetic", language))
    if session.wishes.change:
        told.append(say(f"defect.{session.wishes.change}", language))
    if session.study.radiograph is not None and not may_leave(session):
        told.append(say("handout.kept_back", language, licence=licence_name(session.case.licence, language)))
    if is_changed(session):
        told.append(say("handout.changed", language))
    if quick:
        told.append(say("handout.no_checks", language))
    return tuple(told)


def is_changed(session: Session) -> bool:
    """Whether the reader changed the clinical data or a text of the case, or left its film out."""
    if session.case is None or session.study is None:
        return False
    case, texts = session.case, session.study.text.sections
    if (session.study.radiograph is None) != (case.study.radiograph is None):
        return True
    own = {**case.report, **case.study.text.sections}
    edited = any(own.get(name) != words for name, words in texts.items())
    return (
        edited
        or session.study.table != case.study.table
        or not case.study.text.sections.keys() <= texts.keys()
    )


def may_leave(session: Session) -> bool:
    """Whether the film's licence lets it be passed on."""
    licence = session.case.licence
    return licence.may_show and licence.may_export


def _pictures(session: Session) -> tuple[Picture, ...]:
    shown, account, language = session.picture, session.explanation.attribution, session.language
    if shown is None:
        return ()
    name, pictures = case_name(session.case, language), []
    if may_leave(session):
        url = data_url(Image.fromarray(shown), exact=True)
        pictures.append(Picture(url, say("film.alt", language, case=name), say("handout.film", language)))
    else:
        shown = np.full_like(shown, GRAY)
    found = account if session.explanation.opinion is None else session.explanation.opinion
    if found.image is None or not np.abs(found.image).max() > 0:
        return tuple(pictures)
    target = word_for("class", account.target.class_name, language)
    url, legend, scale = map_urls(shown, found, opacity=0.6, sign="both")
    method = method_name(ACCOUNT if session.explanation.opinion is None else found.method, language)
    caption = say("handout.map", language, method=method, target=target)
    alt = say("film.map_alt", language, case=name, target=target)
    key = "film.scale" if session.explanation.opinion is None else "method.own_scale"
    scale_text = say(key, language, scale=plain_number(scale), target=target)
    words = map_in_words(found.image, session.film, language, grain_of(found.method))
    return (*pictures, Picture(url, f"{alt}. {words}", caption), Picture(legend, scale_text, scale_text))


def _settings(session: Session) -> tuple[tuple[str, str], ...]:
    from modeling.model.checkpoint import WEIGHTS_FILE, sha256_of  # torch: the page is drawn without it

    account, language, state = session.explanation.attribution, session.language, session.host.state
    method = ACCOUNT if session.explanation.opinion is None else session.explanation.opinion.method
    rows = {
        "case": session.case.case_id,
        "checkpoint": state.name,
        "revision": state.revision,
        "sha": sha256_of(session.host.folder / WEIGHTS_FILE),
        "target": account.target.slug,
        "baseline": say(f"explain.{account.baseline}", language),
        "method": method_name(method, language),
        "evaluations": str(account.evaluations),
        "defect": session.wishes.change,
    }
    return tuple((say(f"handout.{name}", language), value) for name, value in rows.items() if value)
