"""What other methods, and a control, say of the film on a path; table and words stay as given."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from modeling.errors import ViewboxError
from modeling.explain.attention import attention_to_film
from modeling.explain.controls import edge_map
from modeling.explain.evidence_map import evidence_map
from modeling.explain.feature_gradients import feature_gradients
from modeling.explain.grad_cam import grad_cam
from modeling.explain.maps import ImageMap
from modeling.explain.occlusion import occlusion
from modeling.explain.study_path import StudyPath
from modeling.study import Modality

Cancelled = Callable[[], bool] | None
Features = Callable[[Tensor], Tensor]
"""Films (B, 3, h, w) -> feature maps (B, C, h', w'), without a gradient: any engine that gives the same."""

PATCHES = 7
"""Occlusion's patch is a seventh of the side, as large as a place of the last feature map."""


def film_logits(path: StudyPath, features: Features | None = None) -> Callable[[np.ndarray], np.ndarray]:
    """Films (B, 3, h, w) -> the target's logits (B,), without a gradient.

    Args:
        features: the engine to use; the path's own model by default.
    """
    ask = features or path.features

    def logits(films: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            answer = path.logit_of_features(ask(torch.from_numpy(films).to(path.film)))
        return answer.float().cpu().numpy()

    return logits


def see_film(method: str, path: StudyPath, features: Features, cancelled: Cancelled = None) -> ImageMap:
    """One map of the film by its name; those on randomised weights need a path of their own.

    Args:
        features: the engine for what needs no gradient.

    Raises:
        ViewboxError: no film on the path, or no number from the model.
        ExplanationCancelled: `cancelled` said so.
    """
    see: dict[str, Callable[[], ImageMap]] = {
        "grad_cam": lambda: see_grad_cam(path),
        "occlusion": lambda: see_occlusion(path, features, cancelled),
        "feature_gradients": lambda: see_feature_gradients(path, cancelled),
        "attention": lambda: see_attention(path),
        "evidence": lambda: see_evidence(path),
        "edges": lambda: see_edges(path),
    }
    return see[method]()


def see_grad_cam(path: StudyPath) -> ImageMap:
    """Grad-CAM of the film."""

    def with_features(film: Tensor) -> tuple[Tensor, Tensor]:
        features = path.features(film)
        return features, path.logit_of_features(features)

    return grad_cam(with_features, path.film)


def see_occlusion(path: StudyPath, features: Features | None = None, cancelled: Cancelled = None) -> ImageMap:
    """Occlusion by the path's baseline film."""
    film, fill = (t[0].float().cpu().numpy() for t in (path.film, path.film_baseline))
    patch = max(4, film.shape[-1] // PATCHES)
    return occlusion(film_logits(path, features), film, fill, patch=patch, cancelled=cancelled)


def see_feature_gradients(path: StudyPath, cancelled: Cancelled = None) -> ImageMap:
    """Integrated Gradients over the last feature map, from that of the baseline film."""
    with torch.no_grad():
        end, start = path.features(torch.cat([path.film, path.film_baseline])).split(1)
    size = tuple(path.film.shape[-2:])
    return feature_gradients(path.logit_of_features, end, start, size, cancelled=cancelled)


def see_evidence(path: StudyPath) -> ImageMap:
    """The weights with which the checkpoint pools the film.

    Raises:
        ViewboxError: it weighs every place the same.
    """
    weigh = path.model.encoders["image"].evidence
    if weigh is None:
        raise ViewboxError("This checkpoint weighs every place of the film the same; choose another method.")
    with torch.no_grad():
        features = path.features(path.film)
        output = float(path.logit_of_features(features))
    seen = evidence_map(weigh, features, tuple(path.film.shape[-2:]))
    return replace(seen, output=output)


def see_attention(path: StudyPath) -> ImageMap:
    """Where words and clinical fields look on the film.

    Raises:
        ViewboxError: the fusion has no attention, or nothing is there to look at the film.
    """
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


def see_edges(path: StudyPath) -> ImageMap:
    """The control that asks no model: the film's edges."""
    image = path.processor.config.image
    return edge_map(path.film[0, 0].cpu().numpy() * image.std + image.mean)
