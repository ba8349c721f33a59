"""What a model of studies answers: the tasks, what each film adds, what it says without one, and warnings."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from modeling.errors import StudyError, ViewboxError
from modeling.explain.study_account import film_shapley
from modeling.labels import APPEARANCE, GRADING, Target
from modeling.model.checkpoint import Origin
from modeling.model.study_fusion import processed_films
from modeling.sentence import Sentence
from modeling.study import DatedFilm, RefusedFilm, ViewPosition
from modeling.study_answer import StudyPipeline, study_json
from tests.doubles.toys import toy_films, toy_radiograph, toy_study, toy_study_model

TARGET = Target(APPEARANCE, "Typical")


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> StudyPipeline:
    model, processor = toy_study_model()
    return StudyPipeline(model, processor, Origin("toy", "sha256:0", tmp_path_factory.mktemp("toy"), False))


def test_an_answer_is_the_models_and_knows_what_it_is_without_each_film(pipeline: StudyPipeline) -> None:
    films, study = toy_films(4), toy_study()
    answer = pipeline.predict(films, study, "appearance/Typical")
    generator = torch.Generator().manual_seed(0)
    inputs = processed_films(pipeline.processor, films, study, generator).inputs
    with torch.inference_mode():
        whole = pipeline.model(inputs)
        rest = pipeline.model(inputs.with_films(torch.tensor([[True, False, True, True]])))
    for task in answer.prediction.tasks:
        assert task.logits == pytest.approx(whole[task.task][0].numpy(), abs=1e-5)
    part = answer.parts[1]
    for task in part.without:
        assert task.logits == pytest.approx(rest[task.task][0].numpy(), abs=1e-5)
        assert task.probabilities.sum() == pytest.approx(1)
    alone = answer.with_films([True, False, True, True])
    assert [t.logits.tolist() for t in alone] == [t.logits.tolist() for t in part.without]
    expected = film_shapley(pipeline.model, inputs, TARGET)
    assert [p.shapley for p in answer.parts] == pytest.approx(expected.values, abs=1e-5)
    assert [p.lost_without for p in answer.parts] == pytest.approx(expected.left_out, abs=1e-5)
    other = answer.shapley(Target(GRADING, "Severe"))
    assert other.values.sum() == pytest.approx(other.everything - other.nothing, abs=1e-5)


def test_the_account_adds_up_over_films_fields_and_words(pipeline: StudyPipeline) -> None:
    answer = pipeline.predict(toy_films(3), toy_study())
    steps = [*pipeline.explain(answer, TARGET)]
    told = steps[-1]
    found, account = study_json(told), told.account
    parts = [film["contribution"] for film in found["films"]]
    parts += [one["attribution"] for one in (*found["fields"], *found["words"])]
    change = account.output - account.baseline_output
    total = sum(parts) + found["special_tokens"]
    assert total == pytest.approx(change + account.convergence_delta, abs=1e-6)
    assert found["verdict"] == "usable" and found["target"] == "appearance/Typical"
    assert [f["name"] for f in found["fields"]] == [f.name for f in pipeline.processor.config.table]
    assert {w["word"] for w in found["words"]} and json.dumps(found)
    for part in told.parts:
        assert part.map.sum() == pytest.approx(part.contribution, abs=1e-4)
    assert answer.account is None and answer.words == answer.fields == ()
    assert "in the account" in repr(told) and "convergence delta" in repr(told)


def test_films_that_were_left_out_are_named_before_all_else(pipeline: StudyPipeline) -> None:
    gone = [RefusedFilm(2, "hand.dcm", Sentence("This is a hand.")), RefusedFilm(4, "", Sentence("Empty."))]
    answer = pipeline.predict(toy_films(3), refused=gone)
    assert answer.numbers == (1, 3, 5) and [p.number for p in answer.parts] == [1, 3, 5]
    first, second, *_ = answer.prediction.warnings
    assert first == "The film hand.dcm was left out: This is a hand."
    assert second == "Film 4 was left out: Empty."
    found = study_json(answer)
    assert found["left_out"][0] == {"number": 2, "name": "hand.dcm", "reason": "This is a hand."}
    assert found["not_for_diagnosis"] and found["warnings"][0] == first


def test_what_stands_against_an_answer_is_said(pipeline: StudyPipeline) -> None:
    config = replace(pipeline.model.config, sources=("phantom",), views=("PA", "lateral"))
    pipeline.model.config, old = config, pipeline.model.config
    unknown, oblique = (
        DatedFilm(toy_radiograph(n, view_position=view), 10)
        for n, view in enumerate((ViewPosition.UNKNOWN, ViewPosition.OBLIQUE))
    )
    try:
        told = " ".join(pipeline.predict([unknown, oblique]).prediction.warnings)
        stored = pipeline.predict(toy_films(2), source="openi").prediction.warnings
        own = pipeline.predict(toy_films(2), source="phantom").prediction.warnings
    finally:
        pipeline.model.config = old
    assert "learnt from synthetic films only and has seen none like your own" in told
    assert "Film 1: its view is not known" in told
    assert "Film 2: it is of the oblique view, and this checkpoint learnt from PA and lateral films" in told
    assert "No film is of the day of the study" in told
    assert "has seen none like this one (Open-i)" in stored[0] and own == ()


@pytest.mark.parametrize(
    ("films", "said"),
    [
        ([], "at least one film"),
        (toy_films(8) + toy_films(1), "A study of 9 films is too large"),
        ([DatedFilm(toy_radiograph(0), -3)], "is of a day after the study"),
        (toy_films(1) + toy_films(1), "are the same film"),
    ],
)
def test_what_makes_no_study_is_refused(pipeline: StudyPipeline, films: list[DatedFilm], said: str) -> None:
    with pytest.raises(StudyError, match=said):
        pipeline.predict(films)


def test_a_target_of_another_checkpoint_and_values_that_are_no_numbers_are_refused(
    pipeline: StudyPipeline,
) -> None:
    with pytest.raises(ViewboxError, match="names no target"):
        pipeline.predict(toy_films(1), target="opacity")
    with pytest.raises(ViewboxError, match="does not predict findings"):
        pipeline.predict(toy_films(1), target="findings/Mass")
    film = DatedFilm(replace(toy_radiograph(0), rescale_slope=np.inf))
    with pytest.raises(StudyError, match="The film's values are no numbers"):
        pipeline.predict([film])
