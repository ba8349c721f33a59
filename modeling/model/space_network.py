"""The network of a shared space: film, clinical table and words of a report as unit vectors that meet.

Shape letters: B studies, C channels of the backbone, P places of a film, F fields, T tokens, D width,
S width of the space.

Sources: two encoders and a contrast, CLIP (Radford et al., ICML 2021) and ConVIRT (Zhang et al., 2020); words
against places of a film, GLoRIA (Huang et al., ICCV 2021).
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from modeling.configuration import (
    Configuration,
    ImageEncoderConfig,
    ProcessorConfig,
    TableEncoderConfig,
    TextEncoderConfig,
)
from modeling.errors import CheckpointError
from modeling.model import checkpoint
from modeling.model.encoders import ImageEncoder, TableEncoder, TextEncoder
from modeling.model.processing import StudyProcessor

FIRST_TEMPERATURE, LARGEST_SCALE = 0.07, 100.0
"""As in CLIP."""
LOCAL_SHARPNESS = 10.0
"""How sharply a word attends to the places that it resembles: 1 / GLoRIA's first temperature."""


@dataclass(frozen=True)
class SpaceConfig(Configuration):
    """`config.json` of a checkpoint of a shared space.

    Attributes:
        width: of what stands before the projections; space: of the unit vectors.
        mixing: whether the places of a film attend to each other before they are pooled, or each is taken by
            itself, which is three times as fast.
    """

    image: ImageEncoderConfig
    table: TableEncoderConfig
    text: TextEncoderConfig
    width: int = 128
    space: int = 96
    mixing: bool = True
    attention_heads: int = 4
    dropout: float = 0.0
    sources: tuple[str, ...] = ()
    processor_sha256: str = ""

    def __post_init__(self) -> None:
        if self.width % self.attention_heads:
            raise CheckpointError("The width must be a multiple of the attention heads.")


class FilmTower(nn.Module):
    """A film as one vector, and each of its places as one: places know where on the film they are."""

    def __init__(self, config: SpaceConfig, size: int) -> None:
        super().__init__()
        self.encoder = ImageEncoder(config.image, config.width, size)
        with torch.inference_mode():
            self.grid = self.encoder.eval().feature_map(torch.zeros(1, 3, size, size)).shape[-1]
        self.encoder.train()
        self.register_buffer("centre", torch.zeros(config.space))
        self.place = nn.Parameter(torch.randn(self.grid**2, config.width) * 0.02)
        self.mix = _mixer(config) if config.mixing else _Alone(config.width)
        self.whole = nn.Sequential(nn.LayerNorm(2 * config.width), nn.Linear(2 * config.width, config.space))
        self.local = nn.Sequential(nn.LayerNorm(config.width), nn.Linear(config.width, config.space))

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Feature map (B, C, h', w') -> unit vectors (B, S) of films and (B, P, S) of places."""
        rows = self.encoder.projection(self.encoder.dropout(features.flatten(2).transpose(1, 2)))  # B P D
        places = functional.gelu(rows + self.place)
        mixed = self.mix(places)
        pooled = torch.cat([mixed.mean(dim=1), mixed.amax(dim=1)], dim=1)  # B 2D
        return _centred(_unit(self.whole(pooled)), self.centre), _unit(self.local(places))


def _mixer(config: SpaceConfig) -> nn.Module:
    width, heads = config.width, config.attention_heads
    how = {"batch_first": True, "norm_first": True}
    return nn.TransformerEncoderLayer(width, heads, 2 * width, config.dropout, "gelu", **how)


class _Alone(nn.Module):
    """Each place by itself through a hidden layer: what is there, and where that is."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layer = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.GELU())

    def forward(self, places: Tensor) -> Tensor:
        """(B, P, D) -> (B, P, D)."""
        return places + self.layer(places)


class TextTower(nn.Module):
    """A text as one vector, and each of its tokens as one."""

    def __init__(self, config: SpaceConfig) -> None:
        super().__init__()
        self.register_buffer("centre", torch.zeros(config.space))
        self.encoder = TextEncoder(config.text, config.width)
        self.whole = nn.Sequential(nn.LayerNorm(config.width), nn.Linear(config.width, config.space))
        self.local = nn.Sequential(nn.LayerNorm(config.width), nn.Linear(config.width, config.space))

    def forward(self, tokens: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T) ids and bool -> unit vectors (B, S) of texts and (B, T, S) of tokens."""
        encoded = self.encoder.encode(self.encoder.embed(tokens), mask)
        return _centred(_unit(self.whole(encoded.vector)), self.centre), _unit(self.local(encoded.sequence))


class TableTower(nn.Module):
    """A clinical table as one vector."""

    def __init__(self, config: SpaceConfig, fields: list[str]) -> None:
        super().__init__()
        self.register_buffer("centre", torch.zeros(config.space))
        self.encoder = TableEncoder(config.table, fields, config.width)
        self.whole = nn.Sequential(nn.GELU(), nn.Linear(config.width, config.space))

    def forward(self, numeric: Tensor, category: Tensor, known: Tensor) -> Tensor:
        """(B, F) values -> (B, S) unit vectors."""
        embedded = self.encoder.embed(numeric, category, known)
        return _centred(_unit(self.whole(self.encoder.encode(embedded, known).vector)), self.centre)


def _unit(vectors: Tensor) -> Tensor:
    return functional.normalize(vectors, dim=-1)


def _centred(vectors: Tensor, centre: Tensor) -> Tensor:
    """What sets a vector apart from the mean of its kind: films and texts lie in two narrow cones (Liang et
    al., NeurIPS 2022)."""
    return _unit(vectors - centre)


class SpaceModel(nn.Module):
    """Film, table and text, each as unit vectors of one space, with learnt temperatures."""

    def __init__(self, config: SpaceConfig, processor: ProcessorConfig) -> None:
        """Raises CheckpointError: the processor does not read film, table and text."""
        super().__init__()
        if processor.image is None or not processor.table or processor.text is None:
            raise CheckpointError("A shared space reads film, table and text; its processor must read all.")
        self.config = config
        self.film = FilmTower(config, processor.image.size)
        self.text = TextTower(config)
        self.table = TableTower(config, [field.name for field in processor.table])
        self.log_scale = nn.ParameterDict({
            name: nn.Parameter(torch.tensor(-math.log(FIRST_TEMPERATURE)))
            for name in ("film_text", "film_table", "local")
        })  # fmt: skip

    def scale(self, pair: str) -> Tensor:
        """What cosines of a pair are multiplied with: 1 / the learnt temperature, at most 100."""
        return self.log_scale[pair].exp().clamp(max=LARGEST_SCALE)

    def feature_map(self, image: Tensor) -> Tensor:
        """(B, 3, h, w) normalised films -> (B, C, h', w')."""
        return self.film.encoder.feature_map(image)

    # --- persistence

    def save_pretrained(
        self, folder: Path, processor: StudyProcessor, extra: dict[str, str] | None = None
    ) -> None:
        """Write config, processor, weights and `extra` text files by name."""
        checkpoint.write(folder, self.config, processor, self.state_dict(), extra or {})

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> tuple[Self, StudyProcessor]:
        """The model in evaluation mode and its processor. Raises CheckpointError: as `FusionModel`'s."""
        origin = checkpoint.locate(folder, None, None)
        config = SpaceConfig.read(origin.folder / checkpoint.CONFIG_FILE)
        processor = StudyProcessor.load(origin.folder)
        if processor.config.sha256 != config.processor_sha256:
            another = "The processor of {name} is not the one of its weights; publish both together again."
            raise CheckpointError(another, name=origin.name)
        model = cls(config, processor.config)
        checkpoint.load_weights(model, origin)
        return model.eval(), processor

    def initialised_from(self, encoder: ImageEncoder, *, backbone_alone: bool = False) -> None:
        """Begin with another film encoder, or with its backbone. Raises CheckpointError: of another build."""
        own = self.film.encoder.state_dict()
        wanted = {name for name in own if name.startswith("backbone.") or not backbone_alone}
        taken = {n: v for n, v in encoder.state_dict().items() if n in wanted and own[n].shape == v.shape}
        if len(taken) < len(wanted):
            raise CheckpointError("The film encoder to begin with is of another build than the space's.")
        self.film.encoder.load_state_dict({**own, **taken})


def matches(places: Tensor, tokens: Tensor, mask: Tensor) -> Tensor:
    """How well each text's words find something on each film: (B, P, S), (N, T, S), (N, T) -> (B, N).

    Each word attends to the places that it resembles; a text's match is the mean of its words' likeness
    there.
    """
    likeness = torch.einsum("bps,nts->bntp", places, tokens)
    attended = ((LOCAL_SHARPNESS * likeness).softmax(dim=-1) * likeness).sum(dim=-1)  # B N T
    weight = mask[None].to(attended.dtype)
    return (attended * weight).sum(dim=-1) / weight.sum(dim=-1).clamp(min=1)
