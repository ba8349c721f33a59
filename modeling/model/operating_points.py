"""`calibration.json` beside the weights: prediction sets and operating points, measured on validation films.

The file is optional; it belongs to one set of weights and is refused beside any other. Sets are split
conformal (Sadinle, Lei and Wasserman 2019; Angelopoulos and Bates 2023): a class is in the set where its
calibrated probability reaches a threshold set on films that the model was not trained on. One threshold for
all classes keeps its promise on average and may break it for a rare class; one for each (Mondrian sets, Vovk
et al. 2005) keeps it for the films of every class, with larger sets. Neither says anything about one film.

Of findings that do not exclude each other each is in the list or not by its own threshold, which films that
have it set: the list holds that share of the findings that are there, and may be empty.

Shape letters: N films, K classes.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

import numpy as np

from modeling.configuration import Configuration
from modeling.errors import CheckpointError, ViewboxError
from modeling.labels import TaskName
from modeling.model.checkpoint import WEIGHTS_FILE, sha256_of
from modeling.results import PredictionSet
from modeling.sentence import Names


def conformal_threshold(values: np.ndarray, present: np.ndarray, coverage: float = 0.9) -> float:
    """The probability that a class must reach to be in the set; 0 where there are too few films to say.

    `values` are (N, K) calibrated, of films that the model was not trained on; `present` (N, K) bool: what
    each film is labelled with.
    """
    own = np.sort(values[present])[::-1]
    rank = math.ceil((len(own) + 1) * coverage)  # the finite-sample correction
    return float(own[rank - 1]) if rank <= len(own) else 0.0


def class_thresholds(values: np.ndarray, present: np.ndarray, coverage: float = 0.9) -> np.ndarray:
    """(K,) `conformal_threshold` of each class's own films (Mondrian); 0 for a class with too few films."""
    return np.array([conformal_threshold(*own, coverage) for own in zip(values.T, present.T, strict=True)])


def members(values: np.ndarray, threshold: float | np.ndarray, exclusive: bool = True) -> np.ndarray:
    """(N, K) bool: each film's set by one threshold or (K,).

    Of classes that exclude each other the most probable one is always in; of others none without a threshold.
    """
    if not exclusive:
        return (values >= threshold) & (np.asarray(threshold) > 0)
    inside = values >= threshold
    inside[np.arange(len(values)), values.argmax(axis=1)] = True
    return inside


@dataclass(frozen=True, eq=False)
class Coverage:
    """How the sets did on films that had no part in their threshold, over many halvings of the patients.

    Attributes:
        coverage: mean share of the films' labels that are in the set; low, high: 5th and 95th percentile.
        by_class: (K,) the same share by label; NaN for a class without films.
        size: mean number of classes in a set.
        sizes: (K,) share of sets with 1, 2, ... classes; of findings that do not exclude each other
            (K + 1,), with none first.
    """

    coverage: float
    low: float
    high: float
    by_class: np.ndarray
    size: float
    sizes: np.ndarray


def measured_coverage(
    values: np.ndarray,
    present: np.ndarray,
    patients: np.ndarray,
    coverage: float = 0.9,
    halvings: int = 100,
    seed: int = 0,
    fit: Callable[[np.ndarray, np.ndarray, float], float | np.ndarray] = conformal_threshold,
    exclusive: bool = True,
) -> Coverage:
    """Threshold (by `fit`) from one half of the patients, coverage on the other, again and again.

    `values` are (N, K) probabilities that were calibrated without the film's own patient; `present` (N, K)
    bool, one a row where classes are `exclusive`.
    """
    generator = np.random.default_rng(seed)
    names, number = np.unique(patients, return_inverse=True)
    classes = values.shape[1]
    shares, inside_sum, size_sum = [], np.zeros((classes, 2)), np.zeros(classes + 1)
    for _ in range(halvings):
        side = generator.permutation(len(names)) < len(names) // 2
        own, held = np.flatnonzero(side[number]), np.flatnonzero(~side[number])
        threshold, there = fit(values[own], present[own], coverage), present[held]
        sets = members(values[held], threshold, exclusive)
        there = there if exclusive else there & (np.asarray(threshold) > 0)
        if there.any():
            shares.append(sets[there].mean())
        inside_sum += np.stack([(sets & there).sum(axis=0), there.sum(axis=0)], 1)
        size_sum += np.bincount(sets.sum(axis=1), minlength=classes + 1)
    if not shares:
        shares = [np.nan]
    by_class = np.divide(*inside_sum.T, out=np.full(classes, np.nan), where=inside_sum[:, 1] > 0)
    sizes = size_sum / size_sum.sum()
    low, high = np.percentile(shares, [5, 95])
    mean_size = float(sizes @ np.arange(classes + 1))
    sizes = sizes[1:] if exclusive else sizes
    return Coverage(float(np.mean(shares)), float(low), float(high), by_class, mean_size, sizes)


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
        coverage: the share of the films' labels that should be in the prediction set.
        set_threshold: the probability that a class must reach to be in the set; None where classes do not
            exclude each other, which have a threshold each or no such set.
        class_thresholds: the same for each class by itself, so that the sets hold the label for that share of
            the films of every class; empty where there is one threshold for all; 0 where too few films say.
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

    @property
    def has_set(self) -> bool:
        """Whether it was measured which classes cannot be ruled out."""
        return self.set_threshold is not None or bool(self.class_thresholds)

    def prediction_set(self, classes: Sequence[str], probabilities: np.ndarray) -> PredictionSet:
        """Those of the task's classes that cannot be ruled out at calibrated probabilities (K,), each by its
        own threshold where there are such. Raises ViewboxError: the task has no such set."""
        if not self.has_set:
            no_set = "{task} has no prediction set; look at each finding by itself."
            raise ViewboxError(no_set, task=Names("task", self.task))
        assert probabilities.shape == (len(classes),), probabilities.shape
        threshold = np.array(self.class_thresholds) if self.class_thresholds else self.set_threshold
        exclusive = self.set_threshold is not None
        inside = members(np.asarray(probabilities)[None], threshold, exclusive)[0]
        chosen = tuple(name for name, is_in in zip(classes, inside, strict=True) if is_in)
        few = () if exclusive else zip(classes, self.class_thresholds, strict=True)
        unmeasured = tuple(name for name, threshold in few if not threshold)
        return PredictionSet(chosen, self.coverage, self.measured_coverage, unmeasured)


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
