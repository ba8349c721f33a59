"""Reports that affirm the same findings stand first among similar ones, rare findings before frequent ones.

What a report affirms is read by the classifier of findings (`modeling.findings.reader`), never from a case's
own labels. How much it counts beside the words was chosen on four fifths of Open-i's reports and measured on
the last (docs/retrieval.md); drawing in the findings and groups above each gained nothing more.

Shape letters: N reports, K findings, G findings and groups, D width of a text's vector.
"""

from functools import lru_cache

import numpy as np

from modeling.findings.knowledge import knowledge

SHARE, DOUBT = 0.5, 0.5
"""Of findings beside words in a similarity; logits about an operating point that are doubt."""


@lru_cache(maxsize=1)
def kinship() -> np.ndarray:
    """(K, G) bool: a finding, and all that stands above it."""
    known = knowledge()
    lines = [[*known.ancestors(one), str(one.name)] for one in known.findings.values()]
    places = {name: n for n, name in enumerate(dict.fromkeys(name for line in lines for name in line))}
    answer = np.zeros((len(lines), len(places)), bool)
    for row, line in zip(answer, lines, strict=True):
        row[[places[name] for name in line]] = True
    return answer


def affirmed(margins: np.ndarray, doubt: float = DOUBT, kin: bool = False) -> np.ndarray:
    """(N, K) logits above the operating points -> (N, K) from 0, not there, to 1; with `kin` (N, G)."""
    sure = 1 / (1 + np.exp(-np.clip(margins / doubt, -30, 30)))
    return np.stack([sure[:, of].max(axis=1) for of in kinship().T], axis=1) if kin else sure


def rarity(found: np.ndarray) -> np.ndarray:
    """(N, G) -> (G,) how much each counts, by how rare it is among the N."""
    return np.log((len(found) + 1) / (1 + found.sum(axis=0)))


def beside_words(words: np.ndarray, findings: np.ndarray) -> np.ndarray:
    """(D + K,): cosines of such vectors are the mean, by `SHARE`, of those of words and of findings."""
    return np.concatenate([np.sqrt(1 - SHARE) * _unit(words), np.sqrt(SHARE) * _unit(findings)])


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / max(float(np.linalg.norm(vector)), 1e-9)
