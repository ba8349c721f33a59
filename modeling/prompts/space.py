"""What prompts ask of a space that films and sentences share; `modeling.model.shared_space` is one."""

from collections.abc import Sequence
from typing import Any, Protocol

from torch import Tensor

from modeling.configuration import ImageProcessing
from modeling.model.film import Letterbox
from modeling.study import Radiograph


class Region(Protocol):
    """A word of a sentence, from `start` to `end`, and its cosine with each place of a film, (h, w)."""

    word: str
    start: int
    end: int
    places: Any


class Space(Protocol):
    """Films and sentences as unit vectors of one space, (N, S) float32.

    Attributes:
        model: a module; its `scale("film_text")` is what cosines are multiplied with, and its `config` names
            the `sources` that it learnt from.
        processor: belongs to it; the two make the space.
        image: how a film becomes a square.
    """

    model: Any
    processor: Any

    @property
    def image(self) -> ImageProcessing:
        """How a film becomes a square."""
        ...

    def embed_films(self, films: Sequence[Radiograph]) -> Tensor:
        """N films."""
        ...

    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        """N texts."""
        ...

    def unknown_words(self, sentence: str) -> Sequence[str]:
        """The words of a sentence that no text in training had."""
        ...

    def embed_squares(self, squares: Tensor) -> Tensor:
        """(N, h, w) letterboxed films in [0, 1]."""
        ...

    def regions(self, square: Tensor, sentence: str, box: Letterbox) -> Sequence[Region]:
        """Each word of a sentence over a letterboxed film, (1, h, w), the padding cut off."""
        ...
