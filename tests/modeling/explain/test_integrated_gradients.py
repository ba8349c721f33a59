"""Integrated Gradients on formulas whose attributions are known by hand, and against captum."""

import itertools
import math
from collections.abc import Callable

import pytest
import torch
from captum.attr import IntegratedGradients
from torch import Tensor, nn

from modeling.errors import ExplanationCancelled, ViewboxError
from modeling.explain.integrated_gradients import FIRST_NODES, PathAttribution, integrated_gradients


def last(forward: Callable[..., Tensor], *ends: tuple[Tensor, Tensor], **options: object) -> PathAttribution:
    inputs, baselines = tuple(x for x, _ in ends), tuple(b for _, b in ends)
    return list(integrated_gradients(forward, inputs, baselines, **options))[-1]


def row(*values: float) -> Tensor:
    return torch.tensor([values], dtype=torch.float32)


def bumpy(x: Tensor) -> Tensor:
    """A net of kinks: 64 ReLU units that switch at different places of the path."""
    generator = torch.Generator().manual_seed(3)
    inward, outward = torch.randn(8, 64, generator=generator), torch.randn(64, generator=generator)
    return torch.relu(x.flatten(1) @ inward + torch.linspace(-3, 3, 64)) @ outward


def film(seed: int = 0) -> tuple[Tensor, Tensor]:
    return torch.randn(1, 8, generator=torch.Generator().manual_seed(seed)) * 3, torch.zeros(1, 8)


# --- answers known by hand


def test_linear_is_weight_times_difference() -> None:
    account = last(lambda x: x @ torch.tensor([2.0, -3.0, 0.5]) + 7, (row(1, 2, 4), row(0, 1, 2)))
    assert account.attributions[0].tolist()[0] == pytest.approx([2.0, -3.0, 1.0], abs=1e-6)
    assert (account.output, account.baseline_output) == pytest.approx((5.0, 5.0))
    assert account.total == pytest.approx(0.0, abs=1e-6) and account.relative_delta == 0


def test_a_product_of_modalities_is_shared_in_halves() -> None:
    account = last(
        lambda image, table: image[:, 0] * table[:, 0], (row(3), row(0)), (row(2), row(0)), tolerance=1e-6
    )
    assert [float(a) for a in account.attributions] == pytest.approx([3.0, 3.0], abs=1e-4)


def test_a_saturating_input_still_gets_its_share() -> None:
    """1 - ReLU(1 - x) is flat at x = 2: the plain gradient is 0, the integral is not."""
    account = last(lambda x: 1 - torch.relu(1 - x[:, 0]), (row(2), row(0)), tolerance=0.001)
    assert float(account.attributions[0]) == pytest.approx(1.0, abs=0.01)


def test_a_minimum_is_credited_to_the_part_that_binds() -> None:
    """min(x, y) from (0, 0) to (1, 3): along the straight line x is always the smaller."""
    account = last(lambda x: torch.minimum(x[:, 0], x[:, 1]), (row(1, 3), row(0, 0)))
    # At the baseline both bind and torch shares the gradient: half of the first of 15 pieces' end node.
    assert account.attributions[0].tolist()[0] == pytest.approx([1.0, 0.0], abs=0.06)


def test_a_step_costs_few_nodes_because_they_go_where_it_is() -> None:
    def step(x: Tensor) -> Tensor:
        return torch.sigmoid(200 * (x[:, 0] - 0.37))

    account = last(step, (row(1), row(0)), tolerance=0.01, max_evaluations=64)
    uniform = IntegratedGradients(step).attribute(row(1), row(0), n_steps=64, method="gausslegendre")
    assert account.relative_delta <= 0.01 < abs(float(uniform) - 1)


# --- axioms


@pytest.mark.parametrize("seed", range(5))
def test_it_adds_up_and_says_how_far_not(seed: int) -> None:
    account = last(bumpy, film(seed), tolerance=0.002)
    change = account.output - account.baseline_output
    assert account.convergence_delta == pytest.approx(account.total - change)
    assert account.relative_delta <= 0.002 and account.evaluations <= 256
    assert account.output == pytest.approx(float(bumpy(film(seed)[0])), rel=1e-5)
    assert abs(account.convergence_delta) <= account.piece_error + 1e-4


def test_two_programs_of_one_function_get_one_answer() -> None:
    def other(x: Tensor) -> Tensor:  # relu(z) = z + relu(-z)
        generator = torch.Generator().manual_seed(3)
        inward, outward = torch.randn(8, 64, generator=generator), torch.randn(64, generator=generator)
        z = x.flatten(1) @ inward + torch.linspace(-3, 3, 64)
        return (z + torch.relu(-z)) @ outward

    first, second = last(bumpy, film()), last(other, film())
    assert torch.allclose(first.attributions[0], second.attributions[0], atol=1e-4)


def test_inputs_that_are_treated_alike_get_alike() -> None:
    account = last(lambda x: torch.tanh(x[:, 0] * x[:, 1] + x[:, 0] + x[:, 1]), (row(0.8, 0.8), row(0, 0)))
    a, b = account.attributions[0][0].tolist()
    assert a == pytest.approx(b, abs=1e-6) and a > 0


def test_what_the_target_does_not_read_gets_nothing() -> None:
    account = last(
        lambda image, table: image.sum(dim=(1, 2, 3)),
        (torch.ones(1, 3, 4, 4), torch.zeros(1, 3, 4, 4)),
        (torch.randn(1, 5, 2), torch.zeros(1, 5, 2)),
    )
    assert account.attributions[1].abs().max() == 0 and account.attributions[0].sum() == pytest.approx(48)


def test_nothing_falls_where_input_and_baseline_agree() -> None:
    x, b = film()
    b[:, 2:5] = x[:, 2:5]  # as the letterbox's padding does
    assert last(bumpy, (x, b)).attributions[0][:, 2:5].abs().max() == 0


def test_a_baseline_that_is_the_input_gives_zeros() -> None:
    x, _ = film()
    account = last(bumpy, (x, x.clone()))
    assert account.attributions[0].abs().max() == 0
    assert account.relative_delta == 0 and account.evaluations == FIRST_NODES


def test_a_constant_model_gives_zeros() -> None:
    account = last(lambda x: torch.full((len(x),), 3.0), film())
    assert account.attributions[0].abs().max() == 0 and account.relative_delta == 0


def test_targets_and_films_have_maps_of_their_own() -> None:
    first, other_film = last(bumpy, film(0)).attributions[0], last(bumpy, film(1)).attributions[0]
    other_target = last(lambda x: bumpy(x.flip(1)), film(0)).attributions[0]
    for other in (other_film, other_target):
        assert torch.corrcoef(torch.cat([first, other]))[0, 1] < 0.9


# --- the same as captum, and shapes


def test_equal_nodes_give_captum_s_trapezoid_rule() -> None:
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 1), nn.Flatten(0)
    ).eval()
    x, b = torch.randn(1, 3, 8, 8), torch.zeros(1, 3, 8, 8)
    account = last(net, (x, b), tolerance=0.0, max_evaluations=(steps := FIRST_NODES))
    # captum divides by the number of nodes and halves the ends; ours divides by the number of pieces.
    theirs = IntegratedGradients(net).attribute(x, b, n_steps=steps, method="riemann_trapezoid")
    theirs = theirs * steps / (steps - 1)
    assert account.evaluations == steps
    assert torch.allclose(account.attributions[0], theirs, atol=1e-6)


@pytest.mark.parametrize("names", ["image", "table", "text", "image table text"])
def test_any_subset_of_modalities(names: str) -> None:
    shapes = {"image": (1, 3, 9, 7), "table": (1, 4, 6), "text": (1, 11, 5)}
    generator = torch.Generator().manual_seed(1)
    xs = tuple(torch.randn(shapes[n], generator=generator) for n in names.split())

    def forward(*tensors: Tensor) -> Tensor:
        return torch.tanh(sum(t.flatten(1).mean(dim=1) for t in tensors)).exp()

    account = last(forward, *((x, torch.zeros_like(x)) for x in xs))
    assert [a.shape for a in account.attributions] == [x.shape for x in xs]
    assert account.relative_delta <= 0.01 and not any(a.requires_grad for a in account.attributions)


def test_the_first_account_is_early_and_the_last_the_best() -> None:
    x, b = film(4)
    accounts = list(integrated_gradients(bumpy, (x,), (b,), tolerance=0.0, max_evaluations=100))
    counts = [a.evaluations for a in accounts]
    assert counts[0] == FIRST_NODES and counts[-1] == 100 and counts == sorted(set(counts))
    assert accounts[0].map_change == math.inf and accounts[-1].map_change < accounts[1].map_change
    assert accounts[-1].piece_error < 0.2 * accounts[0].piece_error
    assert all(a.seconds <= b.seconds for a, b in itertools.pairwise(accounts))


# --- budget, progress, bad answers


@pytest.mark.parametrize("budget", [2, 5, 16, 17, 40])
def test_the_budget_and_the_batch_are_kept(budget: int) -> None:
    seen: list[int] = []

    def forward(x: Tensor) -> Tensor:
        seen.append(len(x))
        return bumpy(x)

    account = last(forward, film(), tolerance=0.0, max_evaluations=budget, internal_batch_size=3)
    assert account.evaluations == budget == sum(seen) and max(seen) <= 3


def test_progress_rises_to_one() -> None:
    told: list[float] = []
    last(bumpy, film(), tolerance=0.0, max_evaluations=64, progress=told.append)
    assert told == sorted(told) and told[-1] == 1.0 and len(told) > 3


def test_it_stops_between_batches_when_cancelled() -> None:
    calls: list[int] = []

    def forward(x: Tensor) -> Tensor:
        calls.append(len(x))
        return bumpy(x)

    running = integrated_gradients(
        forward,
        (film()[0],),
        (film()[1],),
        tolerance=0.0,
        internal_batch_size=4,
        cancelled=lambda: len(calls) >= 3,
    )
    assert next(running).evaluations == FIRST_NODES
    with pytest.raises(ExplanationCancelled, match="start it again"):
        list(running)
    assert len(calls) == 3


def test_an_answer_that_is_no_number_is_a_sentence() -> None:
    with pytest.raises(ViewboxError, match="no number for this study; check"):
        last(lambda x: x[:, 0] / 0.0 * 0.0, film())
    nan = torch.full((1, 8), float("nan"))
    with pytest.raises(ViewboxError, match="no number"):
        last(bumpy, (nan, torch.zeros(1, 8)))


def test_a_gradient_that_is_no_number_is_a_sentence() -> None:
    with pytest.raises(ViewboxError, match="gradient is no number"):
        last(lambda x: x.abs().sum(dim=1).sqrt(), film())


def test_a_callable_of_the_wrong_shape_is_our_own_slip() -> None:
    with pytest.raises(AssertionError):
        last(lambda x: x, film())
    with pytest.raises(AssertionError):
        last(bumpy, (torch.zeros(2, 8), torch.zeros(2, 8)))


def test_callers_tensors_are_left_alone() -> None:
    x, b = film()
    last(bumpy, (x, b))
    assert not x.requires_grad and not b.requires_grad and x.grad is None
