"""Prediction sets hold the label as often as they promise, on films like those they were set on."""

import numpy as np
import pytest

from modeling.model.operating_points import class_thresholds, conformal_threshold, measured_coverage, members
from modeling.model.temperature import probabilities


def films(count: int, seed: int, temperature: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities that may be over-confident, with labels drawn from the true ones."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(0, 1.5, (count, 4))
    true = probabilities("softmax", logits)
    labels = (true.cumsum(axis=1) < generator.random((count, 1))).sum(axis=1)
    return probabilities("softmax", logits, temperature), one_hot(labels)


def one_hot(labels: np.ndarray, classes: int = 4) -> np.ndarray:
    return np.eye(classes, dtype=bool)[labels]


@pytest.mark.parametrize("temperature", [1.0, 0.4])
@pytest.mark.parametrize("coverage", [0.8, 0.9])
def test_the_promise_holds_on_new_films_even_of_a_badly_calibrated_model(
    coverage: float, temperature: float
) -> None:
    threshold = conformal_threshold(*films(1000, 0, temperature), coverage)
    values, present = films(20_000, 1, temperature)
    inside = members(values, threshold)[present]
    assert inside.mean() == pytest.approx(coverage, abs=0.02)


def test_the_threshold_by_hand() -> None:
    values = np.array([[p, 1 - p] for p in (0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)])
    labels = one_hot(np.zeros(9, int), 2)
    assert conformal_threshold(values, labels, 0.9) == pytest.approx(0.1)  # rank ceil(10 * 0.9) = 9 of 9
    assert conformal_threshold(values, labels, 0.5) == pytest.approx(0.5)
    assert conformal_threshold(values[:8], labels[:8], 0.9) == 0.0  # too few films: every class is in
    assert members(values, 0.0).all()


def test_a_set_is_never_empty() -> None:
    inside = members(np.array([[0.4, 0.35, 0.25]]), 0.9)
    assert inside.tolist() == [[True, False, False]]


def test_measured_coverage_says_what_the_sets_do() -> None:
    values, present = films(1200, 2)
    found = measured_coverage(values, present, np.arange(1200) // 2)
    assert found.coverage == pytest.approx(0.9, abs=0.015)
    assert found.low < found.coverage < found.high
    assert found.sizes.sum() == pytest.approx(1.0)
    assert found.size == pytest.approx((found.sizes * np.arange(1, 5)).sum())
    assert found.by_class.shape == (4,)
    rare = measured_coverage(values, one_hot(present.argmax(axis=1) % 3), np.arange(1200), halvings=5)
    assert np.isnan(rare.by_class[3])


def test_each_class_has_its_own_threshold_and_keeps_its_own_promise() -> None:
    """A model that never believes in the rare class breaks the common promise for it, and keeps its own."""
    values, labels = films(4000, 3)
    rare = values * np.array([1.0, 1.0, 1.0, 0.15])
    rare /= rare.sum(axis=1, keepdims=True)
    common, own = (
        measured_coverage(rare, labels, np.arange(4000), halvings=10, fit=fit)
        for fit in (conformal_threshold, class_thresholds)
    )
    assert common.coverage == pytest.approx(0.9, abs=0.02) and common.by_class[3] < 0.75
    assert own.by_class == pytest.approx(np.full(4, 0.9), abs=0.02)


def test_the_thresholds_of_the_classes_by_hand() -> None:
    values = np.array([[0.9, 0.1]] * 9 + [[p, 1 - p] for p in (0.2, 0.4, 0.6, 0.8)] * 3)
    labels = one_hot(np.array([0] * 9 + [1] * 12), 2)
    found = class_thresholds(values, labels, 0.5)
    assert found == pytest.approx([0.9, 0.4])  # rank ceil(10 * 0.5) of 9, ceil(13 * 0.5) = 7 of 12
    assert members(np.array([[0.45, 0.55], [0.95, 0.05]]), found).tolist() == [[False, True], [True, False]]


# --- findings that do not exclude each other


def findings(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of three findings that come together as they like; the third is rare."""
    generator = np.random.default_rng(seed)
    values = generator.beta(2, 2, (count, 3)) * np.array([1.0, 0.7, 0.02])
    return values, generator.random((count, 3)) < values


def test_a_list_holds_its_share_of_the_findings_that_are_there() -> None:
    own = class_thresholds(*findings(3000, 0), 0.9)
    values, present = findings(20_000, 1)
    inside = members(values, own, exclusive=False)
    for k in range(3):
        assert inside[present[:, k], k].mean() == pytest.approx(0.9, abs=0.06 if k == 2 else 0.03)
    found = measured_coverage(
        values[:3000], present[:3000], np.arange(3000) // 2, fit=class_thresholds, exclusive=False
    )
    assert found.coverage == pytest.approx(0.9, abs=0.02) and found.low < 0.9 < found.high
    assert found.sizes.shape == (4,) and found.size == pytest.approx(found.sizes @ np.arange(4))


def test_a_finding_that_too_few_films_have_is_in_no_list_and_in_no_promise() -> None:
    values, present = findings(400, 2)
    present[:, 2] = np.arange(400) < 8
    own = class_thresholds(values, present, 0.9)
    assert own[2] == 0.0
    assert not members(values, own, exclusive=False)[:, 2].any()
    found = measured_coverage(values, present, np.arange(400), fit=class_thresholds, exclusive=False)
    assert np.isnan(found.by_class[2]) and found.coverage == pytest.approx(0.9, abs=0.04)
    empty = measured_coverage(
        values, np.zeros_like(present), np.arange(400), fit=class_thresholds, exclusive=False
    )
    assert np.isnan(empty.coverage)


def test_a_list_may_be_empty() -> None:
    assert members(np.array([[0.1, 0.2]]), np.array([0.5, 0.5]), exclusive=False).tolist() == [[False, False]]
