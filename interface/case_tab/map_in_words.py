"""How to read the map on screen, in words: also what a screen reader says of it."""

import numpy as np

from interface.html.render import percent
from interface.language.texts import Language, listed, say
from interface.models.held_film import HeldFilm
from modeling.explain.registry import FINE
from modeling.render.pictures import smoothed_density
from modeling.study import ViewPosition
from modeling.trust.map_in_words import OUTSIDE, PlaceOfWeight, place_of_weight

SECOND = 0.1
"""A further zone is named where it holds at least this share."""


def map_in_words(
    image: np.ndarray | None, film: HeldFilm | None, language: Language, grain: float = FINE
) -> str:
    """Where most of a map's weight lies; says so where that cannot be told.

    Args:
        image: (h, w) signed, over the whole film; None for no map.
        film: that it lies on, as the page shows it.
        grain: how wide the map is gathered, as a share of the longer side.
    """
    if image is None or film is None:
        return ""
    if film.view_position == ViewPosition.LATERAL:
        return say("words.lateral", language)
    place = place_of_weight(smoothed_density(image, grain), film.picture.astype(np.float32) / 255)
    return say("words.unknown", language) if place is None else sentence(place, language)


def sentence(place: PlaceOfWeight, language: Language) -> str:
    """The shares as a sentence, such as "Most weight: right lower zone, 41 %."."""
    name, share = place.most
    if name == OUTSIDE:
        return say("words.outside", language, share=percent(share))
    told = say("words.most", language, zone=say(f"words.{name}", language), share=percent(share))
    others = sorted(((v, k) for k, v in place.zones.items() if k != name), reverse=True)
    named = [
        say("words.share", language, zone=say(f"words.{k}", language), share=percent(v))
        for v, k in others[:2]
        if v >= SECOND
    ]
    if named:
        told += say("words.then", language, zones=listed(named, language))
    return told + say("words.rest", language, share=percent(place.outside))
