"""The target's logit as the film alone changes; table and words stay as given."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from modeling.explain.study_path import StudyPath

Cancelled = Callable[[], bool] | None
Features = Callable[[Tensor], Tensor]
"""Films (B, 3, h, w) -> feature maps (B, C, h', w'), without a gradient: any engine that gives the same."""


def film_logits(path: StudyPath, features: Features | None = None) -> Callable[[np.ndarray], np.ndarray]:
    """Films (B, 3, h, w) -> the target's logits (B,), without a gradient.

    Args:
        features: the engine to use; the path's own model by default.
    """
    ask = features or path.features

    def logits(films: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            answer = path.logit_of_features(ask(torch.from_numpy(films).to(path.film)))
        return answer.float().cpu().numpy()

    return logits
