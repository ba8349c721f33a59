"""How well a checkpoint's maps point, as measured beside its weights, and which map a reader sees first.

A Hub repo may hold anything or nothing, so its files are read with suspicion.
"""

import logging
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from modeling.configuration import read_json
from modeling.explain.registry import ACCOUNT, map_methods

logger = logging.getLogger(__name__)

MAPS_FILE = "localisation.json"
LARGEST = 8 * 2**20
"""Bytes of a file that are read at most; a larger one is no file of numbers."""
AT_ONCE = 0.2
"""Median seconds up to which a second opinion may stand in front of the account's first refinement."""


def mapping(path: Path) -> Mapping[str, Any]:
    """A file's mapping; empty where there is none to be read."""
    try:
        if path.stat().st_size > LARGEST:
            return {}
        found = read_json(path)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as exc:
        logger.warning("%s of a checkpoint cannot be read: %s", path.name, type(exc).__name__)
        return {}
    return found if isinstance(found, Mapping) else {}


def localisation_of(folder: Path) -> Mapping[str, Any] | None:
    """The localisation benchmark that lies beside a checkpoint's weights; None where there is none."""
    found = mapping(folder / MAPS_FILE)
    return found if isinstance(found.get("maps"), dict) and isinstance(found.get("films"), int) else None


@lru_cache(maxsize=16)
def first_method(folder: Path) -> str:
    """The map that a reader of this checkpoint sees first."""
    return best_method(localisation_of(folder))


def best_method(localisation: Mapping[str, Any] | None) -> str:
    """The map that points best of those that come at once; the account where none was measured."""
    rates = {ACCOUNT: 0.0} | hit_rates(localisation, at_once=True)
    return max(rates, key=lambda name: rates[name])


def hit_rates(localisation: Mapping[str, Any] | None, *, at_once: bool = False) -> dict[str, float]:
    """How well each measured map points, 0 to 1; if asked, only second opinions that come at once."""
    maps, rates = (localisation or {}).get("maps", {}), {}
    for method in map_methods("account", "opinion"):
        for row in (maps[name] for name in method.measured_as if name in maps):
            if not at_once or method.name == ACCOUNT or (row.get("median_seconds") or 0.0) <= AT_ONCE:
                rates[method.name] = max(rates.get(method.name, 0.0), row["hit_rate"]["value"] or 0.0)
    return rates
