"""Look at cases: the page, and one film at a terminal."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Option

from viewbox.options import Film, Json, Table, Text, answer

if TYPE_CHECKING:
    from modeling.pipeline import DiagnosisPipeline
    from modeling.study import Study

PANEL = "Look at cases"
app = typer.Typer()
Asked = Annotated[
    str, Option(metavar="DIR", help="checkpoint folder or Hub repo; else the bundled film checkpoint")
]


Baseline = Annotated[str, Option(help="what the film starts from: black, blurred, mean, normals")]
Picture = Annotated[Path | None, Option(metavar="PNG", help="also write the heat map on the film")]


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
    film: Film, table: Table = "", text: Text = "", checkpoint: Asked = "", as_json: Json = False
) -> None:
    """One film in, probabilities out, and what film, table and text each added to the most probable class."""
    from viewbox.answers import as_json as told
    from viewbox.answers import as_lines, explain_most_probable

    pipeline, study = _opened(checkpoint, film, table, text)
    prediction = pipeline.predict(study)
    found = told(pipeline, prediction, explain_most_probable(pipeline, study, prediction))
    answer(found, lambda one: "\n".join(as_lines(one)), as_json)


@app.command(rich_help_panel=PANEL)
def explain(
    film: Film,
    target: Annotated[str, Option(metavar="TASK/CLASS", help="such as appearance/Typical")],
    table: Table = "",
    text: Text = "",
    checkpoint: Asked = "",
    baseline: Baseline = "black",
    picture: Picture = None,
    as_json: Json = False,
) -> None:
    """Integrated Gradients of one study over pixels, fields and words, and a verdict on the map."""
    from modeling.explain.registry import ACCOUNT, map_method
    from modeling.labels import Target
    from modeling.model.film import to_native
    from modeling.render.pictures import map_of_method
    from modeling.trust.scrutiny import Scrutiny
    from modeling.trust.verdict import verdict_of
    from viewbox.answers import explanation_json, explanation_lines

    pipeline, study = _opened(checkpoint, film, table, text)
    scrutiny, wanted = Scrutiny(pipeline), Target.parse(target)
    *_, account = scrutiny.explain(study, wanted, baseline=baseline)
    verdict = verdict_of(list(scrutiny.measures(study, wanted, account)), is_map=account.image is not None)
    if picture is not None and account.image is not None:
        native = to_native(account.image, study.radiograph.shape)
        drawn = map_of_method(pipeline.brightness(study.radiograph), native, map_method(ACCOUNT))
        drawn.picture.save(picture)
    found = explanation_json(pipeline, account, verdict)
    answer(found, lambda one: "\n".join(explanation_lines(one)), as_json)
