"""Tables of a source, row by row: CSV (plain or gzip), Excel and Parquet, in bounded memory."""

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


def folder(source: str) -> Path:
    """The source as a folder.

    Raises:
        StudyError: there is no such folder.
    """
    path = Path(source).expanduser()
    if not path.is_dir():
        raise StudyError("There is no folder '{path}'; name the folder that holds the set.", path=path.name)
    return path


def find(root: Path, *patterns: str) -> Path:
    """The first file under a folder that fits a pattern, in the order of the patterns and of paths.

    Raises:
        StudyError: there is none.
    """
    found = optional(root, *patterns)
    if found is None:
        raise StudyError(
            "There is no {patterns} in '{root}'; name the folder that holds it.",
            patterns=patterns[0],
            root=root.name,
        )
    return found


def optional(root: Path, *patterns: str) -> Path | None:
    """As `find`, or None."""
    for pattern in patterns:
        for path in sorted(root.glob(pattern)) or sorted(root.glob(f"*/{pattern}")):
            if path.is_file():
                return path
    return None


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
        raise StudyError("The table '{path}' cannot be read; fetch it again.", path=path.name) from exc


def sheet_rows(
    path: Path, holding: Callable[[list[str]], bool] = lambda header: True
) -> Iterator[dict[str, Any]]:
    """Rows of a sheet of an Excel file, or of a CSV file.

    Args:
        holding: tells by its column names whether a sheet is the wanted one; the first such sheet is read, or
            the first of all.

    Raises:
        StudyError: the file, or the library that reads it, is missing.
    """
    if path.suffix.lower() not in (".xlsx", ".xlsm"):
        yield from csv_rows(path)
        return
    try:
        import openpyxl
        from openpyxl.utils.exceptions import InvalidFileException
    except ImportError as exc:
        raise StudyError(
            "An Excel sheet cannot be read without 'openpyxl'; run pip install 'viewbox[lake]' (in a"
            " checkout: pip install -e '.[lake]'), or save the sheet as CSV."
        ) from exc
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    except (OSError, KeyError, ValueError, InvalidFileException) as exc:
        raise StudyError("The sheet '{path}' cannot be read; fetch it again.", path=path.name) from exc
    try:
        headers = [_header(sheet) for sheet in book.worksheets]
        wanted = next((number for number, header in enumerate(headers) if holding(header)), 0)
        lines = book.worksheets[wanted].iter_rows(values_only=True, min_row=2)
        for line in lines:
            yield dict(zip(headers[wanted], line, strict=False))
    finally:
        book.close()


def _header(sheet: Any) -> list[str]:
    return [str(name or "").strip() for name in next(sheet.iter_rows(values_only=True), ())]


def parquet_rows(path: Path, needed: Iterable[str] = ()) -> Iterator[dict[str, Any]]:
    """Rows of a Parquet file, a few dozen in memory at a time.

    Raises:
        StudyError: the file cannot be read, or a needed column is not there.
    """
    from pyarrow import ArrowInvalid, parquet

    try:
        with parquet.ParquetFile(path) as file:
            _check_columns(path, file.schema_arrow.names, needed)
            for batch in file.iter_batches(batch_size=ROWS_AT_ONCE):
                yield from batch.to_pylist()
    except (OSError, ArrowInvalid) as exc:
        raise StudyError("The table '{path}' cannot be read; fetch it again.", path=path.name) from exc


def columns_of(path: Path) -> tuple[str, ...]:
    """The columns of a CSV, Excel or Parquet table, in its order; unnamed ones are left out.

    Raises:
        StudyError: the file cannot be read.
    """
    if path.suffix == ".parquet":
        from pyarrow import ArrowInvalid, parquet

        try:
            return tuple(parquet.read_schema(path).names)
        except (OSError, ArrowInvalid) as exc:
            raise StudyError("The table '{path}' cannot be read; fetch it again.", path=path.name) from exc
    return tuple(name for name in next(iter(sheet_rows(path)), {}) if name)


def left_aside(path: Path, taken: Iterable[str]) -> Iterator[Notice]:
    """A notice that names the columns of a table that an importer does not take, where there are any."""
    known = set(taken)
    others = [
        name for name in columns_of(path) if name not in known and not name.startswith(TEACHING_COLUMNS)
    ]
    if others:
        yield Notice(f"'{path.name}' has columns that are not taken: {', '.join(others)}.")


def count_rows(path: Path) -> int | None:
    """Rows of a table, without its header; None where counting would mean reading it all."""
    if path.suffix == ".parquet":
        from pyarrow import parquet

        return parquet.ParquetFile(path).metadata.num_rows
    if path.suffix == ".csv" and path.stat().st_size < 200_000_000:
        with path.open("rb") as file:
            return max(0, sum(1 for _ in file) - 1)
    return None


def films_by_stem(root: Path) -> dict[str, Path]:
    """Every picture and DICOM file below a folder, by its name without ending; the first in path order."""
    found: dict[str, Path] = {}
    for place, inner, names in os.walk(root):
        inner.sort()
        for name in sorted(names):
            stem, ending = os.path.splitext(name)
            if ending.lower() in FILM_ENDINGS:
                found.setdefault(stem, Path(place, name))
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


def teaching_words(row: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """A teacher's own columns: `title` and `teaching_note`, or `title_en`, `title_zh-Hant` and so on.

    Returns:
        `title` and `teaching_note`, each language tag -> text; a column without a tag is in English.
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
        raise StudyError(
            "'{path}' has no column '{missing}'; give the file as published.",
            path=path.name,
            missing=missing[0],
        )
