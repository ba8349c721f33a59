"""Reports from where they lie: the Open-i archive or its XML folder, MIMIC text, or a table.

XML comes from outside: it is parsed by defusedxml, which refuses entities, and an archive's members are
read one by one and never unpacked to disk.
"""

import tarfile
from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import ParseError

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from modeling.reports.report import WHOLE, Report, ReportError
from modeling.reports.tables import LARGEST_MEMBER, is_table, table_reports, text_of


def read_reports(path: Path, text_column: str = "", heading_column: str = "") -> list[Report]:
    """All reports of an archive, folder, text file or table, sorted by name (a table's in its own order).

    Args:
        path: `.tgz` or `.tar` of XML or text files; a folder of them (searched deeply); one `.xml` or `.txt`
            file; or a table (CSV, TSV, JSON lines and their kin, also gzipped), as for `table_reports`.

    Raises:
        ReportError: not there, nothing to read in it, or a file that is no report.
    """
    path = Path(path)
    if not path.exists():
        nothing = "There is nothing at {path}; name an archive, a folder or a table of reports."
        raise ReportError(nothing, path=path)
    if path.is_dir():
        files = sorted(p for p in path.rglob("*") if p.suffix.lower() in (".xml", ".txt"))
        reports = [_parse(file.name, _checked_bytes(file)) for file in files]
    elif path.name.lower().endswith((".tgz", ".tar.gz", ".tar")):
        reports = [_parse(name, content) for name, content in sorted(_members(path))]
    elif is_table(path):
        reports = list(table_reports(path, text_column, heading_column))
    else:
        reports = [_parse(path.name, _checked_bytes(path))]
    if not reports:
        no_report = "{path} holds no report; name one with .xml or .txt files, or a table with rows."
        raise ReportError(no_report, path=path)
    return reports


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
