"""A map as numbers: what the page saves, the API sends and the command writes."""

import io
from typing import Any

import numpy as np

from modeling.explain.registry import map_method
from modeling.render.pictures import map_scale
from modeling.results import Attribution, FilmOpinion, Prediction

_OF_AN_ACCOUNT = ("baseline", "output", "baseline_output", "convergence_delta", "relative_delta", "verdict")


def map_arrays(
    found: Attribution | FilmOpinion, film: tuple[int, int], prediction: Prediction
) -> dict[str, Any]:
    """A map, what stands against it, and what it belongs to.

    Args:
        film: (H, W) of the film in its own geometry; resize `map` to it to lay the one on the other.
        prediction: the answer that it goes with.

    Returns:
        `map` (h, w) float32, signed, in `unit`, over the whole film without padding, (0, 0) where there is
        none; `scale`, what stands for full colour where it is drawn, per 1 % of the film's area; `film` as
        given; target, alternative and method; of an account in logits also its baseline and how it adds up;
        the prediction's warnings, the gravest first, and its checkpoint.
    """
    method, image = map_method(found.method), found.image
    image = np.zeros((0, 0), np.float32) if image is None else np.asarray(image, np.float32)
    told = {name: getattr(found, name) for name in _OF_AN_ACCOUNT if hasattr(found, name)}
    return {
        "map": image,
        "unit": method.unit,
        "scale": map_scale(image, method) if image.size else 0.0,
        "film": film,
        "target": found.target.slug,
        "against": found.target.against,
        "method": found.method,
        **told,
        "warnings": [str(warning) for warning in (*prediction.warnings, *found.notes)],
        "not_for_diagnosis": True,
        "checkpoint": prediction.checkpoint,
        "revision": prediction.revision,
    }


def npz(arrays: dict[str, Any]) -> bytes:
    """Named arrays as one compressed file; `np.load` reads it without pickle."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def npy(array: np.ndarray) -> bytes:
    """One array as a file that `np.load` reads."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()
