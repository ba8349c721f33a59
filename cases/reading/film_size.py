"""How large a film may be: decided from what its headers declare, before anything is decoded.

A file of a few kilobytes can declare, or unfold into, gigabytes. Compressed pixel data states its size a
second time, and a decoder believes that one, so it must agree with the size that was checked.
"""

import struct

from modeling.errors import StudyError
from modeling.sentence import Sentence

MIN_SIDE = 64
MAX_SIDE = 10_000
MAX_PIXELS = 64_000_000
MAX_FILE_BYTES = 100_000_000
MAX_TILES = 4096
"""JPEG 2000 tiles: every one costs a decoder memory, whatever the size of the film."""

_JPEG_START = b"\xff\xd8"
_J2K_START = b"\xff\x4f\xff\x51"
_JP2_START = b"\0\0\0\x0cjP  \r\n\x87\n"
_JP2_BOXES = 16_384
"""Bytes in which the code stream inside JP2 boxes begins."""
_FRAME_MARKERS = (*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0), 0xF7)
"""JPEG frame headers (ITU-T T.81 table B.1), and the one of JPEG-LS (ITU-T T.87)."""


def check_film_size(rows: int, columns: int) -> None:
    """Refuse a film that is, by what its header declares, too large to decode or too small to read.

    Raises:
        StudyError: a side below `MIN_SIDE`, a side of `MAX_SIDE` or more, or more than `MAX_PIXELS` in all.
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
        raise StudyError(
            "{problem}; choose one with at least {side} pixels a side.", problem=size, side=MIN_SIDE
        )


def check_file_size(size: int) -> None:
    """Refuse a file above `MAX_FILE_BYTES`. Raises StudyError: with both sizes in megabytes."""
    if size > MAX_FILE_BYTES:
        said = "The file has {size:.0f} MB; choose one of at most {limit} MB."
        raise StudyError(said, size=size / 1e6, limit=MAX_FILE_BYTES // 1_000_000)


def declared_size(frame: bytes) -> tuple[int, int, int] | None:
    """(rows, columns, channels) by the header of a JPEG, JPEG-LS or JPEG 2000 code stream; else None."""
    try:
        if frame.startswith(_JPEG_START):
            return _jpeg_size(frame)
        if frame.startswith(_JP2_START):  # boxes around the code stream, which no DICOM file should have
            frame = frame[max(0, frame.find(_J2K_START, 0, _JP2_BOXES)) :]
        if frame.startswith(_J2K_START):
            return _j2k_size(frame)
    except (struct.error, IndexError):
        pass  # a broken header says nothing
    return None


def _jpeg_size(frame: bytes) -> tuple[int, int, int] | None:
    position = 2
    while frame[position] == 0xFF:
        marker = frame[position + 1]
        if marker == 0xFF:  # a fill byte before the marker
            position += 1
            continue
        if marker in _FRAME_MARKERS:
            rows, columns, channels = struct.unpack_from(">HHB", frame, position + 5)
            return rows, columns, channels
        position += 2 + struct.unpack_from(">H", frame, position + 2)[0]
    return None


def _j2k_size(frame: bytes) -> tuple[int, int, int] | None:
    """ITU-T T.800 A.5.1: the image and tile size marker."""
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
