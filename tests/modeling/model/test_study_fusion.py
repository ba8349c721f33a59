"""Studies of several films: any number, any missing part, one answer whatever the order."""

from dataclasses import replace
from typing import get_args

import pytest
import torch
from torch import Tensor

from modeling.errors import CheckpointError, StudyError
from modeling.labels import APPEARANCE, GRADING
from modeling.model.study_fusion import (
    FilmPooling,
    StudyFusionConfig,
    StudyInputs,
    StudyModel,
    processed_films,
)
from modeling.study import MOST_FILMS, Study
from tests.doubles.toys import toy_films, toy_study, toy_study_model

POOLINGS = get_args(FilmPooling)
SEED = 3


def _inputs(processor, count: int, study: Study | None = None) -> StudyInputs:
    generator = torch.Generator().manual_seed(SEED)
    return processed_films(processor, toy_films(count), study or toy_study(), generator).inputs


def _answer(model: StudyModel, inputs: StudyInputs) -> Tensor:
    with torch.inference_mode():
        return model(inputs)[APPEARANCE]


@pytest.mark.parametrize("pooling", POOLINGS)
def test_one_to_eight_films_with_and_without_table_and_words(pooling: str) -> None:
    model, processor = toy_study_model(pooling)
    for count in (1, 3, MOST_FILMS):
        for study in (toy_study(), Study()):
            with torch.inference_mode():
                logits = model(_inputs(processor, count, study))
            assert logits[APPEARANCE].shape == (1, 4) and logits[GRADING].shape == (1, 3)
            assert all(bool(torch.isfinite(one).all()) for one in logits.values())


def _taken(inputs: StudyInputs, order: list[int]) -> StudyInputs:
    """The same study with these of its films, in this order."""
    parts = {name: getattr(inputs, name)[:, order] for name in ("films", "film_given", "view", "days")}
    return replace(inputs, **parts, pick=torch.tensor([0]))


@pytest.mark.parametrize("pooling", ["attention", "mean", "max"])
def test_the_order_of_the_films_does_not_matter_and_a_film_left_out_is_as_if_never_there(
    pooling: str,
) -> None:
    model, processor = toy_study_model(pooling)
    inputs = _inputs(processor, 4)
    whole = _answer(model, inputs)
    assert torch.allclose(whole, _answer(model, _taken(inputs, [2, 0, 3, 1])), atol=1e-5)
    given = torch.tensor([[True, False, True, False]])
    fewer = _answer(model, _taken(inputs, [0, 2]))
    assert torch.allclose(_answer(model, inputs.with_films(given)), fewer, atol=1e-5)
    assert not torch.allclose(whole, fewer, atol=1e-4)


def test_the_view_and_the_day_of_a_film_are_read() -> None:
    model, processor = toy_study_model()
    inputs = _inputs(processor, 2)
    whole = _answer(model, inputs)
    for other in (replace(inputs, days=inputs.days + 40), replace(inputs, view=inputs.view.flip(1))):
        assert not torch.allclose(whole, _answer(model, other), atol=1e-5)


def test_random_reads_the_film_that_was_picked_alone() -> None:
    model, processor = toy_study_model("random")
    inputs = replace(_inputs(processor, 3), pick=torch.tensor([1]))
    changed = replace(inputs, films=inputs.films.clone())
    changed.films[:, [0, 2]] = 0.0
    assert torch.equal(_answer(model, inputs), _answer(model, changed))
    kept = inputs.with_films(torch.tensor([[False, False, True]]))
    assert kept.pick.tolist() == [2], "of what is left, where the picked film is not"


def test_a_study_in_a_batch_is_answered_as_alone() -> None:
    model, processor = toy_study_model()
    one, more = _inputs(processor, 2), _inputs(processor, 4)
    padded = {name: torch.cat([getattr(one, name), getattr(more, name)[:, 2:]], dim=1)
              for name in ("films", "view", "days")}  # fmt: skip
    padded["film_given"] = torch.tensor([[True, True, False, False]])
    alone = replace(one, **padded)
    both = StudyInputs(**{n: torch.cat([t, getattr(more, n)]) for n, t in vars(alone).items()})
    answers = _answer(model, both)
    assert torch.allclose(answers[:1], _answer(model, one), atol=1e-5)
    assert torch.allclose(answers[1:], _answer(model, more), atol=1e-5)


def test_what_is_saved_answers_the_same(tmp_path) -> None:
    model, processor = toy_study_model("max")
    model.save_pretrained(tmp_path, processor)
    again, reader = StudyModel.from_pretrained(tmp_path)
    inputs = _inputs(processor, 3)
    assert again.config.pooling == "max"
    assert torch.equal(_answer(model, inputs), _answer(again, _inputs(reader, 3)))


def test_what_cannot_be_read_is_refused_in_a_sentence() -> None:
    model, processor = toy_study_model()
    with pytest.raises(StudyError, match="9 films"):
        _inputs(processor, 9)
    config = model.config
    for changed, said in (
        ({"layers": 0}, "1 to 12 layers"),
        ({"tasks": ()}, "at least one task"),
        ({"attention_heads": 3}, "multiple"),
    ):
        with pytest.raises(CheckpointError, match=said):
            replace(config, **changed)
    with pytest.raises(CheckpointError, match="same modalities"):
        StudyModel(replace(config, text=None), processor.config)
    assert StudyFusionConfig.from_json(config.to_json()) == config
