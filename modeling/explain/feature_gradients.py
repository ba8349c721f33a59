"""Integrated Gradients over the last feature map: from the baseline film's features to the film's own.

Only what comes after the backbone is differentiated (pooling, fusion, head), so it costs two passes of the
backbone, and the account adds up within milliseconds. The map is as coarse as Grad-CAM's (7 x 7 at 224 px),
but complete: its cells sum to F(film) - F(baseline film).

Source: Sundararajan et al., Axiomatic Attribution for Deep Networks, ICML 2017, at an inner layer as in
Dhamdhere et al., How Important Is a Neuron?, ICLR 2019.
"""

import time
from collections.abc import Callable, Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from modeling.explain.integrated_gradients import integrated_gradients
from modeling.explain.maps import Cancelled, Features, ImageMap
from modeling.explain.study_path import StudyPath


def feature_gradients(
    forward: Callable[[Tensor], Tensor],
    features: Tensor,
    baseline_features: Tensor,
    size: tuple[int, int],
    *,
    tolerance: float = 0.001,
    cancelled: Cancelled = None,
) -> ImageMap:
    """The change of the logit, shared among the places of the feature map.

    `forward` gives the target's logits (B,) of maps (B, C, h', w'); both ends are (1, C, h', w'). The map, in
    logits per pixel, is interpolated to `size`; its sum is F(film) - F(baseline film) up to `tolerance`.
    Raises ExplanationCancelled, ViewboxError: as `integrated_gradients`.
    """
    start = time.perf_counter()
    *_, account = integrated_gradients(
        forward,
        (features,),
        (baseline_features,),
        tolerance=tolerance,
        max_evaluations=128,
        internal_batch_size=32,
        cancelled=cancelled,
    )
    cells = account.attributions[0][0].sum(dim=0).float().cpu().numpy()  # h' w'
    values, seconds = spread(cells, size), time.perf_counter() - start
    return ImageMap("feature_gradients", values, account.output, account.evaluations, seconds)


def spread(cells: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Cells (h', w') in logits -> (h, w) float32 in logits per pixel; the sum stays the same."""
    picture = Image.fromarray(np.ascontiguousarray(cells, np.float32))
    enlarged = np.asarray(picture.resize(size[::-1], Image.Resampling.BILINEAR), np.float64)
    # Bilinear weights do not sum to one cell's area at the edges: what is off is spread evenly.
    enlarged = enlarged * (cells.size / enlarged.size)
    return (enlarged + (float(cells.sum()) - enlarged.sum()) / enlarged.size).astype(np.float32)


def see(paths: Sequence[StudyPath], features: Features, cancelled: Cancelled = None) -> ImageMap:
    """From the feature map of the path's baseline film to the film's own."""
    path = paths[0]
    with torch.no_grad():
        end, start = path.features(torch.cat([path.film, path.film_baseline])).split(1)
    size = tuple(path.film.shape[-2:])
    return feature_gradients(path.logit_of_features, end, start, size, cancelled=cancelled)
