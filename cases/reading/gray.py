"""Is a picture gray, as a film is? A toned print or a blue base is; a photograph is not."""

import numpy as np
from PIL import Image

from modeling.errors import StudyError

TINT_LIMIT = 120.0
HUE_LIMIT = 4.0
"""Up to these values of `colour_of` a picture is a film. Measured on 40 films in each of eight tones (sepia,
warm paper, amber light, selenium, blue base, cyanotype) as JPEG: at most 113 and 3.0, and the strongest sepia
print 97 and 1.9; a red marker on 1 % of the area 3.1 and 3.1. Colour photographs start at 27 and 4.6: it is
the second limit that tells them."""

_COLOURED = "This is a colour picture, not a radiograph; choose a gray film in PNG, JPEG or DICOM."


def gray_values(picture: Image.Image) -> np.ndarray:
    """(H, W) uint8 or uint16. Raises StudyError: the picture is in colour."""
    transparent = picture.has_transparency_data
    if picture.mode.startswith("I"):  # 16-bit gray
        return np.array(picture).astype(np.uint16)
    if picture.mode in ("1", "L") and not transparent:
        return np.array(picture.convert("L"))
    if transparent:
        layer = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", layer.size, (0, 0, 0, 255)), layer)
    picture = picture.convert("RGB")
    tint, hue = colour_of(picture)
    if tint > TINT_LIMIT or hue > HUE_LIMIT:
        raise StudyError(_COLOURED)
    return np.array(picture.convert("L"))


def colour_of(picture: Image.Image) -> tuple[float, float]:
    """How far a picture is from gray, and how far from one tint.

    A tinted film (a blue base, a yellowed print, a camera's white balance) has one colour per brightness; a
    photograph has many. Both are means over a copy of at most 255 pixels a side.

    Returns:
        (tint, hue), 0 to 255: the mean spread of the three channels, and the mean distance of (R - G, B - G)
        from its median among pixels of like brightness.
    """
    small = picture.reduce(max(1, max(picture.size) // 128))
    pixels = np.asarray(small, dtype=np.float32).reshape(-1, 3)  # (N, 3)
    pixels = pixels[np.argsort(pixels.mean(axis=1))]
    chroma = pixels[:, [0, 2]] - pixels[:, [1]]  # (N, 2)
    edges = np.searchsorted(pixels.mean(axis=1), np.arange(4, 256, 4))  # 64 bands of brightness
    bands = [band for band in np.split(chroma, edges) if len(band)]
    distance = [np.abs(band - np.median(band, axis=0)).max(axis=1) for band in bands]
    return float(np.ptp(pixels, axis=1).mean()), float(np.concatenate(distance).mean())
