"""How a command says what it found."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer


def answer(found: dict[str, Any], lines: Callable[[dict[str, Any]], str], as_json: bool) -> None:
    """Print what a command found, as JSON or as lines to read."""
    typer.echo(json.dumps(found, indent=2, allow_nan=False) if as_json else lines(found))


def keep(found: dict[str, Any], out: Path | None) -> None:
    """Write what a command found to a file, where one is named."""
    if out is not None:
        out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
