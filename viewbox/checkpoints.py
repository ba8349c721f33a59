"""Train a checkpoint; publish: cards from measured numbers, and what goes on the Hub."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer import Argument, Option
from typer.core import TyperCommand

from modeling.progress import start_logs
from viewbox.options import Checkpoint, Corpora, Run, Settings

app = typer.Typer()
Folder = Annotated[Path | None, Option(help="checkpoint (else film) or cases (else those that ship)")]
Prune = Annotated[bool, Option("--prune", help="delete what the repo has and the folder has not")]


FRACTION = "--fraction"
Fractions = Annotated[
    list[float] | None, Option(FRACTION, metavar="F...", help="train on so much of the patients, and compare")
]
Seeds = Annotated[int | None, Option(min=1, help="repetitions, each with patients of its own; else 3")]
Probe = Annotated[bool, Option("--probe", help="compare frozen bodies of the branches with fine-tuned ones")]


class _SeveralFractions(TyperCommand):
    """`--fraction 0.01 0.1 1` says what `--fraction 0.01 --fraction 0.1 --fraction 1` does."""

    def parse_args(self, ctx: Any, args: Sequence[str]) -> list[str]:
        """Read a command line."""
        spread: list[str] = []
        follows = False
        for word in args:
            number = _is_number(word)
            spread += [FRACTION] if follows and number and spread[-1] != FRACTION else []
            spread.append(word)
            follows = word == FRACTION or (follows and number)
        return super().parse_args(ctx, spread)


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


@app.command(rich_help_panel="Train", cls=_SeveralFractions)
def train(
    config: Settings,
    data: Corpora,
    out: Run,
    cache: Annotated[Path, Option(help="folder for decoded films")] = Path("runs/cache"),
    limit: Annotated[int, Option(min=0, help="at most so many films a corpus, for a quick try")] = 0,
    fraction: Fractions = None,
    probe: Probe = False,
    seeds: Seeds = None,
    log_dir: Annotated[Path | None, Option(metavar="DIR", help="curves for TensorBoard")] = None,
    dry_run: Annotated[bool, Option("--dry-run", help="say what would be read, built and written")] = False,
) -> None:
    """Train a checkpoint; kill it anywhere and the same command goes on from the last saved step.

    With --fraction, --probe or --seeds: how well the recipe does when fewer patients teach it, as a table.
    """
    from training.plan import plan
    from training.run import train as trained

    if fraction or probe or seeds:
        from training.few_shot import cells, table

        how = {"probe": probe, "seeds": seeds or 3, "limit": limit}
        sweep = cells.opened(config, data, fraction or (), **how)
        if dry_run:
            typer.echo("\n".join(cells.plan(sweep, out)))
            return
        start_logs(logging.INFO, "%(asctime)s %(message)s")
        typer.echo(table.markdown(table.few_shot(sweep, out, cache=cache, log_dir=log_dir)))
        typer.echo(f"The table is in {out}, each checkpoint in {out / cells.CELLS}.", err=True)
        return
    if dry_run:
        for line in plan(config, data, out, limit=limit):
            typer.echo(line)
        return
    start_logs(logging.INFO, "%(asctime)s %(message)s")
    written = trained(config, data, out, cache=cache, limit=limit, log_dir=log_dir)
    typer.echo(f"The checkpoint is in {written}.", err=True)


@app.command(name="train-space", rich_help_panel="Train")
def train_space(
    config: Settings = Path("training/configs/space.json"),
    out: Run = Path("runs/space"),
) -> None:
    """Train a shared space of film, table and words on phantoms; the same folder goes on where it was."""
    from training.space.run import train_space as trained
    from training.space.settings import SpaceTraining

    start_logs(logging.INFO, "%(asctime)s %(message)s")
    typer.echo(f"The checkpoint is in {trained(SpaceTraining.load(config), out)}.", err=True)


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
