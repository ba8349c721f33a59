"""Painted films: what is to decide stays as it is, what is not changes, and what is gone is gone."""

import torch

from training.films import paint


def films() -> tuple[torch.Tensor, torch.Tensor]:
    """Three films: an opacity drawn, none there, nobody looked."""
    pixels = torch.rand(3, 80, 80, generator=torch.Generator().manual_seed(0)) * 0.5 + 0.25
    masks = torch.zeros(3, 80, 80)
    masks[0, 30:50, 30:50] = 1.0
    masks[2] = 255.0
    return pixels, masks


def test_all_but_the_opacity_changes() -> None:
    pixels, masks = films()
    shown, kept, gone = paint(pixels, masks, 1.0, 0.0, torch.Generator().manual_seed(1))
    assert torch.allclose(shown[0, 30:50, 30:50], pixels[0, 30:50, 30:50])
    assert (shown[0, :20] - pixels[0, :20]).abs().mean() > 0.03
    assert torch.equal(shown[1:], pixels[1:]) and torch.equal(kept, masks) and not gone.any()
    assert shown.min() >= 0 and shown.max() <= 1


def test_the_opacity_goes_and_its_drawing_with_it() -> None:
    pixels, masks = films()
    shown, kept, gone = paint(pixels, masks, 0.0, 1.0, torch.Generator().manual_seed(1))
    assert gone.tolist() == [True, False, False]
    assert shown[0, 34:46, 34:46].std() < 0.5 * pixels[0, 34:46, 34:46].std()
    assert torch.equal(shown[0, :20], pixels[0, :20]) and torch.equal(shown[1:], pixels[1:])
    assert not kept[0].any() and torch.equal(kept[1:], masks[1:])


def test_without_a_chance_nothing_is_painted() -> None:
    pixels, masks = films()
    shown, kept, gone = paint(pixels, masks, 0.0, 0.0, torch.Generator().manual_seed(1))
    assert torch.equal(shown, pixels) and torch.equal(kept, masks) and not gone.any()
