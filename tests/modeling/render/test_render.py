"""Pictures that hide nothing: gray where nothing was attributed, one scale for both signs."""

import numpy as np
import pytest
from PIL import Image

from modeling.explain.registry import map_method
from modeling.render.pictures import (
    AGAINST,
    FOR,
    SIGNS,
    colours,
    field_rows,
    film_picture,
    heat_map,
    legend,
    map_of_method,
    plain_number,
    smoothed_density,
    word_spans,
)
from modeling.results import FieldAttribution, WordAttribution

FILM = np.tile(np.linspace(0, 1, 90, dtype=np.float32), (60, 1))


def blob(row: int, column: int, height: float = 1.0, shape: tuple[int, int] = (60, 90)) -> np.ndarray:
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    return height * np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / 50.0)


def pixels(picture: Image.Image) -> np.ndarray:
    return np.asarray(picture).astype(int)


def warmth(picture: Image.Image) -> np.ndarray:
    """Red less blue: above 0 orange, below 0 blue, 0 gray."""
    array = pixels(picture)
    return array[..., 0] - array[..., 2]


# --- the film


@pytest.mark.parametrize("shape", [(60, 90), (1, 1), (331, 77), (2000, 1500), (3, 4000)])
def test_a_film_keeps_its_aspect(shape: tuple[int, int]) -> None:
    picture = film_picture(np.zeros(shape, np.float32), max_side=500)
    assert picture.mode == "L" and max(picture.size) <= 500
    if max(shape) <= 500:
        assert picture.size == shape[::-1]
    elif min(shape) > 100:
        assert picture.width / picture.height == pytest.approx(shape[1] / shape[0], rel=0.01)


def test_brightness_becomes_gray() -> None:
    values = np.array([[0.0, 0.5, 1.0, 2.0, -1.0, np.nan]], np.float32)
    assert pixels(film_picture(values)).tolist() == [[0, 128, 255, 255, 0, 0]]


# --- the heat map


def test_no_attribution_leaves_the_film_untouched() -> None:
    drawn = heat_map(FILM, np.zeros_like(FILM))
    gray = pixels(film_picture(FILM))
    assert drawn.scale == 0 and drawn.clipped == 0 and drawn.picture.mode == "RGB"
    assert (pixels(drawn.picture) == gray[..., None]).all()
    blank = heat_map(FILM, blob(20, 20), opacity=0.0)
    assert (pixels(blank.picture) == gray[..., None]).all()


def test_far_from_the_evidence_the_film_is_untouched() -> None:
    drawn = heat_map(FILM, blob(15, 15))
    assert (pixels(drawn.picture)[:, 60:] == pixels(film_picture(FILM))[:, 60:, None]).all()


def test_for_is_orange_against_is_blue_and_where_it_was_planted() -> None:
    warm = warmth(heat_map(FILM, blob(20, 25) - blob(40, 65), opacity=1.0).picture)
    assert np.hypot(*np.subtract(np.unravel_index(warm.argmax(), warm.shape), (20, 25))) <= 6
    assert np.hypot(*np.subtract(np.unravel_index(warm.argmin(), warm.shape), (40, 65))) <= 6
    black = np.zeros((8, 8), np.float32)  # elsewhere colour is thinned
    full = heat_map(black, np.ones((8, 8)), opacity=1.0).picture
    assert np.abs(pixels(full)[4, 4] - FOR).max() <= 1
    full = heat_map(black, -np.ones((8, 8)), opacity=1.0).picture
    assert np.abs(pixels(full)[4, 4] - AGAINST).max() <= 1


def test_colour_grows_with_attribution_and_opacity() -> None:
    film, ramp = np.full((20, 200), 0.4, np.float32), np.tile(np.linspace(0, 1, 200), (20, 1))
    warm = warmth(heat_map(film, ramp, smoothing=0.0).picture)[10]
    assert (np.diff(warm) >= 0).all() and warm[0] == 0 and warm[-1] > 60
    weaker = warmth(heat_map(film, ramp, opacity=0.3, smoothing=0.0).picture)[10]
    assert 0 < weaker[-1] < warm[-1]


@pytest.mark.parametrize("sign", SIGNS)
def test_the_sign_shown_does_not_change_the_scale(sign: str) -> None:
    attribution = blob(20, 25) - 0.2 * blob(40, 65)
    both, drawn = heat_map(FILM, attribution), heat_map(FILM, attribution, sign=sign)
    assert drawn.scale == both.scale
    warm, reference = warmth(drawn.picture), warmth(both.picture)
    expected = {"both": reference, "positive": reference.clip(min=0), "negative": reference.clip(max=0)}[sign]
    assert (warm == expected).all()
    # A fifth of the evidence is a fifth of the colour's way, not full colour.
    assert -reference.min() < 0.6 * reference.max()


def test_one_scale_makes_two_maps_comparable() -> None:
    strong = heat_map(FILM, blob(20, 25))
    own, shared = heat_map(FILM, 0.1 * blob(20, 25)), heat_map(FILM, 0.1 * blob(20, 25), scale=strong.scale)
    assert own.scale == pytest.approx(0.1 * strong.scale) and shared.scale == strong.scale
    assert warmth(own.picture).max() == warmth(strong.picture).max() > 4 * warmth(shared.picture).max()


def test_the_scale_is_in_logits_per_hundredth_of_the_film() -> None:
    """One logit spread over the whole film is 0.01 logits on each hundredth, at any size."""
    for shape in ((10, 10), (300, 500), (37, 1111)):
        even = np.full(shape, 1.0 / (shape[0] * shape[1]))
        drawn = heat_map(np.zeros(shape, np.float32), even)
        assert drawn.scale == pytest.approx(0.01, rel=1e-4) and drawn.unit.startswith("logits per 1 %")


@pytest.mark.parametrize("shape", [(60, 90), (301, 1203), (1, 7), (700, 256), (257, 255)])
@pytest.mark.parametrize("smoothing", [0.0, 0.02, 0.2])
def test_smoothing_keeps_the_sum_up_to_the_border(shape: tuple[int, int], smoothing: float) -> None:
    values = np.random.default_rng(0).normal(0.3, 1.0, size=shape)
    values[0, 0] += 1000.0  # on the very corner
    density = smoothed_density(values, smoothing)
    assert density.mean() * 100 == pytest.approx(values.sum(), rel=1e-4) and max(density.shape) <= 256


def test_clipping_is_told() -> None:
    attribution = blob(20, 25)
    scale = heat_map(FILM, attribution).scale
    assert heat_map(FILM, attribution).clipped == pytest.approx(0.005, abs=0.002)
    assert heat_map(FILM, attribution, scale=scale / 100).clipped > 0.1
    assert heat_map(FILM, attribution, scale=scale * 100).clipped == 0


def test_maps_of_different_films_differ() -> None:
    first, second = (warmth(heat_map(FILM, blob(*place)).picture) for place in ((15, 20), (45, 70)))
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.5


def test_a_large_film_is_drawn_at_the_side_asked_for() -> None:
    drawn = heat_map(np.zeros((1500, 1000), np.float32), np.ones((1500, 1000)), max_side=300)
    assert drawn.picture.size == (200, 300)


def test_our_own_slips_are_caught() -> None:
    with pytest.raises(AssertionError):
        heat_map(FILM, np.zeros((5, 5)))
    with pytest.raises(AssertionError):
        heat_map(FILM, np.full_like(FILM, np.nan))
    with pytest.raises(AssertionError):
        heat_map(FILM, np.zeros_like(FILM), opacity=2.0)


def test_orange_and_blue_stay_apart_for_the_colour_blind() -> None:
    """Simulated by Machado et al. 2009 (severity 1): the two ends keep most of their distance."""
    simulations = {
        "protan": [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ],
        "deutan": [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ],
        "tritan": [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ],
    }
    ends = (np.array([FOR, AGAINST]) / 255.0) ** 2.2
    for matrix in simulations.values():
        seen = (ends @ np.array(matrix).T).clip(0, 1) ** (1 / 2.2)
        assert np.linalg.norm(seen[0] - seen[1]) > 0.5


# --- the legend


@pytest.mark.parametrize("sign", SIGNS)
def test_a_legend_runs_from_blue_over_gray_to_orange(sign: str) -> None:
    picture = legend(0.0123, sign)
    assert picture.mode == "RGB" and picture.size == (360, 40)
    bar = warmth(picture)[5, 28:-28]
    assert (np.diff(bar) >= 0).all()
    assert (bar[0] < -50) == (sign != "positive") and (bar[-1] > 50) == (sign != "negative")
    assert (pixels(picture)[25:] < 128).any(), "the numbers are missing"


def test_the_legend_shows_its_number_and_the_opacity() -> None:
    assert (pixels(legend(0.01)) != pixels(legend(0.02))).any()
    assert warmth(legend(0.01, opacity=0.5)).max() < warmth(legend(0.01)).max()


# --- words, fields, numbers


def word(text: str, piece: str, amount: float) -> WordAttribution:
    start = text.index(piece)
    return WordAttribution("indication", start, start + len(piece), piece, amount)


def test_spans_cover_the_whole_text() -> None:
    text = "  Fever, dry cough — 3 天。"
    words = [word(text, "cough", -0.2), word(text, "Fever", 0.5), word(text, "天", 0.0)]
    spans = word_spans(text, words)
    assert "".join(piece for piece, _ in spans) == text
    assert [s for s in spans if s[1] is not None] == [("Fever", 0.5), ("cough", -0.2), ("天", 0.0)]
    assert word_spans(text, []) == [(text, None)] and word_spans("", []) == []
    assert word_spans("ab", [word("ab", "a", 1.0), word("ab", "b", 2.0)]) == [("a", 1.0), ("b", 2.0)]
    with pytest.raises(AssertionError):
        word_spans("Fever", [WordAttribution("indication", 3, 9, "x", 1.0)])


def test_fields_are_sorted_by_magnitude_with_their_units() -> None:
    rows = field_rows(
        [
            FieldAttribution("age", 54.0, 0.1),
            FieldAttribution("sex", "female", 0.0),
            FieldAttribution("temperature", 38.5, -0.6),
            FieldAttribution("d_dimer", float("inf"), 0.3),
            FieldAttribution("crp", None, -0.2),
        ]
    )
    assert rows == [
        ("temperature", "38.5 °C", -0.6),
        ("d dimer", "∞ mg/L", 0.3),
        ("crp", "unknown", -0.2),
        ("age", "54 years", 0.1),
        ("sex", "female", 0.0),
    ]
    assert field_rows([]) == []


# --- percentile and contours


def test_only_what_lies_above_the_percentile_is_coloured() -> None:
    attribution = blob(20, 30) - 0.5 * blob(40, 60)
    whole = heat_map(FILM, attribution, smoothing=0)
    some = heat_map(FILM, attribution, smoothing=0, above=97.0)
    assert some.scale == whole.scale
    coloured = warmth(some.picture) != 0
    assert 0.01 < coloured.mean() <= 0.031 and (warmth(whole.picture) != 0).mean() > coloured.mean()
    assert (pixels(some.picture)[coloured] == pixels(whole.picture)[coloured]).all()
    assert not (warmth(heat_map(FILM, np.zeros((60, 90)), above=90.0).picture) != 0).any()


def test_contours_run_around_what_they_enclose() -> None:
    attribution = blob(20, 30) - blob(40, 60)
    picture = pixels(heat_map(FILM, attribution, opacity=0.0, smoothing=0, contours=(95.0,)).picture)
    plain = pixels(heat_map(FILM, attribution, opacity=0.0, smoothing=0).picture)
    drawn = (picture != plain).any(axis=-1)
    assert drawn.any() and not drawn[20, 30] and not drawn[40, 60]
    warm, cool = (picture == FOR).all(axis=-1), (picture == AGAINST).all(axis=-1)
    assert warm.any() and cool.any()
    assert np.hypot(*(np.argwhere(warm).mean(axis=0) - (20, 30))) < 1.5
    assert np.hypot(*(np.argwhere(cool).mean(axis=0) - (40, 60))) < 1.5
    only_for = pixels(
        heat_map(FILM, attribution, opacity=0.0, smoothing=0, sign="positive", contours=(95.0,)).picture
    )
    assert not (only_for == AGAINST).all(axis=-1).any()
    empty = pixels(heat_map(FILM, np.zeros((60, 90)), contours=(50.0, 90.0)).picture)
    assert (empty == plain).all()


@pytest.mark.parametrize(
    ("value", "said"), [(450.0, "450"), (4512.0, "4512"), (7.61, "7.6"), (0.00312, "0.0031"), (0, "0")]
)
def test_numbers_are_said_without_an_exponent(value: float, said: str) -> None:
    assert plain_number(value) == said == plain_number(-value)


def test_a_reader_first_sees_the_strongest_places_outlined_and_one_sided_maps_on_one_side() -> None:
    attribution = blob(20, 25) - blob(40, 65)
    both = warmth(map_of_method(FILM, attribution, map_method("grad_cam")).picture)
    assert (both > 20).any() and (both < -20).any()
    assert (both == 0).mean() > 0.4  # the weakest stay gray
    assert not (warmth(map_of_method(FILM, attribution, map_method("evidence")).picture) < -20).any()


def test_colour_is_thinner_on_bright_tissue() -> None:
    full = colours(1.0)[:, -1].astype(int)  # the strongest colour on each gray
    assert tuple(full[0]) == FOR and np.abs(full[255] - FOR).max() > 60
    assert (np.diff(np.abs(full - FOR).sum(axis=1)) >= -3).all()


def test_faint_evidence_is_not_painted_like_strong_evidence() -> None:
    """Weights from 0 to 1: below a half colour stays thin; in logits every map has its own scale."""

    def warmest(method: str, height: float) -> int:
        return warmth(map_of_method(FILM, blob(30, 45, height), map_method(method)).picture)[
            25:36, 40:51
        ].max()

    assert warmest("evidence", 0.1) < warmest("evidence", 0.9) / 2
    assert warmest("grad_cam", 0.1) == pytest.approx(warmest("grad_cam", 0.9), abs=2)
    drawn = map_of_method(FILM, blob(30, 45, 0.1), map_method("evidence"))
    assert drawn.scale == pytest.approx(0.5 * FILM.size / 100)

    def outlined(height: float) -> bool:
        seen = pixels(map_of_method(FILM, blob(30, 45, height), map_method("evidence")).picture)
        return (seen == FOR).all(axis=-1).any()

    assert outlined(0.9) and not outlined(0.1)  # nothing there is strong enough for a line
