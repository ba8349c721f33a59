"""The same target from several baselines, side by side in small: the baseline changes the answer."""

from collections.abc import Mapping
from html import escape

import numpy as np
from PIL import Image

from interface.html.fragments import note
from interface.html.pictures import data_url
from interface.html.render import signed
from interface.language.texts import Language, say, word_for
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
    maps = _maps(accounts, shown)
    cards = "".join(_card(b, a, maps.get(b), language) for b, a in accounts.items())
    title = f'<h3 class="vb-subheading">{escape(say("compare.title", language))}</h3>'
    told = "" if running or len(accounts) < 2 else _difference(accounts, language)
    status = note(say("explain.refining", language) + " …", "vb-running") if running else ""
    return f'{title}{note(say("compare.note", language))}<div class="vb-cards">{cards}</div>{told}{status}'


def _card(baseline: str, account: Attribution, small: HeatMap | None, language: Language) -> str:
    name = say(f"explain.{baseline}", language)
    picture = ""
    if small is not None:
        target = word_for("class", account.target.class_name, language)
        alt = escape(say("compare.alt", language, target=target, baseline=name))
        picture = f'<img src="{data_url(small.picture)}" alt="{alt}">'
    share = account.modality_share
    rows = "".join(
        f"<dt>{escape(word_for('modality', m, language))}</dt>"
        f"<dd>{100 * share.fractions[m]:.0f} % <small>{signed(value)}</small></dd>"
        for m, value in share.logits.items()
    )
    verdict = escape(word_for("verdict", account.verdict, language))
    return (
        f'<figure class="vb-card"><figcaption><b>{escape(name)}</b> <span class="vb-tag">{verdict}</span>'
        f"</figcaption>{picture}<dl>{rows}</dl></figure>"
    )


def _difference(accounts: Mapping[str, Attribution], language: Language) -> str:
    shares = [a.modality_share.fractions[Modality.IMAGE] for a in accounts.values()]
    low, high = f"{100 * min(shares):.0f} %", f"{100 * max(shares):.0f} %"
    return note(say("compare.differs", language, low=low, high=high), "vb-differs")
