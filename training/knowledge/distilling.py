"""A large sentence encoder's vectors, learnt by a small one (`WordEncoder`): what the page can carry along.

Distillation after Hinton et al. (2015): the small one's vector is drawn to the large one's, and the cosines
within a batch to those that the large one gives. No label is read.

Shape letters: N texts, D width of the small one, E of a feature's row.
"""

import math
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from modeling.findings.word_encoder import EDGES, Vocabulary, WordEncoder, words_of
from modeling.progress import progress

WORDS, PAIRS, HASHED = 5_000, 4_000, (4_096, 512, 1_024)
"""Rows: of words and of pairs by name at most; of pieces, other words and other pairs by their hash."""
ROW, INNER, WIDTH = 96, 256, 192
EPOCHS, BATCH, RATE, DECAY = 15, 512, 3e-3, 1e-4
COSINES = 2.0
"""Weight of the batch's cosines beside the vectors themselves."""


def vocabulary_of(texts: Sequence[str]) -> Vocabulary:
    """The words and pairs that stand in most of the texts, two of them at least, by name."""
    words: Counter[str] = Counter()
    pairs: Counter[str] = Counter()
    for text in texts:
        read = words_of(text)
        words.update({*read})
        pairs.update({f"{a} {b}" for a, b in pairwise((EDGES[0], *read, EDGES[1]))})
    kept = ([w for w, n in c.most_common(most) if n > 1] for c, most in ((words, WORDS), (pairs, PAIRS)))
    return Vocabulary.of(*kept, HASHED)


def narrowed(vectors: np.ndarray, to: np.ndarray, width: int = WIDTH) -> np.ndarray:
    """Texts' vectors (N, any) on the leading `width` directions of `to`, at length 1."""
    directions = np.linalg.svd(to, full_matrices=False)[2][:width]
    rows = vectors @ directions.T
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)


class _Network(nn.Module):
    def __init__(self, features: int, width: int) -> None:
        super().__init__()
        self.rows = nn.EmbeddingBag(features, ROW, mode="sum")
        nn.init.normal_(self.rows.weight, std=0.05)
        self.loudness = nn.Parameter(torch.zeros(features))
        self.inner, self.outer = nn.Linear(ROW, INNER), nn.Linear(INNER, width)
        self.straight = nn.Linear(ROW, width, bias=False)

    def forward(self, features: Tensor, starts: Tensor) -> Tensor:
        bag = self.rows(features, starts, per_sample_weights=self.loudness.exp()[features])
        bag = bag / (bag.norm(dim=1, keepdim=True) / math.sqrt(ROW) + 1e-3)
        found = self.outer(functional.gelu(self.inner(bag), approximate="tanh")) + self.straight(bag)
        return functional.normalize(found, dim=1)

    @torch.no_grad()
    def frozen(self, vocabulary: Vocabulary) -> WordEncoder:
        rows = self.rows.weight * self.loudness.exp()[:, None]
        parts = (
            self.inner.weight.T,
            self.inner.bias,
            self.outer.weight.T,
            self.outer.bias,
            self.straight.weight.T,
        )
        return WordEncoder(vocabulary, rows.numpy(), *(part.detach().numpy().copy() for part in parts))


def distilled(
    texts: Sequence[str], vectors: np.ndarray, weights: np.ndarray, *, epochs: int = EPOCHS, seed: int = 0
) -> WordEncoder:
    """A small encoder that gives texts the (N, D) vectors of a large one; (N,) how much each text counts."""
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    vocabulary = vocabulary_of(texts)
    features = [np.array(vocabulary.features(text) or [0]) for text in texts]
    targets, counts = torch.tensor(vectors), torch.tensor(weights, dtype=torch.float32)
    network = _Network(len(vocabulary), targets.shape[1])
    optimiser = torch.optim.AdamW(network.parameters(), RATE, weight_decay=DECAY)
    batches = max(1, len(texts) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, RATE, total_steps=epochs * batches, pct_start=0.1
    )
    for _ in progress(range(epochs), "distilling", unit="epoch"):
        order = random.permutation(len(texts))
        for chosen in np.array_split(order, batches):
            found, target = network(*_bags([features[n] for n in chosen])), targets[chosen]
            apart = (counts[chosen] * (1 - (found * target).sum(1))).sum() / counts[chosen].sum()
            loss = apart + COSINES * (found @ found.T - target @ target.T).square().mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    return network.frozen(vocabulary)


def _bags(features: Sequence[np.ndarray]) -> tuple[Tensor, Tensor]:
    starts = np.cumsum([0, *map(len, features)])[:-1]
    return torch.tensor(np.concatenate(features)), torch.tensor(starts)
