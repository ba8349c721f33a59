"""Two reports read as one: the words of both, and labels that follow from both."""

import torch

from modeling.model.processing import ModelInputs
from training.batches import join_labels, join_texts, join_weights

NONE = float("nan")
CLS, SEP = 2, 3


def inputs(*rows: list[int]) -> ModelInputs:
    longest, count = max(len(row) for row in rows), len(rows)
    tokens = torch.tensor([row + [0] * (longest - len(row)) for row in rows])
    nothing = torch.zeros(count, 0)
    return ModelInputs(
        image=torch.zeros(count, 3, 1, 1),
        image_given=torch.zeros(count, dtype=torch.bool),
        numeric=nothing,
        category=nothing.long(),
        known=nothing.bool(),
        tokens=tokens,
        token_mask=tokens > 0,
    )


def test_a_finding_is_there_where_either_affirms_it_and_gone_where_both_deny_it() -> None:
    first = torch.tensor([[1.0, 1.0, 0.0, 0.0, NONE, NONE]])
    second = torch.tensor([[0.0, NONE, 0.0, NONE, 1.0, NONE]])
    expected = torch.tensor([[1.0, 1.0, 0.0, NONE, 1.0, NONE]])
    for a, b in ((first, second), (second, first)):
        torch.testing.assert_close(join_labels(a, b), expected, equal_nan=True)


def test_a_weight_follows_what_decided() -> None:
    labels = (torch.tensor([[1.0, 1.0, 0.0, 0.0]]), torch.tensor([[1.0, 0.0, 1.0, 0.0]]))
    first, second = torch.tensor([[0.3, 0.4, 0.9, 0.8]]), torch.tensor([[0.7, 0.9, 0.2, 0.5]])
    torch.testing.assert_close(join_weights(first, second, labels), torch.tensor([[0.7, 0.4, 0.2, 0.5]]))


def test_the_words_of_both_stand_one_behind_the_other() -> None:
    rows = ([CLS, 10, 11, SEP], [CLS, 20, SEP], [CLS, 30, 31, 32, SEP], [CLS, 40, SEP])
    batch = inputs(*rows)
    labels = torch.eye(4)
    generator = torch.Generator().manual_seed(1)
    joined, said, counted = join_texts(batch, labels, torch.ones(4, 4), 1.0, 64, generator)
    lengths = joined.token_mask.sum(dim=1)
    changed = 0
    for i, own in enumerate(rows):
        words = joined.tokens[i, : lengths[i]].tolist()
        assert words[: len(own)] == own and words.count(CLS) == 1
        parts = {i}
        if len(words) > len(own):
            changed += 1
            parts |= {k for k, other in enumerate(rows) if words[len(own) :] == other[1:]}
            assert len(parts) == 2
        assert {k for k in range(4) if said[i, k] == 1} == parts
        assert not joined.token_mask[i, lengths[i] :].any() and not joined.tokens[i, lengths[i] :].any()
    assert changed >= 2 and (counted == 1).all()


def test_what_would_be_too_long_or_is_empty_stays_alone() -> None:
    rows = ([CLS, *range(10, 20), SEP], [CLS, *range(20, 30), SEP], [0])
    generator = torch.Generator().manual_seed(0)
    for most in (12, 22):
        batch = inputs(*rows)
        joined, said, _ = join_texts(batch, torch.eye(3), torch.ones(3, 3), 1.0, most, generator)
        assert torch.equal(joined.tokens[:, :12], batch.tokens) and joined.tokens.shape == (3, 12)
        assert torch.equal(said, torch.eye(3))
    joined, said, _ = join_texts(inputs(*rows), torch.eye(3), torch.ones(3, 3), 0.0, 64, generator)
    assert torch.equal(said, torch.eye(3))
