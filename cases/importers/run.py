"""The published sets that Viewbox reads, and the import of one into a store: what `viewbox import` does.

Rows go to workers and finished cases to the store, in bounded memory. Every case has the same ID and the same
document in every run, and is stored whole or not at all, so an import that is killed anywhere ends in the
same lake when it is run again; what is stored already is found by its hash and not decoded again. Two imports
at once write the same cases twice, which changes nothing.
"""

import functools
import itertools
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from cases.deidentify.burned_text import can_read
from cases.document import film_size
from cases.importers import (
    covid_chestxray,
    covid_net,
    dicom_folder,
    hannover,
    hub,
    mimic,
    nih,
    openi,
    ricord,
    siim,
)
from cases.importers.films import Outcome, Work, outcomes
from cases.importers.pool import CrashProofPool
from cases.importers.report import ImportReport
from cases.importers.rows import Dropped, ImportSettings, Layout, Notice, Row
from cases.importers.whole_studies import films_of, study_outcomes, whole_studies
from cases.open_store import address_behind, open_for_writing
from cases.parquet.store import EmbeddedCaseStore
from cases.store import Stored
from modeling.errors import ViewboxError
from modeling.progress import progress

if TYPE_CHECKING:
    from cases.mongo.store import MongoCaseStore

LAYOUTS: dict[str, Layout] = {
    module.LAYOUT.name: module.LAYOUT
    for module in (ricord, openi, covid_chestxray, hannover, nih, siim, mimic, dicom_folder, hub)
} | {layout.name: layout for layout in (covid_net.ACTUALMED, covid_net.FIGURE_1)}
BATCH = 16
WRITTEN_AT_ONCE = 32
"""Cases to a database; a folder of Parquet files takes `FILED_AT_ONCE`, since each call makes a file."""
FILED_AT_ONCE = 500
WRITTEN_EVERY = 5.0
"""Seconds after which a case that came out of the workers is written, however few wait."""
BYTES_AT_ONCE = 24_000_000
FILED_BYTES_AT_ONCE = 64_000_000
NOT_HELD = "films are stored whether or not text is burned into them (--burned-text allow)"
LOOKED_AT = (
    "text burned into the films was told by the look of its letters alone, which misses small and short"
    " lines; pip install 'viewbox[lake]' adds what reads it"
)
CRASH = "reading its film ends the program; leave it out"
Batch = list[tuple[Row, str]]


class Rehearsal:
    """Takes every case and keeps none."""

    description = "nothing (a rehearsal; add --write to store)"

    def inputs(self, case_ids: list[str]) -> dict[str, str]:
        """Nothing is there."""
        return {}

    def put_documents(self, documents: Iterable[dict[str, Any]]) -> Stored:
        """Every case would be new."""
        return Stored(new=sum(1 for _ in documents))


def import_set(
    layout: Layout,
    source: str,
    target: str | None,
    settings: ImportSettings,
    *,
    database: str | None = None,
    workers: int = 1,
    quiet: bool = False,
) -> ImportReport:
    """Bring a published set into a store.

    Args:
        source: a folder, a table, or the name of a Hub data set.
        target: mongodb:// address, @FILE that holds one, or a folder; None to rehearse, which reads,
            checks and cleans everything and stores nothing.
        workers: processes that decode.
        quiet: without a progress bar.

    Returns:
        The report; `stopped` says why an import ended before its last row (a lost server, a full disk, the
        keyboard). What was stored until then is whole, and the next run goes on from there.

    Raises:
        ViewboxError: the store cannot be opened, nothing could be read of the source, or the settings are not
            enough for this layout.
    """
    store = Rehearsal() if target is None else open_for_writing(str(address_behind(target)), database)
    begun = time.monotonic()
    report = ImportReport(layout.title, store.description)
    with progress(what=layout.name, total=layout.count(source), quiet=quiet, smoothing=0.05) as bar:
        _Import(layout, source, settings, store, report, bar.update).run(workers)
    report.seconds = time.monotonic() - begun
    try:
        getattr(store, "close", lambda: None)()
    except ViewboxError as exc:  # what waits in memory could not be written: the report says so
        report.stopped = report.stopped or str(exc)
    return report


@dataclass
class _Import:
    """One import; `advance` is told how many rows are done."""

    layout: Layout
    source: str
    settings: ImportSettings
    store: "MongoCaseStore | EmbeddedCaseStore | Rehearsal"
    report: ImportReport
    advance: Callable[[int], object]

    def run(self, workers: int) -> None:
        """Bring every row that can be read into the store."""
        burned_text = self.settings.burned_text or self.layout.burned_text
        work = Work(self.settings.pseudonyms, self.layout.published, burned_text)
        if burned_text != "allow" and not can_read():
            self.report.notices.append(LOOKED_AT)
        elif burned_text == "allow" and not self.layout.published:
            self.report.notices.append(NOT_HELD)
        decode = functools.partial(study_outcomes if self.settings.whole_studies else outcomes, work=work)
        try:
            with _Shelf(self.store, self.report) as shelf, CrashProofPool(decode, workers) as pool:
                for batch, results in self._results(pool):
                    for (row, _), result in zip(batch, results, strict=True):
                        self.report.take(row, result)
                        shelf.add(result.document)
                    self.advance(sum(films_of(row) for row, _ in batch))
            getattr(self.store, "sweep", lambda: None)()
        except ViewboxError as exc:
            if not self.report.rows_in:
                raise
            self.report.stopped = str(exc)
        except KeyboardInterrupt:
            self.report.stopped = "Stopped from the keyboard."

    def _rows(self) -> Iterator[Row]:
        """Rows to be read; those that the layout drops, and second rows of an ID, are counted alone."""
        seen: set[str] = set()
        for row in self.layout.rows(self.source, self.settings):
            if isinstance(row, Notice):
                self.report.notices.append(row.text)
                continue
            self.report.rows_in += 1
            if isinstance(row, Dropped):
                self.report.drop(row)
            elif (named := self._named(row)).case_id in seen:
                self.report.drop(Dropped(named.case_id, "a second row with this ID"))
            else:
                seen.add(named.case_id)
                yield named
                continue
            self.advance(1)

    def _named(self, row: Row) -> Row:
        """A row of a published set under pseudonyms, where a salt was given."""
        pseudonyms = self.settings.pseudonyms
        if pseudonyms is None or not self.layout.published:
            return row
        case_id = f"{row.source}-{pseudonyms.pseudonym('film', row.case_id)}"
        patient = f"{row.source}-{pseudonyms.pseudonym('patient', row.patient)}" if row.patient else ""
        study = pseudonyms.uid(row.study) if row.study else ""
        return replace(row, case_id=case_id, patient=patient, study=study)

    def _batches(self) -> Iterator[Batch]:
        """Rows in batches, each with the hash that the store has of it."""
        rows = whole_studies(self._rows()) if self.settings.whole_studies else self._rows()
        size = 1 if self.layout.large_films else BATCH
        while wave := tuple(itertools.islice(rows, 4 * BATCH)):
            known = self.store.inputs([row.case_id for row in wave])
            for first in range(0, len(wave), size):
                yield [(row, known.get(row.case_id, "")) for row in wave[first : first + size]]

    def _results(self, pool: CrashProofPool[Batch, list[Outcome]]) -> Iterator[tuple[Batch, list[Outcome]]]:
        """Batches with their results; one that killed its process is split until the guilty row is alone."""
        guilty: list[Batch] = []
        for batch, results in pool.run(self._batches()):
            if results is not None:
                yield batch, results
            else:
                guilty.append(batch)
        for batch, results in pool.run([pair] for killing in guilty for pair in killing):
            if results is not None:
                yield batch, results
            else:
                self.report.drop(Dropped(batch[0][0].case_id, CRASH))
                self.advance(films_of(batch[0][0]))


class _Shelf:
    """Finished cases, written a few dozen at a time while the next are collected."""

    def __init__(self, store: "MongoCaseStore | EmbeddedCaseStore | Rehearsal", report: ImportReport) -> None:
        self._store, self._report = store, report
        self._waiting: list[dict[str, Any]] = []
        self._bytes = 0
        filed = isinstance(store, EmbeddedCaseStore)
        self._most = (FILED_AT_ONCE, FILED_BYTES_AT_ONCE) if filed else (WRITTEN_AT_ONCE, BYTES_AT_ONCE)
        self._writer = ThreadPoolExecutor(1)
        self._written: list[Future[Stored]] = []
        self._lock = threading.RLock()
        self._timer: threading.Timer | None = None

    def __enter__(self) -> "_Shelf":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        """Store the rest; after an error, wait for what is being stored and leave that error to be told."""
        try:
            if error is None:
                self.write()
            self._settle()
        except ViewboxError:
            if error is None:
                raise
        finally:
            with self._lock:
                self._stop_timer()
                self._waiting = []
            self._writer.shutdown()

    def add(self, document: dict[str, Any] | None) -> None:
        """Take a finished case, or none."""
        if document is None:
            return
        with self._lock:
            if self._timer is None:
                self._start_timer()
            self._waiting.append(document)
            self._bytes += film_size(document)
            if len(self._waiting) >= self._most[0] or self._bytes >= self._most[1]:
                self.write()

    def write(self) -> None:
        """Begin to store what waits. Raises CaseStoreError: what was to be stored before is not there."""
        with self._lock:
            self._settle()
            self._begin()

    def _begin(self) -> None:
        self._stop_timer()
        waiting, self._waiting, self._bytes = self._waiting, [], 0
        if waiting:
            self._written.append(self._writer.submit(self._store.put_documents, waiting))

    def _start_timer(self) -> None:
        self._timer = threading.Timer(WRITTEN_EVERY, self._overdue)
        self._timer.daemon = True
        self._timer.start()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _overdue(self) -> None:
        """Begin to store what waits, whenever the next film comes; an error is told when it has come."""
        with self._lock:
            if all(written.done() for written in self._written):
                self._begin()
            else:
                self._start_timer()

    def _settle(self) -> None:
        while self._written:
            self._count(self._written.pop(0).result())

    def _count(self, stored: Stored) -> None:
        self._report.new += stored.new
        self._report.changed += stored.changed
        self._report.same += stored.same
        for case_id, reason in stored.refused.items():
            self._report.drop(Dropped(case_id, reason))
