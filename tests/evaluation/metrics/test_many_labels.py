"""Labels that do not exclude each other: what nobody labelled counts neither way."""

import json

import numpy as np
import pytest

from evaluation.metrics.many_labels import LabelScores, summarise_labels
from modeling.labels import Task

TASK = Task("tubes", "multilabel", ("Tube", "Line", "Drain"), ("", "", ""))


def scores(known: np.ndarray | None, count: int = 40) -> LabelScores:
    generator = np.random.default_rng(0)
    labels = generator.random((count, 3)) < 0.4
    values = np.clip(labels * 0.4 + generator.random((count, 3)) * 0.6, 0, 1)
    return LabelScores(values, labels, np.arange(count).astype(str), known)


def test_unknown_labels_change_no_number_of_the_known_ones() -> None:
    whole = scores(None)
    known = np.ones(whole.labels.shape, bool)
    known[20:, 0] = False
    part = scores(known)
    first = LabelScores(whole.values[:20], whole.labels[:20], whole.patients[:20])
    found, alone = (
        summarise_labels(TASK, one, np.full(3, 0.4))["per_class"]["Tube"] for one in (part, first)
    )
    for key in ("n", "share", "auroc", "average_precision"):
        assert found[key] == alone[key], key
    assert part.brier(np.ones((1, 40)))[0] == pytest.approx(
        ((whole.values - whole.labels) ** 2)[known].mean()
    )
    assert summarise_labels(TASK, scores(np.ones_like(known)), np.full(3, 0.4)) == summarise_labels(
        TASK, whole, np.full(3, 0.4)
    )


def test_a_class_that_nobody_labelled_is_left_out() -> None:
    known = np.ones((40, 3), bool)
    known[:, 1] = False
    found = summarise_labels(TASK, scores(known), np.full(3, 0.4))
    assert set(found["per_class"]) == {"Tube", "Drain"} and scores(known).tested == [0, 2]
    assert json.loads(json.dumps(found, allow_nan=False)) == found
