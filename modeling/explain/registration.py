"""One film laid on another of the same view: the affine map between them, found from their brightness.

Coarse to fine, Gauss-Newton steps turn, shift, stretch and shear one film until its band-passed brightness
fits the other's. Gain and offset are free, so another exposure does no harm; ribs, spine, diaphragm and the
body's outline decide. A chest is no stiff body: what a deeper breath stretches fits only as far as one affine
map for the whole film goes.

Sources: Lucas and Kanade, IJCAI 1981; free gain and offset as in Evangelidis and Psarakis, IEEE TPAMI 2008.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

from modeling.errors import StudyError

_STAGES = ((2, 0.06, 0.25), (4, 0.04, 0.15), (4, 0.02, 0.1), (6, 0.0125, 0.07))
"""Coarse to fine: how many numbers are free (2: shift; 4: turn and size too; 6: any affine map), and the
deviations of two Gaussians, as shares of a side, between which the films are compared."""
_STEPS = 24
_STILL, _STRIDE, _OVERLAP = 1e-4, 0.1, 0.3
"""Steps at most, the change that ends them, its limit, and the share of the square that must be covered."""
FITS = 0.7
"""Correlation of the band-passed films from which one lies on the other."""
_LEAST, _MOST, _FARTHEST = 0.7, 1.4, 0.3
"""Magnification, and shift in shares of a side, beyond which two films are not of one chest in one view."""


Masks = tuple[np.ndarray, np.ndarray]
"""Where today's square and the earlier one hold film, (h, h) bool each."""


@dataclass(frozen=True, eq=False)
class Registration:
    """Where each place of today's film lies on an earlier one; both are squares of one size.

    Attributes:
        matrix: (2, 3) float64: (row, column, 1) of today's film -> (row, column) of the earlier one, each in
            half sides from the middle, -1 to 1.
        before, after: correlation of the two films as they are, and with the earlier one laid on today's.
    """

    matrix: np.ndarray
    before: float
    after: float

    def lay(self, earlier: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(h, h) of the earlier film -> the same on today's, and (h, h) bool where it reaches."""
        whole = np.ones(earlier.shape, bool)
        at, inside = _at(self.matrix, *_places(earlier.shape), (whole, whole))
        laid = map_coordinates(earlier.astype(np.float64), at, order=1, mode="constant")
        return laid.reshape(earlier.shape), inside.reshape(earlier.shape)


AS_THEY_ARE = Registration(np.eye(2, 3), float("nan"), float("nan"))
"""Two films on each other without any registration: to compare with."""


def register(today: np.ndarray, earlier: np.ndarray, shown: Masks | None = None) -> Registration:
    """Lay an earlier film on today's, both (h, h) brightness in [0, 1]; without `shown` there is no padding.

    Raises StudyError: they do not fit, such as films of two views or of something else than a chest.
    """
    assert today.shape == earlier.shape and today.shape[0] == today.shape[1], (today.shape, earlier.shape)
    start = np.eye(2, 3)
    masks = shown or (np.ones(today.shape, bool), np.ones(today.shape, bool))
    matrix = start
    for free, fine, smooth in _STAGES:
        bands = [_band(film, mask, fine, smooth) for film, mask in zip((today, earlier), masks, strict=True)]
        matrix = _fitted(*bands, masks, matrix, free)
    found = Registration(matrix, _correlation(*bands, masks, start), _correlation(*bands, masks, matrix))
    sizes = np.linalg.svd(matrix[:, :2], compute_uv=False)
    plausible = sizes.min() >= _LEAST and sizes.max() <= _MOST and np.abs(matrix[:, 2]).max() <= 2 * _FARTHEST
    if not plausible or found.after < FITS:
        raise StudyError(
            "The earlier film cannot be laid on today's: they are too unlike; compare them side by side."
        )
    return found


def _band(film: np.ndarray, mask: np.ndarray, fine: float, smooth: float) -> np.ndarray:
    """What lies between two Gaussians, over its local strength: ribs count as much as the outline."""
    side, weight = max(film.shape), mask.astype(np.float64)

    def mean(values: np.ndarray, share: float) -> np.ndarray:
        held = gaussian_filter(weight, share * side)
        return gaussian_filter(values * weight, share * side) / np.maximum(held, 1e-3)

    band = mean(film.astype(np.float64), fine) - mean(film.astype(np.float64), smooth)
    strength = np.sqrt(mean(band**2, smooth))
    return band / (strength + 0.3 * np.sqrt((band[mask] ** 2).mean()) + 1e-9)


def _places(shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """(N,) rows and columns of all pixels' centres, -1 to 1."""
    rows, columns = np.meshgrid(*((2 * np.arange(n) + 1) / n - 1 for n in shape), indexing="ij")
    return rows.ravel(), columns.ravel()


def _at(
    matrix: np.ndarray, rows: np.ndarray, columns: np.ndarray, masks: Masks
) -> tuple[np.ndarray, np.ndarray]:
    """(2, N) pixel coordinates on the earlier film, and (N,) bool where both squares hold film there."""
    there = matrix @ np.stack([rows, columns, np.ones_like(rows)])
    sides = np.array(masks[1].shape)[:, None]
    pixels = ((there + 1) * sides - 1) / 2
    inside = ((pixels >= 0) & (pixels <= sides - 1)).all(axis=0) & masks[0].ravel()
    nearest = np.rint(np.clip(pixels, 0, sides - 1)).astype(int)
    return pixels, inside & masks[1][nearest[0], nearest[1]]


def _free(free: int) -> np.ndarray:
    """(free, 2, 3): the matrix that each free number stands for."""
    if free == 6:
        return np.eye(6).reshape(6, 2, 3)
    units = np.zeros((4, 2, 3))
    units[0, 0, 2] = units[1, 1, 2] = 1.0  # shift
    units[2, [0, 1], [0, 1]] = 1.0  # size
    units[3, [0, 1], [1, 0]] = -1.0, 1.0  # turn
    return units[:free]


def _fitted(
    today: np.ndarray, earlier: np.ndarray, masks: Masks, matrix: np.ndarray, free: int
) -> np.ndarray:
    """Gauss-Newton steps from a first matrix; the best of those on the way."""
    rows, columns = _places(today.shape)
    places, units = np.stack([rows, columns, np.ones_like(rows)]), _free(free)
    slopes = [slope * today.shape[0] / 2 for slope in np.gradient(earlier)]  # by half a side
    best, kept = -1.0, matrix
    for _ in range(_STEPS):
        at, inside = _at(matrix, rows, columns, masks)
        if inside.sum() < _OVERLAP * inside.size:
            break
        moved, wanted = map_coordinates(earlier, at[:, inside], order=1), today.ravel()[inside]
        fit = _alike(moved, wanted)
        if fit > best:
            best, kept = fit, matrix
        down, across = (map_coordinates(slope, at[:, inside], order=1) for slope in slopes)
        ways = units @ places[:, inside]  # free 2 N: where each free number moves every place
        basis = down * ways[:, 0] + across * ways[:, 1]
        system = np.concatenate([basis, [moved, np.ones_like(moved)]])  # gain and offset: the exposure
        step = np.linalg.lstsq(system @ system.T, system @ wanted, rcond=None)[0]
        gain = step[-2] if step[-2] > 0.1 else 1.0
        change = np.tensordot(step[:-2] / gain, units, 1)
        matrix = matrix + np.clip(change, -_STRIDE, _STRIDE)
        if np.abs(change).max() < _STILL:
            break
    return kept


def _correlation(today: np.ndarray, earlier: np.ndarray, masks: Masks, matrix: np.ndarray) -> float:
    at, inside = _at(matrix, *_places(today.shape), masks)
    if inside.sum() < _OVERLAP * inside.size:
        return 0.0
    return _alike(map_coordinates(earlier, at[:, inside], order=1), today.ravel()[inside])


def _alike(one: np.ndarray, other: np.ndarray) -> float:
    """Correlation; 0 where either is even."""
    spread = one.std() * other.std()
    return float(((one - one.mean()) * (other - other.mean())).mean() / spread) if spread > 0 else 0.0
