"""What Grad-CAM and occlusion give: a map of the film alone, without an account of the whole logit."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter


@dataclass(frozen=True, eq=False)
class ImageMap:
    """A signed map of the film from a method that explains nothing but the film.

    Attributes:
        method: `grad_cam`, `occlusion` or `edges`.
        values: (h, w) float32; the unit is the method's own and stands in its docstring.
        output: the target's logit of the film as given; NaN for a map that asks no model.
        evaluations: how often the model was asked.
        seconds: wall time.
    """

    method: str
    values: np.ndarray
    output: float
    evaluations: int
    seconds: float


def gathered(values: np.ndarray, grain: float) -> np.ndarray:
    """A map at the scale that the network tells apart; the sum stays the same.

    Args:
        values: (h, w) signed.
        grain: standard deviation of a Gaussian that folds back at the edges, as a share of the longer side; 0
            leaves the map as it is.

    Returns:
        (h, w) float64.
    """
    signed = np.asarray(values, np.float64)
    return gaussian_filter(signed, grain * max(signed.shape)) if grain > 0 else signed
