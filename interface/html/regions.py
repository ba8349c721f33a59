"""Where the reference lies on a film: planted in a computed one, or drawn by a reader on a real one."""

from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy.ndimage import binary_dilation, binary_erosion

from cases.case import Case
from interface.html.pictures import shown_film
from interface.language.texts import Language, listed, say, word_for

GREEN = (0, 190, 130)
"""sRGB; neither colour of a signed map."""
NOT_OPACITIES = ("cardiomegaly",)
"""Planted structures that no reader is asked to mark."""
HEIGHT = 320
"""Of the film that a region is drawn on, in pixels."""


@dataclass(frozen=True, eq=False)
class ReferenceRegion:
    """Where it is, (rows, columns) bool, and in the reader's words its name and what its colour means."""

    mask: np.ndarray
    name: str
    legend: str


def planted_region(case: Case, shape: tuple[int, int]) -> np.ndarray | None:
    """(rows, columns) bool of a shape: every planted opacity; None where none is known."""
    masks = case.evidence.masks if case.evidence is not None else {}
    opacities = [mask for name, mask in masks.items() if name.split(",")[0] not in NOT_OPACITIES]
    if not opacities:
        return None
    together = Image.fromarray(np.logical_or.reduce(opacities))
    mask = np.asarray(together.resize(shape[::-1], Image.Resampling.NEAREST))
    return mask if mask.any() else None


def reference_region(case: Case, shape: tuple[int, int], language: Language) -> ReferenceRegion | None:
    """Where the reference of a film lies; None where nobody planted or drew anything."""
    planted = planted_region(case, shape)
    if planted is not None:
        return ReferenceRegion(
            planted, say("region.planted", language), say("region.planted_legend", language)
        )
    mask = np.zeros(shape, bool)
    for box in case.regions:
        top, bottom = (round(shape[0] * at) for at in (box.top, box.top + box.height))
        left, right = (round(shape[1] * at) for at in (box.left, box.left + box.width))
        mask[max(0, top) : bottom, max(0, left) : right] = True
    if not mask.any():
        return None
    readers = dict.fromkeys(word_for("reader", box.reader, language) for box in case.regions)
    labels = dict.fromkeys(word_for("class", box.label, language) for box in case.regions)
    told = {"reader": listed(readers, language), "label": listed(labels, language)}
    return ReferenceRegion(mask, say("region.drawn", language), say("region.drawn_legend", language, **told))


def outlined_film(case: Case, language: Language) -> tuple[Image.Image, str] | None:
    """The film, small, with its reference outlined, and what the line means; None without either."""
    film = shown_film(case) if case.regions or case.evidence is not None else None
    if film is None:
        return None
    small = Image.fromarray(film)
    small = small.resize((max(1, round(small.width * HEIGHT / small.height)), HEIGHT)).convert("RGB")
    region = reference_region(case, (small.height, small.width), language)
    if region is None:
        return None
    picture = np.array(small)
    picture[binary_dilation(region.mask, iterations=2) & ~region.mask] = 0
    picture[region.mask & ~binary_erosion(region.mask, iterations=2)] = GREEN
    return Image.fromarray(picture), region.legend
