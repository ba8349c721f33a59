"""The bundled checkpoint of studies: small, and a lateral adds to its answer where it holds the evidence."""

from pathlib import Path

import numpy as np
import pytest
import torch

from cases.phantom.studies import PhantomStudy, StudySettings, generate_study, study_seed
from cases.phantom.study_plan import OPACITY
from hub_config.settings import STUDY_CHECKPOINT
from modeling.explain.study_account import explain_study, film_shapley
from modeling.labels import Target
from modeling.model.study_fusion import StudyInputs, StudyModel, processed_films
from modeling.study import Study, ViewPosition

FILMS = ((ViewPosition.PA, 0), (ViewPosition.LATERAL, 0), (ViewPosition.PA, 60), (ViewPosition.LATERAL, 60))


@pytest.fixture(scope="module")
def loaded() -> tuple:
    return StudyModel.from_pretrained(STUDY_CHECKPOINT)


def _hidden(seed: int, change: str) -> PhantomStudy:
    settings = StudySettings(size=128, place="behind the heart", change=change, films=FILMS)
    return generate_study(study_seed(6101, seed), settings=settings)


def _inputs(processor, study: PhantomStudy) -> StudyInputs:
    rest = Study(table=study.table, text=study.text)
    return processed_films(processor, study.films, rest, torch.Generator().manual_seed(0)).inputs


def test_it_is_small_and_says_what_it_is_for() -> None:
    assert sum(file.stat().st_size for file in Path(STUDY_CHECKPOINT).iterdir()) <= 6 * 2**20
    assert "says nothing about patients" in (STUDY_CHECKPOINT / "README.md").read_text()


def test_the_lateral_adds_what_the_frontal_film_cannot_show(loaded) -> None:
    model, processor = loaded
    with_it, without = [], []
    for seed, change in enumerate(("new", "cleared", "new", "clear", "new", "cleared")):
        inputs = _inputs(processor, _hidden(seed, change))
        frontal = inputs.with_films(torch.tensor([[True, False, True, False]]))
        for found, one in ((with_it, inputs), (without, frontal)):
            with torch.inference_mode():
                logits = model(one)[OPACITY][0]
            found.append((float(logits[1] - logits[0]), change == "new"))
    present, absent = ([value for value, new in with_it if new is there] for there in (True, False))
    assert min(present) > max(absent), with_it
    spread = np.ptp([value for value, _ in without])
    assert spread < 0.7 * np.ptp([value for value, _ in with_it]), (
        "the frontal films alone tell them apart less"
    )


def test_the_account_and_the_shapley_values_name_the_lateral_of_the_day(loaded) -> None:
    model, processor = loaded
    study = _hidden(0, "new")
    inputs, target = _inputs(processor, study), Target(model.config.spec(OPACITY), "present")
    account = [*explain_study(model, processor, inputs, target)][-1]
    assert account.relative_delta <= 0.05 and account.film_logits.argmax() == 1
    assert film_shapley(model, inputs, target).values.argmax() == 1
