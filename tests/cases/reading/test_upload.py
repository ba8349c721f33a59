"""Uploads: what a picture becomes, every refusal in one sentence, and nothing on disk."""

import base64
import io
import random
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest
from PIL import Image, ImageDraw

from cases.reading.dicom import encode_radiograph
from cases.reading.film_limits import HUE_LIMIT, MAX_FILE_BYTES, TINT_LIMIT, colour_of
from cases.reading.upload import MAX_TEXT, film_of_base64, read_upload, study_from_upload
from modeling.errors import StudyError
from modeling.study import Modality, Radiograph, ViewPosition

DATA = Path(__file__).parents[4] / "shared" / "data"
GRAY = (np.add.outer(np.arange(100), np.arange(130)) % 256).astype(np.uint8)


def file_of(picture: Image.Image | np.ndarray, kind: str = "PNG", **options: object) -> bytes:
    stream = io.BytesIO()
    picture = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    picture.save(stream, kind, **options)
    return stream.getvalue()


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def declared_png(width: int, height: int) -> bytes:
    """A PNG of a few bytes that declares any size."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    data = png_chunk(b"IDAT", zlib.compress(b"\0" * 100))
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + data + png_chunk(b"IEND", b"")


def photograph(seed: int) -> Image.Image:
    """Coloured shapes before a coloured sky: many hues at each brightness, as in a photograph."""
    rng = np.random.default_rng(seed)
    sky = rng.integers(60, 200, (5, 7, 3)).astype(np.uint8)
    picture = Image.fromarray(sky).resize((320, 240), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(picture)
    for _ in range(10):
        x, y, radius = (int(value) for value in rng.integers((0, 0, 10), (320, 240, 60)))
        box = (x - radius, y - radius, x + radius, y + radius)
        draw.ellipse(box, fill=tuple(int(value) for value in rng.integers(40, 220, 3)))
    return picture


def refusal(data: bytes, name: str = "") -> str:
    with pytest.raises(StudyError) as caught:
        read_upload(data, name)
    message = str(caught.value)
    assert message.endswith(".") and ". " not in message and "\n" not in message and "/" not in message
    return message


def dicom_film(view: ViewPosition = ViewPosition.AP) -> bytes:
    pixels = np.arange(64 * 70, dtype=np.uint16).reshape(64, 70) % 4096
    film = Radiograph(pixels, bits_stored=12, view_position=view)
    return encode_radiograph(film, case_id="c1", synthetic=True)


# --- what is read ------------------------------------------------------------------------------------------


def test_gray_png_keeps_its_8_bits() -> None:
    radiograph = read_upload(file_of(GRAY))
    assert radiograph.pixels.dtype == np.uint8 and radiograph.bits_stored == 8
    assert np.array_equal(radiograph.pixels, GRAY)


def test_gray_png_keeps_its_16_bits() -> None:
    deep = (np.arange(100 * 130, dtype=np.uint32) * 5 % 65536).astype(np.uint16).reshape(100, 130)
    radiograph = read_upload(file_of(deep))
    assert radiograph.pixels.dtype == np.uint16 and radiograph.bits_stored == 16
    assert np.array_equal(radiograph.pixels, deep)


def test_gray_jpeg() -> None:
    assert np.abs(read_upload(file_of(GRAY, "JPEG", quality=95)).pixels.astype(int) - GRAY).mean() < 3


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "P"])
def test_gray_in_other_modes_is_the_same_gray(mode: str) -> None:
    assert np.array_equal(read_upload(file_of(Image.fromarray(GRAY).convert(mode))).pixels, GRAY)


def test_a_bilevel_png_is_gray() -> None:
    radiograph = read_upload(file_of(Image.fromarray(GRAY > 127)))
    assert sorted(np.unique(radiograph.pixels)) == [0, 255]


def test_transparent_parts_become_black() -> None:
    alpha = np.full_like(GRAY, 255)
    alpha[:, :40] = 0
    for layers in (np.dstack([GRAY, alpha]), np.dstack([GRAY, GRAY, GRAY, alpha])):
        pixels = read_upload(file_of(Image.fromarray(layers))).pixels
        assert (pixels[:, :40] == 0).all()
        assert np.array_equal(pixels[:, 40:], GRAY[:, 40:])


@pytest.mark.parametrize(
    ("orientation", "turned"), [(3, GRAY[::-1, ::-1]), (6, GRAY.T[:, ::-1]), (2, GRAY[:, ::-1])]
)
def test_the_orientation_tag_is_honoured(orientation: int, turned: np.ndarray) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert np.array_equal(read_upload(file_of(GRAY, exif=exif)).pixels, turned)


def test_a_dicom_file_is_known_by_its_content() -> None:
    radiograph = read_upload(dicom_film(), "film.png")
    assert radiograph.view_position is ViewPosition.AP and radiograph.bits_stored == 12


def test_the_name_does_not_decide() -> None:
    assert np.array_equal(read_upload(file_of(GRAY), "film.dcm").pixels, GRAY)


# --- gray or colour ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("tint", [(0.82, 0.93, 1.0), (1.0, 0.95, 0.78), (1.0, 0.97, 0.9)])
def test_a_slight_tint_is_still_a_film(tint: tuple[float, float, float]) -> None:
    tinted = (GRAY[:, :, None] * np.array(tint)).astype(np.uint8)
    assert read_upload(file_of(tinted, "JPEG", quality=80)).shape == GRAY.shape


@pytest.mark.parametrize(
    ("light", "dark"),
    [
        ((255, 240, 192), (32, 16, 0)),
        ((255, 210, 140), (40, 20, 5)),
        ((250, 225, 175), (60, 40, 20)),
        ((255, 190, 110), (0, 0, 0)),
        ((225, 240, 255), (5, 40, 95)),
    ],
)
def test_a_toned_print_is_a_film(light: tuple, dark: tuple) -> None:
    shade = GRAY[:, :, None] / 255
    print_ = (np.array(dark) * (1 - shade) + np.array(light) * shade).astype(np.uint8)
    assert read_upload(file_of(print_, "JPEG", quality=80)).shape == GRAY.shape


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_colour_photographs_are_refused(seed: int, kind: str) -> None:
    assert "colour picture" in refusal(file_of(photograph(seed), kind))


def test_real_colour_photographs_are_refused() -> None:
    datasets = pytest.importorskip("sklearn.datasets")
    for picture in datasets.load_sample_images().images:
        assert "colour picture" in refusal(file_of(picture, "JPEG", quality=85))


def test_colour_with_transparency_or_a_palette_is_refused() -> None:
    for mode in ("RGBA", "P"):
        assert "colour picture" in refusal(file_of(photograph(1).convert(mode)))


def test_no_real_film_is_taken_for_a_colour_picture() -> None:
    pytest.importorskip("pyarrow")
    import pyarrow.parquet as parquet

    path = DATA / "cohen.parquet"
    if not path.exists():
        pytest.skip("the development data (cohen.parquet) is not here")
    for data in next(parquet.ParquetFile(path).iter_batches(60, columns=["image"]))["image"].to_pylist():
        data = data["bytes"] if isinstance(data, dict) else data
        gray = Image.open(io.BytesIO(data)).convert("L")
        assert read_upload(data).shape == gray.size[::-1]
        blue = Image.fromarray((np.asarray(gray)[:, :, None] * np.array([0.82, 0.93, 1.0])).astype(np.uint8))
        tint, hue = colour_of(Image.open(io.BytesIO(file_of(blue, "JPEG", quality=60))))
        assert tint < TINT_LIMIT and hue < HUE_LIMIT


# --- refusals ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"%PDF-1.7 ...", "a PDF"),
        (b"PK\x03\x04" + b"\0" * 100, "a ZIP"),
        (b"hello, this is a report", "no image"),
        (b"\0" * 500, "no image"),
        (b"<html></html>", "no image"),
        (b"\x5c\x01\0\0" + b"\0" * 340 + b"n+1\0" + b"\0" * 100, "a volume of slices"),
        (b"NRRD0004 ...", "a volume of slices"),
        (file_of(GRAY, "TIFF"), "a TIFF"),
        (file_of(GRAY, "GIF"), "a GIF"),
        (file_of(GRAY, "BMP"), "a BMP"),
        (file_of(GRAY, "WEBP"), "a WebP"),
    ],
)
def test_other_files_are_refused_by_kind(data: bytes, words: str) -> None:
    message = refusal(data)
    assert words in message and "choose a PNG, JPEG or DICOM file" in message


def test_a_packed_volume_is_known_by_its_ending() -> None:
    packed = b"\x1f\x8b" + b"\0" * 500
    assert "a volume of slices" in refusal(packed, "Musterfrau.nii.gz")
    assert "a compressed archive" in refusal(packed, "Musterfrau.gz")


def test_a_wrong_ending_is_pointed_out_without_the_name() -> None:
    message = refusal(b"no such thing", "C:\\patients\\Musterfrau.DCM")
    assert "named .dcm" in message and "Musterfrau" not in message


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("part", [0.01, 0.3, 0.6, 0.95])
def test_truncated_pictures_are_refused(kind: str, part: float) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (200, 300)).astype(np.uint8)
    data = file_of(noise, kind)
    assert "damaged or cut off" in refusal(data[: int(len(data) * part)])


def test_a_truncated_dicom_file_is_refused() -> None:
    assert "damaged or cut off" in refusal(dicom_film()[:-500])


@pytest.mark.parametrize(
    ("width", "height"), [(10_000, 10_000), (10_000, 70), (70, 4_000_000), (9_000, 9_000)]
)
def test_a_declared_size_is_refused_before_anything_is_decoded(
    width: int, height: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("opened"))
    message = refusal(declared_png(width, height))
    assert f"{width} x {height}" in message and "megapixels" in message


def test_a_large_jpeg_is_refused_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    data = file_of(Image.new("L", (10_000, 64)), "JPEG")
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("opened"))
    assert "10000 x 64" in refusal(data)


def test_a_second_header_that_declares_more_is_refused() -> None:
    data = declared_png(100, 100)
    bigger = png_chunk(b"IHDR", struct.pack(">IIBBBBB", 9_000, 9_000, 8, 0, 0, 0, 0))
    refusal(data[:33] + bigger + data[33:])


def test_a_small_picture_is_refused() -> None:
    assert "at least 64" in refusal(file_of(GRAY[:63]))


def test_a_large_file_is_refused() -> None:
    assert "100 MB" in refusal(b"\x89PNG\r\n\x1a\n" + bytes(MAX_FILE_BYTES))


def test_an_animated_png_is_refused() -> None:
    frames = [Image.fromarray(np.roll(GRAY, shift)) for shift in (0, 9, 18)]
    assert "several pictures" in refusal(file_of(frames[0], save_all=True, append_images=frames[1:]))


def test_random_damage_is_read_or_refused_and_never_anything_else() -> None:
    rng = random.Random(6)
    originals = [
        file_of(GRAY),
        file_of(GRAY, "JPEG"),
        file_of(GRAY, "JPEG", progressive=True),
        file_of(Image.fromarray(GRAY).convert("RGB")),
        file_of(GRAY.astype(np.uint16) * 257),
        dicom_film(),
    ]
    outcomes = {True: 0, False: 0}
    for _ in range(80):
        for original in originals:
            damaged = bytearray(original)
            for _ in range(rng.choice((1, 4, 40))):
                place = rng.randrange(min(len(damaged), rng.choice((700, len(damaged)))))
                damaged[place] = rng.randrange(256)
            if rng.random() < 0.4:
                del damaged[rng.randrange(len(damaged)) :]
            try:
                read_upload(bytes(damaged))
                outcomes[True] += 1
            except StudyError as exc:
                assert str(exc).endswith(".")
                outcomes[False] += 1
    assert min(outcomes.values()) > 20


# --- the form ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [{}, {"indication": "  "}, {"indication": "", "findings": None}])
@pytest.mark.parametrize("table", [{}, {"age": None, "sex": "unknown", "spo2": ""}])
def test_an_empty_form_is_refused(table: dict, text: dict) -> None:
    with pytest.raises(StudyError, match="form is empty; add a film"):
        study_from_upload(None, table=table, text=text)


def test_an_empty_file_is_not_a_form_without_a_film() -> None:
    with pytest.raises(StudyError, match="file is empty"):
        study_from_upload(b"", table={"age": 50}, text={})


def test_every_part_may_stand_alone() -> None:
    assert study_from_upload(file_of(GRAY), table={}, text={}).modalities == (Modality.IMAGE,)
    assert study_from_upload(None, table={"age": "61"}, text={}).table.values == {"age": 61.0}
    text = study_from_upload(None, table={}, text={"indication": " Cough. ", "findings": ""}).text
    assert text.sections == {"indication": "Cough."}


def test_clinical_values_are_checked() -> None:
    with pytest.raises(StudyError, match=r"temperature is 50, outside 30 to 45"):
        study_from_upload(file_of(GRAY), table={"temperature": 50}, text={})
    with pytest.raises(StudyError, match="no clinical field 'shoe_size'"):
        study_from_upload(None, table={"shoe_size": 44}, text={})


def test_text_is_checked() -> None:
    with pytest.raises(StudyError, match="shorten it to 20,000"):
        study_from_upload(None, table={}, text={"indication": "x" * (MAX_TEXT + 1)})
    with pytest.raises(StudyError, match="no text section 'gossip'"):
        study_from_upload(None, table={}, text={"gossip": "x"})


@pytest.mark.parametrize(
    ("view", "form", "expected"),
    [
        (ViewPosition.AP, {}, "AP"),
        (ViewPosition.PA, {"view_position": "unknown"}, "PA"),
        (ViewPosition.AP, {"view_position": "PA"}, "PA"),
        (ViewPosition.LATERAL, {}, None),
        (ViewPosition.UNKNOWN, {}, None),
    ],
)
def test_the_view_position_comes_from_the_form_and_else_from_the_file(
    view: ViewPosition, form: dict, expected: str | None
) -> None:
    study = study_from_upload(dicom_film(view), table=form, text={})
    assert study.table.values.get("view_position") == expected
    assert study.radiograph is not None and study.radiograph.view_position is view


def test_nothing_is_written_to_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tempfile

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for data in (file_of(GRAY), file_of(GRAY, "JPEG"), dicom_film()):
        study_from_upload(data, table={"age": 50}, text={"indication": "Cough."}, name="film")
        refused = data[: len(data) // 2]
        with pytest.raises(StudyError):
            study_from_upload(refused, table={}, text={})
    assert list(tmp_path.iterdir()) == []


# --- a film as text ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "written",
    [
        lambda data: base64.b64encode(data).decode(),
        lambda data: base64.encodebytes(data).decode(),  # lines of 76 columns
        lambda data: base64.encodebytes(data).decode().replace("\n", "\r\n"),
        lambda data: base64.b64encode(data).decode().rstrip("="),
        lambda data: base64.urlsafe_b64encode(data).decode(),
        lambda data: base64.urlsafe_b64encode(data).decode().rstrip("="),
        lambda data: "data:image/png;base64," + base64.b64encode(data).decode(),
        lambda data: "data:application/octet-stream;base64," + quote(base64.b64encode(data)),
        lambda data: "\n data:image/png;base64,\n" + base64.encodebytes(data).decode(),
    ],
)
def test_base64_is_taken_however_it_is_written(written: Callable[[bytes], str]) -> None:
    data = bytes(range(256)) + b"\xfb\xff"
    assert film_of_base64(written(data)) == data


@pytest.mark.parametrize("text", ["hällo", "abc*def", "a", "data:image/png;base64,%%%"])
def test_what_is_no_base64_is_refused(text: str) -> None:
    with pytest.raises(StudyError, match="not valid base64"):
        film_of_base64(text)


@pytest.mark.parametrize(
    "named",
    ["film.dcm", "/data/x/film", "~/film.PNG", r"C:\films\a", "https://a.org/f.png", {"path": "a"}, 5],
)
def test_what_names_a_film_instead_of_holding_it_is_told_what_to_send(named: object) -> None:
    with pytest.raises(StudyError, match="what is in the film's file, as base64 text"):
        film_of_base64(named)


def test_what_was_converted_in_a_form_is_said_of_the_study() -> None:
    study = study_from_upload(None, table={"po2": "10.2", "crp": "N/A", "spo2": 97}, text={})
    assert study.table.values == pytest.approx({"po2": 76.506, "spo2": 97.0}, rel=1e-3)
    assert len(study.table.notes) == 1 and "10.2 kPa" in study.table.notes[0]
