"""Occlusion: cover one patch after the other and see how the logit falls.

Source: Zeiler and Fergus, Visualizing and Understanding Convolutional Networks, ECCV 2014. It needs no
gradient, so `forward` may be any engine that gives the model's outputs.
"""

import time
from collections.abc import Callable, Sequence

import numpy as np

from modeling.errors import ExplanationCancelled, ViewboxError
from modeling.explain.maps import Cancelled, Features, ImageMap, film_logits
from modeling.explain.study_path import StudyPath

ImageForward = Callable[[np.ndarray], np.ndarray]
"""(B, 3, h, w) float32 as the model reads it -> the target's logits (B,)."""

PATCHES = 7
"""The patch is a seventh of the side, as large as a place of the last feature map."""


def occlusion(
    forward: ImageForward,
    image: np.ndarray,
    fill: np.ndarray | float,
    *,
    patch: int = 32,
    stride: int | None = None,
    batch_size: int = 8,
    progress: Callable[[float], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> ImageMap:
    """How much each place holds the logit up, one patch at a time.

    Args:
        image: (3, h, w) float32, as the model reads it.
        fill: what a covered patch shows: one number, or an image (3, h, w) such as the blurred film.
        patch: side of the square patch in model pixels; at the right and lower edge patches are cut.
        stride: step between patches; half a patch by default.
        batch_size: films per call of `forward`.

    Returns:
        (h, w) map in logits per pixel: F(x) - F(covered), spread evenly over the patch and averaged over the
        patches that cover a pixel. Positive where the place speaks for the target. The sum is no account of
        F(x): patches that only act together are missed or counted twice.

    Raises:
        ExplanationCancelled: `cancelled` said so between two batches.
        ViewboxError: the model answered with something that is no number.
    """
    start = time.perf_counter()
    assert image.ndim == 3 and patch >= 1 and batch_size >= 1, (image.shape, patch, batch_size)
    height, width = image.shape[1:]
    corners = _corners(height, width, patch, stride or max(1, patch // 2))
    covering = np.broadcast_to(np.asarray(fill, image.dtype), image.shape)
    output = float(ask(forward, image[None])[0])
    falls, covered = np.zeros((height, width)), np.zeros((height, width))
    for first in range(0, len(corners), batch_size):
        if cancelled is not None and cancelled():
            raise ExplanationCancelled("The explanation was stopped; start it again when you want it.")
        batch = corners[first : first + batch_size]
        films = np.repeat(image[None], len(batch), axis=0)
        for film, place in zip(films, batch, strict=True):
            film[:, *place] = covering[:, *place]
        for place, logit in zip(batch, ask(forward, films), strict=True):
            falls[place] += (output - float(logit)) / falls[place].size
            covered[place] += 1
        if progress is not None:
            progress((first + len(batch)) / len(corners))
    values = (falls / np.maximum(covered, 1)).astype(np.float32)
    return ImageMap("occlusion", values, output, len(corners) + 1, time.perf_counter() - start)


def _corners(height: int, width: int, patch: int, stride: int) -> list[tuple[slice, slice]]:
    """Patches that leave no pixel uncovered; those at the far edges are cut."""
    stride = min(stride, patch)

    def starts(side: int) -> list[int]:
        return list(range(0, max(side - patch, 0) + stride, stride)) if side > patch else [0]

    return [
        (slice(top, min(top + patch, height)), slice(left, min(left + patch, width)))
        for top in starts(height)
        for left in starts(width)
        if top < height and left < width
    ]


def ask(forward: ImageForward, films: np.ndarray) -> np.ndarray:
    """The logits (B,) of films (B, 3, h, w), checked.

    Raises:
        ViewboxError: a logit is not finite.
    """
    logits = np.asarray(forward(films), dtype=np.float64)
    assert logits.shape == (len(films),), (logits.shape, films.shape)
    if not np.isfinite(logits).all():
        raise ViewboxError("The model gave no number for this film; check the film and try again.")
    return logits


def see(paths: Sequence[StudyPath], features: Features, cancelled: Cancelled = None) -> ImageMap:
    """Occlusion by the path's baseline film."""
    path = paths[0]
    film, fill = (t[0].float().cpu().numpy() for t in (path.film, path.film_baseline))
    patch = max(4, film.shape[-1] // PATCHES)
    return occlusion(film_logits(path, features), film, fill, patch=patch, cancelled=cancelled)
