"""Where the checkpoint itself thinks that opacities are: the weights with which it pools the film.

Only for checkpoints that pool by evidence (`ImageEncoderConfig.pooling`): each place of the feature map
enters the film's vector with one learnt weight, trained on outlines of opacities. The map is what the model
looks at, whatever the target; it knows nothing of for or against.

Source: attention-based pooling, Ilse et al., Attention-based Deep Multiple Instance Learning, ICML 2018; here
the weights are sigmoids that do not compete.
"""

import time

import torch
from torch import Tensor, nn
from torch.nn import functional

from modeling.explain.maps import ImageMap


def evidence_map(weigh: nn.Module, features: Tensor, size: tuple[int, int]) -> ImageMap:
    """One forward of one 1 x 1 convolution.

    Args:
        weigh: feature maps (1, C, h', w') -> (1, 1, h', w') logits of an opacity.
        features: (1, C, h', w') of the film.
        size: (h, w) of the film as the model reads it.

    Returns:
        (h, w) weights from 0 to 1, interpolated.
    """
    start = time.perf_counter()
    with torch.inference_mode():
        weights = torch.sigmoid(weigh(features))
        assert weights.shape[:2] == (1, 1), weights.shape
        values = functional.interpolate(weights, size=size, mode="bilinear", align_corners=False)[0, 0]
    return ImageMap("evidence", values.float().cpu().numpy(), float("nan"), 1, time.perf_counter() - start)
