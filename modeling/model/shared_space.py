"""A trained shared space: films, texts and tables as vectors, and where on a film each word lies.

`modeling.prompts` asks it sentences.

Shape letters: N films, texts or tables, S width of the space, h w the film at the model's size.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
import torch
from torch import Tensor

from modeling.configuration import ImageProcessing
from modeling.errors import StudyError
from modeling.model.film import Letterbox, letterboxed, resampled
from modeling.model.processing import EncodedText, StudyProcessor, encode_table
from modeling.model.space_network import SpaceModel
from modeling.study import ClinicalTable, ClinicalText, Radiograph

_AT_ONCE = 64
_SECTION = "findings"
_PIECES = re.compile(r"[\u3400-\u9fff]|[^\u3400-\u9fff]+")


@dataclass(frozen=True, eq=False)
class WordRegion:
    """Where on a film a word finds its like.

    Attributes:
        start, end: of the word in the sentence.
        places: (h, w) float32 cosine of the word with each place of the film, padding cut off.
    """

    word: str
    start: int
    end: int
    places: np.ndarray


class SharedSpace:
    """Film, table and words in one space, with the processor that belongs to it."""

    def __init__(self, model: SpaceModel, processor: StudyProcessor) -> None:
        self.model, self.processor = model.eval().requires_grad_(False), processor

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> Self:
        """A checkpoint's. Raises CheckpointError: it is not there, incomplete, damaged or another's."""
        return cls(*SpaceModel.from_pretrained(folder))

    @property
    def image(self) -> ImageProcessing:
        """How a film becomes a square."""
        return self.processor.config.image

    # --- vectors

    @torch.inference_mode()
    def embed_films(self, films: Sequence[Radiograph]) -> Tensor:
        """Films -> (N, S) float32 unit vectors. Raises StudyError: a film cannot be shown."""
        squares = [letterboxed(film, self.image)[0] for film in films]
        return self.embed_squares(torch.from_numpy(np.stack(squares)))

    @torch.inference_mode()
    def embed_squares(self, squares: Tensor) -> Tensor:
        """(N, h, w) letterboxed films in [0, 1] -> (N, S) float32 unit vectors."""
        return torch.cat([self.film_and_places(part)[0] for part in squares.split(_AT_ONCE)])

    @torch.inference_mode()
    def film_and_places(self, squares: Tensor) -> tuple[Tensor, Tensor]:
        """(N, h, w) letterboxed films -> (N, S) of films and (N, P, S) of places."""
        image = self.processor.normalise(squares).contiguous(memory_format=torch.channels_last)
        return self.model.film(self.model.feature_map(image))

    @torch.inference_mode()
    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        """Sentences or reports, English or Traditional Chinese -> (N, S) float32 unit vectors.

        A text longer than the model reads is cut. Raises StudyError: a text without a word.
        """
        found = []
        for start in range(0, len(texts), _AT_ONCE):
            rows = [torch.tensor(self._read(text).ids) for text in texts[start : start + _AT_ONCE]]
            tokens = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True)
            mask = torch.arange(tokens.shape[1]) < torch.tensor([[len(row)] for row in rows])
            found.append(self.model.text(tokens, mask)[0])
        return torch.cat(found)

    @torch.inference_mode()
    def embed_tables(self, tables: Sequence[ClinicalTable]) -> Tensor:
        """Clinical tables -> (N, S) float32 unit vectors."""
        encoded = zip(*(encode_table(table, self.processor.config.table) for table in tables), strict=True)
        return self.model.table(*(torch.from_numpy(np.stack(part)) for part in encoded))

    def _read(self, text: str) -> EncodedText:
        encoded = self.processor.encode(ClinicalText({_SECTION: text}))
        if encoded is None:
            raise StudyError("A sentence for the shared space is empty; write what a report could say.")
        return encoded

    def unknown_words(self, sentence: str) -> tuple[str, ...]:
        """Words that no report in training had: the space knows them by their letters alone.

        A word of training is one token, or with a hyphen two; any other falls into pieces inside a part.
        """
        encoded, tokenizer = self._read(sentence), self.processor.tokenizer
        pieces = map(tokenizer.id_to_token, encoded.ids)
        strange = {
            word
            for piece, word in zip(pieces, encoded.word_of_token, strict=True)
            if piece.startswith("##") or piece == "[UNK]"
        }
        return tuple(
            span.word
            for number, span in enumerate(encoded.words)
            if number in strange and any(sign.isalnum() for sign in span.word)
        )

    # --- where each word lies

    def word_region(self, film: Radiograph, sentence: str) -> tuple[WordRegion, ...]:
        """Each word of a sentence over the film. Raises StudyError: a sentence without a word."""
        square, box, _ = letterboxed(film, self.image)
        return self.regions(torch.from_numpy(square)[None], sentence, box)

    @torch.inference_mode()
    def regions(self, square: Tensor, sentence: str, box: Letterbox) -> tuple[WordRegion, ...]:
        """The same of a letterboxed film, (1, h, w)."""
        encoded = self._read(sentence)
        tokens = torch.tensor([encoded.ids])
        _, words = self.model.text(tokens, torch.ones_like(tokens, dtype=torch.bool))
        likeness = words[0] @ self.film_and_places(square)[1][0].T  # T P
        grid = self.model.film.grid
        maps = likeness.reshape(-1, grid, grid).numpy()
        found = []
        for span in _parts(encoded):
            one = maps[list(span.tokens)].mean(axis=0)
            enlarged = box.crop(resampled(one, (box.size, box.size)))
            found.append(WordRegion(span.word, span.start, span.end, enlarged))
        return tuple(found)


@dataclass(frozen=True)
class _Part:
    """A word, or one character of a Chinese one, with its tokens."""

    word: str
    start: int
    end: int
    tokens: tuple[int, ...]


def _parts(encoded: EncodedText) -> list[_Part]:
    parts = []
    for number, span in enumerate(encoded.words):
        own = tuple(place for place, word in enumerate(encoded.word_of_token) if word == number)
        whole = _Part(span.word, span.start, span.end, own)
        pieces = list(_PIECES.finditer(span.word))
        if len(pieces) != len(own):  # a word of no Chinese, in several tokens
            parts.append(whole)
            continue
        for piece, token in zip(pieces, own, strict=True):
            start, end = (span.start + at for at in piece.span())
            parts.append(replace(whole, word=piece.group(), start=start, end=end, tokens=(token,)))
    return parts
