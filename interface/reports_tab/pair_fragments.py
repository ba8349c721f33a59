"""The two explanations side by side, in one colour scale and one width of bars."""

import numpy as np
from markupsafe import Markup

from interface.case_tab.explanation_panel import bar_scale, own_evidence
from interface.html.fragments import case_name
from interface.html.pictures import data_url
from interface.html.render import render
from interface.language.texts import Language
from interface.models.checkpoints import mismatch
from interface.reports_tab.pair import Pair, Side
from interface.reports_tab.similar_cards import why_alike
from modeling.explain.registry import FINE
from modeling.model.film import to_native
from modeling.render.pictures import HIDDEN, HeatMap, film_picture, heat_map, legend

SIDE = 420
"""Longer side of a picture, in pixels."""
OPACITY = 0.6


def pair_panel(pair: Pair, language: Language) -> Markup:
    """Both studies: film, map, probability, fields and words; what they share and where they differ first."""
    both = (pair.here, pair.there)
    maps = _maps(both)
    bars = max(bar_scale(side.account) for side in both)
    scale = next((drawn.scale for drawn in maps if drawn is not None), None)
    reads_text = bool(pair.host.text_sections)
    sides = [
        {
            "case": side.case,
            "name": case_name(side.case, language),
            "role": role,
            "probability": side.probability,
            "has_film": side.study.radiograph is not None,
            "film": "" if side.film is None else data_url(film_picture(_shares(side.film), SIDE)),
            "map": "" if drawn is None else data_url(drawn.picture),
            "evidence": Markup(own_evidence(side.account, side.study, bars, language, reads_text=reads_text)),
        }
        for side, drawn, role in zip(both, maps, ("pair.here", "pair.there"), strict=True)
    ]
    return render(
        "reports_tab/pair.html",
        language=language,
        pair=pair,
        sides=sides,
        warning=mismatch(pair.host, pair.there.case, language),
        why_alike=why_alike(pair.why, language),
        scale=scale,
        legend="" if scale is None else data_url(legend(scale, opacity=OPACITY), exact=True),
    )


def _shares(film: np.ndarray) -> np.ndarray:
    return film.astype(np.float32) / 255


def _maps(sides: tuple[Side, Side]) -> list[HeatMap | None]:
    """Each map over its own film, both at the larger one's scale; None where there is none to show."""
    laid = []
    for side in sides:
        if side.film is None or side.account.image is None:
            laid.append(None)
            continue
        film = _shares(np.asarray(film_picture(_shares(side.film), SIDE)))
        laid.append((film, to_native(side.account.image, film.shape)))
    common = {"opacity": OPACITY, "smoothing": FINE, "above": HIDDEN}
    scale = max((heat_map(*one, **common).scale for one in laid if one is not None), default=0.0)
    common |= {"scale": scale} if scale > 0 else {}
    return [None if one is None else heat_map(*one, **common) for one in laid]
