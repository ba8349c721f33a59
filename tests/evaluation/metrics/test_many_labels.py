"""Labels that do not exclude each other: what nobody labelled counts neither way."""

import json
from dataclasses import replace

import numpy as np
import pytest

from evaluation.metrics.many_labels import LabelScores, summarise_labels
from modeling.labels import Task

TASK = Task("tubes", "multilabel", ("Tube", "Line", "Drain"), ("", "", ""))
SHARES = dict.fromkeys(TASK.classes, 0.4)


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
    found, alone = (summarise_labels(TASK, one, SHARES)["per_class"]["Tube"] for one in (part, first))
    for key in ("n", "share", "auroc", "average_precision"):
        assert found[key] == alone[key], key
    assert part.brier(np.ones((1, 40)))[0] == pytest.approx(
        ((whole.values - whole.labels) ** 2)[known].mean()
    )
    assert summarise_labels(TASK, scores(np.ones_like(known)), SHARES) == summarise_labels(
        TASK, whole, SHARES
    )


def test_a_class_that_nobody_labelled_is_left_out() -> None:
    known = np.ones((40, 3), bool)
    known[:, 1] = False
    found = summarise_labels(TASK, scores(known), SHARES)
    assert set(found["per_class"]) == {"Tube", "Drain"} and scores(known).tested == [0, 2]
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["by_training_frequency"]["head"]["classes"] == ["Tube", "Drain"]
    roc = found["curves"]["Tube"]["roc"]
    assert roc[0] == [0.0, 0.0] and roc[-1] == [1.0, 1.0] and set(found["curves"]) == {"Tube", "Drain"}


def test_a_band_comes_from_the_training_shares_alone() -> None:
    found = summarise_labels(TASK, scores(None), {"Tube": 0.5, "Line": 0.02})
    assert [found["per_class"][name]["frequency"] for name in TASK.classes] == ["head", "tail", None]
    assert {band: row["classes"] for band, row in found["by_training_frequency"].items()} == {
        "head": ["Tube"],
        "tail": ["Line"],
    }
    tail, line = found["by_training_frequency"]["tail"], found["per_class"]["Line"]
    assert tail["macro_auroc"] == line["auroc"] and found["majority"]["brier"] is None
    assert summarise_labels(TASK, scores(None), {})["by_training_frequency"] == {}


def test_calibration_is_measured_on_what_no_film_of_its_own_fitted() -> None:
    plain = scores(None)
    fair = replace(plain, calibrated=np.full(plain.values.shape, 0.4))
    first, second = (summarise_labels(TASK, one, SHARES) for one in (plain, fair))
    assert first["macro_auroc"] == second["macro_auroc"] and first["brier"] != second["brier"]
    assert second["brier"] == second["majority"]["brier"]
