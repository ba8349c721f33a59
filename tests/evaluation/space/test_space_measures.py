"""What is measured of a shared space, on answers that are known."""

from types import SimpleNamespace

import numpy as np
import pytest

from cases.phantom.description import Statement
from evaluation.space import neighbours, zero_shot
from evaluation.space.real_films import masked
from evaluation.space.recall import both_ways, precision, ranks, recall, same_claims
from modeling.study import ClinicalTable
from training.space.corpus import SpaceRow


def _row(number: int, *facts: str, appearance: str = "Negative") -> SpaceRow:
    statements = tuple(Statement("found", frozenset({fact}), fact) for fact in facts)
    film = np.zeros((8, 8), np.uint8)
    return SpaceRow(number, film, {}, statements, ClinicalTable(), appearance, "")


def test_places_count_what_is_not_below_the_right_answer():
    scores = np.array([[3.0, 2, 1], [1, 2, 3], [5, 5, 5]])
    assert ranks(scores, np.eye(3, dtype=bool)).tolist() == [0, 1, 2]


def test_recall_of_a_perfect_and_of_a_constant_order():
    own = np.eye(50, dtype=bool)
    perfect, constant = recall(own.astype(float), own), recall(np.zeros((50, 50)), own)
    assert perfect["recall_at_1"]["value"] == 1 and perfect["median_place"] == 1
    assert constant["recall_at_10"]["value"] == 0
    assert perfect["recall_at_10"]["base_rate"] == pytest.approx(10 / 50)


def test_the_base_rate_counts_every_right_answer():
    right = np.zeros((1, 4), bool)
    right[0, :2] = True
    assert recall(np.ones((1, 4)), right)["recall_at_1"]["base_rate"] == pytest.approx(0.5)
    random = np.random.default_rng(0).random((4000, 4))
    found = recall(random, np.repeat(right, 4000, axis=0))
    assert found["recall_at_1"]["value"] == pytest.approx(0.5, abs=0.03)


def test_partners_that_say_the_same_are_told_apart_from_the_own_one():
    vectors = np.eye(3)[[0, 0, 1]]
    claims = [frozenset("a"), frozenset("a"), frozenset("b")]
    found = both_ways(vectors, vectors, same_claims(claims), ("film", "report"))
    assert found["film -> report"]["own"]["recall_at_1"]["value"] == pytest.approx(1 / 3, abs=1e-4)
    assert found["report -> film"]["alike"]["recall_at_1"]["value"] == 1


def test_precision_of_sentences_stands_beside_how_many_films_are_right():
    scores = np.arange(20.0)[None]
    found = precision(scores, (scores >= 10), depth=10)
    assert found["precision_at_10"]["value"] == 1 and found["base_rate"] == 0.5


def test_every_question_has_at_least_ten_wordings_that_fit_its_classes():
    for name, question in zero_shot.questions().items():
        classes = len(question.get("classes", question.get("facts")))
        assert len(question["wordings"]) >= 10, name
        assert all(len(wording["prompts"]) == classes for wording in question["wordings"])
        assert {wording["seen"] for wording in question["wordings"]} == {True, False}


def test_the_truth_of_a_question_is_read_off_the_facts():
    rows = [_row(0, "no effusion"), _row(1, "effusion"), _row(2, "no opacity", "no effusion")]
    asked = zero_shot.questions()
    assert zero_shot.truth_of(asked["effusion"], rows).tolist() == [0, 1, 0]
    assert zero_shot.truth_of(asked["opacity"], rows).tolist() == [1, 1, 0]
    assert zero_shot.truth_of(asked["side"], rows).tolist() == [-1, -1, -1]
    assert zero_shot.truth_of(asked["appearance"], rows).tolist() == [0, 0, 0]


def test_ranking_again_by_findings_that_are_seen_brings_what_shares_them():
    sentences = np.eye(len(neighbours.FINDINGS))
    films = np.zeros((4, len(neighbours.FINDINGS)))
    mass, nodule = neighbours.FINDINGS.index("mass"), neighbours.FINDINGS.index("nodule")
    films[0, mass] = films[1, mass] = films[2, nodule] = 1
    space = SimpleNamespace(embed_texts=lambda texts: SimpleNamespace(numpy=lambda: sentences))
    rows = [_row(0, "mass"), _row(1, "mass"), _row(2, "nodule"), _row(3, "effusion")]
    scores = neighbours.ranked_again(space, films, rows)
    assert scores[0.8][0, 1] > scores[0.8][0, 2] > scores[0.8][0, 3]
    assert scores[0.0][0, 2] == scores[0.0][0, 3] == 0


def test_notes_lose_the_names_of_diagnoses_and_nothing_else():
    note = "COVID-19 pneumonia confirmed; SARS-CoV-2 RT-PCR positive. Infiltrate of the left base."
    left = masked(note)
    assert "Infiltrate of the left base." in left and "RT-PCR" in left
    assert not any(name in left for name in ("COVID", "SARS", "pneumonia"))
