"""The two explanations side by side as HTML, in one colour scale and one width of bars."""

from html import escape

import numpy as np

from interface.case_tab.explanation_panel import bar_scale, own_evidence
from interface.html.fragments import case_name, heading, note
from interface.html.pictures import data_url
from interface.language.texts import Language, say, word_for
from interface.models.checkpoints import mismatch
from interface.reports_tab.pair import Pair, Side
from interface.reports_tab.similar_cards import number, why_alike
from modeling.explain.registry import FINE
from modeling.model.film import to_native
from modeling.render.pictures import HIDDEN, HeatMap, film_picture, heat_map, legend
from modeling.results import Attribution

SIDE = 420
"""Longer side of a picture, in pixels."""
OPACITY = 0.6


def pair_panel(pair: Pair, language: Language) -> str:
    """Both studies: film, map, probability, fields and words; what they share and where they differ first."""
    target = word_for("class", pair.target.class_name, language)
    told = say("pair.made", language, target=target, name=pair.host.name)
    warning = mismatch(pair.host, pair.there.case, language)
    warned = f'<p class="vb-mismatch">{escape(warning)}</p>' if warning else ""
    alike = escape(say("similar.similarity", language, value=number(pair.why.similarity)))
    sides = (pair.here, pair.there)
    maps = _maps([side.film for side in sides], [side.account for side in sides])
    scale = max(bar_scale(side.account) for side in sides)
    body = "".join(
        _side(side, drawn, scale, role, pair, language)
        for side, drawn, role in zip(sides, maps, ("pair.here", "pair.there"), strict=True)
    )
    return (
        f"{heading('pair.title', language)}{note(told)}{warned}"
        f"<p class='vb-note'><b>{alike}</b></p>{why_alike(pair.why, language)}"
        f'<div class="vb-sides">{body}</div>{_legend(maps, target, language)}'
    )


def _maps(films: list[np.ndarray | None], accounts: list[Attribution]) -> list[HeatMap | None]:
    """Each map over its own film, both at the larger one's scale; None where there is none to show."""
    shown = [
        (np.asarray(film_picture(film.astype(np.float32) / 255, SIDE), np.float32) / 255, account.image)
        if film is not None and account.image is not None
        else None
        for film, account in zip(films, accounts, strict=True)
    ]
    laid = [None if one is None else (one[0], to_native(one[1], one[0].shape)) for one in shown]
    common = {"opacity": OPACITY, "smoothing": FINE, "above": HIDDEN}
    scale = max((heat_map(*one, **common).scale for one in laid if one is not None), default=0.0)
    common |= {"scale": scale} if scale > 0 else {}
    return [None if one is None else heat_map(*one, **common) for one in laid]


def _legend(maps: list[HeatMap | None], target: str, language: Language) -> str:
    drawn = next((one for one in maps if one is not None), None)
    if drawn is None:
        return ""
    told = escape(say("film.scale", language, scale=f"{drawn.scale:.2g}", target=target))
    bar = data_url(legend(drawn.scale, opacity=OPACITY), exact=True)
    return (
        f'<div class="vb-legend"><img src="{bar}" alt=""><small>{told} '
        f"{escape(say('pair.one_scale', language))}</small></div>"
    )


def _side(side: Side, drawn: HeatMap | None, scale: float, role: str, pair: Pair, language: Language) -> str:
    name = case_name(side.case, language)
    target = word_for("class", pair.target.class_name, language)
    label = side.case.reference.get(pair.target.task)
    told = say("pair.probability", language, target=target, percent=f"{100 * side.probability:.1f} %")
    truth = (
        say("similar.label", language, label=word_for("class", label, language))
        if label
        else say("similar.unlabelled", language)
    )
    tag = ""
    if side.case.provenance.synthetic:
        tag = f' <span class="vb-tag">{escape(say("similar.synthetic", language))}</span>'
    reads_text = bool(pair.host.text_sections)
    return (
        f'<section class="vb-side" data-side="{escape(side.case.case_id)}" '
        f'aria-label="{escape(say(role, language))}: {escape(name)}">'
        f'<h3 class="vb-subheading">{escape(say(role, language))}: {escape(name)}{tag}</h3>'
        f"{note(told)}{note(truth)}{_pictures(side, drawn, name, target, language)}"
        f"{own_evidence(side.account, side.study, scale, language, reads_text=reads_text)}</section>"
    )


def _pictures(side: Side, drawn: HeatMap | None, name: str, target: str, language: Language) -> str:
    if side.study.radiograph is None:
        return note(say("film.none", language))
    if side.film is None:
        return note(say("film.hidden", language, licence=side.case.licence.name))
    film = film_picture(side.film.astype(np.float32) / 255, SIDE)
    pictures = [(data_url(film), say("film.alt", language, case=name))]
    if drawn is not None:
        alt = say("film.map_alt", language, case=name, target=target)
        pictures.append((data_url(drawn.picture), alt))
    images = "".join(f'<img src="{url}" alt="{escape(alt)}">' for url, alt in pictures)
    return f'<div class="vb-side-films">{images}</div>'
