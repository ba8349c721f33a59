"""A checkpoint's configuration: validated, frozen, with a JSON round trip and no torch."""

import dataclasses
import hashlib
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal, Self, get_args

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic_core import from_json

from modeling.errors import CheckpointError
from modeling.labels import NOTHING, REST, TASKS, Task, TaskKind, TaskName
from modeling.sentence import Name, Names
from modeling.study import CLINICAL_FIELDS, TEXT_SECTIONS, Modality

SYNTHETIC_SOURCES = frozenset({"phantom"})
"""Sources whose films are computed: what was trained on these alone says nothing about real ones."""
TASK_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_LONGEST_WORD = 80
FusionKind = Literal["product", "concat", "gated", "cross_attention"]


def read_json(path: Path) -> Any:
    """What a JSON file holds. Raises ValueError: none, or 200 brackets deep, which Python's reader survives
    only as far as its stack goes."""
    return from_json(path.read_bytes())


class Configuration:
    """JSON round trip for the frozen dataclasses below: unknown or missing keys are refused."""

    __pydantic_config__ = ConfigDict(extra="forbid", allow_inf_nan=False)

    def to_json(self) -> dict[str, Any]:
        """Plain dict of JSON types, in field order."""
        return json.loads(json.dumps(dataclasses.asdict(self)))

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote. Raises CheckpointError: a key or a value is not as it should be."""
        no_object = "{cls} is not a JSON object; the configuration file is damaged."
        _require(isinstance(raw, Mapping), no_object, cls=cls.__name__)
        try:
            return _adapter(cls).validate_json(json.dumps(raw), strict=True)
        except ValidationError as exc:
            raise _refusal(cls, exc) from exc

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file that `write` wrote. Raises CheckpointError: it is no JSON, or as `from_json`."""
        try:
            raw = read_json(path)
        except ValueError as exc:
            damaged = "{file} is not valid JSON; fetch the checkpoint again."
            raise CheckpointError(damaged, file=path.name) from exc
        return cls.from_json(raw)

    def write(self, path: Path) -> None:
        """Write it as a JSON file."""
        path.write_text(json.dumps(self.to_json(), indent=2) + "\n")

    @classmethod
    def json_schema(cls) -> dict[str, Any]:
        """The JSON Schema of the file, for editors and other programs."""
        return _adapter(cls).json_schema()


@cache
def _adapter(cls: type) -> TypeAdapter:
    return TypeAdapter(cls)


def _refusal(cls: type, error: ValidationError) -> CheckpointError:
    """The first fault in a reader's words; an unknown key first, for it says that the file is newer."""
    faults = sorted(error.errors(include_url=False), key=lambda f: f["type"] != "unexpected_keyword_argument")
    kind, value = faults[0]["type"], " ".join(str(faults[0]["input"]).split())[:80]
    key = next((part for part in reversed(faults[0]["loc"]) if isinstance(part, str)), "")
    if kind == "unexpected_keyword_argument":
        newer = "{cls} has no key '{key}'; load this checkpoint with the Viewbox that wrote it."
        return CheckpointError(newer, cls=cls.__name__, key=key)
    if kind == "missing":
        lacking = "{cls} lacks the key '{key}'; the configuration file is incomplete."
        return CheckpointError(lacking, cls=cls.__name__, key=key)
    broken = (
        "'{value}' is no number for the key '{key}'; the configuration file is damaged."
        if kind == "finite_number"
        else "'{value}' is no value for the key '{key}'; the configuration file is damaged."
    )
    return CheckpointError(broken, value=value, key=key)


def _require(condition: bool, template: str, /, **values: Any) -> None:
    if not condition:
        raise CheckpointError(template, **values)


# --- the processor


@dataclass(frozen=True)
class ImageProcessing(Configuration):
    """How a film becomes `(3, size, size)`: two percentiles of the windowed film become 0 and 1.

    The mean and standard deviation are of that film, the same for the three equal channels.
    """

    size: int = 224
    percentiles: tuple[float, ...] = (0.5, 99.5)
    mean: float = 0.5
    std: float = 0.5

    def __post_init__(self) -> None:
        _require(16 <= self.size <= 2048, "The image size must lie between 16 and 2048 pixels.")
        ordered = len(self.percentiles) == 2 and 0 <= self.percentiles[0] < self.percentiles[1] <= 100
        _require(ordered, "The two percentiles must be in order between 0 and 100.")
        _require(self.std > 0, "The image standard deviation must be positive.")


@dataclass(frozen=True)
class TableField(Configuration):
    """A clinical field that the checkpoint reads, with statistics frozen at training.

    Attributes:
        transform: `log1p` for long-tailed laboratory values, applied before mean and std.
        mean, std: of the known training values after the transform; unused for categorical fields.
        known: how many training studies had a value.
    """

    name: str
    transform: Literal["identity", "log1p"] = "identity"
    mean: float = 0.0
    std: float = 1.0
    known: int = 0

    def __post_init__(self) -> None:
        name_known = self.name in CLINICAL_FIELDS
        _require(name_known, "There is no clinical field '{name}' in this Viewbox.", name=self.name)
        _require(self.std > 0, "The standard deviation of '{name}' must be positive.", name=self.name)


@dataclass(frozen=True)
class TextProcessing(Configuration):
    """Which sections are read, and into how many tokens; the tokenizer stands beside this file."""

    sections: tuple[str, ...] = ("indication",)
    max_tokens: int = 128
    lowercase: bool = True

    def __post_init__(self) -> None:
        known, all_known = Names("section", TEXT_SECTIONS), set(self.sections) <= set(TEXT_SECTIONS)
        chosen = "Text sections must be chosen from {sections}."
        _require(bool(self.sections) and all_known, chosen, sections=known)
        _require(4 <= self.max_tokens <= 4096, "The number of tokens must lie between 4 and 4096.")


@dataclass(frozen=True)
class ProcessorConfig(Configuration):
    """`preprocessor_config.json`: the processor of training, evaluation and app, and its tokenizer's hash."""

    image: ImageProcessing | None = None
    table: tuple[TableField, ...] = ()
    text: TextProcessing | None = None
    tokenizer_sha256: str = ""

    @property
    def sha256(self) -> str:
        """Hash of everything that the processor does; stored in the model's configuration."""
        as_read = type(self).from_json(self.to_json())  # so that 50 and 50.0 are one configuration
        canonical = json.dumps(as_read.to_json(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def is_post_read(self) -> bool:
        """True where the model reads what the reader wrote."""
        return self.text is not None and set(self.text.sections) != {"indication"}


# --- the model


@dataclass(frozen=True)
class ImageEncoderConfig(Configuration):
    """Any timm model by name.

    Attributes:
        stride: pixels a place of the feature map stands for; 0 takes the backbone's last map. A smaller
            stride leaves the later stages out: a finer map, and fewer weights.
        pooling: "mean" over the whole map; "evidence" weighs every place by how much it looks like an
            opacity, learnt from outlines of opacities, so that the film speaks through those places only.
        pyramid: channels of one map made of the backbone's last two, at the finer one's stride (feature
            pyramid, Lin et al., CVPR 2017): as fine as the one, as wise as the other; 0 takes the last alone.
        norm: "folded" has each batch norm in the convolution before it, in training too: statistics that are
            settled before the first step cost no pass, and a film's answer never hangs on its batch.
        drop_path: chance that training skips a residual block (stochastic depth, Huang et al., ECCV 2016).
    """

    name: str = "tf_efficientnet_lite0"
    dropout: float = 0.0
    stride: int = 0
    pooling: Literal["mean", "evidence"] = "mean"
    pyramid: int = 0
    norm: Literal["batch", "folded"] = "batch"
    drop_path: float = 0.0

    def __post_init__(self) -> None:
        usual = self.stride in (0, 8, 16, 32)
        _require(usual, "The stride of the feature map must be 8, 16, 32, or 0 for the last.")
        _require(not (self.stride and self.pyramid), "Give the feature map a stride or a pyramid, not both.")
        _require(0 <= self.drop_path < 1, "The share of skipped blocks must lie between 0 and 1.")


@dataclass(frozen=True)
class TableEncoderConfig(Configuration):
    """A vector for each field, then a two-layer perceptron."""

    field_width: int = 16
    hidden: int = 64
    dropout: float = 0.0


@dataclass(frozen=True)
class TextEncoderConfig(Configuration):
    """Any transformers encoder by its configuration, such as {"model_type": "bert", "hidden_size": 128}.

    Attributes:
        pooling: "mean" over the tokens; "max" of each feature over the tokens, so that one phrase of a long
            report can speak for it; "attention": learnt questions weigh the tokens, each for its features.
        questions: how many, for "attention"; the width is shared among them.
        phrase: so many neighbouring token embeddings are read together beside the transformer (odd; 0: none).
    """

    transformers: dict[str, Any] = field(default_factory=dict)
    pooling: Literal["mean", "max", "attention"] = "mean"
    questions: int = 16
    phrase: int = 0

    def __post_init__(self) -> None:
        _require("model_type" in self.transformers, "The text encoder's configuration lacks 'model_type'.")
        _require(self.questions > 0, "The text encoder needs at least one question.")
        _require(self.phrase in (0, *range(1, 16, 2)), "A phrase must be an odd number of tokens below 16.")


@dataclass(frozen=True)
class ClassDeclaration(Configuration):
    """A class of a declared task: what labels call it, what it means, and what readers call it."""

    name: str
    definition: str = ""
    words: dict[str, str] = field(default_factory=dict)  # language tag ("en", "zh-Hant") -> word

    def __post_init__(self) -> None:
        writable = 0 < len(self.name.strip()) == len(self.name) <= _LONGEST_WORD and self.name.isprintable()
        unwritable = "'{name}' is no name for a class; use one line of at most 80 characters without / and |."
        _require(
            writable and not {*"/|"} & {*self.name},
            unwritable,
            name=" ".join(self.name.split())[:_LONGEST_WORD],
        )
        reserved = "'{name}' means something else in a target; give the class another name."
        _require(self.name not in (REST, NOTHING), reserved, name=self.name)
        _require_words(self.name, self.words)


@dataclass(frozen=True)
class TaskDeclaration(Configuration):
    """A label space of one's own: `softmax` (one of several), `ordinal` (one of several, in order) or
    `multilabel` (several at once). Its classes in their one order, who defined them, and its own words."""

    kind: str
    classes: tuple[ClassDeclaration, ...]
    source: str = ""
    words: dict[str, str] = field(default_factory=dict)  # language tag -> word for the task

    def __post_init__(self) -> None:
        kinds = get_args(TaskKind)
        no_kind = "'{kind}' is no kind of task; choose one of {kinds}."
        _require(self.kind in kinds, no_kind, kind=self.kind, kinds=Names("name", kinds))
        names = [one.name for one in self.classes]
        double = next((name for name in names if names.count(name) > 1), "")
        _require(not double, "The class '{name}' is declared twice; leave one out.", name=double)
        least = 1 if self.kind == "multilabel" else 2
        too_few = "A task of the kind {kind} needs at least {least} classes; declare them."
        _require(len(names) >= least, too_few, kind=Names("name", self.kind), least=least)

    def task(self, name: TaskName) -> Task:
        """The label space under its name."""
        classes = [Name(one.name, one.words) if one.words else one.name for one in self.classes]
        definitions = [one.definition for one in self.classes]
        return Task(name, self.kind, classes, definitions, self.source, self.words)


def _require_words(name: str, words: Mapping[str, str]) -> None:
    plain = all(0 < len(word) <= _LONGEST_WORD and word.isprintable() for word in words.values())
    no_word = "A word for '{name}' is empty or too long; use one line of at most 80 characters."
    _require(plain, no_word, name=name)


@dataclass(frozen=True)
class TaskConfig(Configuration):
    """A head: a task and the modalities that it was trained with, and so may read.

    `declaration`: of a task that is not one of Viewbox's own, which are named by name alone.
    """

    name: TaskName
    modalities: tuple[Modality, ...]
    declaration: TaskDeclaration | None = None

    def __post_init__(self) -> None:
        unknown = "There is no task '{name}' in this Viewbox; declare it, or choose one of {tasks}."
        known = self.name in TASKS or self.declaration is not None
        _require(known, unknown, name=self.name, tasks=Names("task", TASKS))
        taken = "{task} is one of Viewbox's own tasks; leave its declaration out, or choose another name."
        _require(self.name not in TASKS or self.declaration is None, taken, task=Names("task", self.name))
        slug = "'{name}' is no name for a task; use small letters, digits and _, a letter first, at most 40."
        _require(bool(TASK_NAME.fullmatch(self.name)), slug, name=self.name)
        once = len(set(self.modalities)) == len(self.modalities) > 0
        _require(once, "{task} reads no modality.", task=Names("task", self.name))
        if self.declaration is not None:
            _require_words(self.name, self.declaration.words)

    @cached_property
    def spec(self) -> Task:
        """The task's label space: declared here, or Viewbox's own."""
        return TASKS[self.name] if self.declaration is None else self.declaration.task(self.name)


@dataclass(frozen=True)
class FusionConfig(Configuration):
    """Encoders -> fusion -> heads: `config.json`.

    Attributes:
        feed_forward: for cross_attention, a feed-forward block behind each attention, as in a transformer.
        sources: the case sources that the checkpoint suits, such as ("siim", "ricord"); shown to the reader.
        processor_sha256: hash of the processor that the weights were trained with.
        temperatures: task -> the calibration temperature fitted on validation (1 where there is none).
        role: "shortcut_twin" for a checkpoint that was trained on purpose on films whose label a planted
            marker gives away; it is for comparison only and never chosen by itself.
    """

    tasks: tuple[TaskConfig, ...]
    image: ImageEncoderConfig | None = None
    table: TableEncoderConfig | None = None
    text: TextEncoderConfig | None = None
    fusion: FusionKind = "product"
    width: int = 128
    dropout: float = 0.0
    attention_heads: int = 4
    feed_forward: bool = False
    sources: tuple[str, ...] = ()
    processor_sha256: str = ""
    temperatures: dict[str, float] = field(default_factory=dict)
    role: Literal["model", "shortcut_twin"] = "model"

    def __post_init__(self) -> None:
        _require(bool(self.tasks), "A fusion checkpoint has at least one task.")
        _require(bool(self.modalities), "A fusion checkpoint has at least one encoder.")
        once = len({t.name for t in self.tasks}) == len(self.tasks)
        _require(once, "A task stands twice in the configuration.")
        no_encoder = "{task} reads the {modality}, which has no encoder."
        for name, modality in ((task.name, m) for task in self.tasks for m in task.modalities):
            task, read = Names("task", name), Names("modality", modality)
            _require(modality in self.modalities, no_encoder, task=task, modality=read)
        shared = self.width % self.attention_heads == 0
        _require(shared, "The width must be a multiple of the attention heads.")
        belongs = not self.feed_forward or self.fusion == "cross_attention"
        _require(belongs, "A feed-forward block belongs to cross_attention; set 'feed_forward' to false.")
        questions = self.text.questions if self.text and self.text.pooling == "attention" else 1
        _require(self.width % questions == 0, "The width must be a multiple of the text encoder's questions.")
        own = {task.name for task in self.tasks}
        no_task = "There is no task '{name}' to have a temperature; the configuration is damaged."
        for name in self.temperatures:
            _require(name in TASKS or name in own, no_task, name=name)
        _require(all(t > 0 for t in self.temperatures.values()), "A temperature must be positive.")

    def to_json(self) -> dict[str, Any]:
        """As every configuration; a task of Viewbox's own is named by name alone."""
        raw = super().to_json()
        raw["tasks"] = [{key: v for key, v in task.items() if v is not None} for task in raw["tasks"]]
        return raw

    def spec(self, task: TaskName) -> Task:
        """The label space of one of its tasks."""
        return next(one.spec for one in self.tasks if one.name == task)

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """The modalities that have an encoder, in their one order."""
        encoders = zip(Modality, (self.image, self.table, self.text), strict=True)
        return tuple(modality for modality, encoder in encoders if encoder is not None)


def only_synthetic(sources: Collection[str]) -> bool:
    """Whether what was trained on these sources has seen computed films alone."""
    return bool(sources) and SYNTHETIC_SOURCES.issuperset(sources)
