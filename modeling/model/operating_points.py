"""`calibration.json` beside the weights: prediction sets and operating points, measured on validation films.

The file is optional; it belongs to one set of weights and is refused beside any other.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

import numpy as np

from modeling.configuration import Configuration
from modeling.errors import CheckpointError, ViewboxError
from modeling.labels import TASKS, TaskName
from modeling.model.checkpoint import WEIGHTS_FILE, sha256_of
from modeling.model.prediction_sets import PredictionSet, members
from modeling.sentence import Names

CALIBRATION_FILE = "calibration.json"

Rule = Literal["balanced", "sensitive"]


@dataclass(frozen=True)
class OperatingPoint(Configuration):
    """A threshold on one class's probability, from validation films alone.

    Its rule is "balanced" (largest sensitivity + specificity) or "sensitive" (sensitivity of 90 %); what it
    reaches is measured on patients that had no part in the threshold.
    """

    class_name: str
    rule: Rule
    threshold: float
    sensitivity: float
    specificity: float


@dataclass(frozen=True)
class TaskCalibration(Configuration):
    """Operating points and prediction sets of one task.

    Attributes:
        temperature: of the probabilities that every threshold here is for.
        coverage: the share of films whose label should be in the prediction set.
        set_threshold: the probability that a class must reach to be in the set; None where classes do not
            exclude each other, which have no such set.
        class_thresholds: the same for each class by itself, so that the sets hold the label for that share of
            the films of every class; empty where there is one threshold for all.
        measured_coverage: of the sets that are shown, on patients that had no part in their thresholds.
    """

    task: TaskName
    films: int
    patients: int
    temperature: float
    coverage: float = 0.0
    set_threshold: float | None = None
    class_thresholds: tuple[float, ...] = ()
    measured_coverage: float = 0.0
    operating_points: tuple[OperatingPoint, ...] = ()

    def prediction_set(self, probabilities: np.ndarray) -> PredictionSet:
        """The classes that cannot be ruled out at calibrated probabilities (K,), each by its own threshold
        where there are such. Raises ViewboxError: the task has no such set."""
        if self.set_threshold is None:
            no_set = "{task} has no prediction set; look at each finding by itself."
            raise ViewboxError(no_set, task=Names("task", self.task))
        classes = TASKS[self.task].classes
        assert probabilities.shape == (len(classes),), probabilities.shape
        threshold = np.array(self.class_thresholds) if self.class_thresholds else self.set_threshold
        inside = members(np.asarray(probabilities)[None], threshold)[0]
        chosen = tuple(name for name, is_in in zip(classes, inside, strict=True) if is_in)
        return PredictionSet(chosen, self.coverage, self.measured_coverage)

    def point(self, class_name: str, rule: Rule = "balanced") -> OperatingPoint:
        """The operating point of a class. Raises ViewboxError: none was measured."""
        for point in self.operating_points:
            if (point.class_name, point.rule) == (class_name, rule):
                return point
        no_point = "No {name} operating point was measured for {class_name}; choose another class."
        raise ViewboxError(no_point, name=rule, class_name=Names("class", class_name))


@dataclass(frozen=True)
class Calibration(Configuration):
    """All of `calibration.json`, with the hash of the weights that it was measured with."""

    weights_sha256: str
    tasks: tuple[TaskCalibration, ...] = ()

    def __getitem__(self, task: TaskName | str) -> TaskCalibration:
        for one in self.tasks:
            if one.task == task:
                return one
        nothing = "Nothing was measured for {task}; show its probabilities without a prediction set."
        raise ViewboxError(nothing, task=Names("task", task))

    def __contains__(self, task: object) -> bool:
        return any(one.task == task for one in self.tasks)

    def save(self, folder: Path) -> None:
        """Write the file into a checkpoint folder."""
        self.write(folder / CALIBRATION_FILE)

    @classmethod
    def load(cls, folder: Path) -> Self | None:
        """The file of a folder, or None. Raises CheckpointError: it is damaged, or of other weights."""
        path = folder / CALIBRATION_FILE
        if not path.is_file():
            return None
        calibration = cls.read(path)
        if calibration.weights_sha256 != sha256_of(folder / WEIGHTS_FILE):
            other_weights = "{file} was measured with other weights; measure the checkpoint again."
            raise CheckpointError(other_weights, file=path.name)
        return calibration
