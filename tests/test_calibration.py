"""Temperatures: probabilities by hand, and a known temperature found again."""

import numpy as np
import pytest

from modeling.calibration import fit_temperature, probabilities


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
