"""Where the checkpoint itself thinks that opacities are: the weights with which it pools the film.

Only for checkpoints that pool by evidence (`ImageEncoderConfig.pooling`): each place of the feature map
enters the film's vector with one learnt weight, trained on outlines of opacities. The map is what the model
looks at, whatever the target; it knows nothing of for or against.

Source: attention-based pooling, Ilse et al., Attention-based Deep Multiple Instance Learning, ICML 2018; here
the weights are sigmoids that do not compete.
"""

import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from modeling.errors import ViewboxError
from modeling.explain.maps import Cancelled, Features, ImageMap
from modeling.explain.study_path import StudyPath


def evidence_map(weigh: nn.Module, features: Tensor, size: tuple[int, int]) -> ImageMap:
    """(h, w) weights from 0 to 1: a 1 x 1 convolution on a film's features and its mirror image's, averaged.

    Both show the same opacities; what the checkpoint sees in both hits more often (docs/maps.md).
    `weigh` gives (B, 1, h', w') logits of an opacity for (B, C, h', w'); `features` are (2, C, h', w').
    """
    start = time.perf_counter()
    with torch.inference_mode():
        weights = torch.sigmoid(weigh(features))
        assert weights.shape[:2] == (2, 1), weights.shape
        both = (weights[:1] + weights[1:].flip(-1)) / 2
        values = functional.interpolate(both, size=size, mode="bilinear", align_corners=False)[0, 0]
    return ImageMap("evidence", values.float().cpu().numpy(), float("nan"), 2, time.perf_counter() - start)


def see(paths: Sequence[StudyPath], features: Features, cancelled: Cancelled = None) -> ImageMap:
    """The weights with which the checkpoint pools the film on a path, above what is the same all over it.

    Raises ViewboxError: it weighs every place the same.
    """
    start, path = time.perf_counter(), paths[0]
    weigh = path.model.encoders["image"].evidence
    if weigh is None:
        raise ViewboxError("This checkpoint weighs every place of the film the same; choose another method.")
    with torch.inference_mode():
        maps = path.features(torch.cat([path.film, path.film.flip(-1)]))
        output = float(path.logit_of_features(maps[:1]))
    seen = evidence_map(weigh, maps, tuple(path.film.shape[-2:]))
    everywhere = float(np.median(path.processed.letterbox.crop(seen.values)))
    values, seconds = (seen.values - everywhere).clip(min=0.0), time.perf_counter() - start
    return replace(seen, values=values, output=output, seconds=seconds)
