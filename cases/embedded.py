"""The embedded store: a folder of Parquet files with the features of `datasets`, no server needed."""

import base64
import json
import threading
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

from cases.case import Case
from cases.catalogue import Catalogue, draw, page_of, pivot_of
from cases.document import case_from_document, document_from_case, summary_from_document
from cases.refusals import broken_case, case_not_found, check_query, read_only, shown
from cases.store import CaseFilter, CasePage, CaseSummary
from modeling.errors import CaseStoreError
from modeling.labels import TASKS

if TYPE_CHECKING:
    from datasets import Features

DEFAULT_FOLDER = Path(__file__).resolve().parents[1] / "hub_config" / "cases"
ROWS_PER_SHARD = 500
BYTES_PER_SHARD = 64 * 2**20
_LABELS = tuple(str(task) for task in TASKS)
_LIST_COLUMNS = ("case_id", "source", *_LABELS, "licence", "may_show", "synthetic", "thumbnail")


class EmbeddedCaseStore:
    """Cases in `cases-NNNNN.parquet` files of one folder.

    List columns are read once when the store opens and stay in memory; a film is read by itself when its
    case is asked for, from a row group of its own. Where two files hold the same ID, the later file counts.
    """

    def __init__(self, folder: Path, *, write: bool = False) -> None:
        self._folder = folder
        self._write = write
        self._lock = threading.RLock()
        self._pending: dict[str, dict[str, Any]] = {}
        self._shard_of: dict[str, Path] = {}
        self._rows: dict[str, CaseSummary] = {}
        for shard in sorted(folder.glob("cases-*.parquet")):
            for row in _read(shard, _LIST_COLUMNS):
                self._rows[row["case_id"]] = summary_from_document(_list_document(row))
                self._shard_of[row["case_id"]] = shard
        self._catalogue: Catalogue | None = None

    @classmethod
    def open(cls, uri: str | None = None, *, write: bool = False) -> "EmbeddedCaseStore":
        """Open a folder of cases.

        Args:
            uri: a folder, or None for the one that ships with Viewbox.
            write: open for `put`; close it, or use it as a context, to write what was put.

        Raises:
            CaseStoreError: there is no such folder, it holds no cases, or a file in it cannot be read.
        """
        folder = DEFAULT_FOLDER if uri is None else Path(uri.removeprefix("file://")).expanduser()
        if not folder.is_dir() or (not write and not any(folder.glob("cases-*.parquet"))):
            raise CaseStoreError(
                f"There are no cases in the folder '{folder.name}'; give a folder with cases-*.parquet files,"
                " or a mongodb:// address in MONGODB_URI."
            )
        return cls(folder, write=write)

    @classmethod
    def create(cls, folder: str | Path) -> "EmbeddedCaseStore":
        """Open a folder for writing, made first where it is not there.

        Raises:
            CaseStoreError: the folder cannot be made.
        """
        path = Path(folder)
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            reason = f"The folder '{path.name}' cannot be made; choose one you may write to."
            raise CaseStoreError(reason) from exc
        return cls(path, write=True)

    def __enter__(self) -> "EmbeddedCaseStore":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def description(self) -> str:
        """The folder's name and how many cases it holds."""
        return f"embedded store '{self._folder.name}' ({len(self._rows)} cases)"

    def get(self, case_id: str) -> Case:
        """The whole case with its film; only its own row group is read."""
        check_query(CaseFilter(), case_id)
        with self._lock:
            document = self._pending.get(case_id)
            shard = self._shard_of.get(case_id)
        if document is None:
            if shard is None:
                raise case_not_found(case_id)
            document = _stored_document(shard, case_id)
        return case_from_document(document)

    def page(self, where: CaseFilter, after: str | None = None, limit: int = 20) -> CasePage:
        """The next `limit` rows after a case ID; films are not loaded."""
        check_query(where, after, limit=limit)
        return page_of(self._listed().rows_after(where, after, limit + 1), limit)

    def step(self, case_id: str, direction: Literal["next", "previous"], where: CaseFilter) -> str | None:
        """The ID next to this one in order, or None at the end."""
        check_query(where, case_id)
        return self._listed().next_to(case_id, direction, where)

    def random(self, where: CaseFilter, seed: int) -> str | None:
        """One ID drawn from those that pass the filter; the same seed draws the same case."""
        check_query(where)
        return draw(self._listed().drawn_after(where, pivot_of(seed)), seed)

    def count(self, where: CaseFilter) -> int:
        """How many cases pass the filter."""
        check_query(where)
        return self._listed().count(where)

    def put(self, case: Case, film: bytes | None = None) -> None:
        """Store or replace a case; it is on disk after `flush` or `close`.

        Args:
            film: the JPEG or PNG file the film was read from, kept where it decodes to the same pixels.
        """
        if not self._write:
            raise read_only()
        document = document_from_case(case, film)
        with self._lock:
            self._pending[case.case_id] = document
            self._rows[case.case_id] = summary_from_document(document)
            self._catalogue = None
            held = sum(d["film"]["size"] for d in self._pending.values() if d["film"])
            if len(self._pending) >= ROWS_PER_SHARD or held >= BYTES_PER_SHARD:
                self.flush()

    def flush(self) -> None:
        """Write what was put to a further file; older rows of the same cases are then taken out.

        Raises:
            CaseStoreError: the folder cannot be written to; what was put is kept for another attempt.
        """
        with self._lock:
            if not self._pending:
                return
            rows = [_row(self._pending[case_id]) for case_id in sorted(self._pending)]
            replaced = {self._shard_of[i] for i in self._pending if i in self._shard_of}
            numbers = [int(p.stem.removeprefix("cases-")) for p in self._folder.glob("cases-*.parquet")]
            shard = self._folder / f"cases-{max(numbers, default=-1) + 1:05d}.parquet"
            _write(shard, rows)
            self._shard_of.update(dict.fromkeys(self._pending, shard))
            self._pending.clear()
            for old in replaced:
                self._drop_replaced(old)

    def close(self) -> None:
        """Write what was put."""
        self.flush()

    def _drop_replaced(self, shard: Path) -> None:
        kept = [row for row in _read(shard, None) if self._shard_of[row["case_id"]] == shard]
        if kept:
            _write(shard, kept)
        else:
            shard.unlink()

    def _listed(self) -> Catalogue:
        with self._lock:
            if self._catalogue is None:
                self._catalogue = Catalogue(self._rows.values())
            return self._catalogue


def _features() -> "Features":
    """The columns of every file: those of a list row, the film, and the rest of the document as JSON."""
    from datasets import Features, Image, Value

    text, flag = Value("string"), Value("bool")
    return Features(
        {
            "case_id": text,
            "source": text,
            **dict.fromkeys(_LABELS, text),
            "licence": text,
            "may_show": flag,
            "synthetic": flag,
            "thumbnail": Value("binary"),
            "image": Image(decode=False),
            "document": text,
        }
    )


def _read(shard: Path, columns: Sequence[str] | None, case_id: str | None = None) -> list[dict[str, Any]]:
    """Rows of a file.

    Read by pyarrow, the engine under `datasets`: `Dataset.from_parquet` hashes its arguments with a pickler
    that looks into `transformers`, which fails while another thread is still importing that package, and
    writes a copy of what it reads to the disk.
    """
    from pyarrow import parquet

    try:
        table = parquet.read_table(
            shard,
            columns=None if columns is None else list(columns),
            filters=None if case_id is None else [("case_id", "==", case_id)],
        )
        return table.to_pylist()
    except (OSError, ValueError, KeyError, TypeError, NotImplementedError) as exc:
        raise CaseStoreError(
            f"The case file '{shard.name}' cannot be read; fetch it again or remove it from the folder"
            f" '{shard.parent.name}'."
        ) from exc


def _write(shard: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Write a file whole or not at all, one film to a row group so that one can be read by itself."""
    import datasets

    datasets.disable_progress_bars()
    columns = {name: [row[name] for row in rows] for name in _features()}
    partial = shard.with_suffix(".partial")
    try:
        datasets.Dataset.from_dict(columns, features=_features()).to_parquet(str(partial), batch_size=1)
        partial.replace(shard)
    except OSError as exc:
        partial.unlink(missing_ok=True)
        raise CaseStoreError(
            f"The case file '{shard.name}' cannot be written; free some space or choose another folder."
        ) from exc


def _stored_document(shard: Path, case_id: str) -> dict[str, Any]:
    rows = _read(shard, ("case_id", "image", "document"), case_id)
    if not rows:
        raise CaseStoreError(f"Case {shown(case_id)} is no longer in '{shard.name}'; start Viewbox again.")
    try:
        document = json.loads(rows[0]["document"], object_hook=_bytes_from_json)
        if document["film"] is not None:
            document["film"]["bytes"] = rows[0]["image"]["bytes"]
    except (ValueError, KeyError, TypeError) as exc:
        raise broken_case(case_id, "its document cannot be read") from exc
    return document


def _row(document: dict[str, Any]) -> dict[str, Any]:
    film = document["film"]
    rest = {key: value for key, value in document.items() if key != "thumbnail"}
    if film is not None:
        rest["film"] = {key: value for key, value in film.items() if key != "bytes"}
    return {
        "case_id": document["ID"],
        "source": document["provenance"]["source"],
        **{task: document["reference"].get(task) for task in _LABELS},
        "licence": document["licence"]["name"],
        "may_show": document["licence"]["may_show"],
        "synthetic": document["provenance"]["synthetic"],
        "thumbnail": document["thumbnail"],
        "image": None if film is None else {"bytes": film["bytes"], "path": None},
        "document": json.dumps(rest, ensure_ascii=False, default=_json_from_bytes),
    }


def _list_document(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "ID": row["case_id"],
        "provenance": {"source": row["source"], "synthetic": row["synthetic"]},
        "reference": {task: row[task] for task in _LABELS if row[task] is not None},
        "licence": {"name": row["licence"], "may_show": row["may_show"]},
        "thumbnail": row["thumbnail"],
    }


def _json_from_bytes(value: object) -> dict[str, str]:
    if not isinstance(value, bytes):
        raise TypeError(f"{type(value).__name__} has no place in a document")
    return {"$bytes": base64.b64encode(value).decode()}


def _bytes_from_json(value: dict[str, Any]) -> Any:
    return base64.b64decode(value["$bytes"]) if value.keys() == {"$bytes"} else value
