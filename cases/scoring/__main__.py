"""Predict and embed a whole lake: `python -m cases.scoring --checkpoint DIR [--store URI] --write`.

Each case that has no result of this checkpoint yet gets one: logits, probabilities and embeddings with the
checkpoint's hash and revision. `--engine ray` spreads the work over a Ray cluster, `--engine process` stays
in this process. Kill it when you like: run again, it goes on with what is missing. Without `--write` it only
says how many cases await.
"""

import argparse
import functools
import json
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from cases.open_store import address_behind, open_case_store
from cases.parquet.results import ResultFiles
from cases.scoring import ray_engine as score_ray
from cases.scoring.checkpoint_hash import checkpoint_hash
from cases.scoring.results import Engine, Job, Result, Results, Scoring, awaiting, grouped, score_lake
from cases.store import CaseFilter, CaseStore
from modeling.errors import CaseStoreError, CheckpointError, ViewboxError

if TYPE_CHECKING:
    from modeling.model.batch import PreparedStudy, Scored
    from modeling.model.pipeline import DiagnosisPipeline

PORTION = 64
"""Cases handed to a worker of a cluster at once: what is lost when it dies."""
_Read = list[tuple[str, str, "PreparedStudy"]]


def score_portions(job: Job, portions: Iterator[list[str]]) -> Iterator[list[Result]]:
    """Results batch by batch, in order; a batch goes from the store to its results in one thread.

    Raises:
        CaseStoreError, CheckpointError: store or checkpoint cannot be read.
    """
    from modeling.model.batch import lanes

    store, pipeline = _store(job), _pipeline(job)
    batches = (ids for portion in portions for ids in grouped(portion, job.batch))
    under_way: deque[Future[list[Result]]] = deque()
    with lanes() as (pool, count):
        for ids in batches:
            under_way.append(pool.submit(_scored, job, store, pipeline, ids))
            if len(under_way) > count:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()


def score_portion(job: Job, ids: list[str]) -> list[Result]:
    """Results of one portion: what a worker of a cluster does."""
    return [result for batch in score_portions(job, iter([ids])) for result in batch]


def _scored(job: Job, store: CaseStore, pipeline: "DiagnosisPipeline", ids: list[str]) -> list[Result]:
    from modeling.model.batch import score

    read = _prepared(store, pipeline, ids)
    answers = score(pipeline, [one for _, _, one in read], [source or None for _, source, _ in read])
    return [
        _result(job, pipeline, case_id, source, answer)
        for (case_id, source, _), answer in zip(read, answers, strict=True)
    ]


def _prepared(store: CaseStore, pipeline: "DiagnosisPipeline", ids: list[str]) -> _Read:
    """Cases as tensors; a broken one carries its problem, one that was taken out meanwhile is left out."""
    from modeling.model.batch import PreparedStudy, prepare
    from modeling.study import Study

    read: _Read = []
    for case_id, case in store.several(ids):
        if isinstance(case, CaseStoreError):
            read.append((case_id, "", PreparedStudy(Study(), None, str(case))))
            continue
        study = case.study_with_report if pipeline.processor.config.is_post_read else case.study
        read.append((case_id, case.provenance.source, prepare(pipeline, study)))
    return read


def _result(job: Job, pipeline: "DiagnosisPipeline", case_id: str, source: str, scored: "Scored") -> Result:
    tasks = {
        str(task.task): {
            "classes": list(task.classes),
            "logits": [float(value) for value in task.logits],
            "probabilities": [float(value) for value in task.probabilities],
            "modalities": [str(modality) for modality in task.modalities],
        }
        for task in (scored.prediction.tasks if scored.prediction else ())
    }
    return {
        "case_id": case_id,
        "source": source,
        "checkpoint": job.checkpoint_hash,
        "name": pipeline.origin.name,
        "revision": pipeline.origin.revision,
        "tasks": tasks,
        "embedding": {str(m): np.asarray(v, "<f4").tobytes() for m, v in scored.embedding.items()},
        "problem": scored.problem,
    }


@functools.cache
def _store(job: Job) -> CaseStore:
    return open_case_store(job.store, job.database)


@functools.cache
def _pipeline(job: Job) -> "DiagnosisPipeline":
    """Loaded once a process, whatever number of portions comes by."""
    from modeling.model.pipeline import DiagnosisPipeline

    if checkpoint_hash(Path(job.checkpoint)) != job.checkpoint_hash:
        raise CheckpointError(
            "The checkpoint is another one on this machine; copy the same to every machine."
        )
    return DiagnosisPipeline.from_pretrained(job.checkpoint, device=job.device)


def results_of(job: Job, folder: Path | None, *, write: bool) -> Results:
    """Where the results go: the database of the cases, or Parquet files beside them.

    Raises:
        ViewboxError: results cannot be written there.
    """
    if job.store and job.store.startswith(("mongodb://", "mongodb+srv://")) and folder is None:
        from cases.mongo.results import MongoResults

        return MongoResults(job.store, job.database, job.checkpoint_hash, write=write)
    if folder is None and job.store is None:
        raise ViewboxError("The cases that ship hold no results; name a folder for them with --results.")
    return ResultFiles(folder or Path(str(job.store)), job.checkpoint_hash, write=write)


def _engine(options: argparse.Namespace, job: Job) -> Engine:
    if options.engine == "process":
        return lambda portions: score_portions(job, portions)
    from cases.scoring import __main__ as importable  # not __main__, which no worker knows

    settings = {"address": options.ray_address, "gpus": 1.0 if job.device == "cuda" else 0.0}
    return lambda portions: score_ray.run(importable.score_portion, job, portions, **settings)


def _say(scoring: Scoring) -> None:
    left = max(scoring.cases - scoring.written, 0) / scoring.rate if scoring.rate else 0.0
    line = f"{scoring.written} written, {scoring.rate:.1f} a second, at most {left:.0f} s left"
    print(line, file=sys.stderr, end="\r", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m cases.scoring", description=__doc__.splitlines()[0])
    parser.add_argument("--engine", choices=("process", "ray"), default="process")
    parser.add_argument("--checkpoint", type=Path, required=True, help="checkpoint folder")
    parser.add_argument("--store", metavar="URI", help="mongodb:// address, @FILE or folder; else what ships")
    parser.add_argument("--database", help="MongoDB database, where the address names none")
    parser.add_argument("--results", type=Path, help="folder for the results, if not beside the cases")
    parser.add_argument("--write", action="store_true", help="score and write; else only count")
    parser.add_argument("--batch", type=int, default=16, help="studies in one pass through the model")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--source", help="only cases of this source")
    parser.add_argument("--ray-address", help="of a running cluster; else one is started here")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    where = CaseFilter(source=options.source)
    try:
        folder = options.checkpoint.resolve()
        place = address_behind(options.store)
        if place is not None and "://" not in place:
            place = str(Path(place).resolve())
        job = Job(
            place, options.database, str(folder), checkpoint_hash(folder), options.batch, options.device
        )
        store, results = (
            open_case_store(job.store, job.database),
            results_of(job, options.results, write=options.write),
        )
        try:
            if options.write:
                engine = _engine(options, job)
                done = score_lake(store, results, engine, where, portion=PORTION, progress=_say)
            else:
                done = Scoring(store.count(where), sum(1 for _ in awaiting(store, where, results)))
        finally:
            results.close()
    except ViewboxError as exc:
        print(exc, file=sys.stderr)
        return 2
    figures = {"checkpoint": job.checkpoint_hash, "cases": done.cases, "awaiting": done.awaiting}
    figures |= {"written": done.written, "problems": len(done.problems), "a_second": round(done.rate, 2)}
    print(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
