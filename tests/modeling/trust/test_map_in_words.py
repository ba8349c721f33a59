"""Where a map lies: known places on a drawn film and on phantoms."""

import numpy as np
import pytest

from modeling.trust.map_in_words import OUTSIDE, ZONES, place_of_weight, zone_masks
from tests.doubles.toys import toy_radiograph


@pytest.fixture(scope="module")
def film() -> np.ndarray:
    return toy_radiograph(0, (364, 280)).pixels.astype(np.float32) / 255


def test_the_zones_lie_where_they_are_called(film):
    masks = zone_masks(film)
    assert tuple(masks) == ZONES and sum(m.astype(int) for m in masks.values()).max() == 1
    centres = {name: np.argwhere(mask).mean(axis=0) for name, mask in masks.items()}
    for name, (row, column) in centres.items():
        side, height = name.split()
        assert (column < film.shape[1] / 2) == (side == "right"), "the patient's right is the image's left"
        assert height != "upper" or row < centres[f"{side} middle"][0] < centres[f"{side} lower"][0]


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("sign", [1, -1])
def test_a_spot_is_found_in_its_zone(film, zone, sign):
    density = np.zeros((91, 70))
    row, column = np.argwhere(zone_masks(film)[zone]).mean(axis=0) / 4
    density[int(row) - 2 : int(row) + 3, int(column) - 2 : int(column) + 3] = sign * 0.5
    place = place_of_weight(density, film)
    assert place.most[0] == zone and place.most[1] > 0.8
    assert sum(place.zones.values()) + place.outside == pytest.approx(1)


def test_weight_on_the_border_is_said_to_lie_outside(film):
    density = np.zeros((91, 70))
    density[:3] = 1.0
    assert place_of_weight(density, film).most == (OUTSIDE, pytest.approx(1))


def test_an_empty_map_and_an_even_film_have_no_place(film):
    assert place_of_weight(np.zeros((91, 70)), film) is None
    assert place_of_weight(np.ones((91, 70)), np.full((364, 280), 0.5)) is None
