"""Batch norm folded into the convolution before it: the same function with fewer passes over memory.

In evaluation mode a batch norm is a scale and a shift per channel, so the convolution can do both.
"""

import copy
import logging
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

logger = logging.getLogger(__name__)
Module = TypeVar("Module", bound=nn.Module)
_SAME = 1e-4
"""Largest difference of two feature maps, as a share of the largest magnitude, that counts as rounding."""


def folded(model: Module, size: int) -> Module:
    """A fusion model (in evaluation mode, for films of `size` pixels) with a folded backbone of its own.

    All else is shared with the original, as is a backbone without batch norm or one that answers otherwise
    when folded.
    """
    assert not model.training, "only a net at rest has one scale a channel"
    encoder = model.encoders["image"] if "image" in model.encoders else nn.Identity()
    if not any(isinstance(layer, nn.BatchNorm2d) for layer in encoder.modules()):
        return model
    first = next(model.parameters())
    film = torch.randn((1, 3, size, size), generator=torch.Generator().manual_seed(0)).to(first)
    twin = fold(encoder.backbone, lambda: encoder.feature_map(film))
    if twin is encoder.backbone:
        return model
    twin.requires_grad_(False)
    lighter = _with(model, encoders=_with(model.encoders, image=_with(encoder, backbone=twin)))
    with torch.inference_mode():
        before, after = (m.encoders["image"].feature_map(film) for m in (model, lighter))
        off = float((before - after).abs().max() / before.abs().max().clamp(min=1e-12))
    if not off <= _SAME:
        logger.warning("folding batch norm moves the features by %.1e of their size; left as it was", off)
        return model
    return lighter


def fold(backbone: nn.Module, run: Callable[[], object]) -> nn.Module:
    """A copy without batch norm, or the backbone itself; `run` shows which norm reads which convolution."""
    pairs = _pairs(backbone, run)
    if not pairs:
        return backbone
    twin = copy.deepcopy(backbone)
    for conv_name, norm_name in pairs:
        conv, norm = twin.get_submodule(conv_name), twin.get_submodule(norm_name)
        statistics = (norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias)
        conv.weight, conv.bias = fuse_conv_bn_weights(conv.weight, conv.bias, *statistics)
        # timm's norm layers carry the activation that follows.
        twin.set_submodule(norm_name, getattr(norm, "act", nn.Identity()))
    return twin


def _pairs(backbone: nn.Module, run: Callable[[], object]) -> list[tuple[str, str]]:
    """(convolution, batch norm) by name, where the one reads exactly what the other wrote, once each."""
    wrote: dict[int, tuple[str, Tensor]] = {}  # the tensor is held so that its id stays its own
    pairs: list[tuple[str, str]] = []
    names = {module: name for name, module in backbone.named_modules()}

    def write(module: nn.Module, _: object, out: Tensor) -> None:
        wrote[id(out)] = (names[module], out)

    def read(module: nn.Module, taken: tuple[Tensor, ...]) -> None:
        pairs.append((wrote.get(id(taken[0]), ("",))[0], names[module]))

    hooks = [m.register_forward_hook(write) for m in names if isinstance(m, nn.Conv2d)]
    hooks += [m.register_forward_pre_hook(read) for m in names if isinstance(m, nn.BatchNorm2d)]
    try:
        with torch.inference_mode():
            run()
    finally:
        for hook in hooks:
            hook.remove()
    convolutions = [conv for conv, _ in pairs]
    return [(c, n) for c, n in pairs if c and convolutions.count(c) == 1]


def _with(module: Module, **children: nn.Module) -> Module:
    """A copy that shares everything with the module except some children."""
    twin = copy.copy(module)
    twin._modules = {**module._modules, **children}
    return twin
