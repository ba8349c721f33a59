"""What is minimised: one masked loss a task, and an auxiliary dense loss on boxes of opacities.

Shape letters: B studies, K classes, C channels.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from modeling.fusion import FusionModel
from modeling.labels import TASKS
from modeling.processing import ModelInputs


class TrainedModel(nn.Module):
    """A FusionModel and what it has in training only: a dense head for opacities (off at inference).

    An encoder that pools by evidence has that head already, as part of the model.
    """

    def __init__(self, model: FusionModel, dense: bool) -> None:
        super().__init__()
        self.model = model
        own = model.encoders["image"].evidence if dense else None
        self.opacity = None
        if dense:
            self.opacity = nn.Conv2d(model.encoders["image"].channels, 1, 1) if own is None else own

    def forward(self, inputs: ModelInputs) -> tuple[dict[str, Tensor], Tensor | None]:
        """Logits of each task, and (B, h', w') opacity logits where there is a dense head."""
        embedded = self.model.embed(inputs)
        if self.opacity is None:
            return self.model.forward_embedded(embedded, inputs), None
        features = self.model.encoders["image"].feature_map(embedded.image)
        return self.model.forward_embedded(embedded, inputs, features), self.opacity(features)[:, 0]


def class_weights(counts: Tensor, exponent: float) -> Tensor:
    """(K,) weights proportional to 1 / count ** exponent, with mean 1 over the labelled films."""
    weights = counts.clamp(min=1).double() ** -exponent
    return (weights * counts.sum() / (weights * counts).sum().clamp(min=1e-9)).float()


def task_losses(
    logits: Mapping[str, Tensor],
    labels: Mapping[str, Tensor],
    weights: Mapping[str, Tensor],
    label_smoothing: float,
) -> dict[str, Tensor]:
    """Mean loss of each task over the films of the batch that have its label.

    Args:
        labels: task -> (B,) class numbers, -1 for none; or (B, K) of 0, 1 and NaN for none (multilabel).
        label_smoothing: for softmax tasks.
    """
    losses = {}
    for name, rows in logits.items():
        label = labels[name]
        kind = TASKS[name].kind
        if kind == "multilabel":
            known = ~label.isnan()
            if known.any():
                losses[name] = functional.binary_cross_entropy_with_logits(rows[known], label[known])
        elif (label >= 0).any():
            losses[name] = functional.cross_entropy(
                rows,
                label,
                weight=weights[name].to(rows),
                ignore_index=-1,
                label_smoothing=label_smoothing if kind == "softmax" else 0.0,
            )
    return losses


def opacity_loss(logits: Tensor, masks: Tensor) -> Tensor:
    """Binary cross-entropy of the opacity map against the share of each cell inside a box.

    Args:
        logits: (B, h', w').
        masks: (B, h, w), 1 inside a box, 0 outside, 255 for films without boxes.
    """
    known = masks[:, 0, 0] != 255
    if not known.any():
        return logits.sum() * 0.0
    share = functional.adaptive_avg_pool2d(masks[known][:, None], logits.shape[1:])[:, 0].clamp(0, 1)
    return functional.binary_cross_entropy_with_logits(logits[known], share)


def drop_modalities(
    inputs: ModelInputs, table: float, field: float, image: float, generator: torch.Generator
) -> ModelInputs:
    """Modality dropout: take away whole tables, single fields, and films that have a table beside them."""
    batch, fields = inputs.known.shape
    keep = torch.rand(batch, fields, generator=generator) >= field
    keep &= (torch.rand(batch, generator=generator) >= table)[:, None]
    known = inputs.known & keep
    text = inputs.token_mask.clone()
    if text.shape[1]:
        text &= (torch.rand(batch, generator=generator) >= table)[:, None]
    other = known.any(dim=1) | text.any(dim=1)
    image_given = inputs.image_given & ~((torch.rand(batch, generator=generator) < image) & other)
    return ModelInputs(
        image=inputs.image,
        image_given=image_given,
        numeric=inputs.numeric * known,
        category=inputs.category * known,
        known=known,
        tokens=inputs.tokens,
        token_mask=text,
    )
