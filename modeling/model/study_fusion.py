"""StudyModel: one to eight films of a study, its table and its words -> the heads.

A shared film encoder, then a transformer with a class token (or a plain pooling over films, to compare with).

Shape letters: B studies, V films, D width, F fields, T tokens, K classes, h w model.

Sources: a transformer over the parts of a case with masks for what is missing, Zheng et al. 2024 (long-tailed
classification of whole cases); attention over the views of a study, REFERS (Zhou et al., Nature Machine
Intelligence 2022); class token, Devlin et al., NAACL 2019.
"""

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, Self

import torch
from torch import Tensor, nn

from modeling.configuration import (
    Configuration,
    ImageEncoderConfig,
    ProcessorConfig,
    TableEncoderConfig,
    TaskConfig,
    TextEncoderConfig,
    read_json,
)
from modeling.errors import CheckpointError
from modeling.labels import Task
from modeling.model import checkpoint
from modeling.model.encoders import Encoded, ImageEncoder, TableEncoder, TextEncoder
from modeling.model.fusion import Head
from modeling.model.processing import ProcessedStudy, StudyProcessor
from modeling.study import DatedFilm, Study, ViewPosition, checked_films

FilmPooling = Literal["attention", "mean", "max", "random"]
VIEWS = tuple(ViewPosition)
_LONG_AGO = math.log1p(3650.0)


@dataclass(frozen=True)
class StudyFusionConfig(Configuration):
    """`config.json` of a checkpoint that reads studies of several films.

    Attributes:
        pooling: "attention": a class token attends to films, fields and words; "mean", "max": of the films'
            vectors; "random": one film's vector. All know the view and the day of each film.
        layers: of the transformer, for attention.
        views: those of the films that it learnt from; empty where nobody said.
    """

    tasks: tuple[TaskConfig, ...]
    image: ImageEncoderConfig
    table: TableEncoderConfig | None = None
    text: TextEncoderConfig | None = None
    pooling: FilmPooling = "attention"
    layers: int = 2
    width: int = 128
    attention_heads: int = 4
    dropout: float = 0.0
    sources: tuple[str, ...] = ()
    views: tuple[ViewPosition, ...] = ()
    processor_sha256: str = ""
    temperatures: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.tasks:
            raise CheckpointError("A fusion checkpoint has at least one task.")
        if self.width % self.attention_heads:
            raise CheckpointError("The width must be a multiple of the attention heads.")
        if not 1 <= self.layers <= 12:
            raise CheckpointError("A transformer over films has 1 to 12 layers; choose so many.")

    def spec(self, task: str) -> Task:
        """The label space of one of its tasks."""
        return next(one.spec for one in self.tasks if one.name == task)


def is_of_studies(folder: Path) -> bool:
    """Whether a checkpoint's configuration is that of a model of whole studies."""
    try:
        found = read_json(folder / checkpoint.CONFIG_FILE)
    except (OSError, ValueError):
        return False  # whoever loads it says what is wrong
    return isinstance(found, dict) and "pooling" in found


@dataclass(frozen=True, eq=False)
class StudyInputs:
    """A batch of studies as tensors; a study with fewer films than V has places that are not given."""

    films: Tensor  # B V 3 h w float32, normalised
    film_given: Tensor  # B V bool
    view: Tensor  # B V int64, place in `VIEWS`
    days: Tensor  # B V float32, days before the study
    pick: Tensor  # B int64, the film that the pooling "random" reads
    numeric: Tensor  # B F float32
    category: Tensor  # B F int64
    known: Tensor  # B F bool
    tokens: Tensor  # B T int64
    token_mask: Tensor  # B T bool

    def expanded(self, batch: int) -> "StudyInputs":
        """One study so many times, without a copy; its pixels are left out."""
        still = {n: t.expand(batch, *t.shape[1:]) for n, t in vars(self).items() if n != "films"}
        return StudyInputs(films=self.films[:, :, :, :0, :0].expand(batch, -1, -1, -1, -1), **still)

    def with_films(self, given: Tensor) -> "StudyInputs":
        """The same studies with only those films that are (B, V) True; "random" reads the first of them."""
        given = given & self.film_given
        gone = ~given.gather(1, self.pick[:, None])[:, 0]
        return replace(self, film_given=given, pick=torch.where(gone, given.int().argmax(dim=1), self.pick))


@dataclass(frozen=True, eq=False)
class ProcessedFilms:
    """One study of several films ready for the model: its films each, its table and words without one, and
    the clinical fields that the model reads, in its order."""

    inputs: StudyInputs
    films: tuple[ProcessedStudy, ...]
    rest: ProcessedStudy
    fields: tuple[str, ...]


def processed_films(
    processor: StudyProcessor, films: Sequence[DatedFilm], study: Study, generator: torch.Generator
) -> ProcessedFilms:
    """A study's films, and table and words of `study`, whose own film is not read.

    Raises StudyError: the films make no study (`modeling.study.checked_films`).
    """
    films = checked_films(films)
    rest = processor(replace(study, radiograph=None))
    with ThreadPoolExecutor(2) as lanes:  # numpy and PIL let another thread go on: 1.6 times as quick
        read = tuple(lanes.map(lambda film: processor(Study(radiograph=film.radiograph)), films))
    inputs = StudyInputs(
        films=torch.cat([one.inputs.image for one in read])[None],
        film_given=torch.ones(1, len(films), dtype=torch.bool),
        view=torch.tensor([[VIEWS.index(film.radiograph.view_position) for film in films]]),
        days=torch.tensor([[float(film.days_before) for film in films]]),
        pick=torch.randint(len(films), (1,), generator=generator),
        **{n: getattr(rest.inputs, n) for n in ("numeric", "category", "known", "tokens", "token_mask")},
    )
    return ProcessedFilms(inputs, read, rest, tuple(field.name for field in processor.config.table))


@dataclass(frozen=True, eq=False)
class EncodedStudies:
    """Every part of a batch of studies after its encoder: what any choice of films can be answered from."""

    films: Tensor  # B V D, with view and day
    table: Encoded | None
    text: Encoded | None

    def expanded(self, batch: int) -> "EncodedStudies":
        """One study so many times, without a copy."""

        def repeated(one: Encoded | None) -> Encoded | None:
            return one and Encoded(*(t.expand(batch, *t.shape[1:]) for t in vars(one).values()))

        films = self.films.expand(batch, -1, -1)
        return EncodedStudies(films, repeated(self.table), repeated(self.text))


class FilmPlace(nn.Module):
    """What a film is: a vector for its view and one for how long before the study it was taken."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.view = nn.Embedding(len(VIEWS), width)
        self.time = nn.Linear(2, width)

    def forward(self, view: Tensor, days: Tensor) -> Tensor:
        """(B, V) numbers of views and days before -> (B, V, D)."""
        gone_by = torch.stack([(days > 0).float(), torch.log1p(days) / _LONG_AGO], dim=-1)  # B V 2
        return self.view(view) + self.time(gone_by)


class AttentionPooling(nn.Module):
    """A class token over films, clinical fields and words."""

    def __init__(self, config: StudyFusionConfig) -> None:
        super().__init__()
        width = config.width
        self.token = nn.Parameter(torch.randn(width) * 0.02)
        self.kind = nn.Parameter(torch.randn(3, width) * 0.02)  # film, field, word
        layer = nn.TransformerEncoderLayer(
            width,
            config.attention_heads,
            2 * width,
            config.dropout,
            "gelu",
            batch_first=True,
            norm_first=True,
        )
        self.layers = nn.TransformerEncoder(layer, config.layers, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(width)

    def forward(self, encoded: EncodedStudies, inputs: StudyInputs) -> Tensor:
        """-> (B, D), the class token after the last layer."""
        batch = len(inputs.film_given)
        parts = [self.token.expand(batch, 1, -1), encoded.films + self.kind[0]]
        masks = [torch.ones_like(inputs.film_given[:, :1]), inputs.film_given]
        for kind, one in zip(self.kind[1:], (encoded.table, encoded.text), strict=True):
            if one is not None:
                parts.append(one.sequence + kind)
                masks.append(one.mask)
        sequence, mask = torch.cat(parts, dim=1), torch.cat(masks, dim=1)  # B S D, B S
        given = mask.any(
            dim=0
        )  # what no study of the batch has is hidden from all, so it need not be computed
        sequence, mask = sequence[:, given], mask[:, given]
        return self.norm(self.layers(sequence, src_key_padding_mask=~mask)[:, 0])


class PlainPooling(nn.Module):
    """Mean or maximum over the films' vectors, or one film's; beside the table's and the words' vector."""

    def __init__(self, config: StudyFusionConfig) -> None:
        super().__init__()
        self.how, width = config.pooling, config.width
        count = 1 + (config.table is not None) + (config.text is not None)
        self.mix = nn.Sequential(
            nn.Linear(count * width, 2 * width),
            nn.GELU(),
            nn.Dropout(config.dropout),
            nn.Linear(2 * width, width),
        )

    def forward(self, encoded: EncodedStudies, inputs: StudyInputs) -> Tensor:
        """-> (B, D)."""
        given = inputs.film_given[..., None]  # B V 1
        any_film = given.any(dim=1)
        if self.how == "random":
            pooled = encoded.films[torch.arange(len(given)), inputs.pick]
        elif self.how == "mean":
            pooled = (encoded.films * given).sum(1) / given.sum(1).clamp(min=1)
        else:
            pooled = encoded.films.masked_fill(~given, -1e4).amax(dim=1)
        parts = [pooled * any_film]
        parts += [one.vector * one.given[:, None] for one in (encoded.table, encoded.text) if one is not None]
        return self.mix(torch.cat(parts, dim=1))


class StudyModel(nn.Module):
    """Films of a study + clinical table + clinical text -> logits of each task; any may be missing."""

    def __init__(self, config: StudyFusionConfig, processor: ProcessorConfig) -> None:
        """Raises CheckpointError: the configuration and the processor do not go together."""
        super().__init__()
        same = processor.image is not None and bool(config.table) == bool(processor.table)
        if not same or bool(config.text) != bool(processor.text):
            unlike = "The checkpoint's encoders and its processor do not read the same modalities."
            raise CheckpointError(unlike)
        self.config, width = config, config.width
        self.image = ImageEncoder(config.image, width, processor.image.size)
        names = [f.name for f in processor.table]
        self.table = TableEncoder(config.table, names, width) if config.table else None
        self.text = TextEncoder(config.text, width) if config.text else None
        self.place = FilmPlace(width)
        self.pooling = (AttentionPooling if config.pooling == "attention" else PlainPooling)(config)
        self.heads = nn.ModuleDict({task.name: Head(task.spec, width) for task in config.tasks})

    def film_vectors(self, films: Tensor, given: Tensor) -> Tensor:
        """(B, V, 3, h, w) -> (B, V, D), zero where no film is given: each film on its own."""
        there = films[given]  # N 3 h w
        encoded = self.image.encode(self.image.feature_map(there), torch.ones_like(given[given]))
        out = encoded.vector.new_zeros(*given.shape, self.config.width)
        out[given] = encoded.vector
        return out

    def embed(self, inputs: StudyInputs) -> tuple[Tensor | None, Tensor | None]:
        """(B, F, E) fields and (B, T, E') tokens before their encoders; None for one that is not read."""
        fields = self.table.embed(inputs.numeric, inputs.category, inputs.known) if self.table else None
        return fields, self.text.embed(inputs.tokens) if self.text else None

    def encode(
        self, vectors: Tensor, fields: Tensor | None, tokens: Tensor | None, inputs: StudyInputs
    ) -> EncodedStudies:
        """Films' vectors (B, V, D), fields (B, F, E) and tokens (B, T, E') -> all of them encoded."""
        films = vectors + self.place(inputs.view, inputs.days)
        table = self.table.encode(fields, inputs.known) if self.table else None
        text = self.text and self._no_words(inputs)
        if self.text and inputs.token_mask.any():
            text = self.text.encode(tokens, inputs.token_mask)
        return EncodedStudies(films, table, text)

    def _no_words(self, inputs: StudyInputs) -> Encoded:
        batch, width = len(inputs.film_given), self.config.width
        zeros = inputs.numeric.new_zeros
        none = torch.zeros_like(inputs.film_given[:, 0])
        return Encoded(zeros(batch, width), zeros(batch, 0, width), none[:, None][:, :0], none)

    def decide(self, encoded: EncodedStudies, inputs: StudyInputs) -> dict[str, Tensor]:
        """Encoded studies, of which `inputs` says what is given -> task -> (B, K) logits."""
        pooled = self.pooling(encoded, inputs)
        return {name: head(pooled) for name, head in self.heads.items()}

    def forward_embedded(
        self, films: Tensor, fields: Tensor | None, tokens: Tensor | None, inputs: StudyInputs
    ) -> dict[str, Tensor]:
        """Continuous inputs -> task -> (B, K) logits; `inputs` says what is given, and what each film is."""
        vectors = self.film_vectors(films, inputs.film_given)
        return self.decide(self.encode(vectors, fields, tokens, inputs), inputs)

    def forward(self, inputs: StudyInputs) -> dict[str, Tensor]:
        """A batch of studies -> task -> (B, K) logits."""
        return self.forward_embedded(inputs.films, *self.embed(inputs), inputs)

    def save_pretrained(self, folder: Path, processor: StudyProcessor) -> None:
        """Write config, processor and weights."""
        checkpoint.write(folder, self.config, processor, self.state_dict(), {})

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> tuple[Self, StudyProcessor]:
        """The model in evaluation mode and its processor. Raises CheckpointError: as `FusionModel`'s."""
        origin = checkpoint.locate(folder, None, None)
        config = StudyFusionConfig.read(origin.folder / checkpoint.CONFIG_FILE)
        processor = StudyProcessor.load(origin.folder)
        model = cls(config, processor.config)
        checkpoint.load_weights(model, origin)
        return model.eval(), processor
