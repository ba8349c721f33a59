"""Reports that say what a phantom's film shows, and nothing else."""

import re

import numpy as np
import pytest

from cases.phantom.description import LANGUAGES, Statement, _words, described, mentioned, report, worded
from cases.phantom.generator import Phantom, PhantomSettings, generate_phantom

CHINESE = re.compile("[\u4e00-\u9fff]")


def _phantom(seed: int, labels: tuple, situation: str = "agrees") -> Phantom:
    return generate_phantom(seed, settings=PhantomSettings(size=96, labels=labels, situation=situation))


@pytest.fixture(scope="module")
def severe() -> Phantom:
    return _phantom(3, ("Atypical", "Severe"))


def test_every_opacity_is_described_with_its_place_and_size(severe):
    said = [one for one in described(severe) if one.opacity]
    assert {one.opacity for one in said} == {opacity.name for opacity in severe.plan.opacities}
    for one in said:
        blanks = dict(one.blanks)
        assert f"{blanks['kind']}, {blanks['zone']}" in one.facts


def test_an_empty_film_says_what_is_not_there():
    keys = {one.key for one in described(_phantom(4, ("Negative", None)))}
    assert {"no opacity", "no pleura", "Negative"} <= keys
    assert not keys & {"two sides", "one side left", "one side right", "Mild"}


def test_what_the_film_does_not_show_is_not_said():
    hidden = _phantom(5, ("Typical", "Severe"), "words hold")
    assert not hidden.plan.conspicuous
    keys = {one.key for one in described(hidden)}
    assert "found" not in keys and not keys & {"Typical", "Severe", "two sides", "Negative"}


def test_devices_are_those_that_were_drawn():
    bedside = (generate_phantom(seed, settings=PhantomSettings(size=64)) for seed in range(5))
    for phantom in bedside:
        keys = {one.key for one in described(phantom)}
        assert ("no devices" in keys) == (not phantom.devices)
        for side in ("right", "left"):
            assert (f"line {side}" in keys) == (f"central line, {side}" in phantom.devices)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_report_is_the_same_for_the_same_draw_and_in_its_language(severe, language):
    statements = described(severe)
    text, sentences = report(np.random.default_rng(1), statements, language)
    assert (text, sentences) == report(np.random.default_rng(1), statements, language)
    assert all(sentence in text for _, sentence in sentences)
    assert bool(CHINESE.search(text)) == (language == "zh-Hant") and "{" not in text
    assert bool(re.search("[a-z]", text)) == (language == "en")


def test_opacities_come_first_and_only_minor_things_are_left_out(severe):
    statements = described(severe)
    for seed in range(5):
        kept = mentioned(np.random.default_rng(seed), statements)
        count = sum(bool(one.opacity) for one in statements)
        assert all(one.opacity for one in kept[:count])
        left = {one.key for one in statements} - {one.key for one in kept}
        assert not left & {"no pneumothorax", "large heart", "normal heart", "Atypical", "Severe"}


def test_both_languages_word_the_same_things():
    first, second = (_words(language) for language in LANGUAGES)
    for part in ("zones", "kinds", "parts", "said"):
        assert first[part].keys() == second[part].keys()
        assert all(first[part].values()) and all(second[part].values())
    assert {k: v.keys() for k, v in first["sizes"].items()} == {
        k: v.keys() for k, v in second["sizes"].items()
    }


def test_a_statement_survives_json(severe):
    for one in described(severe):
        assert Statement.from_json(one.to_json()) == one
        assert worded(np.random.default_rng(0), one, "en").endswith(".")
