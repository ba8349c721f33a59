"""COVID-19 Image Repository, Hannover Medical School (Winther et al. 2020): `data.csv` and PNG films.

Or a Parquet file with the columns of `data.csv` and image; there an expert's severity readings may stand
beside them. Laboratory values may be infinite: the limit of what the laboratory measures, kept as such.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cases.case import licence_named
from cases.importers import tables
from cases.importers.rows import Dropped, ImportSettings, Layout, Notice, Row
from cases.importers.severity import SEVERITY_COLUMNS, severity_ratings

ATTRIBUTION = (
    "COVID-19 Image Repository, Institute for Diagnostic and Interventional Radiology,"
    " Hannover Medical School (Winther et al. 2020, doi:10.6084/m9.figshare.12275009)"
)
LABORATORY = {
    "crp": "crp_val", "d_dimer": "d-dimer_val", "ldh": "ldh_val", "lymphocytes": "lymphocytes_val",
    "neutrophils": "neutrophils_val", "po2": "po2_val", "pco2": "pco2_val",
}  # fmt: skip


def rows(source: str, settings: ImportSettings) -> Iterator[Row | Dropped | Notice]:
    """A row for every film."""
    table = tables.table_of(source, "data.csv")
    needed = ("patient_id", "image_id", "sex", "projection", *LABORATORY.values())
    yield from tables.left_aside(table, (*needed, *SEVERITY_COLUMNS, "age", "licence", "image"))
    if table.suffix == ".parquet":
        yield from (_row(line, line["image"]) for line in tables.parquet_rows(table, (*needed, "image")))
        return
    films = tables.films_by_stem(tables.folder(source))
    for line in tables.csv_rows(table, needed):
        film = films.get(line["image_id"])
        yield _row(line, film) if film else Dropped(line["image_id"], tables.NO_FILM)


def _row(line: dict[str, Any], film: Path | bytes) -> Row:
    view = tables.text_of(line, "projection").upper()
    admitted = tables.day_of(line, "admission_offset")  # days from the film to the admission
    return Row(
        case_id=f"hannover-{line['image_id']}",
        source="hannover",
        film=film,
        licence=licence_named(tables.text_of(line, "licence") or "CC BY 3.0"),
        attribution=ATTRIBUTION,
        patient=f"hannover-{line['patient_id']}",
        table={
            "age": tables.number_of(line, "age"),
            "sex": tables.sex_of(tables.text_of(line, "sex")),
            "view_position": tables.frontal(view),
            **{name: tables.number_of(line, column) for name, column in LABORATORY.items()},
        },
        view=view,
        day=None if admitted is None else -admitted,
        ratings=severity_ratings(line),
        published=tables.text_of(line, "image_id"),
        **tables.teaching_words(line),
    )


_TITLE = "COVID-19 Image Repository, Hannover Medical School"
LAYOUT = Layout("hannover", _TITLE, "hannover", rows, tables.count_rows("data.csv"))
