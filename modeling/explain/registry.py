"""Every map of the film, once: what it is called, whether it has a sign, what it needs, and who computes it.

Page, API, command line, localisation, cards and text ask here. To add a map: a file in this folder with a
function `see`, and one entry in maps.json. Nothing else names maps one by one; its words in a language stand
in that language's file as `method.<name>` and `about.<name>`, and until then the entry's own English shows.

This module needs no torch, so that a page is drawn before a checkpoint is loaded.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from modeling.configuration import FusionConfig
from modeling.errors import ViewboxError
from modeling.model.film import resampled, to_native
from modeling.sentence import Names
from modeling.study import Modality

if TYPE_CHECKING:
    from modeling.explain.maps import Cancelled, Features, ImageMap
    from modeling.explain.study_path import StudyPath

Kind = Literal["account", "opinion", "control"]
Need = Literal["attention", "evidence pooling"]

ACCOUNT = "integrated_gradients"
"""The one map that adds up over pixels, fields and words."""

FINE, COARSE = 1 / 13, 0.02
"""Standard deviations, as shares of the film's longer side, of the Gaussian that gathers a map before it is
judged or shown. Gradients by pixels change sign below the scale that the network tells apart; gathered at
1/13 of the side (18 px at 240) the noise cancels. Measured on SIIM validation films, see docs/maps.md. What
comes from a feature map is coarse by itself."""

_GIVEN: dict[Need, Callable[[FusionConfig], bool]] = {
    "attention": lambda config: config.fusion == "cross_attention",
    "evidence pooling": lambda config: config.image is not None and config.image.pooling == "evidence",
}


@dataclass(frozen=True)
class MapMethod:
    """One way to say which places of the film matter to a target."""

    name: str  # as links, API and measurements write it
    kind: Kind  # the account, a second opinion, or a control that knows nothing of what was learnt
    title: str  # in English, as `about`
    about: str  # what it is, and what it is not
    unit: str  # of its values, in words
    home: str  # the module whose function `see` computes it
    signed: bool = True  # whether it speaks for and against; otherwise 0 and above
    needs: tuple[Need, ...] = ()  # what a checkpoint must be made of
    starts: tuple[str, ...] = ()  # the baselines from which it is measured; empty where it has none
    forgetful: bool = False  # whether it is asked of the same checkpoint with randomised weights
    of_the_target: bool = True  # whether it answers the target; otherwise it is the same for every one
    grain: float = COARSE  # how wide it is gathered, as a share of the film's longer side; the sum is kept
    points: bool = True  # whether it can be measured by where it points: attention not, on a film alone
    full: float = 0.0  # value from which its colour may be full, so that a faint map is not painted strong

    def see(
        self, paths: "Sequence[StudyPath]", features: "Features", cancelled: "Cancelled" = None
    ) -> "ImageMap":
        """The map of the film on some paths (one a baseline film), padding included.

        Args:
            features: the engine for what needs no gradient.

        Raises:
            ViewboxError: no film on the path, or no number from the model.
            ExplanationCancelled: `cancelled` said so.
        """
        return import_module(self.home).see(paths, features, cancelled)

    def resized(self, values: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
        """Its map (h, w) as float32 (H, W): a weight of a place stays as it is, what adds up keeps a sum."""
        return resampled(values, shape) if self.full else to_native(values, shape)

    def is_given_by(self, config: FusionConfig) -> bool:
        """Whether a checkpoint of this configuration has it."""
        return Modality.IMAGE in config.modalities and all(_GIVEN[need](config) for need in self.needs)

    @property
    def first_start(self) -> str:
        """The baseline that it starts from, or covers with, where none is asked for."""
        return next(iter(self.starts), "blurred")

    @property
    def measured_as(self) -> tuple[str, ...]:
        """Its names in measurements: one a baseline where it starts from several."""
        return tuple(f"{self.name}_{start}" for start in self.starts) or (self.name,)


def grain_of(measured: str) -> float:
    """How wide a map is gathered, by its name or its name in measurements; `COARSE` for what is no map."""
    return next((m.grain for m in _methods.values() if measured in (m.name, *m.measured_as)), COARSE)


_methods: dict[str, MapMethod] = {}


def register(method: MapMethod) -> MapMethod:
    """Make a map known to all who ask; one name is one map."""
    assert method.name not in _methods, method.name
    _methods[method.name] = method
    return method


def map_methods(*kinds: Kind) -> tuple[MapMethod, ...]:
    """All maps of these kinds (all without any), in the order of the entries."""
    return tuple(m for m in _methods.values() if not kinds or m.kind in kinds)


def method_names(*kinds: Kind) -> tuple[str, ...]:
    """The names of `map_methods`."""
    return tuple(m.name for m in map_methods(*kinds))


def map_method(name: str) -> MapMethod:
    """The map of that name. Raises ViewboxError: there is none."""
    if name not in _methods:
        raise ViewboxError(
            "The map cannot be '{given}'; choose one of {names}.", given=name, names=Names("name", _methods)
        )
    return _methods[name]


for _entry in json.loads(Path(__file__).with_name("maps.json").read_text(encoding="utf-8")):
    _entry["grain"] = FINE if _entry.get("grain") == "fine" else COARSE
    register(MapMethod(**{key: tuple(v) if isinstance(v, list) else v for key, v in _entry.items()}))
