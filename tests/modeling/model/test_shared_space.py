"""The shared space: unit vectors, prompts, word maps, refusals, and a checkpoint that keeps it all."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from modeling.configuration import (
    ImageEncoderConfig,
    ImageProcessing,
    ProcessorConfig,
    TableEncoderConfig,
    TableField,
    TextEncoderConfig,
    TextProcessing,
)
from modeling.errors import CheckpointError, StudyError
from modeling.model.processing import StudyProcessor, tokenizer_sha256
from modeling.model.shared_space import SharedSpace
from modeling.model.space_network import SpaceConfig, SpaceModel, matches
from modeling.prompts.answer import ask_in_words
from modeling.study import ClinicalTable, ClinicalText, Radiograph
from training.preparation import build_tokenizer

TEXTS = ("Pleural effusion of the right base.", "The lungs are clear.", "右下肺野可見肋膜積液。")


def _toy(folder: Path) -> SharedSpace:
    texts = [ClinicalText({"findings": text}) for text in TEXTS]
    tokenizer = build_tokenizer(texts, ("findings",), 200, folder / "pieces.json")
    processor = ProcessorConfig(
        image=ImageProcessing(size=64),
        table=(TableField("age"), TableField("sex")),
        text=TextProcessing(("findings",), 32),
        tokenizer_sha256=tokenizer_sha256(tokenizer),
    )
    shape = {"model_type": "bert", "vocab_size": tokenizer.get_vocab_size(), "hidden_size": 16}
    shape |= {"num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    config = SpaceConfig(
        image=ImageEncoderConfig("resnet10t", stride=16),
        table=TableEncoderConfig(field_width=4, hidden=8),
        text=TextEncoderConfig(shape | {"max_position_embeddings": 32}),
        width=16,
        space=8,
        attention_heads=2,
    )
    torch.manual_seed(0)
    return SharedSpace(SpaceModel(config, processor), StudyProcessor(processor, tokenizer))


@pytest.fixture(scope="module")
def space(tmp_path_factory) -> SharedSpace:
    return _toy(tmp_path_factory.mktemp("space"))


def _film(seed: int, shape: tuple[int, int] = (90, 70)) -> Radiograph:
    return Radiograph(np.random.default_rng(seed).integers(0, 4096, shape).astype(np.uint16), bits_stored=12)


def test_films_texts_and_tables_are_unit_vectors_of_one_space(space):
    films = space.embed_films([_film(0), _film(1, (70, 90))])
    texts = space.embed_texts([*TEXTS, "clear " * 200])
    tables = space.embed_tables([ClinicalTable.from_raw({"age": 60}), ClinicalTable()])
    assert (films.shape, texts.shape, tables.shape) == ((2, 8), (4, 8), (2, 8))
    for vectors in (films, texts, tables):
        assert torch.allclose(vectors.norm(dim=1), torch.ones(len(vectors)), atol=1e-5)


def test_a_text_is_the_same_alone_and_beside_a_longer_one(space):
    assert torch.allclose(
        space.embed_texts([TEXTS[1], TEXTS[0]])[0], space.embed_texts([TEXTS[1]])[0], atol=1e-5
    )


def test_unknown_words_are_named(space):
    assert space.unknown_words("hydrothorax of the right base") == ("hydrothorax",)
    assert space.unknown_words(TEXTS[1]) == space.unknown_words(TEXTS[2]) == ()
    assert space.unknown_words("легкие") == ("легкие",)


@pytest.mark.parametrize("text", ["", "   "])
def test_a_text_without_a_word_is_refused_in_a_sentence(space, text):
    with pytest.raises(StudyError, match="empty"):
        space.embed_texts([TEXTS[0], text])


def test_prompts_ask_it(space):
    found = ask_in_words(space, _film(0), [TEXTS[0], TEXTS[1]])
    assert sum(found.probabilities) == pytest.approx(1)
    assert "synthetic films alone" not in str(found)  # the toy names no source


def test_every_word_has_its_map_and_a_chinese_one_each_character(space):
    found = space.word_region(_film(0, (90, 60)), TEXTS[0])
    assert [one.word for one in found] == ["Pleural", "effusion", "of", "the", "right", "base", "."]
    assert all(TEXTS[0][one.start : one.end] == one.word for one in found)
    assert all(one.places.shape == (64, 43) and np.abs(one.places).max() <= 1.0001 for one in found)
    characters = space.word_region(_film(0), TEXTS[2])
    assert "".join(one.word for one in characters) == TEXTS[2]


def test_words_attend_to_the_places_they_resemble():
    places = torch.eye(3)[None].repeat(2, 1, 1)
    places[1] = torch.eye(3)[:1]  # the second film knows the first direction alone
    words = torch.stack([torch.eye(3)[:1], torch.eye(3)[2:]])  # N=2 texts of one word
    found = matches(places, words, torch.ones(2, 1, dtype=torch.bool))
    assert found[0, 1] > 0.9 and found[1, 0] > 0.9 and found[1, 1] < 0.01


def test_a_checkpoint_keeps_projections_temperatures_and_processor(space, tmp_path):
    film = _film(0)
    space.model.save_pretrained(tmp_path / "kept", space.processor)
    again = SharedSpace.from_pretrained(tmp_path / "kept")
    assert torch.allclose(again.embed_films([film]), space.embed_films([film]), atol=1e-6)
    assert torch.allclose(again.embed_texts(TEXTS), space.embed_texts(TEXTS), atol=1e-6)
    assert again.model.scale("film_text") == space.model.scale("film_text")


def test_another_processor_and_a_processor_without_film_are_refused(space, tmp_path):
    other = replace(space.processor.config, image=ImageProcessing(size=80))
    space.model.save_pretrained(tmp_path / "kept", space.processor)
    other.write(tmp_path / "kept" / "preprocessor_config.json")
    with pytest.raises(CheckpointError, match="not the one of its weights"):
        SharedSpace.from_pretrained(tmp_path / "kept")
    with pytest.raises(CheckpointError, match="reads film, table and text"):
        SpaceModel(space.model.config, replace(space.processor.config, image=None))
