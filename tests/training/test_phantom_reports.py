"""Phantom reports: hedged wording, pointing at what is planted, weak labels, a film's words; made small."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from cases.phantom.study_plan import said_of
from modeling.reports.mining import Miner
from modeling.reports.report import Report
from training.phantom_reports import film_labels, pointing
from training.phantom_reports.corpus import CELLS, FINDINGS, PhantomRow, described, phantom_rows
from training.phantom_reports.film_labels import mined, truth_of
from training.phantom_reports.wording import hedged_report

TALK = {
    "Effusion": "Pleural effusion on the left side.",
    "Nodule": "A solitary nodule in the right upper zone.",
}


def made(number):
    """A phantom that was never drawn: its effusion and nodule are two bright corners of a small film."""
    rng = np.random.default_rng(number)
    truth = frozenset(name for name in TALK if rng.random() < 0.4)
    film = rng.integers(0, 60, (16, 16), dtype=np.uint8)
    film[10:, 10:] += np.uint8(120) * ("Effusion" in truth)
    film[:6, :6] += np.uint8(120) * ("Nodule" in truth)
    findings = " ".join(TALK[name] for name in sorted(truth)) or "The lungs are clear."
    report = {"findings": findings, "impression": "See above."}
    return PhantomRow(film, report, {}, truth, "Atypical" if truth else "Negative", number % 5 > 0)


ROWS = [made(n) for n in range(260)]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = tmp_path_factory.mktemp("phantoms")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("training.phantom_reports.corpus._AT_ONCE", 3)
        yield folder, phantom_rows(folder, 3, pointing.SERIES, 64), patch


def test_sentences_that_describe_an_opacity_are_known(drawn):
    _, rows, _ = drawn
    for row in rows:
        names = [name for _, name in described(row)]
        assert len(set(names)) == len(names) and set(names) <= set(row.masks)
        assert all(mask.shape == (CELLS, CELLS) for mask in row.masks.values())
    two = replace(ROWS[0], masks={"nodule, right upper": None, "effusion, left": None, "cardiomegaly": None})
    two = replace(two, report={"findings": f"{TALK['Nodule']} The heart is enlarged. {TALK['Effusion']}"})
    assert [name for _, name in described(two)] == ["nodule, right upper", "effusion, left"]


def test_what_was_drawn_is_found_again(drawn):
    folder, rows, patch = drawn
    patch.setattr("training.phantom_reports.corpus.generate_phantom", None)  # not drawn a second time
    again = phantom_rows(folder, 3, pointing.SERIES, 64)
    assert [row.report for row in again] == [row.report for row in rows]
    assert all((a.film == b.film).all() for a, b in zip(again, rows, strict=True))


def test_hedged_reports_deny_what_is_absent_and_the_miner_errs_as_on_others():
    rng, miner = np.random.default_rng(0), Miner()
    told = [hedged_report(row, rng) for row in ROWS]
    assert any("No evidence of" in one["findings"] for one in told)
    labels = mined(ROWS)
    truth = truth_of(ROWS)
    right = (labels["mined"] == truth).mean()
    assert (labels["any mention"] == truth).mean() < right < 1.0
    clear = miner.label(Report("", {"findings": "The lungs are clear."}))
    assert not any(miner.positive(clear, name) for name in FINDINGS)


def test_tables_tell_weak_labels_and_words_beside_what_chance_gives(monkeypatch, tmp_path):
    rows = {film_labels.TRAIN: ROWS[:160], film_labels.TEST: ROWS[160:]}
    monkeypatch.setattr(film_labels, "phantom_rows", lambda _, n, series, size: rows[series])
    vectors = lambda folder, films, name, pipeline: np.stack([row.film.ravel() / 255 for row in films])  # noqa: E731
    monkeypatch.setattr(film_labels, "film_vectors", vectors)
    monkeypatch.setattr(film_labels, "DRAWS", 2)
    monkeypatch.setattr(film_labels, "FEWEST", 5)
    found = film_labels.benchmark(tmp_path, SimpleNamespace(), 160, 100)
    labels, words = found["labels"]["rows"], found["words"]
    assert labels["mined"]["auroc"] > 0.85 > 0.7 > labels["mined, of other films"]["auroc"]
    assert labels["mined, of other films"]["mined ahead"]["p"] < 0.05
    assert words["rows"]["the film"]["auroc"] > words["rows"]["every film alike"]["auroc"] == 0.5
    assert "effusion" in words["words"]
    assert "| mined |" in film_labels.table(found)


def test_films_of_phantom_studies_are_found_and_zones_beat_a_random_one(monkeypatch, tmp_path):
    found = pointing.benchmark_films(20)
    for language in ("en", "zh-Hant"):
        rows = found[language]["rows"]
        assert rows["the sentence's films"]["right"] > rows["the day's films, always"]["right"]
    corner = np.zeros((CELLS, CELLS), bool)
    corner[30:38, 30:38] = True
    one = replace(ROWS[0], film=np.full((32, 32), 128, np.uint8), masks={"effusion, left": corner})
    one = replace(one, report={"findings": TALK["Effusion"], "impression": ""})
    monkeypatch.setattr(pointing, "phantom_rows", lambda *_: [one] * 60)
    zones = pointing.benchmark_zones(tmp_path, 60)
    assert zones["sentences"] == 30 and zones["rows"]["the sentence's zone"]["holds"] == 1.0
    assert zones["rows"]["a random zone"]["holds"] < 1.0 == zones["rows"]["both lungs"]["holds"]
    assert "| the sentence's zone |" in pointing.table({"zones": zones, "films": found})


def test_each_kind_of_sentence_of_a_study_is_known():
    from cases.phantom.streams import stream
    from cases.phantom.study_plan import draw_study_plan

    kinds = {kind for n in range(60) for kind in said_of(draw_study_plan(stream(n, "study")))}
    assert kinds <= {"comparison", "on the lateral alone", *pointing.TODAY, *pointing.BOTH}
