"""A shared space with known answers: "left" and "right" are bright halves of a film, "clear" is its dark.

True tensors and weights, so that whatever forgets its training forgets it here too.
"""

import re
from collections.abc import Sequence
from types import SimpleNamespace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from modeling.configuration import ImageProcessing
from modeling.model.film import Letterbox, letterboxed, resampled
from modeling.study import Radiograph

SIZE, GRID = 64, 8
AXES = ("left", "right", "clear")
FILLING = (
    "opacity", "there", "is", "an", "at", "the", "of", "lung", "zone", "base", "lower", "on", "film", "no",
    "not", "lungs", "are", "in", "and",
)  # fmt: skip
WORDS = (*AXES, *FILLING, "兩", "肺", "清", "晰", "左", "下", "野", "有", "陰", "影", "無", "沒")
_MEANS = {"清": "clear", "晰": "clear", "左": "left"}


def bright(side: str = "left", row: int = 36) -> Radiograph:
    """A dark film with one bright square, in the left or the right half as it is seen."""
    film = np.full((SIZE, SIZE), 40, np.uint8)
    film[row : row + 16, 8 if side == "left" else 40 :][:, :16] = 230
    return Radiograph(film)


class ToyModel(nn.Module):
    """Places weigh their own brightness; words are rows."""

    def __init__(self, hears_no: bool, sources: tuple[str, ...]) -> None:
        super().__init__()
        self.hears_no, self.config = hears_no, SimpleNamespace(sources=sources)
        self.places = nn.Parameter(torch.eye(3, 4))
        rows = torch.full((len(WORDS), 4), 0.01)
        for word, row in zip(WORDS, rows, strict=True):
            if (meaning := _MEANS.get(word, word)) in AXES:
                row[AXES.index(meaning)] = 1.0
        self.rows = nn.Parameter(rows)

    def scale(self, pair: str) -> Tensor:
        assert pair == "film_text"
        return torch.tensor(8.0)

    def film(self, squares: Tensor) -> tuple[Tensor, Tensor]:
        """(N, h, w) -> (N, 4) and (N, P, 4)."""
        cells = functional.avg_pool2d(squares[:, None], SIZE // GRID)[:, 0]  # N 8 8
        half = torch.arange(GRID) < GRID // 2
        parts = torch.stack([cells * half, cells * ~half, (0.3 - cells).clamp(min=0) * 0.02], dim=-1)
        places = parts.flatten(1, 2) @ self.places  # N P 4
        return functional.normalize(places.mean(dim=1), dim=-1), places


class ToySpace:
    """As `modeling.model.shared_space.SharedSpace`."""

    def __init__(self, model: ToyModel | None = None, processor: None = None, **how: object) -> None:
        self.model = model or ToyModel(how.get("hears_no", True), how.get("sources", ("phantom",)))
        self.processor = processor
        self.image = ImageProcessing(size=SIZE)

    def embed_films(self, films: Sequence[Radiograph]) -> Tensor:
        return self.embed_squares(torch.from_numpy(np.stack([letterboxed(f, self.image)[0] for f in films])))

    @torch.inference_mode()
    def embed_squares(self, squares: Tensor) -> Tensor:
        return self.model.film(squares)[0]

    @torch.inference_mode()
    def embed_texts(self, texts: Sequence[str]) -> Tensor:
        rows = []
        for text in texts:
            own = [word for word, _, _ in words_of(text)]
            row = sum(self.model.rows[WORDS.index(word)] for word in own if word in WORDS)
            denied = {"no", "not", "無", "沒"} & {*own}
            rows.append(-row if denied and self.model.hears_no else row)
        return functional.normalize(torch.stack(rows), dim=-1)

    def unknown_words(self, sentence: str) -> tuple[str, ...]:
        return tuple(word for word, _, _ in words_of(sentence) if word not in WORDS)

    @torch.inference_mode()
    def regions(self, square: Tensor, sentence: str, box: Letterbox) -> tuple[SimpleNamespace, ...]:
        places = self.model.film(square)[1][0]
        found = []
        for word, start, end in words_of(sentence):
            number = WORDS.index(word if word in WORDS else "the")
            row = functional.normalize(self.model.rows[number], dim=-1)
            small = (places @ row).reshape(GRID, GRID).numpy()
            whole = box.crop(resampled(small, (box.size, box.size)))
            found.append(SimpleNamespace(word=sentence[start:end], start=start, end=end, places=whole))
        return tuple(found)


def words_of(text: str) -> list[tuple[str, int, int]]:
    """Words, and Chinese characters one by one, in small letters."""
    return [
        (m.group().casefold(), m.start(), m.end()) for m in re.finditer(r"[a-zA-Z]+|[\u3400-\u9fff]", text)
    ]
