"""Files that are there whole or not at all, and folders in which one program writes at a time."""

import contextlib
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from modeling.errors import CaseStoreError

PARTIAL = ".partial"


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file to write, which takes its name once all of it is on the disk; an error leaves the older one."""
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}{PARTIAL}")
    try:
        with partial.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Have the disk know which files a folder holds."""
    entry = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(entry)
    finally:
        os.close(entry)


class WriterLock:
    """The right to write; the system takes it back from a program that ends, however it ends."""

    def __init__(self, path: Path, busy: CaseStoreError) -> None:
        """Make the lock's file (and its folder), or raise `busy` where another object or program has it."""
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            while not self._taken():
                self._file.close()  # Its last holder took the file away between our two steps.
        except BlockingIOError as exc:
            self._file.close()
            raise busy from exc
        except OSError as exc:
            unwritable = "'{folder}' cannot be written to; choose another folder."
            raise CaseStoreError(unwritable, folder=path.parent.name) from exc

    def _taken(self) -> bool:
        import fcntl  # Not at the top: a system without it can still read.

        self._file = self._path.open("a")
        fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return self._path.exists() and os.path.samestat(os.fstat(self._file.fileno()), self._path.stat())

    def close(self) -> None:
        """Let others write; once more does no harm."""
        if not self._file.closed:
            self._path.unlink(missing_ok=True)
            self._file.close()
