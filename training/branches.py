"""What each branch of a model begins with, and how it learns: fine-tuned, probed or frozen, at its own rate.

A branch is an encoder (film, table, text): its pre-trained body, and what stands on it (pooling, projection).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from torch import nn

from modeling.configuration import Configuration
from modeling.errors import ViewboxError
from modeling.model.fusion import FusionModel
from modeling.study import Modality

Beginning = Literal["checkpoint", "image", "table", "text"]
WHOLE: Beginning = "checkpoint"
BODIES = {Modality.IMAGE: "backbone", Modality.TABLE: "", Modality.TEXT: "transformer"}
"""Branch -> the module of its encoder that published weights fill; a table's encoder is its own."""


@dataclass(frozen=True)
class Start(Configuration):
    """Weights to begin with, by a name that `weight_sources.open_source` knows.

    `licence` and `base_model` (a Hub repo) go to the card in place of what the weights' own card says.
    """

    weights: str
    licence: str = ""
    base_model: str = ""


@dataclass(frozen=True)
class BranchLearning(Configuration):
    """How a branch learns.

    Attributes:
        way: "fine_tuned": all of it; "probed": its body stays as it was taken over, what stands on it learns;
            "frozen": all of it stays. What stays has no dropout and no moving statistics either.
        rate: its body learns at so many times `learning_rate`; without one at `backbone_rate`, a table at 1.
    """

    way: Literal["fine_tuned", "probed", "frozen"] = "fine_tuned"
    rate: float | None = None

    def __post_init__(self) -> None:
        if self.rate is not None and self.rate <= 0:
            raise ViewboxError("The rate of a branch must be positive; 'frozen' keeps it as it is.")


Learning = Mapping[Modality, BranchLearning]


def resting(model: FusionModel, learning: Learning) -> list[nn.Module]:
    """The modules that stay as they are."""
    still: list[nn.Module] = []
    for branch, how in learning.items():
        if how.way == "frozen":
            still.append(model.encoders[branch])
        elif how.way == "probed":
            still.append(model.encoders[branch].get_submodule(BODIES[branch]))
    return still


def stays(parameter: str, modules: Sequence[str], learning: Learning) -> bool:
    """Whether a parameter stays as it is, by its name in the model.

    `modules` of the film's backbone stay in any case, such as "blocks.0".
    """
    inside = parameter.replace(".backbone.model.", ".backbone.")  # a backbone cut into stages is wrapped
    still = [f".backbone.{module}." for module in modules]
    for branch, how in learning.items():
        if how.way != "fine_tuned":
            body = f"{BODIES[branch]}." if how.way == "probed" else ""
            still.append(f"encoders.{branch}.{body}")
    return any(part in inside for part in still)


def check_frozen(modules: Sequence[str], model: nn.Module) -> None:
    """Raises ViewboxError: the backbone of a model has no module of such a name."""
    named = [name.replace(".backbone.model.", ".backbone.") for name, _ in model.named_parameters()]
    inside = [name.partition(".backbone.")[2] for name in named if ".backbone." in name]
    for module in modules:
        if not any(name.startswith(f"{module}.") for name in inside):
            parts = ", ".join(dict.fromkeys(name.partition(".")[0] for name in inside)) or "none"
            template = "'frozen' names {module}, which the film's backbone lacks; its parts are {parts}."
            raise ViewboxError(template, module=module, parts=parts)


def branch_of(parameter: str) -> Modality | None:
    """The branch to whose body a parameter belongs, by its name in the model; None for the rest."""
    return next((b for b, body in BODIES.items() if f"encoders.{b}.{body}" in parameter), None)


def rate_of(parameter: str, learning: Learning, backbone_rate: float) -> float:
    """At how many times `learning_rate` a parameter learns, by its name in the model."""
    branch = branch_of(parameter)
    if branch is None:
        return 1.0
    own = learning.get(branch, BranchLearning()).rate
    return own if own is not None else backbone_rate if BODIES[branch] else 1.0


def check(learning: Learning, encoders: tuple[Modality, ...], masked_language: bool) -> None:
    """Raises ViewboxError: a branch that is not there, or a way of learning that it has not."""
    for branch, how in learning.items():
        if branch not in encoders:
            template = "'learning' names the branch {branch}, which this model lacks; leave it out."
            raise ViewboxError(template, branch=str(branch))
        if how.way == "probed" and not BODIES[branch]:
            raise ViewboxError("A table has no body to probe; choose 'fine_tuned' or 'frozen'.")
        if how.way != "fine_tuned" and branch is Modality.TEXT and masked_language:
            template = "'masked_language' trains the text encoder; leave it out, or fine-tune the text."
            raise ViewboxError(template)
