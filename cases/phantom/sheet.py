"""Films side by side, to look at, and the four numbers by which phantoms are held against real films."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from modeling.study import Photometric, Radiograph


def brightness(radiograph: Radiograph) -> np.ndarray:
    """(H, W) float64 from 0 (black) to 1, as a screen shows the film with its own window."""
    window = radiograph.window
    assert window is not None, "a phantom carries its window"
    values = (radiograph.pixels - (window.center - 0.5)) / (window.width - 1) + 0.5
    values = np.clip(values, 0.0, 1.0)
    return 1 - values if radiograph.photometric is Photometric.MONOCHROME1 else values


def contact_sheet(films: Iterable[np.ndarray], columns: int = 6, tile: int = 256) -> Image.Image:
    """Films in rows, each fitted into a square.

    Args:
        films: (H, W) brightness, 0 to 1, of any size.
    """
    tiles = []
    for film in films:
        image = Image.fromarray(np.rint(film * 255).astype(np.uint8))
        image.thumbnail((tile, tile), Image.Resampling.BOX)
        tiles.append(image)
    rows = -(-len(tiles) // columns)
    sheet = Image.new("L", (columns * tile, max(rows, 1) * tile))
    for index, image in enumerate(tiles):
        corner = (index % columns * tile, index // columns * tile)
        sheet.paste(image, (corner[0] + (tile - image.width) // 2, corner[1] + (tile - image.height) // 2))
    return sheet


@dataclass(frozen=True)
class Likeness:
    """What a film looks like in four numbers, measured on 256 x 256 pixels.

    Attributes:
        mean: mean brightness, 0 to 1.
        contrast: standard deviation of the brightness.
        spectrum_slope: of log power over log frequency, 4 to 80 cycles a film.
        lung_ratio: brightness of the lung fields over that of the mediastinum, in fixed boxes.
    """

    mean: float
    contrast: float
    spectrum_slope: float
    lung_ratio: float


def likeness(film: np.ndarray) -> Likeness:
    """Measure a film.

    Args:
        film: (H, W) brightness, 0 to 1.
    """
    image = Image.fromarray(np.rint(film * 255).astype(np.uint8)).resize((256, 256), Image.Resampling.BOX)
    values = np.asarray(image, np.float64) / 255
    taper = np.hanning(256)
    power = np.abs(np.fft.fft2((values - values.mean()) * taper[:, None] * taper)) ** 2
    frequency = np.hypot(np.fft.fftfreq(256)[:, None], np.fft.fftfreq(256)[None, :]) * 256
    rings = np.arange(4, 81)
    radial = np.bincount(np.rint(frequency).astype(int).ravel(), power.ravel())[rings]
    radial /= np.bincount(np.rint(frequency).astype(int).ravel())[rings]
    slope = float(np.polyfit(np.log(rings), np.log(radial + 1e-12), 1)[0])
    lungs = np.concatenate([values[77:154, 56:92].ravel(), values[77:154, 164:200].ravel()])
    mediastinum = values[77:179, 115:141]
    return Likeness(
        float(values.mean()), float(values.std()), slope, float(lungs.mean() / max(mediastinum.mean(), 1e-6))
    )
