"""Geographic extent (0 to 8) in lung zones (0 to 6): two readings of the same films, linked.

What follows is a stand-in to learn from and no reader's grading (`cases.importers.severity` says why).
"""

import numpy as np


def zones_from_extent(extent: float, cuts: tuple[float, ...]) -> int:
    """Lung zones (0 to 6) that go with a geographic extent (0 to 8), by cut points."""
    return int(np.searchsorted(np.asarray(cuts), extent, side="right"))


def fit_extent_cuts(extents: np.ndarray, zones: np.ndarray) -> tuple[float, ...]:
    """Cut points on the extent so that as many films fall above each as have that many zones.

    Equipercentile linking of two readings of the same films.

    Args:
        extents: (N,) geographic extent, 0 to 8.
        zones: (N,) zones with opacity, 0 to 6.

    Returns:
        Six increasing cut points.
    """
    shares = [(zones < k).mean() for k in range(1, 7)]
    return tuple(float(c) for c in np.maximum.accumulate(np.quantile(extents, shares)))
