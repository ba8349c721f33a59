"""How often the right partner is among the first k: film and report, film and table, words and films.

Shape letters: N films and their partners, Q queries, R draws.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from evaluation.metrics.bootstrap import as_json, measured, patient_draws

DEPTHS = (1, 5, 10)


def ranks(scores: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Place of the best right answer of each query, 0 the first: (Q, N) scores, (Q, N) bool -> (Q,) int.

    Of equal scores the right one comes last: a constant answer finds nothing.
    """
    best = np.where(right, scores, -np.inf).max(axis=1, keepdims=True)
    return ((scores >= best) & ~right).sum(axis=1)


def recall(scores: np.ndarray, right: np.ndarray) -> dict[str, Any]:
    """Recall at each depth with its interval over queries, its base rate, and the median place from 1."""
    places, draws = ranks(scores, right), patient_draws(np.arange(len(scores)))
    found: dict[str, Any] = {"queries": len(scores), "candidates": scores.shape[1]}
    for depth in DEPTHS:
        hits = (places < depth).astype(np.float64)
        found[f"recall_at_{depth}"] = as_json(measured(lambda w, h=hits: w @ h / w.sum(axis=1), draws))
        found[f"recall_at_{depth}"]["base_rate"] = round(_by_chance(right, depth), 4)
    return found | {"median_place": float(np.median(places)) + 1}


def _by_chance(right: np.ndarray, depth: int) -> float:
    """Recall of a random order: 1 - C(N - m, k) / C(N, k), over the queries' numbers m of right answers."""
    candidates, many = right.shape[1], right.sum(axis=1)
    missed = np.ones(len(right))
    for drawn in range(min(depth, candidates)):
        missed *= np.clip(candidates - many - drawn, 0, None) / (candidates - drawn)
    return float((1 - missed).mean())


def both_ways(
    first: np.ndarray, second: np.ndarray, alike: np.ndarray, names: tuple[str, str], seed: int = 0
) -> dict[str, Any]:
    """N pairs of unit vectors, found from either side; (N, N) bool `alike`: partners that say the same.

    Once only a query's own partner is right, once every one that says the same, once a random order.
    """
    own, scores = np.eye(len(first), dtype=bool), first @ second.T
    chance = np.random.default_rng(seed).random(scores.shape)
    found = {}
    for way, table, same in ((names, scores, alike), (names[::-1], scores.T, alike.T)):
        found[" -> ".join(way)] = {
            "own": recall(table, own),
            "alike": recall(table, same | own),
            "random": recall(chance, own),
        }
    return found


def precision(scores: np.ndarray, right: np.ndarray, depth: int = 10) -> dict[str, Any]:
    """Share of right films among the first k of each sentence, beside how many there are at all."""
    first = np.argsort(-scores, axis=1, kind="stable")[:, :depth]
    hits = np.take_along_axis(right, first, axis=1).mean(axis=1)
    draws = patient_draws(np.arange(len(scores)))
    return {
        "queries": len(scores),
        f"precision_at_{depth}": as_json(measured(lambda w: w @ hits / w.sum(axis=1), draws)),
        "base_rate": round(float(right.mean()), 4),
    }


def same_claims(claims: Sequence[frozenset[str]]) -> np.ndarray:
    """(N, N) bool: which texts say the same."""
    number: Mapping[frozenset[str], int] = {one: n for n, one in enumerate(dict.fromkeys(claims))}
    rows = np.array([number[one] for one in claims])
    return rows[:, None] == rows[None, :]
