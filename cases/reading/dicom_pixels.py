"""Pixel data of a DICOM file: decoded within bounds, gray, and without padding.

What a file's tags say of its bits is checked against the bits; where they cannot be meant, a note says so.
"""

import logging
from typing import Any

import numpy as np
from PIL import Image
from pydicom import uid as uids
from pydicom.encaps import get_frame
from pydicom.pixels import get_decoder

from cases.reading import dicom_tags
from cases.reading.dicom_tags import Tags
from cases.reading.film_limits import declared_size, gray_values, run_length_size
from modeling.errors import StudyError
from modeling.sentence import Names, Sentence

logger = logging.getLogger(__name__)
DAMAGED = "This DICOM file is damaged or cut off; export it again and try once more."

_RLE_UNCOUNTED = 8_000_000
"""An RLE frame below this size cannot unfold (64 times at most) into more than 512 MB."""


def gray_frame(tags: Tags, syntax: uids.UID, pixel_vr: str) -> tuple[np.ndarray, int, list[Sentence]]:
    """(H, W) stored gray values, the bits of one, and notes.

    Raises StudyError: damaged, compressed in an unknown way, or in colour.
    """
    photometric = dicom_tags.code(tags, "PhotometricInterpretation")
    decoded = _decode(tags, syntax, pixel_vr)
    if photometric == "PALETTE COLOR" or dicom_tags.samples_of(photometric) == 3:
        gray = _gray_of_colours(_through_palette(tags, decoded) if decoded.ndim == 2 else decoded)
        return gray, 8 * gray.dtype.itemsize, []
    values, bits = _stored_values(tags, decoded), dicom_tags.bit_layout(tags)[1]
    # A decoder of compressed pixels has obeyed the tags already.
    meant = None if syntax.is_encapsulated else _bits_that_are_meant(tags, decoded, values)
    if meant is None:
        return values, bits, []
    said = "BitsStored is {stored}, but the pixels have {bits} bits; they were read as they are."
    return meant, 8 * meant.dtype.itemsize, [Sentence(said, stored=bits, bits=8 * meant.dtype.itemsize)]


def without_padding(tags: Tags, pixels: np.ndarray, *, dark_is_high: bool) -> np.ndarray:
    """The film with what PixelPaddingValue marks turned into its darkest value, which may be a high one."""
    first = dicom_tags.numbers(tags, "PixelPaddingValue")
    if not first:
        return pixels
    last = dicom_tags.numbers(tags, "PixelPaddingRangeLimit") or first
    _, bits, high, signed = dicom_tags.bit_layout(tags)
    mask = (1 << bits) - 1
    ends = sorted(
        v if signed or v <= mask else int(v) >> (high + 1 - bits) & mask for v in (first[0], last[0])
    )
    padding = (pixels >= ends[0]) & (pixels <= ends[1])
    film = pixels[~padding]
    if not padding.any() or film.size < pixels.size / 100:
        return pixels
    return np.where(padding, film.max() if dark_is_high else film.min(), pixels).astype(pixels.dtype)


def through_modality_lut(tags: Tags, item: Tags, pixels: np.ndarray) -> tuple[np.ndarray, int]:
    """(H, W) uint16 stored values through the file's own table, if it makes sense, and an output's bits."""
    table = dicom_tags.look_up_table(item, signed=dicom_tags.bit_layout(tags)[3])
    if table is None:
        raise StudyError("The DICOM file's modality LUT cannot be read; export the film again.")
    first, values, bits = table
    return values[np.clip(pixels.astype(np.int32) - first, 0, len(values) - 1)], bits


# --- bits --------------------------------------------------------------------------------------------------


def _stored_values(tags: Tags, decoded: np.ndarray) -> np.ndarray:
    """(H, W) stored values: the bits up to the high bit alone, signed ones sign-extended."""
    allocated, bits, high, signed = dicom_tags.bit_layout(tags)
    words = decoded.astype(decoded.dtype.newbyteorder("="), copy=False)
    unsigned = np.uint8 if words.dtype.itemsize == 1 else np.uint16
    values = (words.view(unsigned) >> (high + 1 - bits)) & unsigned((1 << bits) - 1)
    if signed:
        sign = 1 << (bits - 1)
        return ((values.astype(np.int32) ^ sign) - sign).astype(np.int16)
    return values.astype(np.uint8 if allocated == 8 else np.uint16, copy=False)


def _bits_that_are_meant(tags: Tags, decoded: np.ndarray, values: np.ndarray) -> np.ndarray | None:
    """The words as they are, where the bits above the high bit belong to the film; None where they do not.

    Overlays lie there too, and masking takes them off: the smoother of the two pictures is the film.
    """
    allocated, bits, high, signed = dicom_tags.bit_layout(tags)
    if bits == allocated or high + 1 == allocated:
        return None
    words = decoded.astype(decoded.dtype.newbyteorder("="), copy=False)
    whole = words.view(np.int16 if signed else np.uint16)
    if whole.dtype.itemsize != 2 or not (whole != values).any():
        return None
    return whole if _roughness(whole) < 0.5 * _roughness(values) else None


def _roughness(values: np.ndarray) -> float:
    """The mean step between neighbours, in standard deviations of the picture."""
    sample = values[:: max(1, values.shape[0] // 512)].astype(np.float32)
    return float(np.abs(np.diff(sample, axis=1)).mean() / (sample.std() + 1e-6))


# --- colour ------------------------------------------------------------------------------------------------


def _gray_of_colours(colours: np.ndarray) -> np.ndarray:
    """(H, W, 3) -> (H, W): equal channels at their own depth, a slight tint at 8 bits; colour is refused."""
    if (colours == colours[..., :1]).all():
        return np.ascontiguousarray(colours[..., 0])
    shown = colours if colours.dtype == np.uint8 else (colours >> 8).astype(np.uint8)
    return gray_values(Image.fromarray(shown, "RGB"))


def _through_palette(tags: Tags, index: np.ndarray) -> np.ndarray:
    """(H, W) palette numbers -> (H, W, 3) uint8 or uint16. Raises StudyError: a palette makes no sense."""
    channels = []
    for name in ("Red", "Green", "Blue"):
        keyword = f"{name}PaletteColorLookupTable"
        item = {"LUTDescriptor": tags.get(f"{keyword}Descriptor"), "LUTData": tags.get(f"{keyword}Data")}
        table = dicom_tags.look_up_table(item, signed=False)
        if table is None:
            unusable = "The DICOM file's {keyword} cannot be used; export the film again."
            raise StudyError(unusable, keyword=keyword)
        first, values, bits = table
        channel = values[np.clip(index.astype(np.int32) - first, 0, len(values) - 1)]
        channels.append(channel.astype(np.uint8 if bits == 8 else np.uint16))
    return np.stack(channels, axis=-1)


# --- decoding ----------------------------------------------------------------------------------------------


def _decode(tags: Tags, syntax: uids.UID, pixel_vr: str) -> np.ndarray:
    """(H, W) as the decoder returns it, bits outside the stored ones included; (H, W, 3) RGB in colour."""
    form = _form(tags)
    size = form["rows"], form["columns"], form["samples_per_pixel"]
    coloured = size[2] == 3
    try:
        decoder = get_decoder(syntax)
        # Pillow where it can read the syntax, so that a laxer decoder does not try what it refused.
        deep = syntax == uids.JPEGExtended12Bit and form["bits_stored"] > 8
        plugin = "pillow" if "pillow" in decoder.available_plugins and not deep else ""
    except NotImplementedError as exc:
        raise StudyError(_unreadable(syntax)) from exc
    if not decoder.is_available:
        raise StudyError(_unreadable(syntax))
    try:
        if syntax.is_encapsulated:
            _check_frame(get_frame(tags["PixelData"], 0, number_of_frames=1), syntax, size)
        options = {"raw": not coloured, "as_rgb": coloured, "decoding_plugin": plugin, "pixel_vr": pixel_vr}
        pixels, _ = decoder.as_array(tags["PixelData"], index=0, **options, **form)
    except (StudyError, MemoryError):
        raise
    except Exception as exc:  # every decoder has errors of its own
        logger.info("A film of %s cannot be decoded (%s).", syntax.name, type(exc).__name__)
        raise StudyError(DAMAGED) from exc
    if pixels.shape[:2] != size[:2] or pixels.ndim != 2 + coloured or pixels.dtype.itemsize > 2:
        raise StudyError(DAMAGED)
    return pixels


def _form(tags: Tags) -> dict[str, Any]:
    """One frame's size, bits and colours, in the decoder's words."""
    allocated, bits, _, signed = dicom_tags.bit_layout(tags)
    photometric = dicom_tags.code(tags, "PhotometricInterpretation")
    samples = dicom_tags.samples_of(photometric)
    return {
        "rows": dicom_tags.integer(tags, "Rows"),
        "columns": dicom_tags.integer(tags, "Columns"),
        "samples_per_pixel": samples,
        "planar_configuration": dicom_tags.integer(tags, "PlanarConfiguration", 0) if samples == 3 else None,
        "photometric_interpretation": photometric,
        "bits_allocated": allocated,
        "bits_stored": bits,
        "pixel_representation": int(signed),
        "correct_unused_bits": False,
        "number_of_frames": 1,
        "pixel_keyword": "PixelData",
    }


def _unreadable(syntax: uids.UID) -> Sentence:
    private = Names("file", "a transfer syntax that is not standard")
    name = syntax.name if syntax.name != str(syntax) else private
    return Sentence(
        "This DICOM file is compressed with {syntax}; export it uncompressed or as JPEG 2000 and try again.",
        syntax=name,
    )


def _check_frame(frame: bytes, syntax: uids.UID, size: tuple[int, int, int]) -> None:
    """Refuse a compressed frame that would unfold into anything but one film of (rows, columns, channels)."""
    if syntax == uids.RLELossless:
        limit = 3 * size[0] * size[1] * size[2]  # two bytes a pixel, and some padding
        if len(frame) > _RLE_UNCOUNTED and run_length_size(frame[64:], limit) > limit:
            raise StudyError(DAMAGED)
    elif declared_size(frame) != size:
        raise StudyError(DAMAGED)
