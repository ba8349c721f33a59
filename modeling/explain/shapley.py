"""Exact Shapley values of the modalities: what image, table and text each add, alone and together.

With three modalities there are eight coalitions, so nothing is sampled.

Source: Shapley, A value for n-person games (1953); Harsanyi, A simplified bargaining model (1963) for the
dividends.
"""

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from itertools import combinations

from modeling.errors import ViewboxError
from modeling.sentence import Names
from modeling.study import Modality

Coalition = frozenset[Modality]


@dataclass(frozen=True)
class ShapleyValues:
    """How F(all) - F(none) is shared among the modalities, in logits.

    Attributes:
        values: the Shapley value of each modality; they sum to `change`.
        dividends: what each coalition of one or more modalities adds beyond all coalitions inside it
            (Harsanyi); they sum to `change` too. Of one modality: its effect alone. Of two or three: their
            interaction, positive where they reinforce each other.
        worth: F for every coalition, the empty one included.
    """

    values: Mapping[Modality, float]
    dividends: Mapping[Coalition, float]
    worth: Mapping[Coalition, float]

    @property
    def change(self) -> float:
        """F(all given modalities) - F(none), in logits."""
        return self.worth[frozenset(self.values)] - self.worth[frozenset()]

    @property
    def interactions(self) -> dict[Coalition, float]:
        """The dividends of two and more modalities, in logits."""
        return {c: d for c, d in self.dividends.items() if len(c) > 1}

    @property
    def alone(self) -> dict[Modality, float]:
        """What each modality adds when it is the only one, in logits."""
        return {m: self.dividends[frozenset({m})] for m in self.values}


def modality_shapley(
    value: Callable[[Coalition], float], modalities: Collection[Modality] = tuple(Modality)
) -> ShapleyValues:
    """Ask for the logit of every coalition of modalities, once each, and share the change.

    Args:
        value: a coalition -> the target's logit with only those modalities given; asked 2^n times.
        modalities: those that the study holds; at least one.

    Raises:
        ViewboxError: no modality, or a logit that is not finite.
    """
    players = tuple(m for m in Modality if m in modalities)
    if not players:
        raise ViewboxError("There is no modality to share the answer among; give a film, a table or a text.")
    worth = {coalition: _finite(value(coalition), coalition) for coalition in _coalitions(players)}
    dividends: dict[Coalition, float] = {}
    for coalition in worth:  # smaller coalitions come first
        if coalition:
            inside = math.fsum(d for part, d in dividends.items() if part < coalition)
            dividends[coalition] = worth[coalition] - worth[frozenset()] - inside
    # A dividend is shared equally by the members of its coalition: that is the Shapley value.
    values = {m: math.fsum(d / len(c) for c, d in dividends.items() if m in c) for m in players}
    return ShapleyValues(values, dividends, worth)


def _coalitions(players: tuple[Modality, ...]) -> list[Coalition]:
    return [frozenset(c) for size in range(len(players) + 1) for c in combinations(players, size)]


def _finite(logit: float, coalition: Coalition) -> float:
    logit = float(logit)
    if not math.isfinite(logit):
        raise ViewboxError(
            "The model gave no number for {modalities}; check the values and try again.",
            modalities=Names("modality", sorted(coalition) or "no modality"),
        )
    return logit
