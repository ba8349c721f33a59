"""Where a map lies, in words: the share of its weight in each of six lung zones.

The zones are upper, middle and lower third of each lung, here thirds of the height over which
`film_regions.lung_fields` finds lung. They say where on the film a map lies; they measure no patient.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from PIL import Image

from modeling.trust.film_regions import lung_fields

SIDES = ("right", "left")
"""Of the patient; the patient's right is on the left of the film."""
HEIGHTS = ("upper", "middle", "lower")
ZONES = tuple(f"{side} {height}" for side in SIDES for height in HEIGHTS)
OUTSIDE = "outside"


@dataclass(frozen=True)
class PlaceOfWeight:
    """Shares of a map's summed magnitude; they sum to 1."""

    zones: Mapping[str, float]  # each of `ZONES` -> its share
    outside: float  # share outside the lung fields

    @property
    def most(self) -> tuple[str, float]:
        """The zone of most weight and its share; `OUTSIDE` where more than half lies outside the lungs."""
        if self.outside > 0.5:
            return OUTSIDE, self.outside
        zone = max(self.zones, key=lambda name: self.zones[name])
        return zone, self.zones[zone]


def zone_masks(film: np.ndarray) -> dict[str, np.ndarray]:
    """Zone -> (H, W) bool of an upright frontal film, (H, W) in [0, 1]; none where no two lungs are found."""
    lungs = lung_fields(film)
    width = lungs.shape[1]
    masks = {}
    for side, columns in zip(SIDES, (slice(0, width // 2), slice(width // 2, width)), strict=True):
        own = np.zeros_like(lungs)
        own[:, columns] = lungs[:, columns]
        rows = np.flatnonzero(own.any(axis=1))
        if not len(rows):
            return {}
        cuts = np.linspace(rows[0], rows[-1] + 1, 4).round().astype(int)
        for place, name in enumerate(HEIGHTS):
            zone = np.zeros_like(own)
            zone[cuts[place] : cuts[place + 1]] = own[cuts[place] : cuts[place + 1]]
            masks[f"{side} {name}"] = zone
    return masks


def place_of_weight(density: np.ndarray, film: np.ndarray) -> PlaceOfWeight | None:
    """Where an (h, w) signed map lies on a film, (H, W) in [0, 1]; None without map or lungs."""
    small = Image.fromarray(np.ascontiguousarray(film, np.float32)).resize(
        density.shape[::-1], Image.Resampling.BOX
    )
    magnitude, masks = np.abs(density).astype(np.float64), zone_masks(np.asarray(small))
    total = float(magnitude.sum())
    if not masks or total <= 0:
        return None
    zones = {name: float(magnitude[mask].sum()) / total for name, mask in masks.items()}
    return PlaceOfWeight(zones, max(0.0, 1.0 - sum(zones.values())))
