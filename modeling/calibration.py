"""Logits -> probabilities: one temperature a task (Guo et al., ICML 2017), fitted on validation."""

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import expit

from modeling.labels import TaskKind


def probabilities(kind: TaskKind, logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Calibrated probabilities.

    Args:
        logits: (..., K).
        temperature: above 1 makes probabilities less extreme; the order of classes never changes.

    Returns:
        (..., K) in [0, 1]; rows sum to 1 unless the task is multilabel.
    """
    scaled = np.asarray(logits, np.float64) / temperature
    if kind == "multilabel":
        return expit(scaled)
    shifted = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    return shifted / shifted.sum(axis=-1, keepdims=True)


def fit_temperature(kind: TaskKind, logits: np.ndarray, labels: np.ndarray) -> float:
    """The temperature of least negative log likelihood.

    Args:
        logits: (N, K) of films that the model was not trained on.
        labels: (N,) class numbers, or (N, K) of 0 and 1 (NaN: no label) for multilabel.

    Returns:
        A temperature between 0.2 and 5; 1.0 where there is no label to fit on.
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
