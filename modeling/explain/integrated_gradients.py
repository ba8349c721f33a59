"""Integrated Gradients over all modalities in one path, refined until the account adds up.

Source: Sundararajan et al., Axiomatic Attribution for Deep Networks, ICML 2017; gradients by captum.

A trained film net bends all along the straight path (its ReLU6 units switch), so a high-order rule gains
nothing. The rule here is the trapezoid: every node serves two pieces and stays when a piece is halved, and a
node's forward pass gives F there for nothing, so each piece knows exactly how far its own account is off. The
next nodes halve the pieces that are off the most.

What that buys stands in docs/maps.md. Left out on purpose: weights fitted so that the
sum meets F(x) - F(baseline). They bring delta to 0 with 16 gradients and the map no nearer to its limit (16 %
off, 14 % without): delta would no longer mean anything.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from modeling.errors import ExplanationCancelled, ViewboxError
from modeling.results import relative_delta

Forward = Callable[..., Tensor]
"""Tensors with a batch in front -> the target's logits (B,); rows must not depend on each other."""

FIRST_NODES = 8
YIELD_AGAIN = 1.5  # a refinement is worth showing once it rests on half as many nodes again


@dataclass(frozen=True, eq=False)
class PathAttribution:
    """One account of F(x) - F(baseline), in logits."""

    attributions: tuple[Tensor, ...]  # one an input, of its shape (1, ...)
    output: float  # F(x)
    baseline_output: float
    evaluations: int  # gradients taken
    seconds: float  # wall time since the start
    piece_error: float = 0.0  # sum over the pieces of |its own delta|: no errors cancel
    map_change: float = math.inf  # how far it moved since the last account, as a share of its L1 magnitude

    @property
    def total(self) -> float:
        """Sum of all attributions."""
        return math.fsum(float(a.sum(dtype=torch.float64)) for a in self.attributions)

    @property
    def convergence_delta(self) -> float:
        """total - (F(x) - F(baseline))."""
        return self.total - (self.output - self.baseline_output)

    @property
    def relative_delta(self) -> float:
        """|convergence delta| over |F(x) - F(baseline)|; 0 where both are negligible."""
        return relative_delta(self.convergence_delta, self.output - self.baseline_output)


def integrated_gradients(
    forward: Forward,
    inputs: tuple[Tensor, ...],
    baselines: tuple[Tensor, ...],
    *,
    tolerance: float = 0.01,
    max_evaluations: int = 256,
    internal_batch_size: int = 2,
    progress: Callable[[float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Iterator[PathAttribution]:
    """Attributions of one study's tensors, the first early, each later one finer; the last is the answer.

    Args:
        forward: (B, ...) tensors, one an input -> (B,) logits of the target.
        inputs, baselines: the path's ends, float (1, ...): film, field and token embeddings (1, N, D).
        tolerance: stop where |delta| is at most this share of |F(x) - F(baseline)|.
        max_evaluations: stop after so many gradients (two or more), kept in memory (0.6 MB each at 224 px).
        internal_batch_size: points on the path per forward pass; on a core, 2 are as quick as 8.
        progress: told the share of the budget that is spent, 0 to 1; 1 at the end.

    Raises:
        ViewboxError: the model answers with something that is not a number.
        ExplanationCancelled: `cancelled`, asked before every forward pass, said so.
    """
    assert max_evaluations >= 2 and internal_batch_size >= 1, (max_evaluations, internal_batch_size)
    path = _Path(forward, inputs, baselines, internal_batch_size, cancelled or (lambda: False))
    tell = progress or (lambda _: None)
    path.visit(np.linspace(0.0, 1.0, min(FIRST_NODES, max_evaluations)))
    account = path.account(None)
    while True:
        budget = max_evaluations - path.evaluations
        finished = path.relative_delta <= tolerance or budget == 0
        if finished and account.evaluations != path.evaluations:
            account = path.account(account)
        tell(1.0 if finished else path.evaluations / max_evaluations)
        if finished or account.evaluations == path.evaluations:
            yield account
        if finished:
            return
        path.visit(path.worst(min(internal_batch_size, budget)))
        if path.evaluations >= YIELD_AGAIN * account.evaluations:
            account = path.account(account)


class _Path:
    """The straight line from baseline to input: what is known at the nodes visited so far."""

    def __init__(
        self,
        forward: Forward,
        inputs: tuple[Tensor, ...],
        baselines: tuple[Tensor, ...],
        batch: int,
        cancelled: Callable[[], bool],
    ) -> None:
        assert len(inputs) == len(baselines) > 0, (len(inputs), len(baselines))
        shapes = [(tuple(x.shape), tuple(b.shape)) for x, b in zip(inputs, baselines, strict=True)]
        assert all(x == b and x[0] == 1 for x, b in shapes), shapes
        assert all(t.is_floating_point() for t in inputs + baselines), "a path needs numbers between"
        self._started = time.perf_counter()
        self._forward, self._batch, self._cancelled = forward, batch, cancelled
        self._inputs = tuple(x.detach() for x in inputs)
        self._baselines = tuple(b.detach() for b in baselines)
        from captum.attr import IntegratedGradients  # brings matplotlib: two seconds before a first answer

        self._gradients = IntegratedGradients(self._checked).gradient_func
        self._last_logits = torch.empty(0)
        # One entry a batch: places on the line, and gradient times (input - baseline), each (n, ...).
        self._parts: list[tuple[np.ndarray, tuple[Tensor, ...]]] = []
        self._places, self._logits, self._slopes = np.empty(0), np.empty(0), np.empty(0)

    @property
    def evaluations(self) -> int:
        """Gradients taken."""
        return len(self._places)

    @property
    def relative_delta(self) -> float:
        """As in `PathAttribution`, from the slopes alone."""
        return relative_delta(float(self._piece_deltas.sum()), float(self._logits[-1] - self._logits[0]))

    @property
    def _piece_deltas(self) -> np.ndarray:
        """(n - 1,) what each piece's trapezoid has too much, in logits."""
        means = (self._slopes[1:] + self._slopes[:-1]) / 2
        return means * np.diff(self._places) - np.diff(self._logits)

    def worst(self, count: int) -> np.ndarray:
        """Middles of the pieces to halve next: a long piece with a small error hides more than a short one.

        By error times length; what other powers of the length cost stands in docs/maps.md.
        """
        urgency = np.abs(self._piece_deltas) * np.diff(self._places)
        chosen = np.sort(np.argsort(-urgency, kind="stable")[:count])
        return (self._places[chosen] + self._places[chosen + 1]) / 2

    def visit(self, places: np.ndarray) -> None:
        """Take the gradient at some places, a batch at a time."""
        for first in range(0, len(places), self._batch):
            if self._cancelled():
                raise ExplanationCancelled("The explanation was stopped; start it again when you like.")
            self._visit_batch(places[first : first + self._batch])

    def _visit_batch(self, places: np.ndarray) -> None:
        points = []
        for x, b in zip(self._inputs, self._baselines, strict=True):
            share = torch.as_tensor(places, dtype=x.dtype, device=x.device).view(-1, *[1] * (x.ndim - 1))
            points.append(torch.lerp(b, x, share).requires_grad_())
        gradients = self._gradients(forward_fn=self._checked, inputs=tuple(points))
        parts = tuple(
            g.detach() * (x - b) for g, x, b in zip(gradients, self._inputs, self._baselines, strict=True)
        )
        slopes = sum(p.flatten(1).sum(dim=1, dtype=torch.float64) for p in parts)
        if not bool(torch.isfinite(slopes).all()):
            raise ViewboxError("The model's gradient is no number for this study; choose another baseline.")
        self._parts.append((places, parts))
        order = np.argsort(np.concatenate([self._places, places]), kind="stable")
        self._places = np.concatenate([self._places, places])[order]
        self._logits = np.concatenate([self._logits, self._last_logits.double().cpu().numpy()])[order]
        self._slopes = np.concatenate([self._slopes, slopes.cpu().numpy()])[order]

    def _checked(self, *tensors: Tensor) -> Tensor:
        logits = self._forward(*tensors)
        assert logits.shape == (tensors[0].shape[0],), (tuple(logits.shape), tuple(tensors[0].shape))
        if not bool(torch.isfinite(logits).all()):
            raise ViewboxError(
                "The model answers with no number for this study; check the film, the table and the text."
            )
        self._last_logits = logits.detach()
        # An input that the target does not read has gradient 0; without this it would be an error.
        return logits + sum(t.flatten(1)[:, 0] * 0.0 for t in tensors)

    def account(self, previous: PathAttribution | None) -> PathAttribution:
        """The trapezoids over all nodes."""
        lengths = np.diff(self._places)
        weights = (np.append(lengths, 0.0) + np.insert(lengths, 0, 0.0)) / 2
        weight_at = dict(zip(self._places.tolist(), weights.tolist(), strict=True))
        totals = [torch.zeros_like(x) for x in self._inputs]
        for places, parts in self._parts:
            for total, part in zip(totals, parts, strict=True):
                w = torch.tensor(
                    [weight_at[p] for p in places.tolist()], dtype=part.dtype, device=part.device
                )
                total += torch.tensordot(w, part, dims=1)
        return PathAttribution(
            tuple(totals),
            float(self._logits[-1]),
            float(self._logits[0]),
            self.evaluations,
            time.perf_counter() - self._started,
            float(np.abs(self._piece_deltas).sum()),
            _change(totals, previous),
        )


def _change(totals: list[Tensor], previous: PathAttribution | None) -> float:
    if previous is None:
        return math.inf
    moved = sum(float((a - b).abs().sum()) for a, b in zip(totals, previous.attributions, strict=True))
    size = sum(float(a.abs().sum()) for a in totals)
    return moved / size if size > 0 else 0.0


def averaged(refinements: Sequence[Iterator[PathAttribution]]) -> Iterator[PathAttribution]:
    """The mean of what several refinements have reached, whenever all of them moved on or ended.

    Their paths end at the same input. Source: expected gradients, Erion et al., Nature Machine Intelligence
    2021: the mean over baselines is an account too, of F(x) - the mean of F(baseline).
    """
    if len(refinements) == 1:
        yield from refinements[0]
        return
    reached: dict[int, PathAttribution] = {}
    running = dict(enumerate(refinements))
    while running:
        for number, refinement in list(running.items()):
            account = next(refinement, None)
            if account is None:
                del running[number]
            else:
                reached[number] = account
        if running:
            yield _mean(list(reached.values()))


def _mean(accounts: Sequence[PathAttribution]) -> PathAttribution:
    count = len(accounts)
    together = zip(*(account.attributions for account in accounts), strict=True)
    return PathAttribution(
        tuple(sum(parts) / count for parts in together),
        math.fsum(a.output for a in accounts) / count,
        math.fsum(a.baseline_output for a in accounts) / count,
        sum(a.evaluations for a in accounts),
        max(a.seconds for a in accounts),
        math.fsum(a.piece_error for a in accounts) / count,
        max(a.map_change for a in accounts),
    )
