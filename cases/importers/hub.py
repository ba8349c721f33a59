"""Any data set of the Hugging Face Hub, or a local folder that `datasets` reads, with a column mapping.

Columns: `--column image=scan --column patient=subject --column appearance=label ...`; unnamed ones are taken
by their own name. Besides image, id and patient: any clinical field, any text section, appearance, grading
and findings (a list, or names with | between them); and a teacher's `title` and `teaching_note` (with a
language tag, `title_zh-Hant`, for others than English). Rows are streamed. Nothing says that such a set was
de-identified, so its patient names become pseudonyms and its films are held to the rules for one's own.
"""

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cases.case import licence_named
from cases.importers.rows import Dropped, ImportSettings, Layout, Notice, Row, short_hash
from cases.importers.tables import by_time, not_taken, teaching_words
from modeling.errors import StudyError
from modeling.labels import APPEARANCE, FINDINGS, GRADING, NIH_FINDINGS, TASKS, TaskName
from modeling.sentence import Names
from modeling.study import CLINICAL_FIELDS, TEXT_SECTIONS

if TYPE_CHECKING:
    from datasets import IterableDataset

FIELDS = ("image", "id", "patient", *CLINICAL_FIELDS, *TEXT_SECTIONS, *TASKS, "attribution", "licence")
_SINGLE = (APPEARANCE, GRADING)


def rows(source: str, settings: ImportSettings) -> Iterator[Row | Dropped | Notice]:
    """A row for every line of the split.

    Raises StudyError: the data set cannot be had, has no film column, or no salt or licence was given.
    """
    if settings.pseudonyms is None:
        raise StudyError("A Hub data set needs a salt; name a file with --salt-file (it is made if new).")
    unknown = next((name for name in settings.columns if name not in FIELDS), None)
    if unknown is not None:
        fields = Names("name", FIELDS)
        raise StudyError("There is no field '{unknown}'; use {fields}.", unknown=unknown, fields=fields)
    data = _open(source, settings.split or "train")
    columns = {name: settings.columns.get(name, name) for name in FIELDS}
    film_column, there = columns["image"], data.column_names or ()
    if film_column not in there:
        said = "There is no column '{columns}'; name the film's with --column image=NAME."
        raise StudyError(said, columns=film_column)
    classes = {name: list(getattr(kind, "names", None) or ()) for name, kind in (data.features or {}).items()}
    licence = settings.licence or str(data.info.license or "")
    yield from _left_out(there, columns)
    for number, line in enumerate(data):
        given = {field: _plain(line.get(column), classes.get(column)) for field, column in columns.items()}
        film = _film(line[film_column])
        if film is None:
            yield Dropped(f"row {number}", "it has no film")
        else:
            yield replace(_row(source, given, film, licence, settings), **teaching_words(line))


def _left_out(there: Collection[str], columns: Mapping[str, str]) -> Iterator[Notice]:
    others = not_taken(there, columns.values())
    if others:
        yield Notice(f"The data set has columns that are not taken: {others}.")
    if columns["patient"] not in there:
        yield Notice("Every film counts as a patient of its own; name theirs with --column patient=NAME.")


def _open(source: str, split: str) -> "IterableDataset":
    import datasets

    datasets.disable_progress_bars()
    try:
        files = [str(path) for path in sorted(Path(source).rglob("*.parquet"))]
        given = {"path": "parquet", "data_files": {split: files}} if files else {"path": source}
        data = datasets.load_dataset(**given, split=split, streaming=True)
        for name, feature in (data.features or {}).items():
            if isinstance(feature, datasets.Image):
                data = data.cast_column(name, datasets.Image(decode=False))
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as exc:
        raise StudyError(
            "The data set '{source}' cannot be opened; check its name, the split '{split}', your access to"
            " it and the network.",
            source=Path(source).name,
            split=split,
        ) from exc
    return data


def _plain(value: object, names: list[str] | None) -> object:
    if names and isinstance(value, int) and 0 <= value < len(names):
        return names[value]
    return value


def _film(value: object) -> Path | bytes | None:
    if isinstance(value, Mapping):
        value = value.get("bytes") or value.get("path")
    if isinstance(value, bytes):
        return value
    return Path(value) if isinstance(value, str) and value else None


def _row(
    source: str, given: Mapping[str, Any], film: Path | bytes, licence: str, settings: ImportSettings
) -> Row:
    assert settings.pseudonyms is not None, "checked by rows()"
    pseudonym = settings.pseudonyms.pseudonym
    mark = str(given["id"] or "")
    if not mark:  # Two equal films are one row then, in any order of the rows.
        mark = hashlib.sha256(film if isinstance(film, bytes) else film.read_bytes()).hexdigest()
    patient = str(given["patient"] or mark)
    here = Path(source).exists()
    title = "of one's own" if here else source  # a folder's name may name somebody
    mark_of_set = pseudonym("set", Path(source).name) if here else short_hash(source)
    return Row(
        case_id=f"hub-{mark_of_set[:6]}-{pseudonym('film', mark)}",
        source="hub",
        film=film,
        licence=licence_named(str(given["licence"] or licence)),
        attribution=str(given["attribution"] or settings.attribution or f"Data set {title}"),
        patient=f"hub-{pseudonym('patient', patient)}",
        table={name: given[name] for name in CLINICAL_FIELDS},
        **by_time({name: str(given[name]) for name in TEXT_SECTIONS if given[name]}),
        reference=_labels(given),
        findings=_findings(given[FINDINGS]),
        view=str(given["view_position"] or ""),
        names=(patient,) if given["patient"] and not patient.isspace() else (),
    )


def _labels(given: Mapping[str, Any]) -> dict[TaskName, str]:
    written = {task: str(given[str(task)] or "").strip().title() for task in _SINGLE}
    return {task: label for task, label in written.items() if label in TASKS[task].classes}


def _findings(value: object) -> tuple[str, ...] | None:
    if value is None or value == "":
        return None
    names = value if isinstance(value, list | tuple) else str(value).split("|")
    return tuple(name for name in NIH_FINDINGS if name in {str(n).strip() for n in names})


LAYOUT = Layout("hub", "a Hub data set", "hub", rows, published=False)
