"""Intervals and paired tests on data with a known answer."""

import numpy as np
import pytest

from evaluation.metrics.bootstrap import compare, measured, patient_draws
from evaluation.metrics.one_label import Scored, accuracy, auroc


def scores(labels: np.ndarray, strength: float, generator: np.random.Generator) -> np.ndarray:
    return labels * strength + generator.normal(size=len(labels))


def test_films_of_a_patient_are_drawn_together() -> None:
    patients = np.array(["a", "b", "a", "c", "b"])
    draws = patient_draws(patients, 50)
    assert (draws[:, 0] == draws[:, 2]).all() and (draws[:, 1] == draws[:, 4]).all()
    assert (draws[:, 0] + draws[:, 1] + draws[:, 3] == 3).all()  # three patients drawn each time
    assert (draws == patient_draws(patients, 50)).all()


def test_the_interval_of_a_share_is_the_known_one() -> None:
    right = np.arange(400) < 300
    scored = Scored(np.stack([right, ~right], 1).astype(float), np.zeros(400, int))
    found = measured(lambda w: accuracy(scored, w), patient_draws(np.arange(400)))
    assert found.value == pytest.approx(0.75)
    half = 1.96 * np.sqrt(0.75 * 0.25 / 400)
    assert (found.low, found.high) == (
        pytest.approx(0.75 - half, abs=0.006),
        pytest.approx(0.75 + half, abs=0.006),
    )


def test_a_better_model_wins_and_a_model_does_not_beat_itself() -> None:
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, 400)
    strong, weak = (scores(labels, s, generator) for s in (2.0, 0.5))
    draws = patient_draws(np.arange(400), 500)

    def statistic(values: np.ndarray):
        return lambda weights: auroc(values, labels == 1, weights)

    test = compare(statistic(strong), statistic(weak), draws)
    assert test.difference.value > 0.15 and test.difference.low > 0
    assert test.p == pytest.approx(2 / 501) and test.difference.value > 0
    assert compare(statistic(weak), statistic(strong), draws).difference.value < 0
    same = compare(statistic(strong), statistic(strong), draws)
    assert same.difference.value == 0 and same.p == 1.0


def test_equal_models_are_rarely_told_apart() -> None:
    """Under the null hypothesis about one p in ten lies below 0.1."""
    small = 0
    for seed in range(100):
        generator = np.random.default_rng(seed)
        labels = generator.integers(0, 2, 120)
        first, second = (scores(labels, 1.0, generator) for _ in range(2))
        draws = patient_draws(np.arange(120), 200, seed)
        test = compare(
            lambda w, s=first, y=labels: auroc(s, y == 1, w),
            lambda w, s=second, y=labels: auroc(s, y == 1, w),
            draws,
        )
        small += test.p < 0.1
    assert 3 <= small <= 20


def test_a_statistic_without_a_value_has_no_p() -> None:
    draws = patient_draws(np.arange(5), 20)
    nothing = compare(
        lambda w: auroc(np.zeros(5), np.zeros(5, bool), w),
        lambda w: auroc(np.ones(5), np.zeros(5, bool), w),
        draws,
    )
    assert np.isnan(nothing.p)
