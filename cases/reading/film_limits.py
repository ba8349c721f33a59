"""How large a film may be, as its headers declare before anything is decoded, and how far from gray.

A file of a few kilobytes can declare, or unfold into, gigabytes. Compressed pixel data states its size a
second time, and a decoder believes that one, so it must agree with the size that was checked. What no count
catches ends with the process that decodes it (`cases.reading.decoder`).
"""

import re
import struct

import numpy as np
from PIL import Image

from modeling.errors import StudyError
from modeling.sentence import Sentence

MIN_SIDE = 64
MAX_SIDE = 10_000
MAX_PIXELS = 64_000_000
MAX_FILE_BYTES = 100_000_000
MAX_UNFOLDED = 4 * MAX_PIXELS
"""Bytes of the pixels as a file holds them: 16-bit gray with transparency, or 8-bit colour with it."""
MAX_SCANS, MAX_SEGMENTS, MAX_FILL = 64, 10_000, 65_536
"""Of one JPEG: scans (a progressive one has some ten), segments before the first of them, and the bytes that
may stand between those for nothing."""
TOO_HEAVY = (
    "This file takes too much time or memory to read; export the film again, uncompressed or as a plain PNG"
    " or JPEG, and try once more."
)
MAX_TILES = 4096
"""JPEG 2000 tiles: every one costs a decoder memory, whatever the size of the film."""
MAX_CODED = 40_000_000
"""Bytes of a JPEG 2000 code stream, whose bits are decoded one by one: 8 to 11 MB took a quiet core a second
(films and noise of 2.25 megapixels, 8 to 16 bits). Part 15 (High Throughput) is not bound by it."""

_J2K_START = b"\xff\x4f\xff\x51"
_J2K_CAPABILITIES = b"\xff\x50"
_JP2_START = b"\0\0\0\x0cjP  \r\n\x87\n"
_JP2_BOXES = 16_384
"""Bytes in which the code stream inside JP2 boxes begins."""
_FILL = re.compile(rb"\xff+")
_FRAME_MARKERS = (*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0), 0xF7)
"""JPEG frame headers (ITU-T T.81 table B.1), and the one of JPEG-LS (ITU-T T.87)."""
TINT_LIMIT = 120.0
HUE_LIMIT = 4.0
"""Up to these values of `colour_of` a picture is a film. Measured on 40 films in each of eight tones (sepia,
warm paper, amber light, selenium, blue base, cyanotype) as JPEG: at most 113 and 3.0, and the strongest sepia
print 97 and 1.9; a red marker on 1 % of the area 3.1 and 3.1. Colour photographs start at 27 and 4.6: it is
the second limit that tells them."""


def check_film_size(rows: int, columns: int, pixel_bytes: float = 1) -> None:
    """Refuse a film that is, by what its header declares, too large to decode or too small to read.

    Raises:
        StudyError: a side below `MIN_SIDE`, a side of `MAX_SIDE` or more, or more than `MAX_PIXELS` in all;
            or pixels that fill more than `MAX_UNFOLDED`, at `pixel_bytes` each.
    """
    size = Sentence("The film is {columns} x {rows} pixels", columns=columns, rows=rows)
    if rows >= MAX_SIDE or columns >= MAX_SIDE or rows * columns > MAX_PIXELS:
        raise StudyError(
            "{problem}; reduce it to less than {side:,} pixels a side and at most {limit} megapixels, then"
            " try again.",
            problem=size,
            side=MAX_SIDE,
            limit=MAX_PIXELS // 1_000_000,
        )
    if min(rows, columns) < MIN_SIDE:
        too_small = "{problem}; choose one with at least {side} pixels a side."
        raise StudyError(too_small, problem=size, side=MIN_SIDE)
    if rows * columns * pixel_bytes > MAX_UNFOLDED:
        raise StudyError(TOO_HEAVY)


def check_file_size(size: int) -> None:
    """Refuse a file above `MAX_FILE_BYTES`. Raises StudyError: with both sizes in megabytes."""
    if size > MAX_FILE_BYTES:
        said = "The file has {size:.0f} MB; choose one of at most {limit} MB."
        raise StudyError(said, size=size / 1e6, limit=MAX_FILE_BYTES // 1_000_000)


def declared_size(frame: bytes) -> tuple[int, int, int] | None:
    """(rows, columns, channels) by the header of a JPEG, JPEG-LS or JPEG 2000 code stream; else None.

    Raises StudyError: a JPEG with more scans, segments or fill than a film has, or a JPEG 2000 that takes too
    long to decode.
    """
    try:
        if frame.startswith(b"\xff\xd8"):
            return _jpeg_size(frame)
        if frame.startswith(_JP2_START):  # boxes around the code stream, which no DICOM file should have
            frame = frame[max(0, frame.find(_J2K_START, 0, _JP2_BOXES)) :]
        if frame.startswith(_J2K_START):
            return _j2k_size(frame)
    except (struct.error, IndexError):
        pass  # a broken header says nothing
    return None


def _jpeg_size(frame: bytes) -> tuple[int, int, int] | None:
    """By the frame header; the other headers are walked too, since a decoder walks them far more slowly."""
    size, position, filled, segments = None, 2, 0, 0
    while (fill := _FILL.match(frame, position)) and frame[fill.end()] != 0xDA:
        position, segments = fill.end(), segments + 1
        filled += len(fill[0]) - 1
        if filled > MAX_FILL or segments > MAX_SEGMENTS:
            raise StudyError(TOO_HEAVY)
        if frame[position] in _FRAME_MARKERS:
            size = struct.unpack_from(">HHB", frame, position + 4)
        position += 1 + struct.unpack_from(">H", frame, position + 1)[0]
    if frame.count(b"\xff\xda") > MAX_SCANS:  # in coded data 0xFF is followed by other bytes
        raise StudyError(TOO_HEAVY)
    return size


def _j2k_size(frame: bytes) -> tuple[int, int, int] | None:
    """ITU-T T.800 A.5.1: the image and tile size marker.

    Raises StudyError: a code stream longer than `MAX_CODED`.
    """
    after = 4 + int.from_bytes(frame[4:6])
    if len(frame) > MAX_CODED and frame[after : after + 2] != _J2K_CAPABILITIES:
        raise StudyError(TOO_HEAVY)
    width, height, left, top, tile_width, tile_height = struct.unpack_from(">6I", frame, 8)
    channels = struct.unpack_from(">H", frame, 40)[0]
    if not tile_width or not tile_height or -(-width // tile_width) * -(-height // tile_height) > MAX_TILES:
        return None
    return height - top, width - left, channels


def run_length_size(segment: bytes, limit: int) -> int:
    """Bytes that an RLE segment unfolds into (DICOM PS3.5 G.3), counted up to `limit`."""
    total = position = 0
    while position < len(segment) and total <= limit:
        control = segment[position]
        if control < 128:
            total += control + 1
            position += control + 2
        else:
            total += 257 - control if control > 128 else 0
            position += 2 if control > 128 else 1
    return total


# --- is it gray, as a film is? A toned print or a blue base is; a photograph is not. -----------------------


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
        raise StudyError(
            "This is a colour picture, not a radiograph; choose a gray film in PNG, JPEG or DICOM."
        )
    return np.array(picture.convert("L"))


def colour_of(picture: Image.Image) -> tuple[float, float]:
    """How far a picture is from gray, and how far from one tint.

    A tinted film (a blue base, a yellowed print, a camera's white balance) has one colour per brightness; a
    photograph has many. Both are means over a copy of at most 255 pixels a side.
    Tint and hue are 0 to 255: the mean spread of the three channels, and the mean distance of (R - G, B - G)
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
