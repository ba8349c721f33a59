"""Bring data: cases into a store, out of it, and what is kept beside them."""

import dataclasses
import json
import os
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer import Argument, Option

from modeling.errors import ViewboxError
from viewbox.options import Checkpoint, Database, DocumentsAre, Store

PANEL = "Bring data"
app = typer.Typer()
Results = Annotated[Path | None, Option(help="folder for the results, if not beside the cases")]
Out = Annotated[Path | None, Option(help="folder of an embedded store to write the cases into")]
Layout = Literal[
    "ricord",
    "openi",
    "covid-chestxray",
    "hannover",
    "actualmed",
    "figure1",
    "nih",
    "siim",
    "mimic",
    "dicom",
    "hub",
]
"""The names of `cases.importers.run.LAYOUTS`, whose modules are not imported to say them."""
ADDRESS = "mongodb:// address, or @FILE that holds one"
Address = Annotated[str, Option(metavar="URI", help=ADDRESS)]
Lake = Annotated[str, Argument(metavar="URI", help=f"{ADDRESS}; its user must write")]
Salt = Annotated[Path | None, Option(help="secret for pseudonyms and dates; made if new")]
AGREED = "the readers have agreed to the set's terms themselves (SIIM, MIMIC): show films"
Agreed = Annotated[bool, Option("--readers-agreed", help=AGREED)]
BurnedText = Annotated[Literal["hold", "mask", "allow"] | None, Option(help="suspected text in pixels")]
Columns = Annotated[
    list[str] | None,
    Option(metavar="FIELD=COLUMN", help="Hub columns, labels of your own as label/TASK; repeatable"),
]
ReportFile = Annotated[Path | None, Option("--json", metavar="FILE", help="write the report here too")]
Form = Literal["viewbox", "student", "seed"]
Engine = Annotated[Literal["process", "ray"], Option(help="this process, or a Ray cluster")]


@app.command("import", rich_help_panel=PANEL)
def import_(
    name: Annotated[Layout, Argument(help="the layout of the source")],
    source: Annotated[str, Argument(help="a folder, a table, or the name of a Hub data set")],
    store: Store = None,
    database: Database = None,
    write: Annotated[bool, Option("--write", help="store; without it this is a rehearsal")] = False,
    salt_file: Salt = None,
    licence: Annotated[str, Option(help="of films that come without one")] = "",
    attribution: Annotated[str, Option(help="line that must stand beside each film")] = "",
    readers_agreed: Agreed = False,
    burned_text: BurnedText = None,
    column: Columns = None,
    split: Annotated[str, Option(help="of a Hub data set; train where not given")] = "",
    reports: Annotated[Path | None, Option(help="CSV with the reports of a folder of DICOM")] = None,
    whole_studies: Annotated[bool, Option("--whole-studies", help="films of one study as one case")] = False,
    workers: Annotated[int, Option(min=1, help="processes")] = os.cpu_count() or 1,
    as_json: ReportFile = None,
    quiet: Annotated[bool, Option("--quiet", help="no progress")] = False,
) -> None:
    """Bring a published set into a store; without --write everything is read, checked and nothing stored."""
    from cases.deidentify.pseudonyms import Pseudonymiser
    from cases.importers.rows import ImportSettings
    from cases.importers.run import LAYOUTS, import_set

    if write and not store:
        raise ViewboxError("Name the store with --store (a mongodb:// address, or a folder).")
    columns = dict(pair.split("=", 1) for pair in column or () if "=" in pair)
    if len(columns) != len(column or ()):
        raise ViewboxError("Write a column as FIELD=COLUMN, such as --column image=scan.")
    told = {"licence": licence, "attribution": attribution, "readers_agreed": readers_agreed, "split": split}
    told |= {
        "burned_text": burned_text,
        "columns": columns,
        "reports": reports,
        "whole_studies": whole_studies,
    }
    settings = ImportSettings(Pseudonymiser.from_file(salt_file) if salt_file else None, **told)
    how = {"database": database, "workers": workers, "quiet": quiet}
    report = import_set(LAYOUTS[name], source, store if write else None, settings, **how)
    typer.echo(report.as_text())
    if as_json:
        as_json.write_text(json.dumps(report.as_json(), indent=1, ensure_ascii=False) + "\n")
    nothing_left = report.rows_in > 0 and sum(report.dropped.values()) == report.rows_in
    raise typer.Exit(1 if report.stopped or nothing_left else 0)


@app.command(rich_help_panel=PANEL)
def export(
    folder: Annotated[Path | None, Argument(metavar="FOLDER", help="a folder to be made")] = None,
    store: Store = None,
    database: Database = None,
    source: Annotated[str | None, Option(help="only cases of this source")] = None,
    appearance: Annotated[str | None, Option(help="only cases of this appearance")] = None,
    grading: Annotated[str | None, Option(help="only cases of this grading")] = None,
    label: Annotated[str | None, Option(metavar="TASK/CLASS", help="only cases with this label")] = None,
    prefix: Annotated[str | None, Option(help="only IDs that begin with this")] = None,
    documents_are: DocumentsAre = "",
    dry_run: Annotated[bool, Option("--dry-run", help="count only")] = False,
) -> None:
    """Hand cases out as a data set with its card, as far as their licences let them go."""
    from cases.export.export import export as written
    from cases.store import CaseFilter
    from modeling.labels import checked_label
    from viewbox.lake import open_case_store

    if folder is None and not dry_run:
        raise typer.BadParameter("name the FOLDER, or count only with --dry-run")
    where = CaseFilter(source, appearance, grading, prefix, checked_label(label or "") or None)
    opened = open_case_store(store, database, source=documents_are)
    account = written(opened, folder or Path("."), where, dry_run=dry_run)
    typer.echo(json.dumps(account.figures(), indent=2))


@app.command(rich_help_panel=PANEL)
def convert(
    source: Annotated[str, Argument(metavar="FROM")],
    target: Annotated[str, Argument(metavar="TO")],
    to: Annotated[Form, Option(help="the form to make; seed is the older name of student")],
    documents_are: DocumentsAre = "",
    replace: Annotated[bool, Option("--replace", help="take the other form out of TO")] = False,
    dry_run: Annotated[bool, Option("--dry-run", help="read and convert, and write nothing")] = False,
) -> None:
    """Student and Viewbox documents, each from the other, byte for byte.

    FROM and TO are a mongodb:// address with its database (or @FILE that holds one), a folder of an embedded
    store (Viewbox documents only) or a .jsonl file of MongoDB Extended JSON (student documents only).
    """
    from cases.export.convert import to_student, to_viewbox
    from cases.open_store import address_behind
    from cases.store import shown
    from viewbox.lake import set_of_documents

    places = (str(address_behind(place)) for place in (source, target))
    how: dict[str, Any] = {"replace": replace, "dry_run": dry_run}
    how |= {"lake": set_of_documents(documents_are)} if to == "viewbox" else {}
    done = to_viewbox(*places, **how) if to == "viewbox" else to_student(*places, **how)
    for case_id, reason in done.broken.items():
        typer.echo(f"'{shown(case_id)}': {reason}", err=True)
    typer.echo(json.dumps({**dataclasses.asdict(done), "broken": len(done.broken)}))
    raise typer.Exit(1 if done.broken else 0)


@app.command(rich_help_panel=PANEL)
def score(
    checkpoint: Checkpoint,
    store: Store = None,
    database: Database = None,
    results: Results = None,
    write: Annotated[bool, Option("--write", help="score and write; else only count")] = False,
    batch: Annotated[int, Option(min=1, help="studies in one pass through the model")] = 16,
    device: str = "cpu",
    source: Annotated[str | None, Option(help="only cases of this source")] = None,
    documents_are: DocumentsAre = "",
    engine: Engine = "process",
    ray_address: Annotated[str, Option(help="of a running cluster; else one is started here")] = "",
) -> None:
    """Predict and embed every case that has no result of the checkpoint yet. Kill it, and run it again.

    A checkpoint of whole studies gives one result a study, with what each of its films adds.
    """
    from cases.scoring.lake import score_store
    from cases.store import CaseFilter
    from viewbox.lake import set_of_documents

    how = {"database": database, "folder": results, "write": write, "batch": batch, "device": device}
    how |= {"documents_are": set_of_documents(documents_are)}
    ray = ray_address if engine == "ray" else None
    checksum, done = score_store(checkpoint, store, CaseFilter(source=source), ray=ray, **how)
    figures = {name: getattr(done, name) for name in ("cases", "awaiting", "written", "refused")}
    figures |= {"problems": len(done.problems), "a_second": round(done.rate, 2)}
    typer.echo(json.dumps({"checkpoint": checksum, **figures}))


@app.command(rich_help_panel=PANEL)
def vectors(
    store: Address,
    checkpoint: Checkpoint,
    database: Database = None,
    write: Annotated[bool, Option("--write", help="write; else only count")] = False,
    index: Annotated[bool, Option("--index", help="ask the server for the search index too")] = False,
) -> None:
    """Lay what `score` wrote out for MongoDB's vector search."""
    from cases.scoring.lake import fill_vectors

    typer.echo(json.dumps(fill_vectors(store, checkpoint, database=database, write=write, index=index)))


@app.command(rich_help_panel=PANEL)
def sweep(
    store: Lake,
    database: Database = None,
    older_than: Annotated[float, Option(help="seconds since a film was stored")] = 3600.0,
) -> None:
    """Tidy a MongoDB lake after writers that were killed: take out films that no case names."""
    from contextlib import closing

    from cases.mongo.store import MongoCaseStore
    from cases.open_store import address_behind

    with closing(MongoCaseStore.connect(str(address_behind(store)), database, write=True)) as opened:
        swept = opened.sweep(older_than)
    typer.echo(json.dumps(dataclasses.asdict(swept)))


@app.command(rich_help_panel=PANEL)
def phantoms(
    cases: Annotated[int, Option(min=1, help="how many")] = 24,
    seed: Annotated[int, Option(min=0, help="of the series; the same seed gives the same bytes")] = 0,
    size: Annotated[int, Option(help="pixels along a film's longer side")] = 512,
    out: Out = None,
    dicom: Annotated[Path | None, Option(help="folder to write each film into as a DICOM file")] = None,
    corpus: Annotated[Path | None, Option(metavar="PARQUET", help="training corpus to write")] = None,
    contact_sheet: Annotated[Path | None, Option(metavar="PNG", help="picture of all films")] = None,
    confounder: Annotated[
        Literal["marker", "hospital", "view"] | None, Option(help="shortcut to plant")
    ] = None,
    confounded_class: Annotated[str, Option(help="appearance that it goes with")] = "Typical",
    correlation: Annotated[float, Option(help="how often the shortcut is right")] = 0.95,
    studies: Annotated[bool, Option("--studies", help="whole ones, of several films each")] = False,
    jobs: Annotated[int, Option(min=1, help="processes")] = 1,
    default_store: Annotated[bool, Option("--default-store", help="the cases that ship, anew")] = False,
) -> None:
    """Make synthetic cases, look at them, store them."""
    from cases.parquet.store import DEFAULT_FOLDER
    from cases.phantom.generator import Confounder, default_recipes
    from cases.phantom.making import make, recipes, study_recipes
    from cases.phantom.teaching_studies import shipped_studies

    if not (default_store or out or dicom or corpus or contact_sheet):
        raise typer.BadParameter("give --out, --corpus, --dicom, --contact-sheet or --default-store")
    if studies and (corpus or confounder or default_store):
        raise typer.BadParameter("--studies goes with --out, --dicom and --contact-sheet only")
    shortcut = Confounder(confounder, confounded_class, correlation) if confounder else None
    wanted = study_recipes(cases, seed, size) if studies else recipes(cases, seed, size, shortcut)
    if default_store:
        wanted = [*default_recipes(), *shipped_studies()]
    store = DEFAULT_FOLDER if default_store else out
    told = make(wanted, store=store, corpus=corpus, dicom=dicom, sheet=contact_sheet, jobs=jobs)
    if told:
        typer.echo(f"{told} in {store}")


@app.command(rich_help_panel=PANEL)
def chosen(
    data: Annotated[Path, Argument(metavar="FOLDER", help="with the tables of the published sets")],
    out: Annotated[Path | None, Option(help="another folder than that of the cases that ship")] = None,
) -> None:
    """Store the real cases that ship anew, from the list beside them, and write their notice."""
    from cases.importers.chosen import read_list, store_chosen
    from cases.parquet.store import DEFAULT_FOLDER

    typer.echo(store_chosen(read_list(), data, out or DEFAULT_FOLDER))
