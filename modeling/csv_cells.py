"""Cells of a CSV file that a spreadsheet shows as text, whatever they begin with."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from modeling.errors import ViewboxError

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""Beginnings of what a spreadsheet may take for a formula (OWASP, CSV injection), full-width forms too."""
_NUMBER = re.compile(r"[-+]?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?")


def guarded(cell: object) -> object:
    """A cell to write: a text that could be a formula has an apostrophe before it; a number stays one."""
    return f"'{cell}" if isinstance(cell, str) and _is_formula(cell) else cell


def unguarded(cell: str) -> str:
    """The text that `guarded` wrote."""
    return cell[1:] if cell.startswith("'") and _is_formula(cell) else cell


def _is_formula(cell: str) -> bool:
    """Whether it begins like one, behind whatever apostrophes."""
    return cell.lstrip("'").startswith(_FORMULA) and not _NUMBER.fullmatch(cell)


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]], *, end: str = "\n") -> str:
    """A CSV file with guarded cells."""
    return "".join(_line(row) + end for row in (header, *rows))


def _line(row: Iterable[object]) -> str:
    file = io.StringIO()
    # The writer quotes what its own ends of lines hold, so both stand here, whatever the file's are.
    csv.writer(file, lineterminator="\r\n").writerow([guarded(cell) for cell in row])
    return file.getvalue().removesuffix("\r\n")


def csv_rows(path: Path) -> list[dict[str, str]]:
    """The rows of a UTF-8 CSV file by column, not `guarded`. Raises ViewboxError: a cell cannot be read."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file, strict=True))
        return [{name: unguarded(cell) for name, cell in row.items()} for row in rows]
    except (OSError, UnicodeDecodeError, csv.Error, AttributeError) as exc:  # a short row has None for cells
        raise ViewboxError("{file} is no readable CSV file; make it anew.", file=path.name) from exc
