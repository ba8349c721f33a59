"""COVID-19 Image Repository, Hannover Medical School (Winther et al. 2020): `data.csv` and PNG films.

Or a Parquet file with the columns of `data.csv` and image; there an expert's severity readings may stand
beside them. Laboratory values may be infinite: the limit of what the laboratory measures, kept as such.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cases.export.licences import licence_named
from cases.importers.rows import Dropped, ImportSettings, Layout, Notice, Row
from cases.importers.severity import SEVERITY_COLUMNS, severity_ratings
from cases.importers.tables import (
    count_rows,
    csv_rows,
    films_by_stem,
    find,
    folder,
    left_aside,
    number_of,
    parquet_rows,
    teaching_words,
    text_of,
)

ATTRIBUTION = (
    "COVID-19 Image Repository, Institute for Diagnostic and Interventional Radiology,"
    " Hannover Medical School (Winther et al. 2020, doi:10.6084/m9.figshare.12275009)"
)
LABORATORY = {
    "crp": "crp_val",
    "d_dimer": "d-dimer_val",
    "ldh": "ldh_val",
    "lymphocytes": "lymphocytes_val",
    "neutrophils": "neutrophils_val",
    "po2": "po2_val",
    "pco2": "pco2_val",
}


def rows(source: str, settings: ImportSettings) -> Iterator[Row | Dropped | Notice]:
    """A row for every film."""
    needed = ("patient_id", "image_id", "sex", "projection", *LABORATORY.values())
    yield from left_aside(_table(source), (*needed, *SEVERITY_COLUMNS, "age", "licence", "image"))
    if source.endswith(".parquet"):
        for line in parquet_rows(Path(source), (*needed, "image")):
            yield _row(line, line["image"])
        return
    root = folder(source)
    films = films_by_stem(root)
    for line in csv_rows(_table(source), needed):
        film = films.get(line["image_id"])
        yield _row(line, film) if film else Dropped(line["image_id"], "its film is not in the folder")


def count(source: str) -> int | None:
    """Lines of the table."""
    return count_rows(_table(source))


def _table(source: str) -> Path:
    return Path(source) if source.endswith(".parquet") else find(folder(source), "data.csv")


def _row(line: dict[str, Any], film: Path | bytes) -> Row:
    view = text_of(line, "projection").upper()
    return Row(
        case_id=f"hannover-{line['image_id']}",
        source="hannover",
        film=film,
        licence=licence_named(text_of(line, "licence") or "CC BY 3.0"),
        attribution=ATTRIBUTION,
        patient=f"hannover-{line['patient_id']}",
        table={
            "age": number_of(line, "age"),
            "sex": {"f": "female", "m": "male"}.get(text_of(line, "sex").lower()),
            "view_position": view if view in ("PA", "AP") else None,
            **{name: number_of(line, column) for name, column in LABORATORY.items()},
        },
        view=view,
        ratings=severity_ratings(line),
        published=text_of(line, "image_id"),
        **teaching_words(line),
    )


LAYOUT = Layout("hannover", "COVID-19 Image Repository, Hannover Medical School", "hannover", rows, count)
