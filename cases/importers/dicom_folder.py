"""A folder of DICOM files of one's own: nothing in it is published, so everything that names is replaced.

Patient IDs and UIDs become pseudonyms under the salt, dates are shifted for each patient, and file and folder
names, which often hold a name, are not kept. Free text may come in a CSV file (`--reports`) with a column
StudyInstanceUID, SOPInstanceUID or AccessionNumber and any of indication, findings and impression; it is
cleaned before it is stored.
"""

from collections.abc import Iterator
from pathlib import Path

from cases.case import Licence, licence_named
from cases.deidentify.dicom_header import Identity, read_identity
from cases.importers import tables
from cases.importers.rows import Dropped, ImportSettings, Layout, Row
from modeling.errors import StudyError
from modeling.study import TEXT_SECTIONS

OWN_FILMS = Licence("Own films: for the readers of this lake only", may_show=True, may_export=False)
_KEYS = ("SOPInstanceUID", "StudyInstanceUID", "AccessionNumber")


def dicom_files(root: Path) -> Iterator[Path]:
    """Every DICOM file below a folder, in path order; other files are passed over."""
    return filter(_is_dicom, tables.files_below(root))


def rows(source: str, settings: ImportSettings) -> Iterator[Row | Dropped]:
    """A row for every DICOM file, named by its number in path order and never by its path.

    Raises StudyError: no salt was given.
    """
    if settings.pseudonyms is None:
        raise StudyError("Films of your own need a salt; name a file with --salt-file (it is made if new).")
    root, reports = tables.folder(source), _reports(settings.reports)
    licence = licence_named(settings.licence) if settings.licence else OWN_FILMS
    for number, path in enumerate(dicom_files(root), 1):
        try:
            identity = read_identity(path)
        except StudyError as exc:
            yield Dropped(f"file {number}", str(exc))
            continue
        keys = (identity.instance, identity.study, identity.accession)
        report = next((reports[key] for key in keys if key and key in reports), {})
        yield _row(path, identity, settings, report, licence)


def count(source: str) -> int | None:
    """DICOM files below the folder."""
    return sum(1 for _ in dicom_files(tables.folder(source)))


def _row(
    path: Path, identity: Identity, settings: ImportSettings, report: dict[str, str], licence: Licence
) -> Row:
    assert settings.pseudonyms is not None, "checked by rows()"
    pseudonym = settings.pseudonyms.pseudonym
    return Row(
        case_id=f"dicom-{pseudonym('film', identity.instance)}",
        source="dicom",
        film=path,
        licence=licence,
        attribution=settings.attribution or "Own film, de-identified on import",
        patient=f"dicom-{pseudonym('patient', identity.patient or identity.study)}",
        **tables.by_time(report),
        study=settings.pseudonyms.uid(identity.study) if identity.study else "",
        day=identity.day,
    )


def _reports(path: Path | None) -> dict[str, dict[str, str]]:
    """Sections by each of the names that a line gives its film, study or examination."""
    found: dict[str, dict[str, str]] = {}
    for line in tables.csv_rows(path) if path else ():
        sections = {name: line[name] for name in TEXT_SECTIONS if line.get(name)}
        found |= {line[key]: sections for key in _KEYS if line.get(key)}
    return found


def _is_dicom(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(132)[128:] == b"DICM"
    except OSError:
        return path.suffix.lower() in (".dcm", ".dicom")  # reported as a film that cannot be read


LAYOUT = Layout("dicom", "a folder of DICOM files", "dicom", rows, count, published=False, large_films=True)
