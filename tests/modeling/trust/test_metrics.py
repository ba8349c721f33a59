"""The trust panel's numbers on maps whose answers are known."""

import math
from typing import get_args

import numpy as np
import pytest

from modeling.errors import ExplanationCancelled
from modeling.trust.metrics import (
    MEANINGS,
    border_region,
    cell_sums,
    class_discrimination,
    completeness,
    map_agreement,
    rank_correlation,
    region_share,
    ssim,
)
from modeling.trust.perturbation import Kind, PerturbationCurve, perturbation


def noise(seed: int, side: int = 64) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(side, side))


# --- completeness


@pytest.mark.parametrize(
    ("total", "output", "baseline", "relative", "verdict"),
    [
        (1.005, 1.5, 0.5, 0.005, "converged"),
        (-0.96, 0.0, 1.0, 0.04, "usable"),
        (0.7, 1.0, 0.0, 0.3, "not_converged"),
        (0.0, 2.0, 2.0, 0.0, "no_change"),
        (0.1, 2.0, 2.0, math.inf, "no_change"),
    ],
)
def test_completeness(total: float, output: float, baseline: float, relative: float, verdict: str) -> None:
    answer = completeness(total, output, baseline)
    assert answer.relative_delta == pytest.approx(relative)
    assert answer.delta == pytest.approx(total - (output - baseline))
    assert answer.meaning == f"completeness.{verdict}" and answer.meaning in MEANINGS


# --- likeness


def test_a_map_is_alike_to_itself_and_to_nothing_else() -> None:
    same = map_agreement(noise(0), 3 * noise(0))
    assert same.rank_correlation == pytest.approx(1) and same.ssim == pytest.approx(1, abs=1e-6)
    assert same.meaning == "agreement.alike"
    other = map_agreement(noise(0), noise(1), cell=2)
    assert max(map(abs, (other.rank_correlation, other.absolute_rank_correlation, other.ssim))) < 0.1
    assert other.meaning == "agreement.different"


def test_a_map_with_its_sign_turned_is_alike_in_magnitude_only() -> None:
    turned = map_agreement(noise(0), -noise(0))
    assert turned.rank_correlation == pytest.approx(-1)
    assert turned.absolute_rank_correlation == pytest.approx(1) and turned.ssim < 0
    assert turned.meaning == "agreement.alike"


def test_an_even_map_has_no_correlation() -> None:
    even = map_agreement(np.zeros((64, 64)), noise(0))
    assert math.isnan(even.rank_correlation) and even.meaning == "agreement.undefined"
    assert class_discrimination(np.ones((16, 16)), noise(0, 16)).meaning == "discrimination.undefined"


def test_class_discrimination_knows_the_published_bug() -> None:
    assert class_discrimination(noise(0), noise(0)).meaning == "discrimination.same_map"
    assert class_discrimination(noise(0), -noise(0)).meaning == "discrimination.opposite"
    answer = class_discrimination(noise(0), noise(1))
    assert answer.meaning == "discrimination.different" and abs(answer.rank_correlation) < 0.4


def test_spearman_by_hand() -> None:
    assert rank_correlation(np.array([1, 2, 3, 4]), np.array([1, 2, 4, 3])) == pytest.approx(0.8)
    assert rank_correlation(np.array([1, 5, 9]), np.array([0.1, 0.2, 99])) == pytest.approx(1.0)


def test_ssim_of_two_even_maps_is_the_luminance_term_alone() -> None:
    a, b = np.full((20, 20), 0.2), np.full((20, 20), 0.6)
    expected = (2 * 0.2 * 0.6 + 0.02**2) / (0.2**2 + 0.6**2 + 0.02**2)
    assert ssim(a, b, span=2.0) == pytest.approx(expected)


@pytest.mark.parametrize("shape", [(64, 64), (13, 29), (3, 5)])
def test_cells_keep_the_sum(shape: tuple[int, int]) -> None:
    values = np.random.default_rng(0).normal(size=shape)
    cells = cell_sums(values, 8)
    assert cells.shape == (-(-shape[0] // 8), -(-shape[1] // 8))
    assert cells.sum() == pytest.approx(values.sum())


# --- regions


def test_share_inside_a_region() -> None:
    values = np.full((10, 10), -1.0)
    values[:5] = 3.0
    top = np.zeros((10, 10), bool)
    top[:5] = True
    answer = region_share(values, top)
    assert (answer.share, answer.area) == pytest.approx((0.75, 0.5))
    assert region_share(values, ~top).meaning == "share.spared"
    assert region_share(np.ones((10, 10)), top).meaning == "share.as_area"
    values[:5] = 9.0
    assert region_share(values, top).meaning == "share.concentrated"
    assert region_share(np.zeros((10, 10)), top).meaning == "share.empty"
    assert region_share(values, np.zeros((10, 10), bool)).meaning == "share.empty"


def test_the_border_is_a_frame() -> None:
    region = border_region((40, 100), 0.1)
    assert region[:4].all() and region[:, -10:].all() and not region[4:36, 10:90].any()
    assert border_region((3, 3), 0.01).sum() == 8


# --- deletion and insertion

WEIGHTS = np.zeros((3, 64, 64))
WEIGHTS[:, 16:32, 32:48] = 1 / 768  # one cell of sixteen holds the whole logit


def spot(films: np.ndarray) -> np.ndarray:
    return (films * WEIGHTS).sum(axis=(1, 2, 3))


def test_a_map_that_knows_where_beats_chance_and_its_opposite_loses() -> None:
    image = np.ones((3, 64, 64), np.float32)

    def ask(kind: Kind, map_: np.ndarray) -> PerturbationCurve:
        return perturbation(
            kind, spot, image, 0.0, map_, np.random.default_rng(0), steps=16, random_orders=20
        )

    right = ask("deletion", WEIGHTS.sum(axis=0))
    # The first of 16 cells takes everything away: trapezoid of 1, 0, 0, ...
    assert right.area == pytest.approx(1 / 32)
    assert ask("insertion", WEIGHTS.sum(axis=0)).area == pytest.approx(31 / 32)
    assert right.logits[0] == pytest.approx(1) and right.logits[1:] == pytest.approx(0)
    assert 0.2 < right.random_area < 0.8
    assert ask("deletion", -WEIGHTS.sum(axis=0)).area == pytest.approx(31 / 32)


@pytest.mark.parametrize("kind", get_args(Kind))
def test_better_and_worse_are_called_so(kind: Kind) -> None:
    """A graded film: every cell counts, so random orders lie close together."""
    image = np.ones((3, 64, 64), np.float32)
    weights = np.broadcast_to(np.linspace(0, 1, 64)[None, None] ** 4, image.shape) / image.size

    def forward(films: np.ndarray) -> np.ndarray:
        return (films * weights).sum(axis=(1, 2, 3))

    def ask(attribution: np.ndarray) -> PerturbationCurve:
        rng = np.random.default_rng(1)
        return perturbation(kind, forward, image, 0.0, attribution, rng, cell=8, steps=8, random_orders=10)

    good, bad = ask(weights[0]), ask(-weights[0])
    assert (good.meaning, bad.meaning) == ("perturbation.better", "perturbation.worse")
    assert good.random_interval[0] < good.random_area < good.random_interval[1]
    # An even map is no map: its order is drawn, never the reading order.
    assert ask(np.zeros((64, 64))).meaning == "perturbation.as_random"


def test_a_constant_model_is_neither_better_nor_worse() -> None:
    image, rng = np.ones((3, 50, 40), np.float32), np.random.default_rng(0)
    answer = perturbation("deletion", lambda f: np.full(len(f), 2.5), image, 0.0, noise(0)[:50, :40], rng)
    assert answer.meaning == "perturbation.as_random"
    assert answer.fractions[[0, -1]].tolist() == [0, 1]


def test_films_are_counted_batched_and_cancelled() -> None:
    seen = []

    def forward(films: np.ndarray) -> np.ndarray:
        seen.append(len(films))
        return spot(films)

    image, rng = np.ones((3, 64, 64), np.float32), np.random.default_rng(0)
    answer = perturbation("deletion", forward, image, 0.0, noise(0), rng, batch_size=5, steps=4)
    assert sum(seen) == answer.evaluations == 2 + 6 * 3 and max(seen) == 5
    with pytest.raises(ExplanationCancelled):
        perturbation("deletion", spot, image, 0.0, noise(0), rng, cancelled=lambda: len(seen) > 0)


def test_every_meaning_has_a_family() -> None:
    families = {key.split(".")[0] for key in MEANINGS}
    shown = {"completeness", "settled", "support", "agreement", "discrimination", "share", "perturbation"}
    assert families == shown
    assert len(set(MEANINGS)) == len(MEANINGS)
