"""DICOM in and out: real films bit for bit, every refusal in a sentence, nothing personal kept."""

import dataclasses
import datetime
import io
import logging
import random
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    MPEG2MPML,
    UID,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    RLELossless,
)

from cases.reading.dicom import encode_radiograph, read_radiograph
from cases.reading.film_limits import declared_size, run_length_size
from cases.reading.orientation import frontal_likeness
from cases.reading.upload import read_upload
from modeling.errors import StudyError
from modeling.study import Acquisition, Photometric, Radiograph, ViewPosition, VoiLut, Window

CR = "1.2.840.10008.5.1.4.1.1.1"
PLANTED = ("Musterfrau", "Erika", "19580412", "PID-778812", "Dr. Quincy", "Saint Elsewhere", "ACC-5566")


def real_file(name: str) -> str:
    path = get_testdata_file(name, download=False)
    if path is None:
        pytest.skip(f"{name} is part of the pydicom-data package, which is not installed")
    return path


def saved(dataset: Dataset) -> bytes:
    stream = io.BytesIO()
    pydicom.dcmwrite(stream, dataset)
    return stream.getvalue()


def film(pixels: np.ndarray | None = None, syntax: UID = ExplicitVRLittleEndian, **tags: object) -> bytes:
    """A small CR film; a tag of None is left out."""
    pixels = np.arange(64 * 80, dtype=np.uint16).reshape(64, 80) % 4096 if pixels is None else pixels
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.MediaStorageSOPClassUID = CR
    dataset.file_meta.MediaStorageSOPInstanceUID = "2.25.1"
    values = {
        "SOPClassUID": CR,
        "SOPInstanceUID": "2.25.1",
        "Modality": "CR",
        "Rows": pixels.shape[0],
        "Columns": pixels.shape[1],
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "BitsAllocated": 8 * pixels.dtype.itemsize,
        "BitsStored": 8 if pixels.dtype.itemsize == 1 else 12,
        "HighBit": 7 if pixels.dtype.itemsize == 1 else 11,
        "PixelRepresentation": 0,
        "PixelData": pixels.tobytes(),
    }
    for keyword, value in {**values, **tags}.items():
        if value is not None:
            setattr(dataset, keyword, value)
    if "PixelData" in dataset:
        dataset["PixelData"].VR = "OW"
        dataset["PixelData"].is_undefined_length = syntax.is_encapsulated
    stream = io.BytesIO()
    pydicom.dcmwrite(stream, dataset, enforce_file_format=True)
    return stream.getvalue()


def as_film(name: str) -> tuple[bytes, np.ndarray]:
    """A real file of another modality relabelled as CR, and its pixels as pydicom decodes them."""
    dataset = pydicom.dcmread(real_file(name))
    pixels = dataset.pixel_array
    dataset.Modality, dataset.SOPClassUID, dataset.BodyPartExamined = "CR", CR, "CHEST"
    return saved(dataset), pixels


def refusal(data: bytes) -> str:
    with pytest.raises(StudyError) as caught:
        read_radiograph(data)
    return str(caught.value)


# --- real films --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["RG1_UNCR.dcm", "RG1_UNCI.dcm", "RG1_J2KR.dcm", "RG1_J2KI.dcm"])
def test_a_real_chest_film_keeps_every_stored_value(name: str) -> None:
    path = real_file(name)
    with open(path, "rb") as file:
        radiograph = read_radiograph(file.read())
    expected = pydicom.dcmread(path).pixel_array
    assert radiograph.pixels.dtype == np.uint16
    assert np.array_equal(radiograph.pixels, expected)
    assert radiograph.shape == (1955, 1841)
    assert radiograph.bits_stored == 15
    assert radiograph.photometric is Photometric.MONOCHROME1
    assert radiograph.view_position is ViewPosition.PA
    assert radiograph.window == Window(15000.0, 30000.0, "LINEAR")
    assert radiograph.pixel_spacing is None, "the file states a spacing of 0.000"


def test_lossless_compression_gives_the_uncompressed_film() -> None:
    films = [read_radiograph(Path(real_file(name)).read_bytes()) for name in ("RG1_UNCR.dcm", "RG1_J2KR.dcm")]
    assert films[0].sha256 == films[1].sha256


@pytest.mark.parametrize(
    "name",
    [
        "JPEG-LL.dcm",  # JPEG lossless, 16 bits signed
        "JPGExtended.dcm",  # JPEG extended, 12 bits
        "MR_small_jp2klossless.dcm",
        "MR_small_jpeg_ls_lossless.dcm",
        "MR_small_RLE.dcm",
        "MR_small_bigendian.dcm",
        "MR_small_implicit.dcm",
        "J2K_pixelrep_mismatch.dcm",  # code stream and tags disagree about the sign
        "image_dfl.dcm",  # deflated
    ],
)
def test_every_compressed_syntax_decodes_as_pydicom_does(name: str) -> None:
    data, expected = as_film(name)
    radiograph = read_radiograph(data)
    assert np.array_equal(radiograph.pixels, expected)
    assert radiograph.pixels.dtype in (np.uint8, np.uint16, np.int16)


def test_a_jpeg_baseline_film_is_read() -> None:
    gradient = np.tile(np.linspace(0, 255, 96).astype(np.uint8), (72, 1))
    stream = io.BytesIO()
    Image.fromarray(gradient).save(stream, "JPEG", quality=95)
    data = film(gradient, JPEGBaseline8Bit, PixelData=encapsulate([stream.getvalue()]))
    assert np.abs(read_radiograph(data).pixels.astype(int) - gradient).max() <= 3


def test_a_real_film_in_rle_is_read() -> None:
    dataset = pydicom.dcmread(real_file("RG1_UNCR.dcm"))
    expected = dataset.pixel_array[:400, :300].copy()
    dataset.PixelData, (dataset.Rows, dataset.Columns) = expected.tobytes(), expected.shape
    dataset.compress(RLELossless)
    assert np.array_equal(read_radiograph(saved(dataset)).pixels, expected)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("CT_small.dcm", "a CT volume or a slice of one"),
        ("MR_small.dcm", "an MR image"),
        ("RG3_UNCR.dcm", "another body part (EXTREMITY)"),
        ("SC_rgb.dcm", "a colour picture"),
        ("SC_rgb_2frame.dcm", "several frames"),
        ("examples_palette.dcm", "an ultrasound image"),
        ("JPEG-LL.dcm", "a nuclear medicine image"),
        ("liver_1frame.dcm", "a segmentation"),
        ("test-SR.dcm", "a report"),
        ("rtplan.dcm", "no radiograph"),
        ("DICOMDIR-empty.dcm", "DICOMDIR"),
        ("no_meta.dcm", "not a DICOM file"),
    ],
)
def test_real_files_of_other_kinds_are_refused(name: str, words: str) -> None:
    with open(real_file(name), "rb") as file:
        assert words in refusal(file.read())


# --- layouts of bits ---------------------------------------------------------------------------------------


def test_overlay_bits_above_the_high_bit_are_masked() -> None:
    values = (np.arange(64 * 80, dtype=np.uint16) % 4096).reshape(64, 80)
    overlay = (np.random.default_rng(0).integers(0, 16, values.shape) << 12).astype(np.uint16)
    assert np.array_equal(read_radiograph(film(values | overlay)).pixels, values)


def test_values_stored_in_the_upper_bits_are_shifted_down() -> None:
    values = (np.arange(64 * 80, dtype=np.uint16) % 4096).reshape(64, 80)
    overlay = np.random.default_rng(0).integers(0, 16, values.shape).astype(np.uint16)
    radiograph = read_radiograph(film((values << 4) | overlay, HighBit=15))
    assert np.array_equal(radiograph.pixels, values)


def test_signed_values_keep_their_sign() -> None:
    values = np.linspace(-2048, 2047, 64 * 80).astype(np.int16).reshape(64, 80)
    stored = (values.astype(np.uint16)) & 0x0FFF
    radiograph = read_radiograph(
        film(stored, PixelRepresentation=1, RescaleIntercept="-5.5", RescaleSlope="2")
    )
    assert radiograph.pixels.dtype == np.int16
    assert np.array_equal(radiograph.pixels, values)
    assert (radiograph.rescale_slope, radiograph.rescale_intercept) == (2.0, -5.5)


def test_an_odd_number_of_8_bit_pixels() -> None:
    values = np.random.default_rng(1).integers(0, 256, (65, 67)).astype(np.uint8)
    assert np.array_equal(read_radiograph(film(values, PixelData=values.tobytes() + b"\0")).pixels, values)


def test_missing_depth_tags_are_filled_in() -> None:
    data = film(BitsStored=None, HighBit=None, PixelRepresentation=None, SamplesPerPixel=None)
    assert read_radiograph(data).bits_stored == 16


# --- brightness and geometry -------------------------------------------------------------------------------


def lut_item(descriptor: list[int], values: np.ndarray) -> Dataset:
    item = Dataset()
    item.add_new("LUTDescriptor", "US", descriptor)
    item.add_new("LUTData", "OW", values.astype("<u2").tobytes())
    return item


def test_the_first_window_is_taken_with_its_function() -> None:
    data = film(WindowCenter=["2000", "900"], WindowWidth=["3000.5", "10"], VOILUTFunction="SIGMOID")
    assert read_radiograph(data).window == Window(2000.0, 3000.5, "SIGMOID")


@pytest.mark.parametrize("width", ["0", "-4", None])
def test_a_window_without_width_is_taken_as_missing(width: str | None) -> None:
    assert read_radiograph(film(WindowCenter="2000", WindowWidth=width)).window is None


def test_a_voi_lut_is_passed_on() -> None:
    values = np.linspace(0, 1023, 300).astype(np.uint16)
    table = read_radiograph(film(VOILUTSequence=[lut_item([300, 17, 10], values)])).voi_lut
    assert table is not None and table.first == 17.0
    assert np.array_equal(table.values, values)


def test_a_full_voi_lut_below_zero() -> None:
    values = np.arange(65536).astype(np.uint16)
    data = film(VOILUTSequence=[lut_item([0, 65536 - 1024, 16], values)], RescaleIntercept="-1024")
    table = read_radiograph(data).voi_lut
    assert table is not None and (table.first, len(table.values)) == (-1024.0, 65536)


def test_a_modality_lut_is_applied_and_takes_the_place_of_rescale() -> None:
    values = (4095 - np.arange(4096)).astype(np.uint16)
    radiograph = read_radiograph(film(ModalityLUTSequence=[lut_item([4096, 0, 12], values)]))
    plain = read_radiograph(film())
    assert np.array_equal(radiograph.pixels, 4095 - plain.pixels)
    assert (radiograph.bits_stored, radiograph.rescale_slope) == (12, 1.0)


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"ViewPosition": "PA"}, ViewPosition.PA),
        ({"ViewPosition": "AP"}, ViewPosition.AP),
        ({"ViewPosition": "LL"}, ViewPosition.LATERAL),
        ({"ViewPosition": "LATERAL"}, ViewPosition.LATERAL),
        ({"ViewPosition": "RLAT"}, ViewPosition.LATERAL),
        ({"ViewPosition": "RLD"}, ViewPosition.DECUBITUS),
        ({"ViewPosition": "LLD"}, ViewPosition.DECUBITUS),
        ({"ViewPosition": "LAO"}, ViewPosition.OBLIQUE),
        ({"ViewPosition": "AP LLDECUB"}, ViewPosition.DECUBITUS),
        ({"PatientOrientation": ["A", "F"]}, ViewPosition.LATERAL),
        ({"SeriesDescription": "W Chest Lat."}, ViewPosition.LATERAL),
        ({"SeriesDescription": "CHEST PA AND LATERAL"}, ViewPosition.UNKNOWN),
        ({"ProtocolName": "Thorax pa"}, ViewPosition.PA),
        ({"ViewPosition": "PA", "SeriesDescription": "LATERAL"}, ViewPosition.PA),
        ({}, ViewPosition.UNKNOWN),
        ({"ViewCodeSequence": "272479007"}, ViewPosition.PA),
        ({"ViewCodeSequence": "R-10206"}, ViewPosition.AP),
        ({"ViewCodeSequence": "399198007"}, ViewPosition.LATERAL),
    ],
)
def test_view_position(tags: dict, expected: ViewPosition) -> None:
    if "ViewCodeSequence" in tags:
        item = Dataset()
        item.CodeValue = tags["ViewCodeSequence"]
        tags = {"ViewCodeSequence": [item]}
    assert read_radiograph(film(**tags)).view_position is expected


@pytest.mark.parametrize(
    ("tags", "spacing", "aspect"),
    [
        ({"PixelSpacing": ["0.2", "0.1"], "ImagerPixelSpacing": ["0.3", "0.3"]}, (0.2, 0.1), 2.0),
        ({"ImagerPixelSpacing": ["0.143", "0.143"]}, (0.143, 0.143), 1.0),
        ({"PixelSpacing": ["0", "0"], "ImagerPixelSpacing": ["0.3", "0.3"]}, (0.3, 0.3), 1.0),
        ({"PixelAspectRatio": ["3", "2"]}, None, 1.5),
        ({"PixelAspectRatio": ["0", "0"]}, None, 1.0),
        ({}, None, 1.0),
    ],
)
def test_geometry(tags: dict, spacing: tuple | None, aspect: float) -> None:
    radiograph = read_radiograph(film(**tags))
    assert radiograph.pixel_spacing == spacing
    assert radiograph.pixel_aspect_ratio == pytest.approx(aspect)


# --- files that say less, more or something else than they hold --------------------------------------------


def frontal(side: int = 256) -> np.ndarray:
    """Something like a frontal film, 12 bits: two dark lungs, a bright middle and base, the heart."""
    y, x = np.mgrid[:side, :side] / side
    chest = 2400 - 1500 * (np.exp(-(((x - 0.28) / 0.13) ** 2) - ((y - 0.4) / 0.3) ** 2))
    chest -= 1500 * np.exp(-(((x - 0.74) / 0.12) ** 2) - ((y - 0.38) / 0.28) ** 2)
    chest += 900 * np.exp(-(((x - 0.57) / 0.13) ** 2) - ((y - 0.66) / 0.13) ** 2) + 1200 * y**4
    chest *= np.exp(-(((x - 0.5) / 0.6) ** 6))
    chest[:40, :50] *= 0.2
    chest[:40, -50:] *= 0.2
    return chest.clip(0, 4095).astype(np.uint16)


def said(data: bytes) -> tuple[Radiograph, str]:
    radiograph = read_radiograph(data)
    return radiograph, " ".join(radiograph.notes)


def test_a_frontal_film_is_more_like_one_than_what_is_turned_or_inverted() -> None:
    film_of = frontal()
    for other in (*(np.rot90(film_of, k) for k in (1, 2, 3)), 4095 - film_of):
        assert frontal_likeness(film_of) > frontal_likeness(other)


@pytest.mark.parametrize("modality", ["DR", "XR", "RX", "DX", "CR", "", "OT"])
def test_the_sop_class_decides_whatever_the_modality_is_called(modality: str) -> None:
    assert read_radiograph(film(Modality=modality)).shape == (64, 80)


@pytest.mark.parametrize("keep", ["no preamble", "DICM alone", "no meta group", "no transfer syntax"])
def test_a_file_without_its_head_is_read(keep: str) -> None:
    data, expected = film(), read_radiograph(film()).pixels
    start = data.index(b"\x08\x00\x16\x00UI")
    if keep == "no transfer syntax":
        dataset = pydicom.dcmread(io.BytesIO(data))
        del dataset.file_meta.TransferSyntaxUID
        stream = io.BytesIO()
        pydicom.dcmwrite(stream, dataset, implicit_vr=False, little_endian=True, enforce_file_format=False)
        data = stream.getvalue()
    else:
        data = {"no preamble": data[132:], "DICM alone": data[128:], "no meta group": data[start:]}[keep]
    radiograph = read_upload(data, "film.dcm")
    assert np.array_equal(radiograph.pixels, expected)
    stated = keep in ("no preamble", "DICM alone")
    assert stated or "TransferSyntaxUID" in radiograph.notes[0]


@pytest.mark.parametrize("planar", [0, 1])
def test_gray_in_three_channels_is_gray(planar: int) -> None:
    gray = (np.arange(64 * 80) % 256).astype(np.uint8).reshape(64, 80)
    colours = np.stack([gray] * 3, axis=0 if planar else -1)
    tags = {"PhotometricInterpretation": "RGB", "SamplesPerPixel": 3, "PlanarConfiguration": planar}
    data = film(gray, PixelData=colours.tobytes(), **tags)
    assert np.array_equal(read_radiograph(data).pixels, gray)
    coloured = np.stack([gray, 255 - gray, np.roll(gray, 9)], axis=0 if planar else -1)
    assert "colour picture" in refusal(film(gray, PixelData=coloured.tobytes(), **tags))


def test_a_gray_palette_is_gray() -> None:
    index = (np.arange(64 * 80) % 256).astype(np.uint8).reshape(64, 80)
    tags: dict[str, object] = {"PhotometricInterpretation": "PALETTE COLOR"}
    for name in ("Red", "Green", "Blue"):
        tags[f"{name}PaletteColorLookupTableDescriptor"] = [256, 0, 16]
        tags[f"{name}PaletteColorLookupTableData"] = (np.arange(256)[::-1] * 257).astype("<u2").tobytes()
    radiograph = read_radiograph(film(index, **tags))
    assert np.array_equal(radiograph.pixels >> 8, 255 - index)


def test_an_empty_modality_lut_is_none() -> None:
    assert np.array_equal(
        read_radiograph(film(ModalityLUTSequence=[Dataset()])).pixels, read_radiograph(film()).pixels
    )


def test_jpeg_2000_in_boxes_is_read() -> None:
    stream = io.BytesIO()
    gradient = np.tile(np.linspace(0, 255, 96).astype(np.uint8), (72, 1))
    Image.fromarray(gradient).save(stream, "JPEG2000", no_jp2=False)
    assert stream.getvalue()[4:8] == b"jP  " and declared_size(stream.getvalue()) == (72, 96, 1)
    data = film(gradient, JPEG2000Lossless, PixelData=encapsulate([stream.getvalue()]))
    assert np.array_equal(read_radiograph(data).pixels, gradient)


@pytest.mark.parametrize("shift", [2, 4])
def test_bits_beyond_the_stored_ones_are_read_where_they_are_the_film(shift: int) -> None:
    values = (frontal() << shift).astype(np.uint16)
    radiograph, notes = said(film(values))
    assert np.array_equal(radiograph.pixels, values) and "BitsStored is 12" in notes


@pytest.mark.parametrize("tags", [{}, {"PhotometricInterpretation": "MONOCHROME1"}, {"RescaleSlope": "-1"}])
@pytest.mark.parametrize("value", [4095, 0, 4000])
def test_padding_becomes_the_darkest_value_of_the_film(tags: dict, value: int) -> None:
    values = frontal(128).clip(300, 3000)
    values[:30] = values[:, 100:] = value
    radiograph = read_radiograph(film(values, PixelPaddingValue=value, **tags))
    rest = values[30:, :100]
    darkest = rest.max() if tags else rest.min()
    assert (radiograph.pixels[:30] == darkest).all() and np.array_equal(radiograph.pixels[30:, :100], rest)


def test_a_range_of_padding_is_padding() -> None:
    values = frontal(128).clip(300, 3000)
    values[:30], values[30:60] = 4095, 4090
    pixels = read_radiograph(film(values, PixelPaddingValue=4095, PixelPaddingRangeLimit=4090)).pixels
    assert pixels.max() == values[60:].max()


@pytest.mark.parametrize(
    ("orientation", "stored"),
    [
        (["L", "F"], lambda upright: upright),
        (["R", "F"], lambda upright: upright[:, ::-1]),
        (["L", "H"], lambda upright: upright[::-1]),
        (["R", "H"], lambda upright: upright[::-1, ::-1]),
        (["F", "R"], lambda upright: np.rot90(upright)),
        (["H", "L"], lambda upright: np.rot90(upright, -1)),
        (["H", "L"], lambda upright: np.rot90(upright)),  # right in that it lies, wrong in where the head is
        (["LF", "FR"], lambda upright: upright),
    ],
)
def test_the_patient_s_orientation_puts_the_film_upright(orientation: list, stored: Callable) -> None:
    pixels = stored(frontal())
    data = film(np.ascontiguousarray(pixels), PatientOrientation=orientation, PixelSpacing=["0.2", "0.1"])
    radiograph, notes = said(data)
    assert np.array_equal(radiograph.pixels, frontal())
    lying = orientation[0] in "HF"
    assert radiograph.pixel_spacing == ((0.1, 0.2) if lying else (0.2, 0.1))
    assert radiograph.pixel_aspect_ratio == pytest.approx(0.5 if lying else 2.0)
    assert ("PatientOrientation" in notes) == (not np.array_equal(pixels, frontal()))


def test_an_upright_film_stays_so_whatever_its_orientation_tag_says() -> None:
    radiograph, notes = said(film(frontal(), PatientOrientation=["H", "L"]))
    assert np.array_equal(radiograph.pixels, frontal()) and "stands upright" in notes


@pytest.mark.parametrize("quarters", [1, 2, 3])
@pytest.mark.parametrize("flipped", [False, True])
def test_what_the_detector_turned_is_turned_back(quarters: int, flipped: bool) -> None:
    pixels = np.rot90(frontal(), -quarters)
    pixels = pixels[:, ::-1] if flipped else pixels
    tags = {"FieldOfViewRotation": 90 * quarters, "FieldOfViewHorizontalFlip": "YES" if flipped else "NO"}
    radiograph, notes = said(film(np.ascontiguousarray(pixels), **tags))
    assert np.array_equal(radiograph.pixels, frontal()) and "FieldOfViewRotation" in notes


def test_a_film_that_the_detector_mirrored_is_mirrored_back_and_one_that_stands_upright_is_left() -> None:
    mirrored = np.ascontiguousarray(frontal()[:, ::-1])
    radiograph, notes = said(film(mirrored, FieldOfViewHorizontalFlip="YES"))
    assert np.array_equal(radiograph.pixels, frontal()) and "mirrored back" in notes
    radiograph, _ = said(film(frontal(), FieldOfViewRotation=90))
    assert np.array_equal(radiograph.pixels, frontal())
    both = film(
        frontal(), PatientOrientation=["L", "F"], FieldOfViewRotation=90, FieldOfViewHorizontalFlip="YES"
    )
    assert said(both)[1] == "" and np.array_equal(read_radiograph(both).pixels, frontal())


@pytest.mark.parametrize(
    ("photometric", "shape", "inverted", "expected"),
    [
        ("MONOCHROME1", "INVERSE", True, "MONOCHROME1"),  # what the standard asks for
        ("MONOCHROME2", "IDENTITY", False, "MONOCHROME2"),
        ("MONOCHROME2", "INVERSE", True, "MONOCHROME1"),
        ("MONOCHROME2", "INVERSE", False, "MONOCHROME2"),
        ("MONOCHROME1", "IDENTITY", False, "MONOCHROME2"),
        ("MONOCHROME1", "IDENTITY", True, "MONOCHROME1"),
    ],
)
def test_the_presentation_lut_s_shape(photometric: str, shape: str, inverted: bool, expected: str) -> None:
    values = 4095 - frontal() if inverted else frontal()
    radiograph, notes = said(film(values, PhotometricInterpretation=photometric, PresentationLUTShape=shape))
    assert radiograph.photometric == expected
    assert ("PresentationLUTShape" in notes) == ((photometric == "MONOCHROME1") != (shape == "INVERSE"))


# --- refusals ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tags", "words"),
    [
        ({"PixelData": None}, "no pixel data"),
        ({"PixelData": b""}, "no pixel data"),
        ({"PixelData": b"\0\0" * 100}, "damaged or cut off"),
        ({"NumberOfFrames": 3}, "several frames"),
        ({"Modality": "CT"}, "a CT volume or a slice of one"),
        ({"Modality": "MG"}, "a mammogram"),
        ({"Modality": "XX", "SOPClassUID": "1.2.3.4"}, "no radiograph"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.2"}, "a CT volume or a slice of one"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.4.1"}, "an MR image"),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.481.1"}, "no radiograph"),
        ({"PresentationIntentType": "FOR PROCESSING"}, "FOR PRESENTATION"),
        ({"PhotometricInterpretation": "MONOCHROME"}, "PhotometricInterpretation is MONOCHROME"),
        ({"PhotometricInterpretation": "PALETTE COLOR"}, "RedPaletteColorLookupTable"),
        ({"SamplesPerPixel": 3}, "SamplesPerPixel is 3, not 1"),
        ({"BitsStored": 4, "HighBit": 3, "BitsAllocated": 16}, "BitsStored is 4"),
        ({"BitsStored": 16, "HighBit": 11}, "HighBit is 11"),
        ({"PhotometricInterpretation": None}, "PhotometricInterpretation"),
        ({"BodyPartExamined": "HAND"}, "(HAND)"),
        ({"BodyPartExamined": "T SPINE"}, "(TSPINE)"),
        ({"Rows": 10_000, "Columns": 10_000}, "10000 x 10000"),
        ({"Rows": 65_535, "Columns": 70}, "megapixels"),
        ({"Rows": 9_000, "Columns": 9_000}, "64 megapixels"),
        ({"Rows": 0}, "at least 64"),
        ({"Rows": 20}, "at least 64"),
        ({"Rows": None}, "Rows"),
        ({"BitsAllocated": 32, "BitsStored": 32, "HighBit": 31}, "8 to 16 bits"),
        ({"BitsAllocated": 8, "BitsStored": 4, "HighBit": 3}, "8 to 16 bits"),
        ({"BitsStored": 16, "HighBit": 11}, "8 to 16 bits"),
        ({"RescaleSlope": "0"}, "RescaleSlope"),
        ({"RescaleSlope": "1e300"}, "RescaleSlope"),
        ({"PixelAspectRatio": ["900", "1"]}, "pixel shape"),
    ],
)
def test_what_is_no_single_gray_chest_film_is_refused_in_one_sentence(tags: dict, words: str) -> None:
    message = refusal(film(**tags))
    assert words in message
    assert message.endswith(".") and ". " not in message and "\n" not in message


@pytest.mark.parametrize(
    "part", ["CHEST", "Thorax", "PORT CHEST", "LUNG", "", "CHESTABDOMEN", "ZZZ", "SHOULDER CHEST"]
)
def test_chest_films_are_taken_whatever_their_spelling(part: str) -> None:
    assert read_radiograph(film(BodyPartExamined=part)).shape == (64, 80)


def test_a_gray_secondary_capture_is_taken() -> None:
    data = film(SOPClassUID="1.2.840.10008.5.1.4.1.1.7", Modality="OT")
    assert read_radiograph(data).shape == (64, 80)


def test_an_unreadable_syntax_is_named() -> None:
    message = refusal(film(syntax=MPEG2MPML, PixelData=encapsulate([b"\0" * 64])))
    assert "MPEG2 Main Profile" in message and "export it uncompressed" in message


@pytest.mark.parametrize("data", [b"", b"DICM", b"hello" * 100, b"\0" * 128 + b"DIC"])
def test_what_is_no_dicom_file_is_refused(data: bytes) -> None:
    assert "not a DICOM file" in refusal(data)


def test_a_film_cut_off_anywhere_is_refused() -> None:
    data = film()
    for length in (140, 200, 500, len(data) // 2, len(data) - 1):
        refusal(data[:length])


# --- decompression bombs -----------------------------------------------------------------------------------


def test_a_code_stream_larger_than_its_tags_is_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.BytesIO()
    Image.new("L", (3000, 3000)).save(stream, "JPEG")
    data = film(np.zeros((64, 80), np.uint8), JPEGBaseline8Bit, PixelData=encapsulate([stream.getvalue()]))
    monkeypatch.setattr("PIL.JpegImagePlugin.JpegImageFile.load", lambda _: pytest.fail("decoded"))
    assert "damaged" in refusal(data)


def test_a_deflated_file_that_unfolds_without_end_is_refused() -> None:
    header = film()
    head = bytearray(header[: header.index(b"1.2.840.10008.1.2.1\0")])
    start = head.rindex(b"\x02\x00\x10\x00UI")
    meta = bytes(head[:start]) + b"\x02\x00\x10\x00UI" + struct.pack("<H", 22) + b"1.2.840.10008.1.2.1.99"
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    packed = b"".join(packer.compress(bytes(10_000_000)) for _ in range(16)) + packer.flush()
    assert len(packed) < 200_000
    assert "unfolds into too much" in refusal(meta + packed)


def test_the_length_of_run_length_data_is_counted() -> None:
    segment = bytes([2, 7, 8, 9, 128, 254, 5, 129, 0])  # 3 literals, nothing, 3 and 128 repeats
    assert run_length_size(segment, 1000) == 134
    assert run_length_size(bytes([129, 0]) * 1000, 300) == 384


def test_the_declared_size_of_code_streams() -> None:
    for suffix in ("JPEG", "JPEG2000"):
        stream = io.BytesIO()
        Image.new("L", (90, 70)).save(stream, suffix, **({"no_jp2": True} if suffix == "JPEG2000" else {}))
        assert declared_size(stream.getvalue()) == (70, 90, 1)
        assert declared_size(stream.getvalue()[:12]) is None
    assert declared_size(b"nothing of the kind") is None


# --- personal data -----------------------------------------------------------------------------------------


def test_nothing_that_names_a_person_leaves_the_file(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    private = Dataset()
    private.PatientName = "Musterfrau^Erika"
    view = Dataset()
    view.CodeValue, view.CodeMeaning = "272479007", "Erika Musterfrau 19580412"
    tags = {
        "PatientName": "Musterfrau^Erika",
        "PatientBirthDate": "19580412",
        "PatientID": "PID-778812",
        "ReferringPhysicianName": "Dr. Quincy",
        "InstitutionName": "Saint Elsewhere",
        "AccessionNumber": "ACC-5566",
        "ImageComments": "Erika Musterfrau, PID-778812",
        "StudyDate": "not a date: Musterfrau",
        "OtherPatientIDsSequence": [private],
        "ViewCodeSequence": [view],
        "BodyPartExamined": "CHEST",
    }
    radiograph = read_radiograph(film(**tags))
    kept = " ".join(repr(getattr(radiograph, field.name)) for field in dataclasses.fields(radiograph))
    for planted in PLANTED:
        assert planted not in kept + repr(radiograph) + caplog.text


def test_whose_film_it_is_and_when_it_was_taken_leaves_the_file_as_hashes_and_a_day() -> None:
    tags = {"PatientID": "PID-778812", "StudyInstanceUID": "1.2.3", "StudyDate": "20240229"}
    found = read_radiograph(film(**tags, AcquisitionDateTime="20240228101500", Laterality="l")).acquisition
    assert found.day == datetime.date(2024, 2, 28).toordinal() and found.laterality == "L"
    assert len(found.patient) == len(found.study) == 32 and "778812" not in repr(found)
    same = read_radiograph(film(**tags, AcquisitionDate="20240230")).acquisition
    assert same.patient == found.patient and same.day == found.day + 1, "a day that no calendar has"
    other = read_radiograph(film(**tags, IssuerOfPatientID="B")).acquisition
    assert other.patient != found.patient and other.study == found.study
    assert read_radiograph(film()).acquisition == Acquisition()


@pytest.mark.parametrize(
    "keyword", ["BodyPartExamined", "SOPClassUID", "PhotometricInterpretation", "RescaleSlope", "Rows"]
)
def test_no_refusal_quotes_what_a_person_typed(keyword: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    dataset = pydicom.dcmread(io.BytesIO(film()))
    dataset.add_new(keyword, "LO", "MUSTERFRAU HAND")
    dataset.Modality = "MUSTERFRAU"
    message = refusal(saved(dataset))
    assert "MUSTERFRAU" not in message + caplog.text


# --- broken files ------------------------------------------------------------------------------------------


def test_random_damage_is_read_or_refused_and_never_anything_else() -> None:
    rng = random.Random(20)
    jpeg = io.BytesIO()
    Image.effect_noise((80, 64), 60).save(jpeg, "JPEG")
    originals = [
        film(WindowCenter="2000", WindowWidth="3000", VOILUTSequence=[lut_item([64, 0, 12], np.arange(64))]),
        film(np.zeros((64, 80), np.uint8), JPEGBaseline8Bit, PixelData=encapsulate([jpeg.getvalue()])),
        *(as_film(name)[0] for name in ("MR_small_RLE.dcm", "MR_small_jp2klossless.dcm", "image_dfl.dcm")),
    ]
    read = refused = 0
    for _ in range(60):
        for original in originals:
            damaged = bytearray(original)
            for _ in range(rng.choice((1, 3, 30))):
                place = rng.randrange(128, min(len(damaged), rng.choice((1200, len(damaged)))))
                damaged[place] = rng.randrange(256)
            if rng.random() < 0.4:
                del damaged[rng.randrange(len(damaged)) :]
            try:
                assert isinstance(read_radiograph(bytes(damaged)), Radiograph)
                read += 1
            except StudyError:
                refused += 1
    assert read > 20 and refused > 20


# --- writing -----------------------------------------------------------------------------------------------


def phantom(**changes: object) -> Radiograph:
    pixels = np.random.default_rng(3).integers(0, 4096, (96, 71)).astype(np.uint16)
    film = Radiograph(
        pixels,
        bits_stored=12,
        window=Window(2048.0, 4096.0),
        view_position=ViewPosition.PA,
        pixel_spacing=(0.143, 0.143),
    )
    return dataclasses.replace(film, **changes)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"photometric": Photometric.MONOCHROME1, "view_position": ViewPosition.AP},
        {"view_position": ViewPosition.LATERAL, "window": Window(1000.25, 0.5, "LINEAR_EXACT")},
        {
            "view_position": ViewPosition.UNKNOWN,
            "window": None,
            "pixel_spacing": None,
            "pixel_aspect_ratio": 1.25,
        },
        {"pixels": np.arange(65 * 67, dtype=np.uint16).astype(np.uint8).reshape(65, 67), "bits_stored": 8},
        {"pixels": np.arange(-2048, 2048, dtype=np.int16).reshape(64, 64), "rescale_slope": 0.5},
        {
            "window": None,
            "voi_lut": VoiLut(-3.0, np.arange(700, dtype=np.uint16)),
            "rescale_intercept": -100.0,
        },
    ],
)
def test_a_written_film_comes_back_the_same(changes: dict) -> None:
    before = phantom(**changes)
    after = read_radiograph(encode_radiograph(before, case_id="phantom-0001", synthetic=True))
    assert after.sha256 == before.sha256
    for field in dataclasses.fields(Radiograph):
        if field.name not in ("pixels", "voi_lut", "acquisition"):
            assert getattr(after, field.name) == getattr(before, field.name), field.name
    assert (after.voi_lut is None) == (before.voi_lut is None)
    if before.voi_lut is not None and after.voi_lut is not None:
        assert after.voi_lut.first == before.voi_lut.first
        assert np.array_equal(after.voi_lut.values, before.voi_lut.values)


def test_a_synthetic_film_says_so_and_names_nobody() -> None:
    data = encode_radiograph(phantom(), case_id="phantom-0001", synthetic=True, sex="female", age=61.7)
    dataset = pydicom.dcmread(io.BytesIO(data))
    assert dataset.SeriesDescription == "SYNTHETIC"
    assert dataset.SyntheticData == "YES"
    assert dataset.PatientIdentityRemoved == "YES"
    assert dataset.BurnedInAnnotation == "NO"
    assert (dataset.PatientSex, dataset.PatientAge, dataset.PatientID) == ("F", "061Y", "phantom-0001")
    assert dataset.Modality == "DX" and dataset.ImageType[0] == "DERIVED"
    assert dataset.StudyDate == "" and dataset.PatientBirthDate == ""
    assert np.array_equal(dataset.pixel_array, phantom().pixels)


def test_a_film_that_is_not_synthetic_does_not_claim_to_be() -> None:
    dataset = pydicom.dcmread(io.BytesIO(encode_radiograph(phantom(), case_id="c1", synthetic=False)))
    assert "SYNTHETIC" not in str(dataset).upper().replace("SYNTHETICDATA", "")


def test_the_same_film_is_written_in_the_same_bytes() -> None:
    first, second, other = (
        encode_radiograph(phantom(), case_id=case_id, synthetic=True) for case_id in ("a", "a", "b")
    )
    assert first == second
    assert first != other
