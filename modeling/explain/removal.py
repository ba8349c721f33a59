"""Occlusion of what is no picture: take one clinical field or one word away and see how the logit falls.

Source: as for `modeling.explain.occlusion`; a field that is taken away is unknown, a word [MASK].
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from modeling.explain.integrated_gradients import PathAttribution
from modeling.explain.study_path import StudyPath
from modeling.results import Attribution
from modeling.study import Modality, Study

_BATCH = 16


def removal_account(path: StudyPath, study: Study) -> Attribution:
    """How much each field and each word holds the logit up by itself; the film stays as given.

    Returns:
        An account without the film. Its sum is no account of F(x) - F(baseline): words that only act together
        are missed or counted twice.
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
