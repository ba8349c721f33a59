"""Train a checkpoint."""

import logging
from pathlib import Path
from typing import Annotated

import typer

from modeling.logs import start_logs
from viewbox.options import Corpora, Run, Settings

PANEL = "Train"
app = typer.Typer()


@app.command(rich_help_panel=PANEL)
def train(
    config: Settings,
    data: Corpora,
    out: Run,
    cache: Annotated[Path, typer.Option(help="folder for decoded films")] = Path("runs/cache"),
    limit: Annotated[int, typer.Option(min=0, help="at most so many films a corpus, for a quick try")] = 0,
) -> None:
    """Train a checkpoint; kill it anywhere and the same command goes on from the last saved step."""
    from training.train import train as trained

    start_logs(logging.INFO, "%(asctime)s %(message)s")
    typer.echo(f"The checkpoint is in {trained(config, data, out, cache=cache, limit=limit)}.", err=True)
