"""A map of a film as DICOM objects of the film's own study, by highdicom (MIT): for an archive with the film.

A Secondary Capture shows the film under its map with a caption burned in; a Parametric Map (DICOM PS3.3 A.75)
holds the signed attribution itself. Patient and study are copied from the film, names included: who may see
the one may see the others. Both say in pixels or tags what made them, what speaks against them, and that they
are not for diagnosis.
"""

import io
import logging
import textwrap
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import highdicom
import numpy as np
import pydicom
from highdicom.pm import ParametricMap, RealWorldValueMapping
from highdicom.sc import SCImage
from PIL import Image, ImageDraw, ImageFont
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.valuerep import DSfloat, validate_value

from cases.reading.upload import is_dicom
from modeling.errors import StudyError
from modeling.study import Radiograph, ViewPosition

logging.getLogger("highdicom").setLevel(logging.ERROR)  # its warnings quote patients' names

Header = Dataset
"""A DICOM film's tags without its pixels, as `read_header` gives them."""
FILES = ("film_with_map.dcm", "attribution.dcm")
_NAMES = ("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID")
_COPIED = (
    "PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber", "StudyID", "StudyDate",
    "StudyTime", "ReferringPhysicianName",
)  # fmt: skip
"""What every object of a study states (type 2: it may be empty)."""
_ACROSS_AND_DOWN = {ViewPosition.LATERAL: [0, 1, 0, 0, 0, -1]}
_FRONTAL = [1, 0, 0, 0, 0, -1]
"""Directions of an upright film's rows and columns (PS3.3 C.7.6.2): to patient's left or back, and down."""


@dataclass(frozen=True, eq=False)
class FilmMap:
    """One map and all that must be said wherever it is shown.

    Attributes:
        picture: (h, w, 3) uint8, the film under its map.
        attribution: (H, W) float32, in `unit`; of an account signed, and it sums to the film's share.
        unit: such as logits per pixel.
        target: such as appearance/Typical.
        lines: what made it, and what speaks against it; a refusal comes first.
        refused: the film is unlike those that the checkpoint learnt from.
        checkpoint, revision: the model and its weights.
    """

    picture: np.ndarray
    attribution: np.ndarray
    unit: str
    target: str
    lines: Sequence[str]
    refused: bool
    checkpoint: str
    revision: str


def read_header(data: bytes) -> Header:
    """A DICOM film's header, to be copied from, with what DICOM does not allow in it left empty.

    Raises StudyError: it is no DICOM file, or it does not say which image of which study it is.
    """
    if not is_dicom(data):
        raise StudyError("A map as DICOM joins the study of its film; give the film as a DICOM file.")
    header = pydicom.dcmread(io.BytesIO(data), stop_before_pixels=True, force=True)
    if "SOPClassUID" not in header and "MediaStorageSOPClassUID" in header.file_meta:
        header.SOPClassUID = header.file_meta.MediaStorageSOPClassUID
    for keyword in _NAMES:
        if not header.get(keyword):
            unstated = "The DICOM file does not state its {keyword}; export the film again."
            raise StudyError(unstated, keyword=keyword)
    for keyword in _COPIED:
        tag, value = pydicom.tag.Tag(keyword), str(header.get(keyword) or "")
        try:
            validate_value(pydicom.datadict.dictionary_VR(tag), value, pydicom.config.RAISE)
        except ValueError:
            value = ""
        if not value or (keyword == "PatientSex" and value not in ("M", "F", "O")):
            setattr(header, keyword, "")
    return header


def write_map(header: Header, film: Radiograph, found: FilmMap, folder: Path) -> list[Path]:
    """Write both objects into a folder, which is made where it is not there; returns their paths.

    Args:
        header: of the film's file, by `read_header`.

    Raises StudyError: something in the header keeps it from being copied.
    """
    with warnings.catch_warnings(action="ignore"):  # they quote the patient
        try:
            attribution = _parametric_map(header, film, found)
            picture = _secondary_capture(header, film, found)
        except (ValueError, TypeError, KeyError, AttributeError) as exc:  # as highdicom meets a broken header
            raise StudyError("The DICOM file's header cannot be copied; export the film again.") from exc
        picture.SourceImageSequence = attribution.SourceImageSequence
        folder.mkdir(parents=True, exist_ok=True)
        paths = [folder / name for name in FILES]
        for path, written in zip(paths, (picture, attribution), strict=True):
            written.save_as(path, enforce_file_format=True)
    return paths


def _common(found: FilmMap, what: str, number: int) -> dict[str, Any]:
    """What both objects are told alike."""
    refused = "REFUSED, " if found.refused else ""
    return {
        "series_instance_uid": highdicom.UID(),
        "series_number": number,
        "sop_instance_uid": highdicom.UID(),
        "instance_number": 1,
        "series_description": f"{refused}NOT FOR DIAGNOSIS: {what} {found.target}"[:64],
        "manufacturer": "Viewbox",
        "manufacturer_model_name": f"checkpoint {found.checkpoint}"[:64],
        "software_versions": found.revision[:64],
        "device_serial_number": found.revision[:64],
        "specific_character_set": "ISO_IR 192",
    }


def _parametric_map(header: Header, film: Radiograph, found: FilmMap) -> Dataset:
    """The attribution in a frame of reference of its own: a film has none, and the object needs one.

    Its unit of length is the detector's, or the pixel where the file states none.
    """
    plane, values = pydicom.Dataset(header), found.attribution  # a copy that shares its elements
    plane.file_meta = header.file_meta
    plane.Rows, plane.Columns = values.shape
    plane.FrameOfReferenceUID = highdicom.UID()
    plane.ImagePositionPatient = [0, 0, 0]
    plane.ImageOrientationPatient = _ACROSS_AND_DOWN.get(film.view_position, _FRONTAL)
    plane.PixelSpacing = [DSfloat(side, auto_format=True) for side in film.pixel_spacing or (1, 1)]
    plane.SliceThickness = 1
    largest = float(np.abs(values).max()) or 1.0
    mapping = RealWorldValueMapping(
        "ATTRIBUTION",
        found.unit,
        codes.UCUM.NoUnits,
        (float(values.min()), float(values.max())),
        slope=1.0,
        intercept=0.0,
        quantity_definition=codes.DCM.Saliency,
    )
    written = ParametricMap(
        [plane],
        values,
        contains_recognizable_visual_features=False,
        real_world_value_mappings=[mapping],
        voi_lut_transformations=[
            highdicom.VOILUTTransformation(0.0, 2 * largest, voi_lut_function="LINEAR_EXACT")
        ],
        content_label="ATTRIBUTION",
        content_description="Not for diagnosis: what speaks for a class",
        content_qualification="RESEARCH",
        **_common(found, "attribution of", 9702),
    )
    (frame,) = written.PerFrameFunctionalGroupsSequence
    del (
        frame.DerivationImageSequence[0].SourceImageSequence[0].SpatialLocationsPreserved
    )  # a turned film's are not
    return _told(written, found)


def _secondary_capture(header: Header, film: Radiograph, found: FilmMap) -> Dataset:
    """The film under its map, with a title above and the lines below burned in."""
    written = SCImage.from_ref_dataset(
        header,
        _burned_in(found),
        "RGB",
        8,
        "PATIENT",
        patient_orientation=("P", "F") if film.view_position == ViewPosition.LATERAL else ("L", "F"),
        transfer_syntax_uid=pydicom.uid.ExplicitVRLittleEndian,
        **_common(found, "film with map of", 9701),
    )
    written.copy_patient_and_study_information(header)
    written.ConversionType = "WSD"  # by a workstation
    written.BurnedInAnnotation = "YES"
    for keyword in ("LossyImageCompression", "LossyImageCompressionRatio", "LossyImageCompressionMethod"):
        if header.get(keyword):
            setattr(written, keyword, header[keyword].value)
    written.DerivationDescription = f"Not for diagnosis. {found.lines[0]}"[:1024]
    return _told(written, found)


def _told(written: Dataset, found: FilmMap) -> Dataset:
    """All lines as image comments (LT, 10240 characters), and the part of the body."""
    written.ImageComments = "\r\n".join(found.lines)[:10240]
    written.BodyPartExamined = "CHEST"
    return written


def _burned_in(found: FilmMap) -> np.ndarray:
    """(h, w, 3) uint8: the picture between a title and its lines, at least 640 wide so that they fit."""
    height, width = found.picture.shape[:2]
    title, small = ImageFont.load_default(size=26), ImageFont.load_default(size=14)
    wide, above, line = max(width, 640), 40, 20
    lines = [part for text in found.lines for part in textwrap.wrap(text, wide // 8)]
    canvas = Image.new("RGB", (wide, above + height + line * (len(lines) + 1)))
    canvas.paste(Image.fromarray(found.picture), ((wide - width) // 2, above))
    draw = ImageDraw.Draw(canvas)
    heading = "REFUSED: NOT FOR DIAGNOSIS" if found.refused else "NOT FOR DIAGNOSIS"
    draw.text((wide // 2, above // 2), heading, fill=(255, 170, 0), font=title, anchor="mm")
    for number, text in enumerate(lines):
        draw.text((10, above + height + line // 2 + number * line), text, fill="white", font=small)
    return np.asarray(canvas)
