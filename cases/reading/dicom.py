"""Read and check a radiograph in DICOM, and write one.

What leaves this file is a `Radiograph`: pixels and what turns them into brightness, view position and
geometry. Names, dates, numbers and free text are never parsed (`_READ` is all that is), overlays are masked
out of the pixels, and no message quotes a value that a person could have typed.
"""

import io
import logging
import zlib
from collections.abc import Mapping

import numpy as np
import pydicom
from pydicom import uid as uids
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import get_frame
from pydicom.errors import InvalidDicomError
from pydicom.filereader import data_element_generator
from pydicom.pixels import get_decoder

from cases.reading import dicom_tags
from cases.reading.dicom_tags import Tags
from cases.reading.dicom_writing import film_tags
from cases.reading.film_size import MAX_PIXELS, declared_size, run_length_size
from modeling.errors import StudyError
from modeling.sentence import Names, Sentence
from modeling.study import Photometric, Radiograph

logger = logging.getLogger(__name__)

# pydicom's warnings quote the values they complain about, and a log is no place for a patient's name.
pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
logging.getLogger("pydicom").setLevel(logging.ERROR)

_READ = (
    "SOPClassUID", "Modality", "PresentationIntentType", "BodyPartExamined", "ViewPosition",
    "ViewCodeSequence", "Rows", "Columns", "SamplesPerPixel", "NumberOfFrames",
    "PhotometricInterpretation", "PixelData", "BitsAllocated", "BitsStored", "HighBit",
    "PixelRepresentation", "PixelSpacing", "ImagerPixelSpacing", "PixelAspectRatio", "RescaleSlope",
    "RescaleIntercept", "ModalityLUTSequence", "WindowCenter", "WindowWidth", "VOILUTFunction",
    "VOILUTSequence",
)  # fmt: skip
_READ_IN_ITEMS = ("CodeValue", "LUTDescriptor", "LUTData")

_RLE_UNCOUNTED = 8_000_000
"""An RLE frame below this size cannot unfold (64 times at most) into more than 512 MB."""

_NO_DICOM = "This is not a DICOM file; choose a DICOM, PNG or JPEG file of a chest film."
_DAMAGED = "This DICOM file is damaged or cut off; export it again and try once more."


def read_radiograph(data: bytes) -> Radiograph:
    """One gray chest film from a DICOM file, its stored values untouched.

    Read are CR, DX and RG, and gray secondary captures; uncompressed, RLE, JPEG (baseline, extended,
    lossless), JPEG-LS and JPEG 2000. Rescale, window and polarity are passed on, not applied; only a modality
    LUT (DICOM PS3.3 C.11.1), which a `Radiograph` has no place for, is.

    Args:
        data: the whole file.

    Returns:
        (H, W) uint8, uint16, or int16 for signed files; lateral views too, marked as such.

    Raises:
        StudyError: not a DICOM file, damaged, or no single gray chest film of a size that can be handled.
    """
    tags, syntax, pixel_vr = _parse(data)
    dicom_tags.check_kind(tags)
    dicom_tags.check_form(tags)
    _, bits_stored, _, signed = dicom_tags.bit_layout(tags)
    slope, intercept = dicom_tags.rescale(tags)
    aspect = dicom_tags.pixel_aspect_ratio(tags)
    pixels = _stored_values(tags, syntax, pixel_vr)
    if dicom_tags.sequence(tags, "ModalityLUTSequence"):
        pixels, bits_stored = _through_modality_lut(tags, pixels)
        slope, intercept = 1.0, 0.0
    return Radiograph(
        pixels=pixels,
        bits_stored=bits_stored,
        photometric=Photometric(dicom_tags.code(tags, "PhotometricInterpretation")),
        rescale_slope=slope,
        rescale_intercept=intercept,
        window=dicom_tags.window(tags),
        voi_lut=dicom_tags.voi_lut(tags, signed=signed or intercept < 0),
        view_position=dicom_tags.view_position(tags),
        pixel_aspect_ratio=aspect,
        pixel_spacing=dicom_tags.pixel_spacing(tags),
    )


# --- the file ----------------------------------------------------------------------------------------------


def _parse(data: bytes) -> tuple[Tags, uids.UID, str]:
    """The tags in `_READ` as plain values, the transfer syntax, and how the pixel data is typed."""
    if len(data) < 132 or data[128:132] != b"DICM":
        raise StudyError(_NO_DICOM)
    try:
        _refuse_inflation(data)
        dataset = pydicom.dcmread(io.BytesIO(data), specific_tags=list(_READ))
        syntax = uids.UID(str(dataset.file_meta.get("TransferSyntaxUID", "")))
        storage = str(dataset.file_meta.get("MediaStorageSOPClassUID", ""))
        pixel_vr = dataset["PixelData"].VR if "PixelData" in dataset else "OW"
        tags = _plain(dataset, _READ)
    except StudyError:
        raise
    except InvalidDicomError as exc:
        raise StudyError(_NO_DICOM) from exc
    except Exception as exc:  # pydicom reports a broken file with whatever its parser stumbles over
        raise StudyError(_DAMAGED) from exc
    if storage == uids.MediaStorageDirectoryStorage:
        raise StudyError("This is the index of a DICOM disc (DICOMDIR); choose an image file beside it.")
    return tags, syntax, pixel_vr


def _plain(dataset: Dataset, keywords: tuple[str, ...]) -> Tags:
    tags: dict[str, tuple | bytes | None] = {}
    for keyword in keywords:
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


def _refuse_inflation(data: bytes) -> None:
    """A deflated file may unfold a thousandfold, and pydicom unfolds it while it reads."""
    stream = io.BytesIO(data)
    stream.seek(132)
    meta = data_element_generator(stream, False, True, stop_when=lambda tag, _vr, _length: tag.group != 2)
    values = {int(element.tag): element.value for element in meta}
    if (values.get(0x00020010) or b"").strip(b"\0 ") != uids.DeflatedExplicitVRLittleEndian.encode():
        return
    limit = 2 * MAX_PIXELS + 16_000_000
    inflated = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data[stream.tell() :], limit + 1)
    if len(inflated) > limit:
        raise StudyError("This DICOM file unfolds into too much data; export it uncompressed and try again.")


# --- pixels ------------------------------------------------------------------------------------------------


def _stored_values(tags: Tags, syntax: uids.UID, pixel_vr: str) -> np.ndarray:
    """(H, W) stored values: the bits up to the high bit alone, signed ones sign-extended."""
    allocated, bits, high, signed = dicom_tags.bit_layout(tags)
    decoded = _decode(tags, syntax, pixel_vr)
    words = decoded.astype(decoded.dtype.newbyteorder("="), copy=False)
    unsigned = np.uint8 if words.dtype.itemsize == 1 else np.uint16
    values = (words.view(unsigned) >> (high + 1 - bits)) & unsigned((1 << bits) - 1)
    if signed:
        sign = 1 << (bits - 1)
        return ((values.astype(np.int32) ^ sign) - sign).astype(np.int16)
    return values.astype(np.uint8 if allocated == 8 else np.uint16, copy=False)


def _decode(tags: Tags, syntax: uids.UID, pixel_vr: str) -> np.ndarray:
    """(H, W) as the decoder returns it, bits outside the stored ones included."""
    allocated, bits, _, signed = dicom_tags.bit_layout(tags)
    rows, columns = dicom_tags.integer(tags, "Rows"), dicom_tags.integer(tags, "Columns")
    buffer = tags["PixelData"]
    try:
        decoder = get_decoder(syntax)
        plugin = _plugin(syntax, decoder.available_plugins, bits)
    except NotImplementedError as exc:
        raise StudyError(_unreadable(syntax)) from exc
    if not decoder.is_available:
        raise StudyError(_unreadable(syntax))
    try:
        if syntax.is_encapsulated:
            _check_frame(get_frame(buffer, 0, number_of_frames=1), syntax, rows, columns)
        pixels, _ = decoder.as_array(
            buffer,
            index=0,
            raw=True,
            decoding_plugin=plugin,
            correct_unused_bits=False,
            rows=rows,
            columns=columns,
            samples_per_pixel=1,
            photometric_interpretation=dicom_tags.code(tags, "PhotometricInterpretation"),
            bits_allocated=allocated,
            bits_stored=bits,
            pixel_representation=int(signed),
            number_of_frames=1,
            pixel_keyword="PixelData",
            pixel_vr=pixel_vr,
        )
    except StudyError:
        raise
    except Exception as exc:  # every decoder has errors of its own
        raise StudyError(_DAMAGED) from exc
    if pixels.shape != (rows, columns) or pixels.dtype.itemsize > 2:
        raise StudyError(_DAMAGED)
    return pixels


def _plugin(syntax: uids.UID, available: tuple[str, ...], bits: int) -> str:
    """Pillow where it can read the syntax, so that a laxer decoder does not try what it refused."""
    deep = syntax == uids.JPEGExtended12Bit and bits > 8
    return "pillow" if "pillow" in available and not deep else ""


def _unreadable(syntax: uids.UID) -> Sentence:
    private = Names("file", "a transfer syntax that is not standard")
    name = syntax.name if syntax.name != str(syntax) else private
    return Sentence(
        "This DICOM file is compressed with {syntax}; export it uncompressed or as JPEG 2000 and try again.",
        syntax=name,
    )


def _check_frame(frame: bytes, syntax: uids.UID, rows: int, columns: int) -> None:
    """Refuse a compressed frame that would unfold into anything but one (rows, columns) film."""
    if syntax == uids.RLELossless:
        limit = 3 * rows * columns  # two bytes a pixel, and some padding
        if len(frame) > _RLE_UNCOUNTED and run_length_size(frame[64:], limit) > limit:
            raise StudyError(_DAMAGED)
    elif declared_size(frame) != (rows, columns, 1):
        raise StudyError(_DAMAGED)


def _through_modality_lut(tags: Tags, pixels: np.ndarray) -> tuple[np.ndarray, int]:
    """Stored values through the file's own table: (H, W) uint16, and the bits of an output."""
    signed = dicom_tags.bit_layout(tags)[3]
    table = dicom_tags.look_up_table(dicom_tags.sequence(tags, "ModalityLUTSequence")[0], signed=signed)
    if table is None:
        raise StudyError("The DICOM file's modality LUT cannot be read; export the film again.")
    first, values, bits = table
    return values[np.clip(pixels.astype(np.int32) - first, 0, len(values) - 1)], bits


# --- writing -----------------------------------------------------------------------------------------------


def encode_radiograph(
    radiograph: Radiograph,
    *,
    case_id: str,
    synthetic: bool,
    sex: str | None = None,
    age: float | None = None,
) -> bytes:
    """A film as an uncompressed DX image; `read_radiograph` gives the same film back.

    The same film and case ID give the same bytes: UIDs come from their hash, and no date is written.

    Args:
        case_id: stands as patient ID; a pseudonym of 1 to 64 characters.
        synthetic: marks a computed film in its tags (`film_tags`).
        sex: "female", "male" or None.
        age: in years, or None.
    """
    assert 0 < len(case_id) <= 64 and "\\" not in case_id, case_id
    dataset = _dataset(film_tags(radiograph, case_id=case_id, synthetic=synthetic, sex=sex, age=age))
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
