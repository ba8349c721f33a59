"""One account for all films of a study, its fields and words; and exact Shapley values of the films."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from modeling.explain.study_account import explain_study, film_shapley, shapley_values
from modeling.explain.study_path import log_odds
from modeling.labels import APPEARANCE, Target
from modeling.model.study_fusion import StudyInputs, processed_films
from modeling.study import Study
from tests.doubles.toys import toy_films, toy_study, toy_study_model

TARGET = Target(APPEARANCE, "Typical")


def _inputs(processor, count: int, study: Study) -> StudyInputs:
    generator = torch.Generator().manual_seed(0)
    return processed_films(processor, toy_films(count), study, generator).inputs


@pytest.mark.parametrize("study", [toy_study(), Study()])
def test_films_fields_and_words_add_up_to_the_answer(study: Study) -> None:
    model, processor = toy_study_model()
    inputs = _inputs(processor, 3, study)
    account = [*explain_study(model, processor, inputs, TARGET, tolerance=0.02)][-1]
    with torch.inference_mode():
        answer = float(log_odds(model(inputs)[APPEARANCE], TARGET))
    assert account.output == pytest.approx(answer, abs=1e-5)
    assert account.relative_delta <= 0.02 and account.film_logits.shape == (3,)
    assert account.films.shape == (3, 64, 64) and np.abs(account.film_logits).min() > 0
    assert (np.abs(account.tokens).sum() > 0) == bool(study.text)
    assert account.fields[3] == 0.0, "CRP is unknown, as in the baseline"


def test_shapley_values_of_games_with_known_answers() -> None:
    # A glove game: the first player alone has a left glove, two others a right one each.
    worth = np.array([0, 0, 0, 0, 0, 1, 1, 1.0])
    assert shapley_values(worth) == pytest.approx([2 / 3, 1 / 6, 1 / 6])
    weights = np.array([3.0, -1.0, 0.5, 2.0])
    choices = np.array([[(c >> (3 - i)) & 1 for i in range(4)] for c in range(16)])
    assert shapley_values(choices @ weights) == pytest.approx(weights)


@pytest.mark.parametrize("pooling", ["attention", "mean", "max", "random"])
def test_film_shapley_values_share_the_whole_change(pooling: str) -> None:
    model, processor = toy_study_model(pooling)
    inputs = _inputs(processor, 4, toy_study())
    found = film_shapley(model, inputs, TARGET)
    assert found.values.sum() == pytest.approx(found.everything - found.nothing, abs=1e-5)

    def answer(keep: list[int]) -> float:
        given = torch.zeros(1, 4, dtype=torch.bool)
        given[0, keep] = True
        with torch.inference_mode():
            return float(log_odds(model(inputs.with_films(given))[APPEARANCE], TARGET))

    assert found.everything == pytest.approx(answer([0, 1, 2, 3]), abs=1e-5)
    for film in range(4):
        rest = answer([n for n in range(4) if n != film])
        assert found.left_out[film] == pytest.approx(found.everything - rest, abs=1e-5)


def test_eight_films_are_256_answers_from_eight_vectors() -> None:
    model, processor = toy_study_model()
    seen = []
    encode = model.film_vectors
    model.film_vectors = lambda films, given: seen.append(films.shape[1]) or encode(films, given)
    found = film_shapley(model, _inputs(processor, 8, toy_study()), TARGET)
    assert seen == [8] and len(found.values) == 8


def test_a_film_that_is_the_baseline_contributes_nothing() -> None:
    model, processor = toy_study_model()
    inputs = _inputs(processor, 2, Study())
    image = processor.config.image
    films = inputs.films.clone()
    films[:, 1] = -image.mean / image.std
    account = [*explain_study(model, processor, replace(inputs, films=films), TARGET)][-1]
    assert account.film_logits[1] == 0.0 and account.film_logits[0] != 0.0
