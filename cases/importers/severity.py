"""Severity readings of the Cohen and Hannover films: Brixia zones become a grading, extents a note.

Brixia (Borghesi and Maroldi 2020) grades six lung zones A to F from 0 to 3, which is what RICORD's grading
counts; a geographic extent (0 to 8) is no count of zones, and is not turned into one here.
"""

from collections.abc import Mapping
from typing import Any

from cases.importers.tables import number_of
from modeling.labels import TaskName, grading_from_zones

READERS = {"S": "Brixia senior reader", "J": "Brixia junior reader"}


def brixia_readings(line: Mapping[str, Any]) -> tuple[tuple[str, TaskName, str], ...]:
    """The grading that follows from each reader's six zones, where a reader graded all of them."""
    found = []
    for letter, reader in READERS.items():
        zones = [number_of(line, f"brixia_{letter}_{zone}") for zone in "ABCDEF"]
        if None in zones:
            continue
        grading = grading_from_zones(sum(value > 0 for value in zones if value is not None))
        if grading is not None:
            found.append((reader, TaskName.GRADING, grading))
    return tuple(found)


def severity_notes(line: Mapping[str, Any]) -> tuple[str, ...]:
    """What three experts' mean extent and opacity say, as a sentence for the reader."""
    extent = number_of(line, "severity_geographic")
    opacity = number_of(line, "severity_opacity")
    if extent is None or opacity is None:
        return ()
    return (f"Experts' mean severity: geographic extent {extent:.1f} (of 8), opacity {opacity:.1f}.",)
