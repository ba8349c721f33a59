"""What the difference of two maps is worth: pairs whose numbers are known, and a phantom study as a whole."""

import pytest

from evaluation.maps.film_changes import lines, pairs_of, summary
from hub_config.settings import STUDY_CHECKPOINT
from modeling.study_answer import StudyPipeline


def pair(study: int, change: str, strength: float, *, hit: bool = False, breath: bool = False) -> dict:
    judged = {"strength": strength, "hit": hit}
    known = {"study": study, "view": "PA", "change": change, "deeper_breath": breath, "refused": False}
    apart = {"before_px": 6.0, "after_px": 1.0, "answers": strength, "area": 0.01}
    return known | apart | {"laid": judged, "as_they_are": {"strength": 0.1, "hit": False}}


def test_numbers_of_pairs_whose_answer_is_known():
    pairs = [
        pair(0, "new", 0.8, hit=True),
        pair(1, "cleared", -0.6, hit=True),
        pair(2, "cleared", 0.5),
        pair(3, "unchanged", 0.2),
        pair(4, "clear", -0.1, breath=True),
        {"study": 5, "view": "PA", "change": "new", "deeper_breath": False, "refused": True},
    ]
    found = summary(pairs, resamples=50)["PA"]
    assert (found["pairs"], found["refused"], found["changed"]) == (6, 1, 3)
    assert found["before_px"]["value"] == 6.0 and found["after_px"]["value"] == 1.0
    assert found["laid"]["auroc"]["value"] == 1.0 and found["as_they_are"]["auroc"]["value"] == 0.5
    assert (
        found["laid"]["hit"]["value"]
        == found["laid"]["right_sign"]["value"]
        == pytest.approx(2 / 3, abs=1e-3)
    )
    assert found["usual"] == pytest.approx(0.195) and found["deeper_breath"]["strengths"] == [0.1]
    told = lines({"views": {"PA": found}})
    assert "PA: 6 pairs, 3 changed, 1 refused" in told and "landmarks apart 6.000" in told


def test_a_study_is_measured_view_by_view():
    found = list(pairs_of(StudyPipeline.from_pretrained(STUDY_CHECKPOINT), 9000, 0))
    assert [one["view"] for one in found] == ["PA", "lateral"]
    for one in found:  # the first of a series differs in a deeper breath alone
        assert one["deeper_breath"] and one["change"] == "clear" and not one["refused"]
        assert one["after_px"] < 0.6 * one["before_px"] and abs(one["laid"]["strength"]) < 0.4
