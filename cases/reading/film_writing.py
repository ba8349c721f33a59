"""The tags of a film that Viewbox writes: a DX image (DICOM PS3.3 A.26) that names nobody."""

import hashlib
import json
import uuid
from pathlib import Path

import numpy as np

from modeling.study import Photometric, Radiograph, ViewPosition, VoiLut

Value = str | int | float | bytes | list
_FIXED = json.loads(Path(__file__).with_name("film_tags.json").read_text(encoding="utf-8"))
"""The tags that are the same on every film, and on every computed one."""
_VIEWS = {  # position -> defined term, SNOMED CT code and its meaning (DICOM PS3.16 CID 4010)
    ViewPosition.PA: ("PA", "272479007", "postero-anterior"),
    ViewPosition.AP: ("AP", "399348003", "antero-posterior"),
    ViewPosition.LATERAL: ("LL", "399173006", "left lateral"),
}


def film_tags(
    radiograph: Radiograph, *, case_id: str, synthetic: bool, sex: str | None, age: float | None
) -> dict[str, Value]:
    """DICOM keyword -> value for a film; a list of such dictionaries for a sequence.

    A synthetic film says so in its patient name, series description, image type, comments and
    (0008,001C) Synthetic Data. A film for presentation should carry a window or a VOI LUT; none is invented.
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
    term, code, meaning = _VIEWS.get(radiograph.view_position, ("", "", ""))
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
    if radiograph.voi_lut is not None:
        tags["VOILUTSequence"] = [_look_up_table(radiograph.voi_lut)]
    return tags


def _look_up_table(table: VoiLut) -> dict[str, Value]:
    """A negative first value is written in two's complement, as unsigned data has no sign."""
    values = np.round(table.values).astype("<u2")
    bits = max(8, int(values.max()).bit_length())
    return {
        "LUTDescriptor": [len(values) % 65536, round(table.first) % 65536, bits],
        "LUTData": values.tobytes(),
    }


def _decimal(value: float) -> str:
    """DICOM's decimal string holds at most 16 characters."""
    return f"{value:.10g}"
