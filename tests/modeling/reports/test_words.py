"""Words and signs of a sentence, sentences of a report, and its headings."""

import pytest

from modeling.reports.report import Report
from modeling.reports.words import Spelling, Words, sentences


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Effusion: none", ("effusion", ":", "none")),
        ("Effusion ..... none", ("effusion", ":", "none")),
        ("Effusion - none", ("effusion", "-", "none")),
        ("Effusion | no", ("effusion", ":", "no")),
        ("Effusion: yes | Mass: no", ("effusion", ":", "yes", ";", "mass", ":", "no")),
        ("[x] Effusion ( ) Mass ☒ Edema", ("[x]", "effusion", "[ ]", "mass", "[x]", "edema")),
        ("PTX (-), effusion (+)", ("ptx", "(-)", "effusion", "(+)")),
        ("PTX (no), effusion +", ("ptx", "(-)", "effusion", "(+)")),
        ("? mass", ("query", "mass")),
        ("mass?", ("mass", "?")),
        ("1.2 cm left-sided", ("1.2", "cm", "left", "sided")),
        ("未見 effusion。", ("未", "見", "effusion", ".")),
        ("Pequeño derrame", ("pequeño", "derrame")),
    ],
)
def test_signs_are_words(text: str, words: tuple[str, ...]) -> None:
    found = Words.of(text)
    assert found.words == words
    assert all(found.joined[place : place + 2] == f" {words[n][0]}" for place, n in found.places.items())


def test_a_slip_is_read_as_the_word_that_was_meant_and_no_other() -> None:
    spelling = Spelling(["effusion", "pneumothorax", "emphysema"], ["empyema"])
    slips = {"efusion": "effusion", "pnuemothorax": "pneumothorax", "emphesema": "emphysema"}
    assert {slip: spelling.meant(slip) for slip in slips} == slips
    for word in ("empyema", "infusion", "diffusion", "mass", "pneumonia"):
        assert spelling.meant(word) == word


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("LUNGS CLEAR\nNO EFFUSION", ["LUNGS CLEAR", "NO EFFUSION"]),
        ("There is no\npneumothorax.", ["There is no\npneumothorax."]),
        (
            "A small left pleural effusion is seen at the base and a nodule\nprojects over it. No mass.",
            ["A small left pleural effusion is seen at the base and a nodule\nprojects over it.", "No mass."],
        ),
        ("Mass: No\nEdema: Yes", ["Mass: No", "Edema: Yes"]),
        ("1) No mass 2) Edema", ["1) No mass", "2) Edema"]),
        ("(x) mass ( ) edema", ["(x) mass", "( ) edema"]),
        ("Mass? No. Edema? Maybe later.", ["Mass? No.", "Edema?", "Maybe later."]),
        ("Edema vs. mass. Clear.", ["Edema vs. mass.", "Clear."]),
        ("Edema was seen. It has resolved.", ["Edema was seen. It has resolved."]),
        ("無 mass。Edema", ["無 mass。", "Edema"]),
    ],
)
def test_sentences_end_where_a_reader_ends_them(text: str, expected: list[str]) -> None:
    assert [text[start:end] for start, end in sentences(text)] == expected


@pytest.mark.parametrize(
    ("text", "sections"),
    [
        ("HISTORY\nMass?\nFINDINGS\nClear.", {"indication": "Mass?", "findings": "Clear."}),
        ("Impression: Edema. RECOMMENDATION: CT.", {"impression": "Edema.", "recommendation": "CT."}),
        ("INDICATION: mass FINDINGS: Clear.", {"indication": "mass", "findings": "Clear."}),
        (
            "INDICATION: cough\nThe lungs are clear.",
            {"indication": "cough", "report": "The lungs are clear."},
        ),
        ("FINDINGS: Clear.\nADDENDUM: A mass.", {"findings": "Clear. A mass."}),
        ("No change since the exam: stable.", {"report": "No change since the exam: stable."}),
    ],
)
def test_headings_with_and_without_a_colon(text: str, sections: dict[str, str]) -> None:
    found = Report.from_text(text).sections
    assert {name: " ".join(body.split()) for name, body in found.items()} == sections
