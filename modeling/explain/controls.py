"""Controls: maps that know nothing of the model's training, to hold every explanation against.

Source: Adebayo et al., Sanity Checks for Saliency Maps, NeurIPS 2018. An explanation that looks like the
edge detector, or like itself on randomised weights, shows the film and not the model.
"""

import copy
import time
from typing import TypeVar

import numpy as np
import torch
from scipy.ndimage import sobel
from torch import nn

from modeling.explain.maps import ImageMap

Module = TypeVar("Module", bound=nn.Module)


def edge_map(brightness: np.ndarray) -> ImageMap:
    """Sobel's gradient magnitude of the film.

    Args:
        brightness: (h, w) float in [0, 1].

    Returns:
        (h, w) map, 0 and above, in brightness per pixel; no model is asked.
    """
    start = time.perf_counter()
    film = np.asarray(brightness, dtype=np.float32)
    # The kernel sums to 8 for a ramp of one brightness per pixel.
    magnitude = np.hypot(sobel(film, axis=0, mode="nearest"), sobel(film, axis=1, mode="nearest")) / 8.0
    return ImageMap("edges", magnitude.astype(np.float32), float("nan"), 0, time.perf_counter() - start)


def with_random_weights(module: Module, seed: int = 0) -> Module:
    """A copy that has forgotten its training: use any method on its forward as the control.

    Every weight tensor (two dimensions and more) is drawn anew from a normal distribution with that tensor's
    own mean and standard deviation, so that signals keep their size; one-dimensional parameters (biases,
    norms) are shuffled among their channels. Running statistics of norms stay as they are. The same seed
    gives the same copy; the module itself and the global random state are left alone.
    """
    twin = copy.deepcopy(module)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in twin.parameters():
            if parameter.numel() < 2:
                continue
            if parameter.ndim >= 2:
                drawn = torch.randn(parameter.shape, generator=generator) * parameter.std().cpu()
                parameter.copy_(drawn + parameter.mean().cpu())
            else:
                parameter.copy_(
                    parameter[torch.randperm(parameter.numel(), generator=generator).to(parameter.device)]
                )
    return twin
