"""covid-chestxray-dataset (Cohen et al. 2020): `metadata.csv` and `images/`, or a Parquet file of both.

Every image has a licence of its own, and only those that name one that allows it are shown. Hannover films
are left to the `hannover` importer: one patient must not stand in two sets. The clinical notes were written
with the diagnosis in view and often name it, so they count as read after the film, as findings.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cases.case import licence_named
from cases.importers import tables
from cases.importers.rows import Dropped, ImportSettings, Layout, Notice, Row, short_hash
from cases.importers.severity import SEVERITY_COLUMNS, brixia_readings, severity_ratings

ATTRIBUTION = "covid-chestxray-dataset (Cohen et al. 2020)"
HANNOVER = "covid-19-image-repository"
VIEWS = {"PA": "PA", "AP": "AP", "AP Supine": "AP", "AP Erect": "AP", "L": "lateral"}
TABLE = {
    "age": "age", "temperature": "temperature", "spo2": "pO2_saturation", "leukocytes": "leukocyte_count",
    "neutrophils": "neutrophil_count", "lymphocytes": "lymphocyte_count",
}  # fmt: skip
_NEEDED = ("patientid", "view", "modality", "filename", "url", "license")
_TAKEN = (
    *_NEEDED, *TABLE.values(), *SEVERITY_COLUMNS, "sex", "RT_PCR_positive", "clinical_notes", "doi", "folder",
    "image",
)  # fmt: skip


def rows(source: str, settings: ImportSettings) -> Iterator[Row | Dropped | Notice]:
    """A row for every radiograph of the table; CT volumes and Hannover films are dropped and counted."""
    yield from tables.left_aside(tables.table_of(source, "metadata.csv"), _TAKEN)
    for line, film in _films(source):
        name = tables.text_of(line, "filename")
        if tables.text_of(line, "modality") != "X-ray":
            yield Dropped(name, "not a radiograph")
        elif HANNOVER in tables.text_of(line, "url"):
            yield Dropped(name, "a Hannover film: import hannover instead")
        elif film is None:
            yield Dropped(name, tables.NO_FILM)
        else:
            yield _row(line, film)


def count(source: str) -> int | None:
    """Lines of the table; its notes may hold line breaks, so a CSV file is not counted."""
    return tables.count_rows()(source) if source.endswith(".parquet") else None


def _films(source: str) -> Iterator[tuple[dict[str, Any], Path | bytes | None]]:
    if source.endswith(".parquet"):
        for line in tables.parquet_rows(Path(source), (*_NEEDED, "image")):
            yield line, line.pop("image")
        return
    root = tables.folder(source)
    scores = _scores(root)
    for line in tables.csv_rows(tables.table_of(source, "metadata.csv"), (*_NEEDED, "folder")):
        place = root / line["folder"] / line["filename"]
        ours = place.suffix.lower() in tables.FILM_ENDINGS and place.is_file()
        yield line | scores.get(line["filename"], {}), place if ours else None


def _scores(root: Path) -> dict[str, dict[str, str]]:
    """Film -> the experts' means, as the Parquet file calls them."""
    names = {"severity_geographic": "geographic_mean", "severity_opacity": "opacity_mean"}
    needed = ("filename", *names.values())
    lines = tables.optional_rows(root, needed, "annotations/covid-severity-scores.csv")
    return {line["filename"]: {ours: line[theirs] for ours, theirs in names.items()} for line in lines}


def _row(line: dict[str, Any], film: Path | bytes) -> Row:
    readings, notes = brixia_readings(line), tables.text_of(line, "clinical_notes")
    name, pcr = tables.text_of(line, "filename"), tables.text_of(line, "RT_PCR_positive")
    senior = {task: label for reader, task, label in readings if "senior" in reader}
    view = VIEWS.get(tables.text_of(line, "view"), "")
    origin = tables.text_of(line, "url", "doi")
    return Row(
        case_id=f"cohen-{short_hash(name)}",
        source="cohen",
        film=film,
        licence=licence_named(tables.text_of(line, "license")),
        attribution=f"{ATTRIBUTION}; {origin}" if origin else ATTRIBUTION,
        patient=f"cohen-{tables.text_of(line, 'patientid')}",
        table={
            "sex": tables.sex_of(tables.text_of(line, "sex")),
            "view_position": tables.frontal(view),
            "rt_pcr": {"Y": "positive", "N": "negative"}.get(pcr),
            **{name: tables.number_of(line, column) for name, column in TABLE.items()},
        },
        report={"findings": notes} if notes else {},
        reference=senior,
        readings=readings,
        view=view,
        day=tables.day_of(line, "offset"),
        ratings=severity_ratings(line),
        published=name,
        **tables.teaching_words(line),
    )


LAYOUT = Layout("covid-chestxray", "covid-chestxray-dataset", "cohen", rows, count)
