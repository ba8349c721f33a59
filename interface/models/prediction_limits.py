"""How far an answer goes: the classes that cannot be ruled out, and films on which it is better not given."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from interface.html.render import render
from interface.language.texts import Language
from modeling.errors import ViewboxError
from modeling.results import Familiarity, Prediction

if TYPE_CHECKING:
    from interface.models.model_host import ModelHost

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TaskSet:
    """The classes of a task that cannot be ruled out; labels in such sets: share promised, and measured."""

    classes: tuple[str, ...]
    coverage: float
    measured: float


@dataclass(frozen=True)
class Limits:
    """An answer's sets by task and its film's familiarity; either is empty where nobody measured it."""

    sets: Mapping[str, TaskSet] = field(default_factory=dict)
    familiarity: Familiarity | None = None

    @property
    def unfamiliar(self) -> bool:
        """Whether it is better not to answer."""
        return self.familiarity is not None and not self.familiarity.familiar


def limits_of(host: "ModelHost", prediction: Prediction) -> Limits:
    """Ask what lies beside the checkpoint's weights; files that are damaged say so in the log."""
    sets: dict[str, TaskSet] = {}
    try:
        calibration = host.calibration
    except ViewboxError as exc:
        logger.warning("checkpoint %s: %s", host.name, exc)
        calibration = None
    for task in prediction.tasks:
        measured = calibration is not None and task.task in calibration
        if measured and calibration[task.task].set_threshold is not None:
            found = calibration[task.task].prediction_set(task.probabilities)
            sets[str(task.task)] = TaskSet(found.classes, found.coverage, found.measured)
    return Limits(sets, prediction.familiarity)


def set_and_gate(limits: Limits, language: Language) -> tuple[str, str]:
    """An unfamiliar film's refusal, before the probabilities, and the sets, after them."""
    familiarity, gate, sets = limits.familiarity, "", ""
    if limits.unfamiliar:
        gate = render("gate.html", language=language, warning=familiarity.warning)
    familiar = None if limits.unfamiliar else familiarity
    if limits.sets or familiar:
        sets = render("prediction_sets.html", language=language, limits=limits, familiar=familiar)
    return str(gate), str(sets)
