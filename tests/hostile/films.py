"""Files of films made to exhaust whoever reads them, each from a few lines; none is stored."""

import io
import struct
import zlib
from collections.abc import Callable

from isal import isal_zlib
from PIL import Image

EXPLICIT, DEFLATED = b"1.2.840.10008.1.2.1", b"1.2.840.10008.1.2.1.99"
ITEM, SEQUENCE_END = b"\xfe\xff\x00\xe0\0\0\0\0", b"\xfe\xff\xdd\xe0\0\0\0\0"
VIEW_CODES = b"\x54\x00\x20\x02SQ\0\0"
UNDEFINED = b"\xff\xff\xff\xff"


def jpeg_of_scans(scans: int = 2000, side: int = 8000) -> bytes:
    """A progressive gray JPEG whose scans each say of a megabyte of blocks that nothing changes."""
    frame = b"\xff\xc2" + struct.pack(">HBHHB3B", 11, 8, side, side, 1, 1, 0x11, 0)
    quantisation = b"\xff\xdb" + struct.pack(">HB", 67, 0) + b"\1" * 64
    huffman = b"\xff\xc4" + struct.pack(">HB", 20, 0x10) + bytes([1] + [0] * 15) + b"\xe0"
    blocks = (side // 8) ** 2
    runs = "".join("0" + "1" * 14 for _ in range(blocks // 32767))  # EOB14: the next 32767 blocks are done
    runs += "1" * (-len(runs) % 8)
    coded = int(runs, 2).to_bytes(len(runs) // 8).replace(b"\xff", b"\xff\0")
    scan = b"\xff\xda" + struct.pack(">HBBBBBB", 8, 1, 1, 0x00, 1, 63, 0) + coded
    return b"\xff\xd8" + quantisation + frame + huffman + scan * scans + b"\xff\xd9"


def small_jpeg() -> bytes:
    stream = io.BytesIO()
    Image.new("L", (128, 128), 90).save(stream, "JPEG")
    return stream.getvalue()


def jpeg_of_fill(count: int = 60_000_000, apart: bytes = b"") -> bytes:
    """Bytes before the second marker that stand for nothing, with an empty comment between parts of them."""
    fill = b"\xff" * count if not apart else (b"\xff" * 4000 + apart) * (count // 4000)
    return b"\xff\xd8" + fill + small_jpeg()[2:]


def png(
    columns: int, rows: int, depth: int, colours: int, pixel_bytes: int, stated_rows: int | None = None
) -> bytes:
    """Zeros, which PNG packs a thousandfold."""
    packer = isal_zlib.compressobj(1)
    packed = b"".join(packer.compress(bytes(1 + columns * pixel_bytes)) for _ in range(rows)) + packer.flush()
    header = struct.pack(">IIBBBBB", columns, stated_rows or rows, depth, colours, 0, 0, 0)
    chunks = (chunk(b"IHDR", header), chunk(b"IDAT", packed), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_of_chunks(count: int = 8_000_000) -> bytes:
    """Private chunks with nothing in them: no cap counts these, so only the clock ends it."""
    whole = png(128, 128, 8, 0, 1)
    return whole[:33] + chunk(b"vpAg", b"") * count + whole[33:]


def dicom(elements: bytes, syntax: bytes = EXPLICIT) -> bytes:
    """A file with these elements, in explicit little endian."""
    value = syntax + b"\0" * (len(syntax) % 2)
    stated = b"\2\0\x10\0UI" + struct.pack("<H", len(value)) + value
    length = b"\2\0\0\0UL\4\0" + struct.pack("<I", len(stated))
    if syntax == DEFLATED:
        packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
        elements = packer.compress(elements) + packer.flush()
    return b"\0" * 128 + b"DICM" + length + stated + elements


def empty_tags(count: int) -> bytes:
    return b"\x09\0\x10\0LO\0\0" * count


def items(count: int, *, counted: bool) -> bytes:
    """A sequence of empty items, of stated length or not."""
    if counted:
        return VIEW_CODES + struct.pack("<I", 8 * count) + ITEM * count
    return VIEW_CODES + UNDEFINED + ITEM * count + SEQUENCE_END


def nested(depth: int) -> bytes:
    """Sequences in sequences."""
    return (VIEW_CODES + UNDEFINED + ITEM[:4] + UNDEFINED) * depth


def jpeg_2000(count: int, side: int = 8000) -> bytes:
    """A gray DICOM film of 16 bits whose code stream states its size and goes on with noise."""
    size = struct.pack(">HH8IHBBB", 41, 0, side, side, 0, 0, side, side, 0, 0, 1, 15, 1, 1)
    coded = b"\xff\x4f\xff\x51" + size + b"\x5a" * count
    elements = b"".join(
        struct.pack("<HH2sHH", 0x28, tag, b"US", 2, value)
        for tag, value in (
            (2, 1),
            (0x10, side),
            (0x11, side),
            (0x100, 16),
            (0x101, 16),
            (0x102, 15),
            (0x103, 0),
        )
    )
    gray = b"\x28\0\4\0CS\x0c\0MONOCHROME2 "
    elements = elements[:10] + gray + elements[10:]
    modality = b"\x08\0\x16\0UI\x1a\x001.2.840.10008.5.1.4.1.1.1\0" + b"\x08\0\x60\0CS\2\0CR"
    item = (
        b"\xfe\xff\0\xe0" + struct.pack("<I", len(coded) + len(coded) % 2) + coded + b"\0" * (len(coded) % 2)
    )
    pixels = b"\xe0\x7f\x10\0OB\0\0" + UNDEFINED + ITEM + item + SEQUENCE_END
    return dicom(modality + elements + pixels, b"1.2.840.10008.1.2.4.90")


FILMS: dict[str, Callable[[float], bytes]] = {
    "2,000 scans of 64 megapixels": lambda share: jpeg_of_scans(int(2000 * share)),
    "60 MB of fill": lambda share: jpeg_of_fill(int(60e6 * share)),
    "fill in small parts": lambda share: jpeg_of_fill(int(60e6 * share), apart=b"\xfe\0\2"),
    "15 million empty segments": lambda share: b"\xff\xd8" + b"\xff\xfe\0\2" * int(15e6 * share),
    "1.2 GB from a PNG": lambda share: png(9999, int(6400 * share), 16, 6, 8, stated_rows=6400),
    "small tags, deflated": lambda share: dicom(empty_tags(int(17.5e6 * share)), DEFLATED),
    "11 million empty tags": lambda share: dicom(empty_tags(int(11e6 * share))),
    "11 million tags of the file's head": lambda share: dicom(b"\2\0\x12\0UI\0\0" * int(11e6 * share)),
    "3 million items": lambda share: dicom(items(int(3e6 * share), counted=False)),
    "3 million items, counted": lambda share: dicom(items(int(3e6 * share), counted=True)),
    "64 megapixels of lossless JPEG 2000": lambda share: jpeg_2000(41_000_000 + int(30e6 * share)),
    "sequences 100,000 deep": lambda share: dicom(nested(int(1e5 * share))),
}
"""What a file holds too much of -> the file, or one with a share of it that is still too much."""
