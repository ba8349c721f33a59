"""Severity readings of the Cohen and Hannover films: Brixia zones, a grading from them, and experts' extents.

Brixia (Borghesi and Maroldi 2020) grades six lung zones A to F from 0 to 3, and how many of them are affected
is what RICORD's grading counts. A geographic extent and an opacity score, both 0 to 8 and of Cohen et
al. 2020, are no counts of zones: they stay ratings, and no case gets a reference label from them, for nobody
read one. Training may learn from a stand-in that `training.corpora.published_films` links to the zones, and a
card calls it by its name. They were published as the mean of three raters, whose own numbers are not there.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from cases.case import GEOGRAPHIC_EXTENT, Rating
from cases.importers.tables import number_of
from modeling.labels import GRADING, TaskName, grading_from_zones

READERS = {"S": "Brixia senior reader", "J": "Brixia junior reader"}
RATERS = "mean of 3 expert raters (Cohen et al. 2020)"
EXTENTS = {
    "severity_geographic": (GEOGRAPHIC_EXTENT, 8.0),
    "severity_opacity": ("opacity score", 8.0),
}
"""Column -> the scale, and its upper end; both begin at 0."""
ZONES = "ABCDEF"
SEVERITY_COLUMNS = (*EXTENTS, *(f"brixia_{letter}_{zone}" for letter in READERS for zone in ZONES))


def brixia_readings(line: Mapping[str, Any]) -> tuple[tuple[str, TaskName, str], ...]:
    """The grading that follows from each reader's six zones, where a reader graded all of them."""
    found = []
    for letter, reader in READERS.items():
        zones = [number_of(line, f"brixia_{letter}_{zone}") for zone in ZONES]
        grading = None if None in zones else grading_from_zones(sum(mark > 0 for mark in zones if mark))
        if grading is not None:
            found.append((reader, GRADING, grading))
    return tuple(found)


def zone_scores(ratings: Sequence[Rating], letter: str) -> tuple[int, ...] | None:
    """A reader's (letter of `READERS`) six Brixia zones, each 0 to 3; None where not all were graded."""
    marks = [int(one.value) for one in ratings if one.reader == READERS[letter]]
    return tuple(marks) if len(marks) == len(ZONES) else None


def severity_ratings(line: Mapping[str, Any]) -> tuple[Rating, ...]:
    """Every published number on severity, with whose it is and its scale."""
    found = [(RATERS, scale, number_of(line, column), high) for column, (scale, high) in EXTENTS.items()]
    found += [
        (reader, f"Brixia zone {zone}", number_of(line, f"brixia_{letter}_{zone}"), 3.0)
        for letter, reader in READERS.items()
        for zone in ZONES
    ]
    return tuple(Rating(who, scale, mark, 0.0, high) for who, scale, mark, high in found if mark is not None)
