"""Metadata of a JPEG or PNG file: taken out before the file is kept.

Scanners, cameras and export programs write names, dates and places there (EXIF, XMP, IPTC, comments, text
chunks, bytes after the end). The pixels stay bit for bit: nothing is decoded or coded anew.
"""

import re
import struct

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT = (b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"sBIT", b"cHRM", b"sRGB")
_JPEG = b"\xff\xd8"
_ALONE = (*range(0xD0, 0xD8), 0x01)
"""JPEG markers without a length (ITU-T T.81 B.1.1.3)."""
_AFTER_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
"""The first marker behind coded data, in which 0xFF is followed by 0 or a restart marker only."""


def without_metadata(data: bytes) -> tuple[bytes, int]:
    """A picture file with its pixels alone, and how many blocks of metadata were taken out of it.

    A file that is neither PNG nor JPEG comes back as it is; one that breaks off is cut where its last whole
    block ends: whether it can be read is for its reader to say.
    """
    if data.startswith(_PNG):
        return _png(data)
    if data.startswith(_JPEG):
        return _jpeg(data)
    return data, 0


def _png(data: bytes) -> tuple[bytes, int]:
    pieces, removed, at = [_PNG], 0, len(_PNG)
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 12 + length
        if kind in _PNG_KEPT:
            pieces.append(data[at:end])
        else:
            removed += 1
        at = end
        if kind == b"IEND":
            removed += at < len(data)
            break
    return b"".join(pieces), removed


def _jpeg(data: bytes) -> tuple[bytes, int]:
    """Application segments but JFIF's and Adobe's own (which say how colours are coded), and comments, go."""
    pieces, removed, at = [_JPEG], 0, 2
    while at + 2 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        if marker in _ALONE:
            pieces.append(data[at : at + 2])
            at += 2
            continue
        if marker == 0xD9:  # the end: no byte beyond it
            return b"".join([*pieces, data[at : at + 2]]), removed + (at + 2 < len(data))
        if at + 4 > len(data):
            break
        end = at + 2 + struct.unpack_from(">H", data, at + 2)[0]
        if marker == 0xDA:  # a scan: its header, then coded data up to the next marker
            following = _AFTER_SCAN.search(data, end)
            end = following.start() if following else len(data)
        segment = data[at:end]
        if marker == 0xFE or (0xE0 <= marker <= 0xEF and not _says_how_to_decode(marker, segment)):
            removed += 1
        else:
            pieces.append(segment)
        at = end
    return b"".join(pieces), removed


def _says_how_to_decode(marker: int, segment: bytes) -> bool:
    jfif = marker == 0xE0 and segment[4:9] == b"JFIF\0" and len(segment) == 18
    return jfif or (marker == 0xEE and segment[4:9] == b"Adobe" and len(segment) == 16)
