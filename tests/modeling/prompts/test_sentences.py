"""What may be asked of a film, how else it can be said, and what its denial is."""

import pytest

from modeling.errors import ViewboxError
from modeling.prompts.sentences import LONGEST, checked, checked_sentence, denial, other_ways


def knows_all(_: str) -> tuple[str, ...]:
    return ()


def knows_no_unicorn(sentence: str) -> tuple[str, ...]:
    strange = ("unicorn", "shadow", "poumons", "獨", "角", "左肺有獨角獸")
    return tuple(word for word in sentence.rstrip(".。").split() if word in strange)


@pytest.mark.parametrize(
    ("sentences", "said"),
    [
        ([], "write 2 to 5 of them"),
        (["The lungs are clear."], "write 2 to 5 of them"),
        ("The lungs are clear.", "write 2 to 5 of them"),
        (None, "write 2 to 5 of them"),
        (["a", ""], "Sentence 2 is empty"),
        ([" \n?! ", "a"], "Sentence 1 is empty"),
        (["a", 7], "Sentence 2 is no text; write"),
        (["a", "x" * 10_000], f"Sentence 2 has 10000 characters; write one sentence of at most {LONGEST}"),
        (["The lungs are clear.", "the  LUNGS are clear"], "Sentences 1 and 2 are the same"),
        (["a", "b", "c", "d", "e", "f"], "at most 5 sentences, not 6"),
        (["a", "лёгкие чистые"], "a language that this model does not read"),
        (["a", "肺はきれいです"], "a language that this model does not read"),
        (["a", "There is a unicorn at the left base."], "can say nothing of them: unicorn"),
        (["a", "les poumons"], "nothing of them: poumons"),
        (["a", "左肺有獨角獸。"], "nothing of them: 獨, 角; use"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_told_in_one_sentence(sentences: object, said: str) -> None:
    with pytest.raises(ViewboxError) as refused:
        checked(sentences, knows_no_unicorn)
    told = str(refused.value)
    assert said in told and told.endswith(".") and len(told) < 250


def test_a_sentence_by_itself_has_no_number() -> None:
    for sentence, said in (("", "The sentence is empty"), (5, "The sentence is no text")):
        with pytest.raises(ViewboxError, match=said):
            checked_sentence(sentence, knows_all)


def test_what_can_be_asked_has_its_spaces_set_right() -> None:
    asked = checked(["  The lungs\n are clear. ", "兩肺清晰。"], knows_no_unicorn)
    assert asked == ("The lungs are clear.", "兩肺清晰。")


def test_other_ways_say_the_same_in_other_frames_and_words() -> None:
    said = other_ways("There is an opacity at the left base.", knows_all).said
    assert {"An opacity at the left lower zone.", "Findings: an opacity at the left base."} <= {*said}
    assert "A density at the left base." in said and len(said) == len({*said}) == 15
    assert all("left" in one for one in said) and not any("right" in one for one in said)
    assert said == other_ways("There is an opacity at the left base.", knows_all).said


def test_a_phrase_inside_a_longer_one_stays() -> None:
    said = other_ways("No pleural effusion", knows_all).said
    assert "No effusion." in said and not any("pleural pleural" in one for one in said)
    assert "左肺底部有陰影。" in other_ways("左下肺野有陰影。", knows_all).said


def test_ways_with_words_that_were_never_seen_are_left_out_and_counted() -> None:
    ways = other_ways("An opacity at the left base", knows_no_unicorn)
    assert not any("shadow" in one for one in ways.said) and ways.unseen > 0


@pytest.mark.parametrize(
    ("sentence", "denied"),
    [
        ("There is an opacity at the left base.", "No opacity at the left base."),
        ("The lungs are clear.", "The lungs are not clear."),
        ("The heart is not enlarged", "The heart is enlarged."),
        ("No pleural effusion.", "Pleural effusion."),
        ("Opacities without a typical distribution", "Opacities with a typical distribution."),
        ("左下肺野有陰影。", "左下肺野沒有陰影。"),
        ("左下肺野可見毛玻璃狀陰影。", "左下肺野未見毛玻璃狀陰影。"),
        ("兩肺清晰", "兩肺不清晰。"),
        ("心臟未擴大。", "心臟擴大。"),
        ("無氣胸。", "氣胸。"),
    ],
)
def test_a_denial_is_true_where_the_sentence_is_false(sentence: str, denied: str) -> None:
    assert denial(sentence) == denied
