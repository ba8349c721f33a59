"""MIMIC-CXR-JPG 2.x (Johnson et al. 2019): a credentialed user's own copy.

Source: the folder as PhysioNet lays it out: `mimic-cxr-2.*-metadata.csv[.gz]`, `-chexpert`, `-negbio` and
`-split`, films at `files/p10/p10000032/s50414267/<dicom>.jpg`, and reports as
`files/p10/p10000032/s50414267.txt` (or in `mimic-cxr-reports.zip`). The labellers have four states, kept
apart as readings: a finding is positive, negative or uncertain, or it is not mentioned and has no reading.
PhysioNet's agreement forbids passing on, and showing to anybody who has not signed it.
"""

import re
import zipfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from cases.case import own_copy
from cases.importers import tables
from cases.importers.rows import Dropped, ImportSettings, Layout, Row
from modeling.errors import StudyError
from modeling.labels import FINDINGS, TaskName

ATTRIBUTION = "MIMIC-CXR-JPG (Johnson et al. 2019), PhysioNet; own credentialed copy"
TERMS = "PhysioNet Credentialed Health Data License 1.5.0 (no passing on)"
STATES = {"1.0": "positive", "0.0": "negative", "-1.0": "uncertain"}
NIH_NAMES = {
    "Atelectasis": "Atelectasis", "Cardiomegaly": "Cardiomegaly", "Consolidation": "Consolidation",
    "Edema": "Edema", "Pleural Effusion": "Effusion", "Pneumonia": "Pneumonia",
    "Pneumothorax": "Pneumothorax",
}  # fmt: skip
"""CheXpert observations that mean the same as a label of `NIH_FINDINGS`."""
LABELLERS = {"chexpert": "CheXpert labeler", "negbio": "NegBio labeler"}
_HEADINGS = {
    "INDICATION": "indication", "HISTORY": "indication", "CLINICAL INFORMATION": "indication",
    "REASON FOR EXAM": "indication", "REASON FOR EXAMINATION": "indication", "FINDINGS": "findings",
    "FINDING": "findings", "IMPRESSION": "impression", "CONCLUSION": "impression",
}  # fmt: skip
_METADATA = ("mimic-cxr-2*-metadata.csv", "mimic-cxr-2*-metadata.csv.gz")
_VIEWS = {"PA": "PA", "AP": "AP", "LATERAL": "lateral", "LL": "lateral"}


def rows(source: str, settings: ImportSettings) -> Iterator[Row | Dropped]:
    """A row for every line of the metadata table."""
    root = tables.folder(source)
    labels, split = {name: _labels(root, name) for name in LABELLERS}, _splits(root)
    licence = own_copy(TERMS, may_show=settings.readers_agreed)
    table, needed = tables.find(root, *_METADATA), ("dicom_id", "subject_id", "study_id", "ViewPosition")
    with _archive(root) as archive:
        for line in tables.csv_rows(table, needed):
            patient, study, film_id = line["subject_id"], line["study_id"], line["dicom_id"]
            place = root / "files" / f"p{patient[:2]}" / f"p{patient}" / f"s{study}"
            film = place / f"{film_id}.jpg"
            if not film.is_file():
                yield Dropped(film_id, tables.NO_FILM)
                continue
            view = _VIEWS.get(line["ViewPosition"].upper(), "")
            marked = {name: found.get(study, {}) for name, found in labels.items()}
            yield Row(
                case_id=f"mimic-{film_id}",
                source="mimic",
                film=film,
                licence=licence,
                attribution=ATTRIBUTION,
                patient=f"mimic-{patient}",
                table={"view_position": tables.frontal(view)},
                **tables.by_time(sections_of(_report(root, place, archive))),
                findings=_positive(marked["chexpert"]),
                readings=tuple(_readings(marked)),
                view=view,
                study=f"s{study}",
                split=split.get(film_id, ""),
            )


def sections_of(report: str) -> dict[str, str]:
    """Indication, findings and impression of a report; a heading stands in capitals at a line's start."""
    found: dict[str, list[str]] = {}
    section = ""
    for line in report.splitlines():
        heading = re.match(r"\s*([A-Z][A-Z /]{3,40}):\s*(.*)", line)
        if heading:
            section = _HEADINGS.get(heading[1].strip(), "")
            line = heading[2]
        if section and line.strip():
            found.setdefault(section, []).append(line.strip())
    return {name: " ".join(words) for name, words in found.items()}


def _lines(root: Path, name: str, *needed: str) -> Iterator[dict[str, str]]:
    return tables.optional_rows(root, needed, f"mimic-cxr-2*-{name}.csv", f"mimic-cxr-2*-{name}.csv.gz")


def _labels(root: Path, labeller: str) -> dict[str, dict[str, str]]:
    """Study -> observation -> state; a state that is left blank is not mentioned."""
    return {
        line["study_id"]: {
            name: STATES[state]
            for name, value in line.items()
            if (state := value if "." in value else f"{value}.0") in STATES and not name.endswith("_id")
        }
        for line in _lines(root, labeller, "study_id")
    }


def _splits(root: Path) -> dict[str, str]:
    names = {"validate": "validation"}
    lines = _lines(root, "split", "dicom_id", "split")
    return {line["dicom_id"]: names.get(line["split"], line["split"]) for line in lines}


def _readings(marked: dict[str, dict[str, str]]) -> Iterator[tuple[str, TaskName, str]]:
    for labeller, states in marked.items():
        for name, state in states.items():
            yield LABELLERS[labeller], FINDINGS, f"{name}: {state}"


def _positive(states: dict[str, str]) -> tuple[str, ...] | None:
    if not states:
        return None
    return tuple(
        NIH_NAMES[name] for name, state in states.items() if state == "positive" and name in NIH_NAMES
    )


def _archive(root: Path) -> AbstractContextManager[zipfile.ZipFile | None]:
    path = tables.optional(root, "mimic-cxr-reports.zip")
    try:
        return zipfile.ZipFile(path) if path else nullcontext()
    except (OSError, zipfile.BadZipFile) as exc:
        raise StudyError("The archive mimic-cxr-reports.zip cannot be read; fetch it again.") from exc


def _report(root: Path, study: Path, archive: zipfile.ZipFile | None) -> str:
    """The report beside a study's folder, or in PhysioNet's archive, or ""."""
    path = study.with_suffix(".txt")
    if path.is_file():
        return path.read_text(encoding="utf-8", errors="replace")
    name = path.relative_to(root).as_posix()
    there = archive is not None and name in archive.NameToInfo
    return archive.read(name).decode("utf-8", "replace") if there else ""


LAYOUT = Layout("mimic", "MIMIC-CXR-JPG", "mimic", rows, tables.count_rows(*_METADATA))
