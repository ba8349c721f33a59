"""Two reports read as one: new texts whose labels follow from the labels of their parts.

A finding is affirmed in the joined text where one of its parts affirms it, and denied where both deny it.
Beside an affirmed finding then stand denials of it from another report, so that a model has to see which
words deny what; and there are as many joined texts as pairs.

Shape letters: B studies, T tokens, K labels.
"""

from dataclasses import replace

import torch
from torch import Tensor

from modeling.model.processing import ModelInputs


def join_labels(first: Tensor, second: Tensor) -> Tensor:
    """(B, K) of 0, 1 and NaN for none: 1 where either is 1, 0 where both are 0, else none."""
    either = (first == 1) | (second == 1)
    both = (first == 0) & (second == 0)
    none = torch.full_like(first, torch.nan)
    return torch.where(either, torch.ones_like(first), torch.where(both, torch.zeros_like(first), none))


def join_weights(first: Tensor, second: Tensor, labels: tuple[Tensor, Tensor]) -> Tensor:
    """(B, K): an affirmation counts as the surer of those that affirm, a denial as the less sure of both."""
    own = torch.where(labels[0] == 1, first, 0.0)
    others = torch.where(labels[1] == 1, second, 0.0)
    affirmed = torch.maximum(own, others)
    return torch.where((labels[0] == 1) | (labels[1] == 1), affirmed, torch.minimum(first, second))


def join_texts(
    inputs: ModelInputs, labels: Tensor, weights: Tensor, share: float, most: int, generator: torch.Generator
) -> tuple[ModelInputs, Tensor, Tensor]:
    """Behind some texts of a batch stands another one of the same batch.

    Args:
        labels, weights: (B, K), see `objective.task_losses`.
        share: of the texts that are joined; one whose pair would be longer than `most` tokens stays alone.
    """
    count = len(labels)
    lengths = inputs.token_mask.sum(dim=1)
    other = torch.randperm(count, generator=generator)
    chosen = torch.rand(count, generator=generator) < share
    chosen &= (other != torch.arange(count)) & (lengths + lengths[other] - 1 <= most)
    chosen &= (lengths > 0) & (lengths[other] > 0)
    longest = int((lengths + chosen * (lengths[other] - 1)).max())
    tokens = torch.zeros((count, longest), dtype=inputs.tokens.dtype)
    mask = torch.zeros((count, longest), dtype=torch.bool)
    for i in range(count):
        pieces = [inputs.tokens[i, : lengths[i]]]
        if chosen[i]:
            pieces.append(inputs.tokens[other[i], 1 : lengths[other[i]]])  # without its [CLS]
        row = torch.cat(pieces)
        tokens[i, : len(row)], mask[i, : len(row)] = row, True
    pair = (labels, labels[other])
    joined = torch.where(chosen[:, None], join_labels(*pair), labels)
    counted = torch.where(chosen[:, None], join_weights(weights, weights[other], pair), weights)
    return replace(inputs, tokens=tokens, token_mask=mask), joined, counted
