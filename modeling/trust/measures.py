"""The trust panel: what is measured about one attribution, step by step, the cheap steps first."""

import math
from collections.abc import Sequence

import numpy as np

from modeling.explain import path_map
from modeling.explain.maps import Cancelled, Features, film_logits
from modeling.explain.study_path import StudyPath
from modeling.model.film import resampled
from modeling.results import Attribution, TrustMeasure
from modeling.trust.film_regions import burned_in, lung_fields
from modeling.trust.metrics import (
    HELD,
    border_region,
    class_discrimination,
    completeness,
    map_agreement,
    region_share,
)
from modeling.trust.perturbation import Kind, perturbation

MEASURES = (
    "completeness", "map_change", "support", "lungs", "border", "burned_in", "deletion",
    "class_discrimination", "random_weights_rank", "random_weights_ssim", "insertion",
)  # fmt: skip
"""Names of the trust measures, in the order in which they come: the last says nothing to the verdict."""

SETTLED = 0.1
"""A map that moved by less than a tenth at its last refinement is called settled."""

_COMPARISON = 32
"""Gradients for the maps that are only ranked against the attribution, in cells of 8 x 8 pixels."""


def of_the_account(attribution: Attribution) -> list[TrustMeasure]:
    """Does it add up, and has it settled?"""
    adds_up = completeness(attribution.total, attribution.output, attribution.baseline_output)
    moved = attribution.map_change
    case = "unknown" if not math.isfinite(moved) else "settled" if moved <= SETTLED else "moving"
    return [
        TrustMeasure("completeness", _number(adds_up.relative_delta), adds_up.meaning),
        TrustMeasure("map_change", _number(moved), f"settled.{case}"),
    ]


def of_the_answer(odds: float) -> list[TrustMeasure]:
    """Does the model itself give the answer that is explained, with these log-odds?"""
    held = "held" if odds >= HELD else "weak" if odds >= 0 else "denied"
    return [TrustMeasure("support", _number(odds), f"support.{held}")]


def of_the_regions(attribution: np.ndarray, film: np.ndarray) -> list[TrustMeasure]:
    """Share of the positive part of an (h, w) map in the lungs, at the border and on burned-in text of its
    film, (H, W) brightness in [0, 1] at any size."""
    regions = {
        "lungs": resampled(lung_fields(film), attribution.shape) >= 0.5,
        "border": border_region(attribution.shape),
        "burned_in": resampled(burned_in(film), attribution.shape) > 0.1,  # letters are thin
    }
    return [_share(name, attribution, region) for name, region in regions.items()]


def _share(name: str, attribution: np.ndarray, region: np.ndarray) -> TrustMeasure:
    if not region.any():
        return TrustMeasure(name, None, "share.not_found")
    share = region_share(np.maximum(attribution, 0.0), region)
    return TrustMeasure(name, _number(share.share), share.meaning, share.area, share.area)


def of_the_perturbation(
    kind: Kind,
    paths: Sequence[StudyPath],
    attribution: np.ndarray,
    features: Features,
    rng: np.random.Generator,
    cancelled: Cancelled = None,
) -> list[TrustMeasure]:
    """Deletion or insertion by the paths' baseline film; `attribution` is (h, w) without padding."""
    path, box = paths[0], paths[0].processed.letterbox
    film = path.film[0].float().cpu().numpy()
    fill = np.mean([p.film_baseline[0].float().cpu().numpy() for p in paths], axis=0)
    # Only the film's own place: exchanging padding changes nothing and would dilute both curves.
    inside = (slice(None), slice(box.top, box.top + box.height), slice(box.left, box.left + box.width))
    ask = film_logits(path, features)

    def logits(films: np.ndarray) -> np.ndarray:
        squares = np.repeat(film[None], len(films), axis=0)
        squares[:, *inside] = films
        return ask(squares)

    curve = perturbation(kind, logits, film[inside], fill[inside], attribution, rng, cancelled=cancelled)
    return [TrustMeasure(kind, _number(curve.area), curve.meaning, *curve.random_interval)]


def of_another_class(attribution: np.ndarray, other: np.ndarray) -> list[TrustMeasure]:
    """Does the map change with the target? `other` is that of another class of the same task."""
    found = class_discrimination(attribution, other)
    return [TrustMeasure("class_discrimination", _number(found.rank_correlation), found.meaning)]


def of_random_weights(attribution: np.ndarray, control: np.ndarray) -> list[TrustMeasure]:
    """Is the map like the same method's on randomised weights? There, unlike is good."""
    found = map_agreement(attribution, control)
    rank = max(found.rank_correlation, found.absolute_rank_correlation)  # NaN stays NaN: both are
    return [
        TrustMeasure("random_weights_rank", _number(rank), found.meaning),
        TrustMeasure("random_weights_ssim", _number(found.ssim), found.meaning),
    ]


def quick_map(paths: Sequence[StudyPath], cancelled: Cancelled = None) -> np.ndarray:
    """(h, w): the film's part of Integrated Gradients, as far as 32 gradients bring it."""
    seen = path_map.see(paths, paths[0].features, cancelled, evaluations=_COMPARISON)
    return paths[0].processed.letterbox.crop(seen.values)


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
