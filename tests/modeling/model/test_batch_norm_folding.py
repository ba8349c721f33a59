"""Batch norm folded into convolutions: the same answers and the same gradients."""

from pathlib import Path

import pytest
import torch
from torch import nn

from modeling.model.batch_norm_folding import folded
from modeling.model.checkpoint import Origin
from modeling.model.fusion import FusionModel
from modeling.pipeline import DiagnosisPipeline
from tests.doubles.toys import toy_config, toy_model, toy_processor, toy_study


def settled(backbone: str) -> FusionModel:
    """A model whose batch norms have statistics of their own."""
    model = toy_model(toy_config(backbone=backbone))
    generator = torch.Generator().manual_seed(1)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.copy_(torch.randn(module.num_features, generator=generator) * 0.1)
            module.running_var.copy_(torch.rand(module.num_features, generator=generator) + 0.5)
    return model.requires_grad_(False)


def norms(model: FusionModel) -> int:
    return sum(isinstance(m, nn.BatchNorm2d) for m in model.modules())


@pytest.mark.parametrize("backbone", ["test_efficientnet", "test_resnet"])
def test_a_folded_model_answers_the_same(backbone: str) -> None:
    model = settled(backbone)
    twin = folded(model, 64)
    assert norms(model) > 0 == norms(twin)
    film = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(2))
    answers = []
    for one in (model, twin):
        moving = film.clone().requires_grad_()
        features = one.encoders["image"].feature_map(moving)
        (gradient,) = torch.autograd.grad(features.square().sum(), moving)
        answers.append((features.detach(), gradient))
    for before, after in zip(*answers, strict=True):
        assert (before - after).abs().max() <= 1e-4 * before.abs().max()
    assert twin.heads is model.heads, "all but the backbone is shared"


def test_a_net_without_batch_norm_is_left_alone() -> None:
    model = settled("test_vit")
    assert folded(model, 64) is model


def test_an_account_is_the_same_with_and_without_folding() -> None:
    model = settled("test_efficientnet")
    pipeline = DiagnosisPipeline(model, toy_processor(), Origin("toy", "sha256:0", Path("toy"), pinned=False))
    target = pipeline.targets[1]
    light = list(pipeline.explain(toy_study(), target, max_evaluations=24))[-1]
    pipeline.light_model = pipeline.model
    plain = list(pipeline.explain(toy_study(), target, max_evaluations=24))[-1]
    assert light.output == pytest.approx(plain.output, abs=1e-4)
    assert light.image == pytest.approx(plain.image, abs=1e-4 * float(abs(plain.image).max()) + 1e-7)
