"""Lung fields and burned-in marks on films whose lungs and letters are known."""

import numpy as np
import pytest

from cases.phantom.generator import PhantomSettings, generate_phantom
from cases.phantom.overlays import letters, stamp
from modeling.model.film import brightness
from modeling.trust.film_regions import burned_in, lung_fields


def test_the_lungs_of_phantoms_are_found() -> None:
    overlaps = []
    for seed in (1, 2, 3, 4):
        phantom = generate_phantom(seed, settings=PhantomSettings(size=160, labels=("Negative", None)))
        lungs = np.logical_or.reduce(list(phantom.zones.values()))
        found = lung_fields(brightness(phantom.case.study.radiograph))
        assert found.shape == lungs.shape and found.dtype == np.bool_
        overlaps.append((found & lungs).sum() / (found | lungs).sum())
        middle = found[:, found.shape[1] // 2 - 2 : found.shape[1] // 2 + 2]
        assert middle.mean() < 0.2, "the spine is no lung"
    assert np.mean(overlaps) >= 0.6 and min(overlaps) >= 0.45, overlaps


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (40, 900), (64, 64)])
def test_any_film_gets_an_answer(shape: tuple[int, int]) -> None:
    for film in (np.zeros(shape, np.float32), np.random.default_rng(0).random(shape, np.float32)):
        assert lung_fields(film).shape == burned_in(film).shape == shape
    assert not lung_fields(np.full(shape, 0.5, np.float32)).any(), "an even film has no lungs"
    assert not burned_in(np.full(shape, 0.5, np.float32)).any()


@pytest.mark.parametrize("side", [256, 512, 1024])
def test_letters_at_the_edge_are_found_and_a_bright_body_is_not(side: int) -> None:
    rows, columns = np.mgrid[0:side, 0:side] / side
    film = (0.15 + 0.75 * np.exp(-(((columns - 0.5) / 0.3) ** 2 + ((rows - 0.7) / 0.4) ** 2))).astype(
        np.float64
    )
    assert not burned_in(film).any()
    where = stamp(film, letters("L", 0.05 * side), round(0.06 * side), round(0.88 * side), 0.97)
    found = burned_in(film)
    assert (found & where).sum() >= 0.8 * where.sum()
    assert found.mean() < 0.02
