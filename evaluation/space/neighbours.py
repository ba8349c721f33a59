"""Films that are alike, found by plain cosine, and ranked again by findings that they seem to share.

The query's own labels are never read: which findings it has is asked of the space itself, by sentences. A
candidate stands for a case of the archive, which has a report: its findings are known. Kin in the hierarchy
of findings counts half. The weight of the findings beside the cosine is chosen on other phantoms.

Shape letters: Q queries, N candidates, K findings.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from evaluation.metrics.bootstrap import ahead, as_json, measured, patient_draws
from modeling.model.shared_space import SharedSpace
from training.space.corpus import SpaceRow

GROUPS = {
    "airspace": ("ground glass", "consolidation", "lobar consolidation", "edema"),
    "focal": ("nodule", "mass", "cavity", "miliary nodules"),
    "pleural": ("effusion", "pneumothorax"),
    "cardiac": ("large heart",),
}
"""What stands above the phantoms' findings, as the groups of `modeling/findings` stand above theirs."""
FINDINGS = tuple(name for names in GROUPS.values() for name in names)
_SENTENCES = {
    "ground glass": "Ground-glass opacity.", "consolidation": "Consolidation.",
    "lobar consolidation": "Lobar consolidation.", "edema": "Pulmonary edema.", "nodule": "Solitary nodule.",
    "mass": "Large rounded mass.", "cavity": "Thick-walled cavity.",
    "miliary nodules": "Diffuse miliary nodules.", "effusion": "Pleural effusion.",
    "pneumothorax": "Pneumothorax.", "large heart": "The heart is enlarged.",
}  # fmt: skip
WEIGHTS = (0.0, 0.05, 0.1, 0.2, 0.4, 0.8)


def findings_of(rows: Sequence[SpaceRow]) -> np.ndarray:
    """(N, K) bool."""
    return np.array([[name in row.facts for name in FINDINGS] for row in rows])


def kin() -> np.ndarray:
    """(K, K): 1 for a finding itself, 0.5 for one of the same group."""
    group = np.array([next(g for g, names in GROUPS.items() if f in names) for f in FINDINGS])
    return np.maximum(0.5 * (group[:, None] == group[None, :]), np.eye(len(FINDINGS)))


def presumed(space: SharedSpace, films: np.ndarray) -> np.ndarray:
    """(Q, K) findings as the space sees them: how far above its usual likeness each film's sentence lies, in
    standard deviations, squashed to 0 to 1."""
    sentences = space.embed_texts([_SENTENCES[name] for name in FINDINGS]).numpy()
    likeness = films @ sentences.T
    score = (likeness - likeness.mean(axis=0)) / likeness.std(axis=0).clip(1e-6)
    return 1 / (1 + np.exp(-2 * (score - 1)))


def gain_of(rows: Sequence[SpaceRow]) -> np.ndarray:
    """(N, N) overlap of two films' claims about opacities and heart, |A and B| / |A or B|; 0 on the diagonal.

    Truth to rank by: findings with their zones, which are finer than what the re-ranking is told.
    """
    said = (frozenset().union(*(s.facts for s in row.statements if s.opacity)) for row in rows)
    own = [facts | row.facts & {"large heart"} for facts, row in zip(said, rows, strict=True)]
    gain = np.array([[len(a & b) / max(len(a | b), 1) for b in own] for a in own])
    np.fill_diagonal(gain, 0)
    return gain


def ranked_again(space: SharedSpace, films: np.ndarray, rows: Sequence[SpaceRow]) -> dict[float, np.ndarray]:
    """Weight of the findings -> (Q, N) scores; 0 is plain cosine."""
    cosine, given = films @ films.T, findings_of(rows) @ kin()
    told = presumed(space, films) @ (given / np.linalg.norm(given, axis=1, keepdims=True).clip(1e-6)).T
    return {weight: cosine + weight * told for weight in WEIGHTS}


def compare(
    space: SharedSpace,
    validation: tuple[np.ndarray, Sequence[SpaceRow]],
    test: tuple[np.ndarray, Sequence[SpaceRow]],
) -> dict[str, Any]:
    """nDCG at 10 of plain cosine, of re-ranking and of a random order, on films with a finding."""
    known, with_one = gain_of(validation[1]), _with_finding(validation[1])
    tried = ranked_again(space, *validation)
    chosen = max(tried, key=lambda weight: float(_ndcg(tried[weight], known)[with_one].mean()))
    films, rows = test
    gain, kept = gain_of(rows), _with_finding(rows)
    scores = ranked_again(space, films, rows)
    ways = {
        "plain cosine": scores[0.0],
        "shared findings and hierarchy": scores[chosen],
        "random": np.random.default_rng(0).random(gain.shape),
    }
    draws = patient_draws(np.arange(int(kept.sum())))
    found = {name: _ndcg(one, gain)[kept] for name, one in ways.items()}

    def mean(values: np.ndarray) -> Any:
        return lambda w: w @ values / w.sum(axis=1)

    return {
        "weight": chosen,
        "queries": int(kept.sum()),
        "ndcg_at_10": {name: as_json(measured(mean(values), draws)) for name, values in found.items()},
        "ahead": ahead(mean(found["shared findings and hierarchy"]), mean(found["plain cosine"]), draws),
    }


def _with_finding(rows: Sequence[SpaceRow]) -> np.ndarray:
    return findings_of(rows).any(axis=1)


def _ndcg(scores: np.ndarray, gain: np.ndarray, depth: int = 10) -> np.ndarray:
    """(Q,) of each query, itself aside; 0 where nothing shares anything with it."""
    scores = np.array(scores)
    np.fill_diagonal(scores, -np.inf)
    first = np.argsort(-scores, axis=1, kind="stable")[:, :depth]
    discount = 1 / np.log2(np.arange(2, depth + 2))
    reached = (np.take_along_axis(gain, first, axis=1) * discount).sum(axis=1)
    best = (-np.sort(-gain, axis=1)[:, :depth] * discount).sum(axis=1)
    return np.divide(reached, best, out=np.zeros_like(reached), where=best > 0)
