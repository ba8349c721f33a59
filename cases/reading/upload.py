"""An uploaded file and a form become a study. Nothing is written to disk; content decides, not the name."""

import base64
import io
import logging
import re
import struct
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import unquote

from PIL import Image, ImageOps

from cases.reading.film_limits import (
    TOO_HEAVY,
    check_file_size,
    check_film_size,
    declared_size,
    gray_values,
)
from modeling.errors import StudyError
from modeling.sentence import Names, Sentence
from modeling.study import ClinicalTable, ClinicalText, Radiograph, Study, ViewPosition

logger = logging.getLogger(__name__)
MAX_TEXT = 20_000
"""Characters in one section of clinical text."""

_PLAIN = str.maketrans("-_", "+/", " \t\r\n\v\f")
NO_FILE = "Send what is in the film's file, as base64 text; no path, address or upload is opened here."
_SHORTEST = 500
"""Characters; no film of any kind is shorter, and few paths are longer."""
_NAMED = re.compile(
    r"^\s*(?:[~.]{0,2}/|[a-z]:\\|(?:https?|file):)|\.(?:png|jpe?g|dcm|dicom)\s*$", re.IGNORECASE
)
_BARE_DICOM = re.compile(
    rb"DICM\x02\0\0\0UL|\x02\0[\0-\x02]\0[A-Z]{2}|\x08\0[\0-\x70]\0(?:[A-Z]{2}|[\x02-\x40]\0\0\0)"
    rb"|\0\x08\0[\0-\x70][A-Z]{2}"
)
"""Group 2 or 8 at the very start: explicit, implicit or, for group 8, big endian."""
_OTHER_FILES = (
    (0, b"%PDF", "a PDF"), (0, b"PK\x03\x04", "a ZIP archive"), (0, b"\x1f\x8b", "a compressed archive"),
    (0, b"II*\x00", "a TIFF image"), (0, b"MM\x00*", "a TIFF image"), (0, b"GIF8", "a GIF image"),
    (0, b"BM", "a BMP image"), (8, b"WEBP", "a WebP image"), (4, b"ftyp", "a HEIC image or a video"),
    (0, b"\x93NUMPY", "a NumPy array"), (344, b"n+1\x00", "a volume of slices"),
    (0, b"NRRD", "a volume of slices"),
)  # fmt: skip
"""Offset, bytes that stand there, and the kind of file."""
_PNG_CHANNELS = {2: 3, 4: 2, 6: 4}
_DAMAGED = "This image is damaged or cut off; save it again as PNG or JPEG and try once more."


def read_upload(data: bytes, name: str = "") -> Radiograph:
    """A chest film from a whole PNG, JPEG or DICOM file: (H, W) uint8, uint16, or int16 for a signed DICOM.

    Gray PNG keeps its 8 or 16 bits; gray stored as RGB, palette or with a slight tint becomes 8-bit gray;
    transparent parts become black; a JPEG's orientation tag is honoured. Of the name as uploaded only the
    ending is read, and only to word a refusal.

    Raises:
        StudyError: empty, too large, too small, truncated, of another kind, in colour, of several pages, or
            of more than this process can hold.
    """
    try:
        return _read(data, name)
    except MemoryError as exc:
        raise StudyError(TOO_HEAVY) from exc


def _read(data: bytes, name: str) -> Radiograph:
    if not data:
        raise StudyError("The file is empty; choose a PNG, JPEG or DICOM file of a chest film.")
    check_file_size(len(data))
    if is_dicom(data):
        from cases.reading.dicom import read_radiograph  # late: pydicom takes a second to import

        return read_radiograph(data)
    for start, kind in ((b"\x89PNG\r\n\x1a\n", "PNG"), (b"\xff\xd8\xff", "JPEG")):
        if data.startswith(start):
            return _read_picture(data, kind)
    raise StudyError(_refusal(data, name))


def is_dicom(data: bytes) -> bool:
    """Whether a file is DICOM by how it begins, with a preamble or without one."""
    return data[128:132] == b"DICM" or _BARE_DICOM.match(data) is not None


def film_of_base64(text: object) -> bytes:
    """The bytes of a film in base64: one line or many, either alphabet, padded or not, or a data URL.

    Raises StudyError: it is not base64, or names a file instead of holding what is in it.
    """
    if not isinstance(text, str) or (len(text) < _SHORTEST and _NAMED.search(text)):
        raise StudyError(NO_FILE)
    if text.lstrip()[:5].lower() == "data:":
        text = unquote(text.partition(",")[2]) if "%" in text else text.partition(",")[2]
    plain = text.translate(_PLAIN).rstrip("=")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except ValueError:
        raise StudyError("The film is not valid base64; encode the whole file and try again.") from None


def study_from_upload(
    film: bytes | Radiograph | None,
    *,
    table: Mapping[str, object],
    text: Mapping[str, str | None],
    name: str = "",
) -> Study:
    """A study from an upload form, any part of which may be left out.

    A view position left unknown in the form is taken from the DICOM file where that says PA or AP; where
    both say something, the form counts. `film` is a file or what was read there, `table` holds values as
    typed (see `ClinicalTable.from_raw`), `name` is the film's file's, and blank text is missing.

    Raises:
        StudyError: nothing was given, or a part cannot be used.
    """
    radiograph = read_upload(film, name) if isinstance(film, bytes) else film
    clinical = ClinicalTable.from_raw(table)
    if radiograph is not None and radiograph.view_position in (ViewPosition.PA, ViewPosition.AP):
        values = {"view_position": str(radiograph.view_position), **clinical.values}
        clinical = replace(clinical, values=values)
    study = Study(radiograph, clinical, clinical_text(text))
    if not study.modalities:
        raise StudyError("The form is empty; add a film, a clinical value or some clinical text.")
    return study


def clinical_text(text: Mapping[str, str | None]) -> ClinicalText:
    """Text as typed, by section; what is blank is missing. Raises StudyError: a section is too long."""
    stripped = {section: str(words or "").strip() for section, words in text.items()}
    sections = {section: words for section, words in stripped.items() if words}
    for section, words in sections.items():
        if len(words) > MAX_TEXT:
            too_long = "The {section} has {count:,} characters; shorten it to {limit:,}."
            raise StudyError(too_long, section=Names("section", section), count=len(words), limit=MAX_TEXT)
    return ClinicalText(sections)


def _refusal(data: bytes, name: str) -> Sentence:
    for offset, magic, kind in _OTHER_FILES:
        if data[offset : offset + len(magic)] == magic:
            kind = "a volume of slices" if name.lower().endswith(".nii.gz") else kind
            other_kind = "This file is {kind}; choose a PNG, JPEG or DICOM file of a chest film."
            return Sentence(other_kind, kind=Names("file", kind))
    ending = name.lower().rpartition(".")[2]
    if ending in ("png", "jpg", "jpeg", "dcm"):
        return Sentence(
            "This file is named .{ending} but holds no such image; choose a PNG, JPEG or DICOM file of a"
            " chest film.",
            ending=ending,
        )
    return Sentence(
        "This file is no image that can be read here; choose a PNG, JPEG or DICOM file of a chest film."
    )


def _png_size(data: bytes) -> tuple[int, int, float] | None:
    """(rows, columns, bytes of a pixel) by the header; None where it is cut off."""
    if len(data) < 26:
        return None
    columns, rows, depth, colours = struct.unpack_from(">IIBB", data, 16)
    return rows, columns, depth * _PNG_CHANNELS.get(colours, 1) / 8


def _read_picture(data: bytes, kind: str) -> Radiograph:
    size = _png_size(data) if kind == "PNG" else declared_size(data)
    if size is None:
        raise StudyError(_DAMAGED)
    check_film_size(*size)
    try:
        with Image.open(io.BytesIO(data), formats=(kind,)) as picture:
            check_film_size(picture.height, picture.width)  # a second header inside may say otherwise
            if getattr(picture, "n_frames", 1) > 1:
                raise StudyError("This file holds several pictures; save the film on its own and try again.")
            pixels = gray_values(ImageOps.exif_transpose(picture))
    except (StudyError, MemoryError):
        raise
    except Exception as exc:  # Pillow reports a broken file with whatever its parser stumbles over
        logger.info("A %s file cannot be read (%s).", kind, type(exc).__name__)
        raise StudyError(_DAMAGED) from exc
    return Radiograph(pixels=pixels, bits_stored=8 * pixels.dtype.itemsize)
