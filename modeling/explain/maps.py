"""What Grad-CAM and occlusion give: a map of the film alone, without an account of the whole logit."""

from dataclasses import dataclass

import numpy as np


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
