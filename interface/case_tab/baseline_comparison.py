"""The same target from several baselines, side by side in small: the baseline changes the answer."""

from collections.abc import Mapping

import numpy as np
from PIL import Image

from interface.html.pictures import data_url
from interface.html.render import render
from interface.language.texts import Language
from modeling.explain.registry import FINE
from modeling.model.film import to_native
from modeling.render.pictures import HIDDEN, HeatMap, heat_map
from modeling.results import Attribution
from modeling.study import Modality

SIDE = 200
"""Longer side of a small map, in pixels."""


def _maps(accounts: Mapping[str, Attribution], shown: np.ndarray | None) -> dict[str, HeatMap]:
    """Small maps in one colour scale, the largest of their own; none where the film is not shown."""
    images = {b: a.image for b, a in accounts.items() if a.image is not None}
    if shown is None or not images:
        return {}
    ratio = min(1.0, SIDE / max(shown.shape))
    size = (max(1, round(shown.shape[1] * ratio)), max(1, round(shown.shape[0] * ratio)))
    film = np.asarray(Image.fromarray(shown).resize(size, Image.Resampling.BOX), np.float32) / 255
    native = {b: to_native(image, film.shape) for b, image in images.items()}
    common = {"max_side": SIDE, "smoothing": FINE, "above": HIDDEN}
    scale = max(heat_map(film, one, **common).scale for one in native.values())
    common |= {"scale": scale} if scale > 0 else {}
    return {b: heat_map(film, one, **common) for b, one in native.items()}


def baselines_panel(
    accounts: Mapping[str, Attribution],
    shown: np.ndarray | None,
    language: Language,
    *,
    running: bool = False,
) -> str:
    """Shares and small maps from each baseline.

    Args:
        accounts: baseline -> account of the same study and target.
        shown: (H', W') uint8, the film as the page shows it; None where it may not be shown.
        running: whether more are on their way.
    """
    told = not running and len(accounts) > 1
    return render(
        "case_tab/baselines.html",
        language=language,
        accounts=accounts,
        maps={baseline: data_url(small.picture) for baseline, small in _maps(accounts, shown).items()},
        shares=[a.modality_share.fractions[Modality.IMAGE] for a in accounts.values()] if told else (),
        running=running,
    )
