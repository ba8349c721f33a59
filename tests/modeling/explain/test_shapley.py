"""Shapley values of games whose answers are known by hand."""

from itertools import permutations

import pytest

from modeling.errors import ViewboxError
from modeling.explain.shapley import Coalition, modality_shapley
from modeling.study import Modality

IMAGE, TABLE, TEXT = Modality


def test_effects_that_add_up_are_their_own_shares() -> None:
    worth = {IMAGE: 2.0, TABLE: -1.0, TEXT: 0.5}
    shares = modality_shapley(lambda given: 3.0 + sum(worth[m] for m in given))
    assert shares.values == pytest.approx(worth)
    assert {m: shares.dividends[frozenset({m})] for m in worth} == pytest.approx(worth)
    assert all(d == pytest.approx(0) for d in shares.interactions.values()) and len(shares.interactions) == 4
    assert shares.change == pytest.approx(1.5)


def test_a_product_is_shared_equally_and_is_all_interaction() -> None:
    factors = {IMAGE: 2.0, TABLE: 3.0, TEXT: 5.0}

    def product(given: Coalition) -> float:
        return 30.0 if given == frozenset(factors) else 0.0

    shares = modality_shapley(product)
    assert list(shares.values.values()) == pytest.approx([10.0, 10.0, 10.0])
    assert shares.dividends[frozenset(Modality)] == pytest.approx(30.0)
    assert all(d == 0 for c, d in shares.dividends.items() if len(c) < 3)


def test_the_glove_game() -> None:
    """One left glove (image), two right ones (table, text): 2/3, 1/6, 1/6."""
    shares = modality_shapley(lambda g: float(IMAGE in g and (TABLE in g or TEXT in g)))
    assert [shares.values[m] for m in Modality] == pytest.approx([2 / 3, 1 / 6, 1 / 6])
    assert shares.dividends[frozenset({IMAGE, TABLE})] == pytest.approx(1.0)
    assert shares.dividends[frozenset(Modality)] == pytest.approx(-1.0)


def test_it_is_the_mean_over_all_orders_of_arrival() -> None:
    worth = {
        c: float((len(c) * 7919 + sum(map(len, c)) ** 2) % 23) for c in modality_shapley(lambda g: 0.0).worth
    }
    shares = modality_shapley(lambda g: worth[g])
    for modality in Modality:
        gains = []
        for order in permutations(Modality):
            before = frozenset(order[: order.index(modality)])
            gains.append(worth[before | {modality}] - worth[before])
        assert shares.values[modality] == pytest.approx(sum(gains) / 6)
    assert sum(shares.values.values()) == pytest.approx(shares.change)
    assert sum(shares.dividends.values()) == pytest.approx(shares.change)


@pytest.mark.parametrize("given", [(IMAGE,), (TEXT, TABLE), tuple(Modality)])
def test_each_coalition_is_asked_once(given: tuple[Modality, ...]) -> None:
    asked: list[Coalition] = []

    def value(coalition: Coalition) -> float:
        asked.append(coalition)
        return float(len(coalition))

    shares = modality_shapley(value, given)
    assert len(asked) == len(set(asked)) == 2 ** len(given)
    assert list(shares.values) == [m for m in Modality if m in given]
    assert list(shares.values.values()) == pytest.approx([1.0] * len(given))


def test_no_modality_or_no_number_is_a_sentence() -> None:
    with pytest.raises(ViewboxError, match="give a film, a table or a text"):
        modality_shapley(lambda g: 0.0, ())
    with pytest.raises(ViewboxError, match="no number for image; check"):
        modality_shapley(lambda g: float("nan") if g == {IMAGE} else 0.0)
