"""Floors of what is found of planted identities, on a small part of the corpus that docs/deidentification.md
measures whole."""

import random
from pathlib import Path

import numpy as np
import pytest

from cases.deidentify import burned_text
from cases.importers import run
from cases.importers.films import BURNED_IN, Work, outcome
from cases.importers.rows import ImportSettings
from tests.benchmarks import deidentification as measured
from tests.doubles import lake_sources as made
from tests.doubles.planted_files import planted_dicom, planted_pictures
from tests.doubles.planted_films import LEGIBLE, PLACES, planted_film, soft_films
from tests.doubles.planted_texts import planted_names, planted_numbers

FLOORS = {
    "english: name, first and last": 0.8,
    "english: name in capitals": 0.7,
    "english: name behind a title": 0.95,
    "english: name behind a label": 0.95,
    "english: name with an initial": 0.9,
    "english: last name alone": 0.4,
    "english, held out: name, first and last": 0.6,
    "english, held out: name behind a label": 0.9,
    "chinese: name behind a role": 0.9,
    "chinese: name behind a role and a gap": 0.95,
    "chinese: name that opens a sentence": 0.85,
    "chinese, held out: name behind a role": 0.85,
    "japanese: name behind a role": 0.9,
    "korean: name behind a role": 0.9,
    "arabic: name behind a role": 0.9,
    "cyrillic: name behind a role": 0.9,
}
"""Recall of names that must be reached; every kind of day, number, age, address and file: all of it."""


def test_free_text_loses_the_names_it_lost_when_measured() -> None:
    names = [p for p in planted_names() if f"{p.language}: {p.kind}" in FLOORS]
    recall = measured.text_recall(random.Random(7).sample(names, len(names) // 2))
    assert recall.keys() == FLOORS.keys()
    low = {kind: found for kind, found in recall.items() if found[0] / found[1] < FLOORS[kind]}
    assert not low


def test_free_text_loses_every_day_number_and_place() -> None:
    recall = measured.text_recall(planted_numbers(6))
    assert len(recall) > 15
    assert not {kind: found for kind, found in recall.items() if found[0] < found[1]}


@pytest.mark.parametrize(
    "words",
    [
        "病人高燒三天，白血球上升，病患曾經有高血壓。",
        "病患：咳嗽三天。值班醫師通知全科醫生，家庭醫師已知。",
        "文字中沒有任何字；由此出發。另一家醫院的影像。",
        "Prior granulomatous disease. VITAMIN C. LABORATORY FINDINGS WERE OBTAINED.",
        "환자 고혈압 있음. 患者は咳嗽あり。",
        "Temperature of 38 C. Peripheral saturation 93 %. COPD, AKI and COP. BP 120/80/12.",
    ],
)
def test_words_of_reports_are_no_names(words: str) -> None:
    assert measured.clean_text(words).text == words


def test_nothing_planted_in_a_file_is_kept() -> None:
    file = planted_dicom(3)
    assert all(secret in file.data or kind.endswith("days") for kind, secret in file.secrets)
    files = list(planted_pictures(3))
    assert all(secret in one.data for one in files for _, secret in one.secrets)
    recall = measured.dicom_recall([file]) | measured.picture_recall(files) | measured.high_bit_recall(1)
    assert len(recall) > 30
    assert not {kind: found for kind, found in recall.items() if found[0] < found[1]}


# --- pixels


@pytest.mark.slow
def test_small_white_letters_on_a_large_film_are_read() -> None:
    """White letters of 12 and 18 pixels on a film of 1500 once got in."""
    (film,) = soft_films(1)
    planted, lines = planted_film(film, 12, "white", seed=12)
    answer = burned_text.naming_lines(planted)
    assert sum(line.is_found_in(answer, film.shape) for line in lines) >= len(PLACES) - 1


@pytest.mark.parametrize(("tone", "darker"), [("gray", 2), ("black", 1)])
def test_letters_of_other_tones_are_read(tone: str, darker: int) -> None:
    (film,) = soft_films(1, (760, 640))
    planted, lines = planted_film(film // darker, 24, tone, seed=3)
    answer = burned_text.naming_lines(planted)
    assert all(line.contrast >= LEGIBLE for line in lines)
    assert sum(line.is_found_in(answer, film.shape) for line in lines) >= len(PLACES) - 1


def own_film(folder: Path, words: str, size: int) -> str:
    """The folder, with one DICOM file of one's own whose film has words burned in."""
    film = made.with_text(made.pixels(2, (760, 640)), words, size).astype(np.uint16) << 4
    folder.joinpath("film.dcm").write_bytes(made.dicom(film=film))
    return str(folder)


@pytest.mark.parametrize(("words", "state"), [("L  PORTABLE  AP", "ready"), ("Li Wei", "held")])
def test_an_import_holds_back_what_names_and_not_what_technicians_set(
    tmp_path: Path, words: str, state: str
) -> None:
    settings = ImportSettings(pseudonyms=measured.SALT)
    (row,) = run.LAYOUTS["dicom"].rows(own_film(tmp_path, words, 24), settings)
    result = outcome(row, "", Work(measured.SALT, False, "hold"))
    assert (result.state, result.personal[BURNED_IN]) == (state, int(state == "held"))


def test_an_import_without_a_reader_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (run, burned_text):
        monkeypatch.setattr(module, "can_read", lambda: False)
    settings = ImportSettings(pseudonyms=measured.SALT)
    report = run.import_set(run.LAYOUTS["dicom"], str(tmp_path), None, settings, quiet=True)
    assert any("look of its letters alone" in text for text in report.notices)
    assert burned_text.naming_lines(made.with_text(made.pixels(3, (400, 360)), "KOWALCZYK 03.04.61", 18))
