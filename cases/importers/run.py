"""The import itself: rows to workers, finished cases to the store, in bounded memory.

Every case has the same ID and the same document in every run, and is stored whole or not at all, so an
import that is killed anywhere ends in the same lake when it is run again; what is stored already is found by
its hash and not decoded again. Two imports at once write the same cases twice, which changes nothing.
"""

import functools
import itertools
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from types import TracebackType
from typing import Any, Protocol

from cases.importers.films import Outcome, Work, outcomes
from cases.importers.pool import CrashProofPool
from cases.importers.report import ImportReport
from cases.importers.rows import Dropped, ImportSettings, Layout, Notice, Row
from cases.parquet.store import EmbeddedCaseStore
from cases.store import Stored
from modeling.errors import ViewboxError

logger = logging.getLogger(__name__)

BATCH = 16
WRITTEN_AT_ONCE = 32
"""Cases to a database; a folder of Parquet files takes `FILED_AT_ONCE`, since each call makes a file."""
FILED_AT_ONCE = 500
WRITTEN_EVERY = 5.0
"""Seconds after which a case that came out of the workers is written with the next one, however few wait."""
BYTES_AT_ONCE = 24_000_000
FILED_BYTES_AT_ONCE = 64_000_000
CRASH = "reading its film ends the program; leave it out"
Batch = list[tuple[Row, str]]


class LakeStore(Protocol):
    """What an import asks of a store that was opened for writing."""

    @property
    def description(self) -> str:
        """Where it is, without secrets."""
        ...

    def inputs(self, case_ids: list[str]) -> dict[str, str]:
        """ID -> the hash (`provenance.input`) of the cases that are there."""
        ...

    def put_documents(self, documents: Iterable[dict[str, Any]]) -> Stored:
        """Store or replace cases, each whole or not at all."""
        ...


def run_import(
    layout: Layout,
    source: str,
    store: LakeStore,
    settings: ImportSettings,
    *,
    workers: int = 2,
    advance: Callable[[int], None] = lambda rows: None,
) -> ImportReport:
    """Import a source into a store.

    Args:
        source: what the layout takes: a folder, a file, or the name of a Hub data set.
        workers: processes that decode.
        advance: told how many rows are done, for a progress bar.

    Returns:
        The report; `stopped` says why an import ended before its last row (a lost server, a full disk, the
        keyboard). What was stored until then is whole, and the next run goes on from there.

    Raises:
        ViewboxError: nothing could be read of the source, or the settings are not enough for this layout.
    """
    report = ImportReport(layout.title, store.description)
    begun = time.monotonic()
    work = Work(settings.pseudonyms, layout.published, settings.burned_text or layout.burned_text)
    try:
        rows = _rows(layout, source, settings, report, advance)
        batches = _batches(rows, store, 1 if layout.large_films else BATCH)
        pool_of = functools.partial(CrashProofPool, functools.partial(_done, work=work), workers)
        with _Shelf(store, report) as shelf, pool_of() as pool:
            for batch, results in _results(pool, batches, report, advance):
                for (row, _), result in zip(batch, results, strict=True):
                    report.take(row, result)
                    shelf.add(result.document)
                advance(len(batch))
        sweep = getattr(store, "sweep", None)
        if sweep is not None:
            sweep()
    except ViewboxError as exc:
        if not report.rows_in:
            raise
        report.stopped = str(exc)
    except KeyboardInterrupt:
        report.stopped = "Stopped from the keyboard."
    report.seconds = time.monotonic() - begun
    return report


def _done(batch: Batch, work: Work) -> list[Outcome]:
    return outcomes(batch, work)


def _rows(
    layout: Layout,
    source: str,
    settings: ImportSettings,
    report: ImportReport,
    advance: Callable[[int], None],
) -> Iterator[Row]:
    """Rows to be read; those that the layout drops, and second rows of an ID, are counted and left out."""
    for row in layout.rows(source, settings):
        if isinstance(row, Notice):
            report.notices.append(row.text)
            continue
        report.rows_in += 1
        if isinstance(row, Dropped):
            report.drop(row)
        else:
            named = _named(row, settings) if layout.published else row
            if not report.seen_before(named.case_id):
                yield named
                continue
        advance(1)


def _named(row: Row, settings: ImportSettings) -> Row:
    """A row of a published set under pseudonyms, where a salt was given."""
    if settings.pseudonyms is None:
        return row
    case_id = f"{row.source}-{settings.pseudonyms.pseudonym('film', row.case_id)}"
    patient = f"{row.source}-{settings.pseudonyms.pseudonym('patient', row.patient)}" if row.patient else ""
    study = settings.pseudonyms.uid(row.study) if row.study else ""
    return replace(row, case_id=case_id, patient=patient, study=study)


def _batches(rows: Iterator[Row], store: LakeStore, size: int) -> Iterator[Batch]:
    """Rows in batches, each with the hash that the store has of it."""
    while wave := tuple(itertools.islice(rows, 4 * BATCH)):
        known = store.inputs([row.case_id for row in wave])
        for first in range(0, len(wave), size):
            yield [(row, known.get(row.case_id, "")) for row in wave[first : first + size]]


def _results(
    pool: CrashProofPool[Batch, list[Outcome]],
    batches: Iterator[Batch],
    report: ImportReport,
    advance: Callable[[int], None],
) -> Iterator[tuple[Batch, list[Outcome]]]:
    """Batches with their results; a batch that killed its process is split until the guilty row is alone."""
    guilty: list[Batch] = []
    for batch, results in pool.run(batches):
        if results is not None:
            yield batch, results
        else:
            guilty.append(batch)
    singles = [[pair] for batch in guilty for pair in batch]
    for batch, results in pool.run(singles):
        if results is not None:
            yield batch, results
        else:
            report.drop(Dropped(batch[0][0].case_id, CRASH))
            advance(1)


class _Shelf:
    """Finished cases, written a few dozen at a time while the next are collected."""

    def __init__(self, store: LakeStore, report: ImportReport) -> None:
        self._store, self._report = store, report
        self._waiting: list[dict[str, Any]] = []
        self._bytes, self._since = 0, 0.0
        filed = isinstance(store, EmbeddedCaseStore)
        self._most = (FILED_AT_ONCE, FILED_BYTES_AT_ONCE) if filed else (WRITTEN_AT_ONCE, BYTES_AT_ONCE)
        self._writer = ThreadPoolExecutor(1)
        self._written: Future[Stored] | None = None

    def __enter__(self) -> "_Shelf":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Store the rest; after an error, wait for what is being stored and leave that error to be told."""
        try:
            if error is None:
                self.write()
            self._settle()
        except ViewboxError:
            if error is None:
                raise
        finally:
            self._writer.shutdown()

    def add(self, document: dict[str, Any] | None) -> None:
        """Take a finished case, or none."""
        if document is None:
            return
        self._since = self._since if self._waiting else time.monotonic()
        self._waiting.append(document)
        self._bytes += document["film"]["size"] if document["film"] else 0
        full = len(self._waiting) >= self._most[0] or self._bytes >= self._most[1]
        if full or time.monotonic() - self._since >= WRITTEN_EVERY:
            self.write()

    def write(self) -> None:
        """Begin to store what waits.

        Raises:
            CaseStoreError: the store cannot be reached or is full: what was to be stored before is not there.
        """
        self._settle()
        waiting, self._waiting, self._bytes = self._waiting, [], 0
        if waiting:
            self._written = self._writer.submit(self._store.put_documents, waiting)

    def _settle(self) -> None:
        written, self._written = self._written, None
        if written is None:
            return
        stored = written.result()
        self._report.new += stored.new
        self._report.changed += stored.changed
        self._report.same += stored.same
        for case_id, reason in stored.refused.items():
            self._report.drop(Dropped(case_id, reason))
