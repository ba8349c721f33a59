"""The film's part of Integrated Gradients alone, for a map beside the whole account and for the controls."""

import time
from collections.abc import Sequence

from modeling.explain.integrated_gradients import averaged, integrated_gradients
from modeling.explain.maps import Cancelled, Features, ImageMap
from modeling.explain.study_path import StudyPath

TOLERANCE = 0.05
EVALUATIONS = 48
"""Effort for a map that is only looked at or ranked, shared among the paths."""


def see(
    paths: Sequence[StudyPath],
    features: Features,
    cancelled: Cancelled = None,
    *,
    evaluations: int = EVALUATIONS,
) -> ImageMap:
    """The map of a path, (h, w) in logits per pixel, the mean over the paths where there are several."""
    start, place = time.perf_counter(), paths[0].film_place
    effort = {"tolerance": TOLERANCE, "max_evaluations": max(8, evaluations // len(paths))}
    walks = [
        integrated_gradients(p.logit, p.inputs, p.baselines, cancelled=cancelled, **effort) for p in paths
    ]
    *_, account = averaged(walks)
    values = account.attributions[place][0].sum(dim=0).float().cpu().numpy()
    seconds = time.perf_counter() - start
    return ImageMap("integrated_gradients", values, account.output, account.evaluations, seconds)
