"""Films painted so that what decides is known: all but the opacities changed, or the opacities gone.

A net that is shown the first with the film's own label, and the second as a Negative film, has to read the
label off the opacities; gradients then lie there. It costs no further pass, unlike a penalty on the gradients
themselves (right for the right reasons, Ross et al., IJCAI 2017), whose second backward pass takes 20 s a
step here. Painting counterfactuals: Chang et al., Explaining image classifiers by counterfactual generation,
ICLR 2019.

Shape letters: B films, h w model, N painted films.
"""

import torch
from torch import Tensor
from torch.nn import functional

_EDGE = 9
"""Pixels over which paint fades into the film, so that no seam gives it away."""


def paint(
    films: Tensor, masks: Tensor, outside: float, removal: float, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Paint some of the films on which opacities are drawn.

    Args:
        films: (B, h, w) in [0, 1]; masks: (B, h, w) 1 inside an opacity, 0 outside, 255 where unknown.
        outside: chance that all but the opacities is dimmed, blurred or made noisy.
        removal: chance that the opacities are blurred away.

    Returns:
        Films; masks, empty where the opacities are gone; (B,) bool, True for those films.
    """
    drawn = masks.amax(dim=(1, 2)) == 1
    draw = torch.rand(len(films), generator=generator)
    around, gone = drawn & (draw < outside), drawn & (draw > 1 - removal)
    rows = torch.nonzero(around | gone)[:, 0]
    if not len(rows):
        return films, masks, gone
    film, inside = films[rows], _soft(masks[rows])
    changed = torch.where(
        around[rows][:, None, None],
        inside * film + (1 - inside) * _disturbed(film, generator),
        (1 - inside) * film + inside * _smoothed(film, generator),
    )
    painted, emptied = films.clone(), masks.clone()
    painted[rows] = changed
    emptied[gone] = 0
    return painted, emptied, gone


def _soft(masks: Tensor) -> Tensor:
    """(N, h, w) 1 in and just around the opacities, falling to 0."""
    wider = functional.max_pool2d((masks[:, None] == 1).float(), _EDGE, 1, _EDGE // 2)
    return functional.avg_pool2d(wider, _EDGE, 1, _EDGE // 2)[:, 0]


def _disturbed(films: Tensor, generator: torch.Generator) -> Tensor:
    """Each film dimmed, blurred or under noise."""
    which = torch.randint(0, 3, (len(films), 1, 1), generator=generator)
    share, strength = (torch.rand(len(films), 1, 1, generator=generator) for _ in range(2))
    noisy = films + noise(films.shape, generator) * (0.05 + 0.15 * strength)
    dimmed, blurred = films * (0.8 * share), _blurred(films, films.shape[-1] // 10)
    return torch.where(which == 0, dimmed, torch.where(which == 1, blurred, noisy)).clamp(0, 1)


def _smoothed(films: Tensor, generator: torch.Generator) -> Tensor:
    """Nothing but coarse shades, with a little grain."""
    return (_blurred(films, films.shape[-1] // 5) + 0.03 * noise(films.shape, generator)).clamp(0, 1)


def _blurred(films: Tensor, cell: int) -> Tensor:
    coarse = functional.avg_pool2d(films[:, None], max(cell, 1))
    return functional.interpolate(coarse, films.shape[1:], mode="bilinear")[:, 0]


def noise(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    """(B, h, w) standard normal numbers, as fine as the pixels or two or four times as coarse."""
    batch, height, width = shape
    cell = (1, 2, 4)[int(torch.randint(0, 3, (), generator=generator))]
    grain = torch.randn(batch, 1, -(-height // cell), -(-width // cell), generator=generator)
    return functional.interpolate(grain, (height, width), mode="bilinear")[:, 0]
