"""Every map of the film, once: what it is called, whether it has a sign, what it needs, and who computes it.

Page, API, command line, localisation, cards and text ask here. To add a map: a file in this folder with a
function `see`, and one entry below. Nothing else names maps one by one; its words in a language stand in that
language's file as `method.<name>` and `about.<name>`, and until they do the entry's own English is shown.

This module needs no torch, so that a page is drawn before a checkpoint is loaded.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Literal

from modeling.configuration import FusionConfig
from modeling.errors import ViewboxError
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
    """One way to say which places of the film matter to a target.

    Attributes:
        name: as links, API and measurements write it.
        kind: the account, a second opinion, or a control that knows nothing of what was learnt.
        title, about: in English; what it is, and what it is not.
        unit: of its values, in words.
        home: the module whose function `see` computes it.
        signed: whether it speaks for and against; otherwise 0 and above.
        needs: what a checkpoint must be made of.
        starts: the baselines from which it is measured; empty where it has none.
        forgetful: whether it is asked of the same checkpoint with randomised weights.
        of_the_target: whether it answers the target; otherwise it is the same for every one.
        grain: how wide it is gathered, as a share of the film's longer side; the sum is kept.
        points: whether it can be measured by where it points.
        full: value from which its colour may be full, so that a faint map is not painted like a strong one.
    """

    name: str
    kind: Kind
    title: str
    about: str
    unit: str
    home: str
    signed: bool = True
    needs: tuple[Need, ...] = ()
    starts: tuple[str, ...] = ()
    forgetful: bool = False
    of_the_target: bool = True
    grain: float = COARSE
    points: bool = True
    full: float = 0.0

    def see(
        self, paths: "Sequence[StudyPath]", features: "Features", cancelled: "Cancelled" = None
    ) -> "ImageMap":
        """The map of the film on some paths, padding included.

        Args:
            paths: from the baseline to the study; several where the baseline is several films.
            features: the engine for what needs no gradient.

        Raises:
            ViewboxError: no film on the path, or no number from the model.
            ExplanationCancelled: `cancelled` said so.
        """
        return import_module(self.home).see(paths, features, cancelled)

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
    """The map of that name.

    Raises:
        ViewboxError: there is none.
    """
    if name not in _methods:
        raise ViewboxError(
            "The map cannot be '{given}'; choose one of {names}.", given=name, names=Names("name", _methods)
        )
    return _methods[name]


for _method in (
    MapMethod(
        ACCOUNT,
        "account",
        "Integrated Gradients",
        "It shares out the whole change from a baseline to this study over pixels, fields and words.",
        "logits per pixel",
        "modeling.explain.path_map",
        starts=("black", "blurred"),
        grain=FINE,
    ),
    MapMethod(
        "grad_cam",
        "opinion",
        "Grad-CAM",
        "It weighs the last feature map by its mean gradient: coarse, and no account.",
        "logits per feature cell, to first order",
        "modeling.explain.grad_cam",
    ),
    MapMethod(
        "occlusion",
        "opinion",
        "occlusion",
        "It covers one patch after the other and sees how far the answer falls.",
        "logits per pixel",
        "modeling.explain.occlusion",
    ),
    MapMethod(
        "feature_gradients",
        "opinion",
        "gradients along the feature map",
        "Integrated Gradients over the last feature map instead of the pixels: calmer and coarser.",
        "logits per pixel",
        "modeling.explain.feature_gradients",
        starts=("black", "blurred"),
    ),
    MapMethod(
        "attention",
        "opinion",
        "attention",
        "Where the fusion looked on the film while it read the other parts; looking is not using.",
        "share of all attention",
        "modeling.explain.attention",
        signed=False,
        needs=("attention",),
        of_the_target=False,
        points=False,  # a film alone has nothing that looks at it
    ),
    MapMethod(
        "evidence",
        "opinion",
        "the checkpoint's own evidence weights",
        "Where this checkpoint thinks that opacities are: the same for every target, without for or against.",
        "weight from 0 to 1",
        "modeling.explain.evidence_map",
        signed=False,
        needs=("evidence pooling",),
        of_the_target=False,
        full=0.5,
    ),
    MapMethod(
        "edges",
        "control",
        "control: edges",
        "An edge detector on the film; no model was asked.",
        "brightness per pixel",
        "modeling.explain.controls",
        signed=False,
        of_the_target=False,
    ),
    MapMethod(
        "random_weights",
        "control",
        "control: randomised weights",
        "Integrated Gradients on a model that has forgotten its training.",
        "logits per pixel",
        "modeling.explain.path_map",
        forgetful=True,
        grain=FINE,
    ),
):
    register(_method)
