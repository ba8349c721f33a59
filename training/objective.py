"""The training objective: a masked loss a task, a dense loss on opacities, an image-text contrastive loss.

Shape letters: B studies, K classes, C channels, D width, S width of the shared space.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from modeling.labels import APPEARANCE, TASKS, Task
from modeling.model.encoders import Encoded
from modeling.model.fusion import FusionModel
from modeling.model.processing import ModelInputs

_LEAST_CLAIM, _FALSE_CLAIM = 0.02, 0.1
"""Logits: claims below the first are not judged; what a logit claimed on a Negative film costs."""
SHARED_WIDTH = 64
FIRST_TEMPERATURE, LARGEST_SCALE = 0.07, 100.0
"""As in CLIP (Radford et al., ICML 2021)."""


@dataclass(frozen=True, eq=False)
class Outputs:
    """The outputs of one pass."""

    logits: dict[str, Tensor]  # task -> B K
    opacity: Tensor | None = None  # B h' w' logits where there is a dense head
    film: Tensor | None = None  # B S unit vectors in the shared space
    text: Tensor | None = None  # B S
    paired: Tensor | None = None  # B bool, studies that have both
    evidence: Tensor | None = None  # B K h' w' what each place adds to each logit of the appearance


class SharedSpace(nn.Module):
    """Film and text of one study as unit vectors that should lie together, with a learnt temperature."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.film = nn.Linear(width, SHARED_WIDTH)
        self.text = nn.Linear(width, SHARED_WIDTH)
        self.log_scale = nn.Parameter(torch.tensor(math.log(1 / FIRST_TEMPERATURE)))

    @property
    def scale(self) -> Tensor:
        """1 / temperature, at most `LARGEST_SCALE`."""
        return self.log_scale.exp().clamp(max=LARGEST_SCALE)

    def forward(self, film: Encoded, text: Encoded) -> tuple[Tensor, Tensor, Tensor]:
        """Two modalities -> (B, S), (B, S) and (B,) bool: which studies have both."""
        film_side = functional.normalize(self.film(film.vector), dim=1)
        text_side = functional.normalize(self.text(text.vector), dim=1)
        return film_side, text_side, film.given & text.given


class TrainedModel(nn.Module):
    """A FusionModel and what it has in training only: a dense head for opacities, a shared space.

    An encoder that pools by evidence has the dense head already, as part of the model.
    """

    def __init__(
        self, model: FusionModel, dense: bool, contrastive: bool = False, claims: bool = False
    ) -> None:
        super().__init__()
        self.model, self.claims = model, claims
        own = model.encoders["image"].evidence if dense else None
        self.opacity = None
        if dense:
            self.opacity = nn.Conv2d(model.encoders["image"].channels, 1, 1) if own is None else own
        self.shared = SharedSpace(model.config.width) if contrastive else None

    def forward(self, inputs: ModelInputs) -> Outputs:
        """Logits of each task, and what the further losses need."""
        embedded, features, opacity, evidence = self.model.embed(inputs), None, None, None
        if self.opacity is not None or self.claims:
            features = self.model.encoders["image"].feature_map(embedded.image)
        if self.opacity is not None:
            opacity = self.opacity(features)[:, 0]
        if self.claims:
            evidence = self.model.class_evidence(APPEARANCE, features)
        encoded = self.model.encode(embedded, inputs, features)
        logits = self.model.decide(encoded)
        if self.shared is None:
            return Outputs(logits, opacity, evidence=evidence)
        return Outputs(logits, opacity, *self.shared(encoded["image"], encoded["text"]), evidence)


def class_weights(counts: Tensor, exponent: float) -> Tensor:
    """(K,) weights proportional to 1 / count ** exponent, with mean 1 over the labelled films."""
    weights = counts.clamp(min=1).double() ** -exponent
    return (weights * counts.sum() / (weights * counts).sum().clamp(min=1e-9)).float()


def positive_weights(labels: Tensor, exponent: float) -> Tensor:
    """(K,) weights of positives, (negatives / positives) ** exponent, for (N, K) of 0, 1 and NaN for none."""
    positives, negatives = (labels == 1).sum(dim=0), (labels == 0).sum(dim=0)
    return (negatives.clamp(min=1) / positives.clamp(min=1)).float() ** exponent


def task_losses(
    logits: Mapping[str, Tensor],
    labels: Mapping[str, Tensor],
    weights: Mapping[str, Tensor],
    label_smoothing: float = 0.0,
    focal_gamma: float = 0.0,
    label_weights: Mapping[str, Tensor] | None = None,
    tasks: Iterable[Task] = TASKS.values(),
) -> dict[str, Tensor]:
    """Mean loss of each task over the labels of the batch; a missing label is no label, never a negative.

    `labels`: task -> (B,) class numbers, -1 for none; or (B, K) of 0, 1 and NaN for none (multilabel).
    `weights`: task -> (K,) of its classes; for a multilabel task of its positives. `label_smoothing`: for
    softmax tasks. `focal_gamma` weighs a label by (1 - p) ** gamma of the probability p that it was given
    (focal loss, Lin et al., ICCV 2017), for softmax and multilabel tasks; 0 is the plain (binary)
    cross-entropy. `label_weights`: multilabel task -> (B, K) how much each label counts, else 1. `tasks`: the
    label spaces of those that have logits.
    """
    losses, kinds = {}, {task.name: task.kind for task in tasks}
    for name, rows in logits.items():
        label, kind = labels[name], kinds[name]
        if kind == "multilabel":
            if not label.isnan().all():
                counted = (label_weights or {}).get(name)
                losses[name] = _multilabel_loss(rows, label, weights.get(name), counted, focal_gamma)
        elif (label >= 0).any():
            form = (label_smoothing, focal_gamma) if kind == "softmax" else (0.0, 0.0)
            losses[name] = _class_loss(rows, label, weights[name].to(rows), *form)
    return losses


def weigh_labels(
    losses: dict[str, Tensor], labels: Mapping[str, Tensor], weights: Mapping[str, float]
) -> dict[str, Tensor]:
    """Make a task count by its labels in the batch instead of as a whole.

    A mean over the two graded films of a batch is as large as one over its thirty other films: their labels
    would count fifteen times as much, and the clipped step would be mostly theirs. Tasks without one of the
    `weights`, task -> how much one of its labels counts, stay as they are.
    """
    shares = {name: float((labels[name] >= 0).float().mean()) for name in losses if name in weights}
    return {
        name: loss * weights[name] * shares[name] if name in shares else loss for name, loss in losses.items()
    }


def _class_loss(rows: Tensor, label: Tensor, weight: Tensor, smoothing: float, gamma: float) -> Tensor:
    if gamma == 0:
        return functional.cross_entropy(
            rows, label, weight=weight, ignore_index=-1, label_smoothing=smoothing
        )
    rows, label = rows[label >= 0], label[label >= 0]
    losses = functional.cross_entropy(rows, label, weight=weight, label_smoothing=smoothing, reduction="none")
    given = rows.softmax(dim=1).gather(1, label[:, None])[:, 0]
    return ((1 - given) ** gamma * losses).sum() / weight[label].sum()


def _multilabel_loss(
    rows: Tensor, label: Tensor, positive: Tensor | None, counted: Tensor | None, gamma: float
) -> Tensor:
    """(B, K) logits and labels -> the weighted mean over the known labels."""
    known = ~label.isnan()
    target = torch.where(known, label, 0.0)
    losses = functional.binary_cross_entropy_with_logits(
        rows, target, pos_weight=None if positive is None else positive.to(rows), reduction="none"
    )
    if gamma > 0:
        given = torch.where(target == 1, rows, -rows).sigmoid()
        losses = (1 - given) ** gamma * losses
    share = known.to(rows) if counted is None else known * counted.to(rows)
    return (losses * share).sum() / share.sum().clamp(min=1e-9)


def contrastive_loss(outputs: Outputs, patients: Tensor, scale: Tensor) -> Tensor:
    """Symmetric InfoNCE over the studies that have both film and text (van den Oord et al. 2018).

    Another study of one of the (B,) patients is no negative. `scale` is 1 / temperature.
    """
    both = outputs.paired
    film, text, patient = outputs.film[both], outputs.text[both], patients[both]
    if len(film) < 2:
        return (outputs.film.sum() + outputs.text.sum()) * 0.0
    similar = scale * film @ text.T  # B' B'
    own = torch.eye(len(film), dtype=torch.bool, device=film.device)
    similar = similar.masked_fill((patient[:, None] == patient[None]) & ~own, -torch.inf)
    target = torch.arange(len(film), device=film.device)
    return (functional.cross_entropy(similar, target) + functional.cross_entropy(similar.T, target)) / 2


def opacity_loss(logits: Tensor, masks: Tensor) -> Tensor:
    """Binary cross-entropy of (B, h', w') logits against the share of each cell inside a box.

    `masks`: (B, h, w), 1 inside a box, 0 outside, 255 for films without boxes.
    """
    known = masks.amax(dim=(1, 2)) != 255  # any place: a moved film has corners that were never on it
    if not known.any():
        return logits.sum() * 0.0
    return functional.binary_cross_entropy_with_logits(
        logits[known], _covered(masks[known], logits.shape[1:])
    )


def _covered(masks: Tensor, cells: tuple[int, int]) -> Tensor:
    """(B, h, w) -> (B, h', w') the share of each cell that lies inside an opacity."""
    return functional.adaptive_avg_pool2d(masks[:, None], cells)[:, 0].clamp(0, 1)


def claim_loss(evidence: Tensor, labels: Tensor, masks: Tensor) -> Tensor:
    """How much of what speaks for opacities is said by places where nobody drew one.

    What a place adds to a class's logit beyond what it adds to that of Negative, class 0, is a claim. Where
    opacities are drawn, the share of the film's own claims that lies on them should be 1: -log of it. On a
    Negative film no place should claim anything, for any class. Evidence is supervised instead of gradients
    (explanation supervision; right for the right reasons, Ross et al., IJCAI 2017), so one pass is enough.

    Mean over the batch; a film without label or drawing counts 0. `evidence`: (B, K, h', w') in logits.
    `labels`: (B,) class numbers, -1 for none. `masks`: (B, h, w), 1 inside an opacity, 0 outside, 255 for
    films without boxes.
    """
    claims = (evidence - evidence[:, :1]).clamp(min=0)  # B K h' w'
    drawn = (labels > 0) & (masks.amax(dim=(1, 2)) == 1)
    own = claims[drawn, labels[drawn]]  # B' h' w'
    inside = (own * _covered(masks[drawn], own.shape[1:])).sum(dim=(1, 2)) + _LEAST_CLAIM
    off = -(inside / (own.sum(dim=(1, 2)) + _LEAST_CLAIM)).log()
    false = _FALSE_CLAIM * claims[labels == 0].sum(dim=(1, 2, 3))
    return (off.sum() + false.sum()) / len(labels)


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
    table_given = {"numeric": inputs.numeric * known, "category": inputs.category * known, "known": known}
    return replace(inputs, image_given=image_given, token_mask=text, **table_given)


def mask_words(
    inputs: ModelInputs, share: float, mask_id: int, special: Tensor, generator: torch.Generator
) -> ModelInputs:
    """Some tokens, none of the special ones, become [MASK], so that no word may carry everything."""
    chosen = torch.rand(inputs.tokens.shape, generator=generator) < share
    chosen &= inputs.token_mask & ~torch.isin(inputs.tokens, special)
    return replace(inputs, tokens=torch.where(chosen, mask_id, inputs.tokens))
