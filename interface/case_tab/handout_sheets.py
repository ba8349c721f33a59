"""What lies on a desk as a sheet of a handout."""

from html import escape

import numpy as np
from PIL import Image

from interface.case_tab.explanation_panel import evidence_panel
from interface.case_tab.export_panel import ADDRESS
from interface.case_tab.handout import Picture, Sheet
from interface.case_tab.map_in_words import map_in_words
from interface.case_tab.map_switch import method_name
from interface.case_tab.trust_panel import checks_panel, verdict
from interface.html.fragments import case_name, mismatch, prediction_panel
from interface.html.pictures import data_url, map_urls
from interface.language.texts import say, word_for
from interface.models.prediction_limits import set_and_gate
from interface.session.session import Desk, link_of
from modeling.explain.registry import ACCOUNT

GRAY = 128
"""Ground of a map whose film may not be passed on."""


def sheet_of(desk: Desk, *, quick: bool = False) -> Sheet:
    """The sheet; the desk holds a prediction and an attribution.

    Args:
        quick: whether the account was made for a course pack, without trust measures.
    """
    assert desk.case is not None and desk.prediction is not None and desk.used is not None
    assert desk.attribution is not None, "a handout before its explanation"
    language, case, account = desk.language, desk.case, desk.attribution
    origin = [case.provenance.source, say("film.licence", language, licence=case.licence.name)]
    origin.append(case.provenance.attribution)
    query = link_of(desk).query(language)
    image = account.image if desk.opinion is None else desk.opinion.image
    words = map_in_words(image, desk.film, language)
    warning = mismatch(desk.used, case, language)
    fragments = (
        f'<p class="vb-inwords">{escape(words)}</p>' if words else "",
        prediction_panel(
            desk.prediction,
            case,
            language,
            made_by=desk.used.state,
            warning=warning,
            limits=set_and_gate(desk.limits, language),
        ),
        evidence_panel(
            account, desk.study, language, reads_text=bool(desk.used.text_sections), account=desk.account
        ),
        verdict(desk.measures, account, language),
        checks_panel(desk.measures, language),
    )
    link = f"{ADDRESS}?{query}" if case.case_id else ""
    title = case_name(case, language)
    return Sheet(
        title,
        " · ".join(filter(None, origin)),
        _notes(desk, quick),
        _pictures(desk),
        fragments,
        _settings(desk),
        link,
    )


def _notes(desk: Desk, quick: bool) -> tuple[str, ...]:
    assert desk.case is not None and desk.study is not None
    language, told = desk.language, []
    if desk.case.provenance.synthetic:
        told.append(say("film.synthetic", language))
    if desk.change:
        told.append(say(f"defect.{desk.change}", language))
    if desk.study.radiograph is not None and not _may_leave(desk):
        told.append(say("handout.kept_back", language, licence=desk.case.licence.name))
    if is_changed(desk):
        told.append(say("handout.changed", language))
    if quick:
        told.append(say("handout.no_checks", language))
    return tuple(told)


def is_changed(desk: Desk) -> bool:
    """Whether the reader changed the clinical data or a text of the case, or left its film out."""
    if desk.case is None or desk.study is None:
        return False
    case, texts = desk.case, desk.study.text.sections
    if (desk.study.radiograph is None) != (case.study.radiograph is None):
        return True
    own = {**case.report, **case.study.text.sections}
    edited = any(own.get(name) != words for name, words in texts.items())
    return (
        edited or desk.study.table != case.study.table or not case.study.text.sections.keys() <= texts.keys()
    )


def _may_leave(desk: Desk) -> bool:
    licence = desk.case.licence
    return licence.may_show and licence.may_export


def _pictures(desk: Desk) -> tuple[Picture, ...]:
    shown, account, language = desk.shown, desk.attribution, desk.language
    if shown is None:
        return ()
    name, pictures = case_name(desk.case, language), []
    if _may_leave(desk):
        url = data_url(Image.fromarray(shown), exact=True)
        pictures.append(Picture(url, say("film.alt", language, case=name), say("handout.film", language)))
    else:
        shown = np.full_like(shown, GRAY)
    found = account if desk.opinion is None else desk.opinion
    if found.image is None or not np.abs(found.image).max() > 0:
        return tuple(pictures)
    target = word_for("class", account.target.class_name, language)
    url, legend, scale = map_urls(shown, found, opacity=0.6, sign="both")
    method = method_name(ACCOUNT if desk.opinion is None else found.method, language)
    caption = say("handout.map", language, method=method, target=target)
    alt = say("film.map_alt", language, case=name, target=target)
    key = "film.scale" if desk.opinion is None else "method.own_scale"
    scale_text = say(key, language, scale=f"{scale:.2g}", target=target)
    words = map_in_words(found.image, desk.film, language)
    return (*pictures, Picture(url, f"{alt}. {words}", caption), Picture(legend, scale_text, scale_text))


def _settings(desk: Desk) -> tuple[tuple[str, str], ...]:
    from modeling.model.checkpoint import WEIGHTS_FILE, sha256_of  # torch: the page is drawn without it

    account, language, state = desk.attribution, desk.language, desk.used.state
    method = ACCOUNT if desk.opinion is None else desk.opinion.method
    rows = {
        "case": desk.case.case_id,
        "checkpoint": state.name,
        "revision": state.revision,
        "sha": sha256_of(desk.used.folder / WEIGHTS_FILE),
        "target": account.target.slug,
        "baseline": say(f"explain.{account.baseline}", language),
        "method": method_name(method, language),
        "evaluations": str(account.evaluations),
        "defect": desk.change,
    }
    return tuple((say(f"handout.{name}", language), value) for name, value in rows.items() if value)
