"""Films with planted lines of text: where each stands, how high its letters are and what it stands on."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from cases.deidentify.pixels import TextLine

SIZES = (10, 12, 14, 18, 24, 30, 40, 60)
"""Pixels from one line of text to the next, on films of 1500; capital letters are 0.7 of it."""
TONES = {"white": 255, "gray": 170, "black": 0}
PLACES = ("upper left", "upper right", "lower left", "lower right", "body")
LEGIBLE = 40
"""Gray values (of 255) between a letter and its ground below which a line counts as not legible."""
_CJK_FONT = Path("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc")  # Debian's fonts-noto-cjk
_FAMILIES = (
    "KOWALCZYK",
    "Whitcombe",
    "ADEYEMI",
    "Hagedorn",
    "WANG",
    "Nakanishi",
    "OKONKWO",
    "Li",
    "O'HALLORAN",
)
_GIVEN = ("W", "Maria", "JIA-WEI", "Thomas", "M", "Ngozi", "ANNA")


@dataclass(frozen=True)
class PlantedLine:
    """A line of text on a film of (H, W): its box in pixels, and its letters' distance from their ground."""

    words: str
    kind: str
    size: int
    tone: str
    place: str
    box: tuple[int, int, int, int]
    contrast: float
    ground: str

    def is_found_in(self, lines: list[TextLine], shape: tuple[int, int]) -> bool:
        """Whether lines cover at least half of its length."""
        left, top, right, bottom = self.box
        covered = np.zeros(right - left, bool)
        for line in lines:
            first, last = line.left * shape[1], (line.left + line.width) * shape[1]
            middle = (line.top + line.height / 2) * shape[0]
            if top - self.size / 2 <= middle <= bottom + self.size / 2:
                covered[max(0, int(first) - left) : max(0, int(last) - left)] = True
        return bool(covered.mean() >= 0.5)


def planted_film(film: np.ndarray, size: int, tone: str, seed: int) -> tuple[np.ndarray, list[PlantedLine]]:
    """A copy of an (H, W) uint8 film with one line of text in every place that has room for it."""
    rng = random.Random(seed)
    picture, lines = Image.fromarray(film.copy()), []
    for place in PLACES:
        kind = rng.choice(
            ("name", "name", "date", "number", *(("Chinese name",) if _CJK_FONT.exists() else ()))
        )
        words, font = _words(rng, kind), _font(size, kind)
        width, height = (int(edge) for edge in font.getbbox(words)[2:])
        x, y = _corner(rng, place, film.shape, width, height)
        box = (x, y, x + width, y + height)
        ground = float(np.median(film[y : y + height, x : x + width]))
        ImageDraw.Draw(picture).text((x, y), words, font=font, fill=TONES[tone])
        named = "dark" if ground < 85 else "light" if ground > 170 else "middle"
        lines.append(PlantedLine(words, kind, size, tone, place, box, abs(TONES[tone] - ground), named))
    return np.asarray(picture), lines


def _words(rng: random.Random, kind: str) -> str:
    day = f"{rng.randint(1, 28):02d}", f"{rng.randint(1, 12):02d}", str(rng.randint(1931, 2020))
    if kind == "date":
        return rng.choice(("/", ".", "-")).join(day)
    if kind == "number":
        return rng.choice(("{:07d}", "MRN {:07d}", "A{:09d}")).format(rng.randrange(10**7))
    if kind == "Chinese name":
        return rng.choice(("王小明", "陳怡君", "林志豪", "歐陽志遠", "黃淑芬"))
    return f"{rng.choice(_FAMILIES)} {rng.choice(_GIVEN)}"


@cache
def _font(size: int, kind: str) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.truetype(_CJK_FONT, size) if kind == "Chinese name" else ImageFont.load_default(size)


def _corner(
    rng: random.Random, place: str, shape: tuple[int, ...], width: int, height: int
) -> tuple[int, int]:
    """Left and upper edge of a line in its place, a little off the film's border."""
    if place == "body":
        return rng.randint(shape[1] // 4, 3 * shape[1] // 4 - width), rng.randint(
            shape[0] // 4, 3 * shape[0] // 4
        )
    off = rng.randint(8, 40)
    x = off if "left" in place else shape[1] - width - off
    return x, off if "upper" in place else shape[0] - height - off


def soft_films(count: int, shape: tuple[int, int] = (1500, 1260)) -> Iterator[np.ndarray]:
    """(H, W) uint8 films that cost nothing: a chest's soft shapes and noise."""
    from tests.doubles.lake_sources import pixels

    return (pixels(seed, shape) for seed in range(count))


def phantoms(count: int, keep: Path, edge: int = 1500) -> Iterator[np.ndarray]:
    """(H, W) uint8 phantoms with their lead markers; half a minute each, so they are kept in a folder."""
    from cases.phantom.generator import PhantomSettings, generate_case
    from cases.phantom.making import brightness

    keep.mkdir(parents=True, exist_ok=True)
    for seed in range(30_000, 30_000 + count):
        path = keep / f"{seed}-{edge}.png"
        if not path.exists():
            film = brightness(generate_case(seed, settings=PhantomSettings(size=edge)).study.radiograph)
            Image.fromarray(np.rint(255 * film).astype(np.uint8)).save(path)
        yield np.asarray(Image.open(path))
