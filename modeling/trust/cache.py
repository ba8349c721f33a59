"""Results kept by content in memory: the least recently used go first, so that a second look is free."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import fields, is_dataclass

import numpy as np

from modeling.results import Attribution
from modeling.study import Study


def study_key(study: Study) -> str:
    """Content hash of all that a study holds: pixels, how they are shown, known values, words."""
    digest = hashlib.sha256()
    film = study.radiograph
    if film is not None:
        digest.update(film.sha256.encode())
        for name in sorted(f.name for f in fields(film) if f.name not in ("pixels", "voi_lut")):
            digest.update(repr((name, getattr(film, name))).encode())
        if film.voi_lut is not None:
            digest.update(repr(film.voi_lut.first).encode() + np.asarray(film.voi_lut.values).tobytes())
    digest.update(repr(sorted((k, repr(v)) for k, v in study.table.values.items())).encode())
    digest.update(repr(sorted(study.text.sections.items())).encode())
    return digest.hexdigest()


def attribution_key(attribution: Attribution) -> str:
    """Content hash of an account: what it says, not how long it took."""
    digest = hashlib.sha256()
    if attribution.image is not None:
        digest.update(np.ascontiguousarray(attribution.image).tobytes())
    said = (attribution.target, attribution.method, attribution.baseline, attribution.fields)
    digest.update(repr((*said, attribution.words, attribution.output, attribution.baseline_output)).encode())
    return digest.hexdigest()


class ContentCache:
    """Values by key, bounded in bytes. Threads may share it."""

    def __init__(self, limit_bytes: int = 64 * 2**20) -> None:
        self._limit, self._held = limit_bytes, 0
        self._lock = threading.Lock()
        self._entries: OrderedDict[Hashable, tuple[object, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: Hashable) -> object | None:
        """What was kept under this key; None where nothing is (any more)."""
        with self._lock:
            if key not in self._entries:
                return None
            self._entries.move_to_end(key)
            return self._entries[key][0]

    def keep(self, key: Hashable, value: object) -> None:
        """Keep a value; the least recently used go until all fit, this one too if it alone is too large."""
        size = _bytes(value)
        with self._lock:
            if key in self._entries:
                self._held -= self._entries.pop(key)[1]
            self._entries[key] = (value, size)
            self._held += size
            while self._held > self._limit:
                self._held -= self._entries.popitem(last=False)[1][1]


def _bytes(value: object) -> int:
    """Roughly what a result takes: its arrays, and a little for everything else."""
    if isinstance(value, np.ndarray):
        return value.nbytes
    if isinstance(value, tuple | list):
        return 64 + sum(_bytes(v) for v in value)
    if is_dataclass(value):
        return 64 + sum(_bytes(getattr(value, f.name)) for f in fields(value))
    return 64
