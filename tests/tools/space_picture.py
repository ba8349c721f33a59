"""The picture of docs/space.md anew: `python -m tests.tools.space_picture RUN NUMBER...`.

RUN is the folder of `viewbox train-space`, the numbers are films of its validation series: each with its
first opacity outlined, the opacity's sentence over the film, then the sentence's words.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from cases.phantom.description import worded
from evaluation.space.regions import regions_of
from hub_config.settings import SPACE_CHECKPOINT
from modeling.model.shared_space import SharedSpace
from training.space.corpus import SpaceRow
from training.space.run import phantoms
from training.space.settings import SpaceTraining

SIDE, GAP, TITLE = 220, 6, 20
ORANGE, BLUE = (230, 126, 20), (40, 90, 200)


def _shown(film: np.ndarray, places: np.ndarray | None, mask: np.ndarray | None, title: str) -> Image.Image:
    """(h, w) uint8 under its map, orange where a place is more like the word than the film's mean."""
    colours = np.repeat(film[..., None], 3, axis=-1).astype(np.float32)
    if places is not None:
        signed = (places - places.mean()) / np.abs(places - places.mean()).max()
        for colour, part in ((ORANGE, signed.clip(0, 1)), (BLUE, (-signed).clip(0, 1))):
            colours += 0.7 * part[..., None] * (np.array(colour) - colours)
    if mask is not None:
        inner = mask & np.roll(mask, 1, 0) & np.roll(mask, -1, 0) & np.roll(mask, 1, 1) & np.roll(mask, -1, 1)
        colours[mask & ~inner] = ORANGE
    tile = Image.new("RGB", (SIDE, SIDE + TITLE), "white")
    tile.paste(Image.fromarray(colours.astype(np.uint8)).resize((SIDE, SIDE)), (0, TITLE))
    ImageDraw.Draw(tile).text((2, 2), title, "black", ImageFont.load_default(14))
    return tile


def _line(space: SharedSpace, row: SpaceRow) -> list[Image.Image]:
    statement = next(one for one in row.statements if one.opacity)
    sentence = worded(np.random.default_rng(row.number), statement, "en")
    regions = [one for one in regions_of(space, row, sentence) if one.word.isalnum()]
    whole = np.mean([one.places for one in regions], axis=0)
    tiles = [_shown(row.film, None, row.masks[statement.opacity], str(statement.opacity))]
    tiles.append(_shown(row.film, whole, None, "whole sentence"))
    wanted = [one for one in regions if len(one.word) > 3 or one.word == "mid"]
    return tiles + [_shown(row.film, one.places, None, one.word) for one in wanted[:4]]


def main(run: Path, numbers: tuple[int, ...]) -> None:
    """Write docs/space.jpg."""
    space = SharedSpace.from_pretrained(SPACE_CHECKPOINT)
    rows = phantoms(SpaceTraining.load(Path("training/configs/space.json")), run, "validation")
    lines = [_line(space, rows[number]) for number in numbers]
    wide = max(map(len, lines)) * (SIDE + GAP)
    page = Image.new("RGB", (wide, len(lines) * (SIDE + TITLE + GAP)), "white")
    for down, tiles in enumerate(lines):
        for across, tile in enumerate(tiles):
            page.paste(tile, (across * (SIDE + GAP), down * (SIDE + TITLE + GAP)))
    page.save("docs/space.jpg", quality=85)


if __name__ == "__main__":
    main(Path(sys.argv[1]), tuple(map(int, sys.argv[2:])))
