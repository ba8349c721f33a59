"""Configurations: JSON round trip, one hash for one meaning, everything unknown refused."""

import json
from dataclasses import fields, replace

import pytest

from modeling.configuration import (
    FusionConfig,
    ImageEncoderConfig,
    ImageProcessing,
    ProcessorConfig,
    TableField,
    TaskConfig,
    TextEncoderConfig,
    TextProcessing,
)
from modeling.errors import CheckpointError
from modeling.labels import GRADING
from modeling.study import Modality
from tests.doubles.toys import toy_config, toy_processor


def test_both_configurations_survive_json() -> None:
    processor = toy_processor().config
    config = toy_config(
        "gated", sources=("siim",), temperatures={"appearance": 1.3}, processor_sha256=processor.sha256
    )
    for one in (processor, config):
        again = type(one).from_json(json.loads(json.dumps(one.to_json())))
        assert again == one
    assert all(isinstance(m, Modality) for m in FusionConfig.from_json(config.to_json()).tasks[0].modalities)


def test_a_configuration_without_text_survives_json() -> None:
    config = ProcessorConfig(image=ImageProcessing())
    assert ProcessorConfig.from_json(config.to_json()) == config


CHANGES = {
    "size": lambda c: replace(c, image=replace(c.image, size=96)),
    "percentiles": lambda c: replace(c, image=replace(c.image, percentiles=(1.0, 99.5))),
    "mean": lambda c: replace(c, image=replace(c.image, mean=0.4)),
    "std": lambda c: replace(c, image=replace(c.image, std=0.4)),
    "field order": lambda c: replace(c, table=c.table[::-1]),
    "field statistics": lambda c: replace(c, table=(replace(c.table[0], mean=61.0), *c.table[1:])),
    "field transform": lambda c: replace(c, table=(replace(c.table[0], transform="log1p"), *c.table[1:])),
    "field count": lambda c: replace(c, table=(replace(c.table[0], known=7), *c.table[1:])),
    "field dropped": lambda c: replace(c, table=c.table[1:]),
    "sections": lambda c: replace(c, text=replace(c.text, sections=("indication", "findings"))),
    "tokens": lambda c: replace(c, text=replace(c.text, max_tokens=32)),
    "lowercase": lambda c: replace(c, text=replace(c.text, lowercase=False)),
    "tokenizer": lambda c: replace(c, tokenizer_sha256="0" * 64),
    "no image": lambda c: replace(c, image=None),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_the_hash_changes_with_anything_the_processor_does(change) -> None:
    config = toy_processor().config
    assert change(config).sha256 != config.sha256


def test_the_hash_is_of_the_meaning_not_of_the_spelling() -> None:
    whole = ProcessorConfig(image=ImageProcessing(percentiles=(1, 99)), table=(TableField("age", mean=60),))
    assert whole.sha256 == ProcessorConfig.from_json(whole.to_json()).sha256
    floats = ProcessorConfig(
        image=ImageProcessing(percentiles=(1.0, 99.0)), table=(TableField("age", mean=60.0),)
    )
    assert whole.sha256 == floats.sha256


def test_indication_alone_is_pre_read() -> None:
    pre = ProcessorConfig(text=TextProcessing())
    assert not pre.is_post_read
    assert not ProcessorConfig(image=ImageProcessing()).is_post_read
    assert replace(pre, text=TextProcessing(sections=("indication", "impression"))).is_post_read


@pytest.mark.parametrize(
    ("where", "value", "named"),
    [
        (("colour",), True, "colour"),
        (("image", "zoom"), 2, "zoom"),
        (("text", "transformers"), {"hidden_size": 8}, "model_type"),
        (("width",), "wide", "width"),
        (("width",), True, "width"),
        (("dropout",), float("nan"), "dropout"),
        (("fusion",), "sum", "fusion"),
        (("tasks",), [], "task"),
        (("tasks",), [{"name": "appearance", "modalities": []}], "appearance"),
        (("tasks",), [{"name": "mood", "modalities": ["image"]}], "mood"),
        (("tasks",), [{"name": "grading", "modalities": ["sound"]}], "sound"),
        (("tasks",), [{"name": "grading", "modalities": ["image"]}] * 2, "twice"),
        (("tasks",), [{"name": "grading"}], "modalities"),
        (("image",), None, "image"),
        (("attention_heads",), 3, "heads"),
        (("temperatures",), {"appearance": 0}, "temperature"),
        (("temperatures",), {"mood": 1.0}, "mood"),
    ],
)
def test_a_damaged_model_configuration_is_refused_by_name(
    where: tuple[str, ...], value: object, named: str
) -> None:
    raw = toy_config().to_json()
    inner = raw
    for key in where[:-1]:
        inner = inner[key]
    inner[where[-1]] = value
    with pytest.raises(CheckpointError, match=named) as caught:
        FusionConfig.from_json(raw)
    assert str(caught.value).endswith(".") and "\n" not in str(caught.value)


@pytest.mark.parametrize("raw", [None, [], "text", 3])
def test_something_that_is_no_object_is_refused(raw: object) -> None:
    with pytest.raises(CheckpointError, match="not a JSON object"):
        ProcessorConfig.from_json(raw)


@pytest.mark.parametrize(
    "build",
    [
        lambda: ImageProcessing(size=8),
        lambda: ImageProcessing(percentiles=(90.0, 10.0)),
        lambda: ImageProcessing(percentiles=(1.0,)),
        lambda: ImageProcessing(std=0.0),
        lambda: TableField("shoe_size"),
        lambda: TableField("age", std=0.0),
        lambda: TextProcessing(sections=()),
        lambda: TextProcessing(sections=("gossip",)),
        lambda: TextProcessing(max_tokens=2),
        lambda: TextEncoderConfig({}),
        lambda: FusionConfig(tasks=(TaskConfig(GRADING, (Modality.IMAGE,)),)),
        lambda: TaskConfig(GRADING, (Modality.IMAGE, Modality.IMAGE)),
    ],
)
def test_values_that_make_no_sense_are_refused(build) -> None:
    with pytest.raises(CheckpointError):
        build()


def test_every_key_is_written() -> None:
    config = toy_config()
    assert set(config.to_json()) == {f.name for f in fields(config)}
    assert config.modalities == tuple(Modality)
    assert FusionConfig(
        tasks=(TaskConfig(GRADING, (Modality.IMAGE,)),), image=ImageEncoderConfig()
    ).modalities == (Modality.IMAGE,)


def test_the_schema_says_what_the_reader_refuses() -> None:
    schema = FusionConfig.json_schema()
    assert schema["additionalProperties"] is False and schema["required"] == ["tasks"]
    assert set(schema["properties"]) == {f.name for f in fields(FusionConfig)}
    assert schema["properties"]["fusion"]["enum"] == ["product", "concat", "gated", "cross_attention"]
