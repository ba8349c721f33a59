"""The Parquet files of cases: what the embedded store keeps and what an export hands out."""

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cases.document import FURTHER
from cases.store import broken_case, shown
from cases.whole_files import whole_file
from modeling.errors import CaseStoreError
from modeling.labels import TASKS

if TYPE_CHECKING:
    from datasets import Features

ROWS_PER_FILE = 500
BYTES_PER_FILE = 64 * 2**20
LABELS = tuple(str(task) for task in TASKS)
LIST_COLUMNS = (
    "case_id",
    "title",
    "source",
    *LABELS,
    "labels",
    "licence",
    "may_show",
    "synthetic",
    "thumbnail",
    "further_films",
)
ADDED_COLUMNS = ("title", "labels", "further_films")
"""Columns that files written before there were any lack: their lists have no titles, no labels of tasks that
are not Viewbox's own, and no number of films."""


class ShardError(CaseStoreError):
    """A file of cases cannot be read, or no longer holds the case that is asked for."""


def numbered(folder: Path, name: str) -> list[Path]:
    """The files NAME-NNNNN.parquet of a folder, in order."""
    return sorted(folder.glob(f"{name}-*.parquet"))


def next_file(folder: Path, name: str) -> Path:
    """The first NAME-NNNNN.parquet after all that are there."""
    numbers = [int(file.stem.rpartition("-")[2]) for file in numbered(folder, name)]
    return folder / f"{name}-{max(numbers, default=-1) + 1:05d}.parquet"


def features() -> "Features":
    """The columns of every file: those of a list row, the film, and the rest of the document as JSON."""
    from datasets import Features, Image, List, Value

    text, flag = Value("string"), Value("bool")
    return Features(
        {
            "case_id": text,
            "title": List({"language": text, "text": text}),
            "source": text,
            **dict.fromkeys(LABELS, text),
            "labels": List({"task": text, "label": text}),
            "licence": text,
            "may_show": flag,
            "synthetic": flag,
            "thumbnail": Value("binary"),
            "further_films": Value("int32"),
            "image": Image(),
            "regions": List({"reader": text, "label": text, "box": List(Value("float64"))}),
            "document": text,
        }
    )


def read_rows(shard: Path, columns: Sequence[str] | None, case_id: str | None = None) -> list[dict[str, Any]]:
    """Rows of a file, read by pyarrow, the engine under `datasets`.

    `Dataset.from_parquet` hashes its arguments with a pickler that looks into `transformers`, which fails
    while another thread is still importing that package, and writes a copy of what it reads to the disk.
    """
    from pyarrow import parquet

    try:
        there = parquet.read_schema(shard).names
        table = parquet.read_table(
            shard,
            columns=None if columns is None else [c for c in columns if c in there or c not in ADDED_COLUMNS],
            filters=None if case_id is None else [("case_id", "==", case_id)],
        )
        return table.to_pylist()
    except (OSError, ValueError, KeyError, TypeError, NotImplementedError) as exc:
        raise ShardError(
            "The case file '{file}' cannot be read; fetch it again or remove it from the folder '{folder}'.",
            file=shard.name,
            folder=shard.parent.name,
        ) from exc


def write_file(shard: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write a file whole or not at all, one film to a row group so that one can be read by itself."""
    import datasets

    datasets.disable_progress_bars()
    columns = {name: [row.get(name) for row in rows] for name in features()}
    try:
        with whole_file(shard) as file:
            datasets.Dataset.from_dict(columns, features=features()).to_parquet(file, batch_size=1)
    except OSError as exc:
        unwritable = "The case file '{file}' cannot be written; free some space or choose another folder."
        raise CaseStoreError(unwritable, file=shard.name) from exc


def stored_document(shard: Path, case_id: str) -> dict[str, Any]:
    """The document of one case in a file; only its own row group is read."""
    rows = read_rows(shard, ("case_id", "thumbnail", "image", "document"), case_id)
    if not rows:
        gone = "Case '{case}' is no longer in '{file}'; start Viewbox again."
        raise ShardError(gone, case=shown(case_id), file=shard.name)
    try:
        document = json.loads(rows[0]["document"], object_hook=_bytes_from_json)
        document["thumbnail"] = rows[0]["thumbnail"]
        if document["film"] is not None:
            document["film"]["bytes"] = rows[0]["image"]["bytes"]
    except (ValueError, KeyError, TypeError, RecursionError) as exc:
        raise broken_case(case_id, "its document cannot be read") from exc
    return document


def row_of(document: dict[str, Any]) -> dict[str, Any]:
    """A document as a row of `features`."""
    film = document["film"]
    rest = {key: value for key, value in document.items() if key != "thumbnail"}
    if film is not None:
        rest["film"] = {key: value for key, value in film.items() if key != "bytes"}
    return {
        "case_id": document["ID"],
        "title": [{"language": tag, "text": text} for tag, text in document.get("title", {}).items()],
        "source": document["provenance"]["source"],
        **{task: document["reference"].get(task) for task in LABELS},
        "labels": [{"task": t, "label": n} for t, n in document["reference"].items() if t not in LABELS],
        "licence": document["licence"]["name"],
        "may_show": document["licence"]["may_show"],
        "synthetic": document["provenance"]["synthetic"],
        "thumbnail": document["thumbnail"],
        "further_films": len(document.get(FURTHER, ())),
        "image": None if film is None else {"bytes": film["bytes"], "path": None},
        "regions": document.get("regions"),
        "document": json.dumps(rest, ensure_ascii=False, default=_json_from_bytes),
    }


def film_bytes(row: Mapping[str, Any]) -> int:
    """About how many bytes the films of a row are; those of further films stand in its document as base64."""
    first = len(row["image"]["bytes"]) if row["image"] else 0
    return first + (len(row["document"]) * 3 // 4 if f'"{FURTHER}":' in row["document"] else 0)


def list_document(row: dict[str, Any]) -> dict[str, Any]:
    """Of a document, what a list row is made from."""
    return {
        "ID": row["case_id"],
        "title": {title["language"]: title["text"] for title in row.get("title") or ()},
        "provenance": {"source": row["source"], "synthetic": row["synthetic"]},
        "reference": {task: row[task] for task in LABELS if row[task] is not None}
        | {one["task"]: one["label"] for one in row.get("labels") or ()},
        "licence": {"name": row["licence"], "may_show": row["may_show"]},
        "thumbnail": row["thumbnail"],
        FURTHER: [{}] * (row.get("further_films") or 0),
    }


def _json_from_bytes(value: object) -> dict[str, str]:
    if not isinstance(value, bytes):
        raise TypeError(f"{type(value).__name__} has no place in a document")
    return {"$bytes": base64.b64encode(value).decode()}


def _bytes_from_json(value: dict[str, Any]) -> Any:
    return base64.b64decode(value["$bytes"]) if value.keys() == {"$bytes"} else value


def noted_inputs(shard: Path) -> Iterator[tuple[str, object]]:
    """ID and `provenance.input`, if there is one, of a file's cases."""
    for row in read_rows(shard, ("case_id", "document")):
        try:
            yield row["case_id"], json.loads(row["document"])["provenance"].get("input")
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
            raise broken_case(row["case_id"], "its document cannot be read") from exc
