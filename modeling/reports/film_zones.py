"""Where the zones that reports name lie on a film: boxes in the frame of its lungs, for showing only.

On a frontal film each lung's frame is that of its dark field (`film_regions.lung_fields`), drawn halfway to
where lungs usually lie; a lung that is not found stands where it usually lies. On a lateral film, whose lungs
lie over each other, it is the usual place alone, the patient facing left.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from modeling.reports.pointing import LEXICON, ZONES, Place, Side
from modeling.trust.film_regions import lung_fields

Box = tuple[float, float, float, float]
"""Left, top, right, bottom, in shares of the film's width and height."""
USUAL: Mapping[str, Box] = {"right": (0.12, 0.14, 0.46, 0.82), "left": (0.54, 0.14, 0.88, 0.82)}
"""Where each lung lies on most frontal films; the patient's right is on the left."""
USUAL_LATERAL: Box = (0.12, 0.1, 0.88, 0.86)
_TRUSTED = 0.3
"""How much a found lung counts beside the usual place."""
_LEAST = 0.02
"""Share of the film that a found lung covers at least."""
_RIM = 2
"""Per cent of a lung's rows and columns that its frame leaves out on each side: thin spurs."""


@dataclass(frozen=True)
class LungFrame:
    """Where both lungs lie on a frontal film; `lateral` where it is one from the side."""

    right: Box
    left: Box
    lateral: bool = False

    @classmethod
    def of(cls, film: np.ndarray, *, lateral: bool = False, trusted: float = _TRUSTED) -> "LungFrame":
        """Find the lungs of a film, (H, W) brightness in [0, 1], bone bright, upright."""
        if lateral:
            return cls(USUAL_LATERAL, USUAL_LATERAL, True)
        fields = lung_fields(film)
        middle = film.shape[1] // 2
        halves = {"right": fields[:, :middle], "left": fields[:, middle:]}
        frames = {}
        for side, half in halves.items():
            found = _frame(half, 0 if side == "right" else middle, film.shape)
            usual = USUAL[side]
            frames[side] = usual if found is None else _between(usual, found, trusted)
        return cls(frames["right"], frames["left"])

    def boxes(self, place: Place) -> tuple[Box, ...]:
        """Where a place lies: one box, or one a lung; cut at the film's edges."""
        zone = ZONES[place.zone]
        if self.lateral:
            return (_cut(_within(self.right, zone["lateral"])),)
        if "both" in zone:
            both = (
                self.right[0],
                min(self.right[1], self.left[1]),
                self.left[2],
                max(self.right[3], self.left[3]),
            )
            return (_cut(_within(both, zone["both"])),)
        sides: Sequence[Side] = ("right", "left") if place.side == "both" else (place.side,)
        return tuple(_cut(self._in_lung(side, zone["lung"], place.part)) for side in sides)

    def _in_lung(self, side: Side, zone: Sequence[float], part: str) -> Box:
        top, bottom, inner, outer = zone
        if part:
            own = LEXICON["parts"][part]
            inner, outer = max(inner, own["inner"]), min(outer, own["outer"])
        frame = self.right if side == "right" else self.left
        across = (1 - outer, 1 - inner) if side == "right" else (inner, outer)
        return _within(frame, (across[0], top, across[1], bottom))


def _frame(half: np.ndarray, first: int, shape: tuple[int, int]) -> Box | None:
    rows, columns = np.nonzero(half)
    if len(rows) < _LEAST * shape[0] * shape[1]:
        return None
    top, bottom = np.percentile(rows, (_RIM, 100 - _RIM))
    left, right = np.percentile(columns, (_RIM, 100 - _RIM)) + first
    return (left / shape[1], top / shape[0], (right + 1) / shape[1], (bottom + 1) / shape[0])


def _between(usual: Box, found: Box, trusted: float) -> Box:
    left, top, right, bottom = (u + trusted * (f - u) for u, f in zip(usual, found, strict=True))
    return left, top, right, bottom


def _within(frame: Box, box: Sequence[float]) -> Box:
    left, top, right, bottom = frame
    width, height = right - left, bottom - top
    return left + box[0] * width, top + box[1] * height, left + box[2] * width, top + box[3] * height


def _cut(box: Box) -> Box:
    left, top, right, bottom = (round(min(1.0, max(0.0, side)), 4) for side in box)
    return left, top, right, bottom
