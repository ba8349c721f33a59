"""Films and maps as data URLs: a picture inside the answer leaves no file in gradio's cache or elsewhere."""

import base64
import io

import numpy as np
from PIL import Image

from cases.case import Case
from modeling.explain.registry import map_method
from modeling.model.film import brightness
from modeling.render.pictures import Sign, film_picture, legend, map_of_method
from modeling.results import Attribution, FilmOpinion
from modeling.study import Radiograph

MAX_SIDE = 1024


def data_url(picture: Image.Image, *, exact: bool = False) -> str:
    """A picture as text: JPEG, or `exact` (PNG) for drawings with sharp edges."""
    buffer, kind = io.BytesIO(), "png" if exact else "jpeg"
    picture.save(buffer, kind, quality=90)  # PNG has no quality and takes no notice
    return _url(buffer.getvalue(), kind)


def thumbnail_url(data: bytes) -> str:
    """A stored thumbnail as text; JPEG or PNG by its first bytes."""
    return _url(data, "png" if data.startswith(b"\x89PNG") else "jpeg")


def _url(data: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def shown_film(case: Case) -> np.ndarray | None:
    """The film as it stands on the page: (H', W') uint8, the longer side at most `MAX_SIDE`, aspect kept.

    None where there is no film or its licence does not let it be shown.
    """
    radiograph = case.study.radiograph
    if radiograph is None or not case.licence.may_show:
        return None
    return small_film(radiograph)


def small_film(radiograph: Radiograph) -> np.ndarray:
    """A film that may be shown, as `shown_film` gives it."""
    return np.asarray(film_picture(brightness(radiograph), max_side=MAX_SIDE))


def film_url(shown: np.ndarray | None) -> str | None:
    """A film of `shown_film` as text."""
    return None if shown is None else data_url(Image.fromarray(shown))


def map_urls(
    shown: np.ndarray,
    attribution: Attribution | FilmOpinion,
    *,
    opacity: float,
    sign: Sign,
    exact: bool = False,
) -> tuple[str, str, float]:
    """A map over its film ((H', W') uint8), its legend, and the logits per 1 % of area at full colour."""
    # The page never shows more than `MAX_SIDE`, and the scale is by area, so the map is drawn at that size.
    method = map_method(attribution.method)
    native = method.resized(attribution.image, shown.shape)
    sign = sign if method.signed else "positive"
    film = shown.astype(np.float32) / 255
    drawn = map_of_method(film, native, method, opacity=opacity, sign=sign, max_side=MAX_SIDE)
    return (
        data_url(drawn.picture, exact=exact),
        data_url(legend(drawn.scale, sign, opacity=opacity), exact=True),
        drawn.scale,
    )
