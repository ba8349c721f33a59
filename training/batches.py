"""The studies of a run in batches: rows of each side, inputs, labels and their weights.

Two reports may be read as one: a finding is affirmed in the joined text where one of its parts affirms it,
and denied where both deny it. Beside an affirmed finding then stand denials from another report, so that
a model has to see which words deny what; and there are as many joined texts as pairs.

Shape letters: N films, B batch, K classes, T tokens, h w model.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from modeling.labels import APPEARANCE, FINDINGS
from modeling.model.processing import ModelInputs, StudyProcessor
from modeling.model.tokens import Marks
from training.corpora.labelled_film import Film
from training.films import TrainingTensors, augment
from training.masked_language import Corpus, by_length
from training.objective import class_weights, drop_modalities, mask_words, positive_weights
from training.settings import TrainingSettings

_NEGATIVE = APPEARANCE.index("Negative")
_SETTLING = 512
FEWEST_TOKENS = 4
"""A text with fewer has no gap to learn from."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Studies of one step."""

    inputs: ModelInputs
    labels: dict[str, Tensor]  # as `objective.task_losses` takes them
    label_weights: dict[str, Tensor]  # as `objective.task_losses` takes them
    masks: Tensor  # B h w opacities, 255 where unknown
    patients: Tensor  # B number of each study's patient


class Batches:
    """The studies of a run."""

    def __init__(
        self,
        settings: TrainingSettings,
        films: Sequence[Film],
        processor: StudyProcessor,
        data: TrainingTensors,
    ) -> None:
        self.settings, self.processor, self.data = settings, processor, data
        self._sides = [film.split for film in films]
        self._sources = [film.source for film in films]
        self.patients = np.unique([film.patient for film in films], return_inverse=True)[1]
        self.train, self.validation = self._rows("train"), self._rows("validation")
        self._marks = None if processor.tokenizer is None else Marks.of(processor.tokenizer)
        self._special = torch.tensor(() if self._marks is None else self._marks.all)

    def _rows(self, side: str) -> np.ndarray:
        rows = []
        for i, (own, source) in enumerate(zip(self._sides, self._sources, strict=True)):
            if own == side:
                rows += [i] * (self.settings.repeat.get(source, 1) if side == "train" else 1)
        return np.array(rows, np.int64)

    def class_weights(self) -> dict[str, Tensor]:
        """Task -> (K,) weights of its classes, of its positives where it is multilabel."""
        weights, exponent = {}, self.settings.class_balance
        for task, label in self.data.labels.items():
            shown = torch.from_numpy(label[self.train])
            if task.kind == "multilabel":
                weights[task.name] = positive_weights(shown, exponent)
                continue
            counts = torch.bincount(shown[shown >= 0], minlength=len(task.classes))
            weights[task.name] = class_weights(counts, exponent)
        return weights

    def order(self, epoch: int) -> list[int]:
        """The training rows of an epoch; texts without films so that those of a batch are about as long."""
        place = (self.settings.seed, epoch)
        order = np.random.default_rng(place).permutation(self.train)
        if self.processor.config.image is None:
            order = by_length(order, self.data.token_mask.sum(axis=1), self.settings.batch_size, place)
        return order.tolist()

    def inputs(self, rows: np.ndarray, films: Tensor) -> ModelInputs:
        """Model inputs of these films, with pixels given as (B, h, w) in [0, 1]."""
        data = self.data
        longest = int(data.token_mask[rows].sum(axis=1).max(initial=0))
        table = (torch.from_numpy(v[rows]) for v in (data.numeric, data.category, data.known))
        text = (torch.from_numpy(v[rows][:, :longest]) for v in (data.tokens, data.token_mask))
        image = self.processor.normalise(films).contiguous(memory_format=torch.channels_last)
        return ModelInputs(image, torch.from_numpy(data.given[rows]), *table, *text)

    def plain(self, rows: np.ndarray) -> ModelInputs:
        """Model inputs of these films as they are."""
        return self.inputs(rows, torch.from_numpy(self.data.films[rows]).float() / 255.0)

    def some_films(self) -> list[Tensor]:
        """Batches of training films as they are, for batch norm that is settled before the first step."""
        if self.settings.model.image is None or self.settings.model.image.norm == "batch":
            return []
        rows = np.random.default_rng(self.settings.seed).permutation(self.train)[:_SETTLING]
        return [self.plain(part).image for part in np.array_split(rows, max(1, len(rows) // 32))]

    def training(self, rows: Sequence[int], epoch: int) -> Batch:
        """One batch, augmented and with modalities dropped: the same for the same rows and epoch."""
        settings, index = self.settings, np.array(rows)
        generator = torch.Generator().manual_seed(hash((settings.seed, epoch, *rows[:4])) % 2**31)
        films, masks = (torch.from_numpy(v[index]).float() for v in (self.data.films, self.data.masks))
        films = films / 255.0
        gone = torch.zeros(len(index), dtype=torch.bool)
        if self.processor.config.image is not None:
            size = settings.train_size or films.shape[-1]
            films, masks, gone = augment(films, masks, settings.augmentation, size, generator)
        dropout = (settings.table_dropout, settings.field_dropout, settings.image_dropout)
        inputs = drop_modalities(self.inputs(index, films), *dropout, generator)
        both = (self.data.labels, self.data.label_weights)
        labels, weights = ({str(n): torch.from_numpy(v[index]) for n, v in rows.items()} for rows in both)
        seen = labels[APPEARANCE]
        labels[APPEARANCE] = torch.where(gone & (seen > 0), _NEGATIVE, seen)
        if settings.text_joining:
            name, most = FINDINGS, self.processor.config.text.max_tokens
            about = (labels[name], weights[name], settings.text_joining, most, generator)
            inputs, labels[name], weights[name] = join_texts(inputs, *about)
        if settings.word_masking:
            inputs = mask_words(inputs, settings.word_masking, self._marks.mask, self._special, generator)
        return Batch(inputs, labels, weights, masks, torch.from_numpy(self.patients[index]))

    def texts(self) -> Corpus:
        """The training texts, for masked-language modelling."""
        rows = np.unique(self.train)
        rows = rows[self.data.token_mask[rows].sum(axis=1) >= FEWEST_TOKENS]
        return Corpus(
            torch.from_numpy(self.data.tokens[rows]),
            torch.from_numpy(self.data.token_mask[rows]),
            tuple(self._special.tolist()),
            self._marks.mask,
            self.processor.tokenizer.get_vocab_size(),
        )


# --- two reports read as one


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
    """Behind some texts of a batch stands another one of the same batch; labels and weights are (B, K).

    `share`: of the texts that are joined; one whose pair would be longer than `most` tokens stays alone.
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
