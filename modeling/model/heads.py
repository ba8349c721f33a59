"""Heads: the fused vector becomes the logits of one task.

Shape letters: B studies, D width, K classes.
"""

import torch
from torch import Tensor, nn

from modeling.labels import Task


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
