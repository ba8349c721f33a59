"""Controls: maps that know nothing of the model's training, to hold every explanation against.

Source: Adebayo et al., Sanity Checks for Saliency Maps, NeurIPS 2018. An explanation that looks like the
edge detector, or like itself on randomised weights, shows the film and not the model.
"""

import copy
import time
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import torch
from scipy.ndimage import sobel
from torch import nn

from modeling.explain.maps import Cancelled, Features, ImageMap
from modeling.explain.study_path import StudyPath

Module = TypeVar("Module", bound=nn.Module)


def edge_map(brightness: np.ndarray) -> ImageMap:
    """Sobel's gradient magnitude of a film (h, w) in [0, 1], in brightness per pixel; no model is asked."""
    start = time.perf_counter()
    film = np.asarray(brightness, dtype=np.float32)
    # The kernel sums to 8 for a ramp of one brightness per pixel.
    magnitude = np.hypot(sobel(film, axis=0, mode="nearest"), sobel(film, axis=1, mode="nearest")) / 8.0
    return ImageMap("edges", magnitude.astype(np.float32), float("nan"), 0, time.perf_counter() - start)


def with_random_weights(module: Module, seed: int = 0) -> Module:
    """A copy that has forgotten its training: use any method on its forward as the control.

    Each output's weights are drawn anew from a normal distribution with their own mean and deviation. Biases
    and norms stay, so that signals keep their size: else the net turns so rough that Integrated Gradients
    do not converge. The same seed gives the same copy; the global random state is left alone.
    """
    twin = copy.deepcopy(module)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in twin.parameters():
            if parameter.ndim < 2:
                continue
            inside = tuple(range(1, parameter.ndim))
            mean = parameter.mean(dim=inside, keepdim=True)
            deviation = parameter.std(dim=inside, correction=0, keepdim=True)
            drawn = torch.randn(parameter.shape, generator=generator).to(parameter)
            parameter.copy_(mean + deviation * drawn)
    return twin


def see(paths: Sequence[StudyPath], features: Features, cancelled: Cancelled = None) -> ImageMap:
    """The edges of the film on a path: the control that asks no model."""
    path = paths[0]
    image = path.processor.config.image
    return edge_map(path.film[0, 0].cpu().numpy() * image.std + image.mean)
