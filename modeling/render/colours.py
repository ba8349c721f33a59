"""Colours of a signed map on a gray film, mixed in Oklab, where equal steps look equal (Ottosson, 2020)."""

from functools import lru_cache

import numpy as np

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
