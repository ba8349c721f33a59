"""Two cases explained side by side: film, fields and words of the one never reach the other."""

import threading
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from cases.case import Case
from interface.case_tab.explanation_panel import bar_scale, own_evidence
from interface.html.fragments import case_name
from interface.html.pictures import data_url
from interface.html.render import render
from interface.language.texts import Language
from interface.models.model_host import ModelHost
from interface.reports_tab.found_cases import why_alike
from interface.session.study_edits import fitted
from modeling.explain.registry import FINE
from modeling.labels import Target
from modeling.model.film import to_native
from modeling.render.pictures import HIDDEN, HeatMap, film_picture, heat_map, legend
from modeling.results import Attribution, ImageBaseline
from modeling.retrieval.index import Neighbour
from modeling.study import Study

SIDE = 420
"""Longer side of a picture, in pixels."""
OPACITY = 0.6


@dataclass(frozen=True, eq=False)
class Side:
    """One of the two.

    Attributes:
        study: what was explained; `case` is where it comes from.
        film: (H', W') uint8; None where there is none or it may not be shown.
        probability: of the target, 0 to 1, calibrated.
    """

    case: Case
    study: Study
    film: np.ndarray | None
    account: Attribution
    probability: float


@dataclass(frozen=True, eq=False)
class Pair:
    """The case on screen and one like it, explained alike for one target; `why` is what they share."""

    here: Side
    there: Side
    target: Target
    host: ModelHost
    why: Neighbour


def explained_side(
    case: Case,
    study: Study,
    film: np.ndarray | None,
    host: ModelHost,
    target: Target,
    baseline: "ImageBaseline",
    stop: threading.Event,
) -> Side:
    """Explain a study by the text of its own case alone; raises `ViewboxError`, `ExplanationCancelled`."""
    own = fitted(study, case, host.text_sections)
    answer = host.predict(own, None)[target.task]
    account = host.explained(own, target, baseline, stop)
    probability = float(answer.probabilities[answer.classes.index(target.class_name)])
    return Side(case, own, film, account, probability)


# --- as markup


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
        mismatch=pair.host.pipeline.mismatch(pair.there.case.provenance.source or None),
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
