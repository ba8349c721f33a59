"""The files beside a checkpoint's weights, read with suspicion: a Hub repo may hold anything or nothing."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modeling.render.tables import number, part

logger = logging.getLogger(__name__)

METRICS_FILE = "metrics.json"
MAPS_FILE = "localisation.json"
VERDICTS_FILE = "verdicts.json"
FUSION_FILE = "fusion_comparison.json"
SHORTCUT_FILE = "shortcut.json"
LARGEST = 8 * 2**20
"""Bytes of a file that are read at most; a larger one is no file of numbers."""


@dataclass(frozen=True)
class Measured:
    """Numbers of one checkpoint; each part is empty where it was not measured.

    Attributes:
        tasks: title -> measurement of a task on a corpus.
        maps, fusion: as the commands `evaluation.maps.localisation` and
            `training.fusion_comparison` write them.
        shortcut: as `evaluation.maps.shortcut` writes it, beside a twin.
        whole: `metrics.json` as it is, for drawings.
    """

    tasks: Mapping[str, Mapping[str, Any]]
    maps: Mapping[str, Any]
    fusion: Mapping[str, Any]
    shortcut: Mapping[str, Any]
    whole: Mapping[str, Any]


def read_facts(folder: Path) -> Measured:
    """Everything measured that lies in a checkpoint's folder."""
    files = (METRICS_FILE, MAPS_FILE, FUSION_FILE, SHORTCUT_FILE)
    whole, maps, fusion, shortcut = (mapping(folder / name) for name in files)
    listed = part(whole, "measurements") or whole  # the first checkpoints had nothing else in this file
    tasks = {
        str(title): entry
        for title, entry in listed.items()
        if isinstance(entry, Mapping) and isinstance(entry.get("task"), str) and number(entry, "n")
    }
    return Measured(tasks, maps, fusion, shortcut, whole)


def mapping(path: Path) -> Mapping[str, Any]:
    """A file's mapping; empty where there is none to be read."""
    try:
        if path.stat().st_size > LARGEST:
            return {}
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as exc:
        logger.warning("%s of a checkpoint cannot be read: %s", path.name, type(exc).__name__)
        return {}
    return found if isinstance(found, Mapping) else {}
