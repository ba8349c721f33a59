"""Any data set of the Hugging Face Hub, or a local folder that `datasets` reads, with a column mapping.

Columns: `--column image=scan --column patient=subject --column appearance=label ...`; unnamed ones are taken
by their own name. Besides image, id and patient: any clinical field, any text section, appearance, grading
and findings (a list, or names with | between them); and a teacher's `title` and `teaching_note` (with a
language tag, `title_zh-Hant`, for others than English). Labels of any other task, which a checkpoint's
configuration may declare: `--column label/exposure=quality` for a class (or several, as findings), or
`--column label/devices/Tube=has_tube` for each class with 1, 0, -1 (uncertain) or nothing. Rows are streamed.
Nothing says that such a set was de-identified, so its patient names become pseudonyms and its films are held
to the rules for one's own.
"""

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cases.case import licence_named
from cases.importers.rows import Dropped, ImportSettings, Layout, Notice, Row, short_hash
from cases.importers.tables import by_time, not_taken, teaching_words
from modeling.configuration import TASK_NAME
from modeling.errors import StudyError
from modeling.labels import APPEARANCE, FINDINGS, GRADING, NIH_FINDINGS, NO_FINDING, TASKS, TaskName
from modeling.sentence import Names
from modeling.study import CLINICAL_FIELDS, TEXT_SECTIONS

if TYPE_CHECKING:
    from datasets import IterableDataset

FIELDS = ("image", "id", "patient", *CLINICAL_FIELDS, *TEXT_SECTIONS, *TASKS, "attribution", "licence")
_SINGLE = (APPEARANCE, GRADING)
LABEL = "label"
READER = "data set"
"""Whose word the labels in a column for each class are."""
_SAID = {1.0: "positive", 0.0: "negative", -1.0: "uncertain"}


def rows(source: str, settings: ImportSettings) -> Iterator[Row | Dropped | Notice]:
    """A row for every line of the split.

    Raises StudyError: the data set cannot be had, has no film column, or no salt or licence was given.
    """
    if settings.pseudonyms is None:
        raise StudyError("A Hub data set needs a salt; name a file with --salt-file (it is made if new).")
    for name in settings.columns:
        _check_field(name)
    data = _open(source, settings.split or "train")
    columns = {name: name for name in FIELDS} | dict(settings.columns)
    absent = next(
        (c for name, c in columns.items() if _own_label(name) and c not in (data.column_names or ())), ""
    )
    if absent:
        raise StudyError("There is no column '{column}' with labels; correct --column.", column=absent)
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
        reference=_labels(given) | _own_labels(given),
        readings=tuple(_states(given)),
        findings=_findings(given[FINDINGS]),
        view=str(given["view_position"] or ""),
        names=(patient,) if given["patient"] and not patient.isspace() else (),
    )


def _labels(given: Mapping[str, Any]) -> dict[TaskName, str]:
    written = {task: str(given[str(task)] or "").strip().title() for task in _SINGLE}
    return {task: label for task, label in written.items() if label in TASKS[task].classes}


# --- labels of tasks that are not Viewbox's own


def _own_label(field: str) -> tuple[TaskName, str] | None:
    """The task and the class ("" for all in one column) that a field "label/..." names; None for others."""
    start, _, rest = field.partition("/")
    task, _, name = rest.partition("/")
    return (task, name) if start == LABEL and rest else None


def _check_field(field: str) -> None:
    own = _own_label(field)
    if own is None and field not in FIELDS:
        fields = Names("name", FIELDS)
        unknown = "There is no field '{unknown}'; use {fields}, or label/TASK for labels of another task."
        raise StudyError(unknown, unknown=field, fields=fields)
    if own is not None and (own[0] in TASKS or not TASK_NAME.fullmatch(own[0]) or {*"/|"} & {*own[1]}):
        no_name = (
            "'{field}' names no task of your own; write label/TASK or label/TASK/CLASS, the task in small"
        )
        no_name += " letters, digits and _."
        raise StudyError(no_name, field=field)


def _own_labels(given: Mapping[str, Any]) -> dict[TaskName, str]:
    """Task -> class, or several joined by "|": of a column for each class, where every one says yes or no."""
    found: dict[TaskName, str] = {}
    several: dict[TaskName, dict[str, float | None]] = {}
    for field, value in given.items():
        task, name = _own_label(field) or ("", "")
        if name:
            several.setdefault(task, {})[name] = _state(field, value)
        elif task and (
            names := [str(one).strip() for one in (value if isinstance(value, list) else [value])]
        ):
            label = "|".join(one for one in names if one not in ("", "None"))
            found |= {task: label} if label else {}
    for task, states in several.items():
        if {*states.values()} <= {0.0, 1.0}:
            found[task] = "|".join(name for name, state in states.items() if state) or NO_FINDING
    return found


def _states(given: Mapping[str, Any]) -> Iterator[tuple[str, TaskName, str]]:
    """What each column for a class says, as a reading."""
    for field, value in given.items():
        task, name = _own_label(field) or ("", "")
        if name and (state := _state(field, value)) is not None:
            yield READER, task, f"{name}: {_SAID[state]}"


def _state(field: str, value: object) -> float | None:
    if value is None or value == "" or value != value:  # a table's NaN
        return None
    try:
        if (state := float(value)) in _SAID:
            return state
    except (TypeError, ValueError):
        pass
    no_state = "'{value}' for {field} is no label; use 1, 0, -1 (uncertain) or nothing."
    raise StudyError(no_state, value=" ".join(str(value).split())[:40], field=field)


def _findings(value: object) -> tuple[str, ...] | None:
    if value is None or value == "":
        return None
    names = value if isinstance(value, list | tuple) else str(value).split("|")
    return tuple(name for name in NIH_FINDINGS if name in {str(n).strip() for n in names})


LAYOUT = Layout("hub", "a Hub data set", "hub", rows, published=False)
