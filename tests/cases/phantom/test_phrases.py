"""A phantom's indication comes apart into the very phrases that it was made of."""

from types import SimpleNamespace

import numpy as np

from cases.phantom.phrases import phrases, read_indication
from cases.phantom.scenario import COMBINATIONS, Stance
from cases.phantom.words import draw_indication


def test_every_indication_that_is_drawn_is_read_phrase_by_phrase() -> None:
    met, known = set(), set(phrases())
    for seed in range(1500):
        rng = np.random.default_rng(seed)
        stance = Stance(*COMBINATIONS[seed % len(COMBINATIONS)]) if seed % 3 else Stance()
        patient = SimpleNamespace(age=20 + seed % 70, sex=("female", "male")[seed % 2])
        hospital = "Saint Harbour Hospital" if seed % 5 == 0 else ""
        text, _ = draw_indication(rng, stance, patient, sign="", hospital=hospital)
        found = read_indication(text)
        assert found, text
        again = " ".join(one if one.endswith("?") else f"{one}." for one in found)
        assert again.lower() == text.lower()
        met |= {
            part.template
            for one in found
            for part in (one, *one.values.values())
            if hasattr(part, "template")
        }
    assert {one for one in known if one not in met} == set(), "drawn often enough to meet them all"


def test_a_text_of_somebody_else_is_left_as_it_is() -> None:
    for text in ("", "Fever and cough.", "Cough for some days. Seen by Dr. Who.", "73 yo man. " + "a" * 500):
        assert read_indication(text) == ()
