"""Prompts, denials and word maps are counted as right where they are, on films whose truth is known."""

import numpy as np
import pytest

from cases.phantom.description import Statement
from evaluation.space.prompt_checks import lines, prompt_checks, questions
from modeling.study import ClinicalTable
from tests.doubles.toy_space import ToySpace, bright
from training.space.corpus import SpaceRow


def row(number: int, side: str, kind: str = "nodule") -> SpaceRow:
    blanks = (("kind", kind), ("zone", f"{side} lower"))
    found = Statement("found", frozenset({kind}), kind, blanks)
    film = np.asarray(bright(side, 8 * (number % 4)).pixels)
    return SpaceRow(number, film, {}, (found,), ClinicalTable({}), "Atypical", "")


@pytest.fixture(scope="module")
def rows() -> list[SpaceRow]:
    plain = SpaceRow(9, np.asarray(bright().pixels), {}, (), ClinicalTable({}), "Negative", "")
    return [*(row(n, "left" if n % 2 else "right") for n in range(6)), plain]


class KnowsAll(ToySpace):
    """Reads "left", "right" and "not", and takes every other word for filling."""

    def unknown_words(self, sentence: str) -> tuple[str, ...]:
        return ()


def test_each_film_with_an_opacity_has_a_true_and_a_false_sentence(rows: list[SpaceRow]) -> None:
    asked = questions(rows, "en")
    assert [one.film for one in asked] == list(range(6))
    assert asked[1].true == "There is a nodule in the left lower zone." and "left" in asked[1].false
    assert asked[1].false != asked[1].true and asked[1].word == "nodule"
    assert questions(rows, "zh-Hant")[1].true == "左下肺野有單發結節。"


def test_what_comes_out_right_is_counted_with_its_interval(rows: list[SpaceRow]) -> None:
    found = prompt_checks(KnowsAll(), rows, most=6, most_words=3)
    english, maps = found["en"], found["word_maps"]
    assert english["films"] == 6 and maps["films"] == 3
    assert english["true sentence beats its denial"] == {"value": 1.0, "95": [1.0, 1.0]}
    assert english["denial of the false sentence beats it"]["value"] == 0.0  # it knows no finding by its name
    assert english["both denials right"]["value"] == 0.0
    assert sum(maps[level]["value"] for level in ("passes", "doubtful", "do_not_trust")) == pytest.approx(1)
    assert "true sentence wins" in lines(found) and "word_maps: 3 films" in lines(found)
