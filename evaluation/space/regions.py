"""Do the words lie where the opacity is? The word map held to its mask, beside what knows nothing of it.

For every opacity of a film, its sentence is laid over the film. Hit: the map's strongest place lies in the
opacity's mask. Deletion: covering the strongest place must take more from the likeness of film and sentence
than covering a place drawn from the same film.

Shape letters: M opacities, h w the film at the model's size.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from cases.phantom.description import Statement, worded
from evaluation.metrics.bootstrap import ahead, as_json, measured, patient_draws
from modeling.model.film import Letterbox
from modeling.model.shared_space import SharedSpace, WordRegion
from training.space.corpus import SpaceRow

_COVERED = 0.19
"""Side of what is covered, as a share of the film's: three places of eight by eight and a half."""


def region_checks(
    space: SharedSpace, rows: Sequence[SpaceRow], most: int = 300, seed: int = 0
) -> dict[str, Any]:
    """Hit rates of the sentence's map and of its parts, of controls, and the deletion test."""
    rng = np.random.default_rng(seed)
    pairs = [(n, one) for n, row in enumerate(rows) for one in row.statements if one.opacity]
    pairs = [pairs[i] for i in rng.permutation(len(pairs))[:most]]
    hits: dict[str, list[bool]] = {}
    falls: dict[str, list[float]] = {"strongest": [], "random": []}
    for place, (number, statement) in enumerate(pairs):
        row = rows[number]
        sentence = worded(rng, statement, "en")
        regions = regions_of(space, row, sentence)
        mask, foreign = row.masks[statement.opacity], _foreign(pairs, place)
        maps = _maps(regions, statement) | {
            "another film's sentence": _mean(regions_of(space, row, worded(rng, foreign, "en"))),
            "random place": rng.random(mask.shape),
            "middle of the film": _middle(mask.shape),
        }
        for name, values in maps.items():
            hits.setdefault(name, []).append(bool(mask.flat[values.argmax()]))
        strongest = np.unravel_index(maps["sentence"].argmax(), mask.shape)
        random = rng.integers(mask.shape[0], size=2)
        for name, at in (("strongest", strongest), ("random", random)):
            falls[name].append(_fall(space, row, sentence, at))
    films = np.array([number for number, _ in pairs])
    return _told(hits, falls, films)


def _told(hits: dict[str, list[bool]], falls: dict[str, list[float]], films: np.ndarray) -> dict[str, Any]:
    draws = patient_draws(films)

    def mean(values: Sequence[float]) -> Any:
        column = np.asarray(values, np.float64)
        return lambda w: w @ column / w.sum(axis=1)

    against = {
        name: ahead(mean(hits["sentence"]), mean(values), draws)
        for name, values in hits.items()
        if name != "sentence"
    }
    return {
        "opacities": len(films),
        "films": len(np.unique(films)),
        "hit_rate": {name: as_json(measured(mean(values), draws)) for name, values in hits.items()},
        "sentence_ahead_of": against,
        "deletion": {
            **{f"fall_{name}": as_json(measured(mean(values), draws)) for name, values in falls.items()},
            "ahead": ahead(mean(falls["strongest"]), mean(falls["random"]), draws),
        },
    }


def regions_of(space: SharedSpace, row: SpaceRow, sentence: str) -> tuple[WordRegion, ...]:
    """Each word of a sentence over a row's film."""
    size = row.film.shape[0]
    whole = Letterbox((size, size), size, 0, 0, size, size)
    return space.regions(torch.from_numpy(row.film).float()[None] / 255, sentence, whole)


def _mean(regions: Sequence[WordRegion]) -> np.ndarray:
    return np.mean([one.places for one in regions if one.word.isalnum() or "-" in one.word], axis=0)


_PLACES = ("right", "left", "upper", "mid", "lower", "middle", "base", "third", "both", "side")


def _maps(regions: Sequence[WordRegion], statement: Statement) -> dict[str, np.ndarray]:
    """Of the whole sentence, of the words that say where, and of the others."""
    where = [one for one in regions if one.word.lower() in _PLACES]
    rest = [one for one in regions if one not in where]
    return {"sentence": _mean(regions), "words of place": _mean(where), "other words": _mean(rest)}


def _foreign(pairs: Sequence[tuple[int, Statement]], place: int) -> Statement:
    """The next opacity of another kind in another zone."""
    own = dict(pairs[place][1].blanks)
    others = (pairs[(place + step) % len(pairs)][1] for step in range(1, len(pairs)))
    return next(
        one
        for one in others
        if own["zone"] != dict(one.blanks)["zone"] != "both" and own["kind"] != dict(one.blanks)["kind"]
    )


def _middle(shape: tuple[int, int]) -> np.ndarray:
    rows, columns = np.indices(shape)
    return -np.hypot(rows - shape[0] / 2, columns - shape[1] / 2)


def _fall(space: SharedSpace, row: SpaceRow, sentence: str, at: Sequence[int]) -> float:
    """How much of the likeness goes when a square about a place gets the film's mean."""
    film = torch.from_numpy(row.film).float() / 255
    half = round(_COVERED * film.shape[0])
    covered = film.clone()
    top, left = (max(0, int(one) - half) for one in at)
    covered[top : int(at[0]) + half, left : int(at[1]) + half] = film[film > 0].mean()
    vectors = space.embed_squares(torch.stack([film, covered]))
    likeness = vectors @ space.embed_texts([sentence])[0]
    return float(likeness[0] - likeness[1])
