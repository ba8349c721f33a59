"""Indiana University chest films, Open-i (Demner-Fushman et al. 2016): XML reports and PNG or DICOM films.

Source: a folder with the reports (`NLMCXR_reports.tgz`, or `*.xml` below any folder) and the films below any
folder. Where `nlmcxr_dicom_metadata.csv*` lies beside them, it gives the view of PNG films.

The findings of a study come from the surest source that has it: a table of gold labels
(`openi_gld_std14.csv`, `negbio_gold_*.csv`), the MeSH major headings that indexers gave the report, and else
what Viewbox's rules find affirmed in it. Each source stands among the readings under its name.
CC BY-NC-ND 4.0: shown, never exported.
"""

import re
import tarfile
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException

from cases.case import Licence
from cases.importers import tables
from cases.importers.rows import Dropped, ImportSettings, Layout, Notice, Row
from modeling.errors import StudyError, ViewboxError
from modeling.labels import FINDINGS, NIH_FINDINGS, NO_FINDING
from modeling.reports.index_terms import findings_of_headings
from modeling.reports.mining import Miner
from modeling.reports.report import Report

ATTRIBUTION = "Open-i, Indiana University Chest X-ray Collection (Demner-Fushman et al. 2016)"
LICENCE = Licence("CC BY-NC-ND 4.0 (shown as published; not passed on)", may_show=True, may_export=False)
GOLD = {
    "openi_gld_std14.csv": "Open-i gold standard", "negbio_gold_dev.csv": "NegBio gold standard",
    "negbio_gold_test.csv": "NegBio gold standard",
}  # fmt: skip
"""File -> whose labels it holds, the one to believe first at the top."""
INDEXED, MINED = "MeSH headings", "mined from the report"
_IDS = ("filename", "id", "uid", "report", "reportid", "study", "studyid", "image", "imageid")
_YES = ("1", "1.0", "true", "yes", "positive")
_SECTIONS = {"INDICATION": "indication", "FINDINGS": "findings", "IMPRESSION": "impression"}
_LARGEST_REPORT = 1_000_000


def rows(source: str, settings: ImportSettings) -> Iterator[Row | Dropped | Notice]:
    """A row for every film that a report names; films of one study share its ID, text and findings."""
    root = tables.folder(source)
    films, views, labels = tables.films_by_stem(root), _views(root), _Labels(_gold(root))
    for name, data in _reports(root):
        try:
            report = ElementTree.fromstring(data, forbid_dtd=False)
        except (ParseError, DefusedXmlException, ValueError):
            yield Dropped(name, "its report is no XML")
            continue
        yield from _rows_of(report, films, views, labels)
    yield from labels.notices()


def _rows_of(
    report: Element, films: dict[str, Path], views: dict[str, str], labels: "_Labels"
) -> Iterator[Row | Dropped]:
    uid = report.find("uId")
    study = "" if uid is None else uid.get("id", "")
    parts = ((part.get("Label"), " ".join((part.text or "").split())) for part in report.iter("AbstractText"))
    sections = {_SECTIONS[label]: words for label, words in parts if label in _SECTIONS and words}
    images = [image.get("id", "") for image in report.iter("parentImage")]
    there = {image: films.get(image) or films.get(image.removeprefix("CXR")) for image in images}
    if not images:
        yield Dropped(study, "its report names no film")
    if not any(there.values()):
        yield from (Dropped(image, tables.NO_FILM) for image in images)
        return
    headings = tuple(major.text.strip() for major in report.iter("major") if (major.text or "").strip())
    readings = labels.of(Report(study, sections, headings))
    for image, film in there.items():
        yield (
            Dropped(image, tables.NO_FILM)
            if film is None
            else Row(
                case_id=f"openi-{image}",
                source="openi",
                film=film,
                licence=LICENCE,
                attribution=ATTRIBUTION,
                patient=f"openi-{study}",
                **tables.by_time(sections),
                findings=next(iter(readings.values()), None),
                readings=tuple(
                    (reader, FINDINGS, label)
                    for reader, found in readings.items()
                    for label in found or (NO_FINDING,)
                ),
                view=views.get(image, ""),
                study=study,
            )
        )


# --- whose word on the findings there is -------------------------------------------------------------------


@dataclass
class _Labels:
    """The findings of studies by source, and how many studies each source decided.

    Attributes:
        gold: whose labels -> study -> its findings.
    """

    gold: Mapping[str, Mapping[str, tuple[str, ...]]]
    decided: Counter[str] = field(default_factory=Counter)
    _miner: Miner = field(default_factory=Miner, repr=False)

    def of(self, report: Report) -> dict[str, tuple[str, ...]]:
        """Source -> the findings it affirms, () for none of them; the surest source first."""
        found = {
            reader: rows[report.report_id] for reader, rows in self.gold.items() if report.report_id in rows
        }
        indexed = findings_of_headings(report.headings)
        if indexed is not None:
            found[INDEXED] = indexed
        try:
            mined = self._miner.label(report)
            affirmed = tuple(name for name in NIH_FINDINGS if mined.value(name) == "positive")
            if affirmed or mined.normal:
                found[MINED] = affirmed
        except ViewboxError:
            pass  # a report that the rules do not get through: the other sources stand
        self.decided[next(iter(found), "")] += 1
        return found

    def notices(self) -> Iterator[Notice]:
        """How many studies each source decided, and of how many nobody says anything."""
        unknown = self.decided.pop("", 0)
        told = [f"of {count} studies from: {reader}" for reader, count in self.decided.items()]
        if told:
            yield Notice(f"Findings {', '.join(told)}.")
        if unknown:
            yield Notice(
                f"Of {unknown} studies no source says whether there are findings; they have no label."
            )


def _gold(root: Path) -> dict[str, dict[str, tuple[str, ...]]]:
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for file, reader in GOLD.items():
        path = tables.optional(root, file, f"{file}.gz")
        if path is not None:
            found.setdefault(reader, {}).update(_gold_rows(path))
    return found


def _gold_rows(path: Path) -> dict[str, tuple[str, ...]]:
    """Study -> findings, of a table with a line for a report or a film and a column for each finding.

    Raises StudyError: it names no study, or not all of the findings.
    """
    found: dict[str, set[str]] = {}
    columns: dict[str, str] = {}
    for line in tables.csv_rows(path):
        columns = columns or {re.sub(r"[^a-z0-9]", "", name.lower()): name for name in line}
        identity = next((columns[name] for name in _IDS if name in columns), "")
        named = {name: columns.get(name.replace("_", "").lower(), "") for name in NIH_FINDINGS}
        lacking = ["a study (such as filename)"] * (not identity)
        lacking += [name for name, column in named.items() if not column]
        if lacking:
            no_column = "'{path}' has no column for {missing}; give the file as published."
            raise StudyError(no_column, path=path.name, missing=lacking[0])
        study = _study_of(line[identity])
        found.setdefault(study, set()).update(
            name for name, column in named.items() if line[column].lower() in _YES
        )
    return {study: tuple(n for n in NIH_FINDINGS if n in names) for study, names in found.items()}


def _study_of(written: str) -> str:
    """CXR12 for a report (12, CXR12, CXR12.xml) or one of its films (CXR12_IM-0001-1001.png)."""
    number = re.match(r"(?:CXR)?(\d+)(?=$|[_.])", written, re.IGNORECASE)
    return f"CXR{int(number[1])}" if number else written


# --- the reports -------------------------------------------------------------------------------------------


def _reports(root: Path) -> Iterator[tuple[str, bytes]]:
    """Name and XML of every report; the archive is read from front to back, one report in memory."""
    archive = tables.optional(root, "NLMCXR_reports.tgz", "*reports*.tgz", "*reports*.tar.gz")
    if archive is None:
        paths = sorted(root.rglob("*.xml"))
        if not paths:
            no_reports = "There are no reports in '{root}'; put NLMCXR_reports.tgz there."
            raise StudyError(no_reports, root=root.name)
        for path in paths:
            yield path.stem, path.read_bytes()
        return
    try:
        with tarfile.open(archive, "r|*") as reports:
            for member in reports:
                file = reports.extractfile(member) if member.isfile() else None
                if file is not None and member.name.endswith(".xml") and member.size < _LARGEST_REPORT:
                    yield Path(member.name).stem, file.read()
    except (OSError, EOFError, tarfile.TarError) as exc:
        damaged = "The archive '{archive}' cannot be read; fetch it again."
        raise StudyError(damaged, archive=archive.name) from exc


def _views(root: Path) -> dict[str, str]:
    needed, table = ("imageid", "View Position"), "nlmcxr_dicom_metadata.csv"
    lines = tables.optional_rows(root, needed, table, f"{table}.gz")
    return {line["imageid"]: _view(line["View Position"]) for line in lines}


def _view(written: str) -> str:
    words = set(re.findall("[A-Z]+", written.upper()))
    if words & {"LL", "RL", "LAT", "LATERAL"}:
        return "lateral"
    return next((view for view in ("PA", "AP") if view in words), "")


LAYOUT = Layout("openi", "Open-i, Indiana University chest films", "openi", rows, large_films=True)
