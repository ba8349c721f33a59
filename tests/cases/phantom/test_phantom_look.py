"""Phantoms beside real films, and the physics behind them."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from cases.phantom import PhantomSettings, generate_case
from cases.phantom.anatomy import Thorax, ellipsoid
from cases.phantom.generator import balanced, series_seed
from cases.phantom.making import brightness, contact_sheet
from cases.phantom.overlays import letters
from cases.phantom.physics import transmitted
from cases.phantom.projection import TubeLayer, View, polyline
from cases.phantom.streams import texture
from modeling.study import ViewPosition

MEASURES = ("mean", "contrast", "spectrum_slope", "lung_ratio")


@dataclass(frozen=True)
class Likeness:
    """What a film looks like in four numbers, measured on 256 x 256 pixels.

    Attributes:
        mean: mean brightness, 0 to 1.
        contrast: standard deviation of the brightness.
        spectrum_slope: of log power over log frequency, 4 to 80 cycles a film.
        lung_ratio: brightness of the lung fields over that of the mediastinum, in fixed boxes.
    """

    mean: float
    contrast: float
    spectrum_slope: float
    lung_ratio: float


def likeness(film: np.ndarray) -> Likeness:
    """Measure a film.

    Args:
        film: (H, W) brightness, 0 to 1.
    """
    image = Image.fromarray(np.rint(film * 255).astype(np.uint8)).resize((256, 256), Image.Resampling.BOX)
    values = np.asarray(image, np.float64) / 255
    taper = np.hanning(256)
    power = np.abs(np.fft.fft2((values - values.mean()) * taper[:, None] * taper)) ** 2
    frequency = np.hypot(np.fft.fftfreq(256)[:, None], np.fft.fftfreq(256)[None, :]) * 256
    rings = np.arange(4, 81)
    radial = np.bincount(np.rint(frequency).astype(int).ravel(), power.ravel())[rings]
    radial /= np.bincount(np.rint(frequency).astype(int).ravel())[rings]
    slope = float(np.polyfit(np.log(rings), np.log(radial + 1e-12), 1)[0])
    lungs = np.concatenate([values[77:154, 56:92].ravel(), values[77:154, 164:200].ravel()])
    mediastinum = values[77:179, 115:141]
    return Likeness(
        float(values.mean()), float(values.std()), slope, float(lungs.mean() / max(mediastinum.mean(), 1e-6))
    )


def _view(position: ViewPosition = ViewPosition.PA, distance: float = 1e9) -> View:
    return View(position, (200, 200), 1.0, distance, 100.0)


def _rows(values: list[Likeness]) -> np.ndarray:
    return np.array([[getattr(value, name) for name in MEASURES] for value in values])


@pytest.fixture(scope="module")
def many_phantoms() -> list[tuple[ViewPosition, np.ndarray]]:
    """View position and brightness of 72 phantoms, half of them PA."""
    made = []
    for index in range(72):
        case = generate_case(series_seed(5, index), settings=balanced(PhantomSettings(size=512), 5, index))
        assert case.study.radiograph is not None
        made.append((case.study.radiograph.view_position, brightness(case.study.radiograph)))
    return made


@pytest.mark.slow
@pytest.mark.parametrize("position", [ViewPosition.PA, ViewPosition.AP])
def test_median_phantom_lies_within_the_real_films_interquartile_ranges(
    data_root: Path, many_phantoms: list[tuple[ViewPosition, np.ndarray]], position: ViewPosition
) -> None:
    table = pq.read_table(data_root / "nih_sample.parquet", columns=["image", "view"]).to_pydict()
    real = [
        likeness(np.asarray(Image.open(io.BytesIO(film)).convert("L")) / 255.0)
        for film, view in zip(table["image"], table["view"], strict=True)
        if view == position
    ]
    made = [likeness(film) for view, film in many_phantoms if view is position]
    low, high = np.percentile(_rows(real), [25, 75], axis=0)
    median = np.median(_rows(made), axis=0)
    for name, value, floor, ceiling in zip(MEASURES, median, low, high, strict=True):
        assert floor <= value <= ceiling, (position, name, value, floor, ceiling)


def test_a_slab_of_water_attenuates_as_beer_and_lambert_say() -> None:
    nothing = np.zeros((2, 2))
    thorax = Thorax(
        soft=np.full((2, 2), 100.0), vessels=nothing, fat=nothing, lung=nothing, density=nothing,
        cortical=nothing, trabecular=nothing, metal=nothing, x=nothing, y=nothing,
    )  # fmt: skip
    expected = 0.45 * np.exp(-2.26) + 0.55 * np.exp(-1.84)
    assert np.allclose(transmitted(thorax), expected)


@pytest.mark.parametrize("radius", [4.0, 6.0, 12.0])
def test_a_tube_across_the_beam_has_its_diameter_as_greatest_chord(radius: float) -> None:
    tubes = TubeLayer(_view())
    tubes.add(polyline(np.array([[-60.0, 0, 0], [60.0, 0, 0]]), 0.5), radius)
    chord = tubes.thickness()[:, 100]
    assert chord.max() == pytest.approx(2 * radius, rel=0.12)
    assert chord.sum() == pytest.approx(np.pi * radius**2, rel=0.2)
    assert np.count_nonzero(chord > 0.1 * radius) == pytest.approx(2 * radius, abs=3)


def test_a_tube_along_the_beam_is_as_dense_as_it_is_long() -> None:
    tubes = TubeLayer(_view())
    tubes.add(polyline(np.array([[0.0, 0, -40], [0.0, 0, 40]]), 0.5), 5.0)
    assert tubes.thickness().sum() == pytest.approx(80 * np.pi * 25, rel=0.2)


def test_chord_through_an_ellipsoid() -> None:
    x, y = np.array([0.0, 10.0, 3.0]), np.array([0.0, 0.0, 0.0])
    assert np.allclose(ellipsoid(x, y, (0, 0), (5, 8, 20)), [40, 0, 32])


def test_the_heart_is_drawn_larger_on_ap_than_on_pa() -> None:
    pa = View(ViewPosition.PA, (100, 100), 4.0, 1800.0, 110.0)
    ap = View(ViewPosition.AP, (100, 100), 4.0, 1100.0, 110.0)
    front = np.array([[-60.0, 0, 30], [60.0, 0, 30]])
    widths = [float(np.diff(view.pixels(front)[1])[0]) for view in (pa, ap)]
    assert widths[1] > 1.08 * widths[0]


def test_plane_and_pixels_are_inverse() -> None:
    view = View(ViewPosition.AP, (90, 120), 3.0, 1100.0, 110.0, rotation=0.05, tilt=0.04, shift=(7.0, -9.0))
    x, y = view.plane(35.0)
    row, column = view.pixels(np.array([[x[20, 70], y[20, 70], 35.0]]))
    assert row[0] == pytest.approx(20) and column[0] == pytest.approx(70)


def test_texture_has_unit_spread_and_the_same_pattern_at_every_size() -> None:
    small, large = (
        texture(np.random.Generator(np.random.PCG64(1)), (size, size), 32, 1.5) for size in (64, 128)
    )
    assert 0.7 < small.std() < 1.1
    merged = large.reshape(64, 2, 64, 2).mean(axis=(1, 3))
    assert np.corrcoef(small.ravel(), merged.ravel())[0, 1] > 0.995


def test_letters_and_contact_sheets() -> None:
    assert letters("L", 21).shape == (21, 18)
    sheet = contact_sheet([np.ones((50, 100)), np.zeros((40, 40)), np.ones((10, 30))], columns=2, tile=64)
    assert sheet.size == (128, 128)
    assert np.asarray(sheet)[32, 32] == 255 and np.asarray(sheet)[32, 96] == 0


def test_likeness_of_known_pictures() -> None:
    flat = likeness(np.full((300, 300), 0.5))
    assert flat.mean == pytest.approx(0.5, abs=0.01) and flat.contrast == pytest.approx(0.0, abs=1e-6)
    rng = np.random.Generator(np.random.PCG64(2))
    white = likeness(np.clip(0.5 + 0.1 * rng.standard_normal((256, 256)), 0, 1))
    assert white.spectrum_slope == pytest.approx(0.0, abs=0.15)
    smooth = likeness(np.clip(0.5 + 0.1 * texture(rng, (256, 256), 256, 1.5), 0, 1))
    assert smooth.spectrum_slope == pytest.approx(-3.0, abs=0.5)
