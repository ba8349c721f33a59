"""Corpora: films as the importers read them, with whatever labels and fields they have.

A label that a film does not have is missing, never negative. Films of one patient share a `patient`, and a
split is made of patients.
"""

import hashlib
import json
import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from cases.case import geographic_extent
from cases.importers import covid_chestxray
from cases.importers import hannover as hannover_importer
from cases.importers import nih as nih_importer
from cases.importers import siim as siim_importer
from cases.importers.rows import ImportSettings, Row
from cases.importers.severity import zone_scores
from cases.importers.tables import parquet_rows
from modeling.errors import StudyError, ViewboxError
from modeling.field_values import is_unknown
from modeling.labels import APPEARANCE, FINDINGS, GRADING, TaskName, grading_from_zones
from modeling.study import CLINICAL_FIELDS, ClinicalTable, ClinicalText, Photometric, Window
from training.corpora.labelled_film import Film, Split, known_boxes, split_of

logger = logging.getLogger(__name__)


def read_published(rows: Callable[[str, ImportSettings], Iterator[object]], path: Path) -> Iterator[Row]:
    """The rows that the set's importer reads of its file; training drops those that it drops.

    Raises:
        ViewboxError: there is no such file, or it lacks a published column.
    """
    if not path.is_file():
        template = "There is no file {path} in {parent}; name the folder that holds the corpora."
        raise ViewboxError(template, path=path.name, parent=path.parent)
    yield from (row for row in rows(str(path), ImportSettings()) if isinstance(row, Row))


def _film(row: Row, split: Split, fields: Sequence[str] = (), **more: Any) -> Film:
    """A row as a film to learn from; of its table the fields that are named."""
    return Film(
        film_id=row.published,
        source=row.source,
        patient=row.patient,
        split=split,
        encoded=row.film,
        table=_table({name: row.table[name] for name in fields}, row.published),
        **more,
    )


TEST_SHARE = 0.15
"""Of the patients of Cohen and Hannover; they chose nothing and are measured once."""
SIIM_TEST_SHARE = 0.13
"""Of the studies that SIIM's file has for training."""


def _side(patient: str) -> Split:
    return split_of(patient, test_share=TEST_SHARE)


def with_test_side(films: Sequence[Film], task: TaskName, share: float) -> list[Film]:
    """Some training patients of each class become a test that nothing is chosen by.

    Those are, of each class, the first by a hash of their names. Films that have a test side already, or no
    side beside training, stay as they are.
    """
    if {film.split for film in films} != {"train", "validation"}:
        return list(films)
    classes: dict[str, set[str]] = {}
    for film in films:
        if film.split == "train":
            classes.setdefault(film.labels[task], set()).add(film.patient)
    drawn = set()
    for patients in classes.values():
        order = sorted(patients, key=lambda name: hashlib.sha256(f"test {name}".encode()).digest())
        drawn |= set(order[: round(share * len(order))])
    return [replace(film, split="test") if film.patient in drawn else film for film in films]


def _table(raw: Mapping[str, object], film: str) -> ClinicalTable:
    """Known values only; one that its field refuses is dropped and logged, never clipped into range."""
    values: dict[str, float | str] = {}
    for name, value in raw.items():
        if isinstance(value, float) and math.isinf(value):
            values[name] = value  # beyond a laboratory limit: known, and kept apart from missing
        elif not is_unknown(value):
            try:
                values[name] = CLINICAL_FIELDS[name].check(value)
            except StudyError as exc:
                logger.debug("film %s: %s", film, exc)
    return ClinicalTable(values)


def siim(path: Path) -> Iterator[Film]:
    """SIIM-FISABIO-RSNA COVID-19: appearance by study, boxes of opacities; films squashed to a square."""
    films = []
    for row in read_published(siim_importer.rows, path):
        height, width = row.squashed_from or (1, 1)
        drawn = tuple((box.left, box.top, box.width, box.height) for box in row.regions)
        more = {"labels": row.reference, "boxes": known_boxes(drawn, row.reference)}
        films.append(_film(row, row.split or "test", pixel_aspect_ratio=height / width, **more))
    yield from with_test_side(films, APPEARANCE, SIIM_TEST_SHARE)


def extent_cuts(cohen_path: Path) -> tuple[float, ...]:
    """Cut points from the training patients of the Cohen set who have both readings."""
    pairs = []
    for row in read_published(covid_chestxray.rows, cohen_path):
        extent, zones = geographic_extent(row.ratings), _affected_zones(row)
        if extent is not None and zones is not None and _side(row.patient) == "train":
            pairs.append((extent, zones))
    extents, zones = np.asarray(pairs, float).T
    return fit_extent_cuts(extents, zones)


def zones_from_extent(extent: float, cuts: tuple[float, ...]) -> int:
    """Lung zones (0 to 6) that go with a geographic extent (0 to 8)."""
    return int(np.searchsorted(np.asarray(cuts), extent, side="right"))


def fit_extent_cuts(extents: np.ndarray, zones: np.ndarray) -> tuple[float, ...]:
    """Six increasing cut points on (N,) extents: as many films fall above each as have that many (N,) zones.

    Equipercentile linking of two readings of the same films. What follows is a stand-in to learn from and no
    reader's grading (`cases.importers.severity` says why).
    """
    shares = [(zones < k).mean() for k in range(1, 7)]
    return tuple(float(c) for c in np.maximum.accumulate(np.quantile(extents, shares)))


def _affected_zones(row: Row) -> int | None:
    """How many of six lung zones the senior Brixia reader found affected, 0 to 6."""
    scores = zone_scores(row.ratings, "S")
    return None if scores is None else sum(score > 0 for score in scores)


def _grading(row: Row, cuts: tuple[float, ...]) -> dict[TaskName, str]:
    """From the senior reader's Brixia zones where there are any, else linked to the geographic extent."""
    zones, extent = _affected_zones(row), geographic_extent(row.ratings)
    if zones is None and extent is not None:
        zones = zones_from_extent(extent, cuts)
    grading = None if zones is None else grading_from_zones(zones)
    return {} if grading is None else {GRADING: grading}


def _graded(importer: Any, path: Path, linked: Path, fields: Sequence[str]) -> Iterator[Film]:
    """The frontal films with a severity reading; cut points come from the file that is `linked`."""
    cuts = extent_cuts(linked)
    for row in read_published(importer.rows, path):
        labels = _grading(row, cuts)
        if labels and row.view in ("PA", "AP"):
            yield _film(row, _side(row.patient), ("sex", "view_position", *fields), labels=labels)


def cohen(path: Path) -> Iterator[Film]:
    """covid-chestxray-dataset (Cohen et al. 2020), frontal films with a severity reading."""
    yield from _graded(covid_chestxray, path, path, tuple(covid_chestxray.TABLE))


def hannover(path: Path) -> Iterator[Film]:
    """COVID-19 Image Repository, Hannover Medical School: films with an expert's severity, and laboratory."""
    fields = tuple(hannover_importer.LABORATORY)
    yield from _graded(hannover_importer, path, path.with_name("cohen.parquet"), fields)


NIH_SHOWN = frozenset(f"nih-{number}" for number in (506, 2104, 2195, 2545, 3064, 5532, 10447, 11237, 12141))
"""Patients whose films the app brings along to be read: nobody learns from them, nor is measured on them."""


def nih(path: Path) -> Iterator[Film]:
    """NIH ChestX-ray14 (Wang et al. 2017): findings mined from reports, those not named being absent.

    Its boxes say where single findings lie, not all opacities of a film, so nobody learns from them.
    """
    yield from (film for film in every_nih(path) if film.patient not in NIH_SHOWN)


def every_nih(path: Path) -> Iterator[Film]:
    """All films of the file, those of `NIH_SHOWN` too, with age, sex and view."""
    yield from map(film_of_nih, read_published(nih_importer.rows, path))


def film_of_nih(row: Row) -> Film:
    """A row of NIH's table as a film."""
    named = row.findings or ()
    return Film(
        film_id=row.case_id,
        source=row.source,
        patient=row.patient,
        split=split_of(row.patient),
        encoded=row.read_film(),
        table=ClinicalTable.read_cells(row.table)[0],
        states={FINDINGS: {name: float(name in named) for name in FINDINGS.classes}},
    )


def phantoms(path: Path) -> Iterator[Film]:
    """Synthetic cases as `viewbox phantoms --corpus FILE` writes them, with all labels."""
    plain = ("case_id", "image", "bits_stored", "photometric", "window")
    needed = (*plain, "table", "text", "reference", "boxes", "opacities")
    for row in parquet_rows(path, (*needed, "split")):
        window = row["window"]
        yield Film(
            film_id=row["case_id"],
            source="phantom",
            patient=row["case_id"],
            split=row["split"],
            encoded=row["image"],
            table=ClinicalTable(json.loads(row["table"])),
            text=ClinicalText(json.loads(row["text"])),
            labels={task: name for task, name in json.loads(row["reference"]).items()},
            boxes=tuple(tuple(box) for box in json.loads(row["boxes"])),
            drawing=row["opacities"],
            presentation={
                "bits_stored": row["bits_stored"],
                "photometric": Photometric(row["photometric"]),
                "window": None if window is None else Window(*window),
            },
        )
