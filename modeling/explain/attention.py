"""Attention: where on the film the words and the clinical fields look, in a fusion that has cross-attention.

It says what is read, not what it does to the answer: neither sign nor logits, and it is the same for every
target of a task. Source: Jain and Wallace, Attention is not Explanation, NAACL 2019.
"""

import math
import time
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from modeling.errors import ViewboxError
from modeling.explain.feature_gradients import spread
from modeling.explain.maps import Cancelled, Features, ImageMap
from modeling.explain.study_path import StudyPath
from modeling.study import Modality


def attention_to_film(
    attend: Sequence[nn.MultiheadAttention],
    sequences: Sequence[Tensor],
    masks: Sequence[Tensor],
    film: int,
    size: tuple[int, int],
) -> ImageMap:
    """(h, w): how much the others attend to each patch of the film, mean over heads, fields and words.

    A modality has one attention (it asks, the sequences of all others answer), one sequence (1, S, D) and one
    mask (1, S) bool, True where there is something; that of place `film` is a square grid of patches.
    """
    start = time.perf_counter()
    asked = [i for i in range(len(sequences)) if i != film and bool(masks[i].any())]
    if not asked or not bool(masks[film].any()):
        raise ViewboxError("Attention needs a film and a table or a text to look at it; give both.")
    rows = [_weights_on_film(attend[i], sequences, masks, i, film) for i in asked]
    patches = torch.cat(rows).mean(dim=0)  # P; they sum to the share of all attention that the film gets
    values = spread(patches.float().cpu().numpy().reshape(2 * [math.isqrt(len(patches))]), size)
    return ImageMap("attention", values, float("nan"), 1, time.perf_counter() - start)


def _weights_on_film(
    attend: nn.MultiheadAttention, sequences: Sequence[Tensor], masks: Sequence[Tensor], i: int, film: int
) -> Tensor:
    """(fields or words that are there, P): the weights of modality `i` on the film's patches."""
    others = [j for j in range(len(sequences)) if j != i]
    keys = torch.cat([sequences[j] for j in others], dim=1)
    hidden = ~torch.cat([masks[j] for j in others], dim=1)
    with torch.no_grad():
        _, weights = attend(sequences[i], keys, keys, key_padding_mask=hidden, need_weights=True)
    first = sum(sequences[j].shape[1] for j in others if j < film)
    return weights[0, masks[i][0], first : first + sequences[film].shape[1]]


def see(paths: Sequence[StudyPath], features: Features, cancelled: Cancelled = None) -> ImageMap:
    """Where words and clinical fields look on the film of a path.

    Raises ViewboxError: the fusion has no attention, or nothing is there to look at the film.
    """
    path = paths[0]
    if path.model.config.fusion != "cross_attention":
        raise ViewboxError("This checkpoint's fusion has no attention to show; choose another method.")
    task = next(t for t in path.model.config.tasks if t.name == path.target.task)
    encoded = [path.encoded[m] for m in task.modalities]
    return attention_to_film(
        path.model.fusions[task.name].attend,
        [one.sequence for one in encoded],
        [one.mask for one in encoded],
        task.modalities.index(Modality.IMAGE),
        tuple(path.film.shape[-2:]),
    )
