"""Temperatures: probabilities by hand, and a known temperature found again."""

import numpy as np
import pytest

from modeling.model.temperature import (
    cross_fitted,
    cut,
    cut_point,
    fit_temperature,
    patient_folds,
    probabilities,
    reliability,
)


def test_probabilities_by_hand() -> None:
    logits = np.log([[0.2, 0.5, 0.3]])
    assert probabilities("softmax", logits)[0] == pytest.approx([0.2, 0.5, 0.3])
    assert probabilities("ordinal", logits + 7.0)[0] == pytest.approx([0.2, 0.5, 0.3])
    squared = np.array([0.2, 0.5, 0.3]) ** 2  # temperature 1/2 squares the odds
    assert probabilities("softmax", logits, 0.5)[0] == pytest.approx(squared / squared.sum())
    assert probabilities("multilabel", np.array([0.0, np.log(3.0)]), 1.0) == pytest.approx([0.5, 0.75])


def test_extreme_logits_stay_finite_and_in_range() -> None:
    for kind in ("softmax", "multilabel"):
        p = probabilities(kind, np.array([[1e4, -1e4, 0.0]], np.float32), 0.2)
        assert np.isfinite(p).all() and p.min() >= 0 and p.max() <= 1


@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.5])
def test_a_known_temperature_is_found_again(temperature: float) -> None:
    generator = np.random.default_rng(0)
    logits = generator.normal(0, 2, (20_000, 4))
    p = probabilities("softmax", logits, temperature)
    labels = (p.cumsum(axis=1) < generator.random((len(p), 1))).sum(axis=1)
    assert fit_temperature("softmax", logits, labels) == pytest.approx(temperature, rel=0.05)


@pytest.mark.parametrize("temperature", [0.5, 3.0])
def test_a_known_temperature_is_found_through_missing_labels(temperature: float) -> None:
    generator = np.random.default_rng(1)
    logits = generator.normal(0, 3, (20_000, 3))
    labels = (generator.random(logits.shape) < probabilities("multilabel", logits, temperature)).astype(float)
    labels[generator.random(labels.shape) < 0.3] = np.nan
    assert fit_temperature("multilabel", logits, labels) == pytest.approx(temperature, rel=0.07)


def test_without_labels_nothing_is_changed() -> None:
    assert fit_temperature("softmax", np.zeros((0, 4)), np.zeros(0)) == 1.0
    assert fit_temperature("multilabel", np.zeros((5, 2)), np.full((5, 2), np.nan)) == 1.0


def test_a_perfect_model_stops_at_the_bound() -> None:
    labels = np.arange(300) % 3
    fitted = fit_temperature("softmax", np.eye(3)[labels] * 2, labels)
    assert 0.2 <= fitted < 0.25


# --- measured on patients that had no part in it


def test_a_film_is_calibrated_without_its_own_patient() -> None:
    generator = np.random.default_rng(2)
    labels = generator.integers(0, 3, 300)
    logits = generator.normal(0, 1, (300, 3)) + 2 * np.eye(3)[labels]
    patients = np.arange(300) // 3
    values = cross_fitted("softmax", logits, labels, patients)
    assert (values.argmax(axis=1) == logits.argmax(axis=1)).all()
    folds = patient_folds(patients)
    assert all(len(set(folds[patients == p])) == 1 for p in np.unique(patients))
    flipped = np.where(folds == 0, (labels + 1) % 3, labels)  # other labels in one fold ...
    again = cross_fitted("softmax", logits, flipped, patients)
    assert np.allclose(again[folds == 0], values[folds == 0])  # ... change nothing there
    assert not np.allclose(again[folds != 0], values[folds != 0])


def test_the_reliability_diagram_by_hand() -> None:
    values = np.array([[0.95, 0.05], [0.93, 0.07], [0.55, 0.45]])
    low, high = reliability(values, np.array([0, 1, 0]))
    assert (low.films, low.right, low.probability) == (1, 1.0, pytest.approx(0.55))
    assert (high.films, high.right, high.probability) == (2, 0.5, pytest.approx(0.94))


def test_cut_points_by_hand() -> None:
    values = np.array([0.9, 0.8, 0.7, 0.2, 0.6, 0.5, 0.4, 0.1])
    positive = np.array([True] * 4 + [False] * 4)
    assert cut(values, positive, "balanced") == 0.7  # 3 of 4 found, no false alarm
    assert cut(values, positive, "sensitive") == 0.2  # 4 of 4 found
    assert cut(values, np.zeros(8, bool), "balanced") == 1.0


def test_a_cut_point_says_what_it_does_on_other_patients() -> None:
    generator = np.random.default_rng(4)
    positive = generator.random(4000) < 0.3
    values = 1 / (1 + np.exp(-generator.normal(size=4000) - 2 * positive))
    point = cut_point(values, positive, np.arange(4000), "sensitive")
    assert point.sensitivity == pytest.approx(0.9, abs=0.02)
    assert point.specificity == pytest.approx(float((values[~positive] < point.threshold).mean()), abs=0.02)
