"""Look at cases: the page, and one film at a terminal."""

import dataclasses
from collections.abc import Sequence
from contextlib import nullcontext
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer
from typer import Option

from modeling.errors import StudyError, ViewboxError
from viewbox.options import Film, Films, Json, Table, Text, answer

if TYPE_CHECKING:
    import numpy as np

    from cases.export.dicom_map import Header
    from modeling.answers import CheckedExplanation
    from modeling.pipeline import DiagnosisPipeline
    from modeling.render.pictures import HeatMap
    from modeling.results import Attribution, FilmOpinion
    from modeling.study import Study

PANEL = "Look at cases"
NOT_FOR_DIAGNOSIS = "For teaching and research; not for diagnosis."
app = typer.Typer()
Asked = Annotated[
    str, Option(metavar="DIR", help="checkpoint folder or Hub repo; else the bundled film checkpoint")
]


Baseline = Annotated[
    str, Option(help="what the account starts from and hides places: black (default), blurred, mean, normals")
]
Method = Annotated[
    str, Option(metavar="NAME", help="whose map; integrated_gradients accounts for every part")
]
Maps = Annotated[
    list[Path] | None,
    Option("--map", metavar="FILE", help="also write the map: .png on the film, .npz as numbers; repeatable"),
]
Csv = Annotated[Path | None, Option(metavar="FILE", help="write a row for each film to this table")]
Dicom = Annotated[
    Path | None,
    Option("--dicom", metavar="DIR", help="also write the map as DICOM, into the film's own study"),
]


@app.command(rich_help_panel=PANEL)
def serve(
    host: Annotated[str | None, Option(help="address to listen on")] = None,
    port: Annotated[int | None, Option(min=1, max=65535)] = None,
    checkpoint: Annotated[
        list[str] | None, Option(metavar="DIR", help="folder or Hub repo; repeatable; else those that ship")
    ] = None,
    store: Annotated[
        str | None, Option(metavar="URI", help="mongodb:// address or folder; else the cases that ship")
    ] = None,
) -> None:
    """Serve the page. What is not given here comes from the environment, as docs/deploy.md lists it."""
    import app as page
    from hub_config.settings import Settings

    given = {
        "server_name": host,
        "server_port": port,
        "models": tuple(checkpoint) if checkpoint else None,
        "mongodb_uri": store if store and "://" in store else None,
        "cases_folder": store if store and "://" not in store else None,
    }
    settings = Settings.from_env()
    page.serve(dataclasses.replace(settings, **{name: value for name, value in given.items() if value}))


def _opened(checkpoint: str, film: Path, table: str, text: str) -> "tuple[DiagnosisPipeline, Study]":
    from modeling.pipeline import DiagnosisPipeline
    from modeling.study import TEXT_SECTIONS
    from viewbox.studies import bundled, open_study, table_of

    pipeline = DiagnosisPipeline.from_pretrained(checkpoint or bundled())
    section = (*pipeline.text_sections, *TEXT_SECTIONS)[0]
    return pipeline, open_study(film, table_of(table), {section: text})


@app.command(rich_help_panel=PANEL)
def predict(
    films: Films,
    table: Table = "",
    text: Text = "",
    checkpoint: Asked = "",
    csv: Csv = None,
    as_json: Json = False,
) -> None:
    """Films in; of each what stands against an answer, then probabilities and what cannot be ruled out."""
    from modeling.answers import prediction_json

    if csv is not None or len(films) > 1 or films[0].is_dir():
        return _predict_many(films, table or text, checkpoint, csv, as_json)
    pipeline, study = _opened(checkpoint, films[0], table, text)
    prediction = pipeline.predict(study)
    answer(prediction_json(prediction), lambda _: f"{prediction}\n\n{NOT_FOR_DIAGNOSIS}", as_json)
    if prediction.refusal:
        raise typer.Exit(1)


def _predict_many(paths: list[Path], given: str, checkpoint: str, csv: Path | None, as_json: bool) -> None:
    """Rows, JSON or lines as the answers come; at the end refuses where a film has better no answer."""
    from modeling.answers import table_header, table_row
    from modeling.csv_cells import csv_text
    from modeling.pipeline import DiagnosisPipeline
    from viewbox.many import films_of, predict_films
    from viewbox.studies import bundled

    if given:
        raise StudyError("--table and --text belong to one film; give that film alone.")
    films = films_of(paths)
    with csv.open("w", encoding="utf-8") if csv else nullcontext() as file:
        pipeline, answers = DiagnosisPipeline.from_pretrained(checkpoint or bundled()), []
        header = table_header(task.spec for task in pipeline.config.tasks)
        if file is not None:
            file.write(csv_text(header, ()))
        for one in predict_films(pipeline, films):
            answers.append(one)
            if file is not None:
                file.write(csv_text(table_row(header, one), ()))
            elif not as_json:
                typer.echo(one)
    if as_json or csv is None:
        found = {"not_for_diagnosis": True, "films": [one.as_json() for one in answers]}
        answer(found, lambda _: NOT_FOR_DIAGNOSIS, as_json)
    if refused := sum(bool(one.refusal) for one in answers):
        some = "{refused} of {count} films have no answer, or better none; their rows say why."
        raise StudyError(some, refused=refused, count=len(films))


@app.command(rich_help_panel=PANEL)
def explain(
    film: Film,
    target: Annotated[
        str, Option(metavar="TASK/CLASS", help="such as appearance/Typical; else the most probable class")
    ] = "",
    table: Table = "",
    text: Text = "",
    checkpoint: Asked = "",
    method: Method = "",
    baseline: Baseline = "",
    maps: Maps = None,
    dicom: Dicom = None,
    as_json: Json = False,
) -> None:
    """A map of one study and the verdict on it: of a film alone the one that the page shows first.

    With target, table, text or baseline, or by --method: Integrated Gradients over pixels, fields and words.
    """
    from concurrent.futures import Future, ThreadPoolExecutor

    from modeling.answers import explain_and_check, explanation_json
    from modeling.explain.registry import ACCOUNT

    _check_maps(maps or ())
    pipeline, study = _opened(checkpoint, film, table, text)
    header = None if dicom is None else _header(film)
    method = method or (ACCOUNT if target or table or text or baseline else "")
    drawings: list[Future[_Drawing]] = []
    with ThreadPoolExecutor(1) as beside:  # the map is drawn while it is checked

        def seen(map_: "Attribution | FilmOpinion") -> None:
            if map_.image is None:
                unseen = (
                    "{target} is answered without the film; ask without a map, or with another checkpoint."
                )
                raise StudyError(unseen, target=map_.target.slug)
            drawings.append(beside.submit(_draw, pipeline, study, map_))

        how = {"method": method, "baseline": baseline or "black"}
        explained = explain_and_check(pipeline, study, target, **how, seen=seen if maps or dicom else None)
    found = explanation_json(explained)
    for drawing in drawings:
        _write_maps(maps or (), drawing.result(), explained, study.radiograph.shape, film.name)
        if dicom is not None:
            found["dicom"] = _write_dicom(dicom, header, study, drawing.result(), explained)
    answer(found, lambda _: f"{explained}\n\n{NOT_FOR_DIAGNOSIS}", as_json)
    if explained.prediction.refusal:
        raise typer.Exit(1)


def _check_maps(paths: Sequence[Path]) -> None:
    for path in paths:
        if path.suffix.lower() not in (".png", ".npz") or not path.parent.is_dir():
            raise ViewboxError(
                "'{name}' cannot be written as a map; name a .png or .npz file in a folder that is there.",
                name=path,
            )


class _Drawing(NamedTuple):
    """A map at the film's native size, (H, W), as a picture and as that picture's PNG file."""

    native: "np.ndarray"
    heat: "HeatMap"
    png: bytes


def _draw(pipeline: "DiagnosisPipeline", study: "Study", seen: "Attribution | FilmOpinion") -> _Drawing:
    from modeling.explain.registry import map_method
    from modeling.render.pictures import map_of_method

    method, film, png = map_method(seen.method), study.radiograph, BytesIO()
    assert film is not None and seen.image is not None, "a map of a film"
    native = method.resized(seen.image, film.shape)
    heat = map_of_method(pipeline.brightness(film), native, method)
    heat.picture.save(png, "PNG", compress_level=3)  # three times as quick as 6, 4 % larger
    return _Drawing(native, heat, png.getvalue())


def _write_maps(
    paths: Sequence[Path], drawing: _Drawing, explained: "CheckedExplanation", *about: Any
) -> None:
    from modeling.render.arrays import map_arrays, npz

    for path in paths:
        if path.suffix.lower() == ".png":
            path.write_bytes(drawing.png)
        else:
            path.write_bytes(npz(map_arrays(explained, *about)))


def _header(film: Path) -> "Header":
    """Of a DICOM film, read before anything is computed."""
    try:
        from cases.export.dicom_map import read_header
    except ImportError as exc:
        raise StudyError(
            "A map as DICOM needs 'highdicom'; run pip install 'viewbox[dicom]' (in a checkout: pip install"
            " -e '.[dicom]')."
        ) from exc
    return read_header(film.read_bytes())


def _write_dicom(
    folder: Path,
    header: "Header",
    study: "Study",
    drawing: _Drawing,
    explained: "CheckedExplanation",
) -> list[str]:
    """The names of the files written, in which a refusal comes before all else that is said of the map."""
    import numpy as np

    from cases.export.dicom_map import FilmMap, write_map
    from modeling.explain.registry import map_method

    method = map_method(explained.attribution.method)
    signs = "orange speaks for it, blue against it" if method.signed else "the more orange, the higher"
    colours = f"{signs}; full colour: {drawing.heat.scale:.3g} per 1 % of the film's area ({method.unit})"
    said = FilmMap(
        np.asarray(drawing.heat.picture),
        drawing.native,
        unit=method.unit,
        target=explained.attribution.target.slug,
        lines=[*explained.lines, NOT_FOR_DIAGNOSIS, colours],
        refused=explained.prediction.refusal is not None,
        checkpoint=explained.prediction.checkpoint,
        revision=explained.prediction.revision,
    )
    return [str(path) for path in write_map(header, study.radiograph, said, folder)]
