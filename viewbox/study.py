"""Look at a study: several films of one patient, what the model of studies answers, what each film adds."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Argument, Option

from modeling.errors import ViewboxError
from viewbox.look import NOT_FOR_DIAGNOSIS, PANEL
from viewbox.options import Database, Json, Store, Table, Text, answer

if TYPE_CHECKING:
    from PIL import Image

    from cases.reading.study_upload import ReadStudy
    from modeling.study_answer import StudyAnswer, StudyPipeline

app = typer.Typer()
HEIGHT = 512
"""Pixels of a film on the picture of all maps."""
Given = Annotated[
    list[str],
    Argument(metavar="FILM...", help="films of one patient, or folders of them; with --store a case's ID"),
]
Views = Annotated[
    list[str] | None,
    Option("--view", metavar="VIEW", help="of each film in turn: PA, AP, lateral, ...; '' for its file's"),
]
Days = Annotated[
    list[int] | None,
    Option("--days", metavar="N", help="of each film in turn: taken so many days before the study"),
]
Asked = Annotated[
    str, Option(metavar="TASK/CLASS", help="what films add to; else the first task's most probable class")
]
Explain = Annotated[bool, Option("--explain", help="also one account over all films, fields and words")]
Map = Annotated[
    Path | None, Option("--map", metavar="OUT.png", help="with the account: every film under its map")
]


@app.command(rich_help_panel=PANEL)
def study(
    films: Given,
    view: Views = None,
    days: Days = None,
    target: Asked = "",
    table: Table = "",
    text: Text = "",
    explain: Explain = False,
    map_: Map = None,
    store: Store = None,
    database: Database = None,
    as_json: Json = False,
) -> None:
    """Several films as one study: what the model of studies answers, and what each film adds to that."""
    from hub_config.settings import STUDY_CHECKPOINT
    from modeling.study_answer import StudyPipeline, study_json

    if map_ is not None and (map_.suffix.lower() != ".png" or not map_.parent.is_dir()):
        no_map = "'{name}' cannot be written as a map; name a .png file in a folder that is there."
        raise ViewboxError(no_map, name=map_)
    pipeline = StudyPipeline.from_pretrained(STUDY_CHECKPOINT)
    if store is None and database is None:
        read, about = _opened(pipeline, films, view, days, table, text), {}
    else:
        if view or days or table or text or len(films) > 1:
            raise ViewboxError("A stored case has its own films, views and values; give its ID alone.")
        read, about = _stored(films[0], store, database)
    source = about.get("source") or None
    found = pipeline.predict(read.films, read.study, target, refused=read.refused, source=source)
    if explain or map_ is not None:
        *_, found = pipeline.explain(found)
    if map_ is not None:
        _picture(found).save(map_)
    reference = about.get("reference", {})
    named = {"case_id": films[0]} if about else {}
    answer({**named, **study_json(found, reference)}, lambda _: _lines(found, reference), as_json)


def _opened(
    pipeline: "StudyPipeline",
    given: list[str],
    views: list[str] | None,
    days: list[int] | None,
    table: str,
    text: str,
) -> "ReadStudy":
    from modeling.study import TEXT_SECTIONS
    from viewbox.many import films_of
    from viewbox.studies import open_films, table_of

    paths = [film for one in map(Path, given) for film in (films_of([one]) if one.is_dir() else [one])]
    section = (*pipeline.text_sections, *TEXT_SECTIONS)[0]
    return open_films(paths, views, days, table=table_of(table), text={section: text})


def _stored(case_id: str, store: str | None, database: str | None) -> "tuple[ReadStudy, dict[str, Any]]":
    from cases.reading.study_upload import ReadStudy
    from viewbox.lake import open_case_store

    case = open_case_store(store, database).get(case_id)
    reference = {str(task): name for task, name in case.reference.items()}
    return ReadStudy(case.films, case.study), {"source": case.provenance.source, "reference": reference}


def _lines(found: "StudyAnswer", reference: dict[str, str]) -> str:
    known = [f"reference: {task} {name}" for task, name in reference.items()]
    return "\n".join((str(found), *known, "", NOT_FOR_DIAGNOSIS))


def _picture(found: "StudyAnswer") -> "Image.Image":
    """Every film under its map, on one scale, side by side in their order."""
    import numpy as np
    from PIL import Image

    from modeling.explain.registry import ACCOUNT, map_method
    from modeling.model.film import brightness
    from modeling.render.pictures import film_picture, maps_on_one_scale

    films = [np.asarray(film_picture(brightness(film.radiograph)), np.float32) / 255 for film in found.films]
    drawn = maps_on_one_scale(films, [part.map for part in found.parts], map_method(ACCOUNT))
    pictures = [one.picture for one in drawn]
    sizes = [(max(1, round(one.width * HEIGHT / one.height)), HEIGHT) for one in pictures]
    strip = Image.new("RGB", (sum(width for width, _ in sizes), HEIGHT))
    place = 0
    for one, size in zip(pictures, sizes, strict=True):
        strip.paste(one.resize(size, Image.Resampling.LANCZOS), (place, 0))
        place += size[0]
    return strip
