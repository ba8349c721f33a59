"""A writer of an embedded store, killed in a write: `python -m tests.doubles.dying_writer FOLDER POINTS`.

FOLDER/before is copied for each kill; the copies stand in FOLDER/killed-N, each with the step at which its
writer died in FOLDER/steps.json. A step is a piece of a file written (of which half gets to the disk), a file
brought to the disk, a name taken or a file taken out.
"""

import io
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets  # noqa: F401  # here, so that every child has it
import numpy as np
import pyarrow.parquet  # noqa: F401

from cases.document import document_from_case
from cases.parquet import files
from cases.parquet.store import EmbeddedCaseStore
from tests.doubles.example_cases import small_case

OLD, NEW = range(6), range(3, 10)
"""Numbers of the cases that are there before, and of those that the dying writer puts: three again."""


def documents(numbers: range, source: str) -> list[dict[str, Any]]:
    """Cases of a source."""
    return [document_from_case(small_case(f"{number:02d}", source=source)) for number in numbers]


class _Steps:
    """Counts steps, and ends the process in the middle of the one that was named."""

    def __init__(self, last: int) -> None:
        self.last, self.seen = last, list[str]()

    def begin(self, kind: str) -> bool:
        self.seen.append(kind)
        return len(self.seen) == self.last

    def watched(self, kind: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def step(*arguments: Any, **options: Any) -> Any:
            if self.begin(kind):
                os.kill(os.getpid(), signal.SIGKILL)
            return work(*arguments, **options)

        return step

    def install(self) -> None:
        steps = self

        class File(io.FileIO):
            def write(self, data: Any) -> int:
                if steps.begin("write"):
                    super().write(memoryview(data)[: len(data) // 2])
                    os.kill(os.getpid(), signal.SIGKILL)
                return super().write(data) or 0

        opened = Path.open
        Path.open = lambda path, mode="r", *a, **k: (  # type: ignore[method-assign,assignment]
            File(path, "xb") if mode == "xb" else opened(path, mode, *a, **k)
        )
        os.fsync = self.watched("fsync", os.fsync)
        os.replace = self.watched("replace", os.replace)
        Path.unlink = self.watched("unlink", Path.unlink)  # type: ignore[method-assign]


def _write(folder: Path, steps: _Steps) -> None:
    files.ROWS_PER_FILE = 3
    steps.install()
    with EmbeddedCaseStore.create(folder) as store:
        store.put_documents(documents(NEW, "new"))


def _in_a_child(work: Callable[[], None]) -> int:
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        except BaseException:
            sys.excepthook(*sys.exc_info())
            os._exit(1)
    return os.waitpid(child, 0)[1]


def main(folder: Path, points: int) -> None:
    """Kill a writer at so many steps: at all that are no mere writing, and at writes spread over the rest."""
    whole = folder / "whole"
    shutil.copytree(folder / "before", whole)

    def count() -> None:
        steps = _Steps(0)
        _write(whole, steps)
        (folder / "all.json").write_text(json.dumps(steps.seen))

    assert _in_a_child(count) == 0
    seen = json.loads((folder / "all.json").read_text())
    turns = [number for number, kind in enumerate(seen, 1) if kind != "write"]
    writes = [number for number, kind in enumerate(seen, 1) if kind == "write"]
    turns = [turns[int(at)] for at in np.linspace(0, len(turns) - 1, min(len(turns), points * 2 // 3))]
    writes = [writes[int(at)] for at in np.linspace(0, len(writes) - 1, points - len(turns))]
    died = {}
    for point in sorted({*turns, *writes}):
        copy = folder / f"killed-{point}"
        shutil.copytree(folder / "before", copy)
        status = _in_a_child(lambda copy=copy, point=point: _write(copy, _Steps(point)))
        assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL, (point, status)
        died[copy.name] = seen[point - 1]
    (folder / "steps.json").write_text(json.dumps(died))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
