"""MIMIC-CXR-JPG 2.x (Johnson et al. 2019): a credentialed user's own copy.

Source: the folder as PhysioNet lays it out: `mimic-cxr-2.*-metadata.csv[.gz]`, `-chexpert`, `-negbio`,
`-split` and `-test-set-labeled`, films at `files/p10/p10000032/s50414267/<dicom>.jpg`, and reports as
`files/p10/p10000032/s50414267.txt` (or in `mimic-cxr-reports.zip`). The 14 CheXpert labels have four states,
kept apart as readings of the task "chexpert": positive (1), negative (0) or uncertain (-1), or left blank,
and then there is no reading. Radiologists' labels, of studies in the test set, stand before the programs': a
study that they labelled takes all 14 from them, and what they left blank no program fills.
PhysioNet's agreement forbids passing on, and showing to anybody who has not signed it.
"""

import re
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from cases.case import own_copy
from cases.deidentify.pseudonyms import day_number
from cases.importers import tables
from cases.importers.rows import Dropped, ImportSettings, Layout, Notice, Row
from modeling.errors import StudyError
from modeling.labels import FINDINGS, NO_FINDING, TaskName

ATTRIBUTION = "MIMIC-CXR-JPG (Johnson et al. 2019), PhysioNet; own credentialed copy"
TERMS = "PhysioNet Credentialed Health Data License 1.5.0 (no passing on)"
STATES = {"1.0": "positive", "0.0": "negative", "-1.0": "uncertain"}
CHEXPERT = "chexpert"
"""The task of the 14 labels (Irvin et al., AAAI 2019); a checkpoint's settings may declare it."""
LABELS = (
    NO_FINDING, "Enlarged Cardiomediastinum", "Cardiomegaly", "Lung Opacity", "Lung Lesion", "Edema",
    "Consolidation", "Pneumonia", "Atelectasis", "Pneumothorax", "Pleural Effusion", "Pleural Other",
    "Fracture", "Support Devices",
)  # fmt: skip
_OTHER_NAMES = {"Airspace Opacity": "Lung Opacity"}
"""The radiologists' table has another word for one of them."""
NIH_NAMES = {
    "Atelectasis": "Atelectasis", "Cardiomegaly": "Cardiomegaly", "Consolidation": "Consolidation",
    "Edema": "Edema", "Pleural Effusion": "Effusion", "Pneumonia": "Pneumonia",
    "Pneumothorax": "Pneumothorax",
}  # fmt: skip
"""CheXpert observations that mean the same as a label of `NIH_FINDINGS`."""
LABELLERS = {
    "test-set-labeled": "MIMIC-CXR-JPG radiologist", "chexpert": "CheXpert labeler",
    "negbio": "NegBio labeler",
}  # fmt: skip
"""Table -> whose labels it holds, the first one to believe first."""
_HEADINGS = {
    "INDICATION": "indication", "HISTORY": "indication", "CLINICAL INFORMATION": "indication",
    "REASON FOR EXAM": "indication", "REASON FOR EXAMINATION": "indication", "FINDINGS": "findings",
    "FINDING": "findings", "IMPRESSION": "impression", "CONCLUSION": "impression",
}  # fmt: skip
_METADATA = ("mimic-cxr-2*-metadata.csv", "mimic-cxr-2*-metadata.csv.gz")
_VIEWS = {
    "PA": "PA", "AP": "AP", "AP AXIAL": "AP", "POSTERO-ANTERIOR": "PA", "ANTERO-POSTERIOR": "AP",
    "LATERAL": "lateral", "LL": "lateral", "RL": "lateral", "LEFT LATERAL": "lateral",
    "XTABLE LATERAL": "lateral", "LAO": "oblique", "RAO": "oblique", "LPO": "oblique", "RPO": "oblique",
    "AP LLD": "decubitus", "AP RLD": "decubitus", "PA LLD": "decubitus", "PA RLD": "decubitus",
}  # fmt: skip
"""`ViewPosition`, or where that is blank `ViewCodeSequence_CodeMeaning`, in capitals."""


def rows(source: str, settings: ImportSettings) -> Iterator[Row | Dropped | Notice]:
    """A row for every line of the metadata table."""
    root = tables.folder(source)
    odd: Counter[str] = Counter()
    labels, split = {name: _labels(root, name, odd) for name in LABELLERS}, _splits(root)
    yield from _absent(labels, split, odd)
    licence = own_copy(TERMS, may_show=settings.readers_agreed)
    table, needed = tables.find(root, *_METADATA), ("dicom_id", "subject_id", "study_id", "ViewPosition")
    judged = set(labels["test-set-labeled"])
    with _archive(root) as archive:
        for line in tables.csv_rows(table, needed):
            patient, study, film_id = line["subject_id"], line["study_id"], line["dicom_id"]
            place = root / "files" / f"p{patient[:2]}" / f"p{patient}" / f"s{study}"
            film = place / f"{film_id}.jpg"
            if not film.is_file():
                yield Dropped(film_id, tables.NO_FILM)
                continue
            written = line["ViewPosition"] or line.get("ViewCodeSequence_CodeMeaning", "")
            view = _VIEWS.get(written.upper().strip(), "")
            marked = {name: found[study] for name, found in labels.items() if study in found}
            judged.discard(study)
            yield Row(
                case_id=f"mimic-{film_id}",
                source="mimic",
                film=film,
                licence=licence,
                attribution=ATTRIBUTION,
                patient=f"mimic-{patient}",
                table={"view_position": tables.frontal(view)},
                **tables.by_time(sections_of(_report(root, place, archive))),
                findings=_findings(next(iter(marked.values()), {})),
                readings=tuple(_readings(marked)),
                view=view,
                study=f"s{study}",
                day=day_number(line.get("StudyDate", "")),
                split=split.get(film_id, ""),
            )
    if judged:
        yield Notice(f"{len(judged)} studies that radiologists labelled have no film in the folder.")


def _absent(
    labels: Mapping[str, Mapping[str, object]], split: Mapping[str, str], odd: Counter[str]
) -> Iterator[Notice]:
    """What of the published tables is not there, or is no label."""
    for name in (*(name for name, found in labels.items() if not found), *(["split"] * (not split))):
        yield Notice(f"There is no mimic-cxr-2*-{name}.csv in the folder, or it is empty.")
    for name, count in odd.items():
        yield Notice(f"{count} values of mimic-cxr-2*-{name}.csv are no state (1, 0, -1, blank): left out.")


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


def _labels(root: Path, name: str, odd: Counter[str]) -> dict[str, dict[str, str]]:
    """Study -> label -> state; one that is left blank is not there, and what is no state is counted."""
    found: dict[str, dict[str, str]] = {}
    for line in _lines(root, name, "study_id"):
        states = found.setdefault(line["study_id"], {})
        for column, value in line.items():
            label = _OTHER_NAMES.get(column, column)
            state = STATES.get(value if "." in value else f"{value}.0")
            if label in LABELS and value and state is None:
                odd[name] += 1
            elif label in LABELS and state is not None:
                states[label] = state
    return found


def _splits(root: Path) -> dict[str, str]:
    names = {"validate": "validation"}
    lines = _lines(root, "split", "dicom_id", "split")
    return {line["dicom_id"]: names.get(line["split"], line["split"]) for line in lines}


def _readings(marked: Mapping[str, Mapping[str, str]]) -> Iterator[tuple[str, TaskName, str]]:
    """Every state under the task of the 14 labels, and again as a finding where NIH's mean the same."""
    if not marked.get("test-set-labeled", True):
        return  # radiologists looked and said nothing of any: no program's word stands for theirs
    for name, states in marked.items():
        for label in (label for label in LABELS if label in states):
            for task in (CHEXPERT, FINDINGS) if label in NIH_NAMES else (CHEXPERT,):
                yield LABELLERS[name], task, f"{label}: {states[label]}"


def _findings(states: Mapping[str, str]) -> tuple[str, ...] | None:
    """The NIH findings that are affirmed, () where none at all is; None where only other labels are told."""
    affirmed = tuple(NIH_NAMES[label] for label in NIH_NAMES if states.get(label) == "positive")
    return affirmed if affirmed or states.get(NO_FINDING) == "positive" else None


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
