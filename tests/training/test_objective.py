"""Losses by configuration: focal, weighted and masked labels, film and text in one space."""

import math

import pytest
import torch
from torch.nn import functional

from tests.doubles.toys import toy_processor, toy_study
from training.objective import (
    Outputs,
    SharedSpace,
    claim_loss,
    contrastive_loss,
    mask_words,
    opacity_loss,
    positive_weights,
    task_losses,
    weigh_labels,
)

ONES = {"appearance": torch.ones(4), "findings": torch.ones(14)}
NONE = float("nan")


def findings(*known: tuple[int, float]) -> torch.Tensor:
    label = torch.full((1, 14), NONE)
    for k, value in known:
        label[0, k] = value
    return label


def test_focal_loss_without_gamma_is_cross_entropy() -> None:
    generator = torch.Generator().manual_seed(0)
    logits = {
        "appearance": torch.randn(6, 4, generator=generator),
        "findings": torch.randn(6, 14, generator=generator),
    }
    labels = {
        "appearance": torch.tensor([0, 1, 2, 3, -1, 1]),
        "findings": torch.randint(0, 2, (6, 14), generator=generator).float(),
    }
    plain = task_losses(logits, labels, ONES)
    torch.testing.assert_close(
        plain["findings"], functional.binary_cross_entropy_with_logits(logits["findings"], labels["findings"])
    )
    almost = task_losses(logits, labels, ONES, focal_gamma=1e-9)
    for name, loss in plain.items():
        torch.testing.assert_close(almost[name], loss, rtol=1e-5, atol=1e-6)


def test_focal_loss_weighs_by_what_is_still_wrong() -> None:
    """By hand: (1 - p) ** gamma * -log p, for a class and for a positive and a negative label."""
    p = 0.8
    logit = math.log(p / (1 - p))
    expected = torch.tensor((1 - p) ** 2 * -math.log(p))
    rows = {"findings": torch.zeros(1, 14)}
    rows["findings"][0, 2], rows["findings"][0, 5] = logit, -logit
    loss = task_losses(rows, {"findings": findings((2, 1.0), (5, 0.0))}, ONES, focal_gamma=2.0)["findings"]
    torch.testing.assert_close(loss, expected)
    row = torch.log(torch.tensor([[p, 0.1, 0.05, 0.05]]))
    loss = task_losses({"appearance": row}, {"appearance": torch.tensor([0])}, ONES, focal_gamma=2.0)
    torch.testing.assert_close(loss["appearance"], expected)


def test_a_task_with_few_labels_pulls_no_harder_than_its_labels_do() -> None:
    rows = {"appearance": torch.zeros(8, 4), "grading": torch.zeros(8, 3)}
    rows = {name: row.requires_grad_() for name, row in rows.items()}
    labels = {"appearance": torch.arange(8) % 4, "grading": torch.tensor([2] + [-1] * 7)}
    ones = {"appearance": torch.ones(4), "grading": torch.ones(3)}
    means = task_losses(rows, labels, ones)
    assert weigh_labels(means, labels, {}) == means
    weighed = weigh_labels(means, labels, {"appearance": 1.0, "grading": 2.0})
    torch.testing.assert_close(weighed["appearance"], means["appearance"])
    torch.testing.assert_close(weighed["grading"], means["grading"] * 2 / 8)
    sum(weighed.values()).backward()
    pulls = {name: row.grad[0, labels[name][0]].item() for name, row in rows.items()}
    assert pulls["appearance"] == pytest.approx((0.25 - 1) / 8)
    assert pulls["grading"] == pytest.approx(2 * (1 / 3 - 1) / 8)


@pytest.mark.parametrize("gamma", [0.0, 2.0])
def test_a_label_that_is_not_there_moves_nothing(gamma: float) -> None:
    rows = torch.full((2, 14), 3.0, requires_grad=True)
    label = torch.cat([findings((3, 1.0), (4, 0.0)), findings()])
    task_losses({"findings": rows}, {"findings": label}, ONES, focal_gamma=gamma)["findings"].backward()
    assert set(rows.grad.nonzero()[:, 1].tolist()) == {3, 4} and not rows.grad[1].any()
    classes = torch.zeros(2, 4, requires_grad=True)
    task_losses({"appearance": classes}, {"appearance": torch.tensor([1, -1])}, ONES, focal_gamma=gamma)[
        "appearance"
    ].backward()
    assert classes.grad[0].any() and not classes.grad[1].any()
    assert task_losses({"findings": rows}, {"findings": label[1:]}, ONES, focal_gamma=gamma) == {}


def test_a_weak_label_counts_as_much_as_its_weight() -> None:
    rows = torch.zeros(1, 14, requires_grad=True)
    label, weight = findings((0, 1.0), (1, 1.0), (2, 1.0)), torch.ones(1, 14)
    weight[0, 1], weight[0, 2] = 0.25, 0.0
    loss = task_losses({"findings": rows}, {"findings": label}, {}, label_weights={"findings": weight})
    loss["findings"].backward()
    grad = rows.grad[0]
    torch.testing.assert_close(grad[1] / grad[0], torch.tensor(0.25))
    assert grad[2] == 0 and not grad[3:].any()
    torch.testing.assert_close(loss["findings"].detach(), torch.tensor(2.0).log())


def test_rare_positives_weigh_more() -> None:
    labels = torch.tensor([[1.0, 1.0], [0.0, NONE], [0.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    torch.testing.assert_close(positive_weights(labels, 1.0), torch.tensor([4.0, 1 / 3]))
    torch.testing.assert_close(positive_weights(labels, 0.0), torch.ones(2))


# --- film and text in one space


def outputs(film: torch.Tensor, text: torch.Tensor, paired: torch.Tensor | None = None) -> Outputs:
    both = torch.ones(len(film), dtype=torch.bool) if paired is None else paired
    return Outputs({}, None, functional.normalize(film, dim=1), functional.normalize(text, dim=1), both)


def test_contrastive_loss_is_least_where_each_pair_lies_together() -> None:
    film, patients = torch.eye(6), torch.arange(6)
    scale = torch.tensor(10.0)
    right = contrastive_loss(outputs(film, film), patients, scale)
    wrong = contrastive_loss(outputs(film, film.roll(1, 0)), patients, scale)
    by_hand = -math.log(math.exp(10) / (math.exp(10) + 5))
    torch.testing.assert_close(right, torch.tensor(by_hand), rtol=1e-3, atol=1e-6)
    assert wrong > right + 5


def test_a_study_without_both_takes_no_part() -> None:
    generator = torch.Generator().manual_seed(0)
    film = torch.randn(5, 8, generator=generator, requires_grad=True)
    text = torch.randn(5, 8, generator=generator)
    paired = torch.tensor([True, True, True, False, True])
    loss = contrastive_loss(outputs(film, text, paired), torch.arange(5), torch.tensor(5.0))
    loss.backward()
    assert not film.grad[3].any() and film.grad[0].any()
    without = contrastive_loss(
        outputs(film.detach()[paired], text[paired]), torch.arange(4), torch.tensor(5.0)
    )
    torch.testing.assert_close(loss.detach(), without)
    alone = torch.tensor([True, False, False, False, False])
    assert contrastive_loss(outputs(film, text, alone), torch.arange(5), torch.tensor(5.0)) == 0


def test_another_study_of_one_patient_is_no_negative() -> None:
    film = torch.eye(4)
    text = film.clone()
    film[1], text[1] = film[0], text[0]  # one patient's two studies look alike
    apart = contrastive_loss(outputs(film, text), torch.arange(4), torch.tensor(20.0))
    together = contrastive_loss(outputs(film, text), torch.tensor([0, 0, 1, 2]), torch.tensor(20.0))
    assert together < 1e-4 < 0.3 < apart


def test_the_temperature_is_learnt_and_bounded() -> None:
    space = SharedSpace(8)
    assert space.log_scale.requires_grad and space.scale.item() == pytest.approx(1 / 0.07, rel=1e-4)
    with torch.no_grad():
        space.log_scale.fill_(20.0)
    assert space.scale == 100.0


def test_hidden_words_are_words() -> None:
    processor = toy_processor()
    inputs = processor(toy_study()).inputs
    special = torch.tensor([0, 1, 2, 3, 4])
    generator = torch.Generator().manual_seed(0)
    hidden = mask_words(inputs, 1.0, 4, special, generator)
    was_special = torch.isin(inputs.tokens, special)
    assert torch.equal(hidden.tokens[was_special], inputs.tokens[was_special])
    assert (hidden.tokens[~was_special] == 4).all() and (~was_special).any()
    assert torch.equal(mask_words(inputs, 0.0, 4, special, generator).tokens, inputs.tokens)


def test_claims_are_judged_by_where_they_lie() -> None:
    """Three logits claimed on the drawing, one beside it; some on a Negative film; a film without label."""
    evidence, masks = torch.zeros(3, 4, 2, 2), torch.zeros(3, 8, 8)
    masks[0, :4, :4] = 1.0  # the first of four cells
    evidence[0, 1, 0, 0], evidence[0, 1, 1, 1] = 3.0, 1.0
    evidence[0, 0, 0, 1], evidence[0, 2, 0, 1] = 5.0, 9.0  # for Negative, and for a class that it is not
    evidence[1, 0], evidence[1, 3, 0, 0] = -0.25, 1.25  # against Negative each place claims 0.25
    evidence[2, 1] = 7.0
    found = claim_loss(evidence, torch.tensor([1, 0, -1]), masks)
    false = 0.1 * (4 * 0.25 * 3 + 1.25)
    assert float(found) == pytest.approx((-math.log(3.02 / 4.02) + false) / 3, abs=1e-5)
    unknown = torch.full_like(masks, 255.0)
    assert float(claim_loss(evidence, torch.tensor([1, -1, -1]), unknown)) == 0.0


def test_a_film_without_drawing_teaches_no_opacity_even_where_it_was_moved() -> None:
    """Augmentation leaves corners that were never on the film, and they are 0 as where nobody drew."""
    masks = torch.full((2, 8, 8), 255.0)
    masks[:, 0, 0] = 0.0
    logits = torch.zeros(2, 2, 2, requires_grad=True)
    assert float(opacity_loss(logits, masks)) == 0.0
    masks[1] = 0.0
    assert float(opacity_loss(logits, masks)) == pytest.approx(math.log(2))
