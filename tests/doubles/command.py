"""A subcommand of `viewbox` as a function, for tests that ask as a person does."""

from collections.abc import Callable, Sequence

from viewbox.command import main


def command(name: str) -> Callable[[Sequence[object]], int]:
    """From the arguments behind the name to the exit status."""
    return lambda arguments: main([name, *map(str, arguments)])
