"""FusionModel: encoders -> fusion -> heads. Any subset of modalities works.

Shape letters: B studies, D width, S sequence (patches, fields or tokens), K classes.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from modeling.configuration import FusionConfig, ProcessorConfig
from modeling.errors import CheckpointError
from modeling.labels import Task, TaskName
from modeling.model import checkpoint
from modeling.model.encoders import Encoded, ImageEncoder, TableEncoder, TextEncoder
from modeling.model.processing import ModelInputs, StudyProcessor
from modeling.study import Modality

logger = logging.getLogger(__name__)


# --- fusion


class ProductFusion(nn.Module):
    """Element-wise product of 1 + vector over the given modalities: a missing one is the identity."""

    def __init__(self, width: int, count: int, heads: int, dropout: float) -> None:
        super().__init__()

    def forward(self, encoded: list[Encoded]) -> Tensor:
        """Vectors (B, D) of the given modalities -> (B, D)."""
        fused = torch.ones_like(encoded[0].vector)
        for one in encoded:
            fused = fused * (1.0 + one.vector * one.given[:, None])
        return fused


class ConcatFusion(nn.Module):
    """Vectors side by side (zeros where missing), then one hidden layer."""

    def __init__(self, width: int, count: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.mix = nn.Sequential(nn.Linear(count * width, width), nn.GELU(), nn.Dropout(dropout))

    def forward(self, encoded: list[Encoded]) -> Tensor:
        """Vectors (B, D) -> (B, D)."""
        return self.mix(torch.cat([one.vector * one.given[:, None] for one in encoded], dim=1))


class GatedFusion(nn.Module):
    """A weight for each given modality, from all of them (gated multimodal unit, Arevalo et al. 2017)."""

    def __init__(self, width: int, count: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.gate = nn.Linear(count * width, count)

    def forward(self, encoded: list[Encoded]) -> Tensor:
        """Vectors (B, D) -> (B, D); the gates of the given modalities sum to 1."""
        vectors = torch.stack([one.vector * one.given[:, None] for one in encoded], dim=1)  # B M D
        given = torch.stack([one.given for one in encoded], dim=1)  # B M
        scores = self.gate(vectors.flatten(1)).masked_fill(~given, -1e4)
        weights = scores.softmax(dim=1) * given
        return (weights[..., None] * torch.tanh(vectors)).sum(dim=1)


class CrossAttentionFusion(nn.Module):
    """Each modality's sequence attends to the others' (both ways, key masks), then pooled and joined.

    With a feed-forward block each is a layer of a transformer's decoder without attention to itself (Vaswani
    et al., 2017); without one the attention alone.
    """

    def __init__(
        self, width: int, count: int, heads: int, dropout: float, feed_forward: bool = False
    ) -> None:
        super().__init__()
        self.attend = nn.ModuleList(
            nn.MultiheadAttention(width, heads, dropout=dropout, batch_first=True) for _ in range(count)
        )
        self.norm = nn.ModuleList(nn.LayerNorm(width) for _ in range(count))
        self.feed_forward = nn.ModuleList(
            _feed_forward(width, dropout) for _ in range(count if feed_forward else 0)
        )
        self.after = nn.ModuleList(nn.LayerNorm(width) for _ in self.feed_forward)
        self.mix = nn.Sequential(nn.Linear(count * width, width), nn.GELU(), nn.Dropout(dropout))

    def forward(self, encoded: list[Encoded]) -> Tensor:
        """Sequences (B, S, D) -> (B, D)."""
        pooled = []
        for i, one in enumerate(encoded):
            attended = one.sequence
            if len(encoded) > 1:
                attended = attended + self._context(i, encoded)
            weights = one.mask[..., None].to(attended.dtype)
            attended = self.norm[i](attended)
            if self.feed_forward:
                attended = self.after[i](attended + self.feed_forward[i](attended))
            mean = (attended * weights).sum(1) / weights.sum(1).clamp(min=1)  # B D
            pooled.append((mean + one.vector) * one.given[:, None])
        return self.mix(torch.cat(pooled, dim=1))

    def _context(self, i: int, encoded: list[Encoded]) -> Tensor:
        keys = torch.cat([o.sequence for j, o in enumerate(encoded) if j != i], dim=1)  # B S' D
        mask = torch.cat([o.mask for j, o in enumerate(encoded) if j != i], dim=1)  # B S'
        empty = ~mask.any(dim=1)
        if keys.shape[1] == 0:
            return torch.zeros_like(encoded[i].sequence)
        safe = mask.clone()
        safe[empty, :1] = True  # attention over no key at all would be NaN
        out, _ = self.attend[i](encoded[i].sequence, keys, keys, key_padding_mask=~safe, need_weights=False)
        return out * (~empty)[:, None, None]


def _feed_forward(width: int, dropout: float) -> nn.Sequential:
    wide, narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
    return nn.Sequential(wide, nn.GELU(), nn.Dropout(dropout), narrow, nn.Dropout(dropout))


_FUSIONS = {
    "product": ProductFusion,
    "concat": ConcatFusion,
    "gated": GatedFusion,
    "cross_attention": CrossAttentionFusion,
}


# --- heads: the fused vector becomes the logits of one task


class Head(nn.Module):
    """Fused vector -> K logits; softmax and ordinal logits are centred, so that each is identified."""

    def __init__(self, task: Task, width: int) -> None:
        super().__init__()
        self.kind = task.kind
        classes = len(task.classes)
        self.linear = nn.Linear(width, 1 if task.kind == "ordinal" else classes, bias=task.kind != "ordinal")
        if task.kind == "ordinal":  # proportional odds (McCullagh 1980): first threshold, then log steps
            self.threshold = nn.Parameter(torch.tensor([-1.0] + [0.5] * (classes - 2)))

    def forward(self, fused: Tensor) -> Tensor:
        """(B, D) -> (B, K). softmax(logits) are the probabilities, or sigmoid(logits) for multilabel."""
        score = self.linear(fused)
        if self.kind == "multilabel":
            return score
        logits = self._ordinal_logits(score) if self.kind == "ordinal" else score
        return logits - logits.mean(dim=1, keepdim=True)

    def _ordinal_logits(self, score: Tensor) -> Tensor:
        """(B, 1) severity -> (B, K) log p of each class."""
        steps = torch.cat([self.threshold[:1], nn.functional.softplus(self.threshold[1:])])
        above = score - torch.cumsum(steps, 0)  # B K-1: logit of P(class > k)
        log_above = nn.functional.logsigmoid(above)
        log_below = nn.functional.logsigmoid(-above)
        # p_k = P(> k-1) - P(> k) = P(> k-1) P(<= k) (1 - exp(threshold_k-1 - threshold_k))
        gap = torch.log(-torch.expm1(-steps[1:]))
        middle = log_above[:, :-1] + log_below[:, 1:] + gap
        return torch.cat([log_below[:, :1], middle, log_above[:, -1:]], dim=1)


# --- the model


@dataclass(frozen=True, eq=False)
class Embedded:
    """The continuous inputs that an attribution walks along; None for a modality without an encoder."""

    image: Tensor | None  # B 3 h w, normalised
    fields: Tensor | None  # B F E
    tokens: Tensor | None  # B T E'


class FusionModel(nn.Module):
    """Film + clinical table + clinical text -> logits for each task."""

    def __init__(self, config: FusionConfig, processor: ProcessorConfig) -> None:
        """Raises CheckpointError: the configuration and the processor do not go together."""
        super().__init__()
        self.config = config
        width = config.width
        if any(bool(getattr(config, m)) != bool(getattr(processor, m)) for m in Modality):
            unlike = "The checkpoint's encoders and its processor do not read the same modalities."
            raise CheckpointError(unlike)
        self.encoders = nn.ModuleDict()
        if config.image and processor.image:
            self.encoders["image"] = ImageEncoder(config.image, width, processor.image.size)
        if config.table:
            self.encoders["table"] = TableEncoder(config.table, [f.name for f in processor.table], width)
        if config.text:
            self.encoders["text"] = TextEncoder(config.text, width)
        self.fusions = nn.ModuleDict()
        self.heads = nn.ModuleDict()
        for task in config.tasks:
            shape = (width, len(task.modalities), config.attention_heads, config.dropout)
            more = {"feed_forward": True} if config.feed_forward else {}
            if hasattr(self.heads, task.name):  # a method of the dictionary of heads, such as "items"
                raise CheckpointError("A task cannot be named '{name}'; choose another name.", name=task.name)
            self.fusions[task.name] = _FUSIONS[config.fusion](*shape, **more)
            self.heads[task.name] = Head(task.spec, width)
        self.dropout = nn.Dropout(config.dropout)

    def embed(self, inputs: ModelInputs) -> Embedded:
        """Values and ids -> the continuous inputs of `forward_embedded`."""
        image = fields = tokens = None
        if "image" in self.encoders:
            image = inputs.image
        if "table" in self.encoders:
            fields = self.encoders["table"].embed(inputs.numeric, inputs.category, inputs.known)
        if "text" in self.encoders:
            tokens = self.encoders["text"].embed(inputs.tokens)
        return Embedded(image, fields, tokens)

    def encode(
        self, embedded: Embedded, inputs: ModelInputs, features: Tensor | None = None
    ) -> dict[str, Encoded]:
        """Every modality after its encoder; the films' features (B, C, h', w') where the caller has them."""
        encoded = {name: self._absent(inputs) for name in self.encoders}
        if "image" in encoded:
            if features is None and inputs.image_given.any():
                features = self.encoders["image"].feature_map(embedded.image)
            if features is not None:
                encoded["image"] = self.encoders["image"].encode(features, inputs.image_given)
        if "table" in encoded:
            encoded["table"] = self.encoders["table"].encode(embedded.fields, inputs.known)
        if "text" in encoded and inputs.token_mask.any():
            encoded["text"] = self.encoders["text"].encode(embedded.tokens, inputs.token_mask)
        return encoded

    def _absent(self, inputs: ModelInputs) -> Encoded:
        batch, width = inputs.known.shape[0], self.config.width
        zeros = inputs.numeric.new_zeros
        none = torch.zeros(batch, dtype=torch.bool, device=inputs.known.device)
        return Encoded(zeros(batch, width), zeros(batch, 0, width), none[:, None][:, :0], none)

    def forward_embedded(
        self, embedded: Embedded, inputs: ModelInputs, features: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Continuous inputs -> task -> (B, K) logits. `inputs` gives the masks only."""
        return self.decide(self.encode(embedded, inputs, features))

    def decide(self, encoded: Mapping[str, Encoded]) -> dict[str, Tensor]:
        """Every modality after its encoder -> task -> (B, K) logits."""
        logits = {}
        for task in self.config.tasks:
            fused = self.fusions[task.name]([encoded[m] for m in task.modalities])
            logits[str(task.name)] = self.heads[task.name](self.dropout(fused))
        return logits

    def class_evidence(self, task: TaskName, features: Tensor) -> Tensor:
        """A film's features (B, C, h', w') -> (B, K, h', w'), the part of each place in each logit of a task.

        A softmax head over the product fusion of the film alone is linear in the places, so this is the whole
        answer taken apart, but for one constant a class (class activation maps, Zhou et al., CVPR 2016).

        Raises CheckpointError: the task's answer cannot be taken apart so.
        """
        found = next((t for t in self.config.tasks if t.name == task), None)
        film_alone = found is not None and found.modalities == (Modality.IMAGE,)
        if self.config.fusion != "product" or not film_alone or found.spec.kind != "softmax":
            raise CheckpointError("This checkpoint's {task} is no sum over the places of a film.", task=task)
        encoder, weight = self.encoders["image"], self.heads[task].linear.weight
        ask = (weight - weight.mean(dim=0)) @ encoder.projection.weight  # K C
        return functional.conv2d(encoder.shares(features), ask[:, :, None, None])

    def forward(self, inputs: ModelInputs) -> dict[str, Tensor]:
        """A batch of studies -> task -> (B, K) logits."""
        return self.forward_embedded(self.embed(inputs), inputs)

    # --- persistence

    def save_pretrained(
        self, folder: str | Path, processor: StudyProcessor, extra: Mapping[str, str] | None = None
    ) -> None:
        """Write config, processor, safetensors and `extra` text files by name, as a Hub repo holds them."""
        checkpoint.write(Path(folder), self.config, processor, self.state_dict(), extra or {})

    @classmethod
    def from_pretrained(
        cls, path_or_repo: str | Path, *, revision: str | None = None, token: str | None = None
    ) -> tuple[Self, StudyProcessor, checkpoint.Origin]:
        """The model in evaluation mode, the processor that travels with it, and where both came from.

        Raises:
            CheckpointError: in one sentence: not found, unreachable, incomplete, damaged, missing, extra or
                mis-shaped weights, an unknown configuration key, or a processor whose hash differs.
        """
        origin = checkpoint.locate(path_or_repo, revision, token)
        config, processor = checkpoint.read_configuration(origin)
        model = cls(config, processor.config)
        checkpoint.load_weights(model, origin)
        model.eval()
        logger.info("loaded %s at revision %s", origin.name, origin.revision)
        return model, processor, origin
