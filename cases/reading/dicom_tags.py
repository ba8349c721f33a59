"""The meaning of a DICOM file's tags: is it a chest film, and how do its values become brightness?

Tags come as plain values (`Tags`), read by `cases.reading.dicom`. Optional ones that make no sense (a pixel
spacing of 0, a window without width) are taken as missing; those that decide what is seen are refused.
"""

import hashlib
import json
import math
import re
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Literal

import numpy as np

from cases.reading.film_limits import check_film_size
from modeling.errors import StudyError
from modeling.sentence import Names, Sentence
from modeling.study import Acquisition, Photometric, ViewPosition, VoiLut, Window

Tags = Mapping[str, tuple | bytes | None]
"""DICOM keyword -> its values: a tuple of text or numbers (of `Tags` for a sequence), bytes for binary data,
or None for a tag that is there and cannot be read."""

TERMS = json.loads(Path(__file__).with_name("dicom_terms.json").read_text(encoding="utf-8"))
"""DICOM's own terms and those that files use: storage classes of films and, by the first parts of UIDs
(PS3.4 B.5), of other kinds; body parts without the lungs (PS3.16 annex L; a word that is not there passes);
views in codes of SNOMED CT and the retired SNOMED-RT (PS3.16 CID 4010) and in words; the tags to read."""
PROCESSING_CLASS = "1.2.840.10008.5.1.4.1.1.1.1.1"
COLOURED = tuple(TERMS["colours"])
"""Photometric interpretations in which a gray film is stored too."""
_STORAGE_CLASSES = "1.2.840.10008.5.1.4."
_OTHER_MODALITIES: dict[str, str] = TERMS["other modalities"]
_VIEW_WORDS = {ViewPosition(view): set(words) for view, words in TERMS["view words"].items()}
_BESIDE = {ViewPosition.PA, ViewPosition.AP, ViewPosition.LATERAL}
"""Views that a decubitus or oblique one may be named beside: "LATERAL DECUBITUS", "PA OBLIQUE"."""

_ASPECT_LIMIT = 8.0


# --- single values -----------------------------------------------------------------------------------------


def code(tags: Tags, keyword: str) -> str:
    """The first value in capitals, or "" where there is none."""
    values = tags.get(keyword)
    return str(values[0]).strip().upper() if isinstance(values, tuple) and values else ""


def numbers(tags: Tags, keyword: str) -> tuple[float, ...]:
    """All values as finite numbers, or () where there are none or one of them is no number."""
    values = tags.get(keyword)
    if not isinstance(values, tuple):
        return ()
    try:
        found = tuple(float(value) for value in values)
    except (TypeError, ValueError, OverflowError):
        return ()
    return found if all(math.isfinite(value) for value in found) else ()


def integer(tags: Tags, keyword: str, default: int | None = None) -> int:
    """The first value as a whole number; StudyError where it is missing without a default, or unreadable."""
    if not tags.get(keyword, ()) and default is not None and tags.get(keyword, ()) is not None:
        return default
    found = numbers(tags, keyword)
    if not found or found[0] != int(found[0]):
        unstated = "The DICOM file does not state its {keyword}; export the film again."
        raise StudyError(unstated, keyword=keyword)
    return int(found[0])


def sequence(tags: Tags, keyword: str) -> tuple[Tags, ...]:
    """The items of a sequence, () where there is none."""
    values = tags.get(keyword)
    return tuple(item for item in values if isinstance(item, Mapping)) if isinstance(values, tuple) else ()


# --- is it a chest film? -----------------------------------------------------------------------------------


def check_kind(tags: Tags) -> None:
    """Refuse anything but a presentable radiograph of the chest, by what the file says it is."""
    modality, storage = code(tags, "Modality"), code(tags, "SOPClassUID")
    film_class = storage in TERMS["film classes"]
    foreign = storage.startswith(_STORAGE_CLASSES) and not film_class
    other = modality in _OTHER_MODALITIES  # an old mammogram is a CR image, and a capture may be of anything
    if other or foreign or not (film_class or modality in TERMS["film modalities"]):
        classes = TERMS["other classes"].items()
        by_class = next((m for uid, m in classes if f"{storage}.".startswith(f"{uid}.")), "")
        name = _OTHER_MODALITIES.get(modality) or _OTHER_MODALITIES.get(by_class, "no radiograph")
        kind = Names("file", name)
        raise StudyError("This DICOM file holds {kind}; choose a chest radiograph (CR or DX).", kind=kind)
    if storage == PROCESSING_CLASS or code(tags, "PresentationIntentType") == "FOR PROCESSING":
        raise StudyError(
            "This DICOM file holds the detector's raw values (FOR PROCESSING);"
            " export the film FOR PRESENTATION and try again."
        )
    words = re.findall("[A-Z]+", code(tags, "BodyPartExamined"))
    part = next((word for word in ("".join(words), *words) if word in TERMS["other parts"]), "")
    if part and not any(chest in word for word in words for chest in TERMS["chest words"]):
        raise StudyError("This radiograph shows another body part ({part}); choose a chest film.", part=part)


def check_form(tags: Tags) -> None:
    """Refuse anything but one gray frame of a size that can be handled."""
    if integer(tags, "NumberOfFrames", 1) > 1:
        raise StudyError("This DICOM file holds several frames; export the single chest film and try again.")
    if not tags.get("PixelData"):
        raise StudyError("This DICOM file holds no image (no pixel data); export the film with its pixels.")
    photometric = code(tags, "PhotometricInterpretation")
    if not photometric:
        integer(tags, "PhotometricInterpretation")
    if photometric not in (*Photometric, *COLOURED):
        raise _wrong("PhotometricInterpretation", photometric, "MONOCHROME1 or MONOCHROME2")
    samples, wanted = integer(tags, "SamplesPerPixel", 1), samples_of(photometric)
    if samples != wanted:
        raise _wrong("SamplesPerPixel", str(samples), f"{wanted} for {photometric}")
    check_film_size(integer(tags, "Rows"), integer(tags, "Columns"), samples * bit_layout(tags)[0] / 8)


def samples_of(photometric: str) -> int:
    """Values of one pixel."""
    return 1 if photometric in (*Photometric, "PALETTE COLOR") else 3


_QUOTABLE = r"-?\d{1,6}|MONOCHROME\w{0,2}|(ARGB|CMYK|HSV|RGB|XYB|YBR|PALETTE)\w{0,12}"


def _wrong(keyword: str, found: str, wanted: str) -> StudyError:
    """The refusal of a file for one tag; what stands in it is quoted only where it can be no free text."""
    quoted = found if re.fullmatch(_QUOTABLE, found) else Sentence("something else")
    said = "The DICOM file's {keyword} is {found}, not {wanted}; export the film again."
    return StudyError(said, keyword=keyword, found=quoted, wanted=wanted)


def bit_layout(tags: Tags) -> tuple[int, int, int, bool]:
    """(bits allocated, bits stored, high bit, whether values are signed) of a pixel.

    Raises StudyError: not 8 to 16 bits in a byte or a word.
    """
    allocated = integer(tags, "BitsAllocated")
    stored = integer(tags, "BitsStored", allocated)
    high = integer(tags, "HighBit", stored - 1)
    if allocated not in (8, 16):
        raise _wrong("BitsAllocated", str(allocated), "8 or 16 (a radiograph has 8 to 16 bits per pixel)")
    if not 8 <= stored <= allocated:
        raise _wrong(
            "BitsStored", str(stored), f"8 to {allocated}, as a radiograph has 8 to 16 bits per pixel"
        )
    if not stored <= high + 1 <= allocated:
        raise _wrong("HighBit", str(high), f"{stored - 1} (a radiograph has 8 to 16 bits per pixel)")
    return allocated, stored, high, integer(tags, "PixelRepresentation", 0) == 1


# --- from stored values to brightness ----------------------------------------------------------------------


def rescale(tags: Tags) -> tuple[float, float]:
    """(slope, intercept); 1 and 0 where the file states none.

    Raises StudyError: one that cannot be read, or would flatten or overflow the film.
    """
    found = []
    for keyword, default in (("RescaleSlope", 1.0), ("RescaleIntercept", 0.0)):
        values = numbers(tags, keyword)
        unreadable = not values and tags.get(keyword, ()) != ()
        if unreadable or (values and abs(values[0]) > 1e6):
            unusable = "The DICOM file's {keyword} cannot be used; export the film again."
            raise StudyError(unusable, keyword=keyword)
        found.append(values[0] if values else default)
    if abs(found[0]) < 1e-9:
        raise StudyError("The DICOM file's RescaleSlope is 0; export the film again.")
    return found[0], found[1]


def window(tags: Tags) -> Window | None:
    """The first VOI window; None where there is none that has a width."""
    centers, widths = numbers(tags, "WindowCenter"), numbers(tags, "WindowWidth")
    stated = code(tags, "VOILUTFunction")
    function: Literal["LINEAR", "LINEAR_EXACT", "SIGMOID"] = "LINEAR"
    if stated == "SIGMOID" or stated == "LINEAR_EXACT":
        function = stated
    if not centers or not widths or widths[0] < (1 if function == "LINEAR" else 1e-6):
        return None
    return Window(centers[0], widths[0], function)


def look_up_table(item: Tags, *, signed: bool) -> tuple[int, np.ndarray, int] | None:
    """One item of a LUT sequence (DICOM PS3.3 C.11.1.1); None where it makes no sense.

    `signed`: the first mapped value may be negative; explicit files often write it as unsigned. Returned are
    that value, (n,) uint16 outputs and the bits of one.
    """
    descriptor = numbers(item, "LUTDescriptor")
    if len(descriptor) != 3:
        return None
    entries, first, bits = (int(value) for value in descriptor)
    entries = entries % 65536 or 65536
    if signed and first > 32767:
        first -= 65536
    data = item.get("LUTData")
    if isinstance(data, bytes):
        values = np.frombuffer(data[: 2 * entries], "<u2" if len(data) >= 2 * entries else "u1")
    else:
        values = np.asarray(numbers(item, "LUTData"))
    if len(values) < entries or not 8 <= bits <= 16:
        return None
    values = values[:entries].astype(np.int64)
    if values.min() < 0 or values.max() > 65535:
        return None
    return first, values.astype(np.uint16), bits


def voi_lut(tags: Tags, *, signed: bool) -> VoiLut | None:
    """The first VOI look-up table, in rescaled values; None where there is none that can be read."""
    for item in sequence(tags, "VOILUTSequence")[:1]:
        table = look_up_table(item, signed=signed)
        if table is not None:
            return VoiLut(first=float(table[0]), values=table[1])
    return None


# --- geometry ----------------------------------------------------------------------------------------------


def view_position(tags: Tags) -> ViewPosition:
    """From the tag, the view code, where the rows run to, and last the words of the series, in this order."""
    for found in (
        _view_in(code(tags, "ViewPosition")),
        *(_view_of(item) for item in sequence(tags, "ViewCodeSequence")[:1]),
        ViewPosition.LATERAL if code(tags, "PatientOrientation")[:1] in ("A", "P") else None,
        *(_view_in(code(tags, keyword)) for keyword in ("SeriesDescription", "ProtocolName")),
    ):
        if found is not None:
            return found
    return ViewPosition.UNKNOWN


def _view_in(text: str) -> ViewPosition | None:
    """The view that a text names; None where it names none, or several."""
    words = set(re.findall("[A-Z]+", text))
    named = {view for view, known in _VIEW_WORDS.items() if words & known}
    named = named - _BESIDE or named
    return named.pop() if len(named) == 1 else None


def _view_of(item: Tags) -> ViewPosition | None:
    """A view code, with its modifiers, by its value or by the words of its meaning."""
    for part in (*sequence(item, "ViewModifierCodeSequence"), item):
        view = TERMS["view codes"].get(code(part, "CodeValue"))
        found = ViewPosition(view) if view else _view_in(code(part, "CodeMeaning"))
        if found is not None:
            return found
    return None


def acquisition(tags: Tags) -> Acquisition:
    """Whose film it is and when it was taken, without a name, an ID or a UID in it."""
    dates = (re.match(r"\d{8}", code(tags, keyword)) for keyword in TERMS["dates"])
    day = next((day for found in dates if found and (day := _day(found[0])) is not None), None)
    side = code(tags, "ImageLaterality") or code(tags, "Laterality")
    whose = [code(tags, keyword) for keyword in ("PatientID", "IssuerOfPatientID")]
    patient = _hash("\0".join(whose)) if whose[0] else ""
    return Acquisition(patient, _hash(code(tags, "StudyInstanceUID")), day, side if side in "LRB" else "")


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:32] if text else ""


def _day(digits: str) -> int | None:
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:])).toordinal()
    except ValueError:
        return None


def pixel_spacing(tags: Tags) -> tuple[float, float] | None:
    """Millimetres (row, column): calibrated where the file has that, else at the detector."""
    for keyword in ("PixelSpacing", "ImagerPixelSpacing"):
        found = numbers(tags, keyword)
        if len(found) == 2 and min(found) >= 1e-3 and max(found) <= 100:
            return found[0], found[1]
    return None


def pixel_aspect_ratio(tags: Tags) -> float:
    """Height of a pixel over its width, from the spacing, else from its own tag, else 1.

    Raises StudyError: a pixel more than 8 times as long as wide, which no detector has.
    """
    pair = pixel_spacing(tags) or numbers(tags, "PixelAspectRatio")
    if len(pair) != 2 or min(pair) <= 0:
        return 1.0
    ratio = pair[0] / pair[1]
    if not 1 / _ASPECT_LIMIT <= ratio <= _ASPECT_LIMIT:
        raise StudyError("The DICOM file states an impossible pixel shape; export the film again.")
    return ratio
