"""The embedded store: a folder of Parquet files with the features of `datasets`, no server needed."""

import contextlib
import logging
import re
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from cases.case import Case
from cases.catalogue import CaseList, Catalogue, ListedStore
from cases.document import case_from_document, digest, document_from_case, film_size, summary_from_document
from cases.parquet import files
from cases.parquet.files import LIST_COLUMNS, ShardError
from cases.store import CaseFilter, CaseSummary, Stored, case_not_found, check_query, read_only
from cases.whole_files import PARTIAL, WriterLock, sync_folder
from modeling.errors import CaseStoreError

logger = logging.getLogger(__name__)
CHECKPOINT_SECONDS = 10.0
"""The longest that what was put waits for the disk, as long as more is put."""
_ATTEMPTS = 5
DEFAULT_FOLDER = Path(__file__).resolve().parents[2] / "hub_config" / "cases"
_LOGIN = re.compile(r":[^/]*@")
"""User and password of an address whose beginning was left out."""
T = TypeVar("T")


class EmbeddedCaseStore(ListedStore):
    """Cases in `cases-NNNNN.parquet` files of one folder, in which one program writes at a time.

    List columns stay in memory; a film is read when its case is asked for, from a row group of its own. Where
    two files hold the same ID, the later file counts: a case is replaced by a row in a later file first, and
    taken out of the earlier one then. A file that cannot be read is set aside and named, and the others open.
    """

    def __init__(self, folder: Path, *, write: bool = False) -> None:
        self._folder = folder
        self._lock = threading.RLock()
        writer = "Another program writes cases to '{folder}'; wait until it has ended, then start again."
        busy = CaseStoreError(writer, folder=folder.name)
        self._writing = WriterLock(folder / ".writer.lock", busy) if write else None
        self._pending: dict[str, dict[str, Any]] = {}
        self._pending_since = 0.0
        self._growing: Path | None = None
        self._catalogue: Catalogue | None = None
        self._inputs: dict[str, object] | None = None
        try:
            self._load()
            if write:
                self._tidy()
        except CaseStoreError:
            self._let_others_write()
            raise

    @classmethod
    def open(cls, uri: str | None = None, *, write: bool = False) -> "EmbeddedCaseStore":
        """Open a folder of cases that is there (the one that ships where None), to read or to `write`."""
        folder = DEFAULT_FOLDER if uri is None else _folder(uri)
        if not folder.is_dir() or not (write or files.numbered(folder, "cases")):
            raise CaseStoreError(
                "There are no cases in the folder '{folder}'; give a folder with cases-*.parquet files, or"
                " a mongodb:// address in MONGODB_URI.",
                folder=folder.name,
            )
        return cls(folder, write=write)

    @classmethod
    def create(cls, folder: str | Path) -> "EmbeddedCaseStore":
        """Open a folder for writing, made first where it is not there."""
        path = _folder(str(folder))
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as exc:
            unmakeable = "The folder '{folder}' cannot be made; choose one you may write to."
            raise CaseStoreError(unmakeable, folder=path.name) from exc
        return cls(path, write=True)

    def __enter__(self) -> "EmbeddedCaseStore":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def description(self) -> str:
        """The folder's name, how many cases it holds, and which files could not be read."""
        aside = "".join(f", without {name}, which cannot be read" for name in self._aside)
        return f"embedded store '{self._folder.name}' ({len(self._rows)} cases{aside})"

    # --- reading

    def get(self, case_id: str) -> Case:
        """The whole case with its film; only its own row group is read."""
        return case_from_document(self.document(case_id))

    def document(self, case_id: str) -> dict[str, Any]:
        """The whole document of a case, its film's file included."""
        check_query(CaseFilter(), case_id)
        try:
            return self._stored(case_id)
        except ShardError:
            if self._writing is not None or not self._shards():
                raise
            self._load()  # A writer may have put the case into another file since we looked.
            return self._stored(case_id)

    def _stored(self, case_id: str) -> dict[str, Any]:
        with self._lock:
            pending = self._pending.get(case_id)
            shard = self._shard_of.get(case_id)
        if pending is not None:
            return dict(pending)
        if shard is None:
            raise case_not_found(case_id)
        return files.stored_document(shard, case_id)

    def inputs(self, case_ids: Sequence[str]) -> dict[str, str]:
        """ID -> what an importer noted as `provenance.input`, for cases that are there; no film is read."""
        with self._lock:
            if self._inputs is None:
                shards = sorted(set(self._shard_of.values()))
                noted = ((shard, *pair) for shard in shards for pair in files.noted_inputs(shard))
                self._inputs = {i: text for shard, i, text in noted if self._shard_of[i] == shard}
            return {i: noted for i in case_ids if isinstance(noted := self._inputs.get(i), str)}

    def _of_lists(self, question: Callable[[CaseList], T]) -> list[T]:
        with self._lock:
            if self._catalogue is None:
                self._catalogue = Catalogue(self._rows.values())
            catalogue = self._catalogue
        return [question(catalogue)]

    # --- writing

    def put(self, case: Case, film: bytes | None = None) -> None:
        """Store or replace a case (see `document_from_case`); it is on disk after `flush` or `close`."""
        self._put(document_from_case(case, film) if self._writing else {})

    def put_documents(self, documents: Iterable[Mapping[str, Any]]) -> Stored:
        """Store or replace many documents, which are on disk when this returns; see `CaseStore`."""
        done = Stored()
        for document in documents:
            known = document["ID"] in self._rows
            if known and digest(self.document(document["ID"])) == digest(document):
                done.same += 1
            else:
                self._put(document)
                done.new, done.changed = done.new + (not known), done.changed + known
        self.flush()
        return done

    def _put(self, document: Mapping[str, Any]) -> None:
        if self._writing is None:
            raise read_only()
        case_id = document["ID"]
        with self._lock:
            self._pending_since = self._pending_since if self._pending else time.monotonic()
            self._pending[case_id] = dict(document)
            self._rows[case_id] = summary_from_document(document)
            self._catalogue = None
            if self._inputs is not None:
                self._inputs[case_id] = document["provenance"].get("input")
            waited = time.monotonic() - self._pending_since
            if _is_full(self._pending.values()) or waited >= CHECKPOINT_SECONDS:
                self.flush()

    def flush(self) -> None:
        """Write what was put, to the file that this store began where it has room, else to a further one.

        Older rows of the same cases are then taken out of their files. After an error it can be tried again.
        """
        with self._lock:
            if not self._pending:
                return
            rows = {case_id: files.row_of(self._pending[case_id]) for case_id in sorted(self._pending)}
            replaced = {self._shard_of[i] for i in self._pending if i in self._shard_of}
            shard, kept = self._shard_with_room()
            files.write_file(shard, list(({row["case_id"]: row for row in kept} | rows).values()))
            self._growing = shard
            self._shard_of.update(dict.fromkeys(self._pending, shard))
            self._pending.clear()
            for old in replaced - {shard}:
                self._drop_replaced(old)

    def close(self) -> None:
        """Write what was put, and let others write."""
        try:
            self.flush()
        finally:
            self._let_others_write()

    def _let_others_write(self) -> None:
        if self._writing is not None:
            self._writing.close()
            self._writing = None

    # --- files

    def _shards(self) -> list[Path]:
        return files.numbered(self._folder, "cases")

    def _shard_with_room(self) -> tuple[Path, list[dict[str, Any]]]:
        """The file to write what is pending to, and the rows that stand in it already."""
        if self._growing is not None:
            rows = self._rows_that_count(self._growing)
            there = [{"film": {"size": files.film_bytes(row)}} for row in rows]
            if not _is_full([*self._pending.values(), *there]):
                return self._growing, rows
        return files.next_file(self._folder, "cases"), []

    def _rows_that_count(self, shard: Path) -> list[dict[str, Any]]:
        return [row for row in files.read_rows(shard, None) if self._shard_of.get(row["case_id"]) == shard]

    def _drop_replaced(self, shard: Path) -> None:
        kept = self._rows_that_count(shard)
        if kept:
            files.write_file(shard, kept)
        else:
            shard.unlink()
            sync_folder(self._folder)

    def _load(self) -> None:
        """Read the list columns of every file, again where a writer changed the files meanwhile."""
        for _ in range(_ATTEMPTS):
            stamps = _stamps(self._shards())
            rows: dict[str, CaseSummary] = {}
            shard_of: dict[str, Path] = {}
            aside: dict[str, CaseStoreError] = {}
            for shard in stamps:
                try:
                    for row in files.read_rows(shard, LIST_COLUMNS):
                        rows[row["case_id"]] = summary_from_document(files.list_document(row))
                        shard_of[row["case_id"]] = shard
                except CaseStoreError as exc:
                    aside[shard.name] = exc
            if _stamps(self._shards()) == stamps:
                break
        if aside and len(aside) == len(stamps):
            raise next(iter(aside.values()))
        for fault in aside.values():
            logger.warning("%s", fault)
        with self._lock:
            self._rows, self._shard_of, self._aside, self._catalogue = rows, shard_of, tuple(aside), None

    def _tidy(self) -> None:
        """Take out what killed writers left: half-written files, and rows that a later file replaced."""
        for left in (*self._folder.glob(f".cases-*{PARTIAL}"), *self._folder.glob(f"cases-*{PARTIAL}")):
            left.unlink(missing_ok=True)
        for shard in self._shards():
            if shard.name not in self._aside:
                listed = [row["case_id"] for row in files.read_rows(shard, ("case_id",))]
                if any(self._shard_of[case_id] != shard for case_id in listed):
                    self._drop_replaced(shard)


def _folder(uri: str) -> Path:
    """The folder that a text names; a misspelt address of a server is none, and is not repeated."""
    name = uri.removeprefix("file://")
    if "://" in name or _LOGIN.search(name):
        raise CaseStoreError(
            "A case store is a folder, or an address that begins with mongodb:// or mongodb+srv://; correct"
            " it."
        )
    return Path(name).expanduser()


def _is_full(documents: Collection[Mapping[str, Any]]) -> bool:
    return len(documents) >= files.ROWS_PER_FILE or sum(map(film_size, documents)) >= files.BYTES_PER_FILE


def _stamps(shards: Iterable[Path]) -> dict[Path, tuple[int, int]]:
    """Inode and time of each file, which change when it is replaced; a file that is gone has no stamp."""
    found = {}
    for shard in shards:
        with contextlib.suppress(FileNotFoundError):
            stamp = shard.stat()
            found[shard] = (stamp.st_ino, stamp.st_mtime_ns)
    return found
