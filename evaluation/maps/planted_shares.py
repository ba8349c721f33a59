"""How much of an account lies on the evidence that was planted in table and words, and in which modality."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluation.maps.localisation_scores import positive_share, with_interval
from evaluation.maps.marked_studies import MarkedStudy
from modeling.results import Attribution, WordAttribution
from modeling.study import Modality

_PLACES = {Modality.TABLE: "table", Modality.TEXT: "words"}


@dataclass(frozen=True)
class PlantedShare:
    """One study's account against what was planted; NaN where a modality holds no evidence or is not read.

    Attributes:
        on_evidence: table and text -> share of its positive attribution that lies on the evidence in it.
        by_area: the same -> share of its fields or words that are evidence: what an even account would give.
        held: share of the positive modality share on the modalities that hold the evidence; NaN where the
            parts of the account do not add up.
        right: whether the model's most probable class is the reference.
    """

    patient: str
    on_evidence: dict[Modality, float]
    by_area: dict[Modality, float]
    held: float
    contradicts: bool
    right: bool


def planted_share(marked: MarkedStudy, account: Attribution, right: bool) -> PlantedShare:
    """Compare one account with the facts; `marked` must have been planted."""
    facts = marked.planted
    assert facts is not None, "a real film has no planted facts"
    values: dict[Modality, tuple[np.ndarray, np.ndarray]] = {}
    known = [f for f in account.fields if f.value is not None]
    if Modality.TABLE in facts.holders and any(f.name in facts.fields for f in known):
        weights = np.array([float(f.name in facts.fields) for f in known])
        values[Modality.TABLE] = (np.array([f.attribution for f in known]), weights)
    weights = np.array([float(_is_evidence(word, facts.words)) for word in account.words])
    if Modality.TEXT in facts.holders and weights.any():
        values[Modality.TEXT] = (np.array([w.attribution for w in account.words]), weights)
    logits = np.array([account.modality_share.logits[m] for m in Modality])
    holds = np.array([float(m in facts.holders) for m in Modality])
    comparable = facts.holders and account.method == "integrated_gradients"
    return PlantedShare(
        marked.patient,
        {m: positive_share(*pair) for m, pair in values.items()},
        {m: float(weights.mean()) for m, (_, weights) in values.items()},
        positive_share(logits, holds) if comparable else float("nan"),
        facts.contradicts,
        right,
    )


def _is_evidence(word: WordAttribution, spans: Sequence[tuple[str, int, int]]) -> bool:
    return any(s == word.section and word.start < end and start < word.end for s, start, end in spans)


def summarise_shares(shares: Sequence[PlantedShare]) -> dict[str, Any]:
    """Means of the shares on the evidence, and the median over conflict cases that the model gets right."""
    names = [s.patient for s in shares]
    summary: dict[str, Any] = {}
    for modality, place in _PLACES.items():
        on = [s.on_evidence.get(modality, np.nan) for s in shares]
        area = [s.by_area.get(modality, np.nan) for s in shares]
        summary[place] = {**with_interval(on, names), "by_area": with_interval(area, names)["value"]}
    conflict = [s for s in shares if s.contradicts]
    right = [s for s in conflict if s.right]
    summary["conflict"] = {
        **with_interval([s.held for s in right], [s.patient for s in right], np.median),
        "cases": len(conflict),
        "right": len(right),
    }
    return summary
