"""What a map of the film alone is made with: its values, the logit as the film changes, and gathering."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor

from modeling.explain.study_path import StudyPath
from modeling.results import Looked

Cancelled = Callable[[], bool] | None
Features = Callable[[Tensor], Tensor]
"""Films (B, 3, h, w) -> feature maps (B, C, h', w'), without a gradient: any engine that gives the same."""


@dataclass(frozen=True, eq=False)
class ImageMap:
    """A signed map of the film from a method that explains nothing but the film."""

    method: str
    values: np.ndarray  # (h, w) float32; the unit is the method's own and stands in its docstring
    output: float  # the target's logit of the film as given; NaN for a map that asks no model
    evaluations: int  # how often the model was asked
    seconds: float  # wall time
    looked_at: tuple[Looked, ...] = ()  # the way back, as `FilmOpinion` has it


def gathered(values: np.ndarray, grain: float) -> np.ndarray:
    """A signed map (h, w) at the scale that the network tells apart, float64; the sum stays the same.

    `grain` is the deviation of a Gaussian that folds back at the edges, as a share of the longer side.
    """
    signed = np.asarray(values, np.float64)
    return gaussian_filter(signed, grain * max(signed.shape)) if grain > 0 else signed


def film_logits(path: StudyPath, features: Features | None = None) -> Callable[[np.ndarray], np.ndarray]:
    """Films (B, 3, h, w) -> logits (B,), without a gradient, by an engine or the path's own model."""
    ask = features or path.features

    def logits(films: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            answer = path.logit_of_features(ask(torch.from_numpy(films).to(path.film)))
        return answer.float().cpu().numpy()

    return logits
