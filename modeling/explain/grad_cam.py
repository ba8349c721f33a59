"""Grad-CAM: which places of the last feature map push the target up or down.

Source: Selvaraju et al., Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization,
ICCV 2017. The map is coarse (7 x 7 at 224 px) and knows nothing of table and text.
"""

import time
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from modeling.errors import ViewboxError
from modeling.explain.maps import Cancelled, Features, ImageMap
from modeling.explain.study_path import StudyPath

FeatureForward = Callable[[Tensor], tuple[Tensor, Tensor]]


def grad_cam(forward: FeatureForward, image: Tensor) -> ImageMap:
    """(h, w) in logits per feature cell to first order, interpolated; signed, unlike the paper's.

    `forward`: image (1, 3, h, w) -> (features (1, C, h', w'), the target's logits (1,) computed from them).
    Raises ViewboxError: the model answered with something that is no number.
    """
    start = time.perf_counter()
    with torch.enable_grad():
        features, logits = forward(image.detach().requires_grad_())
        assert features.ndim == 4 and features.shape[0] == 1, features.shape
        assert logits.shape == (1,), logits.shape
        (gradient,) = torch.autograd.grad(logits.sum(), features)
    weights = gradient.mean(dim=(2, 3), keepdim=True)  # 1 C 1 1
    cam = (weights * features).sum(dim=1, keepdim=True).detach().float()
    cam = interpolate(cam, size=image.shape[-2:], mode="bilinear", align_corners=False)[0, 0]
    if not (torch.isfinite(cam).all() and torch.isfinite(logits).all()):
        raise ViewboxError("The model gave no number for this film; check the film and try again.")
    return ImageMap("grad_cam", cam.cpu().numpy(), float(logits.detach()), 1, time.perf_counter() - start)


def see(paths: Sequence[StudyPath], features: Features, cancelled: Cancelled = None) -> ImageMap:
    """Grad-CAM of the film on a path."""
    path = paths[0]

    def with_features(film: Tensor) -> tuple[Tensor, Tensor]:
        maps = path.features(film)
        return maps, path.logit_of_features(maps)

    return grad_cam(with_features, path.film)
