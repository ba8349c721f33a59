"""PPV and NPV elsewhere: known answers, and measured curves read with suspicion."""

import pytest

from interface.case_tab.operating_panel import Curve, counts, curve_of, operating_result, whole_calls
from interface.language.texts import LANGUAGES
from modeling.errors import ViewboxError
from modeling.labels import Target

TYPICAL = Target.parse("appearance/Typical")


def test_a_rare_finding_makes_most_calls_wrong():
    found = counts(0.01, 0.9, 0.9)
    assert (found.found, found.missed) == (pytest.approx(9), pytest.approx(1))
    assert (found.false_alarms, found.left_alone) == (pytest.approx(99), pytest.approx(891))
    assert found.ppv == pytest.approx(9 / 108) and found.npv == pytest.approx(891 / 892)
    assert counts(0.5, 0.9, 0.9).ppv == pytest.approx(0.9)
    assert counts(0.3, 0.0, 1.0).ppv is None and counts(0.3, 1.0, 0.0).npv is None


@pytest.mark.parametrize("values", [(-0.1, 0.5, 0.5), (0.5, 1.2, 0.5), (0.5, 0.5, float("nan"))])
def test_what_is_no_share_is_refused(values):
    with pytest.raises(ViewboxError):
        counts(*values)


def measurement(corpus: str, n: int, roc: object) -> dict:
    return {"task": "appearance", "corpus": corpus, "n": n, "curves": {"Typical": {"roc": roc}}}


ROC = [[0.0, 0.0], [0.1, 0.6], [0.3, 0.9], [1.0, 1.0]]


def test_the_case_s_own_source_goes_before_the_most_films():
    measured = {"a": measurement("siim", 600, ROC), "b": measurement("cohen", 50, ROC)}
    assert curve_of(measured, TYPICAL, "cohen").films == 50
    assert curve_of(measured, TYPICAL, "phantom").films == 600
    assert curve_of(measured, Target.parse("grading/Mild"), "siim") is None


@pytest.mark.parametrize("roc", [None, "x", [], [[0, 0]], [[0, 2], [1]], [[True, False], [0, None]]])
def test_a_curve_that_is_none_is_left_aside(roc):
    assert curve_of({"a": measurement("siim", 600, roc)}, TYPICAL, "siim") is None


@pytest.mark.parametrize("language", LANGUAGES)
def test_places_on_the_curve_are_measured_points(language):
    curve = curve_of({"a": measurement("siim", 600, ROC)}, TYPICAL, "siim")
    assert curve == Curve(tuple(map(tuple, ROC)), "siim", 600)
    assert curve.at(0) == (0.0, 1.0) and curve.at(1) == (1.0, 0.0) and curve.at(0.34) == (0.6, 0.9)
    told = operating_result(curve, TYPICAL, 0.01, 0.34, language)
    assert "60.0 %" in told and "90.0 %" in told and "600" in told and "5.7 %" in told
    nothing = operating_result(curve, TYPICAL, 0.01, 0.0, language)
    assert ("Nothing is called" if language == "en" else "沒有任何判斷") in nothing


@pytest.mark.parametrize(
    ("share", "told"),
    [
        (0.996, (996, 1000)),
        (0.5, (50, 100)),
        (1.0, (100, 100)),
        (0.0, (0, 100)),
        (0.99996, (100, 100)),
        (0.002, (2, 1000)),
    ],
)
def test_almost_all_is_told_of_enough_calls(share, told):
    assert whole_calls(share) == told
