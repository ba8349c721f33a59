"""Occlusion: take one patch, clinical field or word away after the other and see how the logit falls.

Source: Zeiler and Fergus, Visualizing and Understanding Convolutional Networks, ECCV 2014. It needs no
gradient, so `forward` may be any engine that gives the model's outputs.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from modeling.errors import ExplanationCancelled, ViewboxError
from modeling.explain.integrated_gradients import PathAttribution
from modeling.explain.maps import Cancelled, Features, ImageMap, film_logits
from modeling.explain.study_path import StudyPath
from modeling.results import Attribution
from modeling.study import Modality, Study

ImageForward = Callable[[np.ndarray], np.ndarray]
"""(B, 3, h, w) float32 as the model reads it -> the target's logits (B,)."""

_BATCH = 16
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
    cancelled: Cancelled = None,
) -> ImageMap:
    """How much each place holds the logit up, one square patch at a time, half a patch apart by default.

    (h, w) map in logits per pixel: F(x) - F(covered), spread evenly over the patch, averaged over the
    patches that cover a pixel. The sum is no account: patches that only act together are missed or counted
    twice.

    Args:
        image: (3, h, w) float32, as the model reads it.
        fill: what a covered patch shows: one number, or an image (3, h, w) such as the blurred film.

    Raises ExplanationCancelled, ViewboxError: as `answers`.
    """
    start = time.perf_counter()
    assert image.ndim == 3 and patch >= 1, (image.shape, patch)
    covering = np.broadcast_to(np.asarray(fill, image.dtype), image.shape)
    corners = _corners(*image.shape[1:], patch, stride or max(1, patch // 2))

    def films() -> Iterator[np.ndarray]:
        yield image
        for place in corners:
            film = image.copy()
            film[:, *place] = covering[:, *place]
            yield film

    output, *logits = answers(forward, films(), batch_size, cancelled).tolist()
    falls, covered = np.zeros(image.shape[1:]), np.zeros(image.shape[1:])
    for place, logit in zip(corners, logits, strict=True):
        falls[place] += (output - logit) / falls[place].size
        covered[place] += 1
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


def answers(
    forward: ImageForward, films: Iterator[np.ndarray], batch_size: int = 8, cancelled: Cancelled = None
) -> np.ndarray:
    """The logits of films (3, h, w), drawn and asked a batch at a time, checked.

    Raises ExplanationCancelled (asked between two batches), and ViewboxError where a logit is not finite.
    """
    logits: list[np.ndarray] = []
    while batch := list(islice(films, batch_size)):
        if cancelled is not None and cancelled():
            raise ExplanationCancelled("The explanation was stopped; start it again when you want it.")
        answer = np.asarray(forward(np.stack(batch)), dtype=np.float64)
        assert answer.shape == (len(batch),), (answer.shape, len(batch))
        if not np.isfinite(answer).all():
            raise ViewboxError("The model gave no number for this film; check the film and try again.")
        logits.append(answer)
    return np.concatenate(logits)


def see(paths: Sequence[StudyPath], features: Features, cancelled: Cancelled = None) -> ImageMap:
    """Occlusion by the path's baseline film."""
    path = paths[0]
    film, fill = (t[0].float().cpu().numpy() for t in (path.film, path.film_baseline))
    patch = max(4, film.shape[-1] // PATCHES)
    return occlusion(film_logits(path, features), film, fill, patch=patch, cancelled=cancelled)


# --- what is no picture: a field that is taken away is unknown, a word [MASK]


def removal_account(path: StudyPath, study: Study) -> Attribution:
    """How much each field and each word holds the logit up by itself; the film stays and is left out.

    The sum is no account of F(x) - F(baseline): words that only act together are missed or counted twice.
    """
    start = time.perf_counter()
    evaluations = 1
    with torch.inference_mode():
        features = path.features(path.film) if Modality.IMAGE in path.read else None
        output = float(_logits(path, path.inputs, features)[0])
        emptied = float(_logits(path, path.baselines, None)[0])
        falls = [torch.zeros_like(end[..., :1]) for end in path.inputs]
        for place, modality in enumerate(path.read):
            if modality == Modality.IMAGE:
                continue
            parts = _parts(path, modality)
            evaluations += len(parts)
            for positions, logit in zip(parts, _without(path, place, parts, features), strict=True):
                falls[place][0, positions[0]] = output - logit  # a word's fall stands at its first piece
    found = PathAttribution(tuple(falls), output, emptied, evaluations, time.perf_counter() - start)
    return replace(path.account(study, found), method="occlusion", image=None, padding=0.0)


def _parts(path: StudyPath, modality: Modality) -> list[np.ndarray]:
    """Positions in the sequence that are taken away together: each field, or all pieces of each word."""
    if modality == Modality.TABLE:
        return [np.array([i]) for i in range(path.inputs[path.read.index(modality)].shape[1])]
    text = path.processed.text
    assert text is not None, "text is read"
    owner = np.asarray(text.word_of_token)
    return [np.flatnonzero(owner == i) for i in range(len(text.words))]


def _without(
    path: StudyPath, place: int, parts: Sequence[np.ndarray], features: Tensor | None
) -> Iterator[float]:
    """The logit without each of the parts."""
    for first in range(0, len(parts), _BATCH):
        batch = parts[first : first + _BATCH]
        ends = [end.expand(len(batch), *end.shape[1:]) for end in path.inputs]
        ends[place] = ends[place].clone()
        for row, positions in enumerate(batch):
            ends[place][row, positions] = path.baselines[place][0, positions]
        yield from _logits(path, ends, features).tolist()


def _logits(path: StudyPath, ends: Sequence[Tensor], features: Tensor | None) -> Tensor:
    batch = len(ends[0])
    seen = None if features is None else features.expand(batch, *features.shape[1:])
    return path.logit(*ends, features=seen)
