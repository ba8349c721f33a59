"""Films on their way to the viewer: in memory only, at native range, by an address that only its reader has.

A film is answered as bytes, not inside the component's value: gradio compares and copies that value as JSON
at each change. The address is unguessable, is told to one session only, and dies with it.

The answer is one stream: a smaller film first where the film is large, then the film itself, both in blocks
of rows. Each row is coded as steps from pixel to pixel (zigzag), low bytes before high bytes, which is what
makes a film small; gzip is the transport's, so the browser undoes it natively. Beside a film's address stands
one that tells, as JSON, which film most likely follows; the browser fetches that one too meanwhile.
"""

import secrets
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any
from weakref import WeakValueDictionary

import numpy as np

from cases.case import Case
from interface.html.pictures import small_film
from interface.language.texts import Language
from modeling.model.film import grayscale
from modeling.study import Radiograph, ViewPosition

ROUTE = "viewbox/film/"
BLOCK_ROWS = 128
PREVIEW_SIDE = 1024
"""Longer side of the smaller film, at most."""

_held: WeakValueDictionary[str, "HeldFilm"] = WeakValueDictionary()


class HeldFilm:
    """A film that may be shown, as long as someone holds it, by its `key` in the address.

    Attributes:
        film, aspect: the gray values with the windows that belong to them; height of a pixel over its width.
        following: the key of the film that most likely follows; None while that is being read, else empty.
        report: makes the markup of its case's report where that may be read, given a language; else None.
    """

    following: str | None = ""
    report: Callable[[Language], str] | None = None

    def __init__(self, radiograph: Radiograph) -> None:
        self.key, self._radiograph = secrets.token_urlsafe(24), radiograph
        self.film, self.aspect = grayscale(radiograph), radiograph.pixel_aspect_ratio
        _held[self.key] = self

    @cached_property
    def picture(self) -> np.ndarray:
        """(H', W') uint8 as the model sees it, at most 1024 a side, for maps that are drawn on the server."""
        return small_film(self._radiograph)

    @property
    def view_position(self) -> ViewPosition:
        """PA, AP, lateral or unknown."""
        return self._radiograph.view_position

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W) in native pixels."""
        return self.film.values.shape

    @property
    def shrink(self) -> int:
        """How many times smaller the preceding film is; 1 where there is none."""
        side = max(self.shape)
        return 1 if side <= 1400 else -(-side // PREVIEW_SIDE)

    @property
    def described(self) -> dict[str, Any]:
        """The film's address, size and windows, for the browser to fetch and show it."""
        film, (rows, columns), by = self.film, self.shape, self.shrink
        return {
            "id": self.key,
            "address": ROUTE + self.key,
            "width": columns,
            "height": rows,
            "bytes": film.values.itemsize,
            "preview": [columns // by, rows // by] if by > 1 else [0, 0],
            "last": self._last,
            "low": film.seen_by_model[0],
            "high": film.seen_by_model[1],
            "of_file": film.of_file,
            "slope": film.slope,
            "intercept": film.intercept,
            "aspect": self.aspect,
        }

    @cached_property
    def _last(self) -> int:
        return int(self.film.values.max())

    def blocks(self) -> Iterator[bytes]:
        """The stream, block by block."""
        if self.shrink > 1:
            yield from _blocks(shrunk(self.film.values, self.shrink))
        yield from _blocks(self.film.values)


def held_film(key: str) -> HeldFilm | None:
    """The film that has this key, as long as someone holds it."""
    return _held.get(key)


def hold(case: Case) -> HeldFilm | None:
    """The case's film for the viewer; None where there is no film or its licence does not let it be shown."""
    radiograph = case.study.radiograph
    if radiograph is None or not case.licence.may_show:
        return None
    return HeldFilm(radiograph)


def shrunk(values: np.ndarray, by: int) -> np.ndarray:
    """Means of `by` x `by` pixels, same dtype; what does not fill a cell is left off."""
    rows, columns = values.shape[0] // by, values.shape[1] // by
    total = np.zeros((rows, columns), np.uint32)
    for down in range(by):  # whole planes at a time: five times faster than a sum over short axes
        for across in range(by):
            total += values[down : rows * by : by, across : columns * by : by]
    return (total // (by * by)).astype(values.dtype)


def _blocks(values: np.ndarray) -> Iterator[bytes]:
    signed = np.int8 if values.dtype == np.uint8 else np.int16
    bits = 8 * values.itemsize
    for top in range(0, values.shape[0], BLOCK_ROWS):
        rows = np.ascontiguousarray(values[top : top + BLOCK_ROWS])
        steps = rows.copy()
        steps[:, 1:] -= rows[:, :-1]  # wraps around, and so does its undoing
        steps = steps.view(signed)
        coded = ((steps << 1) ^ (steps >> (bits - 1))).view(values.dtype)
        if bits == 8:
            yield coded.tobytes()
        else:
            yield (coded & 0xFF).astype(np.uint8).tobytes() + (coded >> 8).astype(np.uint8).tobytes()
