"""The settings of phantoms, and the recipes of the cases that ship."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from cases.phantom.scenario import COMBINATIONS, SITUATIONS
from cases.phantom.streams import chance
from modeling.errors import ViewboxError
from modeling.labels import APPEARANCE
from modeling.sentence import Names


@dataclass(frozen=True)
class Confounder:
    """A shortcut to plant: something that goes with a label without being its cause.

    Attributes:
        kind: a lead arrow in the film's corner, a hospital's name in the indication, or the view position.
        class_name: the appearance that it goes with.
        correlation: how often it tells the truth: 1.0 always, 0.5 never better than a coin.
    """

    kind: Literal["marker", "hospital", "view"]
    class_name: str = "Typical"
    correlation: float = 0.95

    def __post_init__(self) -> None:
        if self.kind not in ("marker", "hospital", "view"):
            raise ViewboxError(
                "A confounder cannot be '{kind}'; choose marker, hospital or view.", kind=self.kind
            )
        if not 0.5 <= self.correlation <= 1.0:
            outside = "A confounder's correlation of {value} is outside 0.5 to 1; choose another."
            raise ViewboxError(outside, value=self.correlation)
        APPEARANCE.index(self.class_name)

    def planted(self, rng: np.random.Generator, appearance: str) -> bool:
        """Whether a case of this appearance carries it."""
        return chance(rng, self.correlation if appearance == self.class_name else 1 - self.correlation)


@dataclass(frozen=True)
class PhantomSettings:
    """How phantoms are made.

    Attributes:
        size: pixels along the film's longer side, 64 to 3072.
        bits: bits stored a pixel, 8 to 12.
        square: True for square films only; False also for portrait and landscape ones.
        labels: (appearance, grading) to make, or None to draw them.
        situation: of `scenario.SITUATIONS`, or None to draw one.
        confounder: a shortcut to plant, or None.
        devices: whether leads, lines and tubes may lie on the patient.
    """

    size: int = 1024
    bits: int = 12
    square: bool = False
    labels: tuple[str, str | None] | None = None
    situation: str | None = None
    confounder: Confounder | None = None
    devices: bool = True

    def __post_init__(self) -> None:
        if not 64 <= self.size <= 3072:
            raise ViewboxError(
                "A phantom of {size} pixels cannot be made; choose a size from 64 to 3072.", size=self.size
            )
        if not 8 <= self.bits <= 12:
            raise ViewboxError(
                "A phantom of {bits} bits cannot be made; choose 8 to 12 bits.", bits=self.bits
            )
        if self.labels is not None and self.labels not in COMBINATIONS:
            no_pair = "No film is {one} and {other}; choose labels that go together."
            raise ViewboxError(no_pair, one=self.labels[0], other=self.labels[1])
        if self.situation is not None and self.situation not in SITUATIONS:
            no_situation = "There is no situation '{name}'; choose one of {names}."
            raise ViewboxError(no_situation, name=self.situation, names=Names("name", SITUATIONS))


USUAL = PhantomSettings()
Recipe = tuple[int, PhantomSettings]
"""The seed of a phantom, and its settings."""
DEFAULT_SIZE = 504
DEFAULT_BITS = 10
"""Two bits less than a detector's twelve: they hold noise alone, and would add 5 MB to the folder."""
_SEED = 20_000


def default_recipes() -> list[Recipe]:
    """The 48 cases that ship with Viewbox, in the order of their IDs.

    Every combination of labels four times: all in agreement, then film alone or words alone, then the table
    alone, then in conflict; two conflicts more; and two cases that carry a shortcut (a lead arrow, a
    hospital's name) that a model may have learnt for another label.
    """
    wanted: list[tuple[tuple[str, str | None], str, Confounder | None]] = []
    for place, labels in enumerate(COMBINATIONS):
        conflict = "film against words" if place % 2 else "words against table"
        alone = "silent" if place % 2 else "words hold"
        wanted += [(labels, situation, None) for situation in ("agrees", alone, "table holds", conflict)]
    wanted.append((("Typical", "Severe"), "film against words", None))
    wanted.append((("Negative", None), "words against table", None))
    wanted.append((("Negative", None), "agrees", Confounder("marker", "Negative", 1.0)))
    wanted.append((("Indeterminate", "Mild"), "agrees", Confounder("hospital", "Indeterminate", 1.0)))
    return [
        (_SEED + place, PhantomSettings(DEFAULT_SIZE, DEFAULT_BITS, False, labels, situation, shortcut))
        for place, (labels, situation, shortcut) in enumerate(wanted)
    ]
