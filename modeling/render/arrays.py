"""A map as numbers: what the page saves, the API sends and the command writes."""

import io
from typing import Any

import numpy as np

from modeling.answers import CheckedExplanation
from modeling.explain.registry import map_method
from modeling.render.pictures import map_scale

_OF_AN_ACCOUNT = ("baseline", "output", "baseline_output", "convergence_delta", "relative_delta", "verdict")


def map_arrays(found: CheckedExplanation, film: tuple[int, int], case: str) -> dict[str, Any]:
    """A map, what stands against it, and what it belongs to.

    Args:
        film: (H, W) of the film in its own geometry; resize `map` to it to lay the one on the other.
        case: what the film is called.

    Returns:
        `map` (h, w) float32, signed, in `unit`, over the whole film without padding, (0, 0) where there is
        none; `scale`, what stands for full colour where it is drawn, per 1 % of the film's area; `film` and
        `case` as given; target, alternative and method; of an account in logits also its baseline and how it
        adds up; the verdict on the map with its reasons, the warnings, the gravest first, and the checkpoint.
    """
    shown, verdict = found.attribution, found.verdict
    method, image = map_method(shown.method), shown.image
    image = np.zeros((0, 0), np.float32) if image is None else np.asarray(image, np.float32)
    return {
        "case": case,
        "map": image,
        "unit": method.unit,
        "scale": map_scale(image, method) if image.size else 0.0,
        "film": film,
        "target": shown.target.slug,
        "against": shown.target.against,
        "method": shown.method,
        **{name: getattr(shown, name) for name in _OF_AN_ACCOUNT if hasattr(shown, name)},
        "map_verdict": verdict.level,
        "map_verdict_reasons": [str(reason.sentence) for reason in verdict.reasons],
        "warnings": [str(warning) for warning in found.warnings],
        "not_for_diagnosis": True,
        "checkpoint": found.prediction.checkpoint,
        "revision": found.prediction.revision,
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
