"""A folder of DICOM files of one's own: nothing in it is published, so everything that names is replaced.

Patient IDs and UIDs become pseudonyms under the salt, dates are shifted for each patient, and file and folder
names, which often hold a name, are not kept. Free text may come in a CSV file (`--reports`) with a column
StudyInstanceUID, SOPInstanceUID or AccessionNumber and any of indication, findings and impression; it is
cleaned before it is stored.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from cases.case import Licence
from cases.deidentify.dicom_header import Identity, read_identity
from cases.deidentify.pseudonyms import Pseudonymiser
from cases.export.licences import licence_named
from cases.importers.rows import Dropped, ImportSettings, Layout, Row
from cases.importers.tables import csv_rows, folder
from modeling.errors import StudyError
from modeling.study import TEXT_SECTIONS

OWN_FILMS = Licence("Own films: for the readers of this lake only", may_show=True, may_export=False)
_KEYS = ("SOPInstanceUID", "StudyInstanceUID", "AccessionNumber")


def dicom_files(root: Path) -> Iterator[Path]:
    """Every DICOM file below a folder, in path order; other files are passed over."""
    for place, inner, names in os.walk(root):
        inner.sort()
        for name in sorted(names):
            path = Path(place, name)
            if _is_dicom(path):
                yield path


def rows(source: str, settings: ImportSettings) -> Iterator[Row | Dropped]:
    """A row for every DICOM file, named by its number in path order and never by its path.

    Raises:
        StudyError: no salt was given.
    """
    if settings.pseudonyms is None:
        raise StudyError("Films of your own need a salt; name a file with --salt-file (it is made if new).")
    root, reports = folder(source), _reports(settings.reports)
    licence = licence_named(settings.licence) if settings.licence else OWN_FILMS
    for number, path in enumerate(dicom_files(root), 1):
        try:
            identity = read_identity(path)
        except StudyError as exc:
            yield Dropped(f"file {number}", str(exc))
            continue
        yield _row(path, identity, settings, settings.pseudonyms, licence, reports)


def count(source: str) -> int | None:
    """DICOM files below the folder."""
    return sum(1 for _ in dicom_files(folder(source)))


def _row(
    path: Path,
    identity: Identity,
    settings: ImportSettings,
    pseudonyms: Pseudonymiser,
    licence: Licence,
    reports: dict[str, dict[str, str]],
) -> Row:
    keys = (identity.instance, identity.study, identity.accession)
    report = next((reports[key] for key in keys if key and key in reports), {})
    return Row(
        case_id=f"dicom-{pseudonyms.pseudonym('film', identity.instance)}",
        source="dicom",
        film=path,
        licence=licence,
        attribution=settings.attribution or "Own film, de-identified on import",
        patient=f"dicom-{pseudonyms.pseudonym('patient', identity.patient or identity.study)}",
        text={name: words for name, words in report.items() if name == "indication"},
        report={name: words for name, words in report.items() if name != "indication"},
        study=pseudonyms.uid(identity.study) if identity.study else "",
    )


def _reports(path: Path | None) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for line in csv_rows(path) if path else ():
        sections = {name: line[name] for name in TEXT_SECTIONS if line.get(name)}
        for key in _KEYS:
            if line.get(key):
                found[line[key]] = sections
    return found


def _is_dicom(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(132)[128:] == b"DICM"
    except OSError:
        return path.suffix.lower() in (".dcm", ".dicom")  # reported as a film that cannot be read


LAYOUT = Layout("dicom", "a folder of DICOM files", "dicom", rows, count, published=False, large_films=True)
