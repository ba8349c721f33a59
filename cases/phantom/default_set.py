"""The cases that ship with Viewbox: every appearance and grading, in agreement and in conflict."""

from cases.phantom.scenario import COMBINATIONS
from cases.phantom.settings import Confounder, PhantomSettings

DEFAULT_SIZE = 504
DEFAULT_BITS = 10
"""Two bits less than a detector's twelve: they hold noise alone, and would add 5 MB to the folder."""
_SEED = 20_000

_EXTRA = (
    ("Typical", "Severe", "film against words"),
    ("Negative", None, "words against table"),
)
_SHORTCUTS = (
    (("Negative", None), Confounder("marker", "Negative", 1.0)),
    (("Indeterminate", "Mild"), Confounder("hospital", "Indeterminate", 1.0)),
)


def default_recipes() -> list[tuple[int, PhantomSettings]]:
    """Seed and settings of the 48 cases, in the order of their IDs.

    Every combination of labels four times: all in agreement, then film alone or words alone, then the table
    alone, then in conflict; two conflicts more; and two cases that carry a shortcut (a lead arrow, a
    hospital's name) that a model may have learnt for another label.
    """
    wanted: list[tuple[tuple[str, str | None], str, Confounder | None]] = []
    for place, labels in enumerate(COMBINATIONS):
        conflict = "film against words" if place % 2 else "words against table"
        alone = "silent" if place % 2 else "words hold"
        for situation in ("agrees", alone, "table holds", conflict):
            wanted.append((labels, situation, None))
    wanted += [((appearance, grading), situation, None) for appearance, grading, situation in _EXTRA]
    wanted += [(labels, "agrees", shortcut) for labels, shortcut in _SHORTCUTS]
    return [
        (
            _SEED + place,
            PhantomSettings(
                size=DEFAULT_SIZE, bits=DEFAULT_BITS, labels=labels, situation=situation, confounder=shortcut
            ),
        )
        for place, (labels, situation, shortcut) in enumerate(wanted)
    ]
