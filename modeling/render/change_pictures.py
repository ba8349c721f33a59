"""What changed between two films: today's, the earlier one laid on it, and the difference of their maps."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from PIL import Image

from modeling.configuration import ImageProcessing
from modeling.explain.change import FilmChange
from modeling.model.film import letterboxed, resampled
from modeling.render.pictures import OUTLINED, film_picture, heat_map
from modeling.study import DatedFilm


@dataclass(frozen=True, eq=False)
class ChangePictures:
    """Three pictures of one size; full colour of the difference is 1."""

    today: Image.Image
    earlier: Image.Image
    difference: Image.Image


def change_pictures(
    change: FilmChange, films: Sequence[DatedFilm], image: ImageProcessing, side: int = 400
) -> ChangePictures:
    """Draw a change on today's film, the longer side `side` pixels.

    Full colour is a place that the model weighs wholly on one day and not at all on the other.
    """
    config = replace(image, size=side)
    square, box, _ = letterboxed(films[change.today].radiograph, config)
    before, _, _ = letterboxed(films[change.earlier].radiograph, config)
    laid, _ = change.registration.lay(before)
    today = box.crop(square)
    values = resampled(change.values, today.shape)
    # `heat_map` states its scale per 1 % of the area, and a weight is the same however large its place is
    drawn = heat_map(
        today, values, scale=values.size / 100, smoothing=0.0, max_side=side, contours=(OUTLINED,)
    )
    return ChangePictures(film_picture(today), film_picture(box.crop(laid)), drawn.picture)
