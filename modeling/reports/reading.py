"""Reports from where they lie: the Open-i archive or its XML folder, MIMIC text, or a CSV.

XML comes from outside: it is parsed by defusedxml, which refuses entities, and an archive's members are
read one by one and never unpacked to disk.
"""

import csv
import gzip
import io
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from modeling.errors import ViewboxError
from modeling.reports.report import SECTION_NAMES, WHOLE, Report

LARGEST_MEMBER = 5_000_000
"""Bytes: no report is longer; what is larger is refused unread."""

TEXT_COLUMNS = ("report", "text")
ID_COLUMNS = ("report_id", "id", "filename", "study_id", "ImageID", "ReportID", "StudyID")
_QUOTED = re.compile(r"'([^']*)'|\"([^\"]*)\"")


class ReportError(ViewboxError):
    """Reports cannot be read as given."""


def read_reports(path: Path, text_column: str = "", heading_column: str = "") -> list[Report]:
    """All reports of an archive, a folder, a text file or a CSV, sorted by name (a CSV in its own order).

    Args:
        path: `.tgz` or `.tar` of XML or text files; a folder of them (searched deeply); one `.xml` or `.txt`
            file; or a `.csv` (also `.csv.gz`) with a column for each section, or one named `text_column`.
        heading_column: a CSV's column of index terms: a list such as ['a', 'b'], or `a;b`.

    Raises:
        ReportError: not there, nothing to read in it, or a file that is no report.
    """
    path = Path(path)
    if not path.exists():
        raise ReportError(f"There is nothing at {path}; name an archive, folder or CSV of reports.")
    if path.is_dir():
        files = sorted(p for p in path.rglob("*") if p.suffix.lower() in (".xml", ".txt"))
        reports = [_parse(file.name, _checked_bytes(file)) for file in files]
    elif path.name.lower().endswith((".tgz", ".tar.gz", ".tar")):
        reports = [_parse(name, content) for name, content in sorted(_members(path))]
    elif path.name.lower().endswith((".csv", ".csv.gz")):
        reports = list(_rows(path, text_column, heading_column))
    else:
        reports = [_parse(path.name, _checked_bytes(path))]
    if not reports:
        raise ReportError(f"{path} holds no report; name one with .xml or .txt files, or a CSV with rows.")
    return reports


def _checked_bytes(file: Path) -> bytes:
    if file.stat().st_size > LARGEST_MEMBER:
        raise ReportError(f"{file.name} is larger than a report can be; leave it out.")
    return file.read_bytes()


def _members(path: Path) -> Iterator[tuple[str, bytes]]:
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                name = Path(member.name).name
                if not member.isfile() or not name.lower().endswith((".xml", ".txt")) or name.startswith("."):
                    continue
                if member.size > LARGEST_MEMBER:
                    raise ReportError(f"{name} is larger than a report can be; leave it out of the archive.")
                yield name, archive.extractfile(member).read()
    except (tarfile.TarError, EOFError, OSError) as exc:
        raise ReportError(f"{path} is not a readable archive; download it again.") from exc


def _parse(name: str, content: bytes) -> Report:
    if name.lower().endswith(".xml"):
        return parse_xml(content, name)
    return Report.from_text(content.decode("utf-8", errors="replace"), Path(name).stem)


def parse_xml(content: bytes, name: str = "the file") -> Report:
    """One Open-i report.

    Raises:
        ReportError: no XML, XML that defines entities (a bomb), or XML without a report in it.
    """
    try:
        root = ElementTree.fromstring(content, forbid_dtd=False)
    except DefusedXmlException as exc:
        raise ReportError(f"{name} defines XML entities, which no report needs; leave it out.") from exc
    except (ParseError, ValueError, LookupError) as exc:
        raise ReportError(f"{name} is not valid XML; leave it out or download it again.") from exc
    parts = list(root.iter("AbstractText"))
    if not parts:
        raise ReportError(f"{name} has no AbstractText, so it is no Open-i report; leave it out.")
    sections: dict[str, str] = {}
    for part in parts:
        label = (part.get("Label") or WHOLE).strip().lower()
        text = "".join(part.itertext()).strip()
        sections[label] = f"{sections[label]}\n\n{text}".strip() if label in sections else text
    identity = root.find("uId")
    report_id = identity.get("id") if identity is not None else None
    return Report(report_id or Path(name).stem, sections, _headings(root))


def _headings(root: Element) -> tuple[str, ...]:
    return tuple(element.text.strip() for element in root.iter("major") if (element.text or "").strip())


def _rows(path: Path, text_column: str, heading_column: str) -> Iterator[Report]:
    csv.field_size_limit(LARGEST_MEMBER)
    opener = gzip.open if path.name.lower().endswith(".gz") else open
    try:
        with opener(path, "rb") as raw, io.TextIOWrapper(raw, "utf-8-sig", "replace", newline="") as lines:
            table = csv.DictReader(lines)
            names = [name or "" for name in table.fieldnames or ()]
            texts = _text_columns(names, text_column, path)
            headings = _column(names, heading_column, path) if heading_column else None
            identity = next((name for c in ID_COLUMNS for name in names if name.lower() == c.lower()), None)
            for number, row in enumerate(table, 1):
                report_id = (row.get(identity) or "").strip() if identity else ""
                terms = _terms(row.get(headings) or "") if headings else ()
                yield _row_report(row, texts, report_id or str(number), terms)
    except (csv.Error, EOFError, OSError) as exc:
        raise ReportError(f"{path} is not a readable CSV; save it again as UTF-8.") from exc


def _column(names: list[str], wanted: str, path: Path) -> str:
    for name in names:
        if name.strip().lower() == wanted.lower():
            return name
    raise ReportError(f"{path} has no column '{wanted}'; it has {', '.join(names)[:200]}.")


def _text_columns(names: list[str], text_column: str, path: Path) -> dict[str, str]:
    """Section -> column."""
    if text_column:
        return {WHOLE: _column(names, text_column, path)}
    known = {name.strip().lower(): name for name in names}
    sections = {section: known[section] for section in SECTION_NAMES if section in known}
    if "findings" in sections or "impression" in sections:
        return sections
    whole = [known[name] for name in TEXT_COLUMNS if name in known]
    if not whole:
        raise ReportError(
            f"{path} has no column that holds text; call one report, findings or impression, or name it."
        )
    return {WHOLE: whole[0]}


def _terms(cell: str) -> tuple[str, ...]:
    """Index terms of a cell: `['a', 'b']` or `a;b`."""
    quoted = _QUOTED.findall(cell) if cell.startswith("[") else []
    terms = [first or second for first, second in quoted] if quoted else cell.strip("[]").split(";")
    return tuple(term.strip() for term in terms if term.strip() not in ("", "nan"))


def _row_report(
    row: dict[str, str | None], columns: dict[str, str], report_id: str, headings: tuple[str, ...]
) -> Report:
    sections = {name: row.get(column) or "" for name, column in columns.items()}
    if set(sections) == {WHOLE}:
        sections = dict(Report.from_text(sections[WHOLE]).sections)
    return Report(report_id, sections, headings)
