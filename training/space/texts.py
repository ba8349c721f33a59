"""Texts that go with a film in training: whole reports, or one to three sentences of one, in either language.

Random sentences of a report as in ConVIRT (Zhang et al., 2020); so that a sentence which holds of several
films of a batch is right for all of them, each text carries what it claims (as the labels of MedCLIP do, Wang
et al., EMNLP 2022).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor

from cases.phantom.description import LANGUAGES, Language, report, worded
from cases.phantom.streams import pick
from modeling.model.tokens import Marks
from training.space.corpus import SpaceRow


@dataclass(frozen=True)
class DrawnText:
    """A text on a film, and what it claims."""

    text: str
    facts: frozenset[str]


def drawn(
    rng: np.random.Generator,
    row: SpaceRow,
    *,
    whole: bool,
    languages: Sequence[Language] = LANGUAGES,
    most: int = 0,
) -> DrawnText:
    """A report on a film, of at most so many sentences (0: all of it), or one to three sentences."""
    language = pick(rng, languages)
    if whole:
        kept = row.statements
        if most:
            chosen = np.sort(rng.permutation(len(kept))[:most])
            kept = [kept[number] for number in chosen]
        text, sentences = report(rng, kept, language)
        return DrawnText(text, frozenset().union(*(one.facts for one, _ in sentences)))
    count = pick(rng, (1, 2, 3), (0.7, 0.2, 0.1))
    # An opacity is what a report is about: half of the sentences are of one where a film shows one.
    opacities = [one for one in row.statements if one.opacity]
    pools = [opacities if opacities and rng.random() < 0.5 else row.statements for _ in range(count)]
    statements = [pick(rng, pool) for pool in pools]
    joint = "" if language == "zh-Hant" else " "
    text = joint.join(worded(rng, one, language) for one in statements)
    return DrawnText(text, frozenset().union(*(one.facts for one in statements)))


class FactTable:
    """Which claims hold of which films: names as columns, so that a batch is one product of matrices."""

    def __init__(self, rows: Sequence[SpaceRow]) -> None:
        names = sorted(frozenset().union(*(row.facts for row in rows)))
        self.column = {name: number for number, name in enumerate(names)}
        self.films = torch.stack([self._marked(row.facts) for row in rows])  # N K

    def _marked(self, facts: frozenset[str]) -> Tensor:
        marked = torch.zeros(len(self.column))
        marked[[self.column[name] for name in facts]] = 1
        return marked

    def hold(self, films: Tensor, texts: Sequence[frozenset[str]]) -> Tensor:
        """(B,) numbers of films and N texts' claims -> (B, N) bool: all that a text claims holds there."""
        claims = torch.stack([self._marked(facts) for facts in texts])  # N K
        return self.films[films] @ claims.T >= claims.sum(dim=1) - 0.5


def token_rows(tokenizer: Tokenizer, texts: Sequence[str], most: int) -> tuple[Tensor, Tensor]:
    """(B, T) ids with start and end marks, and (B, T) bool, as the processor reads the texts."""
    marks = Marks.of(tokenizer)
    encoded = tokenizer.encode_batch([text.lower() for text in texts], add_special_tokens=False)
    rows = [torch.tensor([marks.start, *one.ids[: most - 2], marks.end]) for one in encoded]
    tokens = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
    return tokens, torch.arange(tokens.shape[1]) < torch.tensor([[len(row)] for row in rows])
