"""Indiana University chest films, Open-i (Demner-Fushman et al. 2016): XML reports and PNG or DICOM films.

Source: a folder with the reports (`NLMCXR_reports.tgz`, or `*.xml` below any folder) and the films below any
folder. Where `nlmcxr_dicom_metadata.csv*` lies beside them, it gives the view of PNG films; where
`negbio_gold_dev.csv` does, its gold labels become the findings. CC BY-NC-ND 4.0: shown, never exported.
"""

import re
import tarfile
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

from cases.case import Licence
from cases.importers import tables
from cases.importers.rows import Dropped, ImportSettings, Layout, Row
from modeling.errors import StudyError
from modeling.labels import FINDINGS, NIH_FINDINGS

ATTRIBUTION = "Open-i, Indiana University Chest X-ray Collection (Demner-Fushman et al. 2016)"
LICENCE = Licence("CC BY-NC-ND 4.0 (shown as published; not passed on)", may_show=True, may_export=False)
GOLD = "NegBio gold standard"
_SECTIONS = {"INDICATION": "indication", "FINDINGS": "findings", "IMPRESSION": "impression"}
_LARGEST_REPORT = 1_000_000


def rows(source: str, settings: ImportSettings) -> Iterator[Row | Dropped]:
    """A row for every film that a report names."""
    root = tables.folder(source)
    films, views = tables.films_by_stem(root), _views(root)
    lines = tables.optional_rows(root, ("filename", "normal"), "negbio_gold_dev.csv")
    gold = {line["filename"]: tuple(n for n in NIH_FINDINGS if line.get(n) == "1") for line in lines}
    for name, data in _reports(root):
        try:
            report = ET.fromstring(data)
        except ET.ParseError:
            yield Dropped(name, "its report is no XML")
            continue
        yield from _rows_of(report, films, views, gold)


def _rows_of(
    report: ET.Element, films: dict[str, Path], views: dict[str, str], gold: dict[str, tuple[str, ...]]
) -> Iterator[Row | Dropped]:
    uid = report.find("uId")
    study = "" if uid is None else uid.get("id", "")
    parts = ((part.get("Label"), " ".join((part.text or "").split())) for part in report.iter("AbstractText"))
    sections = {_SECTIONS[label]: words for label, words in parts if label in _SECTIONS and words}
    images = [image.get("id", "") for image in report.iter("parentImage")]
    found = gold.get(study)
    if not images:
        yield Dropped(study, "its report names no film")
    for image in images:
        film = films.get(image) or films.get(image.removeprefix("CXR"))
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
                findings=found,
                readings=tuple((GOLD, FINDINGS, label) for label in found or ()),
                view=views.get(image, ""),
                study=study,
            )
        )


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
