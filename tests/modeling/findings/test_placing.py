"""A finding that no label names is placed by its words, and what is none is told so in one sentence."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from hub_config.settings import FINDING_CLASSIFIER
from modeling.errors import ViewboxError
from modeling.findings.placing import placed, placed_each, placement_json
from modeling.findings.reader import reader_at


@pytest.mark.parametrize(
    ("words", "finding"),
    [
        ("air under the diaphragm", "Pneumoperitoneum"),
        ("broken collarbone", "Clavicle fracture"),
        ("Large  heart", "Cardiomegaly"),
        ("old TB", "Tuberculosis"),
        ("肋骨斷裂", "Rib fracture"),
        ("PICC line tip", "Indwelling catheter"),
    ],
)
def test_words_find_their_finding(words: str, finding: str) -> None:
    found = placed(words)
    assert found[0].finding.name == finding
    assert [one.likeness for one in found] == sorted((one.likeness for one in found), reverse=True)


def test_placements_carry_their_codes() -> None:
    best = placement_json(placed("broken collarbone"))[0]
    assert best["icd10cm"]["code"] == "S42.0" and best["hierarchy"] == [
        "Bones and joints",
        "Clavicle fracture",
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", "Write a finding in a few words"),
        (" \n?! ", "Write a finding in a few words"),
        ("x" * 10_000, "at most 300 characters, not 10000"),
        ("no pneumothorax", "denies something"),
        ("沒有氣胸", "denies something"),
        ("banana", "Nothing known here is like 'banana'"),
        ("el paciente tiene fiebre", "in English or Traditional Chinese"),
        ("кашель", "in English or Traditional Chinese"),
    ],
)
def test_what_is_no_finding_is_told_so(words: str, said: str) -> None:
    with pytest.raises(ViewboxError) as refused:
        placed(words)
    assert said in str(refused.value) and str(refused.value).endswith(".")


def test_two_equal_ones_are_one_too_many() -> None:
    with pytest.raises(ViewboxError, match="'Broken  Rib' stands there twice"):
        placed_each(["broken rib", "Broken  Rib"])
    assert list(placed_each(["broken rib", "large heart"])) == ["broken rib", "large heart"]


def test_one_that_is_refused_takes_no_other_answer() -> None:
    found = placed_each(["", "broken rib", "banana"])
    assert found["broken rib"][0].finding.name == "Rib fracture"
    assert placement_json(found[""])["refused"].startswith("Write a finding in a few words")
    assert placement_json(found["banana"])["refused"].startswith("Nothing known here is like 'banana'")
    with pytest.raises(ViewboxError, match="Write a finding in a few words"):
        placed_each(["", "banana"])


def test_a_sentence_encoder_may_judge_instead() -> None:
    def toy(texts: Sequence[str]) -> np.ndarray:
        """Likes "mass" and what is asked for; everything else points away."""
        return np.array([[1.0, 0.0] if one in ("mass", "whatever") else [0.0, 1.0] for one in texts])

    assert [str(one.finding.name) for one in placed("whatever", toy)] == ["Mass"]


def test_chinese_is_compared_by_letters_whatever_the_encoder() -> None:
    def all_alike(texts: Sequence[str]) -> np.ndarray:
        return np.ones((len(texts), 1))

    assert placed("氣胸", all_alike)[0].finding.name == "Pneumothorax"


PHRASES = Path(__file__).parents[2] / "data" / "placed_words.jsonl"
WRITTEN = [json.loads(line) for line in PHRASES.read_text("utf-8").splitlines()]
READER = reader_at(FINDING_CLASSIFIER)


def answers(part: str, *, true: bool) -> list[list[str]]:
    """What each phrase of a part is placed at, nothing where it is refused; "right" for what is meant."""
    found = []
    for row in (row for row in WRITTEN if row["part"] == part and bool(row["findings"]) == true):
        try:
            names = [str(one.finding.name) for one in placed(row["words"], reader=READER)]
        except ViewboxError:
            names = []
        found.append(["right" if name in row["findings"] else name for name in names])
    return found


@pytest.mark.parametrize("part", ["choosing", "measuring"])
def test_written_phrases_are_placed_and_others_refused(part: str) -> None:
    """The measured shares of docs/findings.md, with a little room."""
    true, false = answers(part, true=True), answers(part, true=False)
    assert len(true) > 50 and len(false) > 60
    assert sum("right" in names for names in true) / len(true) > 0.6
    assert sum(bool(names) for names in false) / len(false) < 0.25
    for words in ("the printer is broken", "my car is broken", "banana"):
        with pytest.raises(ViewboxError, match="Nothing known here is like"):
            placed(words, reader=READER)
    assert placed("snapped collarbone", reader=READER)[0].finding.name == "Clavicle fracture"
