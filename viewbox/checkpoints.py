"""Train a checkpoint; publish: cards from measured numbers, and what goes on the Hub."""

import logging
from pathlib import Path
from typing import Annotated, Literal

import typer
from typer import Argument, Option

from modeling.progress import start_logs
from viewbox.options import Checkpoint, Corpora, Run, Settings

app = typer.Typer()
Folder = Annotated[Path | None, Option(help="checkpoint (else film) or cases (else those that ship)")]
Prune = Annotated[bool, Option("--prune", help="delete what the repo has and the folder has not")]


@app.command(rich_help_panel="Train")
def train(
    config: Settings,
    data: Corpora,
    out: Run,
    cache: Annotated[Path, Option(help="folder for decoded films")] = Path("runs/cache"),
    limit: Annotated[int, Option(min=0, help="at most so many films a corpus, for a quick try")] = 0,
    log_dir: Annotated[Path | None, Option(metavar="DIR", help="curves for TensorBoard")] = None,
    dry_run: Annotated[bool, Option("--dry-run", help="say what would be read, built and written")] = False,
) -> None:
    """Train a checkpoint; kill it anywhere and the same command goes on from the last saved step."""
    from training.plan import plan
    from training.run import train as trained

    if dry_run:
        for line in plan(config, data, out, limit=limit):
            typer.echo(line)
        return
    start_logs(logging.INFO, "%(asctime)s %(message)s")
    written = trained(config, data, out, cache=cache, limit=limit, log_dir=log_dir)
    typer.echo(f"The checkpoint is in {written}.", err=True)


@app.command(rich_help_panel="Publish")
def cards(
    checkpoint: Checkpoint,
    data: Annotated[Path | None, Option(help="folder with the corpora: measure again first")] = None,
) -> None:
    """Write a checkpoint's card, its plots and the tables of README and docs anew from measured numbers."""
    from hub_config.cards.card import write_cards

    for written in write_cards(checkpoint, data):
        typer.echo(written)


@app.command(rich_help_panel="Publish")
def publish(
    kind: Annotated[Literal["model", "space", "cases"], Argument(help="what to publish")],
    repo: Annotated[str, Option(help="owner/name; made where it is not there")],
    folder: Folder = None,
    dry_run: Annotated[bool, Option("--dry-run", help="say what would be pushed, push nothing")] = False,
    private: Annotated[bool, Option("--private", help="make a new repo private")] = False,
    prune: Prune = False,
    hardware: Annotated[Literal["cpu", "gpu", "zero-gpu"], Option(help="of the Space: its PyTorch")] = "cpu",
) -> None:
    """Put a checkpoint, the Space or a set of cases on the Hub; what is there already is not pushed again."""
    from hub_config.publishing.publish import files_of, report
    from hub_config.publishing.publish import publish as pushed
    from hub_config.settings import Settings as Environment

    token = Environment.from_env().hf_token
    files = files_of(kind, folder, hardware)
    how = {"dry_run": dry_run, "private": private, "prune": prune}
    revision, difference, doubts = pushed(kind, repo, files, token, **how)
    for doubt in doubts:
        typer.echo(doubt, err=True)
    typer.echo(report(repo, revision, difference, prune=prune))
