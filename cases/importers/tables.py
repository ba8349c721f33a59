"""Tables of a source, row by row: CSV (plain or gzip), Excel and Parquet, in bounded memory."""

import contextlib
import csv
import gzip
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from cases.importers.rows import Notice
from modeling.errors import StudyError
from modeling.field_values import written_number

FILM_ENDINGS = (".png", ".jpg", ".jpeg", ".dcm", ".dicom")
ROWS_AT_ONCE = 64
TEACHING_COLUMNS = ("title", "teaching_note")
NO_FILM = "its film is not in the folder"
_UNREADABLE = "The table '{path}' cannot be read; fetch it again."


def folder(source: str) -> Path:
    """The source as a folder. Raises StudyError: there is no such folder."""
    path = Path(source).expanduser()
    if not path.is_dir():
        raise StudyError("There is no folder '{path}'; name the folder that holds the set.", path=path.name)
    return path


def table_of(source: str, *patterns: str) -> Path:
    """The table of a source: a Parquet file, or in a folder what `find` finds."""
    return Path(source) if source.endswith(".parquet") else find(folder(source), *patterns)


def find(root: Path, *patterns: str) -> Path:
    """The first file under a folder that fits a pattern, in the order of the patterns and of paths.

    Raises StudyError: there is none.
    """
    found = optional(root, *patterns)
    if found is None:
        no_file = "There is no {patterns} in '{root}'; name the folder that holds it."
        raise StudyError(no_file, patterns=patterns[0], root=root.name)
    return found


def optional(root: Path, *patterns: str) -> Path | None:
    """As `find`, or None."""
    for pattern in patterns:
        for path in sorted(root.glob(pattern)) or sorted(root.glob(f"*/{pattern}")):
            if path.is_file():
                return path
    return None


def optional_rows(root: Path, needed: Iterable[str], *patterns: str) -> Iterator[dict[str, str]]:
    """Rows of a CSV file that need not be there."""
    path = optional(root, *patterns)
    return csv_rows(path, needed) if path else iter(())


def csv_rows(path: Path, needed: Iterable[str] = ()) -> Iterator[dict[str, str]]:
    """Rows of a CSV file (`.gz` too) as text; lines that begin with "##" before the header are skipped.

    Raises:
        StudyError: the file cannot be read, or a needed column is not there.
    """
    try:
        opener = gzip.open if path.suffix == ".gz" else open
        with opener(path, "rt", encoding="utf-8-sig", errors="replace", newline="") as file:
            lines = (line for number, line in enumerate(file) if number > 50 or not line.startswith("##"))
            reader = csv.DictReader(lines)
            _check_columns(path, reader.fieldnames or (), needed)
            for row in reader:
                yield {key: (value or "").strip() for key, value in row.items() if isinstance(key, str)}
    except (OSError, EOFError, csv.Error) as exc:
        raise StudyError(_UNREADABLE, path=path.name) from exc


def sheet_rows(
    path: Path, holding: Callable[[list[str]], object] = lambda header: True
) -> Iterator[dict[str, Any]]:
    """Rows of an Excel file's first sheet whose column names are `holding` (else of its first), or of a CSV.

    Raises StudyError: the file, or the library that reads it, is missing.
    """
    if path.suffix.lower() not in (".xlsx", ".xlsm"):
        yield from csv_rows(path)
        return
    with contextlib.closing(_excel(path)) as book:
        firsts = (next(sheet.iter_rows(values_only=True), ()) for sheet in book.worksheets)
        headers = [[str(name or "").strip() for name in first] for first in firsts]
        wanted = next((number for number, header in enumerate(headers) if holding(header)), 0)
        for line in book.worksheets[wanted].iter_rows(values_only=True, min_row=2):
            yield dict(zip(headers[wanted], line, strict=False))


def _excel(path: Path) -> Any:
    try:
        import openpyxl
        from openpyxl.utils.exceptions import InvalidFileException
    except ImportError as exc:
        raise StudyError(
            "An Excel sheet cannot be read without 'openpyxl'; run pip install 'viewbox[lake]' (in a"
            " checkout: pip install -e '.[lake]'), or save the sheet as CSV."
        ) from exc
    try:
        return openpyxl.load_workbook(path, read_only=True, data_only=True)
    except (OSError, KeyError, ValueError, InvalidFileException) as exc:
        raise StudyError("The sheet '{path}' cannot be read; fetch it again.", path=path.name) from exc


def parquet_rows(path: Path, needed: Iterable[str] = ()) -> Iterator[dict[str, Any]]:
    """Rows of a Parquet file, a few dozen in memory at a time.

    Raises StudyError: the file cannot be read, or a needed column is not there.
    """
    from pyarrow import ArrowInvalid, parquet

    try:
        with parquet.ParquetFile(path) as file:
            _check_columns(path, file.schema_arrow.names, needed)
            for batch in file.iter_batches(batch_size=ROWS_AT_ONCE):
                yield from batch.to_pylist()
    except (OSError, ArrowInvalid) as exc:
        raise StudyError(_UNREADABLE, path=path.name) from exc


def left_aside(path: Path, taken: Iterable[str]) -> Iterator[Notice]:
    """A notice that names the columns of a table that an importer does not take, where there are any.

    Raises StudyError: the file cannot be read.
    """
    if path.suffix == ".parquet":
        from pyarrow import ArrowInvalid, parquet

        try:
            columns = parquet.read_schema(path).names
        except (OSError, ArrowInvalid) as exc:
            raise StudyError(_UNREADABLE, path=path.name) from exc
    else:
        columns = [name for name in next(iter(sheet_rows(path)), {}) if name]
    others = not_taken(columns, taken)
    if others:
        yield Notice(f"'{path.name}' has columns that are not taken: {others}.")


def not_taken(columns: Iterable[str], taken: Iterable[str]) -> str:
    """The columns that are neither taken nor a teacher's own, with commas between them."""
    known = set(taken)
    return ", ".join(n for n in columns if n not in known and not n.startswith(TEACHING_COLUMNS))


def count_rows(*patterns: str) -> Callable[[str], int | None]:
    """A layout's count of its table's rows, without the header; None where that would mean reading it all."""

    def count(source: str) -> int | None:
        path = table_of(source, *patterns)
        if path.suffix == ".parquet":
            from pyarrow import parquet

            return parquet.ParquetFile(path).metadata.num_rows
        if path.suffix == ".csv" and path.stat().st_size < 200_000_000:
            with path.open("rb") as file:
                return max(0, sum(1 for _ in file) - 1)
        return None

    return count


def files_below(root: Path) -> Iterator[Path]:
    """Every file below a folder, in path order."""
    for place, inner, names in os.walk(root):
        inner.sort()
        yield from (Path(place, name) for name in sorted(names))


def films_by_stem(root: Path) -> dict[str, Path]:
    """Every picture and DICOM file below a folder, by its name without ending; the first in path order."""
    found: dict[str, Path] = {}
    for path in files_below(root):
        if path.suffix.lower() in FILM_ENDINGS:
            found.setdefault(path.stem, path)
    return found


def text_of(row: Mapping[str, Any], *columns: str) -> str:
    """The first of these columns that holds something, as text; "" where none does."""
    for column in columns:
        value = row.get(column)
        if value is not None and value == value and str(value).strip():
            return str(value).strip()
    return ""


def number_of(row: Mapping[str, Any], column: str) -> float | None:
    """A column as a bare number, infinite where it is a limit (`<5`); None where it is empty or no number."""
    written = written_number(text_of(row, column))
    if written is None or written.unit or written.unit is None or len(written.readings) > 1:
        return None
    return {"<": -math.inf, ">": math.inf}.get(written.limit, written.readings[0])


def day_of(row: Mapping[str, Any], column: str) -> int | None:
    """A column of days as a whole number; None where it is empty, no number or a limit."""
    days = number_of(row, column)
    return round(days) if days is not None and math.isfinite(days) else None


def sex_of(letter: str) -> str | None:
    """As a table or a header writes it: F, M or W (for "weiblich"), in either case."""
    return {"f": "female", "m": "male", "w": "female"}.get(letter.lower())


def frontal(view: str) -> str | None:
    """A view position as the clinical table keeps it; None for other views."""
    return view if view in ("PA", "AP") else None


def by_time(sections: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Sections as `text`, written before the film was read, and `report`, written after."""
    before = {name: words for name, words in sections.items() if name == "indication"}
    return {"text": before, "report": {n: words for n, words in sections.items() if n not in before}}


def teaching_words(row: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """A teacher's `title` and `teaching_note` (`title_zh-Hant` and so on): each language tag -> text.

    A column without a tag is in English.
    """
    found: dict[str, dict[str, str]] = {name: {} for name in TEACHING_COLUMNS}
    for column in map(str, row):
        name = next((n for n in TEACHING_COLUMNS if column == n or column.startswith(f"{n}_")), None)
        if name and (words := text_of(row, column)):
            found[name][column.removeprefix(name).lstrip("_") or "en"] = words
    return found


def _check_columns(path: Path, there: Iterable[str], needed: Iterable[str]) -> None:
    missing = [name for name in needed if name not in set(there)]
    if missing:
        no_column = "'{path}' has no column '{missing}'; give the file as published."
        raise StudyError(no_column, path=path.name, missing=missing[0])
