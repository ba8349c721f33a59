"""Files of films with planted identities, each under its kind: DICOM headers, JPEG and PNG metadata."""

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pydicom
from PIL import Image
from pydicom.datadict import DicomDictionary
from pydicom.dataset import Dataset

from tests.doubles import lake_sources as made

NEEDED = (0x0000, 0x0002, 0x0028)
"""Groups without which no film can be decoded; what is planted there is planted by hand."""
KEPT = ("SpecificCharacterSet", "Modality", "SOPClassUID", "ViewPosition", "PatientSex", "PatientAge",
        "StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate", "StudyTime", "PatientOrientation",
        "PresentationLUTShape", "PixelIntensityRelationship", "BurnedInAnnotation", "ImageType",
        "StudyInstanceUID", "SOPInstanceUID", "PatientID")  # fmt: skip
"""Tags that say how a film is read, or whose place a pseudonym or a shifted day takes."""
_WIDTH = {"SH": 16, "CS": 16, "AE": 16, "LO": 64, "PN": 64, "ST": 64, "LT": 64, "UT": 64, "UC": 64, "UR": 64}


@dataclass(frozen=True)
class PlantedFile:
    """A file, and (kind, bytes) of all that must not be in what is kept of it."""

    name: str
    data: bytes
    secrets: tuple[tuple[str, bytes], ...]


def _token(number: int) -> str:
    """A name that nothing else in a file spells."""
    return f"Q{number:05d}ZK"


def planted_dicom(seed: int = 0, share: int = 1) -> PlantedFile:
    """A DX film with a name in every text tag of the standard (of every `share`-th), in private tags,
    sequences, overlays, curves, an icon, the preamble, the file's own header and behind its end."""
    file = pydicom.dcmread(io.BytesIO(made.dicom(seed)))
    secrets = [("name, number and day of the film itself", text.encode()) for text in made.PLANTED]
    number = 0
    for tag, (vr, _, _, _, keyword) in sorted(DicomDictionary.items())[seed % share :: share]:
        group = tag >> 16
        if group in NEEDED or keyword in KEPT or not keyword or vr not in (*_WIDTH, "DA", "DT", "UI"):
            continue
        number += 1
        if vr in ("DA", "DT"):
            value = f"{1900 + number % 100}{1 + number % 12:02d}{1 + number % 28:02d}"
        else:
            value = f"1.2.840.{4477000000 + number}.7" if vr == "UI" else _token(number)
        file.add_new(tag, vr, value)
        kind = {"DA": "days", "DT": "days", "UI": "identifiers (UID)"}.get(vr, "text")
        secrets.append((f"tags of the standard: {kind}", value.encode()))
        if vr == "DA":
            secrets.append(
                (f"tags of the standard: {kind}", f"{value[:4]}-{value[4:6]}-{value[6:]}".encode())
            )
    for kind, value in (*_private(file), *_sequences(file), *_pictures_inside(file), *_outside(file)):
        secrets.append((kind, value.encode()))
    stream = io.BytesIO()
    file.save_as(stream)
    data = stream.getvalue() + b"Q99001ZK"
    secrets.append(("behind the end", b"Q99001ZK"))
    # Of the film's own names some made room for a token; the second writing of a day is how it might be kept.
    there = (secret for secret in secrets if secret[1] in data or secret[0].endswith("days"))
    return PlantedFile("film.dcm", data, tuple(there))


def _private(file: Dataset) -> Iterator[tuple[str, str]]:
    for group in range(0x0009, 0x0029, 2):
        block = file.private_block(group, f"MAKER {group}", create=True)
        for element, vr in enumerate(("LO", "PN", "UT", "SH")):
            block.add_new(element, vr, _token(10_000 + 10 * group + element))
            yield "private tags", _token(10_000 + 10 * group + element)


def _sequences(file: Dataset) -> Iterator[tuple[str, str]]:
    """Names up to six levels deep, in standard and private elements, in codes and in structured content."""
    inner = Dataset()
    for depth in range(6):
        inner.PatientName, inner.TextValue = _token(20_000 + depth), _token(20_100 + depth)
        inner.private_block(0x0031, "DEEP", create=True).add_new(1, "LO", _token(20_200 + depth))
        code = Dataset()
        code.CodeValue, code.CodeMeaning = _token(20_300 + depth), _token(20_400 + depth)
        inner.ConceptNameCodeSequence = [code]
        for hundred in range(5):
            yield "sequences, to six levels", _token(20_000 + 100 * hundred + depth)
        outer = Dataset()
        outer.ContentSequence = [inner]
        inner = outer
    file.ContentSequence = inner.ContentSequence
    graphic, words = Dataset(), Dataset()
    words.UnformattedTextValue = _token(21_000)
    graphic.TextObjectSequence = [words]
    file.GraphicAnnotationSequence = [graphic]
    yield "sequences, to six levels", _token(21_000)


def _pictures_inside(file: Dataset) -> Iterator[tuple[str, str]]:
    for number in range(0, 32, 2):
        for base, kind, tag in ((0x6000, "overlays", 0x3000), (0x5000, "curves", 0x3000)):
            token = _token(30_000 + base // 0x10 + number)
            file.add_new((base + number) << 16 | tag, "OW", token.encode())
            file.add_new((base + number) << 16 | 0x0022, "LO", token + "L")
            yield kind, token
    icon = Dataset()
    icon.Rows, icon.Columns, icon.PixelData = 2, 4, _token(31_000).encode()
    icon.BitsAllocated = icon.BitsStored = 8
    file.IconImageSequence = [icon]
    yield "icon", _token(31_000)


def _outside(file: Dataset) -> Iterator[tuple[str, str]]:
    file.preamble = _token(40_000).encode().ljust(128, b"\0")
    file.file_meta.ImplementationVersionName = _token(40_001)
    file.file_meta.SourceApplicationEntityTitle = _token(40_002)
    file.file_meta.PrivateInformationCreatorUID = "1.2.840.40003.9"
    file.file_meta.PrivateInformation = _token(40_004).encode()
    yield "preamble", _token(40_000)
    for number in (40_001, 40_002, 40_004):
        yield "the file's own header", _token(number)


def high_bits(seed: int = 0) -> tuple[bytes, np.ndarray]:
    """A 12-bit film with words drawn in a bit above its stored ones, and its pixels without them."""
    film = made.pixels(seed, (200, 260)).astype(np.uint16) << 4
    words = made.with_text(np.zeros_like(film, np.uint8), "KOWALCZYK 03.04.61", 20) > 100
    file = pydicom.dcmread(io.BytesIO(made.dicom(seed, film=film)))
    file.PixelData = (film | (words.astype(np.uint16) << 12)).tobytes()
    stream = io.BytesIO()
    file.save_as(stream)
    return stream.getvalue(), film


def planted_pictures(seed: int = 0) -> Iterator[PlantedFile]:
    """A JPEG and a PNG for each place where a picture file may name somebody."""
    plain = io.BytesIO()
    Image.fromarray(made.pixels(seed)).save(plain, "JPEG")
    whole = plain.getvalue()
    token = _token(50_000 + seed).encode()
    exif = Image.Exif()
    exif[0x010E], exif[0x013B] = token.decode(), token.decode()
    exif.get_ifd(0x8769)[0x9286] = b"ASCII\0\0\0" + token
    exif.get_ifd(0x8825)[0x1D] = token.decode()
    segments = {
        "EXIF": (
            0xE1,
            exif.tobytes() if exif.tobytes().startswith(b"Exif") else b"Exif\0\0" + exif.tobytes(),
        ),
        "XMP": (0xE1, b"http://ns.adobe.com/xap/1.0/\0<x:xmpmeta>" + token + b"</x:xmpmeta>"),
        "IPTC": (0xED, b"Photoshop 3.0\x008BIM\4\4\0\0\0\0\0\x10\x1c\2\x50\0\x08" + token),
        "colour profile": (0xE2, b"ICC_PROFILE\0\1\1" + token),
        "preview in JFXX": (0xE0, b"JFXX\0\x13\2\2" + token),
        "maker's segment": (0xEA, token),
        "comment": (0xFE, token),
    }
    for kind, (marker, body) in segments.items():
        segment = struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body
        yield PlantedFile(f"JPEG: {kind}", whole[:2] + segment + whole[2:], ((f"JPEG: {kind}", token),))
    for kind, rest in {"behind the end": token, "second picture": whole[:2] + token + whole[2:]}.items():
        yield PlantedFile(f"JPEG: {kind}", whole + rest, ((f"JPEG: {kind}", token),))
    yield from _pngs(seed, token)


def _pngs(seed: int, token: bytes) -> Iterator[PlantedFile]:
    plain = io.BytesIO()
    Image.fromarray(made.pixels(seed)).save(plain, "PNG")
    whole, packed = plain.getvalue(), zlib.compress(token)
    chunks = {
        "text": (b"tEXt", b"Patient\0" + token, token),
        "packed text": (b"zTXt", b"Patient\0\0" + packed, packed),
        "international text, XMP": (b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + packed, packed),
        "EXIF": (b"eXIf", b"II*\0" + token, token),
        "colour profile": (b"iCCP", token + b"\0\0" + packed, token),
        "private chunk": (b"prVt", token, token),
    }
    for kind, (name, body, secret) in chunks.items():
        chunk = struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        yield PlantedFile(f"PNG: {kind}", whole[:33] + chunk + whole[33:], ((f"PNG: {kind}", secret),))
    moving, words = io.BytesIO(), Image.fromarray(made.with_text(made.pixels(seed), "KOWALCZYK"))
    Image.fromarray(made.pixels(seed)).save(moving, "PNG", save_all=True, append_images=[words])
    yield PlantedFile("PNG: second picture", moving.getvalue(), (("PNG: second picture", b"fdAT"),))
    yield PlantedFile("PNG: behind the end", whole + token, (("PNG: behind the end", token),))
