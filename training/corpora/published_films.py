"""Corpora: one loader for each published layout; every film with whatever labels and fields it has.

A label that a film does not have is missing, never negative. Films of one patient share a `patient`, and a
split is made of patients.
"""

import hashlib
import json
import logging
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from modeling.errors import StudyError, ViewboxError
from modeling.field_values import is_unknown
from modeling.labels import APPEARANCE, TaskName, grading_from_zones
from modeling.study import (
    CLINICAL_FIELDS,
    ClinicalTable,
    ClinicalText,
    Photometric,
    Window,
)
from training.corpora.extent import fit_extent_cuts, zones_from_extent
from training.corpora.labelled_film import Film, Split, split_of

logger = logging.getLogger(__name__)

BRIXIA_ZONES = tuple(f"brixia_S_{zone}" for zone in "ABCDEF")


def _rows(path: Path, needed: Iterable[str]) -> Iterator[dict]:
    from datasets import Dataset, disable_progress_bars

    if not path.is_file():
        raise ViewboxError(
            "There is no file {path} in {parent}; name the folder that holds the corpora.",
            path=path.name,
            parent=path.parent,
        )
    disable_progress_bars()
    rows = Dataset.from_parquet(str(path))
    missing = [name for name in needed if name not in rows.column_names]
    if missing:
        raise ViewboxError(
            "{path} has no column '{missing}'; give a file with the published columns.",
            path=path.name,
            missing=missing[0],
        )
    yield from rows


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
        if is_unknown(value):
            continue
        if isinstance(value, float) and math.isinf(value):
            values[name] = value  # beyond a laboratory limit: known, and kept apart from missing
            continue
        try:
            values[name] = CLINICAL_FIELDS[name].check(value)
        except StudyError as exc:
            logger.debug("film %s: %s", film, exc)
    return ClinicalTable(values)


def siim(path: Path) -> Iterator[Film]:
    """SIIM-FISABIO-RSNA COVID-19: appearance by study, boxes of opacities; films squashed to a square."""
    yield from with_test_side(list(_siim_films(path)), TaskName.APPEARANCE, SIIM_TEST_SHARE)


def _siim_films(path: Path) -> Iterator[Film]:
    for number, row in enumerate(_rows(path, ("image", "width", "height", "appearance"))):
        film = str(row.get("image_id", number))
        appearance = APPEARANCE.classes[APPEARANCE.index(row["appearance"])]
        drawn = tuple(tuple(box) for box in json.loads(row.get("boxes", "[]")))
        yield Film(
            film_id=film,
            source="siim",
            patient=f"siim-{row.get('study_id', film)}",
            split=row.get("split", "test"),
            encoded=row["image"],
            pixel_aspect_ratio=row["height"] / row["width"],
            labels={TaskName.APPEARANCE: appearance},
            # A film that is not Negative has opacities, whether or not somebody drew them.
            boxes=drawn if drawn or ("boxes" in row and appearance == "Negative") else None,
        )


def extent_cuts(cohen_path: Path) -> tuple[float, ...]:
    """Cut points from the training patients of the Cohen set who have both readings."""
    pairs = []
    for row in _rows(cohen_path, (*BRIXIA_ZONES, "severity_geographic", "patientid")):
        zones = _brixia_zones(row)
        extent = row["severity_geographic"]
        if zones is not None and not is_unknown(extent) and _side(f"cohen-{row['patientid']}") == "train":
            pairs.append((extent, zones))
    extents, zones = np.asarray(pairs, float).T
    return fit_extent_cuts(extents, zones)


def _brixia_zones(row: Mapping[str, object]) -> int | None:
    values = [row[name] for name in BRIXIA_ZONES]
    return None if any(is_unknown(v) for v in values) else sum(float(v) > 0 for v in values)


def _grading(row: Mapping[str, object], cuts: tuple[float, ...]) -> dict[TaskName, str]:
    """From the senior reader's Brixia zones where there are any, else from the geographic extent."""
    zones = _brixia_zones(row) if BRIXIA_ZONES[0] in row else None
    if zones is None and not is_unknown(row["severity_geographic"]):
        zones = zones_from_extent(float(row["severity_geographic"]), cuts)
    grading = None if zones is None else grading_from_zones(zones)
    return {} if grading is None else {TaskName.GRADING: grading}


def cohen(path: Path) -> Iterator[Film]:
    """covid-chestxray-dataset (Cohen et al. 2020), frontal films with a severity reading.

    The rows that are Hannover films are left to `hannover`: one patient must not stand in two corpora.
    """
    cuts = extent_cuts(path)
    views = {"PA": "PA", "AP": "AP", "AP Supine": "AP"}
    for row in _rows(path, ("patientid", "view", "filename", "url", "image", *BRIXIA_ZONES)):
        labels = _grading(row, cuts)
        if not labels or row["view"] not in views or "covid-19-image-repository" in (row["url"] or ""):
            continue
        table = {
            "age": row["age"],
            "sex": {"F": "female", "M": "male"}.get(row["sex"]),
            "view_position": views[row["view"]],
            "temperature": row["temperature"],
            "spo2": row["pO2_saturation"],
            "leukocytes": row["leukocyte_count"],
            "neutrophils": row["neutrophil_count"],
            "lymphocytes": row["lymphocyte_count"],
        }
        patient = f"cohen-{row['patientid']}"
        yield Film(
            film_id=row["filename"],
            source="cohen",
            patient=patient,
            split=_side(patient),
            encoded=row["image"],
            table=_table(table, row["filename"]),
            labels=labels,
        )


def hannover(path: Path) -> Iterator[Film]:
    """COVID-19 Image Repository, Hannover Medical School: films with an expert's severity, and laboratory."""
    cuts = extent_cuts(path.parent / "cohen.parquet")
    laboratory = {
        "crp": "crp_val",
        "d_dimer": "d-dimer_val",
        "ldh": "ldh_val",
        "lymphocytes": "lymphocytes_val",
        "neutrophils": "neutrophils_val",
        "po2": "po2_val",
        "pco2": "pco2_val",
    }
    for row in _rows(path, ("patient_id", "image_id", "image", "severity_geographic", *laboratory.values())):
        labels = _grading(row, cuts)
        if not labels:
            continue
        table = {
            "sex": {"f": "female", "m": "male"}.get(row["sex"]),
            "view_position": row["projection"].upper(),
            **{name: row[column] for name, column in laboratory.items()},
        }
        patient = f"hannover-{row['patient_id']}"
        yield Film(
            film_id=row["image_id"],
            source="hannover",
            patient=patient,
            split=_side(patient),
            encoded=row["image"],
            table=_table(table, row["image_id"]),
            labels=labels,
        )


def phantoms(path: Path) -> Iterator[Film]:
    """Synthetic cases as `viewbox phantoms --corpus FILE` writes them, with all labels."""
    plain = ("case_id", "image", "bits_stored", "photometric", "window")
    needed = (*plain, "table", "text", "reference", "boxes", "opacities")
    for row in _rows(path, (*needed, "split")):
        window = row["window"]
        yield Film(
            film_id=row["case_id"],
            source="phantom",
            patient=row["case_id"],
            split=row["split"],
            encoded=row["image"],
            table=ClinicalTable(json.loads(row["table"])),
            text=ClinicalText(json.loads(row["text"])),
            labels={TaskName(task): name for task, name in json.loads(row["reference"]).items()},
            boxes=tuple(tuple(box) for box in json.loads(row["boxes"])),
            drawing=row["opacities"],
            presentation={
                "bits_stored": row["bits_stored"],
                "photometric": Photometric(row["photometric"]),
                "window": None if window is None else Window(*window),
            },
        )
