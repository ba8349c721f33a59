"""What comes out: sums, shares and verdicts by hand."""

import numpy as np
import pytest

from modeling.errors import ViewboxError
from modeling.labels import APPEARANCE, GRADING, Target
from modeling.results import (
    Attribution,
    FieldAttribution,
    ModalityShare,
    Prediction,
    TaskPrediction,
    WordAttribution,
)
from modeling.study import Modality


def attribution(output: float = 2.0, baseline_output: float = 0.5, **changes: object) -> Attribution:
    values = {
        "target": Target(APPEARANCE, "Typical"),
        "method": "integrated_gradients",
        "baseline": "black",
        "image": np.array([[0.5, -0.25], [0.75, 0.0]], np.float32),
        "fields": (FieldAttribution("age", 40.0, 0.25), FieldAttribution("sex", None, 0.0)),
        "words": (
            WordAttribution("indication", 0, 5, "fever", 0.5),
            WordAttribution("indication", 6, 9, "dry", -0.25),
        ),
        "output": output,
        "baseline_output": baseline_output,
        "evaluations": 8,
        "seconds": 0.1,
        "padding": 0.0625,
        "special_tokens": -0.0625,
    }
    return Attribution(**(values | changes))


def test_the_modality_share_counts_every_logit_once() -> None:
    share = attribution().modality_share
    assert share.logits == {Modality.IMAGE: 1.0625, Modality.TABLE: 0.25, Modality.TEXT: 0.1875}
    assert sum(share.fractions.values()) == pytest.approx(1.0)
    assert attribution().total == pytest.approx(1.5)


def test_fractions_are_of_magnitudes() -> None:
    share = ModalityShare({Modality.IMAGE: -3.0, Modality.TABLE: 1.0, Modality.TEXT: 0.0})
    assert share.fractions == {Modality.IMAGE: 0.75, Modality.TABLE: 0.25, Modality.TEXT: 0.0}
    assert set(ModalityShare({Modality.IMAGE: 0.0}).fractions.values()) == {0.0}


def test_a_study_without_film_has_no_image_share() -> None:
    without = attribution(image=None, padding=0.0)
    assert without.modality_share.logits[Modality.IMAGE] == 0.0
    assert without.total == pytest.approx(0.4375)


@pytest.mark.parametrize(
    ("output", "delta", "verdict"),
    [
        (2.0, 0.0, "converged"),
        (2.01, -0.01, "converged"),
        (2.05, -0.05, "usable"),
        (3.0, -1.0, "not converged"),
    ],
)
def test_the_delta_is_total_minus_change(output: float, delta: float, verdict: str) -> None:
    one = attribution(output)
    assert one.convergence_delta == pytest.approx(delta)
    assert one.relative_delta == pytest.approx(abs(delta) / (output - 0.5))
    assert one.verdict == verdict


def test_an_account_of_nothing_never_converges() -> None:
    empty = attribution(1.0, 1.0, image=None, fields=(), words=(), padding=0.0, special_tokens=0.0)
    assert (empty.relative_delta, empty.verdict, empty.is_empty) == (0.0, "nothing to explain", True)
    even = attribution(1.0, 0.0, image=np.full((4, 4), 1 / 16, np.float32), fields=(), words=())
    assert even.is_empty and even.verdict == "nothing to explain"
    assert attribution(1.0, 1.0).verdict == "not converged"


def test_a_prediction_is_asked_by_task() -> None:
    answer = TaskPrediction(
        GRADING,
        ("Mild", "Moderate", "Severe"),
        np.zeros(3),
        np.array([0.2, 0.5, 0.3]),
        (Modality.IMAGE,),
    )
    prediction = Prediction((answer,), (Modality.IMAGE,))
    assert prediction["grading"] is prediction[GRADING] is answer
    assert answer.most_probable == "Moderate"
    with pytest.raises(ViewboxError, match="no prediction for appearance"):
        prediction[APPEARANCE]
