"""Attention both ways in a fusion that has it: where on the film words and clinical fields look, and at which
words and fields the places of the film look in return.

It says what is read, not what it does to the answer: neither sign nor logits, and it is the same for every
target of a task. Source: Jain and Wallace, Attention is not Explanation, NAACL 2019.
"""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from modeling.errors import ViewboxError
from modeling.explain.feature_gradients import spread
from modeling.explain.maps import Cancelled, Features, ImageMap
from modeling.explain.study_path import StudyPath
from modeling.results import Looked
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
    rows = [weights_on(attend[i], sequences, masks, i, film) for i in asked]
    patches = torch.cat(rows).mean(dim=0)  # P; they sum to the share of all attention that the film gets
    values = spread(patches.float().cpu().numpy().reshape(2 * [math.isqrt(len(patches))]), size)
    return ImageMap("attention", values, float("nan"), 1, time.perf_counter() - start)


def weights_on(
    attend: nn.MultiheadAttention, sequences: Sequence[Tensor], masks: Sequence[Tensor], i: int, place: int
) -> Tensor:
    """(parts of modality `i` that are there, S): their weights on the sequence of modality `place`."""
    others = [j for j in range(len(sequences)) if j != i]
    keys = torch.cat([sequences[j] for j in others], dim=1)
    hidden = ~torch.cat([masks[j] for j in others], dim=1)
    with torch.no_grad():
        _, weights = attend(sequences[i], keys, keys, key_padding_mask=hidden, need_weights=True)
    first = sum(sequences[j].shape[1] for j in others if j < place)
    return weights[0, masks[i][0], first : first + sequences[place].shape[1]]


def see(paths: Sequence[StudyPath], features: Features, cancelled: Cancelled = None) -> ImageMap:
    """Where words and clinical fields look on the film of a path, and the film at them.

    Raises ViewboxError: the fusion has no attention, or nothing is there to look at the film.
    """
    path = paths[0]
    if path.model.config.fusion != "cross_attention":
        raise ViewboxError("This checkpoint's fusion has no attention to show; choose another method.")
    task = next(t for t in path.model.config.tasks if t.name == path.target.task)
    encoded = [path.encoded[m] for m in task.modalities]
    attend, film = path.model.fusions[task.name].attend, task.modalities.index(Modality.IMAGE)
    sequences, masks = [one.sequence for one in encoded], [one.mask for one in encoded]
    found = attention_to_film(attend, sequences, masks, film, tuple(path.film.shape[-2:]))
    back = {
        modality: weights_on(attend[film], sequences, masks, film, i).mean(dim=0)  # S, mean over the patches
        for i, modality in enumerate(task.modalities)
        if i != film
    }
    return replace(found, looked_at=(*_words(path, back), *_fields(path, back)))


def _words(path: StudyPath, back: Mapping[Modality, Tensor]) -> Iterator[Looked]:
    """Whole words, each with the attention that all its pieces get; special tokens are nobody's word."""
    text = path.processed.text
    if Modality.TEXT in back and text is not None:
        owner, tokens = np.asarray(text.word_of_token), back[Modality.TEXT].float().cpu().numpy()
        for i, word in enumerate(text.words):
            share = float(tokens[owner == i].sum())
            yield Looked(word.word, share, word.section, word.start, word.end)


def _fields(path: StudyPath, back: Mapping[Modality, Tensor]) -> Iterator[Looked]:
    if Modality.TABLE in back:
        known = path.processed.inputs.known[0].tolist()
        for field, share, there in zip(
            path.processor.config.table, back[Modality.TABLE].tolist(), known, strict=True
        ):
            if there:
                yield Looked(field.name, share)
