"""Exact Shapley values of the modalities: what image, table and text each add, alone and together.

With three modalities there are eight coalitions, so nothing is sampled.

Source: Shapley, A value for n-person games (1953); Harsanyi, A simplified bargaining model (1963) for the
dividends.
"""

import math
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product

import torch

from modeling.errors import ViewboxError
from modeling.explain.maps import Features
from modeling.explain.study_path import StudyPath
from modeling.results import Attribution, ModalityAccount
from modeling.sentence import Names
from modeling.study import Modality

Coalition = frozenset[Modality]
DISAGREES = 0.2
"""Difference of two shares, of the larger summed magnitude, from which they are said to disagree."""

NEGLIGIBLE = 0.05
"""Share of the summed magnitude below which a sign means nothing."""


@dataclass(frozen=True)
class ShapleyValues:
    """How F(all) - F(none) is shared among the modalities, in logits.

    `dividends` are what each coalition adds beyond all coalitions inside it (Harsanyi); they sum to `change`.
    Of one modality: its effect alone; of more: their interaction, positive where they reinforce.
    """

    values: Mapping[Modality, float]  # each one's Shapley value; they sum to `change`
    dividends: Mapping[Coalition, float]
    worth: Mapping[Coalition, float]  # F for every coalition, the empty one included

    @property
    def change(self) -> float:
        """F(all given modalities) - F(none), in logits."""
        return self.worth[frozenset(self.values)] - self.worth[frozenset()]

    @property
    def interactions(self) -> dict[Coalition, float]:
        """The dividends of two and more modalities, in logits."""
        return {c: d for c, d in self.dividends.items() if len(c) > 1}


def modality_shapley(
    value: Callable[[Coalition], float], modalities: Collection[Modality] = tuple(Modality)
) -> ShapleyValues:
    """Ask for the logit of every coalition of the study's modalities, once each, and share the change.

    Raises ViewboxError: no modality, or a logit that is not finite.
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
        no_number = "The model gave no number for {modalities}; check the values and try again."
        raise ViewboxError(no_number, modalities=Names("modality", sorted(coalition) or "no modality"))
    return logit


# --- both accounts of one study


def modality_account(
    paths: Sequence[StudyPath], attribution: Attribution, features: Features
) -> ModalityAccount:
    """Ask for every coalition of modalities (2^n forward passes, the film's features but twice a path).

    Raises ViewboxError: a logit that is no number.
    """
    start = time.perf_counter()
    worths = [_worths(path, features) for path in paths]
    mean = {c: sum(worth[c] for worth in worths) / len(worths) for c in worths[0]}
    found = modality_shapley(mean.__getitem__, paths[0].read)
    return ModalityAccount(
        attribution.target,
        dict(found.values),
        found.interactions,
        found.change,
        disagreeing(found.values, attribution.modality_share.logits),
        time.perf_counter() - start,
    )


def _worths(path: StudyPath, features: Features) -> dict[Coalition, float]:
    """The logit of every coalition: its modalities as given, the others as the baseline has them."""
    present = list(product((False, True), repeat=len(path.read)))  # 2^n rows, one flag a modality
    with torch.inference_mode():
        tensors, maps = [], None
        for i, modality in enumerate(path.read):
            ends = torch.cat([path.baselines[i], path.inputs[i]])
            chosen = torch.tensor([int(row[i]) for row in present], device=ends.device)
            if modality == Modality.IMAGE:
                maps = features(ends)[chosen]
            tensors.append(ends[chosen])
        logits = path.logit(*tensors, features=maps).double().cpu().tolist()
    coalitions = [frozenset(m for m, there in zip(path.read, row, strict=True) if there) for row in present]
    return dict(zip(coalitions, logits, strict=True))


def disagreeing(shapley: Mapping[Modality, float], shares: Mapping[Modality, float]) -> tuple[Modality, ...]:
    """The modalities that the two accounts see with another sign, or differ on by more than `DISAGREES`."""
    size = max(sum(abs(v) for v in shapley.values()), sum(abs(shares[m]) for m in shapley))
    if size <= 1e-6:
        return ()

    def differs(modality: Modality) -> bool:
        one, other = shapley[modality], shares[modality]
        opposite = one * other < 0 and min(abs(one), abs(other)) > NEGLIGIBLE * size
        return opposite or abs(one - other) > DISAGREES * size

    return tuple(m for m in Modality if m in shapley and differs(m))
