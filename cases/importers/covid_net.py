"""The COVID-19 chest X-ray sets of Actualmed and of Figure 1 (COVID-Net's authors, 2020).

Each is `metadata.csv` and `images/`. A film says which disease its patient had, by test or by the doctor who
sent it, not what a reader saw on it: that label is a `diagnosis`, and checks an appearance head from outside
(`evaluation.external`). Neither set names a licence ("for research purposes only"): its films are not shown.
"""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from cases.case import licence_named
from cases.importers import tables
from cases.importers.rows import Dropped, ImportSettings, Layout, Notice, Row, short_hash
from modeling.labels import DIAGNOSIS, NO_FINDING

TABLE = {"age": "age", "temperature": "temperature", "spo2": "pO2 saturation"}
CLASSES = {"covid-19": "COVID-19", "pneumonia": "Pneumonia", "no finding": NO_FINDING}
_NEEDED = ("patientid", "finding", "view", "modality")
_TAKEN = (*_NEEDED, *TABLE.values(), "sex", "imagename", "notes")


def rows(
    source: str, settings: ImportSettings, *, name: str, attribution: str
) -> Iterator[Row | Dropped | Notice]:
    """A row for every radiograph; one whose finding is blank (inconclusive) has no diagnosis."""
    root = tables.folder(source)
    table = tables.find(root, "metadata.csv")
    yield from tables.left_aside(table, _TAKEN)
    films = tables.films_by_stem(root)
    for line in tables.csv_rows(table, _NEEDED):
        film = Path(line.get("imagename") or line["patientid"]).name
        path = films.get(film) or films.get(Path(film).stem)
        if line["modality"] != "X-ray":
            yield Dropped(film, "not a radiograph")
        elif path is None:
            yield Dropped(film, tables.NO_FILM)
        else:
            yield _row(line, path, name, attribution)


def _row(line: dict[str, str], film: Path, source: str, attribution: str) -> Row:
    view = (line["view"].split() or [""])[0]
    view = {"PA": "PA", "AP": "AP", "L": "lateral"}.get(view, "")
    own_film = "imagename" in line  # Figure 1 calls films by patients, and a patient's second one 00003b
    patient = line["patientid"] if own_film else re.sub(r"(?<=\d)[a-z]$", "", line["patientid"])
    diagnosis = CLASSES.get(line["finding"].lower())
    notes = "" if own_film else tables.text_of(line, "notes")  # Actualmed's repeat the label and the day
    return Row(
        case_id=f"{source}-{short_hash(film.stem)}",
        source=source,
        film=film,
        licence=licence_named(""),
        attribution=attribution,
        patient=f"{source}-{patient}",
        table={
            "sex": tables.sex_of(tables.text_of(line, "sex")),
            "view_position": tables.frontal(view),
            **{field: tables.number_of(line, column) for field, column in TABLE.items()},
        },
        report={"findings": notes} if notes else {},
        reference={DIAGNOSIS: diagnosis} if diagnosis else {},
        view=view,
        published=film.name,
    )


def _layout(name: str, title: str) -> Layout:
    return Layout(name, title, name, partial(rows, name=name, attribution=f"{title} (2020)"))


ACTUALMED = _layout("actualmed", "Actualmed COVID-19 Chest X-ray Dataset Initiative")
FIGURE_1 = _layout("figure1", "Figure 1 COVID-19 Chest X-ray Dataset Initiative")
