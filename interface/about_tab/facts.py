"""The files beside a checkpoint's weights, read with suspicion: a Hub repo may hold anything or nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modeling.explain.measured import MAPS_FILE, mapping
from modeling.render.tables import number, part

METRICS_FILE = "metrics.json"
VERDICTS_FILE = "verdicts.json"
FUSION_FILE = "fusion_comparison.json"
SHORTCUT_FILE = "shortcut.json"


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
