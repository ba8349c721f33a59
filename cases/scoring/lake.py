"""Scoring a lake: which cases await a checkpoint, and their results written back exactly once."""

import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cases.store import MAX_PAGE, CaseFilter, CaseStore, Result, Results, every_row, portions
from modeling.errors import CheckpointError

_SAYS_NOTHING = ("README.md", "metrics.json", "split.csv", "training.json")
"""Files of a checkpoint that decide no answer."""


@dataclass(frozen=True)
class Job:
    """The work as every worker is told of it; the checkpoint's folder has one path on all machines."""

    store: str | None = field(repr=False)  # it may hold a password
    database: str | None
    checkpoint: str
    checkpoint_hash: str
    batch: int = 16  # studies in one pass through the model
    device: str = "cpu"


Engine = Callable[[Iterator[list[str]]], Iterator[list[Result]]]
"""Runs the model: from portions of case IDs to their results, in any order."""


@dataclass
class Scoring:
    """How far a scoring has come."""

    cases: int
    awaiting: int = 0  # had no result at the start, as far as they were looked through
    written: int = 0  # results that are new in the store
    problems: dict[str, str] = field(default_factory=dict)  # case -> why it has no prediction
    began: float = field(default_factory=time.monotonic)

    @property
    def rate(self) -> float:
        """Results a second."""
        return self.written / max(time.monotonic() - self.began, 1e-9)


def checkpoint_hash(folder: Path) -> str:
    """A checkpoint's name wherever its results are kept: a hash of every file that decides an answer."""
    files = [f for f in sorted(folder.glob("*")) if f.is_file() and f.name not in _SAYS_NOTHING]
    if not files:
        raise CheckpointError("There is no checkpoint in '{name}'; give the folder of one.", name=folder.name)
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as opened:
            digest.update(f"{file.name} {hashlib.file_digest(opened, 'sha256').hexdigest()}\n".encode())
    return digest.hexdigest()


def awaiting(store: CaseStore, where: CaseFilter, results: Results) -> Iterator[str]:
    """IDs, in order, of the cases that pass the filter and have no result yet."""
    for ids in portions((row.case_id for row in every_row(store, where)), MAX_PAGE):
        done = results.done(ids)
        yield from (case_id for case_id in ids if case_id not in done)


def score_lake(
    store: CaseStore,
    results: Results,
    engine: Engine,
    where: CaseFilter,
    *,
    portion: int,
    progress: Callable[[Scoring], None] = lambda scoring: None,
) -> Scoring:
    """Have every case scored that has no result yet, `portion` cases at once, and write results as they come.

    A scoring that is killed loses the portions under way; the next one begins with what has no result.
    """
    scoring = Scoring(store.count(where))

    def handed() -> Iterator[list[str]]:
        for ids in portions(awaiting(store, where, results), portion):
            scoring.awaiting += len(ids)
            yield ids

    for found in engine(handed()):
        scoring.written += results.write(found)
        scoring.problems |= {r["case_id"]: r["problem"] for r in found if r["problem"]}
        progress(scoring)
    return scoring
