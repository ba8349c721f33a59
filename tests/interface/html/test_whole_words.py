"""Punctuation is no word of its own, and what the model gave it is not lost."""

import re

import pytest

from interface.case_tab.explanation_panel import bar_scale, evidence_panel
from interface.case_tab.prove_panel import word_choices
from interface.html.whole_words import sayable, whole_words
from interface.language.texts import value_word
from modeling.results import WordAttribution
from modeling.study import ClinicalText, Study
from tests.doubles.example_answers import attribution


def read(text: str, section: str = "indication") -> tuple[WordAttribution, ...]:
    """Words as a tokenizer cuts them; the n-th added n tenths."""
    return tuple(
        WordAttribution(section, m.start(), m.end(), m[0], (n + 1) / 10)
        for n, m in enumerate(re.finditer(r"\w+|[^\w\s]", text))
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Cough, fever.", ["Cough,", "fever."]),
        ("(Cough) fever ...", ["(Cough)", "fever ..."]),
        ("X-ray", ["X-", "ray"]),
        ("咳嗽。", ["咳嗽。"]),
        ("38.5 C", ["38.5", "C"]),
        ("?!", ["?!"]),
        ("", []),
    ],
)
def test_punctuation_joins_its_word_and_nothing_is_lost(text, words):
    found = whole_words(read(text))
    assert [word.word for word, _ in found] == words
    assert [place for _, places in found for place in places] == list(range(len(read(text))))
    assert sum(w.attribution for w, _ in found) == pytest.approx(sum(w.attribution for w in read(text)))
    assert all(text[word.start : word.end] == word.word for word, _ in found)


def test_sections_are_kept_apart_and_a_full_stop_is_not_offered():
    words = (*read("."), *read("Fever.", "findings"))
    assert [(w.section, w.word) for w, _ in whole_words(words)] == [
        ("indication", "."),
        ("findings", "Fever."),
    ]
    assert [(word.word, places) for word, places in sayable(words)] == [("Fever.", (1, 2))]
    assert word_choices(attribution(words=words)) == [("Fever. (+0.300)", "1 2")]


def test_the_evidence_shows_whole_words_on_their_own_scale():
    study = Study(text=ClinicalText({"indication": "Fever."}))
    stop = WordAttribution("indication", 5, 6, ".", 3.0)
    account = attribution(words=(WordAttribution("indication", 0, 5, "Fever", 2.0), stop))
    assert bar_scale(account) == pytest.approx(5.0)
    panel = evidence_panel(account, study, "en")
    assert panel.count('class="vb-word') == 1 and "Fever.<sub>+5.000</sub>" in panel


def test_an_age_is_told_in_the_readers_language():
    assert value_word("86 years", "en") == "86 years" and value_word("86 years", "zh-Hant") == "86 歲"
    assert value_word("37.1 °C", "zh-Hant") == "37.1 °C"
