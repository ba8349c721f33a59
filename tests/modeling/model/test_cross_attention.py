"""Cross-attention with its key masks: padding is never attended, an absent modality changes nothing."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from modeling.configuration import FusionConfig
from modeling.errors import CheckpointError
from modeling.model.encoders import Encoded
from modeling.model.fusion import CrossAttentionFusion, FusionModel
from tests.doubles.toys import toy_checkpoint, toy_config, toy_model, toy_processor

WIDTH, LENGTHS = 16, (5, 3, 7)
BATCH = 4


def fusion(feed_forward: bool) -> nn.Module:
    torch.manual_seed(0)
    module = CrossAttentionFusion(WIDTH, len(LENGTHS), 4, 0.0, feed_forward).eval()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return module


def modalities(seed: int = 0) -> list[Encoded]:
    """Three modalities, each with padding at the end of some studies; all given."""
    generator = torch.Generator().manual_seed(seed)
    found = []
    for length in LENGTHS:
        mask = torch.ones(BATCH, length, dtype=torch.bool)
        for study in range(BATCH):
            mask[study, length - study % length :] = False
        sequence = torch.randn(BATCH, length, WIDTH, generator=generator)
        vector = torch.randn(BATCH, WIDTH, generator=generator)
        found.append(Encoded(vector, sequence, mask, torch.ones(BATCH, dtype=torch.bool)))
    return found


def absent(one: Encoded, rows: Tensor) -> Encoded:
    """The modality taken away from some studies; what its tensors hold stays."""
    return replace(one, mask=one.mask & ~rows[:, None], given=one.given & ~rows)


def garbage(one: Encoded, where: Tensor) -> Encoded:
    """Other, large numbers in the sequence where `where` (B, S) says, and in vectors that are not given."""
    generator = torch.Generator().manual_seed(9)
    noise = 50 * torch.randn(one.sequence.shape, generator=generator)
    vector = torch.where(one.given[:, None], one.vector, torch.full_like(one.vector, 50.0))
    return replace(one, sequence=torch.where(where[..., None], noise, one.sequence), vector=vector)


@pytest.mark.parametrize("feed_forward", [False, True])
@pytest.mark.parametrize("padded", range(3))
@torch.no_grad()
def test_padding_is_never_attended(feed_forward: bool, padded: int) -> None:
    module, clean = fusion(feed_forward), modalities()
    other = [garbage(m, ~m.mask) if i == padded else m for i, m in enumerate(clean)]
    assert not torch.equal(other[padded].sequence, clean[padded].sequence)
    torch.testing.assert_close(module(other), module(clean))
    shown = [garbage(m, m.mask) if i == padded else m for i, m in enumerate(clean)]
    assert (module(shown) - module(clean)).abs().max() > 0.01  # the same at places that are read does matter


@pytest.mark.parametrize("feed_forward", [False, True])
@pytest.mark.parametrize("missing", range(3))
@torch.no_grad()
def test_an_absent_modality_changes_nothing(feed_forward: bool, missing: int) -> None:
    """Neither for the studies that lack it, whatever its tensors hold, nor for the others of the batch."""
    module, clean = fusion(feed_forward), modalities()
    rows = torch.tensor([True, False, True, False])
    without = [absent(m, rows) if i == missing else m for i, m in enumerate(clean)]
    noisy = [garbage(m, ~m.mask) if i == missing else m for i, m in enumerate(without)]
    torch.testing.assert_close(module(noisy), module(without))
    torch.testing.assert_close(module(without)[~rows], module(clean)[~rows])
    assert (module(without)[rows] - module(clean)[rows]).abs().max() > 0.01
    nowhere = replace(
        without[missing],
        sequence=torch.zeros(BATCH, 0, WIDTH),
        mask=torch.zeros(BATCH, 0, dtype=torch.bool),
        given=torch.zeros(BATCH, dtype=torch.bool),
    )
    shorter = [nowhere if i == missing else m for i, m in enumerate(clean)]
    torch.testing.assert_close(module(shorter)[rows], module(without)[rows])


@pytest.mark.parametrize("feed_forward", [False, True])
def test_no_gradient_reaches_padding_or_an_absent_modality(feed_forward: bool) -> None:
    clean = modalities()
    rows = torch.tensor([True, False, False, False])
    encoded = [absent(m, rows) if i == 1 else m for i, m in enumerate(clean)]
    leaves = [replace(m, sequence=m.sequence.clone().requires_grad_()) for m in encoded]
    fusion(feed_forward)(leaves).square().sum().backward()
    for one in leaves:
        reached = one.sequence.grad.abs().sum(dim=-1) > 0
        assert not reached[~one.mask].any() and reached[one.mask].all()


@torch.no_grad()
def test_each_modality_reads_the_others_both_ways() -> None:
    module, clean = fusion(False), modalities()
    for i in range(3):
        for j in range(3):
            if i != j:
                changed = [garbage(m, m.mask) if k == j else m for k, m in enumerate(clean)]
                assert (module._context(i, changed) - module._context(i, clean)).abs().max() > 1e-3
    assert torch.equal(
        module._context(0, [garbage(clean[0], clean[0].mask), *clean[1:]]).isfinite(),
        torch.ones(BATCH, LENGTHS[0], WIDTH, dtype=torch.bool),
    )


def test_without_the_block_a_saved_checkpoint_loads_unchanged(tmp_path) -> None:
    folder = toy_checkpoint(tmp_path / "toy", "cross_attention")
    raw = (folder / "config.json").read_text()
    assert '"feed_forward": false' in raw
    (folder / "config.json").write_text(raw.replace('  "feed_forward": false,\n', ""))  # as written before
    model, _, _ = FusionModel.from_pretrained(folder)
    assert not [name for name in model.state_dict() if "feed_forward" in name or "after" in name]
    processor = toy_processor()
    more = toy_model(toy_config("cross_attention", feed_forward=True), processor).state_dict()
    assert len([name for name in more if "feed_forward" in name]) == 2 * 3 * 4  # tasks, modalities, tensors


def test_the_block_belongs_to_cross_attention() -> None:
    with pytest.raises(CheckpointError, match="cross_attention"):
        toy_config("concat", feed_forward=True)
    config = toy_config("cross_attention", feed_forward=True)
    assert FusionConfig.from_json(config.to_json()) == config
