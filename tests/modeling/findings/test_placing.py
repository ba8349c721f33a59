"""A finding that no label names is placed by its words, and what is none is told so in one sentence."""

from collections.abc import Sequence

import numpy as np
import pytest

from modeling.errors import ViewboxError
from modeling.findings.placing import placed, placed_each, placement_json


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


def test_a_sentence_encoder_may_judge_instead() -> None:
    def toy(texts: Sequence[str]) -> np.ndarray:
        """Likes "mass" and what is asked for; everything else points away."""
        return np.array([[1.0, 0.0] if one in ("mass", "whatever") else [0.0, 1.0] for one in texts])

    assert [str(one.finding.name) for one in placed("whatever", toy)] == ["Mass"]


def test_chinese_is_compared_by_letters_whatever_the_encoder() -> None:
    def all_alike(texts: Sequence[str]) -> np.ndarray:
        return np.ones((len(texts), 1))

    assert placed("氣胸", all_alike)[0].finding.name == "Pneumothorax"
