"""How good a ranking of similar cases is: P@k, average precision and nDCG per query, and their means.

Shape letters: Q queries, N candidates, K depth.
"""

from collections.abc import Mapping, Sequence

import numpy as np

DEPTHS = (1, 5, 10)
REPLICATES = 500


def gains(headings: Sequence[frozenset[str]]) -> np.ndarray:
    """(N, N) float32: how much two cases' headings overlap, |A and B| / |A or B|; 0 on the diagonal."""
    names = {name: place for place, name in enumerate(sorted(frozenset().union(*headings)))}
    given = np.zeros((len(headings), len(names)), np.float32)
    for row, terms in zip(given, headings, strict=True):
        row[[names[term] for term in terms]] = 1
    both = given @ given.T
    sizes = given.sum(axis=1)
    answer = both / np.maximum(sizes[:, None] + sizes[None, :] - both, 1)
    np.fill_diagonal(answer, 0)
    return answer


def query_measures(scores: np.ndarray, gain: np.ndarray) -> dict[str, np.ndarray]:
    """Measures of every query; NaN for mAP and nDCG where no other case shares anything.

    Args:
        scores: (N, N) similarity of each query (row) to each candidate; equals rank by place.
        gain: (N, N) of `gains`; above 0 is relevant. A query is never its own candidate.
    """
    number = len(scores)
    rows: dict[str, list[float]] = {f"precision_at_{k}": [] for k in DEPTHS}
    rows |= {"average_precision": [], "ndcg_at_10": []}
    discount = 1 / np.log2(np.arange(2, 12))
    for query in range(number):
        row = scores[query].astype(np.float64)
        row[query] = -np.inf
        order = np.argsort(-row, kind="stable")[: number - 1]
        worth = gain[query, order]
        relevant = worth > 0
        for k in DEPTHS:
            rows[f"precision_at_{k}"].append(float(relevant[:k].mean()))
        places = np.flatnonzero(relevant)
        if len(places) == 0:
            rows["average_precision"].append(np.nan)
            rows["ndcg_at_10"].append(np.nan)
            continue
        rows["average_precision"].append(float((np.arange(1, len(places) + 1) / (places + 1)).mean()))
        ideal = np.sort(worth)[::-1][:10]  # the best order of all candidates, not of those that were found
        reached = (worth[:10] * discount[: len(worth[:10])]).sum()
        rows["ndcg_at_10"].append(float(reached / (ideal * discount[: len(ideal)]).sum()))
    return {name: np.array(values) for name, values in rows.items()}


def means(measures: Mapping[str, np.ndarray], chosen: np.ndarray) -> dict[str, list[float]]:
    """Mean and 95 % bootstrap interval over the chosen queries: name -> [mean, low, high].

    Args:
        chosen: (Q,) bool.
    """
    random = np.random.default_rng(0)
    answer = {}
    for name, values in measures.items():
        kept = values[chosen & np.isfinite(values)]
        if len(kept) == 0:
            continue
        drawn = random.multinomial(len(kept), np.full(len(kept), 1 / len(kept)), size=REPLICATES)
        replicates = drawn @ kept / len(kept)
        low, high = np.quantile(replicates, (0.025, 0.975))
        answer[name] = [round(float(v), 4) for v in (kept.mean(), low, high)]
    return answer
