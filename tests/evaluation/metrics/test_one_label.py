"""Every metric for a draw of patients equals the known one on the drawn films."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn import metrics as sklearn_metrics

from evaluation.metrics.bootstrap import plain
from evaluation.metrics.one_label import (
    CALIBRATION,
    Scored,
    auroc,
    average_precision,
    confusion,
    metrics_for,
    plain_kappa,
    recall_at_rate,
    spearman,
)

K = 4
LABELS = list(range(K))


@pytest.fixture(scope="module")
def drawn() -> tuple[Scored, np.ndarray]:
    """150 films with many tied probabilities, and three draws of them."""
    generator = np.random.default_rng(3)
    labels = generator.integers(0, K, 150)
    raw = generator.random((150, K)) + 0.7 * np.eye(K)[labels]
    values = (raw / raw.sum(axis=1, keepdims=True)).round(2)
    return Scored(values, labels), generator.integers(0, 4, (3, 150)).astype(float)


def known_kappa(values: np.ndarray, labels: np.ndarray) -> float:
    return sklearn_metrics.cohen_kappa_score(labels, values.argmax(1), weights="quadratic", labels=LABELS)


def known_brier(values: np.ndarray, labels: np.ndarray) -> float:
    return float(((values - np.eye(K)[labels]) ** 2).sum(axis=1).mean())


def known_calibration_error(values: np.ndarray, labels: np.ndarray, bins: int = 10) -> float:
    top, right = values.max(axis=1), values.argmax(axis=1) == labels
    number = np.minimum((top * bins).astype(int), bins - 1)
    filled = [number == b for b in range(bins) if (number == b).any()]
    return float(sum(i.mean() * abs(top[i].mean() - right[i].mean()) for i in filled))


KNOWN: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "macro_auroc": lambda v, y: sklearn_metrics.roc_auc_score(np.eye(K)[y], v),
    "macro_average_precision": lambda v, y: sklearn_metrics.average_precision_score(np.eye(K)[y], v),
    "accuracy": lambda v, y: sklearn_metrics.accuracy_score(y, v.argmax(1)),
    "macro_f1": lambda v, y: sklearn_metrics.f1_score(y, v.argmax(1), average="macro", labels=LABELS),
    "matthews": lambda v, y: sklearn_metrics.matthews_corrcoef(y, v.argmax(1)),
    "quadratic_kappa": known_kappa,
    "plain_kappa": lambda v, y: sklearn_metrics.cohen_kappa_score(y, v.argmax(1)),
    "expected_calibration_error": known_calibration_error,
    "brier": known_brier,
}


@pytest.mark.parametrize("name", KNOWN)
def test_a_metric_of_draws_equals_the_metric_of_the_drawn_films(
    name: str, drawn: tuple[Scored, np.ndarray]
) -> None:
    scored, weights = drawn
    found = (metrics_for("ordinal") | CALIBRATION | {"plain_kappa": plain_kappa})[name](scored, weights)
    assert found.shape == (3,)
    for row, value in zip(weights.astype(int), found, strict=True):
        films = np.repeat(np.arange(len(row)), row)
        assert value == pytest.approx(KNOWN[name](scored.values[films], scored.labels[films]), abs=1e-9)


def test_spearman_of_draws_equals_the_known_one(drawn: tuple[Scored, np.ndarray]) -> None:
    scored, weights = drawn
    for row, value in zip(
        weights.astype(int), spearman(scored.values[:, 0], scored.labels.astype(float), weights), strict=True
    ):
        films = np.repeat(np.arange(len(row)), row)
        known = spearmanr(scored.values[films, 0], scored.labels[films]).statistic
        assert value == pytest.approx(known, abs=1e-9)


def test_recall_at_a_false_positive_rate_by_hand() -> None:
    scores = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4])
    positive = np.array([True, False, True, True, False, True])
    # one of two negatives lies above 0.7: with none allowed 1 of 4 positives is found, with half 3 of 4
    assert recall_at_rate(scores, positive, plain(6), 0.4)[0] == 0.25
    assert recall_at_rate(scores, positive, plain(6), 0.5)[0] == 0.75
    assert recall_at_rate(scores, positive, plain(6), 1.0)[0] == 1.0
    tied = np.full(6, 0.5)
    assert recall_at_rate(tied, positive, plain(6), 0.9)[0] == 0.0


def test_what_a_draw_does_not_define_is_no_number() -> None:
    scores, positive = np.array([0.2, 0.8]), np.array([False, True])
    weights = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    assert np.isnan(auroc(scores, positive, weights)).tolist() == [True, True, False]
    assert np.isnan(average_precision(scores, positive, weights)).tolist() == [True, False, False]


def test_the_confusion_matrix_by_hand() -> None:
    scored = Scored(np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]), np.array([0, 1, 1]))
    assert confusion(scored, np.array([[1.0, 2.0, 3.0]]))[0].tolist() == [[1, 0], [3, 2]]


def test_kappa_is_for_classes_in_an_order_only() -> None:
    assert "quadratic_kappa" in metrics_for("ordinal")
    assert "quadratic_kappa" not in metrics_for("softmax")
