"""The `viewbox` command: every program of Viewbox under one name.

Exit status: 0 done; 1 refused or not all done, with a sentence on standard error; 2 not asked for properly.
"""

import logging
from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperGroup

from modeling.errors import ViewboxError
from modeling.progress import start_logs
from modeling.sentence import without_login
from viewbox import checkpoints, data, look, measure, reports, study, words

UsageError = typer.BadParameter.__bases__[0]
"""The parent of all that typer says of a command line; it has no public name there."""


class _Refusing(TyperGroup):
    """A refusal is a sentence on standard error, whichever command says it."""

    def invoke(self, ctx: typer.Context) -> Any:
        """Run the command that was asked for."""
        start_logs(logging.WARNING, "%(message)s")
        try:
            return super().invoke(ctx)
        except UsageError as exc:
            where = exc.ctx.command_path if exc.ctx else ctx.command_path
            sentence, status = f"{exc.format_message().rstrip('.')}; see {where} --help.", 2
        except ViewboxError as exc:
            sentence, status = str(exc), 1
        except OSError as exc:
            if exc.filename is None:  # no file that a reader named, such as a pipe that nobody reads any more
                raise
            sentence = f"'{exc.filename}' cannot be used ({exc.strerror}); check the name and the free space."
            status = 1
        typer.echo(without_login(sentence), err=True)
        raise typer.Exit(status)


app = typer.Typer(
    name="viewbox",
    cls=_Refusing,
    help="See what a multimodal chest X-ray model sees. For teaching and research, not for diagnosis.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


for part in (look, study, words, data, reports, measure, checkpoints):  # the order of --help
    app.add_typer(part.app)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line; returns the exit status."""
    try:
        app(args=arguments, prog_name="viewbox")
    except SystemExit as end:
        return int(end.code or 0)
    return 0
