"""Two accounts of the modalities side by side: exact Shapley values, and the shares on the path."""

import time
from collections.abc import Mapping, Sequence
from itertools import product

import torch

from modeling.explain.film_logits import Features
from modeling.explain.shapley import Coalition, modality_shapley
from modeling.explain.study_path import StudyPath
from modeling.results import Attribution, ModalityAccount
from modeling.study import Modality

DISAGREES = 0.2
"""Difference of two shares, of the larger summed magnitude, from which they are said to disagree."""

NEGLIGIBLE = 0.05
"""Share of the summed magnitude below which a sign means nothing."""


def modality_account(
    paths: Sequence[StudyPath], attribution: Attribution, features: Features
) -> ModalityAccount:
    """Ask for every coalition of modalities (2^n forward passes, the film's features but twice a path).

    Raises:
        ViewboxError: a logit that is no number.
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
