"""Results as pictures, spans and rows (numpy and PIL): what a screen shows, without a screen.

A heat map never hides its scale: colour means logits per 1 % of the film's area, the same limit for both
signs, and no attribution leaves the film gray.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, get_args

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import binary_dilation, binary_erosion

from modeling.explain.registry import MapMethod
from modeling.results import FieldAttribution, WordAttribution
from modeling.study import CLINICAL_FIELDS

Sign = Literal["both", "positive", "negative"]
SIGNS: tuple[Sign, ...] = get_args(Sign)

PERCENTILE = 99.5
SMOOTHING = 0.02
HIDDEN = 60
"""Percent of the film, the weakest places of a map, that stay gray unless a reader asks for them."""
OUTLINED = 90
"""Percent of the film above which a map's strongest places are outlined: the strongest tenth."""
OUTLINED_FROM = 0.6
"""Share of full colour that a map has to reach somewhere to be outlined at all."""
_BESIDE = (0, 0, 0)
_GRID = 256  # longer side, in cells, of the grid on which a map is smoothed


@dataclass(frozen=True, eq=False)
class HeatMap:
    """An attribution on its film."""

    picture: Image.Image  # RGB, the longer side at most `max_side`
    scale: float  # attribution at full colour, in logits per 1 % of the film's area; 0 for an empty map
    clipped: float  # share of the film, 0 to 1, whose attribution lies beyond the scale
    unit: str = "logits per 1 % of the film's area"
    smoothing: float = SMOOTHING  # deviation of the Gaussian applied, as a share of the longer side


# --- colours of a signed map, mixed in Oklab, where equal steps look equal (Ottosson, 2020)

FOR = (230, 97, 0)
AGAINST = (0, 114, 220)
"""sRGB. Orange and blue differ in lightness and along the axis that all common colour blindnesses keep."""
BRIGHT = 0.45
"""Colour is thinned by this share on white: bone and mediastinum stay legible under a map."""
LEVELS = 127
"""Steps of colour a sign."""

_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def _oklab(srgb: np.ndarray) -> np.ndarray:
    """(..., 3) sRGB in 0 to 255 -> Oklab."""
    value = np.asarray(srgb, np.float64) / 255.0
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    return np.cbrt(linear @ _TO_LMS.T) @ _TO_LAB.T


def _srgb(lab: np.ndarray) -> np.ndarray:
    """(..., 3) Oklab -> sRGB uint8."""
    linear = ((lab @ np.linalg.inv(_TO_LAB).T) ** 3 @ np.linalg.inv(_TO_LMS).T).clip(0.0, 1.0)
    value = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return (value * 255.0).round().astype(np.uint8)


@lru_cache(maxsize=8)
def colours(opacity: float) -> np.ndarray:
    """(256, 255, 3) uint8: the colour of each film gray at each signed level."""
    gray = np.repeat(np.arange(256)[:, None], 3, axis=1)
    signed = np.arange(-LEVELS, LEVELS + 1)
    colour = _oklab(np.where(signed[:, None] >= 0, FOR, AGAINST))
    thinned = 1.0 - BRIGHT * np.arange(256)[:, None, None] / 255.0
    alpha = opacity * (np.abs(signed) / LEVELS)[None, :, None] * thinned  # 256 levels 1
    table = _srgb((1 - alpha) * _oklab(gray)[:, None] + alpha * colour[None])
    return np.where(alpha == 0, gray[:, None].astype(np.uint8), table)  # untouched to the last bit


# --- the film


def film_picture(brightness: np.ndarray, max_side: int = 1024) -> Image.Image:
    """The film alone in mode L, (H, W) in [0, 1], the longer side at most `max_side`, never enlarged."""
    assert brightness.ndim == 2 and max_side >= 1, (brightness.shape, max_side)
    stored = (np.nan_to_num(brightness).clip(0.0, 1.0) * 255.0).round().astype(np.uint8)
    picture = Image.fromarray(stored)
    shape = _fitted(brightness.shape, max_side)
    return picture if shape == brightness.shape else picture.resize(shape[::-1], Image.Resampling.LANCZOS)


def heat_map(
    brightness: np.ndarray,
    attribution: np.ndarray,
    *,
    opacity: float = 0.6,
    sign: Sign = "both",
    scale: float | None = None,
    max_side: int = 1024,
    smoothing: float = SMOOTHING,
    above: float = 0.0,
    contours: Sequence[float] = (),
) -> HeatMap:
    """Colour the film where it speaks for (orange) or against (blue) the target.

    Args:
        brightness: (H, W) float32 in [0, 1].
        attribution: (H, W) signed, in logits per native pixel.
        opacity: 0 (film alone) to 1; colour also grows with |attribution| / scale.
        sign: which sign is coloured; like `above` without effect on the scale.
        scale: attribution at full colour, in logits per 1 % of the film's area; by default the 99.5th
            percentile of the smoothed magnitudes. Give two maps the same one to compare them.
        max_side: limit of the longer side in pixels.
        smoothing: deviation of a Gaussian that keeps the sum, as a share of the longer side.
        above: percentile, 0 to below 100, of the magnitudes shown, from which places are coloured.
        contours: percentiles of the same magnitudes; lines are drawn where they are reached, none on a map
            that stays below `OUTLINED_FROM` of full colour.
    """
    assert all(0.0 <= p < 100.0 for p in (above, *contours)), (above, contours)
    assert brightness.shape == attribution.shape, (brightness.shape, attribution.shape)
    assert 0.0 <= opacity <= 1.0 and sign in SIGNS and np.isfinite(attribution).all(), (opacity, sign)
    film = film_picture(brightness, max_side)
    density = smoothed_density(attribution, smoothing)
    limit = full_colour(density) if scale is None else float(scale)
    relative = density / limit if limit > 0 else np.zeros_like(density)
    clipped = float((np.abs(relative) > 1.0).mean())
    shown = np.clip(relative, 0.0 if sign == "positive" else -1.0, 0.0 if sign == "negative" else 1.0)
    enlarged = Image.fromarray(shown.astype(np.float32)).resize(film.size, Image.Resampling.BILINEAR)
    values = np.asarray(enlarged)
    if above > 0.0:
        values = np.where(np.abs(values) >= _floor(shown, above), values, 0.0)
    levels = np.rint(values * LEVELS).astype(np.intp) + LEVELS
    coloured = colours(round(float(opacity), 3))[np.asarray(film), levels]
    for percentile in contours if np.abs(relative).max() >= OUTLINED_FROM else ():
        _draw_contour(coloured, np.asarray(enlarged), _floor(shown, percentile))
    return HeatMap(Image.fromarray(coloured), limit, clipped, smoothing=smoothing)


def map_of_method(
    brightness: np.ndarray,
    attribution: np.ndarray,
    method: MapMethod,
    *,
    opacity: float = 0.6,
    **options: Any,
) -> HeatMap:
    """A map as a reader first sees it: gathered, the weakest hidden, the strongest tenth outlined.

    One of a method without a sign is drawn on one side only; the rest is as for `heat_map`.
    """
    if not method.signed:
        options["sign"] = "positive"
    lines = (OUTLINED,) if opacity else ()
    usual = {"smoothing": method.grain, "above": HIDDEN, "contours": lines}
    usual["scale"] = map_scale(attribution, method)
    return heat_map(brightness, attribution, opacity=opacity, **usual | options)


def maps_on_one_scale(
    films: Sequence[np.ndarray], maps: Sequence[np.ndarray], method: MapMethod, **options: Any
) -> tuple[HeatMap, ...]:
    """The maps of a study's films, each drawn as `map_of_method` does, with one scale for all of them.

    Args:
        films: (H, W) float32 brightness in [0, 1], each of a size of its own.
        maps: (h, w) signed, the map of each film.
    """
    native = [method.resized(one, film.shape) for one, film in zip(maps, films, strict=True)]
    options = {"scale": max(map_scale(one, method) for one in native), **options}
    pairs = zip(films, native, strict=True)
    return tuple(map_of_method(film, one, method, **options) for film, one in pairs)


def map_scale(attribution: np.ndarray, method: MapMethod) -> float:
    """The value at full colour of a map (H, W), in its unit per 1 % of the film's area."""
    return full_colour(smoothed_density(attribution, method.grain), method.full * attribution.size)


def full_colour(density: np.ndarray, least: float = 0.0) -> float:
    """The value at full colour: the `PERCENTILE` of the magnitudes of a `smoothed_density`.

    It is no less than `least`, a sum over the whole film at that value everywhere.
    """
    return max(float(np.percentile(np.abs(density), PERCENTILE)), least / 100.0)


def _floor(shown: np.ndarray, percentile: float) -> float:
    """The magnitude at a percentile of all places; infinite for an empty map, so that it shows nothing."""
    floor = float(np.percentile(np.abs(shown), percentile))
    return floor if floor > 0.0 else (np.inf if not shown.any() else float(np.abs(shown)[shown != 0].min()))


def _draw_contour(picture: np.ndarray, values: np.ndarray, level: float) -> None:
    """Draw on the (h, w, 3) picture where the map passes a level: orange for, blue against, dark beside.

    The dark outer line keeps the contour visible on bone and on the heat map's own colour.
    """
    for colour, reached in ((FOR, values >= level), (AGAINST, values <= -level)):
        if not reached.any():
            continue
        picture[binary_dilation(reached, iterations=2) & ~binary_dilation(reached)] = _BESIDE
        picture[reached & ~binary_erosion(reached, iterations=2, border_value=1)] = colour


def smoothed_density(attribution: np.ndarray, smoothing: float = SMOOTHING) -> np.ndarray:
    """A map (H, W) in logits per pixel -> per 1 % of the film's area, on at most 256 cells a side.

    (gh, gw) float64; its mean times 100 is the sum of `attribution`, whatever the smoothing.
    """
    shape = _fitted(attribution.shape, _GRID)
    sigma = smoothing * max(shape)
    down, across = (_average(n, g, sigma) for n, g in zip(attribution.shape, shape, strict=True))
    mean = down @ attribution.astype(np.float32) @ across.T
    return mean.astype(np.float64) * (attribution.size / 100.0)


def veil(values: np.ndarray, scale: float, opacity: float = 0.75) -> Image.Image:
    """A map (h, w) alone, in mode RGBA, to lie on its film: the stronger a place, the less transparent.

    What is below a third of `scale`, the value at full colour, or speaks against, stays clear.
    """
    share = np.clip(values / scale, 0.0, 1.0) if scale > 0 else np.zeros(values.shape)
    alpha = np.clip((share - 1 / 3) * 1.5, 0.0, 1.0) * opacity
    drawn = np.empty((*values.shape, 4), np.uint8)
    drawn[..., :3], drawn[..., 3] = FOR, (255 * alpha).round()
    return Image.fromarray(drawn)


def legend(
    scale: float, sign: Sign = "both", *, opacity: float = 1.0, width: int = 360, height: int = 40
) -> Image.Image:
    """The colour bar, on middle gray, of a heat map's `scale` and `opacity`, with its numbers."""
    assert sign in SIGNS and width >= 120 and height >= 24, (sign, width, height)
    low, high = (0.0 if sign == "positive" else -1.0), (0.0 if sign == "negative" else 1.0)
    margin, bar = 28, height - 20
    picture = Image.new("RGB", (width, height), "white")
    levels = np.rint(np.linspace(low, high, width - 2 * margin) * LEVELS).astype(np.intp) + LEVELS
    row = colours(round(float(opacity), 3))[128, levels]
    picture.paste(Image.fromarray(np.repeat(row[None], bar, axis=0)), (margin, 0))
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(size=12)
    for share in sorted({low, 0.0, high}):
        place = margin + (share - low) / (high - low) * (width - 2 * margin - 1)
        draw.line([(place, bar), (place, bar + 3)], fill="black")
        draw.text((place, bar + 4), _tick(share * scale), fill="black", font=font, anchor="ma")
    return picture


def plain_number(value: float) -> str:
    """A magnitude with two digits that count and never an exponent: 450, 7.6, 0.0031."""
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else "∞"
    digits = max(0, 1 - math.floor(math.log10(abs(value))))
    return f"{abs(value):.{digits}f}"


def _tick(value: float) -> str:
    # a hyphen: PIL's own font has no minus sign and would draw a box
    return "0" if value == 0 else f"{'+' if value > 0 else '-'}{plain_number(value)}"


def _fitted(shape: tuple[int, ...], max_side: int) -> tuple[int, int]:
    ratio = min(1.0, max_side / max(shape))
    return max(1, round(shape[0] * ratio)), max(1, round(shape[1] * ratio))


@lru_cache(maxsize=16)
def _average(length: int, cells: int, sigma: float) -> np.ndarray:
    """(cells, length) float32: means over cells, then a Gaussian that folds back at the edges.

    Every column has the same sum, so nothing is lost or gained, not even at the border.
    """
    edges = np.linspace(0, length, cells + 1)
    pixel = np.arange(length)
    overlap = np.minimum(edges[1:, None], pixel + 1) - np.maximum(edges[:-1, None], pixel)
    means = overlap.clip(min=0.0) * (cells / length)
    if sigma <= 0:
        return means.astype(np.float32)
    reach = math.ceil(4 * sigma)
    offsets = np.arange(-reach, reach + 1)
    weights = np.exp(-0.5 * (offsets / sigma) ** 2)
    weights /= weights.sum()
    folded = (np.arange(cells)[:, None] + offsets) % (2 * cells)
    folded = np.where(folded >= cells, 2 * cells - 1 - folded, folded)
    blur = np.zeros((cells, cells))
    np.add.at(blur, (np.arange(cells)[:, None], folded), np.broadcast_to(weights, folded.shape))
    return (blur @ means).astype(np.float32)


# --- words, fields, numbers


def word_spans(text: str, words: Sequence[WordAttribution]) -> list[tuple[str, float | None]]:
    """One section's text in pieces: each of its words with what it added, and what lies between with None."""
    spans: list[tuple[str, float | None]] = []
    done = 0
    for word in sorted(words, key=lambda w: w.start):
        assert done <= word.start < word.end <= len(text), (done, word)
        if word.start > done:
            spans.append((text[done : word.start], None))
        spans.append((text[word.start : word.end], word.attribution))
        done = word.end
    if done < len(text):
        spans.append((text[done:], None))
    return spans


def field_rows(fields: Sequence[FieldAttribution]) -> list[tuple[str, str, float]]:
    """(label, value with its unit, what it added in logits), the largest magnitude first.

    The value is "unknown" where there is none: an unknown field adds something too.
    """
    rows = [(f.name.replace("_", " "), _value(f), f.attribution) for f in fields]
    return sorted(rows, key=lambda row: -abs(row[2]))


def _value(field: FieldAttribution) -> str:
    if field.value is None:
        return "unknown"
    if isinstance(field.value, str):
        return field.value
    number = f"{field.value:g}" if math.isfinite(field.value) else ("∞" if field.value > 0 else "-∞")
    unit = CLINICAL_FIELDS[field.name].unit if field.name in CLINICAL_FIELDS else ""
    return f"{number} {unit}".strip()
