"""What the page says of a part that was taken away."""

from types import SimpleNamespace

import numpy as np
import pytest

from interface.case_tab.prove_handlers import _outcome
from interface.case_tab.prove_panel import proof_panel
from interface.session.session import PlaceTest
from modeling.labels import APPEARANCE, Target


def proof(claim: str, change: float) -> SimpleNamespace:
    chances = dict(zip(("before", "after"), ((0.05, 0.95, 0.0, 0.0), (0.28, 0.72, 0.0, 0.0)), strict=True))
    answers = {}
    for name, given in chances.items():
        task = SimpleNamespace(task=APPEARANCE, classes=APPEARANCE.classes, probabilities=given)
        answers[name] = SimpleNamespace(tasks=[task], notes=())
    numbers = {"claimed": 6.9, "change": change, "claim": claim, "factor": 4.6, "seconds": 0.02, "notes": ()}
    return SimpleNamespace(target=Target(APPEARANCE, "Typical"), **answers, **numbers)


@pytest.mark.parametrize(("change", "outcome", "said"), [(-1.5, "held", "✓"), (0.2, "failed", "✗")])
def test_a_map_that_says_where_is_judged_by_whether_the_answer_weakens(change, outcome, said):
    told = proof("exaggerated" if change < 0 else "failed", change)
    assert _outcome(told, says_where=True) == outcome
    place = PlaceTest(np.ones((2, 2), bool), outcome)
    panel = proof_panel(told, "en", tested="outlined", where=place)
    assert said in panel and "Integrated Gradients" not in panel and "exaggerated" not in panel
    assert ("no weaker" in panel) is (outcome == "failed")


def test_an_account_is_held_to_the_amount_that_it_claimed():
    told = proof("exaggerated", -1.5)
    assert _outcome(told, says_where=False) == "amount"
    panel = proof_panel(told, "en", tested="outlined")
    assert "✗" in panel and "Integrated Gradients claimed" in panel and "exaggerated 4.6 times" in panel


def test_a_proof_says_whose_place_was_taken_away():
    told = proof("kept", -6.0)
    assert "outlined on the film" in proof_panel(told, "en", tested="outlined")
    assert "the place that you marked" in proof_panel(told, "en", tested="marked")
    assert "place" not in proof_panel(told, "en").split("</p>")[0]
