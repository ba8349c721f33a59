"""Image, table and text encoders; building one never downloads anything.

Shape letters: B studies, C channels of the backbone, P patches, F fields, T tokens, D width.
"""

import ctypes
import importlib.util
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from modeling.configuration import ImageEncoderConfig, TableEncoderConfig, TextEncoderConfig
from modeling.errors import CheckpointError
from modeling.model.batch_norm_folding import fold
from modeling.study import CLINICAL_FIELDS

_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_library: torch.library.Library | None = None


def _extension_loads() -> bool:
    spec = importlib.util.find_spec("torchvision")
    if spec is None or spec.origin is None:
        return True
    for extension in Path(spec.origin).parent.glob("_C*.so"):
        try:
            ctypes.CDLL(str(extension))
        except OSError:
            return False
    return True


def declare_missing_schemas() -> None:
    """Declare torchvision's operator schemas, once, only when its native extension cannot be loaded.

    PyPI's torchvision is linked to CUDA: beside a CPU-only torch `import torchvision`, which timm needs for
    plain Python code, ends in "operator torchvision::nms does not exist". Viewbox calls no such operator.
    """
    global _library
    if _library is not None or _extension_loads():
        return
    _library = torch.library.Library("torchvision", "DEF")
    for schema in _SCHEMAS:
        _library.define(schema)


declare_missing_schemas()
import timm  # noqa: E402  (needs torchvision's schemas)


@dataclass(frozen=True, eq=False)
class Encoded:
    """One modality after its encoder."""

    vector: Tensor  # B D
    sequence: Tensor  # B S D: patches, fields or tokens
    mask: Tensor  # B S bool, True where the sequence holds something
    given: Tensor  # B bool, True where the study has this modality


_EVIDENCE_GAIN = 8.0
"""Opacities cover about an eighth of a film: pooled by evidence, features keep the size of a plain mean."""


def _stages(config: ImageEncoderConfig) -> nn.Module:
    """The backbone up to the last stage of the configured stride, or whole with its last two maps."""
    stages: tuple[int, ...] = (-2, -1)
    try:
        if config.stride:
            strides = _timm(config, features_only=True, feature_cls="getter").feature_info.reduction()
            stages = (max(i for i, stride in enumerate(strides) if stride == config.stride),)
        return _timm(config, features_only=True, feature_cls="getter", out_indices=stages)
    except (RuntimeError, ValueError) as exc:
        if config.stride:
            no_stride = "{name} has no feature map of stride {stride}; set 'stride' to 0 in config.json."
            raise CheckpointError(no_stride, name=config.name, stride=config.stride) from exc
        no_pair = "{name} has no two feature maps to join; set 'pyramid' to 0 in config.json."
        raise CheckpointError(no_pair, name=config.name) from exc


def _whole(config: ImageEncoderConfig, image_size: int) -> nn.Module:
    """The backbone without its classifier, for films of that side."""
    try:
        return _timm(config, num_classes=0, global_pool="", img_size=image_size)
    except TypeError:  # convolutional models take any size and no such argument
        return _timm(config, num_classes=0, global_pool="")


def _timm(config: ImageEncoderConfig, **options: Any) -> nn.Module:
    skipped = {"drop_path_rate": config.drop_path} if config.drop_path else {}
    return timm.create_model(config.name, pretrained=False, **options, **skipped)


class ImageEncoder(nn.Module):
    """Any timm backbone: film -> feature map -> pooled vector of width D."""

    def __init__(self, config: ImageEncoderConfig, width: int, image_size: int) -> None:
        super().__init__()
        if not timm.is_model(config.name):
            no_model = "timm has no model '{name}'; choose a name that timm.list_models() shows."
            raise CheckpointError(no_model, name=config.name)
        self.staged = bool(config.stride or config.pyramid)
        self.backbone = _stages(config) if self.staged else _whole(config, image_size)
        channels = self.backbone.feature_info.channels() if self.staged else [self.backbone.num_features]
        if config.norm == "folded":
            film = torch.zeros(2, 3, image_size, image_size)
            self.backbone = fold(self.backbone.eval(), lambda: self.backbone(film)).requires_grad_()
        self.channels = config.pyramid or channels[-1]
        self.joined = nn.ModuleList(nn.Conv2d(c, config.pyramid, 1) for c in channels if config.pyramid)
        self.dropout = nn.Dropout(config.dropout)
        self.projection = nn.Linear(self.channels, width)
        self.evidence = None
        if config.pooling == "evidence":
            self.evidence = nn.Conv2d(self.channels, 1, 1)
            nn.init.constant_(self.evidence.bias, -2.0)  # most places of a film show no opacity

    def feature_map(self, image: Tensor) -> Tensor:
        """(B, 3, h, w) -> (B, C, h', w'), whatever layout the backbone uses."""
        if self.joined:
            fine, coarse = (join(m) for join, m in zip(self.joined, self.backbone(image), strict=True))
            size = fine.shape[2:]
            return functional.relu(fine + functional.interpolate(coarse, size, mode="bilinear"))
        if self.staged:
            return self.backbone(image)[-1]
        features = self.backbone.forward_features(image)
        if features.ndim == 4:
            return features if features.shape[1] == self.channels else features.permute(0, 3, 1, 2)
        patches = features[:, getattr(self.backbone, "num_prefix_tokens", 0) :]  # B P C
        side = round(patches.shape[1] ** 0.5)
        assert side * side == patches.shape[1], patches.shape
        return patches.transpose(1, 2).unflatten(2, (side, side))

    def shares(self, features: Tensor) -> Tensor:
        """(B, C, h', w') -> the same shape: what each place adds to the pooled features, their sum."""
        places = features.shape[2] * features.shape[3]
        if self.evidence is None:
            return features / places
        return torch.sigmoid(self.evidence(features)) * features * (_EVIDENCE_GAIN / places)

    def encode(self, features: Tensor, given: Tensor) -> Encoded:
        """Feature map (B, C, h', w') -> vector and patch sequence."""
        pooled = self.shares(features).sum(dim=(2, 3))  # B C
        vector = self.projection(self.dropout(pooled))  # B D
        sequence = self.projection(features.flatten(2).transpose(1, 2))  # B P D
        mask = given[:, None].expand(-1, sequence.shape[1])
        return Encoded(vector, sequence, mask, given)


class TableEncoder(nn.Module):
    """Clinical fields: each becomes a vector of its own, and "unknown" is one of its values.

    The table's vector is what the fields say beyond an all-unknown table, so that nothing known means
    exactly the zero vector: a missing table and an empty one are the same thing.
    """

    def __init__(self, config: TableEncoderConfig, fields: Sequence[str], width: int) -> None:
        super().__init__()
        count, e = len(fields), config.field_width
        largest = max([len(CLINICAL_FIELDS[name].categories) for name in fields], default=0)
        self.slope = nn.Parameter(torch.randn(count, e) * 0.5)
        self.unknown = nn.Parameter(torch.zeros(count, e))
        self.level = nn.Parameter(torch.randn(count, 1 + largest, e) * 0.5)  # row 0: a known number's offset
        hidden, joined = nn.Linear(count * e, config.hidden), nn.Linear(config.hidden, width)
        self.mixer = nn.Sequential(hidden, nn.GELU(), nn.Dropout(config.dropout), joined)
        self.to_sequence = nn.Linear(e, width)

    def embed(self, numeric: Tensor, category: Tensor, known: Tensor) -> Tensor:
        """(B, F) values -> (B, F, E) field vectors."""
        fields = torch.arange(numeric.shape[1], device=numeric.device)
        value = numeric[..., None] * self.slope + self.level[fields, category]
        return torch.where(known[..., None], value, self.unknown)

    def encode(self, embedded: Tensor, known: Tensor) -> Encoded:
        """Field vectors (B, F, E) -> vector and field sequence."""
        reference = self.mixer(self.unknown.flatten()[None])
        vector = self.mixer(embedded.flatten(1)) - reference
        return Encoded(vector, self.to_sequence(embedded), known, known.any(dim=1))


_PHRASE_GAIN = 15.0
"""A small BERT's token embeddings have a spread of about 0.05, and what its layers make of them about 1."""


_IMPORTING = threading.Lock()
"""Of two threads that import transformers at once, one gets it before its names are there: a checkpoint that
loads while a reader asks in words."""


class TextEncoder(nn.Module):
    """Any transformers encoder built from its configuration; tokens enter as embeddings.

    Attention over tokens as in CAML (Mullenbach et al., NAACL 2018), phrases as in Kim (EMNLP 2014).
    """

    def __init__(self, config: TextEncoderConfig, width: int) -> None:
        super().__init__()
        with _IMPORTING:
            from transformers import AutoConfig, AutoModel

        options = dict(config.transformers)
        chosen = {key: str(value) for key, value in options.items() if key.endswith("_implementation")}
        if kernel := next((key for key, value in chosen.items() if "/" in value), ""):
            code = "'{key}' of the text encoder names code on the Hub, which is never run; leave it out."
            raise CheckpointError(code, key=kernel)
        try:
            built = AutoConfig.for_model(options.pop("model_type"), **options)
            self.transformer = AutoModel.from_config(built)
        except (ValueError, KeyError, TypeError) as exc:
            unbuilt = "transformers cannot build this text encoder; check 'text.transformers' in config.json."
            raise CheckpointError(unbuilt) from exc
        self.pooling = config.pooling
        hidden = self.transformer.config.hidden_size
        self.projection = nn.Linear(hidden, width)
        self.phrases, self.questions = None, None
        if config.phrase:
            entering = self.transformer.get_input_embeddings().embedding_dim
            self.phrases = nn.Conv1d(entering, width, config.phrase, padding=config.phrase // 2)
        if config.pooling == "attention":
            self.questions = nn.Linear(width, config.questions)

    def embed(self, tokens: Tensor) -> Tensor:
        """(B, T) ids -> (B, T, E) token embeddings, before positions are added."""
        return self.transformer.get_input_embeddings()(tokens)

    def encode(self, embedded: Tensor, mask: Tensor) -> Encoded:
        """Token embeddings (B, T, E) -> tokens pooled, and token sequence."""
        given = mask.any(dim=1)
        attention = mask.clone()
        attention[~given, :1] = True  # a row without keys would be NaN; its vector is not used
        hidden = self.transformer(inputs_embeds=embedded, attention_mask=attention.long()).last_hidden_state
        sequence = self.projection(hidden)
        if self.phrases is not None:
            words = _PHRASE_GAIN * embedded * attention[..., None]  # behind a text's end is no neighbour
            sequence = sequence + self.phrases(words.transpose(1, 2)).transpose(1, 2)
        return Encoded(self._pooled(sequence, attention), sequence, mask, given)

    def _pooled(self, sequence: Tensor, attention: Tensor) -> Tensor:
        """(B, T, D) -> (B, D) over the tokens that are there."""
        absent = ~attention[..., None]
        if self.pooling == "max":
            return sequence.masked_fill(absent, -torch.inf).amax(dim=1)
        if self.questions is not None:
            weights = self.questions(sequence).masked_fill(absent, -torch.inf).softmax(dim=1)  # B T Q
            parts = sequence.unflatten(-1, (weights.shape[-1], -1))  # B T Q D/Q
            return torch.einsum("btq,btqd->bqd", weights, parts).flatten(1)
        weights = attention[..., None].to(sequence.dtype)
        return (sequence * weights).sum(1) / weights.sum(1)
