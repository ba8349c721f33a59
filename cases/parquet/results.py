"""Results of checkpoints as Parquet files beside an embedded store."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cases.parquet.files import next_file, numbered, read_rows
from cases.store import AGAINST, Result
from cases.whole_files import WriterLock, whole_file
from modeling.errors import CaseStoreError
from modeling.study import Modality

ROWS_PER_FILE = 500
_ADDED = ("shapley", "lost_without")
_TEXTS = ("case_id", "source", "checkpoint", "name", "revision", "problem")


class ResultFiles:
    """The results of one checkpoint in `results-HASH-NNNNN.parquet`; one writer at a time."""

    def __init__(self, folder: Path, checkpoint_hash: str, *, write: bool = True) -> None:
        """Opened for `write`, it makes the folder and keeps other writers out of it."""
        self._folder, self._name = folder, f"results-{checkpoint_hash[:16]}"
        self._pending: list[Result] = []
        other_writer = "Another program writes results to '{folder}'; wait until it has ended."
        busy = CaseStoreError(other_writer, folder=folder.name)
        self._lock = WriterLock(folder / f".{self._name}.lock", busy) if write else None
        files = numbered(folder, self._name)
        self._done = {row["case_id"] for file in files for row in read_rows(file, ("case_id",))}

    def done(self, case_ids: Sequence[str]) -> set[str]:
        """Those of the cases that have a result of this checkpoint."""
        return self._done.intersection(case_ids)

    def write(self, results: Sequence[Result]) -> int:
        """Keep results, on disk after every `ROWS_PER_FILE` and at the end; returns how many are new."""
        fresh = {r["case_id"]: r for r in results if r["case_id"] not in self._done}
        self._pending += fresh.values()
        self._done |= fresh.keys()
        if len(self._pending) >= ROWS_PER_FILE:
            self._flush()
        return len(fresh)

    def close(self) -> None:
        """Write what was kept, and let others write."""
        try:
            self._flush()
        finally:
            if self._lock is not None:
                self._lock.close()

    def _flush(self) -> None:
        import pyarrow
        from pyarrow import parquet

        if not self._pending:
            return
        columns: dict[str, Any] = {name: pyarrow.string() for name in (*_TEXTS, *AGAINST, "tasks")}
        columns |= {f"embedding_{m}": pyarrow.list_(pyarrow.float32()) for m in Modality}
        columns |= _study_columns(self._pending)
        table = pyarrow.Table.from_pylist([_row(r) for r in self._pending], schema=pyarrow.schema(columns))
        file = next_file(self._folder, self._name)
        try:
            with whole_file(file) as opened:
                parquet.write_table(table, opened)
        except OSError as exc:
            full = "'{file}' cannot be written; free some space and score again: what is done stays done."
            raise CaseStoreError(full, file=file.name) from exc
        self._pending.clear()


def _study_columns(results: Sequence[Result]) -> dict[str, Any]:
    """Columns of whole studies: the answer to each task, and lists with a value for each film."""
    import pyarrow

    read = [result for result in results if result.get("films")]
    if not read:
        return {}
    views, days, each = pyarrow.string(), pyarrow.int32(), pyarrow.list_(pyarrow.float64())
    columns: dict[str, Any] = {
        "film_view_position": pyarrow.list_(views),
        "film_days_before": pyarrow.list_(days),
    }
    for task in read[0]["tasks"]:
        columns |= {f"answer_{task}": pyarrow.string(), f"probability_{task}": pyarrow.float64()}
        columns |= {f"shapley_{task}": each, f"lost_without_{task}": each}
    return columns


def _study_cells(result: Result) -> dict[str, Any]:
    films = result.get("films")
    if not films:
        return {}
    cells = {f"film_{name}": [film[name] for film in films] for name in ("view_position", "days_before")}
    for task, answer in result["tasks"].items():
        probability, name = max(zip(answer["probabilities"], answer["classes"], strict=True))
        cells |= {f"answer_{task}": str(name), f"probability_{task}": probability}
        cells |= {f"{kind}_{task}": [film[kind][task] for film in films] for kind in _ADDED}
    return cells


def _row(result: Result) -> dict[str, Any]:
    import numpy as np

    embedding = {f"embedding_{m}": np.frombuffer(held, "<f4") for m, held in result["embedding"].items()}
    told = {name: json.dumps(result.get(name)) for name in (*AGAINST, "tasks")}
    return {**{name: result[name] for name in _TEXTS}, **told, **embedding, **_study_cells(result)}
