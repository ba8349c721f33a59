"""The verdicts' own record: by hand."""

import pytest

from evaluation.maps.verdict_record import JudgedMap, summarise
from modeling.trust.verdict import Reason, Verdict

WEAK = Reason("weakly_held", "support", 0.2)


def judged(level: str, hit: bool, patient: str, odds: float, *reasons: Reason) -> JudgedMap:
    return JudgedMap(Verdict(level, reasons, {}, odds), hit, patient)


def test_hits_are_counted_by_verdict_and_by_reason() -> None:
    maps = [
        judged("trustworthy", True, "a", 2.0),
        judged("trustworthy", True, "b", 1.5),
        judged("trustworthy", False, "c", 0.9),
        judged("doubtful", True, "d", 0.2, WEAK),
        judged("do_not_trust", False, "e", 0.1, WEAK, Reason("outside_lungs", "lungs", 0.1)),
    ]
    found = summarise(maps)
    assert {k: (v["hits"], v["films"]) for k, v in found["levels"].items()} == {
        "trustworthy": (2, 3),
        "doubtful": (1, 1),
        "do_not_trust": (0, 1),
    }
    assert found["levels"]["trustworthy"]["interval_95"] == pytest.approx(
        [0.2077, 0.9385], abs=1e-4
    )  # Wilson
    assert {k: v["films"] for k, v in found["reasons"].items()} == {"weakly_held": 2, "outside_lungs": 1}
    # Of the six pairs of a hit and a miss five are in order; the doubtful hit stands below one miss.
    assert found["auroc"]["value"] == pytest.approx(5 / 6, abs=1e-4)
    assert summarise(maps[:1])["auroc"]["value"] is None and found["all"]["value"] == 0.6
