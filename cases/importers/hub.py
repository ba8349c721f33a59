"""Any data set of the Hugging Face Hub, or a local folder that `datasets` reads, with a column mapping.

Columns: `--column image=scan --column patient=subject --column appearance=label ...`; unnamed ones are taken
by their own name. Besides image, id and patient: any clinical field, any text section, appearance, grading
and findings (a list, or names with | between them); and a teacher's `title` and `teaching_note` (with a
language tag, `title_zh-Hant`, for others than English). Rows are streamed. Nothing says that such a set was
de-identified, so its patient names become pseudonyms and its films are held to the rules for one's own.
"""

import hashlib
import itertools
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cases.export.licences import licence_named
from cases.importers.rows import Dropped, ImportSettings, Layout, Notice, Row, short_hash
from cases.importers.tables import TEACHING_COLUMNS, teaching_words
from modeling.errors import StudyError
from modeling.labels import NIH_FINDINGS, TASKS, TaskName
from modeling.sentence import Names
from modeling.study import CLINICAL_FIELDS, TEXT_SECTIONS

if TYPE_CHECKING:
    from datasets import IterableDataset

FIELDS = ("image", "id", "patient", *CLINICAL_FIELDS, *TEXT_SECTIONS, *TASKS, "attribution", "licence")


def rows(source: str, settings: ImportSettings) -> Iterator[Row | Dropped | Notice]:
    """A row for every line of the split.

    Raises:
        StudyError: the data set cannot be had, has no film column, or no salt or licence was given.
    """
    if settings.pseudonyms is None:
        raise StudyError("A Hub data set needs a salt; name a file with --salt-file (it is made if new).")
    unknown = [name for name in settings.columns if name not in FIELDS]
    if unknown:
        raise StudyError(
            "There is no field '{unknown}'; use {fields}.", unknown=unknown[0], fields=Names("name", FIELDS)
        )
    data = _open(source, settings.split or "train")
    columns = {name: settings.columns.get(name, name) for name in FIELDS}
    names = _class_names(data)
    licence = settings.licence or str(data.info.license or "")
    if columns["image"] not in (data.column_names or ()):
        raise StudyError(
            "There is no column '{columns}'; name the film's with --column image=NAME.",
            columns=columns["image"],
        )
    yield from _left_out(data.column_names, columns)
    for number, line in enumerate(data):
        given = {field: _plain(line.get(column), names.get(column)) for field, column in columns.items()}
        film = _film(line[columns["image"]])
        if film is None:
            yield Dropped(f"row {number}", "it has no film")
            continue
        yield replace(_row(source, number, given, film, licence, settings), **teaching_words(line))


def _left_out(there: Collection[str], columns: Mapping[str, str]) -> Iterator[Notice]:
    others = [n for n in there if n not in columns.values() and not n.startswith(TEACHING_COLUMNS)]
    if others:
        yield Notice(f"The data set has columns that are not taken: {', '.join(others)}.")
    if columns["patient"] not in there:
        yield Notice("Every film counts as a patient of its own; name theirs with --column patient=NAME.")


def count(source: str) -> int | None:
    """Not known before the rows are read."""
    return None


def _open(source: str, split: str) -> "IterableDataset":
    import datasets

    datasets.disable_progress_bars()
    try:
        if Path(source).is_dir() and any(Path(source).rglob("*.parquet")):
            files = [str(path) for path in sorted(Path(source).rglob("*.parquet"))]
            data = datasets.load_dataset("parquet", data_files={split: files}, split=split, streaming=True)
        else:
            data = datasets.load_dataset(source, split=split, streaming=True)
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


def _class_names(data: "IterableDataset") -> dict[str, list[str]]:
    return {
        name: list(feature.names)
        for name, feature in (data.features or {}).items()
        if getattr(feature, "names", None)
    }


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
    source: str,
    number: int,
    given: Mapping[str, Any],
    film: Path | bytes,
    licence: str,
    settings: ImportSettings,
) -> Row:
    assert settings.pseudonyms is not None, "checked by rows()"
    mark = str(given["id"] or "")
    if not mark:  # Two equal films are one row then, in any order of the rows.
        mark = hashlib.sha256(film if isinstance(film, bytes) else film.read_bytes()).hexdigest()
    patient = str(given["patient"] or mark)
    here = Path(source).exists()
    title = "of one's own" if here else source  # a folder's name may name somebody
    mark_of_set = settings.pseudonyms.pseudonym("set", Path(source).name) if here else short_hash(source)
    words = {name: str(given[name]) for name in TEXT_SECTIONS if given[name]}
    return Row(
        case_id=f"hub-{mark_of_set[:6]}-{settings.pseudonyms.pseudonym('film', mark)}",
        source="hub",
        film=film,
        licence=licence_named(str(given["licence"] or licence)),
        attribution=str(given["attribution"] or settings.attribution or f"Data set {title}"),
        patient=f"hub-{settings.pseudonyms.pseudonym('patient', patient)}",
        table={name: given[name] for name in CLINICAL_FIELDS},
        text={name: text for name, text in words.items() if name == "indication"},
        report={name: text for name, text in words.items() if name != "indication"},
        reference=_labels(given),
        findings=_findings(given[str(TaskName.FINDINGS)]),
        view=str(given["view_position"] or ""),
        names=tuple(itertools.filterfalse(str.isspace, [patient])) if given["patient"] else (),
    )


def _labels(given: Mapping[str, Any]) -> dict[TaskName, str]:
    found = {}
    for task in (TaskName.APPEARANCE, TaskName.GRADING):
        label = str(given[str(task)] or "").strip().title()
        if label in TASKS[task].classes:
            found[task] = label
    return found


def _findings(value: object) -> tuple[str, ...] | None:
    if value is None or value == "":
        return None
    names = value if isinstance(value, list | tuple) else str(value).split("|")
    return tuple(name for name in NIH_FINDINGS if name in {str(n).strip() for n in names})


LAYOUT = Layout("hub", "a Hub data set", "hub", rows, count, published=False)
