"""Masked-language modelling (Devlin et al. 2019): the text encoder first learns to fill gaps in its corpus.

Shape letters: B studies, T tokens, D width, V vocabulary.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from modeling.configuration import Configuration
from modeling.errors import CheckpointError
from modeling.model.encoders import TextEncoder

logger = logging.getLogger(__name__)

REPLACED, KEPT = 0.8, 0.9
"""Of the chosen tokens 80 % become [MASK], 10 % another token, 10 % stay as they are (Devlin et al. 2019)."""


@dataclass(frozen=True)
class MaskedLanguage(Configuration):
    """The stage before the labels."""

    epochs: int = 20
    batch_size: int = 32
    learning_rate: float = 1e-3
    share: float = 0.15  # of the tokens that are to be guessed

    def __post_init__(self) -> None:
        if not (0 < self.share < 1 and self.epochs > 0 and self.batch_size > 0):
            raise CheckpointError(
                "Masked-language modelling needs a share between 0 and 1 and positive numbers; correct them."
            )


class MaskedLanguageHead(nn.Module):
    """Hidden states -> logits over the vocabulary, tied to the token embeddings; for training only."""

    def __init__(self, hidden: int, embeddings: nn.Embedding) -> None:
        super().__init__()
        width = embeddings.embedding_dim
        self.transform = nn.Sequential(nn.Linear(hidden, width), nn.GELU(), nn.LayerNorm(width))
        self.bias = nn.Parameter(torch.zeros(embeddings.num_embeddings))

    def forward(self, hidden: Tensor, embeddings: nn.Embedding) -> Tensor:
        """(N, D) -> (N, V)."""
        return functional.linear(self.transform(hidden), embeddings.weight, self.bias)


@dataclass(frozen=True, eq=False)
class Corpus:
    """The texts to learn from."""

    tokens: Tensor  # N T int64, padded
    mask: Tensor  # N T bool
    special: tuple[int, ...]  # ids that are never masked, such as [CLS]
    mask_id: int  # of [MASK]
    vocabulary: int  # V

    def batch(self, rows: np.ndarray, share: float, generator: torch.Generator) -> tuple[Tensor, ...]:
        """(B, T) tokens with gaps, their mask, (B, T) bool of what is to be guessed, and the tokens."""
        mask = self.mask[rows]
        longest = int(mask.sum(dim=1).max())
        mask, tokens = mask[:, :longest], self.tokens[rows][:, :longest]
        may = mask & ~torch.isin(tokens, torch.tensor(self.special))
        guessed = may & (torch.rand(tokens.shape, generator=generator) < share)
        fate = torch.rand(tokens.shape, generator=generator)
        others = torch.randint(len(self.special), self.vocabulary, tokens.shape, generator=generator)
        seen = torch.where(guessed & (fate < REPLACED), self.mask_id, tokens)
        seen = torch.where(guessed & (fate >= REPLACED) & (fate < KEPT), others, seen)
        return seen, mask, guessed, tokens


def by_length(order: np.ndarray, lengths: np.ndarray, batch_size: int, seed: tuple[int, ...]) -> np.ndarray:
    """(N,) rows in random order so ordered that texts of a batch are about as long, for less padding."""
    pool = 16 * batch_size
    pools = [order[start : start + pool] for start in range(0, len(order), pool)]
    pools = [rows[np.argsort(lengths[rows], kind="stable")] for rows in pools]
    batches = [rows[i : i + batch_size] for rows in pools for i in range(0, len(rows), batch_size)]
    full = [rows for rows in batches if len(rows) == batch_size]
    shuffled = [full[i] for i in np.random.default_rng(seed).permutation(len(full))]
    return np.concatenate([*shuffled, *(rows for rows in batches if len(rows) < batch_size)])


class MaskedLanguageStage:
    """Trains a text encoder on gaps; a kill costs at most one epoch."""

    def __init__(
        self, encoder: TextEncoder, corpus: Corpus, settings: MaskedLanguage, keep: Path, seed: int
    ) -> None:
        """The encoder is trained in place; `keep` is the file of the stage's state, also after its end."""
        self.transformer, self.corpus, self.settings = encoder.transformer, corpus, settings
        self.keep, self.seed, self.epoch = keep, seed, 0
        self.head = MaskedLanguageHead(self.transformer.config.hidden_size, self._embeddings)
        self.losses: list[float] = []
        learnt = [*self.transformer.parameters(), *self.head.parameters()]
        self.optimizer = torch.optim.AdamW(learnt, lr=settings.learning_rate, weight_decay=0.01)
        steps = settings.epochs * -(-len(corpus.tokens) // settings.batch_size)
        self.schedule = torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer, settings.learning_rate, total_steps=steps + 1, pct_start=0.1
        )

    @property
    def _embeddings(self) -> nn.Embedding:
        return self.transformer.get_input_embeddings()

    def train(self) -> None:
        """From wherever the stage stands to its end."""
        self._resume()
        self.transformer.train()
        while self.epoch < self.settings.epochs:
            loss = float(np.mean([self._step(rows) for rows in self._batches()]))
            self.epoch += 1
            self.losses.append(round(loss, 4))
            logger.info("masked language %d/%d: loss %.3f", self.epoch, self.settings.epochs, loss)
            self._save()

    def _batches(self) -> Iterator[np.ndarray]:
        place = (self.seed, self.epoch)
        torch.manual_seed(hash(place) % 2**31)  # dropout of a resumed epoch is that of an undisturbed one
        self._generator = torch.Generator().manual_seed(hash((*place, 1)) % 2**31)
        order = np.random.default_rng(place).permutation(len(self.corpus.tokens))
        size, lengths = self.settings.batch_size, self.corpus.mask.sum(dim=1).numpy()
        order = by_length(order, lengths, size, place)
        return (order[i : i + size] for i in range(0, len(order), size))

    def _step(self, rows: np.ndarray) -> float:
        seen, mask, guessed, tokens = self.corpus.batch(rows, self.settings.share, self._generator)
        hidden = self.transformer(
            inputs_embeds=self._embeddings(seen), attention_mask=mask.long()
        ).last_hidden_state
        # Only the gaps: logits over the vocabulary are the dear part.
        logits = self.head(hidden[guessed], self._embeddings)
        loss = functional.cross_entropy(logits, tokens[guessed], reduction="sum") / max(1, int(guessed.sum()))
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.transformer.parameters(), 1.0)
        self.optimizer.step()
        self.schedule.step()
        return float(loss.detach())

    def _save(self) -> None:
        names = ("transformer", "head", "optimizer", "schedule")
        kept = names if self.epoch < self.settings.epochs else names[:2]
        state = {name: getattr(self, name).state_dict() for name in kept}
        part = self.keep.with_suffix(".part")
        torch.save({"epoch": self.epoch, "losses": self.losses, **state}, part)
        part.replace(self.keep)

    def _resume(self) -> None:
        if not self.keep.is_file():
            return
        state = torch.load(self.keep, map_location="cpu", weights_only=True)
        self.epoch, self.losses = state.pop("epoch"), state.pop("losses")
        for name, own in state.items():
            getattr(self, name).load_state_dict(own)
        logger.info("masked language resumed at epoch %d", self.epoch)
