"""The label spaces and their one order, each definition with its source."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from modeling.errors import ViewboxError
from modeling.sentence import Names

TaskKind = Literal["softmax", "ordinal", "multilabel"]


class TaskName(StrEnum):
    """What a checkpoint can be asked for."""

    APPEARANCE = "appearance"
    GRADING = "grading"
    FINDINGS = "findings"


@dataclass(frozen=True)
class Task:
    """A label space: its classes in their one order, and how logits become probabilities.

    `softmax` and `ordinal` classes exclude each other; `multilabel` classes do not.
    """

    name: TaskName
    kind: TaskKind
    classes: tuple[str, ...]
    definitions: tuple[str, ...]
    source: str

    def index(self, class_name: str) -> int:
        """Position of a class in the task's order.

        Raises:
            ViewboxError: the task has no such class.
        """
        if class_name not in self.classes:
            raise ViewboxError(
                "{task} has no class '{name}'; choose one of {classes}.",
                task=Names("task", self.name),
                name=class_name,
                classes=Names("class", self.classes),
            )
        return self.classes.index(class_name)


APPEARANCE = Task(
    name=TaskName.APPEARANCE,
    kind="softmax",
    classes=("Negative", "Typical", "Indeterminate", "Atypical"),
    definitions=(
        "No lung opacities.",
        "Multifocal bilateral, peripheral opacities, or opacities with rounded morphology;"
        " lower-lung predominant.",
        "Absence of typical findings, and unilateral, central or upper-lung predominant distribution.",
        "Pneumothorax, pleural effusion, pulmonary edema, lobar consolidation, solitary nodule or mass,"
        " diffuse tiny nodules, or cavity.",
    ),
    source="RSNA expert consensus as adapted to radiographs by MIDRC-RICORD (Tsai et al., Radiology 2021)",
)

GRADING = Task(
    name=TaskName.GRADING,
    kind="ordinal",
    classes=("Mild", "Moderate", "Severe"),
    definitions=(
        "Opacities in 1-2 of six lung zones.",
        "Opacities in 3-4 of six lung zones.",
        "Opacities in more than 4 of six lung zones.",
    ),
    source="MIDRC-RICORD airspace disease grading (Tsai et al., Radiology 2021)",
)

NIH_FINDINGS = (
    "Atelectasis",
    "Cardiomegaly",
    "Consolidation",
    "Edema",
    "Effusion",
    "Emphysema",
    "Fibrosis",
    "Hernia",
    "Infiltration",
    "Mass",
    "Nodule",
    "Pleural_Thickening",
    "Pneumonia",
    "Pneumothorax",
)

FINDINGS = Task(
    name=TaskName.FINDINGS,
    kind="multilabel",
    classes=NIH_FINDINGS,
    definitions=tuple(f"{name.replace('_', ' ')} is mentioned as present." for name in NIH_FINDINGS),
    source="NIH ChestX-ray14 (Wang et al., CVPR 2017)",
)

TASKS: dict[TaskName, Task] = {task.name: task for task in (APPEARANCE, GRADING, FINDINGS)}


def grading_from_zones(zones: int) -> str | None:
    """RICORD's grading for a number of affected lung zones.

    Args:
        zones: lung zones (0 to 6, three a lung) with any opacity.

    Returns:
        The class of `GRADING`, or None where no zone is affected: such a film has no grading.
    """
    assert 0 <= zones <= 6, zones
    if zones == 0:
        return None
    return "Mild" if zones <= 2 else "Moderate" if zones <= 4 else "Severe"


REST = "rest"
"""As an alternative: all other classes of the task together."""
NOTHING = "nothing"
"""As an alternative: none. The logit alone, which only a task of independent findings identifies."""


@dataclass(frozen=True)
class Target:
    """What an attribution explains: why this class, and not that alternative.

    A logit of classes that exclude each other says nothing by itself: what all of them share is in each.
    The log-odds of a class against an alternative are identified.

    Attributes:
        against: another class of the task, `REST`, or `NOTHING`. Where none is given: the task's first class
            (Negative, Mild), for that class itself the rest, and nothing where findings are independent.
    """

    task: TaskName
    class_name: str
    against: str = ""

    def __post_init__(self) -> None:
        if not self.against:
            object.__setattr__(self, "against", usual_alternative(self.task, self.class_name))

    @property
    def slug(self) -> str:
        """`task/class`, or `task/class/against` for another alternative than the usual one."""
        usual = self.against == usual_alternative(self.task, self.class_name)
        return f"{self.task}/{self.class_name}" + ("" if usual else f"/{self.against}")

    @property
    def answer(self) -> tuple[TaskName, str]:
        """The task and the class, whatever the alternative."""
        return self.task, self.class_name

    def instead_of(self, against: str) -> "Target":
        """The same class against another alternative; empty for the usual one.

        Raises:
            ViewboxError: the task has no such alternative.
        """
        named = alternatives(self.task, self.class_name)
        if against and against not in named:
            raise ViewboxError(
                "'{given}' is no alternative to {class_name}; choose one of {names}.",
                given=against,
                class_name=Names("class", self.class_name),
                names=Names("name", named),
            )
        return Target(self.task, self.class_name, against)

    @classmethod
    def parse(cls, slug: str) -> "Target":
        """Read `task/class` or `task/class/against`.

        Raises:
            ViewboxError: the slug does not name a class of a known task, or no alternative to it.
        """
        task_name, _, rest = str(slug).partition("/")
        if task_name not in TASKS:
            raise ViewboxError(
                "'{name}' names no target; write it as task/class, such as appearance/Typical.", name=slug
            )
        task, (class_name, _, against) = TASKS[TaskName(task_name)], rest.partition("/")
        task.index(class_name)
        return cls(task.name, class_name).instead_of(against)


def usual_alternative(task: TaskName, class_name: str) -> str:
    """What a class is explained against unless the reader chooses."""
    spec = TASKS[task]
    if spec.kind == "multilabel":
        return NOTHING
    return REST if class_name == spec.classes[0] else spec.classes[0]


def alternatives(task: TaskName, class_name: str) -> tuple[str, ...]:
    """What a class can be explained against, the usual one first; `NOTHING` is for measurements."""
    spec, usual = TASKS[task], usual_alternative(task, class_name)
    if spec.kind == "multilabel":
        return (NOTHING,)
    others = (*(name for name in spec.classes if name != class_name), REST, NOTHING)
    return (usual, *(name for name in others if name != usual))
