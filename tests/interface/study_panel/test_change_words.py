"""The words below the pictures of what changed."""

from types import SimpleNamespace

import numpy as np
import pytest

from interface.study_panel.change import _sentences
from modeling.explain.change import FilmChange
from modeling.study import ViewPosition


def change(*values: float) -> FilmChange:
    made = FilmChange(0, 1, (), (), SimpleNamespace(before=0.1, after=0.9))
    vars(made)["values"] = np.array([values])
    return made


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ((0.8, 0.1, -0.6), ("More of an opacity today", "shows less of an opacity than before: −0.60")),
        ((0.5, 0.1, -0.6), ("Less of an opacity today", "shows more of an opacity than before: +0.50")),
        ((0.8, 0.1, -0.2), ("More of an opacity today",)),
        ((0.2, 0.1, -0.1), ("No clear change",)),
        ((0.8, 0.1, 0.2), ("More of an opacity today",)),
    ],
)
def test_a_second_place_of_the_other_sign_has_words_of_its_own(values, told):
    *said, fit = _sentences(change(*values), ViewPosition.PA, "en")
    assert len(said) == len(told) and all(words in line for words, line in zip(told, said, strict=True))
    assert "0.90" in fit
