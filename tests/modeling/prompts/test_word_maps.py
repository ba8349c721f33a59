"""Word maps on films where the right place is known, and the checks that a map without meaning fails."""

import numpy as np
import pytest
import torch

from modeling.errors import ViewboxError
from modeling.prompts.word_maps import CHECKS, checked_word, named_word, word_maps
from tests.doubles.toy_space import ToySpace, bright

SENTENCES = ("There is an opacity at the left base.", "The lungs are clear.")
START = SENTENCES[0].index("left")


def test_a_word_lies_where_the_film_shows_it() -> None:
    film = bright("left")
    maps = {one.word: one for one in word_maps(ToySpace(), film, SENTENCES[0])}
    assert list(maps) == ["There", "is", "an", "opacity", "at", "the", "left", "base"]
    row, column = np.unravel_index(maps["left"].values.argmax(), film.shape)
    assert 36 <= row < 52 and 8 <= column < 24
    assert maps["left"].values.mean() == pytest.approx(0, abs=1e-6)
    assert SENTENCES[0][maps["left"].start : maps["left"].end] == "left"


def test_a_chinese_word_has_one_map_of_all_its_characters() -> None:
    sentence, space, film = "左下肺野有陰影, 38 清晰。", ToySpace(), bright("left")
    maps = word_maps(space, film, sentence)
    assert [one.word for one in maps] == ["左下", "肺野", "有", "陰影", "清晰"]
    assert all(sentence[one.start : one.end] == one.word for one in maps)
    left, lower = word_maps(space, film, "左 下")
    assert np.allclose(maps[0].values, (left.values + lower.values) / 2, atol=1e-6)
    found = checked_word(space, film, (sentence, "兩肺清晰。"), 0, 0, bright("right"))
    assert found.map.word == "左下" and len(found.checks) == 5


def test_a_word_is_found_by_its_name_and_a_strange_one_is_told_what_there_is() -> None:
    maps = [word_maps(ToySpace(), bright("left"), one) for one in (SENTENCES[1], "左肺有陰影。")]
    assert named_word(maps, " CLEAR ") == (0, SENTENCES[1].index("clear"))
    assert named_word(maps, "左肺") == (1, 0)
    with pytest.raises(ViewboxError, match=r"'左'.* theirs: The, lungs, are, clear, 左肺, 有, 陰影\."):
        named_word(maps, "左")


def test_a_true_map_passes_and_says_by_which_checks() -> None:
    found = checked_word(ToySpace(), bright("left"), SENTENCES, 0, START, bright("left", row=4))
    assert tuple(check.name for check in found.checks) == CHECKS
    failed = [check.name for check in found.checks if not check.passed]
    assert set(failed) <= {"random_weights", "other_word"}, "a toy's few weights may land alike"
    assert {c.name: c.passed for c in found.checks}["hiding"]
    told = found.as_json()
    assert told["word"] == "left" and len(told["checks"]) == 5 and told["verdict"]["level"] == found.level


class OneMap(ToySpace):
    """Whatever is asked, of whatever film: the middle."""

    def regions(self, square: torch.Tensor, sentence: str, box: object) -> tuple:
        found = super().regions(square, sentence, box)
        for one in found:
            down, across = np.mgrid[: one.places.shape[0], : one.places.shape[1]]
            one.places = -np.hypot(down - 32, across - 32).astype(np.float32)
        return found


def test_a_map_that_is_the_same_whatever_is_asked_is_not_trusted() -> None:
    found = checked_word(OneMap(), bright("left", row=4), SENTENCES, 0, START, bright("right"))
    failed = {check.name for check in found.checks if not check.passed}
    assert failed >= {"random_weights", "other_film", "other_word"}
    assert found.level == "do_not_trust" and "Do not trust" in str(found.sentence)


@pytest.mark.parametrize(("number", "start"), [(0, 1), (0, -1), (2, 0), (-1, 0), (1, 10_000)])
def test_a_word_that_is_not_there_is_refused(number: int, start: int) -> None:
    with pytest.raises(ViewboxError, match="There is no such word"):
        checked_word(ToySpace(), bright("left"), SENTENCES, number, start, bright("right"))
