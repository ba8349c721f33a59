"""Stored values to brightness by hand, the letterbox, and planted pixels that find their way back."""

from dataclasses import replace

import numpy as np
import pytest

from modeling.configuration import ImageProcessing
from modeling.model.film import Letterbox, brightness, grayscale, letterboxed, presented_film, to_native
from modeling.study import Photometric, Radiograph, VoiLut, Window
from tests.doubles.toys import toy_radiograph

WHOLE = (0.0, 100.0)
SHAPES = [
    (64, 64),
    (91, 70),
    (65, 64),
    (300, 211),
    (211, 300),
    (401, 97),
    (33, 200),
    (1, 300),
    (300, 1),
    (1024, 7),
]


def film(*values: int, dtype: type = np.uint8, **options: object) -> Radiograph:
    return Radiograph(np.array([values], dtype), **options)


def test_the_range_of_the_film_becomes_0_to_1() -> None:
    assert brightness(film(10, 60, 110), WHOLE).tolist() == [[0.0, 0.5, 1.0]]
    assert brightness(film(10, 60, 110)).dtype == np.float32


def test_percentiles_cut_the_ends() -> None:
    values = np.arange(1000, dtype=np.uint16).reshape(20, 50)
    bright = brightness(Radiograph(values, 12), (10.0, 90.0)).ravel()
    low, high = np.sort(values.ravel())[
        [99, 899]
    ]  # 0-based ranks of 10 % and 90 % of 1000 values, nearest above
    assert abs(int(np.flatnonzero(bright > 0)[0]) - low) <= 1
    assert abs(int(np.flatnonzero(bright == 1)[0]) - high) <= 1


@pytest.mark.parametrize(
    ("bits", "dtype", "values"),
    [
        (8, np.uint8, (0, 64, 128, 255)),
        (12, np.uint16, (0, 1000, 2000, 4095)),
        (16, np.uint16, (0, 16000, 32000, 65535)),
        (12, np.int16, (-1024, -300, 0, 1023)),
        (16, np.int16, (-32768, -1, 0, 32767)),
        (8, np.int8, (-128, -1, 0, 127)),
    ],
)
def test_every_depth_and_sign_keeps_order_and_proportion(
    bits: int, dtype: type, values: tuple[int, ...]
) -> None:
    expected = (np.array(values, float) - values[0]) / (values[-1] - values[0])
    assert brightness(film(*values, dtype=dtype, bits_stored=bits), WHOLE)[0] == pytest.approx(
        expected, abs=1e-6
    )


@pytest.mark.parametrize("options", [{}, {"rescale_slope": 2.0, "rescale_intercept": -100.0}])
def test_monochrome1_and_its_inverted_twin_are_one_film(options: dict[str, float]) -> None:
    twin = toy_radiograph(**options)
    inverted = Radiograph(255 - twin.pixels, photometric=Photometric.MONOCHROME1, **options)
    assert np.array_equal(brightness(twin), brightness(inverted))
    config = ImageProcessing(size=64)
    assert np.array_equal(letterboxed(twin, config)[0], letterboxed(inverted, config)[0])
    forgotten = Radiograph(255 - twin.pixels, **options)
    assert np.corrcoef(brightness(forgotten).ravel(), brightness(twin).ravel())[0, 1] == pytest.approx(
        -1, abs=0.01
    )


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        # DICOM PS3.3 C.11.2.1.2.1: (x - (c - 0.5)) / (w - 1) + 0.5
        (Window(100, 101), [0.0, (60 - 99.5) / 100 + 0.5, (100 - 99.5) / 100 + 0.5, 1.0, 1.0]),
        # C.11.2.1.3.2: (x - c) / w + 0.5
        (Window(100, 100, "LINEAR_EXACT"), [0.0, 0.1, 0.5, 1.0, 1.0]),
        # C.11.2.1.3.1: 1 / (1 + exp(-4 (x - c) / w))
        (
            Window(100, 100, "SIGMOID"),
            [1 / (1 + np.exp(-4 * (x - 100) / 100)) for x in (0, 60, 100, 150, 255)],
        ),
    ],
    ids=lambda w: getattr(w, "function", ""),
)
def test_window_functions_as_dicom_writes_them(window: Window, expected: list[float]) -> None:
    got = brightness(film(0, 60, 100, 150, 255, window=window), WHOLE)[0]
    expected = np.array(expected)
    assert got == pytest.approx((expected - expected[0]) / (expected[-1] - expected[0]), abs=1e-6)


def test_rescale_comes_before_the_window() -> None:
    # stored 0, 50, 100 -> -1024 + 20 x = -1024, -24, 976; window -1024 .. 976
    rescaled = film(
        0, 25, 50, 100, rescale_slope=20, rescale_intercept=-1024, window=Window(-24, 2000, "LINEAR_EXACT")
    )
    assert brightness(rescaled, WHOLE)[0] == pytest.approx([0, 0.25, 0.5, 1])
    clipped = film(
        0, 25, 50, 100, rescale_slope=20, rescale_intercept=-1024, window=Window(-274, 500, "LINEAR_EXACT")
    )
    assert brightness(clipped, WHOLE)[0] == pytest.approx([0, 0.0, 1.0, 1.0])


def test_a_voi_lut_is_looked_up_from_its_first_value_and_clamped_at_both_ends() -> None:
    lut = VoiLut(first=10, values=np.array([0, 10, 40, 100], np.uint16))
    # 5 -> below: first entry; 10, 11, 12, 13 -> entries; 99 -> above: last entry
    assert brightness(film(5, 10, 11, 12, 13, 99, voi_lut=lut), WHOLE)[0] == pytest.approx(
        [0, 0, 0.1, 0.4, 1, 1]
    )
    inverted = film(5, 10, 11, 12, 13, 99, voi_lut=lut, photometric=Photometric.MONOCHROME1)
    assert brightness(inverted, WHOLE)[0] == pytest.approx([1, 1, 0.9, 0.6, 0, 0])


def test_values_that_no_pixel_has_do_not_count() -> None:
    # The look-up table is darkest at 11, which the film skips.
    lut = VoiLut(first=10, values=np.array([50, 0, 100], np.uint16))
    assert brightness(film(10, 12, voi_lut=lut), WHOLE).tolist() == [[0.0, 1.0]]


@pytest.mark.parametrize("window", [None, Window(5, 1)])
def test_a_constant_film_is_black_and_finite(window: Window | None) -> None:
    constant = Radiograph(np.full((5, 4), 7, np.uint8), window=window)
    assert not brightness(constant).any()


@pytest.mark.parametrize("shape", SHAPES)
def test_the_letterbox_keeps_the_aspect_and_centres_the_film(shape: tuple[int, int]) -> None:
    radiograph = toy_radiograph(shape=shape)
    square, box, _ = letterboxed(radiograph, ImageProcessing(size=64))
    assert square.shape == (64, 64) and max(box.height, box.width) == 64
    assert abs(box.height - 64 * shape[0] / max(shape)) <= max(0.5, 1 - 64 * shape[0] / max(shape))
    assert abs(box.width - 64 * shape[1] / max(shape)) <= max(0.5, 1 - 64 * shape[1] / max(shape))
    assert (
        abs(box.top - (64 - box.top - box.height)) <= 1 and abs(box.left - (64 - box.left - box.width)) <= 1
    )
    outside = np.ones_like(square, bool)
    box.crop(outside)[:] = False
    assert not square[outside].any()
    assert square.min() >= 0 and square.max() <= 1


def test_pixels_that_are_not_square_get_their_physical_aspect() -> None:
    flat = toy_radiograph(shape=(50, 100))
    assert (Letterbox.fit(flat, 64).height, Letterbox.fit(flat, 64).width) == (32, 64)
    stretched = Letterbox.fit(Radiograph(flat.pixels, pixel_aspect_ratio=2.0), 64)
    assert (stretched.height, stretched.width) == (64, 64)
    assert Letterbox.fit(Radiograph(flat.pixels, pixel_aspect_ratio=4.0), 64).width == 32


@pytest.mark.parametrize("aspect", [1.0, 1.3])
@pytest.mark.parametrize("shape", SHAPES)
def test_a_peak_planted_in_the_model_s_square_lands_on_its_native_pixel(
    shape: tuple[int, int], aspect: float
) -> None:
    box = Letterbox.fit(Radiograph(np.zeros(shape, np.uint8), pixel_aspect_ratio=aspect), 64)
    generator = np.random.default_rng(0)
    for _ in range(12):
        planted = generator.integers(box.height), generator.integers(box.width)
        attribution = np.zeros((box.height, box.width), np.float32)
        attribution[planted] = -3.0  # signed: the sign comes back too
        native = to_native(attribution, shape)
        assert native.shape == shape and native.max() <= 1e-6
        found = np.unravel_index(native.argmin(), shape)
        for axis, side in enumerate((box.height, box.width)):
            # Centres agree within half a pixel of the coarser of the two grids.
            step = 1.0 / min(side, shape[axis])
            assert abs((found[axis] + 0.5) / shape[axis] - (planted[axis] + 0.5) / side) <= 0.5 * step + 1e-6


@pytest.mark.parametrize(
    "shape", [(300, 211), (211, 300), (401, 97), (2049, 1777), (1, 300), (300, 1), (64, 64)]
)
def test_the_sum_of_logits_stays_the_same(shape: tuple[int, int]) -> None:
    box = Letterbox.fit(Radiograph(np.zeros(shape, np.uint8)), 64)
    generator = np.random.default_rng(1)
    attribution = generator.normal(0.5, 1.0, (box.height, box.width)).astype(np.float32)
    total = float(attribution.sum(dtype=np.float64))
    magnitude = float(np.abs(attribution).sum())
    assert abs(float(to_native(attribution, shape).sum(dtype=np.float64)) - total) <= 0.005 * magnitude
    even = to_native(np.full((box.height, box.width), 2.0, np.float32), shape)
    assert even.sum(dtype=np.float64) == pytest.approx(2.0 * box.height * box.width, rel=1e-4)
    assert even.max() - even.min() <= 1e-4 * even.max()


@pytest.mark.parametrize("shape", [(300, 211), (211, 300), (401, 397), (2049, 1777), (150, 640)])
def test_a_block_planted_on_the_film_comes_back_to_itself(shape: tuple[int, int]) -> None:
    generator = np.random.default_rng(2)
    side = max(shape) // 16
    for _ in range(4):
        top, left = generator.integers(shape[0] - side), generator.integers(shape[1] - side)
        pixels = np.zeros(shape, np.uint8)
        pixels[top : top + side, left : left + side] = 255
        square, box, _ = letterboxed(Radiograph(pixels), ImageProcessing(size=64, percentiles=WHOLE))
        native = to_native(box.crop(square), shape)
        rows, columns = np.mgrid[0 : shape[0], 0 : shape[1]]
        centre = [float((native * axis).sum() / native.sum()) for axis in (rows, columns)]
        tolerance = 0.75 * max(shape) / 64
        assert centre == pytest.approx([top + (side - 1) / 2, left + (side - 1) / 2], abs=tolerance)


# --- what a file leaves of its film


def smooth(top: int = 4095) -> np.ndarray:
    rows, columns = np.mgrid[:90, :110]
    return ((0.5 + 0.5 * np.sin(rows / 23) * np.cos(columns / 17)) * top).astype(np.uint16)


WHITE = VoiLut(0.0, np.full(4096, 4095, np.uint16))
TWO_TONES = VoiLut(0.0, np.where(np.arange(4096) > 2000, 4095, 0).astype(np.uint16))
GOOD = Window(2048.0, 4096.0)


@pytest.mark.parametrize(
    ("tags", "like", "said"),
    [
        ({"window": Window(2000.0, 1.0)}, {}, "WindowWidth"),
        ({"window": Window(40.0, 20.0)}, {}, "WindowWidth"),
        ({"window": Window(90000.0, 400.0)}, {}, "WindowWidth"),
        ({"window": Window(2000.0, 1e-3, "SIGMOID")}, {}, "WindowWidth"),
        ({"voi_lut": WHITE}, {}, "VOI LUT"),
        ({"voi_lut": TWO_TONES}, {}, "VOI LUT"),
        ({"voi_lut": WHITE, "window": GOOD}, {"window": GOOD}, "its window was used"),
        ({"voi_lut": WHITE, "window": Window(40.0, 20.0)}, {}, "own range"),
    ],
)
def test_a_window_that_leaves_nothing_of_the_film_is_left_aside_and_that_is_said(tags, like, said) -> None:
    film = Radiograph(smooth(), bits_stored=12)
    shown, notes = presented_film(replace(film, **tags))
    assert np.array_equal(shown, brightness(replace(film, **like)))
    assert len(notes) == 1 and said in notes[0]
    gray = grayscale(replace(film, **tags))
    low, high = gray.seen_by_model
    assert (
        np.abs((gray.values - low) / (high - low) - shown).clip(0, 1)[(shown > 0) & (shown < 1)].max() < 0.01
    )


@pytest.mark.parametrize("window", [None, GOOD, Window(2000.0, 600.0), Window(1200.0, 900.0, "SIGMOID")])
def test_a_window_that_leaves_a_film_is_used_without_a_word(window: Window | None) -> None:
    film = Radiograph(smooth(), bits_stored=12, window=window)
    assert presented_film(film)[1] == ()


@pytest.mark.parametrize("value", [65535, 20000])
@pytest.mark.parametrize("share", [0.01, 0.2])
def test_a_marker_far_outside_the_film_does_not_wipe_it_out(value: int, share: float) -> None:
    pixels = smooth()
    side = int((share * pixels.size) ** 0.5)
    marked = pixels.copy()
    marked[:side, :side] = value
    shown, notes = presented_film(Radiograph(marked, bits_stored=16))
    assert "outside" in notes[0]
    assert np.abs(shown - brightness(Radiograph(pixels, bits_stored=16)))[side:, side:].mean() < 0.03


@pytest.mark.parametrize("levels", [2, 5, 13, 40])
def test_a_picture_of_few_gray_levels_says_how_many(levels: int) -> None:
    pixels = (smooth(255) // (256 / levels)).astype(np.uint8) * (255 // (levels - 1))
    count = len(np.unique(pixels))
    assert any(f"only {count} gray levels" in note for note in presented_film(Radiograph(pixels))[1])
