"""Predict and embed a whole lake: what `viewbox score` does.

Each case that has no result of this checkpoint yet gets one: logits, probabilities and embeddings with the
checkpoint's hash and revision, computed in this process or on a Ray cluster. Kill it when you like: run
again, it goes on with what is missing.
"""

import functools
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cases.open_store import address_behind, open_case_store
from cases.parquet.results import ResultFiles
from cases.scoring import ray_engine as score_ray
from cases.scoring.lake import Engine, Job, Scoring, awaiting, checkpoint_hash, score_lake
from cases.store import CaseFilter, CaseStore, Result, Results, is_mongo, portions
from modeling.errors import CaseStoreError, CheckpointError, ViewboxError
from modeling.progress import progress

if TYPE_CHECKING:
    from modeling.batch import PreparedStudy, Scored
    from modeling.pipeline import DiagnosisPipeline

PORTION = 64
"""Cases handed to a worker of a cluster at once: what is lost when it dies."""
_Read = list[tuple[str, str, "PreparedStudy"]]


def score_portions(job: Job, handed: Iterator[list[str]]) -> Iterator[list[Result]]:
    """Results batch by batch, in order; a batch goes from the store to its results in one thread."""
    from modeling.batch import lanes

    store, pipeline = _store(job), _pipeline(job)
    batches = (ids for portion in handed for ids in portions(portion, job.batch))
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
    from modeling.batch import score

    read = _prepared(store, pipeline, ids)
    answers = score(pipeline, [study for _, _, study in read], [source or None for _, source, _ in read])
    origin = {
        "checkpoint": job.checkpoint_hash,
        "name": pipeline.origin.name,
        "revision": pipeline.origin.revision,
    }
    return [
        {"case_id": case_id, "source": source, **origin, **_answer(answer)}
        for (case_id, source, _), answer in zip(read, answers, strict=True)
    ]


def _prepared(store: CaseStore, pipeline: "DiagnosisPipeline", ids: list[str]) -> _Read:
    """Cases as tensors; a broken one carries its problem, one that was taken out meanwhile is left out."""
    from modeling.batch import PreparedStudy, prepare
    from modeling.study import Study

    read: _Read = []
    for case_id, case in store.several(ids):
        if isinstance(case, CaseStoreError):
            read.append((case_id, "", PreparedStudy(Study(), None, str(case))))
            continue
        study = case.study_with_report if pipeline.processor.config.is_post_read else case.study
        read.append((case_id, case.provenance.source, prepare(pipeline, study)))
    return read


def _answer(scored: "Scored") -> dict[str, Any]:
    tasks = {
        str(task.task): {
            "classes": list(task.classes),
            "logits": [float(value) for value in task.logits],
            "probabilities": [float(value) for value in task.probabilities],
            "modalities": [str(modality) for modality in task.modalities],
        }
        for task in (scored.prediction.tasks if scored.prediction else ())
    }
    embedding = {str(m): np.asarray(v, "<f4").tobytes() for m, v in scored.embedding.items()}
    return {"tasks": tasks, "embedding": embedding, "problem": scored.problem}


@functools.cache
def _store(job: Job) -> CaseStore:
    return open_case_store(job.store, job.database)


@functools.cache
def _pipeline(job: Job) -> "DiagnosisPipeline":
    """Loaded once a process, whatever number of portions comes by."""
    from modeling.pipeline import DiagnosisPipeline

    if checkpoint_hash(Path(job.checkpoint)) != job.checkpoint_hash:
        raise CheckpointError(
            "The checkpoint is another one on this machine; copy the same to every machine."
        )
    return DiagnosisPipeline.from_pretrained(job.checkpoint, device=job.device)


def results_of(job: Job, folder: Path | None, *, write: bool) -> Results:
    """The place of the results: the database of the cases, or Parquet files beside them."""
    if is_mongo(job.store) and folder is None:
        from cases.mongo.results import MongoResults

        return MongoResults(str(job.store), job.database, job.checkpoint_hash, write=write)
    if folder is None and job.store is None:
        raise ViewboxError("The cases that ship hold no results; name a folder for them with --results.")
    return ResultFiles(folder or Path(str(job.store)), job.checkpoint_hash, write=write)


def score_store(
    checkpoint: Path,
    store: str | None,
    where: CaseFilter,
    *,
    database: str | None = None,
    folder: Path | None = None,
    write: bool = False,
    batch: int = 16,
    device: str = "cpu",
    ray: str | None = None,
) -> tuple[str, Scoring]:
    """Score the cases of a store that have no result of the checkpoint yet, or count them.

    Args:
        store: mongodb:// address, @FILE or folder; None for the cases that ship.
        folder: for the results, if not beside the cases.
        write: score and write; else only count.
        ray: address of a running cluster, "" to start one here; None to stay in this process.

    Returns: the checkpoint's hash, and how far it came.
    """
    checkpoint, place = checkpoint.resolve(), address_behind(store)
    if place is not None and "://" not in place:
        place = str(Path(place).resolve())
    job = Job(place, database, str(checkpoint), checkpoint_hash(checkpoint), batch, device)
    cases = open_case_store(job.store, job.database)
    with closing(results_of(job, folder, write=write)) as results:
        if write:
            return job.checkpoint_hash, _score(cases, results, _engine(job, ray), where)
        count = sum(1 for _ in awaiting(cases, where, results))
        return job.checkpoint_hash, Scoring(cases.count(where), count)


def _score(cases: CaseStore, results: Results, engine: Engine, where: CaseFilter) -> Scoring:
    with progress(what="scoring", total=cases.count(where), unit="case") as bar:
        advance = lambda scoring: bar.update(scoring.written - bar.n)  # noqa: E731
        return score_lake(cases, results, engine, where, portion=PORTION, progress=advance)


def _engine(job: Job, ray: str | None) -> Engine:
    if ray is None:
        return lambda handed: score_portions(job, handed)
    gpus = 1.0 if job.device == "cuda" else 0.0
    return lambda handed: score_ray.run(score_portion, job, handed, address=ray or None, gpus=gpus)
