"""Image, table and text encoders; building one never downloads anything.

Shape letters: B studies, C channels of the backbone, P patches, F fields, T tokens, D width.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from modeling.configuration import ImageEncoderConfig, TableEncoderConfig, TextEncoderConfig
from modeling.errors import CheckpointError
from modeling.model.torchvision_schemas import declare_missing_schemas
from modeling.study import CLINICAL_FIELDS

declare_missing_schemas()
import timm  # noqa: E402  (needs torchvision's schemas)


@dataclass(frozen=True, eq=False)
class Encoded:
    """One modality after its encoder.

    Attributes:
        vector: (B, D).
        sequence: (B, S, D): patches, fields or tokens.
        mask: (B, S) bool, True where the sequence holds something.
        given: (B,) bool, True where the study has this modality.
    """

    vector: Tensor
    sequence: Tensor
    mask: Tensor
    given: Tensor


_EVIDENCE_GAIN = 8.0
"""Opacities cover about an eighth of a film: pooled by evidence, features keep the size of a plain mean."""


def _cut(name: str, stride: int) -> nn.Module:
    """The backbone up to the last stage of that stride, without what comes after.

    Raises:
        CheckpointError: the backbone has no stage of that stride.
    """
    try:
        whole = timm.create_model(name, pretrained=False, features_only=True, feature_cls="getter")
        stages = [i for i, reduction in enumerate(whole.feature_info.reduction()) if reduction == stride]
        return timm.create_model(
            name, pretrained=False, features_only=True, feature_cls="getter", out_indices=(stages[-1],)
        )
    except (RuntimeError, IndexError) as exc:
        raise CheckpointError(
            "{name} has no feature map of stride {stride}; set 'stride' to 0 in config.json.",
            name=name,
            stride=stride,
        ) from exc


class ImageEncoder(nn.Module):
    """Any timm backbone: film -> feature map -> pooled vector of width D."""

    def __init__(self, config: ImageEncoderConfig, width: int, image_size: int) -> None:
        super().__init__()
        if not timm.is_model(config.name):
            raise CheckpointError(
                "timm has no model '{name}'; choose a name that timm.list_models() shows.", name=config.name
            )
        self.stride = config.stride
        options = {"pretrained": False, "num_classes": 0, "global_pool": ""}
        if self.stride:
            self.backbone = _cut(config.name, self.stride)
            self.channels = self.backbone.feature_info.channels()[-1]
        else:
            try:
                self.backbone = timm.create_model(config.name, img_size=image_size, **options)
            except TypeError:  # convolutional models take any size and no such argument
                self.backbone = timm.create_model(config.name, **options)
            self.channels = self.backbone.num_features
        self.dropout = nn.Dropout(config.dropout)
        self.projection = nn.Linear(self.channels, width)
        self.evidence = None
        if config.pooling == "evidence":
            self.evidence = nn.Conv2d(self.channels, 1, 1)
            nn.init.constant_(self.evidence.bias, -2.0)  # most places of a film show no opacity

    def feature_map(self, image: Tensor) -> Tensor:
        """(B, 3, h, w) -> (B, C, h', w'), whatever layout the backbone uses."""
        if self.stride:
            return self.backbone(image)[-1]
        features = self.backbone.forward_features(image)
        channels = self.channels
        if features.ndim == 4:
            return features if features.shape[1] == channels else features.permute(0, 3, 1, 2)
        patches = features[:, getattr(self.backbone, "num_prefix_tokens", 0) :]  # B P C
        side = round(patches.shape[1] ** 0.5)
        assert side * side == patches.shape[1], patches.shape
        return patches.transpose(1, 2).unflatten(2, (side, side))

    def encode(self, features: Tensor, given: Tensor) -> Encoded:
        """Feature map (B, C, h', w') -> vector and patch sequence."""
        pooled = features.mean(dim=(2, 3))  # B C
        if self.evidence is not None:
            weights = torch.sigmoid(self.evidence(features))  # B 1 h' w'
            pooled = _EVIDENCE_GAIN * (weights * features).mean(dim=(2, 3))
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
        self.mixer = nn.Sequential(
            nn.Linear(count * e, config.hidden),
            nn.GELU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.hidden, width),
        )
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


class TextEncoder(nn.Module):
    """Any transformers encoder built from its configuration; tokens enter as embeddings.

    Attention over tokens as in CAML (Mullenbach et al., NAACL 2018), phrases as in Kim (EMNLP 2014).
    """

    def __init__(self, config: TextEncoderConfig, width: int) -> None:
        super().__init__()
        from transformers import AutoConfig, AutoModel

        options = dict(config.transformers)
        try:
            self.transformer = AutoModel.from_config(
                AutoConfig.for_model(options.pop("model_type"), **options)
            )
        except (ValueError, KeyError, TypeError) as exc:
            raise CheckpointError(
                "transformers cannot build this text encoder; check 'text.transformers' in config.json."
            ) from exc
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
        sequence = self._features(hidden, embedded, attention)
        return Encoded(self._pooled(sequence, attention), sequence, mask, given)

    def _features(self, hidden: Tensor, embedded: Tensor, attention: Tensor) -> Tensor:
        """What the transformer, and the phrase around it, say of each token: (B, T, D)."""
        sequence = self.projection(hidden)
        if self.phrases is None:
            return sequence
        there = attention[..., None]  # what lies behind a text's end is no neighbour
        words = _PHRASE_GAIN * embedded * there
        return sequence + self.phrases(words.transpose(1, 2)).transpose(1, 2)

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
