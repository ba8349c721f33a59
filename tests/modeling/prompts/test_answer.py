"""A film between sentences whose right answer is known, its check by other wordings, and by a denial."""

import pytest

from modeling.errors import ViewboxError
from modeling.prompts.answer import MOST_WORDINGS, ask_in_words
from tests.doubles.toy_space import ToySpace, bright

LEFT, RIGHT = "There is an opacity at the left base.", "There is an opacity at the right base."


def test_the_film_is_nearest_to_the_true_sentence() -> None:
    for side, winner in (("left", 0), ("right", 1)):
        found = ask_in_words(ToySpace(), bright(side), [LEFT, RIGHT, "The lungs are clear."])
        assert found.winner == winner and sum(found.probabilities) == pytest.approx(1)
        assert found.wording.kept == 1 and found.wording.steady
        assert found.wording.low <= found.probabilities[winner] <= found.wording.high
        assert 1 < found.wording.count <= MOST_WORDINGS
    assert ask_in_words(ToySpace(), bright("left"), [RIGHT, LEFT]).winner == 1


def test_wording_that_moves_the_answer_is_told() -> None:
    """Two sentences that mean the same here: which one wins hangs on filling words."""
    found = ask_in_words(ToySpace(), bright("left"), ["left lower zone", "the left"])
    assert not found.wording.steady and "read no number from it" in str(found.wording.sentence)
    assert 0 < found.wording.kept < 1 and len(found.wording.furthest) == 2 and found.wording.unseen > 0


def test_a_denial_that_is_not_heard_is_told() -> None:
    deaf = ask_in_words(ToySpace(hears_no=False), bright("left"), [LEFT, RIGHT])
    assert not deaf.denial.understood and "does not hear the denial" in str(deaf.denial.sentence)
    assert deaf.denial.denial == "No opacity at the left base." and deaf.denial.likeness > 0.99
    heard = ask_in_words(ToySpace(), bright("left"), [LEFT, RIGHT])
    assert heard.denial.understood and heard.denial.share < 0.01


def test_what_learnt_from_computed_films_says_so_of_a_patients_film() -> None:
    real = ask_in_words(ToySpace(), bright("left"), [LEFT, RIGHT])
    assert "synthetic films alone" in str(real.warnings[0])
    assert len(ask_in_words(ToySpace(), bright("left"), [LEFT, RIGHT], synthetic=True).warnings) == 1
    assert len(ask_in_words(ToySpace(sources=("siim",)), bright("left"), [LEFT, RIGHT]).warnings) == 1
    told = real.as_json()
    assert list(told)[:2] == ["not_for_diagnosis", "warnings"] and told["winner"] == LEFT
    assert str(real).splitlines()[0] == str(real.warnings[0])


def test_words_that_the_encoder_has_never_seen_are_refused() -> None:
    with pytest.raises(ViewboxError, match="nothing of them: unicorn"):
        ask_in_words(ToySpace(), bright("left"), [LEFT, "A unicorn at the left base"])


def test_a_study_without_a_film_is_told() -> None:
    with pytest.raises(ViewboxError, match="There is no film here to ask of"):
        ask_in_words(ToySpace(), None, [LEFT, RIGHT])
