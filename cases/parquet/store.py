"""The embedded store: a folder of Parquet files with the features of `datasets`, no server needed."""

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from cases.case import Case
from cases.catalogue import Catalogue, draw, page_of, pivot_of
from cases.document import case_from_document, digest, document_from_case, summary_from_document
from cases.parquet.files import (
    BYTES_PER_FILE,
    LIST_COLUMNS,
    ROWS_PER_FILE,
    list_document,
    noted_inputs,
    read_rows,
    row_of,
    stored_document,
    write_file,
)
from cases.refusals import BrokenCase, case_not_found, check_query, read_only
from cases.store import CaseFilter, CasePage, CaseSummary, Stored
from modeling.errors import CaseNotFoundError, CaseStoreError

DEFAULT_FOLDER = Path(__file__).resolve().parents[2] / "hub_config" / "cases"


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
            for row in read_rows(shard, LIST_COLUMNS):
                self._rows[row["case_id"]] = summary_from_document(list_document(row))
                self._shard_of[row["case_id"]] = shard
        self._catalogue: Catalogue | None = None
        self._inputs: dict[str, str] | None = None

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
                "There are no cases in the folder '{folder}'; give a folder with cases-*.parquet files, or"
                " a mongodb:// address in MONGODB_URI.",
                folder=folder.name,
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
        return case_from_document(self.document(case_id))

    def several(self, case_ids: Sequence[str]) -> Iterator[tuple[str, Case | BrokenCase]]:
        """Many whole cases, each from a row group of its own."""
        for case_id in case_ids:
            try:
                yield case_id, self.get(case_id)
            except CaseNotFoundError:
                continue
            except BrokenCase as exc:
                yield case_id, exc

    def document(self, case_id: str) -> dict[str, Any]:
        """The whole document of a case, its film's file included."""
        check_query(CaseFilter(), case_id)
        with self._lock:
            pending = self._pending.get(case_id)
            shard = self._shard_of.get(case_id)
        if pending is not None:
            return dict(pending)
        if shard is None:
            raise case_not_found(case_id)
        return stored_document(shard, case_id)

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
        self._put(document_from_case(case, film) if self._write else {})

    def put_documents(self, documents: Iterable[Mapping[str, Any]]) -> Stored:
        """Store or replace many documents; those that are there as they are are left alone.

        They are on disk when this returns.

        Raises:
            CaseStoreError: the store was opened for reading only, or its disk is full; putting all again
                loses and doubles nothing.
        """
        counts = {"new": 0, "changed": 0, "same": 0}
        for document in documents:
            known = document["ID"] in self._rows
            if known and digest(self.document(document["ID"])) == digest(document):
                counts["same"] += 1
                continue
            self._put(document)
            counts["changed" if known else "new"] += 1
        self.flush()
        return Stored(**counts)

    def inputs(self, case_ids: Sequence[str]) -> dict[str, str]:
        """ID -> what an importer noted as `provenance.input`, for cases that are there; no film is read."""
        with self._lock:
            if self._inputs is None:
                self._inputs = {}
                for shard in sorted(set(self._shard_of.values())):
                    self._inputs |= {
                        i: n for i, n in noted_inputs(shard).items() if self._shard_of[i] == shard
                    }
            return {i: self._inputs[i] for i in case_ids if i in self._inputs}

    def _put(self, document: Mapping[str, Any]) -> None:
        if not self._write:
            raise read_only()
        case_id = document["ID"]
        with self._lock:
            self._pending[case_id] = dict(document)
            self._rows[case_id] = summary_from_document(document)
            self._catalogue = None
            if self._inputs is not None:
                self._inputs.pop(case_id, None)
                if isinstance(document["provenance"].get("input"), str):
                    self._inputs[case_id] = document["provenance"]["input"]
            held = sum(d["film"]["size"] for d in self._pending.values() if d["film"])
            if len(self._pending) >= ROWS_PER_FILE or held >= BYTES_PER_FILE:
                self.flush()

    def flush(self) -> None:
        """Write what was put to a further file; older rows of the same cases are then taken out.

        Raises:
            CaseStoreError: the folder cannot be written to; what was put is kept for another attempt.
        """
        with self._lock:
            if not self._pending:
                return
            rows = [row_of(self._pending[case_id]) for case_id in sorted(self._pending)]
            replaced = {self._shard_of[i] for i in self._pending if i in self._shard_of}
            numbers = [int(p.stem.removeprefix("cases-")) for p in self._folder.glob("cases-*.parquet")]
            shard = self._folder / f"cases-{max(numbers, default=-1) + 1:05d}.parquet"
            write_file(shard, rows)
            self._shard_of.update(dict.fromkeys(self._pending, shard))
            self._pending.clear()
            for old in replaced:
                self._drop_replaced(old)

    def close(self) -> None:
        """Write what was put."""
        self.flush()

    def _drop_replaced(self, shard: Path) -> None:
        kept = [row for row in read_rows(shard, None) if self._shard_of[row["case_id"]] == shard]
        if kept:
            write_file(shard, kept)
        else:
            shard.unlink()

    def _listed(self) -> Catalogue:
        with self._lock:
            if self._catalogue is None:
                self._catalogue = Catalogue(self._rows.values())
            return self._catalogue
