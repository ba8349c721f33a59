"""How far long work has come, on standard error: a bar at a terminal, a line now and then elsewhere."""

import logging
import sys
from collections.abc import Iterable
from typing import Any

from tqdm import tqdm

from modeling.sentence import without_login

Progress = tqdm
SILENT = 2.0
"""Seconds that work may take without a word."""
BETWEEN_LINES = 10.0
"""Seconds between two lines where nobody sits at a terminal."""


class _Lines(tqdm):
    """The bar as whole lines, for a log file or a pipe."""

    def display(self, msg: str | None = None, pos: int | None = None) -> None:
        """Write where the work stands."""
        self.fp.write(f"{msg or self}\n")
        self.fp.flush()


def progress(
    items: Iterable[Any] | None = None,
    what: str = "",
    *,
    total: int | None = None,
    unit: str = "film",
    quiet: bool = False,
    **more: Any,
) -> Progress:
    """Items as they come, or a bar to `update`, with what has been done, how fast, and what is left.

    Work that ends within two seconds says nothing. `what` is done with each item, such as "explaining";
    `more` is as `tqdm` takes it.
    """
    seen = sys.stderr.isatty()
    kind, pause = (tqdm, 0.1) if seen else (_Lines, BETWEEN_LINES)
    pace = {"mininterval": pause, "maxinterval": pause, "delay": SILENT}
    return kind(items, total=total, unit=f" {unit}", desc=what, disable=quiet, **pace, **more)


# --- logs that hold no password: whatever logs, an address in a line or a traceback loses its login


class _WithoutLogins(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return without_login(super().format(record))


def join_logs(*names: str) -> None:
    """Have libraries that log by themselves do it as all others do."""
    for logger in map(logging.getLogger, names):
        logger.handlers.clear()
        logger.propagate = True


def start_logs(level: int, form: str) -> None:
    """Log to standard error from a level on, in a form such as "%(name)s: %(message)s"."""
    handler = logging.StreamHandler()
    handler.setFormatter(_WithoutLogins(form))
    logging.basicConfig(level=level, handlers=[handler], force=True)
