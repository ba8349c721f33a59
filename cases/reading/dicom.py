"""Read and check a radiograph in DICOM, and write one.

What leaves this file is a `Radiograph`: pixels and what turns them into brightness, view position and
geometry. Names, numbers and free text are never parsed (`_READ` is all that is); of two IDs only a hash
leaves it, and of dates the day: films of one upload are held against each other. Overlays are masked out of
the pixels, and no message quotes a value that a person could have typed.
"""

import hashlib
import io
import json
import logging
import uuid
import zlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
from pydicom import uid as uids
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import get_frame
from pydicom.filereader import data_element_generator

from cases.reading import dicom_tags
from cases.reading.dicom_pixels import DAMAGED, gray_frame, through_modality_lut, without_padding
from cases.reading.dicom_tags import Tags
from cases.reading.film_limits import MAX_PIXELS, TOO_HEAVY
from cases.reading.orientation import frontal_likeness, upright
from modeling.errors import StudyError
from modeling.sentence import Sentence
from modeling.study import Photometric, Radiograph

logger = logging.getLogger(__name__)

# pydicom's warnings quote the values they complain about, and a log is no place for a patient's name.
pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
logging.getLogger("pydicom").setLevel(logging.ERROR)

_READ, _READ_IN_ITEMS = (tuple(dicom_tags.TERMS[name]) for name in ("read", "read in items"))
"""Of the two descriptions only the words that name a view are looked for; nothing of them leaves the file."""
_MAX_READS = 50_000
"""Of one file: pydicom reads once or twice for a tag or an item, and a film has a few hundred."""
_MAX_VALUE = 1_000_000
"""Bytes of one value that is not the pixels: a sequence of several look-up tables."""
_NO_DICOM = "This is not a DICOM file; choose a DICOM, PNG or JPEG file of a chest film."
_STARTS = (
    (b"\xff\x4f\xff\x51", uids.JPEG2000), (b"\0\0\0\x0cjP  ", uids.JPEG2000),
    (b"\xff\xd8", uids.JPEGBaseline8Bit),
)  # fmt: skip
"""How a frame begins, and the transfer syntax that it is most likely of."""

Value = str | int | float | bytes | list
_FIXED = json.loads(Path(__file__).with_name("film_tags.json").read_text(encoding="utf-8"))
"""The tags that are the same on every film, and on every computed one; view position -> its defined term,
SNOMED CT code and the code's meaning (DICOM PS3.16 CID 4010)."""


def read_radiograph(data: bytes) -> Radiograph:
    """One gray chest film from a whole DICOM file, its stored values untouched.

    Read are CR, DX and RG, and gray secondary captures; uncompressed, RLE, JPEG (baseline, extended,
    lossless), JPEG-LS and JPEG 2000. Rescale, window and polarity are passed on, not applied; only a modality
    LUT (DICOM PS3.3 C.11.1), which a `Radiograph` has no place for, is.

    Returns:
        (H, W) uint8, uint16, or int16 for signed files; lateral views too, marked as such.

    Raises:
        StudyError: not a DICOM file, damaged, or no single gray chest film of a size that can be handled.
    """
    tags, syntax, pixel_vr, notes = _parse(data)
    dicom_tags.check_kind(tags)
    dicom_tags.check_form(tags)
    scale = dicom_tags.rescale(tags)
    aspect, spacing = dicom_tags.pixel_aspect_ratio(tags), dicom_tags.pixel_spacing(tags)
    film = _stored(tags, *scale, *gray_frame(tags, syntax, pixel_vr))
    bright_is_high = (film.photometric == Photometric.MONOCHROME2) != (film.rescale_slope < 0)
    pixels, swapped, turned = upright(tags, film.pixels, bright_is_high=bright_is_high)
    signed = dicom_tags.bit_layout(tags)[3] or film.rescale_intercept < 0
    return replace(
        film,
        pixels=pixels,
        window=dicom_tags.window(tags),
        voi_lut=dicom_tags.voi_lut(tags, signed=signed),
        view_position=dicom_tags.view_position(tags),
        pixel_aspect_ratio=1 / aspect if swapped else aspect,
        pixel_spacing=spacing[::-1] if swapped and spacing else spacing,
        notes=(*notes, *film.notes, *turned),
        acquisition=dicom_tags.acquisition(tags),
    )


def _stored(
    tags: Tags, slope: float, intercept: float, pixels: np.ndarray, bits: int, notes: list[Sentence]
) -> Radiograph:
    """Stored values as they lie in the file, without padding, and how they become brightness."""
    photometric, inverse = _polarity(tags, pixels, slope)
    dark_is_high = (photometric == Photometric.MONOCHROME1) != (slope < 0)
    pixels = without_padding(tags, pixels, dark_is_high=dark_is_high)
    for item in filter(lambda item: any(item.values()), dicom_tags.sequence(tags, "ModalityLUTSequence")[:1]):
        pixels, bits = through_modality_lut(tags, item, pixels)
        slope, intercept = 1.0, 0.0
    return Radiograph(
        pixels, bits, photometric, rescale_slope=slope, rescale_intercept=intercept, notes=(*notes, *inverse)
    )


def _polarity(tags: Tags, pixels: np.ndarray, slope: float) -> tuple[Photometric, list[Sentence]]:
    """Which end of the stored values is bright, and a note where two tags contradict each other.

    PresentationLUTShape says INVERSE of a MONOCHROME1 image and IDENTITY of a MONOCHROME2 one (PS3.3 C.11.6).
    Where it does not, readers differ: the reading in which the film looks like a chest is taken.
    """
    stated = dicom_tags.code(tags, "PhotometricInterpretation")
    photometric = Photometric(stated) if stated in list(Photometric) else Photometric.MONOCHROME2
    shape = dicom_tags.code(tags, "PresentationLUTShape")
    if shape not in ("INVERSE", "IDENTITY"):
        return photometric, []
    if photometric == (Photometric.MONOCHROME1 if shape == "INVERSE" else Photometric.MONOCHROME2):
        return photometric, []
    bright_is_high = frontal_likeness(pixels) * (1 if slope > 0 else -1) >= 0
    seen = Photometric.MONOCHROME2 if bright_is_high else Photometric.MONOCHROME1
    said = Sentence(
        "PhotometricInterpretation is {photometric}, but PresentationLUTShape is {shape}; the film was read"
        " as {seen}.",
        photometric=str(photometric),
        shape=shape,
        seen=str(seen),
    )
    return seen, [said]


# --- the file ----------------------------------------------------------------------------------------------


def _parse(data: bytes) -> tuple[Tags, uids.UID, str, list[Sentence]]:
    """The tags in `_READ` as plain values, the transfer syntax, how the pixel data is typed, and notes."""
    data = data[4:] if data.startswith(b"DICM") else data
    preamble = data[128:132] == b"DICM"
    try:
        stream = _BoundedFile(_inflated(data, 132 if preamble else 0))
        dataset = pydicom.dcmread(stream, specific_tags=list(_READ), force=True)
        storage = str(dataset.file_meta.get("MediaStorageSOPClassUID", ""))
        pixel_vr = dataset["PixelData"].VR if "PixelData" in dataset else "OW"
        tags = _plain(dataset, _READ)
        syntax, notes = _syntax(dataset, tags)
    except (StudyError, MemoryError):
        raise
    except Exception as exc:  # pydicom reports a broken file with whatever its parser stumbles over
        logger.info("A DICOM file cannot be read (%s).", type(exc).__name__)
        raise StudyError(DAMAGED if preamble else _NO_DICOM) from exc
    if storage == uids.MediaStorageDirectoryStorage:
        raise StudyError("This is the index of a DICOM disc (DICOMDIR); choose an image file beside it.")
    if not preamble and not (tags.get("PixelData") and tags.get("Rows")):
        raise StudyError(_NO_DICOM)  # read without a signature, it holds nothing that an image has
    if not tags.get("SOPClassUID") and storage:
        tags = {**tags, "SOPClassUID": (storage,)}
    return tags, syntax, pixel_vr, notes


def _syntax(dataset: Dataset, tags: Tags) -> tuple[uids.UID, list[Sentence]]:
    """The stated transfer syntax; where none is, the one that the file is written in, and a note."""
    stated = str(dataset.file_meta.get("TransferSyntaxUID", "") or "")
    if stated:
        return uids.UID(stated), []
    implicit, little = dataset.original_encoding
    syntax = uids.ImplicitVRLittleEndian if implicit else uids.ExplicitVRLittleEndian
    if little is False:
        syntax = uids.ExplicitVRBigEndian
    if tags.get("PixelData") and dataset["PixelData"].is_undefined_length:
        frame = get_frame(tags["PixelData"], 0, number_of_frames=1)
        syntax = next((syntax for start, syntax in _STARTS if frame.startswith(start)), uids.RLELossless)
    said = "The file states no TransferSyntaxUID; it was read as {syntax}."
    return syntax, [Sentence(said, syntax=syntax.name)]


def _plain(dataset: Dataset, keywords: tuple[str, ...]) -> Tags:
    tags: dict[str, tuple | bytes | None] = {}
    for keyword in keywords:
        if keyword != "PixelData":
            _refuse_long(dataset, keyword)
        try:
            if keyword not in dataset or dataset[keyword].is_empty:
                continue
            element = dataset[keyword]
            if element.VR == "SQ":
                tags[keyword] = tuple(_plain(item, _READ_IN_ITEMS) for item in element.value)
            elif isinstance(element.value, bytes | bytearray):
                tags[keyword] = bytes(element.value)
            else:
                tags[keyword] = tuple(element.value) if element.VM > 1 else (element.value,)
        except Exception as exc:  # one unreadable tag is for its reader to judge: only some matter
            logger.info("A DICOM tag cannot be read: %s (%s).", keyword, type(exc).__name__)
            tags[keyword] = None
    return tags


class _BoundedFile(io.BytesIO):
    """A file that may be read from so many times, which millions of tags and items are not, nested or not."""

    _left = _MAX_READS

    def read(self, size: int | None = -1, /) -> bytes:
        """The next bytes. Raises StudyError: too many reads."""
        self._left -= 1
        if self._left < 0:
            raise StudyError(TOO_HEAVY)
        return super().read(size)


def _refuse_long(dataset: Dataset, keyword: str) -> None:
    """A value that is not parsed yet is parsed without `_BoundedFile`."""
    raw = dataset.get_item(keyword) if keyword in dataset else None
    if raw is not None and isinstance(raw.value, bytes) and len(raw.value) > _MAX_VALUE:
        raise StudyError(TOO_HEAVY)


def _inflated(data: bytes, start: int) -> bytes:
    """A deflated file as one that is not: it may unfold a thousandfold, and pydicom knows no bounds there."""
    stream = _BoundedFile(data)
    stream.seek(start)
    if data[start : start + 2] != b"\2\0":
        return data
    meta = data_element_generator(stream, False, True, stop_when=lambda tag, _vr, _length: tag.group != 2)
    values = {int(element.tag): element.value for element in meta}
    deflated, plain = (
        uid.encode() for uid in (uids.DeflatedExplicitVRLittleEndian, uids.ExplicitVRLittleEndian)
    )
    if (values.get(0x00020010) or b"").strip(b"\0 ") != deflated:
        return data
    limit = 2 * MAX_PIXELS + 16_000_000
    inflated = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data[stream.tell() :], limit + 1)
    if len(inflated) > limit:
        raise StudyError("This DICOM file unfolds into too much data; export it uncompressed and try again.")
    return data[: stream.tell()].replace(deflated, plain.ljust(len(deflated), b"\0")) + inflated


# --- writing -----------------------------------------------------------------------------------------------


def encode_radiograph(
    film: Radiograph, *, case_id: str, synthetic: bool, sex: str | None = None, age: float | None = None
) -> bytes:
    """A film as an uncompressed DX image; `read_radiograph` gives the same film back.

    The same film and case ID (a pseudonym of 1 to 64 characters, which stands as patient ID) give the same
    bytes: UIDs come from their hash, and no date is written. A synthetic film is marked in its tags
    (`film_tags.json`); age is in years.
    """
    assert 0 < len(case_id) <= 64 and "\\" not in case_id, case_id
    dataset = _dataset(_film_tags(film, case_id, synthetic, sex, age))
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = uids.ExplicitVRLittleEndian
    dataset.file_meta.ImplementationVersionName = "VIEWBOX"
    stream = io.BytesIO()
    pydicom.dcmwrite(stream, dataset, enforce_file_format=True)
    return stream.getvalue()


def _dataset(tags: Mapping[str, object]) -> Dataset:
    dataset = Dataset()
    for keyword, value in tags.items():
        if keyword == "LUTDescriptor":  # its VR depends on another tag, of another data set
            dataset.add_new(keyword, "US", value)
        elif keyword in ("LUTData", "PixelData"):
            dataset.add_new(keyword, "OW", value)
        elif isinstance(value, list) and all(isinstance(item, Mapping) for item in value):
            setattr(dataset, keyword, [_dataset(item) for item in value])
        else:
            setattr(dataset, keyword, value)
    return dataset


def _film_tags(
    radiograph: Radiograph, case_id: str, synthetic: bool, sex: str | None, age: float | None
) -> dict[str, Value]:
    """DICOM keyword -> value of a DX image (PS3.3 A.26) that names nobody; a list of such for a sequence.

    A synthetic film says so in its patient name, series description, image type, comments and (0008,001C).
    """
    tags: dict[str, Value] = {
        **_FIXED["every film"],
        "SOPInstanceUID": _uid("image", case_id, radiograph.sha256),
        "StudyInstanceUID": _uid("study", case_id),
        "SeriesInstanceUID": _uid("series", case_id, radiograph.view_position),
        "PatientID": case_id,
        "PatientSex": {"female": "F", "male": "M"}.get(sex or "", ""),
        "ImageType": ["DERIVED" if synthetic else "ORIGINAL", "PRIMARY", ""],
        **_position(radiograph),
        **_image(radiograph),
    }
    if age is not None:
        tags["PatientAge"] = f"{int(age):03d}Y"
    return tags | _FIXED["a computed film"] if synthetic else tags


def _uid(*parts: str) -> str:
    """A UID under 2.25 (DICOM PS3.5 B.2) that depends on nothing but the parts."""
    digest = hashlib.sha256("\0".join(parts).encode()).digest()
    return f"2.25.{uuid.UUID(bytes=digest[:16], version=4).int}"


def _position(radiograph: Radiograph) -> dict[str, Value]:
    """View and geometry (DICOM PS3.3 C.8.11)."""
    term, code, meaning = _FIXED["views"].get(radiograph.view_position, ("", "", ""))
    coded = {"CodeValue": code, "CodingSchemeDesignator": "SCT", "CodeMeaning": meaning}
    tags: dict[str, Value] = {"ViewPosition": term, "ViewCodeSequence": [coded] if code else []}
    tags["PatientOrientation"] = ["L", "F"] if term in ("PA", "AP") else ""
    if radiograph.pixel_spacing is not None:
        tags["ImagerPixelSpacing"] = [_decimal(value) for value in radiograph.pixel_spacing]
    elif radiograph.pixel_aspect_ratio != 1.0:
        tags["PixelAspectRatio"] = [round(10_000 * radiograph.pixel_aspect_ratio), 10_000]
    return tags


def _image(radiograph: Radiograph) -> dict[str, Value]:
    """Pixels and what turns them into brightness."""
    pixels = np.ascontiguousarray(radiograph.pixels)
    inverted = radiograph.photometric == Photometric.MONOCHROME1
    tags: dict[str, Value] = {
        "Rows": pixels.shape[0],
        "Columns": pixels.shape[1],
        "PhotometricInterpretation": str(radiograph.photometric),
        "BitsAllocated": 8 * pixels.dtype.itemsize,
        "BitsStored": radiograph.bits_stored,
        "HighBit": radiograph.bits_stored - 1,
        "PixelRepresentation": int(pixels.dtype.kind == "i"),
        # -1: high values mean little radiation, as on a film whose bone is stored bright.
        "PixelIntensityRelationshipSign": 1 if inverted else -1,
        "PresentationLUTShape": "INVERSE" if inverted else "IDENTITY",
        "RescaleSlope": _decimal(radiograph.rescale_slope),
        "RescaleIntercept": _decimal(radiograph.rescale_intercept),
        "PixelData": pixels.astype(pixels.dtype.newbyteorder("<")).tobytes() + b"\0" * (pixels.nbytes % 2),
    }
    if radiograph.window is not None:
        tags["WindowCenter"] = _decimal(radiograph.window.center)
        tags["WindowWidth"] = _decimal(radiograph.window.width)
        tags["VOILUTFunction"] = radiograph.window.function
    if (table := radiograph.voi_lut) is not None:
        values = np.round(table.values).astype("<u2")
        # A negative first value is written in two's complement, as unsigned data has no sign.
        form = [len(values) % 65536, round(table.first) % 65536, max(8, int(values.max()).bit_length())]
        tags["VOILUTSequence"] = [{"LUTDescriptor": form, "LUTData": values.tobytes()}]
    return tags


def _decimal(value: float) -> str:
    """DICOM's decimal string holds at most 16 characters."""
    return f"{value:.10g}"
