"""Real defects, made on purpose: what goes wrong with a study on its way, to be seen and recognised."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from modeling.errors import StudyError
from modeling.model.film import brightness
from modeling.study import Photometric, Radiograph, Study

ARROW_SEED = 8
FRAME = 0.18
"""Width of the frame, as a share of the film's side."""


def inverted(study: Study) -> Study:
    """The film in the other polarity, as a loader feeds it that forgets MONOCHROME1."""
    film = _film(study)
    other = {
        Photometric.MONOCHROME1: Photometric.MONOCHROME2,
        Photometric.MONOCHROME2: Photometric.MONOCHROME1,
    }
    return replace(study, radiograph=replace(film, photometric=other[film.photometric]))


def with_arrow(study: Study) -> Study:
    """A lead arrow beside the right lung, as the shortcut twin learnt to go by; 8 bits."""
    from cases.phantom.overlays import add_arrow  # late: the page opens without the phantoms' machinery

    marked = brightness(_film(study)).copy()
    add_arrow(marked, np.random.default_rng(ARROW_SEED))
    return _showing(study, marked.clip(0, 1))


def without_film(study: Study) -> Study:
    """The study without its film: what the model still answers, it did not read from the film."""
    return replace(study, radiograph=None)


def sideways(study: Study) -> Study:
    """The film turned by a quarter, as a file without its orientation."""
    film = _film(study)
    pixels = np.ascontiguousarray(np.rot90(film.pixels))
    spacing = film.pixel_spacing[::-1] if film.pixel_spacing else None
    ratio = 1 / film.pixel_aspect_ratio
    return replace(
        study, radiograph=replace(film, pixels=pixels, pixel_spacing=spacing, pixel_aspect_ratio=ratio)
    )


def framed(study: Study) -> Study:
    """The film in a bright frame, as a loader leaves it that forgets the file's padding value; 8 bits."""
    shown = brightness(_film(study)).clip(0, 1)
    wide = [(round(FRAME * side),) * 2 for side in shown.shape]
    return _showing(study, np.pad(shown, wide, constant_values=1.0))


def on_frame(image: np.ndarray) -> float:
    """The share of a map (h, w), signed and not all zero, that lies on the frame of `framed`."""
    weight, edge = np.abs(image), FRAME / (1 + 2 * FRAME)
    down, across = (round(edge * side) for side in weight.shape)
    return 1 - float(weight[down : -down or None, across : -across or None].sum() / weight.sum())


DEFECTS: dict[str, Callable[[Study], Study]] = {
    "inverted": inverted,
    "arrow": with_arrow,
    "no_film": without_film,
    "sideways": sideways,
    "framed": framed,
}
"""Name in a link -> what it does to a study."""


def _showing(study: Study, shown: np.ndarray) -> Study:
    """The study with another film, (H, W) from 0 to 1, in 8 bits."""
    film, pixels = _film(study), np.rint(255 * shown).astype(np.uint8)
    kept = {"view_position": film.view_position, "pixel_aspect_ratio": film.pixel_aspect_ratio}
    return replace(study, radiograph=Radiograph(pixels, pixel_spacing=film.pixel_spacing, **kept))


def _film(study: Study) -> Radiograph:
    if study.radiograph is None:
        raise StudyError("This study has no film to change; open a case with a film.")
    return study.radiograph
