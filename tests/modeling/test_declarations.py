"""Tasks that a configuration declares; Viewbox's own stay named by name alone."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from modeling.configuration import FusionConfig, ProcessorConfig, TaskConfig, TaskDeclaration
from modeling.errors import CheckpointError
from modeling.labels import APPEARANCE, TASKS, Target
from modeling.model.fusion import FusionModel
from modeling.study import Modality
from tests.doubles.toys import toy_config, toy_processor

TUBES = {
    "name": "tubes",
    "modalities": ["image"],
    "declaration": {
        "kind": "multilabel",
        "source": "the ward's own list",
        "words": {"en": "Tubes and lines", "zh-Hant": "管路"},
        "classes": [
            {
                "name": "Tube",
                "definition": "Its tip is seen.",
                "words": {"zh-Hant": "氣管內管", "en": "Tube"},
            },
            {"name": "Line", "words": {"en": "Central line"}},
        ],
    },
}


def declaring(**changes: Any) -> dict[str, Any]:
    """A configuration that declares the task, its declaration changed."""
    raw, own = toy_config().to_json(), copy.deepcopy(TUBES)
    own["declaration"] |= changes.pop("declaration", {})
    return raw | {"tasks": [*raw["tasks"], own | changes]}


def test_a_declared_task_has_its_classes_words_and_head() -> None:
    config = FusionConfig.from_json(declaring())
    assert FusionConfig.from_json(config.to_json()) == config
    spec = config.spec("tubes")
    assert (spec, spec.kind, spec.classes) == ("tubes", "multilabel", ("Tube", "Line"))
    assert (spec.definitions, spec.source) == (("Its tip is seen.", ""), "the ward's own list")
    assert spec.words["zh-Hant"] == "管路" and spec.classes[0].words["zh-Hant"] == "氣管內管"
    assert config.spec(APPEARANCE) is APPEARANCE
    model = FusionModel(config, toy_processor().config)
    assert model.heads["tubes"].linear.out_features == 2
    assert Target.parse("tubes/Line", [spec]).class_name.words == {"en": "Central line"}


def test_shipped_configurations_read_and_write_as_before(root: Path) -> None:
    paths = sorted((root / "hub_config" / "checkpoints").glob("*/config.json"))
    assert len(paths) == 5
    for path in paths:
        raw, config = json.loads(path.read_text()), FusionConfig.read(path)
        assert config.to_json()["tasks"] == raw["tasks"] and {*raw} <= {*config.to_json()}
        assert (
            ProcessorConfig.read(path.with_name("preprocessor_config.json")).sha256
            == (raw["processor_sha256"])
        )


def test_viewboxs_own_tasks_are_such_declarations(root: Path) -> None:
    for name, raw in json.loads((root / "modeling" / "labels.json").read_text()).items():
        task = TaskDeclaration.from_json(raw).task(name)
        assert (task.kind, task.classes, task.definitions, task.source) == (
            TASKS[name].kind,
            TASKS[name].classes,
            TASKS[name].definitions,
            TASKS[name].source,
        )


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"declaration": {"kind": "ranked"}}, "'ranked' is no kind of task; choose one of softmax, ordinal"),
        ({"declaration": {"kind": "ordinal", "classes": TUBES["declaration"]["classes"][:1]}}, "at least 2"),
        ({"declaration": {"classes": []}}, "at least 1"),
        ({"declaration": {"classes": [{"name": "Tube"}] * 2}}, "'Tube' is declared twice"),
        ({"declaration": {"classes": [{"name": "Tube/Line"}]}}, "no name for a class"),
        ({"declaration": {"classes": [{"name": "a|b"}]}}, "no name for a class"),
        ({"declaration": {"classes": [{"name": "two\nlines"}]}}, "no name for a class"),
        ({"declaration": {"classes": [{"name": "rest"}]}}, "'rest' means something else"),
        ({"declaration": {"classes": [{"name": "Tube", "words": {"en": ""}}]}}, "word for 'Tube' is empty"),
        ({"declaration": {"words": {"en": "long" * 30}}}, "word for 'tubes' is empty or too long"),
        ({"declaration": {"colour": "red"}}, "TaskDeclaration has no key 'colour'|no key 'colour'"),
        ({"name": "Tubes and lines"}, "no name for a task; use small letters"),
        ({"name": "findings"}, "findings is one of Viewbox's own tasks"),
        ({"declaration": None}, "no task 'tubes' in this Viewbox; declare it"),
    ],
)
def test_a_declaration_that_means_nothing_is_one_sentence(changes: dict[str, Any], said: str) -> None:
    raw = declaring(**{k: v for k, v in changes.items() if v is not None})
    if changes.get("declaration", ()) is None:
        raw["tasks"][-1]["declaration"] = None
    with pytest.raises(CheckpointError, match=said) as caught:
        FusionConfig.from_json(raw)
    assert str(caught.value).endswith(".") and "\n" not in str(caught.value)


def test_a_name_that_a_network_cannot_have_is_refused() -> None:
    declaration = TaskDeclaration.from_json(TUBES["declaration"])
    config = toy_config(modalities=(Modality.IMAGE,))
    config = FusionConfig(
        (TaskConfig("items", (Modality.IMAGE,), declaration),), image=config.image, width=16
    )
    processor = ProcessorConfig(image=toy_processor().config.image)
    with pytest.raises(CheckpointError, match="cannot be named 'items'"):
        FusionModel(config, processor)
