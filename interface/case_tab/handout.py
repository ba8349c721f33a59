"""A handout: one HTML file that holds everything it shows and asks nobody for anything.

It is drawn from texts, pictures as data URLs, and the page's own fragments; no model is needed here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from PIL import Image

from interface.case_tab.explanation_panel import evidence_panel
from interface.case_tab.export_panel import ADDRESS
from interface.case_tab.map_in_words import map_in_words
from interface.case_tab.map_switch import method_name
from interface.case_tab.prediction_panel import prediction_panel
from interface.case_tab.trust_panel import checks_panel, verdict
from interface.html.fragments import case_name
from interface.html.pictures import data_url, map_urls
from interface.language.texts import Language, say, word_for
from interface.models.checkpoints import mismatch
from interface.models.prediction_limits import set_and_gate
from interface.session.session import Session, link_of
from modeling.explain.registry import ACCOUNT, grain_of
from modeling.render.pictures import plain_number

_CSS = """
:root{--vb-pos:#c2410c;--vb-neg:#1d4ed8;--primary-600:#0d9488;--border-color-primary:#cbd5e1;
--body-text-color:#1f2937}
body{font:16px/1.5 system-ui,'Noto Sans TC','Microsoft JhengHei',sans-serif;color:#1f2937;max-width:60rem;
margin:0 auto;padding:1rem 1.2rem;background:#fff}
header strong{color:#7a1810}
h1{font-size:1.3rem;margin:.4rem 0}
h2{font-size:1.1rem;margin:1.1rem 0 .3rem}
article{border-top:3px solid #101826;margin-top:1.5rem;padding-top:.5rem;break-before:page}
article:first-of-type{break-before:auto}
figure{margin:.5rem 0;display:inline-block;vertical-align:top;max-width:48%}
figure img{max-width:100%;background:#0a0c0f}
figcaption,small,.vb-note{font-size:.85rem}
table{border-collapse:collapse;width:100%;margin:.3rem 0 .8rem}
th{text-align:left;font-weight:500}
th,td{padding:.15rem .3rem;border-bottom:1px solid #e2e8f0}
caption{text-align:left}
.vb-number{text-align:right;white-space:nowrap}
.vb-bars{table-layout:fixed}
.vb-bars th:first-child{width:44%}
.vb-bars thead th:not(:first-child){width:4.4em;font-weight:500}
.vb-bars td.vb-number{width:5.5em}
.vb-bar i,.vb-signed i{display:block;height:11px;background:var(--primary-600);min-width:1px}
.vb-signed i.pos{margin-left:50%;background:var(--vb-pos)}
.vb-signed i.neg{margin-right:50%;margin-left:auto;direction:rtl;background:var(--vb-neg)}
.vb-tag{font-size:.75rem;border:1px solid;border-radius:4px;padding:0 .3rem}
.vb-word{background:none;color:inherit;border-bottom:3px solid}
.vb-word.pos{border-color:var(--vb-pos)}
.vb-word.neg{border-bottom-style:dashed;border-color:var(--vb-neg)}
.vb-mismatch,.vb-delta,.vb-refuses{border-left:5px solid #b45309;padding:.3rem .6rem;font-weight:600}
.vb-checks{list-style:none;padding:0}
.vb-gauge,.vb-unseen{display:none}
.vb-check{border-bottom:1px solid #e2e8f0;padding:.3rem 0}
.vb-check .vb-number{margin:0 .6rem}
dt{font-weight:600}
dd{margin:0 0 .3rem;overflow-wrap:anywhere}
@media(max-width:640px){figure{max-width:100%}
}
"""


@dataclass(frozen=True)
class Picture:
    """A picture inside the file.

    Attributes:
        url: a data URL.
        text: what it shows, for those who do not see it.
        caption: stands below it.
    """

    url: str
    text: str
    caption: str


@dataclass(frozen=True)
class Sheet:
    """One case of a handout.

    Attributes:
        title: the case's name.
        origin: source, licence and attribution.
        notes: sentences that stand before everything else.
        pictures: the film and its map, as far as the licence lets them be passed on.
        fragments: the page's own HTML of prediction, explanation and checks; every text in it is escaped
            where it was made.
        settings: what was chosen and which weights answered: name and value.
        link: the address that restores the view; empty where there is none.
    """

    title: str
    origin: str
    notes: tuple[str, ...]
    pictures: tuple[Picture, ...]
    fragments: tuple[str, ...]
    settings: tuple[tuple[str, str], ...]
    link: str = ""


def handout(sheets: Sequence[Sheet], language: Language, title: str) -> str:
    """The file.

    Args:
        sheets: at least one.
        title: of the whole.
    """
    assert sheets, "a handout of no case"
    contents = ""
    if len(sheets) > 1:
        rows = "".join(f'<li><a href="#case-{i}">{escape(s.title)}</a></li>' for i, s in enumerate(sheets, 1))
        contents = f"<nav><ol>{rows}</ol></nav>"
    warning = f"{say('page.not_for_diagnosis', language)}. {say('page.purpose', language)}"
    body = "".join(_article(sheet, i, language) for i, sheet in enumerate(sheets, 1))
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
        "style-src 'unsafe-inline'\">"
        f"<title>{escape(title)}</title><style>{_CSS}</style></head><body><header><h1>{escape(title)}</h1>"
        f'<p><strong><span aria-hidden="true">⚠</span> {escape(warning)}</strong></p></header>'
        f"{contents}<main>{body}</main></body></html>"
    )


def _article(sheet: Sheet, number: int, language: Language) -> str:
    figures = "".join(_figure(picture) for picture in sheet.pictures)
    notes = "".join(f'<p class="vb-mismatch">{escape(text)}</p>' for text in sheet.notes)
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in sheet.settings)
    link = ""
    if sheet.link:
        told = escape(say("handout.link", language))
        link = f'<p><a rel="noreferrer" href="{escape(sheet.link)}">{told}</a></p>'
    return (
        f'<article id="case-{number}"><h2>{escape(sheet.title)}</h2>'
        f"<p><small>{escape(sheet.origin)}</small></p>"
        f"{notes}{figures}{''.join(sheet.fragments)}"
        f"<h2>{escape(say('handout.settings', language))}</h2><dl>{rows}</dl>{link}</article>"
    )


def _figure(picture: Picture) -> str:
    assert picture.url.startswith("data:image/"), "a handout asks nobody for a picture"
    return (
        f'<figure><img src="{escape(picture.url)}" alt="{escape(picture.text)}">'
        f"<figcaption>{escape(picture.caption)}</figcaption></figure>"
    )


GRAY = 128
"""Ground of a map whose film may not be passed on."""


def sheet_of(session: Session, *, quick: bool = False) -> Sheet:
    """The sheet; the session holds a prediction and an attribution.

    Args:
        quick: whether the account was made for a course pack, without trust measures.
    """
    assert session.case is not None and session.answer.prediction is not None and session.host is not None
    assert session.explanation.attribution is not None, "a handout before its explanation"
    language, case, account = session.language, session.case, session.explanation.attribution
    origin = [case.provenance.source, say("film.licence", language, licence=case.licence.name)]
    origin.append(case.provenance.attribution)
    query, shown = link_of(session).query(language), session.explanation.shown
    words = map_in_words(shown.image, session.film, language, grain_of(shown.method))
    warning = mismatch(session.host, case, language)
    fragments = (
        f'<p class="vb-inwords">{escape(words)}</p>' if words else "",
        prediction_panel(
            session.answer.prediction,
            case,
            language,
            made_by=session.host.state,
            warning=warning,
            limits=set_and_gate(session.answer.limits, language),
        ),
        evidence_panel(
            account,
            session.study,
            language,
            reads_text=bool(session.host.text_sections),
            account=session.explanation.account,
        ),
        verdict(session.explanation.measures, account, language),
        checks_panel(session.explanation.measures, language),
    )
    link = f"{ADDRESS}?{query}" if case.case_id else ""
    title = case_name(case, language)
    return Sheet(
        title,
        " · ".join(filter(None, origin)),
        _notes(session, quick),
        _pictures(session),
        fragments,
        _settings(session),
        link,
    )


def _notes(session: Session, quick: bool) -> tuple[str, ...]:
    assert session.case is not None and session.study is not None
    language, told = session.language, []
    if session.case.provenance.synthetic:
        told.append(say("film.synthetic", language))
    if session.wishes.change:
        told.append(say(f"defect.{session.wishes.change}", language))
    if session.study.radiograph is not None and not may_leave(session):
        told.append(say("handout.kept_back", language, licence=session.case.licence.name))
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
