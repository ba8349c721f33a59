"""Classifiers of sentences: with free weights for each finding (plain labels), or with its words as weights.

Both see the same sentences and the same labels. Shape letters: S sentences, M their places in N reports, K
findings, D width.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from training.knowledge.texts import KnownTexts

SOFTNESS = 0.5
"""Of the maximum over a report's sentences (log-sum-exp), in logits."""
SCALE = 10.0
"""Logits that one unit of cosine is worth at the start."""
PLAIN_DECAY, KNOWN_DECAY = 1e-4, 1e-2


@dataclass(frozen=True, eq=False)
class Places:
    """Which sentences (M,) stand in which of N reports (M,)."""

    sentence: Tensor
    report: Tensor
    reports: int

    def strongest(self, of_sentence: Tensor) -> Tensor:
        """(S, K) -> (N, K): the softened maximum over each report's sentences."""
        values = of_sentence[self.sentence]  # M K
        most = torch.full((self.reports, values.shape[1]), -1e9)
        where = self.report[:, None].expand_as(values)
        most = most.scatter_reduce(0, where, values.detach(), "amax", include_self=False)
        above = torch.exp((values - most[self.report]) / SOFTNESS)
        return most + SOFTNESS * torch.log(torch.zeros_like(most).index_add(0, self.report, above))

    def mean(self, of_sentence: Tensor) -> Tensor:
        """(S, D) -> (N, D): the mean of each report's sentences."""
        counts = torch.bincount(self.report, minlength=self.reports)
        sums = torch.zeros(self.reports, of_sentence.shape[1])
        return sums.index_add(0, self.report, of_sentence[self.sentence]) / counts[:, None]


def matched(vectors: Tensor, places: Places, texts: KnownTexts, projection: Tensor, **how: bool) -> Tensor:
    """(N, K) the best cosine of a report's sentences with each finding's words; no label is read."""
    here = functional.normalize(vectors + vectors @ projection, dim=1)
    return places.strongest(SCALE * here @ texts.weights(projection, **how).T)


def fitted(
    parameters: Sequence[Tensor],
    logits: Callable[[], Tensor],
    penalty: Callable[[], Tensor],
    labels: Tensor,
    learnt: Tensor,
    rate: float,
    steps: int = 80,
) -> Tensor:
    """(N, K) logits after binary cross-entropy on the `learnt` reports, (N,) bool, of (N, K) labels."""
    optimiser = torch.optim.Adam(parameters, rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        wrong = functional.binary_cross_entropy_with_logits(logits()[learnt], labels[learnt], reduction="sum")
        loss = wrong / learnt.sum() + penalty()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    with torch.no_grad():
        return logits()


def _zeros(*shape: int) -> Tensor:
    return torch.zeros(*shape, requires_grad=True)


def plain_of_means(vectors: Tensor, places: Places, labels: Tensor, learnt: Tensor) -> Tensor:
    """Plain labels: free weights on the mean of a report's sentences."""
    means, weights = places.mean(vectors), _zeros(labels.shape[1], vectors.shape[1])
    bias = torch.full((labels.shape[1],), -5.0, requires_grad=True)
    return fitted(
        [weights, bias],
        lambda: SCALE * means @ weights.T + bias,
        lambda: PLAIN_DECAY * weights.square().sum(),
        labels,
        learnt,
        rate=0.1,
        steps=150,
    )


def plain_of_sentences(vectors: Tensor, places: Places, labels: Tensor, learnt: Tensor) -> Tensor:
    """Plain labels: free weights on each sentence, the strongest one counts."""
    weights = _zeros(labels.shape[1], vectors.shape[1])
    bias = torch.full((labels.shape[1],), -5.0, requires_grad=True)
    return fitted(
        [weights, bias],
        lambda: places.strongest(SCALE * vectors @ weights.T) + bias,
        lambda: 10 * PLAIN_DECAY * weights.square().sum(),
        labels,
        learnt,
        rate=0.05,
    )


@dataclass(frozen=True, eq=False)
class KnownWeights:
    """A classifier whose weights are findings' words: (D, K) `weights`, (K,) `bias`, (N, K) logits."""

    weights: Tensor
    bias: Tensor
    logits: Tensor


def known_weights(
    vectors: Tensor, places: Places, labels: Tensor, learnt: Tensor, words: Tensor
) -> KnownWeights:
    """Each finding's words, (K, D), as its weights: what is learnt is one map of words, shared by all."""
    shared = _zeros(vectors.shape[1], vectors.shape[1])
    scale = torch.tensor(math.log(SCALE), requires_grad=True)
    bias = torch.full((labels.shape[1],), -8.0, requires_grad=True)

    def weights() -> Tensor:
        return scale.exp() * (words + words @ shared).T

    logits = fitted(
        [shared, scale, bias],
        lambda: places.strongest(vectors @ weights()) + bias,
        lambda: KNOWN_DECAY * shared.square().sum(),
        labels,
        learnt,
        rate=0.01,
    )
    return KnownWeights(weights().detach(), bias.detach(), logits)


def knowledge_as_weights(
    vectors: Tensor, places: Places, labels: Tensor, learnt: Tensor, words: Tensor
) -> Tensor:
    """(N, K) logits of `known_weights`."""
    return known_weights(vectors, places, labels, learnt, words).logits
