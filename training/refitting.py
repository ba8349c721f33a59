"""A head fitted once more on the finished network, whose features stay as they are.

Features need more passes over the films than a head with few labels bears: by then it is sure of every film
that it was taught. Fitted last, with a penalty, it keeps what the features say (decoupled training, Kang et
al., ICLR 2020).

Shape letters: N labelled films, D width, K classes.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from modeling.labels import TASKS, TaskName
from modeling.model.fusion import FusionModel, Head
from modeling.model.processing import ModelInputs
from training.objective import task_losses

PENALTY = 50.0
"""On half the squared weights of standardised features, beside the summed loss. A logistic regression on the
features of the film checkpoint with 333, 33 and 3.3 in its place ordered the validation films alike (Spearman
0.74, 0.75 and 0.74 with the experts' extent; the head before refitting 0.64)."""


@torch.inference_mode()
def entering(model: FusionModel, name: TaskName, batches: Iterable[ModelInputs]) -> Tensor:
    """(N, D) what a task's head is given, with nothing dropped."""
    rows: list[Tensor] = []
    hook = model.heads[name].register_forward_pre_hook(lambda _, given: rows.append(given[0].float()))
    try:
        for inputs in batches:
            model.eval()(inputs)
    finally:
        hook.remove()
    return torch.cat(rows)


def refit(
    model: FusionModel, name: TaskName, given: Tensor, labels: Tensor, weights: Tensor, gamma: float = 0.0
) -> None:
    """Fit a softmax or ordinal head anew, from nothing; the same films give the same head.

    `given`: (N, D) from `entering`; labels (N,), weights (K,) of the classes; gamma of the focal loss.
    """
    centre, spread = given.mean(dim=0), given.std(dim=0).clamp(min=1e-6)
    standard = ((given - centre) / spread).clone()
    head = Head(TASKS[name], given.shape[1])
    nn.init.zeros_(head.linear.weight)
    optimizer = torch.optim.LBFGS(head.parameters(), max_iter=300, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        fit = task_losses({name: head(standard)}, {name: labels}, {name: weights}, focal_gamma=gamma)[name]
        total = fit + PENALTY / 2 / len(labels) * head.linear.weight.square().sum()
        total.backward()
        return total

    optimizer.step(loss)
    _unstandardise(head, centre, spread)
    model.heads[name].load_state_dict(head.state_dict())


@torch.no_grad()
def _unstandardise(head: Head, centre: Tensor, spread: Tensor) -> None:
    """A head on standardised features becomes one on the features as they are, (D,) centre and spread."""
    head.linear.weight /= spread
    offset = head.linear.weight @ centre
    if head.linear.bias is None:
        head.threshold[0] += offset[0]
    else:
        head.linear.bias -= offset
