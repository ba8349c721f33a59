"""Boxes of zones in the frame of the lungs, found or usual, from the front and from the side."""

import numpy as np
import pytest

from modeling.reports.film_zones import USUAL, LungFrame
from modeling.reports.pointing import ZONES, Place

FRAME = LungFrame(USUAL["right"], USUAL["left"])


def test_the_patients_right_is_on_the_left_and_the_base_below():
    ((left, top, right, bottom),) = FRAME.boxes(Place("base", "right"))
    assert right < 0.55 and top > 0.5 and bottom > top and right > left
    assert FRAME.boxes(Place("apex", "left"))[0][3] < 0.5 < FRAME.boxes(Place("apex", "left"))[0][2]
    assert len(FRAME.boxes(Place("base", "both"))) == 2


def test_a_part_of_a_zone_lies_on_its_side_of_the_lung():
    (outer,), (inner,) = (FRAME.boxes(Place("mid", "right", part)) for part in ("peripheral", "central"))
    assert outer[0] < inner[0] and outer[2] < inner[2]
    (outer,), (inner,) = (FRAME.boxes(Place("mid", "left", part)) for part in ("peripheral", "central"))
    assert outer[0] > inner[0] and outer[2] > inner[2]


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("lateral", [False, True])
def test_every_zone_has_its_box_on_the_film(zone, lateral):
    frame = LungFrame.of(np.full((40, 30), 0.5), lateral=lateral)
    for left, top, right, bottom in frame.boxes(Place(zone, "left")):
        assert 0 <= left < right <= 1 and 0 <= top < bottom <= 1


def test_a_film_without_lungs_has_them_where_they_usually_lie_and_others_where_they_are_found():
    assert LungFrame.of(np.full((64, 64), 0.5)) == FRAME
    film = np.full((128, 128), 0.8)
    film[30:100, 20:55] = film[30:100, 70:105] = 0.3
    found = LungFrame.of(film, trusted=1.0)
    assert found.right[0] == pytest.approx(20 / 128, abs=0.05)
    assert found.left[3] == pytest.approx(100 / 128, abs=0.05)
