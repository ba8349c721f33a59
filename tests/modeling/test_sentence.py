"""A sentence is its English text and still knows what it was made of, wherever it goes."""

import copy
import json
import pickle

import pytest

from modeling.errors import StudyError, ViewboxError
from modeling.sentence import Names, Sentence


def test_a_sentence_is_text_and_keeps_its_template():
    made = Sentence("The file has {size:.1f} MB, {size:.0f} in short.", size=1.26)
    assert made == "The file has 1.3 MB, 1 in short." and isinstance(made, str)
    assert made.template == "The file has {size:.1f} MB, {size:.0f} in short." and made.values == {
        "size": 1.26
    }
    assert json.loads(json.dumps([made])) == [str(made)] and Sentence(made) is made


def test_without_values_braces_are_braces():
    assert Sentence('Write it as {"age": 63}.') == 'Write it as {"age": 63}.'


@pytest.mark.parametrize("away", [copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))])
def test_an_error_travels_whole(away):
    inner = Sentence("{what} is damaged.", what="It")
    error = StudyError("Case '{self}' is broken ({problem:clause}).", self="A", problem=inner)
    came = away(error)
    assert type(came) is StudyError and str(came) == "Case 'A' is broken (It is damaged)."
    assert came.sentence.values["problem"].template == inner.template


def test_a_sentence_can_be_raised_as_it_is_and_keeps_its_cause():
    said = Sentence("There is no {name}.", name="x")
    with pytest.raises(ViewboxError, match=r"There is no x\.") as caught:
        raise ViewboxError(said) from ValueError("why")
    assert caught.value.sentence is said and isinstance(caught.value.__cause__, ValueError)


@pytest.mark.parametrize(
    ("names", "english"),
    [
        (Names("modality", ("image", "text"), " or the "), "image or the text"),
        (Names("field", ["d_dimer", "spo2"]), "d dimer, spo2"),
        (Names("class", "Pleural_Thickening"), "Pleural_Thickening"),
        (Names("source", ("siim", "phantom", "a hospital")), "SIIM, synthetic films, a hospital"),
        (Names("task", iter(["appearance"])), "appearance"),
    ],
)
def test_names_in_english(names, english):
    assert str(names) == english and f"{names}" == english
