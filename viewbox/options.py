"""Options that several commands take, in the same words, and how they print their answer."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from typer import Argument, Option

CHECKPOINT = "checkpoint folder"
Checkpoint = Annotated[Path, Option(metavar="DIR", help=CHECKPOINT)]
AnyCheckpoint = Annotated[str, Option(metavar="DIR", help="checkpoint folder or Hub repo")]
Corpora = Annotated[Path, Option(metavar="DIR", help="folder with the corpora")]
Database = Annotated[str | None, Option(help="MongoDB database, where the address names none")]
Json = Annotated[bool, Option("--json", help="JSON instead of lines")]
Out = Annotated[Path | None, Option(metavar="FILE", help="also write the JSON to this file")]
Run = Annotated[Path, Option(metavar="DIR", help="folder of the run; the same one resumes it")]
Settings = Annotated[Path, Option(metavar="FILE", help="a file of training/configs/")]
Store = Annotated[
    str | None, Option(metavar="URI", help="mongodb:// address, @FILE that holds one, or a folder")
]
DocumentsAre = Annotated[
    str,
    Option(metavar="SOURCE", help="set of student documents that name none; else CASES_SOURCE"),
]
Film = Annotated[Path, Argument(metavar="FILM", help="chest film: PNG, JPEG or DICOM")]
Films = Annotated[list[Path], Argument(metavar="FILM...", help="chest films, or folders of them")]
Table = Annotated[str, Option(metavar="JSON", help='clinical values: {"age": 63} or a file of it')]
Text = Annotated[str, Option(metavar="T", help="clinical text, as the section that is read")]
Reports = Annotated[
    Path, Argument(metavar="REPORTS", help="Open-i archive, folder, XML or text file, or table")
]


def answer(
    found: dict[str, Any], lines: Callable[[dict[str, Any]], str], as_json: bool, out: Path | None = None
) -> None:
    """Print what a command found, as JSON or as lines to read; `out` is a file for the JSON too."""
    if out is not None:
        out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    typer.echo(json.dumps(found, indent=2, allow_nan=False) if as_json else lines(found))
