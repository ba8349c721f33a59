"""The label spaces (`labels.json`) and their one order, each definition with its source."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from modeling.errors import ViewboxError
from modeling.sentence import Name, Names, own_word

TaskKind = Literal["softmax", "ordinal", "multilabel"]
TaskName = str
"""A task's name: one of Viewbox's own, or of those that a checkpoint's configuration declares."""


class Task(Name):
    """A label space by its name, with its classes in their one order, which exclude each other unless
    `multilabel`. It is equal to its name, and may stand wherever that goes.

    Attributes:
        definitions: what each class means, in English; "" where nobody said.
        source: who defined them.
    """

    kind: TaskKind
    classes: tuple[str, ...]
    definitions: tuple[str, ...]
    source: str

    def __new__(
        cls,
        name: TaskName,
        kind: TaskKind,
        classes: Sequence[str],
        definitions: Sequence[str],
        source: str = "",
        words: Mapping[str, str] | None = None,
    ) -> "Task":
        """A label space; classes that are a `Name` know their words, others are plain."""
        made = super().__new__(cls, name, words)
        made.kind, made.source, made.definitions = kind, source, tuple(definitions)
        made.classes = tuple(classes)
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return Task, (str(self), self.kind, self.classes, self.definitions, self.source, self.words)

    @property
    def name(self) -> TaskName:
        """The bare name."""
        return str(self)

    def named(self, label: str) -> tuple[str, ...]:
        """A stored label, several joined by "|", as its own classes with their words."""
        return tuple(next((n for n in self.classes if n == one), one) for one in label.split("|"))

    def index(self, class_name: str) -> int:
        """Position of a class in the task's order. Raises ViewboxError: the task has no such class."""
        if class_name not in self.classes:
            task, classes = Names("task", self), Names("class", map(_both, self.classes))
            no_class = "{task} has no class '{name}'; choose one of {classes}."
            raise ViewboxError(no_class, task=task, name=class_name, classes=classes)
        return self.classes.index(class_name)


def _both(class_name: str) -> str:
    """A class as labels name it, with its own word where that is another."""
    word = own_word(class_name, "en")
    return f"{class_name} ({word})" if word not in ("", class_name) else class_name


def _declared(name: TaskName, raw: Mapping[str, Any]) -> Task:
    classes, definitions = ([one[key] for one in raw["classes"]] for key in ("name", "definition"))
    return Task(name, raw["kind"], classes, definitions, raw["source"])


TASKS: dict[TaskName, Task] = {
    name: _declared(name, raw)
    for name, raw in json.loads(Path(__file__).with_name("labels.json").read_text(encoding="utf-8")).items()
}
"""Viewbox's own tasks; a checkpoint may declare others. Code for one task is bound to its name."""
APPEARANCE, GRADING, FINDINGS = TASKS.values()
NIH_FINDINGS = FINDINGS.classes
NO_FINDING = "No Finding"
"""The reference of a film without any of the findings; several of them are joined by a bar."""
DIAGNOSIS = "diagnosis"
"""Which disease a film's patient had, or `NO_FINDING`: no task here, but a label that some sets come with."""


def task_of(label: str) -> Task | None:
    """The task to which a label, or findings joined by "|", is an answer; None for any other text."""
    names = set(label.split("|"))
    if label == NO_FINDING or names <= set(FINDINGS.classes):
        return FINDINGS
    return next((task for task in (APPEARANCE, GRADING) if label in task.classes), None)


def checked_label(label: str, declared: Iterable[Task] | None = None) -> str:
    """A filter's label "task/class" ("": none), where `declared` is given of these tasks or Viewbox's own.

    Raises ViewboxError: it has another form, or names no class of a task that is known.
    """
    name, slash, class_name = label.partition("/")
    known: dict[str, Task] = {task: task for task in (*TASKS.values(), *(declared or ()))}
    if label and not (slash and class_name):
        no_form = "'{label}' is no label; write it as task/class, such as findings/Mass."
        raise ViewboxError(no_form, label=label)
    if label and name not in known and declared is not None:
        no_task = "There is no task '{name}' here; choose one of {tasks}."
        raise ViewboxError(no_task, name=name, tasks=Names("task", known.values()))
    if name in known and not (known[name].kind == "multilabel" and class_name == NO_FINDING):
        known[name].index(class_name)
    return label


def grading_from_zones(zones: int) -> str | None:
    """RICORD's class for the lung zones (0 to 6, three a lung) with any opacity; None where there is none."""
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
    """A class and its alternative: what an attribution explains.

    A logit of classes that exclude each other says nothing by itself: what all of them share is in each.
    The log-odds of a class against an alternative are identified.

    Attributes:
        task: the checkpoint's own; one of Viewbox's may be given by its bare name.
        against: another class of the task, `REST`, or `NOTHING`. Where none is given: the task's first class
            (Negative, Mild), for that class itself the rest, and nothing where findings are independent.
    """

    task: Task
    class_name: str
    against: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "task", _own(self.task))
        object.__setattr__(self, "class_name", self.task.named(self.class_name)[0])
        against = self.against or usual_alternative(self.task, self.class_name)
        object.__setattr__(self, "against", self.task.named(against)[0])

    @property
    def slug(self) -> str:
        """`task/class`, or `task/class/against` for another alternative than the usual one."""
        usual = self.against == usual_alternative(self.task, self.class_name)
        return f"{self.task}/{self.class_name}" + ("" if usual else f"/{self.against}")

    @property
    def answer(self) -> tuple[Task, str]:
        """The task and the class, whatever the alternative."""
        return self.task, self.class_name

    def instead_of(self, against: str) -> "Target":
        """The same class against another alternative ("": the usual one). Raises ViewboxError: none such."""
        named = alternatives(self.task, self.class_name)
        if against and against not in named:
            own, names = Names("class", self.class_name), Names("name", named)
            unlike = "'{given}' is no alternative to {class_name}; choose one of {names}."
            raise ViewboxError(unlike, given=against, class_name=own, names=names)
        return Target(self.task, self.class_name, against)

    @classmethod
    def parse(cls, slug: str, tasks: Iterable[Task] = ()) -> "Target":
        """Read `task/class` or `task/class/against` of these tasks or of Viewbox's own.

        Raises ViewboxError: it names no such target.
        """
        task_name, _, rest = str(slug).partition("/")
        task = next((task for task in (*tasks, *TASKS.values()) if task == task_name), None)
        if task is None:
            no_target = "'{name}' names no target; write it as task/class, such as appearance/Typical."
            raise ViewboxError(no_target, name=slug)
        class_name, _, against = rest.partition("/")
        task.index(class_name)
        return cls(task, class_name).instead_of(against)


def _own(task: Task | TaskName) -> Task:
    if isinstance(task, Task):
        return task
    if task not in TASKS:
        unknown = "Viewbox has no task '{name}' of its own; take the target from the checkpoint that has it."
        raise ViewboxError(unknown, name=task)
    return TASKS[task]


def usual_alternative(task: Task, class_name: str) -> str:
    """The alternative that a class is explained against unless the reader chooses."""
    if task.kind == "multilabel":
        return NOTHING
    return REST if class_name == task.classes[0] else task.classes[0]


def alternatives(task: Task, class_name: str) -> tuple[str, ...]:
    """The alternatives of a class, the usual one first; `NOTHING` is for measurements."""
    usual = usual_alternative(task, class_name)
    if task.kind == "multilabel":
        return (NOTHING,)
    others = (*(name for name in task.classes if name != class_name), REST, NOTHING)
    return (usual, *(name for name in others if name != usual))
