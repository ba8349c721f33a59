"""Labels of one's own for a folder of cases: `labels.csv` beside them.

A row for a `case_id`; for each task either a column TASK with a class (several joined by "|"), or a column
TASK/CLASS for each class with 1, 0, -1 for uncertain, or nothing. They go before the labels of the cases.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from cases.importers.tables import csv_rows
from modeling.errors import ViewboxError
from training.corpora.labelled_film import Film

logger = logging.getLogger(__name__)
LABELS_FILE = "labels.csv"
_STATES = (1.0, 0.0, -1.0)


def with_own_labels(films: Iterable[Film], folder: Path) -> Iterator[Film]:
    """The films, each with its row of the folder's table; as they are where there is no such table.

    Raises:
        ViewboxError: the table cannot be read, holds something that is no label, or names none of the films.
    """
    path = folder / LABELS_FILE
    if not path.is_file():
        yield from films
        return
    rows: dict[str, dict[str, str]] = {}
    for row in csv_rows(path, ("case_id",)):
        case_id = row.pop("case_id")
        if rows.setdefault(case_id, row) is not row:
            twice = "Case '{case}' stands twice in {file} of '{folder}'; leave one row out."
            raise ViewboxError(twice, case=case_id, file=LABELS_FILE, folder=folder.name)
    count, fitting = len(rows), 0
    for film in films:
        row = rows.get(film.film_id)
        fitting += row is not None
        yield film if row is None else _labelled(film, row)
    if not fitting:
        template = "No case of '{folder}' stands in its {file}; write the cases' IDs into the column case_id."
        raise ViewboxError(template, folder=folder.name, file=LABELS_FILE)
    if fitting < count:
        logger.warning("%d of %d rows of %s are of no case here", count - fitting, count, path)


def _labelled(film: Film, row: Mapping[str, str]) -> Film:
    labels, states = dict(film.labels), dict(film.states)
    own: dict[str, dict[str, float]] = {}
    for column, value in row.items():
        task, slash, class_name = column.partition("/")
        if slash:
            own.setdefault(task, {}).update({class_name: _state(column, value)} if value else {})
        elif value:
            labels[task] = value
            states.pop(task, None)
    return replace(film, labels=labels, states=states | own)


def _state(column: str, value: str) -> float:
    try:
        if float(value) in _STATES:
            return float(value)
    except ValueError:
        pass
    template = "'{value}' in column '{column}' of {file} is no label; use 1, 0, -1 (uncertain) or nothing."
    raise ViewboxError(template, value=value, column=column, file=LABELS_FILE)
