"""Logits -> probabilities: one temperature a task (Guo et al., ICML 2017), fitted on validation.

Whatever is said about calibrated probabilities is measured with a temperature from other patients.

Shape letters: N films, K classes.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import expit

from modeling.labels import TaskKind

FOLDS = 5
SENSITIVE = 0.9


def probabilities(kind: TaskKind, logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Logits (..., K) -> calibrated probabilities (..., K) in [0, 1]; rows sum to 1 unless multilabel.

    A temperature above 1 makes probabilities less extreme; the order of classes never changes.
    """
    scaled = np.asarray(logits, np.float64) / temperature
    if kind == "multilabel":
        return expit(scaled)
    shifted = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)


def fit_temperature(kind: TaskKind, logits: np.ndarray, labels: np.ndarray) -> float:
    """The temperature of least negative log likelihood, 0.2 to 5; 1.0 where there is no label to fit on.

    Args:
        logits: (N, K) of films that the model was not trained on.
        labels: (N,) class numbers, or (N, K) of 0 and 1 (NaN: no label) for multilabel.
    """
    if not np.isfinite(np.asarray(labels, np.float64)).any():
        return 1.0

    def negative_log_likelihood(log_temperature: float) -> float:
        p = np.clip(probabilities(kind, logits, float(np.exp(log_temperature))), 1e-9, 1 - 1e-9)
        if kind == "multilabel":
            return -float(np.nanmean(labels * np.log(p) + (1 - labels) * np.log(1 - p)))
        return -float(np.mean(np.log(p[np.arange(len(labels)), labels.astype(int)])))

    bound = float(np.log(5.0))
    return float(np.exp(minimize_scalar(negative_log_likelihood, bounds=(-bound, bound), method="bounded").x))


# --- measured on patients that had no part in it -----------------------------------------------------------


def patient_folds(patients: np.ndarray, folds: int = FOLDS) -> np.ndarray:
    """(N,) fold of each film, from a hash of its patient: the same on every machine and run."""
    return np.array([int(hashlib.sha256(f"fold {p}".encode()).hexdigest(), 16) % folds for p in patients])


def cross_fitted(kind: TaskKind, logits: np.ndarray, labels: np.ndarray, patients: np.ndarray) -> np.ndarray:
    """(N, K) probabilities, each film's with the temperature fitted on the other folds' patients."""
    fold = patient_folds(patients)
    values = np.empty(logits.shape, np.float64)
    for one in np.unique(fold):
        held = fold == one
        values[held] = probabilities(kind, logits[held], fit_temperature(kind, logits[~held], labels[~held]))
    return values


@dataclass(frozen=True)
class ReliabilityBin:
    """Films whose top probability lies in one bin: its mean, how often the class was right, how many."""

    probability: float
    right: float
    films: int


def reliability(values: np.ndarray, labels: np.ndarray, bins: int = 10) -> list[ReliabilityBin]:
    """The reliability diagram of the most probable class, bins of equal width, empty ones left out."""
    top, right = values.max(axis=1), values.argmax(axis=1) == labels
    number = np.minimum((top * bins).astype(int), bins - 1)
    held = [number == b for b in range(bins) if (number == b).any()]
    return [ReliabilityBin(float(top[h].mean()), float(right[h].mean()), int(h.sum())) for h in held]


@dataclass(frozen=True)
class CutPoint:
    """A threshold on one class's probability, and what it did on patients that had no part in it."""

    threshold: float
    sensitivity: float
    specificity: float


def cut(values: np.ndarray, positive: np.ndarray, rule: str) -> float:
    """The threshold that a rule picks on these films; a film at or above it is called positive.

    Args:
        values, positive: (N,) probabilities of one class, and bool.
        rule: "balanced" (largest sensitivity + specificity, Youden 1950), or "sensitive" (the highest
            threshold that keeps a sensitivity of 90 %).
    """
    assert rule in ("balanced", "sensitive"), rule
    own = np.sort(values[positive])[::-1]
    if not len(own):
        return 1.0
    if rule == "sensitive":
        return float(own[int(np.ceil(SENSITIVE * len(own))) - 1])
    others = np.sort(values[~positive])
    specificity = np.searchsorted(others, own, side="left") / max(len(others), 1)
    return float(own[int(np.argmax(np.arange(1, len(own) + 1) / len(own) + specificity))])


def cut_point(values: np.ndarray, positive: np.ndarray, patients: np.ndarray, rule: str) -> CutPoint:
    """The threshold from all films, with the sensitivity and specificity of thresholds from other folds."""
    fold = patient_folds(patients)
    said = np.zeros(len(values), bool)
    for one in np.unique(fold):
        held = fold == one
        said[held] = values[held] >= cut(values[~held], positive[~held], rule)
    share = [float(part.mean()) if len(part) else float("nan") for part in (said[positive], ~said[~positive])]
    return CutPoint(cut(values, positive, rule), *share)
