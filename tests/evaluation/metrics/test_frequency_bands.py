"""Head, medium and tail apart, against numbers worked out by hand and by scikit-learn."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score, matthews_corrcoef, roc_auc_score

from evaluation.metrics.bootstrap import patient_draws
from evaluation.metrics.frequency_bands import Drawn, ahead_of, bands, within_folds


def test_bands_go_by_what_there_was_to_learn_from() -> None:
    found = bands(np.array([101.0, 100.0, 20.0, 19.2, 0.8, 0.0]), np.array([126, 125, 25, 24, 1, 0]))
    assert {name: np.flatnonzero(band).tolist() for name, band in found.items()} == {
        "head": [0],
        "medium": [1, 2],
        "tail": [3, 4],
        "once": [4],
    }


def test_folds_need_not_agree_on_a_scale() -> None:
    scores = np.array([[1.0], [2.0], [100.0], [300.0], [300.0]])
    assert within_folds(scores, np.array([0, 0, 1, 1, 1]))[:, 0].tolist() == pytest.approx(
        [0.5, 1.0, 1 / 3, 2.5 / 3, 2.5 / 3]
    )


def test_metrics_are_scikit_learns() -> None:
    random = np.random.default_rng(0)
    labels = random.random((120, 3)) < (0.4, 0.1, 0.05)
    scores = within_folds(random.random((120, 3)) + 0.3 * labels, np.zeros(120))
    said = scores > 0.8
    found = Drawn.of(scores, labels, said, patient_draws(np.arange(120), 30)).summary(np.ones(3, bool))
    for name, metric, values in (
        ("auroc", roc_auc_score, scores),
        ("average_precision", average_precision_score, scores),
        ("f1", f1_score, said),
        ("matthews", matthews_corrcoef, said),
    ):
        assert found[name] == pytest.approx(
            np.mean([metric(labels[:, k], values[:, k]) for k in range(3)]), abs=1e-3
        ), name
        assert found[f"{name}_95"][0] <= found[name] <= found[f"{name}_95"][1]
    assert found["recall_at_fpr_01"] <= found["recall_at_fpr_05"] <= found["recall_at_fpr_10"]


def test_a_better_one_is_ahead_and_an_equal_one_is_not() -> None:
    random = np.random.default_rng(1)
    labels = random.random((200, 4)) < 0.1
    draws = patient_draws(np.arange(200), 99)
    good, poor = labels + random.random((200, 4)), random.random((200, 4))
    own, rival = (Drawn.of(scores, labels, scores > 1, draws) for scores in (good, poor))
    better = ahead_of(own, rival, np.ones(4, bool))
    assert better["difference"] > 0.3 and better["p"] == pytest.approx(0.02, abs=1e-3)
    assert ahead_of(own, own, np.ones(4, bool)) == {"difference": 0.0, "difference_95": [0.0, 0.0], "p": 1.0}
