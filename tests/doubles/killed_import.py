"""An import killed at each write: `python -m tests.doubles.killed_import ADDRESS DATABASE SOURCE SALT`.

One run after the other imports a folder of DICOM and is killed a moment later than the one before, until one
has nothing left to do; printed is how many were killed. A moment is a write before or after it reaches the
server. Every run is a fork, so that Python starts once.
"""

import itertools
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from pymongo import monitoring

import cases.deidentify.dicom_header
import cases.mongo.store  # noqa: F401  # here, so that every child has them
from cases.deidentify.pseudonyms import Pseudonymiser
from cases.importers import run
from cases.importers.rows import ImportSettings

WRITES = {"insert", "update", "delete", "findAndModify"}


class _Killer(monitoring.CommandListener):
    """Ends its process without a word at a moment."""

    def __init__(self, moment: int) -> None:
        self._left = moment

    def _count(self, event: Any) -> None:
        self._left -= event.command_name in WRITES
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    started = succeeded = failed = _count


class _Here:
    """Decodes in this process: what becomes of workers is tested with the program itself."""

    def __init__(self, work: Callable[[Any], Any], workers: int) -> None:
        self._work = work

    def __enter__(self) -> "_Here":
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def run(self, jobs: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
        return ((job, self._work(job)) for job in jobs)


def import_until(moment: int, address: str, database: str, source: str, salt: str) -> None:
    """Import; the process ends at the moment, if the import has so many."""
    monitoring.register(_Killer(moment))
    run.CrashProofPool = _Here
    settings = ImportSettings(Pseudonymiser.from_file(Path(salt)), burned_text="allow")
    report = run.import_set(run.LAYOUTS["dicom"], source, address, settings, database=database, quiet=True)
    assert not report.stopped, report.stopped


def kills(*arguments: str) -> int:
    """How many runs were killed before one was done."""
    for moment in itertools.count(1):
        child = os.fork()
        if not child:
            import_until(moment, *arguments)
            os._exit(0)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status == 0:
            return moment - 1
        assert status == -signal.SIGKILL, status
    raise AssertionError("counting has no end")


if __name__ == "__main__":
    print(kills(*sys.argv[1:]))
