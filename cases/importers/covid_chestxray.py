"""covid-chestxray-dataset (Cohen et al. 2020): `metadata.csv` and `images/`, or a Parquet file of both.

Every image has a licence of its own, and only those that name one that allows it are shown. Hannover films
are left to the `hannover` importer: one patient must not stand in two sets. The clinical notes were written
with the diagnosis in view and often name it, so they count as read after the film, as findings.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cases.export.licences import licence_named
from cases.importers.rows import Dropped, ImportSettings, Layout, Notice, Row, short_hash
from cases.importers.severity import SEVERITY_COLUMNS, brixia_readings, severity_ratings
from cases.importers.tables import (
    FILM_ENDINGS,
    count_rows,
    csv_rows,
    find,
    folder,
    left_aside,
    number_of,
    optional,
    parquet_rows,
    teaching_words,
    text_of,
)
from modeling.labels import TaskName

ATTRIBUTION = "covid-chestxray-dataset (Cohen et al. 2020)"
HANNOVER = "covid-19-image-repository"
VIEWS = {"PA": "PA", "AP": "AP", "AP Supine": "AP", "AP Erect": "AP", "L": "lateral"}
TABLE = {
    "age": "age",
    "temperature": "temperature",
    "spo2": "pO2_saturation",
    "leukocytes": "leukocyte_count",
    "neutrophils": "neutrophil_count",
    "lymphocytes": "lymphocyte_count",
}
_NEEDED = ("patientid", "view", "modality", "filename", "url", "license")
_TAKEN = (
    *_NEEDED, *TABLE.values(), *SEVERITY_COLUMNS, "sex", "RT_PCR_positive", "clinical_notes", "doi", "folder",
    "image",
)  # fmt: skip


def rows(source: str, settings: ImportSettings) -> Iterator[Row | Dropped | Notice]:
    """A row for every radiograph of the table; CT volumes and Hannover films are dropped and counted."""
    yield from left_aside(_table(source), _TAKEN)
    for line, film in _films(source):
        name = text_of(line, "filename")
        if text_of(line, "modality") != "X-ray":
            yield Dropped(name, "not a radiograph")
        elif HANNOVER in text_of(line, "url"):
            yield Dropped(name, "a Hannover film: import hannover instead")
        elif film is None:
            yield Dropped(name, "its film is not in the folder")
        else:
            yield _row(line, film)


def count(source: str) -> int | None:
    """Lines of the table; its notes may hold line breaks, so a CSV file is not counted."""
    return count_rows(Path(source)) if source.endswith(".parquet") else None


def _films(source: str) -> Iterator[tuple[dict[str, Any], Path | bytes | None]]:
    if source.endswith(".parquet"):
        for line in parquet_rows(Path(source), (*_NEEDED, "image")):
            yield line, line.pop("image")
        return
    root = folder(source)
    scores = _scores(root)
    for line in csv_rows(_table(source), (*_NEEDED, "folder")):
        place = root / line["folder"] / line["filename"]
        ours = place.suffix.lower() in FILM_ENDINGS and place.is_file()
        yield line | scores.get(line["filename"], {}), place if ours else None


def _table(source: str) -> Path:
    return Path(source) if source.endswith(".parquet") else find(folder(source), "metadata.csv")


def _scores(root: Path) -> dict[str, dict[str, str]]:
    path = optional(root, "annotations/covid-severity-scores.csv")
    return {} if path is None else {
        line["filename"]: {
            "severity_geographic": line["geographic_mean"],
            "severity_opacity": line["opacity_mean"],
        }
        for line in csv_rows(path, ("filename", "geographic_mean", "opacity_mean"))
    }  # fmt: skip


def _row(line: dict[str, Any], film: Path | bytes) -> Row:
    readings, notes = brixia_readings(line), text_of(line, "clinical_notes")
    senior = {task: label for reader, task, label in readings if "senior" in reader}
    view = VIEWS.get(text_of(line, "view"), "")
    origin = text_of(line, "url", "doi")
    return Row(
        case_id=f"cohen-{short_hash(text_of(line, 'filename'))}",
        source="cohen",
        film=film,
        licence=licence_named(text_of(line, "license")),
        attribution=f"{ATTRIBUTION}; {origin}" if origin else ATTRIBUTION,
        patient=f"cohen-{text_of(line, 'patientid')}",
        table={
            "sex": {"F": "female", "M": "male"}.get(text_of(line, "sex")),
            "view_position": view if view in ("PA", "AP") else None,
            "rt_pcr": {"Y": "positive", "N": "negative"}.get(text_of(line, "RT_PCR_positive")),
            **{name: number_of(line, column) for name, column in TABLE.items()},
        },
        report={"findings": notes} if notes else {},
        reference={TaskName(task): label for task, label in senior.items()},
        readings=readings,
        view=view,
        ratings=severity_ratings(line),
        published=text_of(line, "filename"),
        **teaching_words(line),
    )


LAYOUT = Layout("covid-chestxray", "covid-chestxray-dataset", "cohen", rows, count)
