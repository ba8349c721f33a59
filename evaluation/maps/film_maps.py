"""Every map of one film: the methods, the controls that ask for them, and priors that never look."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from modeling.explain.controls import with_random_weights
from modeling.explain.film_methods import (
    see_edges,
    see_evidence,
    see_feature_gradients,
    see_grad_cam,
    see_occlusion,
)
from modeling.explain.removal import removal_account
from modeling.explain.study_path import IMAGE_BASELINES, ImageBaseline
from modeling.labels import Target
from modeling.model.film import resampled
from modeling.model.pipeline import DiagnosisPipeline
from modeling.results import Attribution
from modeling.study import Study

_GRADIENTS = "integrated_gradients"
METHODS = (
    *(f"{_GRADIENTS}_{baseline}" for baseline in IMAGE_BASELINES),
    "feature_gradients_black",
    "feature_gradients_blurred",
    "grad_cam",
    "occlusion",
)
OWN_METHOD = "evidence"
"""Only checkpoints that pool by evidence have it."""
CONTROLS = ("edges", "random_weights")
PRIORS = ("centre_prior", "location_prior")

_CONTROL_BASELINE: ImageBaseline = "blurred"  # the film's blurred self: fewer gradients to the same delta
_PRIOR_GRID = (64, 64)


@dataclass(frozen=True)
class Effort:
    """Integrated Gradients go on until |delta| <= `tolerance` or for `max_evaluations` gradients."""

    tolerance: float = 0.05
    max_evaluations: int = 64


@dataclass(frozen=True, eq=False)
class FilmMap:
    """A signed map without the letterbox's padding, (h, w), and what it took in seconds."""

    values: np.ndarray
    seconds: float


class FilmMapper:
    """All methods and controls for one checkpoint; the control's weights are drawn once."""

    def __init__(self, pipeline: DiagnosisPipeline, effort: Effort, seed: int = 0) -> None:
        self.pipeline, self.effort = pipeline, effort
        self._forgetful = DiagnosisPipeline(
            with_random_weights(pipeline.model, seed), pipeline.processor, pipeline.origin, pipeline.device
        )

    @property
    def methods(self) -> tuple[str, ...]:
        """Those that this checkpoint can give."""
        return (*METHODS, OWN_METHOD) if self._weighs else METHODS

    @property
    def _weighs(self) -> bool:
        return self.pipeline.model.encoders["image"].evidence is not None

    def accounts(self, study: Study, target: Target) -> dict[str, Attribution]:
        """Integrated Gradients of all modalities: from every baseline of the film, and on random weights."""
        accounts = {
            f"{_GRADIENTS}_{b}": self._account(self.pipeline, study, target, b) for b in IMAGE_BASELINES
        }
        return {
            **accounts,
            "random_weights": self._account(self._forgetful, study, target, _CONTROL_BASELINE),
        }

    def removals(self, study: Study, target: Target) -> Attribution:
        """Occlusion of fields and words, beside that of the film among `maps`."""
        return removal_account(self.pipeline.paths(study, target, _CONTROL_BASELINE)[0], study)

    def maps(self, study: Study, target: Target, accounts: dict[str, Attribution]) -> dict[str, FilmMap]:
        """A map for each of `methods` and `CONTROLS`; table and text stay as given.

        Args:
            accounts: as `accounts` gives them for this study and target.

        Raises:
            ViewboxError: the model gave no number.
        """
        return {**{n: _of_account(a) for n, a in accounts.items()}, **self._of_the_film(study, target)}

    def _account(
        self, pipeline: DiagnosisPipeline, study: Study, target: Target, baseline: ImageBaseline
    ) -> Attribution:
        effort = vars(self.effort)
        return list(pipeline.explain(study, target, baseline=baseline, **effort))[-1]

    def _of_the_film(self, study: Study, target: Target) -> dict[str, FilmMap]:
        """What asks for the film alone; occlusion covers with the blurred film."""
        black, blurred = (self.pipeline.paths(study, target, b)[0] for b in IMAGE_BASELINES)
        maps = {
            "feature_gradients_black": see_feature_gradients(black),
            "feature_gradients_blurred": see_feature_gradients(blurred),
            "grad_cam": see_grad_cam(blurred),
            "occlusion": see_occlusion(blurred),
            "edges": see_edges(blurred),
        }
        if self._weighs:
            maps[OWN_METHOD] = see_evidence(blurred)
        crop = blurred.processed.letterbox.crop
        return {name: FilmMap(crop(one.values), one.seconds) for name, one in maps.items()}


def _of_account(account: Attribution) -> FilmMap:
    assert account.image is not None, "a film was given"
    return FilmMap(account.image, account.seconds)


# --- priors: where one would point without looking


def centre_prior(shape: tuple[int, int]) -> np.ndarray:
    """(H, W): a Gaussian in the middle of the film, its deviation a quarter of each side."""
    rows, columns = (np.linspace(-2, 2, side) ** 2 for side in shape)
    return np.exp(-(rows[:, None] + columns[None]) / 2)


def location_priors(regions: Sequence[np.ndarray], patients: Sequence[str]) -> list[np.ndarray]:
    """For each film, how often the other patients' evidence lies at each place, 0 to 1, on a 64 x 64 grid.

    It is harder to beat than the centre: it knows where the lungs are and where opacities are common.
    """
    coverage = np.stack([resampled(region, _PRIOR_GRID) for region in regions])
    names = np.asarray(patients)
    others = [coverage[names != name] for name in names]
    return [films.mean(axis=0) if len(films) else np.zeros(_PRIOR_GRID) for films in others]
