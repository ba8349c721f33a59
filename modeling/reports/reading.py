"""Reports from where they lie: Open-i archive or XML folder, MIMIC text, or a table in any usual form.

XML comes from outside: it is parsed by defusedxml, which refuses entities, and an archive's members are
read one by one and never unpacked to disk. Of a table nothing is guessed from its file's name alone: the
separator is the one that cuts the header into known columns, the encoding the one that the bytes are in.
"""

import codecs
import csv
import gzip
import io
import json
import re
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from xml.etree.ElementTree import ParseError

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from modeling.reports.report import SECTION_NAMES, VOCABULARY, WHOLE, Report, ReportError

LARGEST_MEMBER = 5_000_000
"""Bytes: no report is longer; what is larger is refused unread."""
LARGEST_JSON = 200_000_000
"""Bytes of one JSON list, which is read whole; JSON lines have no such limit."""
ROWS_AT_ONCE = 1_000
"""Rows of a Parquet file that are held in memory."""
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
TABLES = (".csv", ".tsv", ".tab", ".psv", ".jsonl", ".ndjson", ".json", ".parquet")
COLUMNS = {name: kind for kind, names in VOCABULARY["columns"].items() for name in names}
"""A column's usual names, as letters in lower case -> the section that it holds, or `id`."""
NOTHING = frozenset(("", "nan", "none", "null", "na", "n/a", "<na>", "-", "--", "nat"))
"""Cells that say that there is no report."""
_QUOTED = re.compile(r"'([^']*)'|\"([^\"]*)\"")
_BINARY = {
    b"%PDF": "a PDF file", b"PK\x03\x04": "a ZIP archive or an Office file",
    b"\xd0\xcf\x11\xe0": "an old Office file", b"\x89PNG": "a picture", b"\xff\xd8\xff": "a picture",
}  # fmt: skip
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16",
}  # fmt: skip
MANY_HIGH_BYTES = 0.3
"""Share of bytes above ASCII from which text that is no UTF-8 is Chinese and not Western."""


def open_bytes(path: Path) -> IO[bytes]:
    """A file's bytes, unpacked where its name ends in .gz."""
    return gzip.open(path, "rb") if path.name.lower().endswith(".gz") else path.open("rb")


def encoding_of(lines: IO[bytes], name: str) -> str:
    """A text's encoding: by mark or zeros, else UTF-8, Big5 or Windows-1252. Raises ReportError: no text."""
    head = lines.read(65_536)
    if kind := next((kind for start, kind in _BINARY.items() if head.startswith(start)), ""):
        binary = "{name} is {kind}, not a table or text; save its text as CSV or as plain text."
        raise ReportError(binary, name=name, kind=kind)
    if marked := next((encoding for mark, encoding in _MARKS.items() if head.startswith(mark)), ""):
        return marked
    zeros = [head[place::2].count(0) for place in (0, 1)]
    if max(zeros) > 0.3 * len(head) / 2:
        return "utf-16-be" if zeros[0] > zeros[1] else "utf-16-le"
    if any(zeros):
        no_text = "{name} holds zero bytes, so it is no text; save its text as CSV or as plain text."
        raise ReportError(no_text, name=name)
    decoder, part = codecs.getincrementaldecoder("utf-8")(), head
    try:
        while part:
            decoder.decode(part)
            part = lines.read(1_048_576)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        high = sum(byte > 127 for byte in head)
        return "cp950" if high > MANY_HIGH_BYTES * len(head) else "cp1252"
    return "utf-8"


def text_of(content: bytes, name: str) -> str:
    """A text file's text. Raises ReportError: it is no text."""
    return content.decode(encoding_of(io.BytesIO(content), name), errors="replace").removeprefix("\ufeff")


def is_table(path: Path) -> bool:
    """Whether a file is a table of reports: by its name, or by a first line of column names."""
    name = path.name.lower()
    if name.removesuffix(".gz").endswith(TABLES):
        return True
    if name.endswith((".xml", ".gz")):
        return False
    with _lines(path) as lines:
        head = lines.read(20_000)
    if head.lstrip().startswith(("{", "[{")):
        return True
    names, _ = _header(head)
    kinds = {_kind(column) for column in names} - {None}
    return len(kinds) > 1 and "id" in kinds


def table_reports(path: Path, text_column: str = "", heading_column: str = "") -> Iterator[Report]:
    """The reports of a table, in its own order.

    Args:
        text_column: the column that holds the whole report, where it has no usual name.
        heading_column: a column of index terms: a list such as ['a', 'b'], or `a;b`.

    Raises:
        ReportError: it cannot be read as a table, or has no column that holds text.
    """
    columns: dict[str, str] | None = None
    try:
        for number, row in enumerate(_rows(path), 1):
            if columns is None:
                columns = _text_columns(list(row), text_column, path)
                headings = _column(list(row), heading_column, path) if heading_column else None
                identity = next((name for name in row if _kind(name) == "id"), None)
            terms = _terms(row.get(headings) or "") if headings else ()
            yield _report(row, columns, (row.get(identity) or "").strip() or str(number), terms)
    except (gzip.BadGzipFile, EOFError) as exc:
        no_gzip = "{path} is not a whole gzip file, as its name says; compress it again."
        raise ReportError(no_gzip, path=path) from exc
    except (csv.Error, OSError, UnicodeError) as exc:
        raise ReportError("{path} is not a readable table; save it again as UTF-8.", path=path) from exc


@contextmanager
def _lines(path: Path) -> Iterator[io.TextIOWrapper]:
    with open_bytes(path) as raw:
        encoding = encoding_of(raw, str(path))
    with open_bytes(path) as raw, io.TextIOWrapper(raw, encoding, "replace", newline="") as lines:
        yield lines


def _rows(path: Path) -> Iterator[dict[str, str]]:
    if path.suffix.lower() == ".parquet":
        yield from _parquet_rows(path)
        return
    with _lines(path) as lines:
        head = lines.read(20_000)
        lines.seek(0)
        if head.lstrip("\ufeff \t\r\n").startswith(("{", "[")):
            yield from _json_rows(lines, path)
        else:
            before = csv.field_size_limit(LARGEST_MEMBER)
            try:
                yield from _separated(lines, head, path)
            finally:
                csv.field_size_limit(before)  # it is the whole program's


def _parquet_rows(path: Path) -> Iterator[dict[str, str]]:
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(path) as table:
            for batch in table.iter_batches(ROWS_AT_ONCE):
                for row in batch.to_pylist():
                    yield {name: _cell(value) for name, value in row.items()}
    except ArrowException as exc:
        raise ReportError("{path} is not a whole Parquet file; write it again.", path=path) from exc


def _header(head: str) -> tuple[list[str], str]:
    """The column names of a table's first row, and its separator: the one that makes the most known names."""
    head = head.removeprefix("\ufeff").lstrip("\r\n")
    head = re.sub(r"\Asep=.\r?\n", "", head)  # Excel writes its separator first
    choices = []
    for separator in SEPARATORS:
        try:
            names = next(csv.reader(io.StringIO(head, newline=""), delimiter=separator), [])
        except csv.Error:
            continue
        choices.append((len({_kind(name) for name in names} - {None}), len(names), names, separator))
    _, _, names, separator = max(choices, key=lambda c: c[:2], default=(0, 0, [], ","))
    return names, separator


def _separated(lines: io.TextIOWrapper, head: str, path: Path) -> Iterator[dict[str, str]]:
    names, separator = _header(head)
    rows = csv.reader(lines, delimiter=separator)
    for row in rows:
        if [cell.removeprefix("\ufeff") for cell in row] == names:
            break
    for row in rows:
        if len(row) > len(names) and _kind(names[-1]) not in (None, "id"):
            row[len(names) - 1 :] = [separator.join(row[len(names) - 1 :])]  # an unquoted text, and the last
        if len(row) > len(names):
            raise ReportError(
                "Line {line} of {path} has {cells} cells for {columns} columns, separated by"
                " {separators}; quote the texts, or save the table anew.",
                line=rows.line_num,
                path=path,
                cells=len(row),
                columns=len(names),
                separators=SEPARATORS[separator],
            )
        if row:
            yield dict(zip(names, row, strict=False))


def _json_rows(lines: io.TextIOWrapper, path: Path) -> Iterator[dict[str, str]]:
    first = lines.readline(LARGEST_MEMBER)
    lines.seek(0)
    if first.lstrip("\ufeff \t").startswith("{") and _parsed(first) is not None:
        numbered = enumerate(iter(lambda: lines.readline(LARGEST_MEMBER), ""), 1)
        entries = ((number, _parsed(line)) for number, line in numbered if line.strip())
    else:
        entries = enumerate(_json_list(lines, path), 1)
    for number, entry in entries:
        if isinstance(entry, str):
            entry = {WHOLE: entry}
        if not isinstance(entry, dict):
            no_object = "Entry {number} of {path} is no JSON object; write one object a report."
            raise ReportError(no_object, number=number, path=path)
        yield {str(name): _cell(value) for name, value in entry.items()}


def _json_list(lines: io.TextIOWrapper, path: Path) -> list[object]:
    """One JSON list, or the first list of an object."""
    content = lines.read(LARGEST_JSON + 1)
    if len(content) > LARGEST_JSON:
        too_large = "{path} is one JSON value of over {most:,} letters; write JSON lines."
        raise ReportError(too_large, path=path, most=LARGEST_JSON)
    whole = _parsed(content)
    if isinstance(whole, dict):
        whole = next((value for value in whole.values() if isinstance(value, list)), [whole])
    return whole if isinstance(whole, list) else [None]


def _parsed(text: str) -> object:
    try:
        return json.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        return None


def _cell(value: object) -> str:
    return "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _kind(name: str) -> str | None:
    return COLUMNS.get(re.sub(r"[\W_]", "", name).lower())


def _column(names: Sequence[str], wanted: str, path: Path) -> str:
    for name in names:
        if name.strip().lower() == wanted.lower():
            return name
    no_column = "{path} has no column '{wanted}'; it has {names}."
    raise ReportError(no_column, path=path, wanted=wanted, names=", ".join(names)[:200])


def _text_columns(names: Sequence[str], text_column: str, path: Path) -> dict[str, str]:
    """Section -> column."""
    if text_column:
        return {WHOLE: _column(names, text_column, path)}
    known: dict[str, str] = {}
    for name in names:
        known.setdefault(_kind(name) or "", name)
    sections = {section: known[section] for section in SECTION_NAMES if section in known}
    if "findings" in sections or "impression" in sections:
        return sections
    if WHOLE not in known:
        raise ReportError(
            "{path} has no column that holds text, only {names}; call one report, findings or impression,"
            " or name it.",
            path=path,
            names=", ".join(names)[:200],
        )
    return {WHOLE: known[WHOLE]}


def _terms(cell: str) -> tuple[str, ...]:
    """Index terms of a cell: `['a', 'b']` or `a;b`."""
    quoted = _QUOTED.findall(cell) if cell.startswith("[") else []
    terms = [first or second for first, second in quoted] if quoted else cell.strip("[]").split(";")
    return tuple(term.strip() for term in terms if term.strip() not in ("", "nan"))


def _report(
    row: Mapping[str, str], columns: Mapping[str, str], report_id: str, headings: tuple[str, ...]
) -> Report:
    cells = {section: row.get(column) or "" for section, column in columns.items()}
    sections = {section: "" if cell.strip().lower() in NOTHING else cell for section, cell in cells.items()}
    if set(sections) == {WHOLE}:
        sections = dict(Report.from_text(sections[WHOLE]).sections)
    return Report(report_id, sections, headings)


def read_reports(path: Path, text_column: str = "", heading_column: str = "") -> list[Report]:
    """All reports of `each_report`. Raises ReportError: as there, or there is none."""
    reports = list(each_report(path, text_column, heading_column))
    if not reports:
        no_report = "{path} holds no report; name one with .xml or .txt files, or a table with rows."
        raise ReportError(no_report, path=path)
    return reports


def each_report(path: Path, text_column: str = "", heading_column: str = "") -> Iterator[Report]:
    """The reports of an archive, folder, text file or table, sorted by name (a table's in its own order).

    A table's and a folder's are read one by one, an archive's all at once.

    Args:
        path: `.tgz` or `.tar` of XML or text files; a folder of them (searched deeply); one `.xml` or `.txt`
            file; or a table (CSV, TSV, JSON lines and their kin, also gzipped, or Parquet), as for
            `table_reports`.

    Raises:
        ReportError: not there, or a file that is no report.
    """
    path = Path(path)
    if not path.exists():
        nothing = "There is nothing at {path}; name an archive, a folder or a table of reports."
        raise ReportError(nothing, path=path)
    if path.is_dir():
        files = sorted(p for p in path.rglob("*") if p.suffix.lower() in (".xml", ".txt"))
        yield from (_parse(file.name, _checked_bytes(file)) for file in files)
    elif path.name.lower().endswith((".tgz", ".tar.gz", ".tar")):
        yield from (_parse(name, content) for name, content in sorted(_members(path)))
    elif is_table(path):
        yield from table_reports(path, text_column, heading_column)
    else:
        yield _parse(path.name, _checked_bytes(path))


def _checked_bytes(file: Path) -> bytes:
    if file.stat().st_size > LARGEST_MEMBER:
        raise ReportError("{file} is larger than a report can be; leave it out.", file=file.name)
    return file.read_bytes()


def _members(path: Path) -> Iterator[tuple[str, bytes]]:
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                name = Path(member.name).name
                if not member.isfile() or not name.lower().endswith((".xml", ".txt")) or name.startswith("."):
                    continue
                if member.size > LARGEST_MEMBER:
                    too_large = "{name} is larger than a report can be; leave it out of the archive."
                    raise ReportError(too_large, name=name)
                yield name, archive.extractfile(member).read()
    except (tarfile.TarError, EOFError, OSError) as exc:
        raise ReportError("{path} is not a readable archive; download it again.", path=path) from exc


def _parse(name: str, content: bytes) -> Report:
    if name.lower().endswith(".xml"):
        return parse_xml(content, name)
    return Report.from_text(text_of(content, name), Path(name).stem)


def parse_xml(content: bytes, name: str = "the file") -> Report:
    """One Open-i report. Raises ReportError: no XML, or it defines entities (a bomb) or holds no report."""
    try:
        root = ElementTree.fromstring(content, forbid_dtd=False)
    except DefusedXmlException as exc:
        entities = "{name} defines XML entities, which no report needs; leave it out."
        raise ReportError(entities, name=name) from exc
    except (ParseError, ValueError, LookupError) as exc:
        raise ReportError("{name} is not valid XML; leave it out or download it again.", name=name) from exc
    parts = list(root.iter("AbstractText"))
    if not parts:
        raise ReportError("{name} has no AbstractText, so it is no Open-i report; leave it out.", name=name)
    sections: dict[str, str] = {}
    for part in parts:
        label = (part.get("Label") or WHOLE).strip().lower()
        text = "".join(part.itertext()).strip()
        sections[label] = f"{sections[label]}\n\n{text}".strip() if label in sections else text
    identity = root.find("uId")
    report_id = identity.get("id") if identity is not None else None
    headings = tuple(major.text.strip() for major in root.iter("major") if (major.text or "").strip())
    return Report(report_id or Path(name).stem, sections, headings)
