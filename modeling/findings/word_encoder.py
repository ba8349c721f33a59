"""Sentences as vectors by their words alone: a small encoder that learnt from a large one.

A sentence is a bag of words, of pairs of neighbouring words ("no effusion") and of pieces of words (three to
five letters, so that a word it never met is like those it is made of). Their rows are added up, and a small
network makes of the sum what the large encoder made of the sentence (distillation: Hinton et al. 2015; pieces
of words: Bojanowski et al. 2017). Plain numpy: no torch, no package, some 50,000 sentences a second.

Shape letters: N sentences, F features, E width of a feature's row, D width of a sentence's vector.
"""

import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, pairwise
from typing import Any

import numpy as np

_WORD = re.compile(r"[a-z]+|[0-9]+|[^\sa-z0-9]")
LONGEST = 64
"""Words of a sentence that are read."""
PIECES = range(3, 6)
"""Letters of a piece of a word; a word's ends count as letters."""
BATCH = 4_096
EDGES = ("<", ">")
"""Stand before the first and behind the last word in pairs."""


def words_of(text: str) -> list[str]:
    """Words, numbers and signs in small letters, the first `LONGEST` of them."""
    return _WORD.findall(text.lower())[:LONGEST]


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """Which rows a sentence adds up: known words and pairs by name, others and pieces by their hash (CRC-32).

    Attributes:
        words, pairs: their places, from 0; a pair is two words and a blank.
        hashed_pieces, hashed_words, hashed_pairs: rows for what has no name.
    """

    words: Mapping[str, int]
    pairs: Mapping[str, int]
    hashed_pieces: int
    hashed_words: int
    hashed_pairs: int

    @classmethod
    def of(cls, words: Sequence[str], pairs: Sequence[str], hashed: Sequence[int]) -> "Vocabulary":
        """From the names in their order and the numbers of rows for the rest."""
        return cls({w: n for n, w in enumerate(words)}, {p: n for n, p in enumerate(pairs)}, *hashed)

    def __len__(self) -> int:
        return len(self.words) + len(self.pairs) + self.hashed_pieces + self.hashed_words + self.hashed_pairs

    def features(self, text: str) -> list[int]:
        """The rows of a sentence, one as often as it stands there; empty for a sentence without a word."""
        words = words_of(text)
        pairs = pairwise((EDGES[0], *words, EDGES[1])) if words else ()
        return [*chain.from_iterable(map(self._of_word, words)), *(self._of_pair(a, b) for a, b in pairs)]

    def knows(self, word: str) -> bool:
        """Whether a word has a row of its own."""
        return word in self.words

    def _of_word(self, word: str) -> tuple[int, ...]:
        return _rows_of_word(self, word)

    def _of_pair(self, first: str, second: str) -> int:
        pair, start = f"{first} {second}", len(self.words)
        place = self.pairs.get(pair)
        if place is not None:
            return start + place
        behind = start + len(self.pairs) + self.hashed_pieces + self.hashed_words
        return behind + _hash(pair) % self.hashed_pairs


@lru_cache(maxsize=50_000)
def _rows_of_word(vocabulary: Vocabulary, word: str) -> tuple[int, ...]:
    pieces_at = len(vocabulary.words) + len(vocabulary.pairs)
    own = vocabulary.words.get(word)
    if own is None:
        own = pieces_at + vocabulary.hashed_pieces + _hash(word) % vocabulary.hashed_words
    if len(word) < min(PIECES):
        return (own,)
    whole = f"{EDGES[0]}{word}{EDGES[1]}"
    pieces = (whole[n : n + size] for size in PIECES for n in range(len(whole) - size + 1))
    return (own, *(pieces_at + _hash(piece) % vocabulary.hashed_pieces for piece in pieces))


def _hash(text: str) -> int:
    return zlib.crc32(text.encode())


@dataclass(frozen=True, eq=False)
class WordEncoder:
    """The encoder: `vocabulary` and its network's weights, float32.

    Attributes:
        rows: (F, E) of every feature.
        inner, inner_bias: (E, H) and (H,), before the GELU.
        outer, outer_bias, straight: (H, D), (D,) behind it, and (E, D) past it.
    """

    vocabulary: Vocabulary
    rows: np.ndarray
    inner: np.ndarray
    inner_bias: np.ndarray
    outer: np.ndarray
    outer_bias: np.ndarray
    straight: np.ndarray

    @property
    def width(self) -> int:
        """Of a sentence's vector, D."""
        return self.outer.shape[1]

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        """(N, D) float32, each of length 1. An empty text is as good as any other without words."""
        parts = [self._encode(texts[n : n + BATCH]) for n in range(0, len(texts), BATCH)]
        return np.concatenate(parts) if parts else np.zeros((0, self.width), np.float32)

    def _encode(self, texts: Sequence[str]) -> np.ndarray:
        from scipy.sparse import csr_matrix  # not before there is something to read

        features = [self.vocabulary.features(text) for text in texts]
        ends = np.cumsum([0, *map(len, features)])
        columns = np.fromiter(chain.from_iterable(features), np.int32, count=ends[-1])
        ones = np.ones(len(columns), np.float32)
        bag = csr_matrix((ones, columns, ends), (len(texts), len(self.rows))) @ self.rows  # N E
        bag /= np.sqrt((bag * bag).mean(axis=1, keepdims=True)) + 1e-3
        vectors = (
            _gelu(bag @ self.inner + self.inner_bias) @ self.outer + self.outer_bias + bag @ self.straight
        )
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)

    # --- as it lies in a checkpoint

    def tensors(self) -> dict[str, np.ndarray]:
        """Name -> weights: the rows in 8 bits with a scale each, the rest in 16."""
        scale = np.maximum(np.abs(self.rows).max(axis=1, keepdims=True), 1e-9) / 127
        halves = {name: getattr(self, name).astype(np.float16) for name in _NETWORK}
        return {
            "rows": np.rint(self.rows / scale).astype(np.int8),
            "scale": scale.astype(np.float16),
            **halves,
        }

    @classmethod
    def of_tensors(cls, vocabulary: Vocabulary, tensors: Mapping[str, np.ndarray]) -> "WordEncoder":
        """From what `tensors` gave. Raises KeyError or ValueError: they do not go together."""
        rows = tensors["rows"].astype(np.float32) * tensors["scale"].astype(np.float32)
        if len(rows) != len(vocabulary):
            raise ValueError(f"{len(rows)} rows for {len(vocabulary)} features")
        return cls(vocabulary, rows, *(tensors[name].astype(np.float32) for name in _NETWORK))


_NETWORK = ("inner", "inner_bias", "outer", "outer_bias", "straight")


def _gelu(x: np.ndarray) -> np.ndarray:
    """The usual approximation (Hendrycks and Gimpel 2016)."""
    return 0.5 * x * (1 + np.tanh(0.7978845608 * (x + 0.044715 * x**3)))


def vocabulary_json(vocabulary: Vocabulary) -> dict[str, Any]:
    """As `vocabulary_of_json` reads it."""
    hashed = [vocabulary.hashed_pieces, vocabulary.hashed_words, vocabulary.hashed_pairs]
    return {"words": list(vocabulary.words), "pairs": list(vocabulary.pairs), "hashed": hashed}


def vocabulary_of_json(read: Mapping[str, Any]) -> Vocabulary:
    """Raises KeyError or TypeError: it is none."""
    return Vocabulary.of(read["words"], read["pairs"], read["hashed"])
