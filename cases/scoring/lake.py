"""Predict and embed a whole lake: what `viewbox score` does.

Each case that has no result of this checkpoint yet gets one, exactly once: logits, probabilities and
embeddings with the checkpoint's hash and revision, computed in this process or on a Ray cluster. A checkpoint
of studies reads all films of a case, and what each of them adds stands in place of embeddings. Kill it when
you like: run again, it goes on with what is missing.
"""

import functools
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cases.open_store import address_behind, open_case_store
from cases.parquet.results import ResultFiles
from cases.scoring import ray_engine as score_ray
from cases.scoring.studies import study_answers
from cases.store import (
    AGAINST,
    MAX_PAGE,
    CaseFilter,
    CaseStore,
    Result,
    Results,
    every_row,
    is_mongo,
    portions,
)
from modeling.answers import warnings_json
from modeling.configuration import FusionConfig
from modeling.errors import CaseStoreError, CheckpointError, ViewboxError
from modeling.model.checkpoint import checkpoint_hash
from modeling.progress import progress


@dataclass(frozen=True)
class Job:
    """The work as every worker is told of it; the checkpoint's folder has one path on all machines."""

    store: str | None = field(repr=False)  # it may hold a password
    database: str | None
    checkpoint: str
    checkpoint_hash: str
    batch: int = 16  # studies in one pass through the model
    device: str = "cpu"
    documents_are: str = ""  # the set of student documents that name none


Engine = Callable[[Iterator[list[str]]], Iterator[list[Result]]]
"""Runs the model: from portions of case IDs to their results, in any order."""


@dataclass
class Scoring:
    """How far a scoring has come."""

    cases: int
    awaiting: int = 0  # had no result at the start, as far as they were looked through
    written: int = 0  # results that are new in the store
    refused: int = 0  # that had better no answer: their film is unlike those learnt from
    problems: dict[str, str] = field(default_factory=dict)  # case -> why it has no prediction
    began: float = field(default_factory=time.monotonic)

    @property
    def rate(self) -> float:
        """Results a second."""
        return self.written / max(time.monotonic() - self.began, 1e-9)


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
        scoring.refused += sum(r.get("refusal") is not None for r in found)
        progress(scoring)
    return scoring


# --- in this process or on a cluster: one portion, and all that a store has

if TYPE_CHECKING:
    from modeling.batch import PreparedStudy, Scored
    from modeling.pipeline import DiagnosisPipeline
    from modeling.study_answer import StudyPipeline

PORTION = 64
"""Cases handed to a worker of a cluster at once: what is lost when it dies."""
_Read = list[tuple[str, str, "PreparedStudy"]]


def score_portions(job: Job, handed: Iterator[list[str]]) -> Iterator[list[Result]]:
    """Results batch by batch, in order; a batch goes from the store to its results in one thread."""
    from modeling.batch import in_lanes
    from modeling.study_answer import StudyPipeline

    store, pipeline = _store(job), _pipeline(job)
    batches = (ids for portion in handed for ids in portions(portion, job.batch))
    work = _scored_studies if isinstance(pipeline, StudyPipeline) else _scored
    yield from in_lanes(functools.partial(work, job, store, pipeline), batches)


def score_portion(job: Job, ids: list[str]) -> list[Result]:
    """Results of one portion: what a worker of a cluster does."""
    return [result for batch in score_portions(job, iter([ids])) for result in batch]


def _scored(job: Job, store: CaseStore, pipeline: "DiagnosisPipeline", ids: list[str]) -> list[Result]:
    from modeling.batch import score

    read = _prepared(store, pipeline, ids)
    answers = score(pipeline, [study for _, _, study in read], [source or None for _, source, _ in read])
    origin = _origin(job, pipeline)
    return [
        {"case_id": case_id, "source": source, **origin, **_answer(answer)}
        for (case_id, source, _), answer in zip(read, answers, strict=True)
    ]


def _scored_studies(job: Job, store: CaseStore, pipeline: "StudyPipeline", ids: list[str]) -> list[Result]:
    origin = _origin(job, pipeline)
    return [
        {"case_id": case_id, "source": source, **origin, **_answer(answer), "films": films}
        for case_id, source, answer, films in study_answers(store, pipeline, ids)
    ]


def _origin(job: Job, pipeline: "DiagnosisPipeline | StudyPipeline") -> dict[str, str]:
    origin = pipeline.origin
    return {"checkpoint": job.checkpoint_hash, "name": origin.name, "revision": origin.revision}


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
    """What is stored of an answer: what stands against it, its numbers, the vectors."""
    against = warnings_json(scored.prediction) if scored.prediction else {}
    stored = {name: against.get(name) for name in AGAINST}
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
    return {**stored, "tasks": tasks, "embedding": embedding, "problem": scored.problem}


@functools.cache
def _store(job: Job) -> CaseStore:
    return open_case_store(job.store, job.database, source=job.documents_are)


@functools.cache
def _pipeline(job: Job) -> "DiagnosisPipeline | StudyPipeline":
    """Loaded once a process, whatever number of portions comes by."""
    from modeling.model.study_fusion import is_of_studies
    from modeling.pipeline import DiagnosisPipeline
    from modeling.study_answer import StudyPipeline

    if checkpoint_hash(Path(job.checkpoint)) != job.checkpoint_hash:
        another = "The checkpoint is another one on this machine; copy the same to every machine."
        raise CheckpointError(another)
    if is_of_studies(Path(job.checkpoint)):
        if job.device != "cpu":
            raise ViewboxError("A checkpoint of whole studies runs on the CPU; leave --device out.")
        return StudyPipeline.from_pretrained(job.checkpoint)
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
    documents_are: str = "",
) -> tuple[str, Scoring]:
    """Score the cases of a store that have no result of the checkpoint yet, or count them.

    Args:
        store: mongodb:// address, @FILE or folder; None for the cases that ship.
        folder: for the results, if not beside the cases.
        write: score and write; else only count.
        documents_are: the set of student documents (MongoDB) that name none themselves.
        ray: address of a running cluster, "" to start one here; None to stay in this process.

    Returns: the checkpoint's hash, and how far it came.
    """
    checkpoint, place = checkpoint.resolve(), address_behind(store)
    if place is not None and "://" not in place:
        place = str(Path(place).resolve())
    how = (checkpoint_hash(checkpoint), batch, device, documents_are)
    job = Job(place, database, str(checkpoint), *how)
    cases = open_case_store(job.store, job.database, source=job.documents_are)
    with closing(results_of(job, folder, write=write)) as results:
        if write:
            with progress(what="scoring", total=cases.count(where), unit="case") as bar:
                advance = lambda scoring: bar.update(scoring.written - bar.n)  # noqa: E731
                engine = _engine(job, ray)
                done = score_lake(cases, results, engine, where, portion=PORTION, progress=advance)
            return job.checkpoint_hash, done
        count = sum(1 for _ in awaiting(cases, where, results))
        return job.checkpoint_hash, Scoring(cases.count(where), count)


def _engine(job: Job, ray: str | None) -> Engine:
    if ray is None:
        return lambda handed: score_portions(job, handed)
    gpus = 1.0 if job.device == "cuda" else 0.0
    return lambda handed: score_ray.run(score_portion, job, handed, address=ray or None, gpus=gpus)


# --- vectors for MongoDB's search, laid out from what was written: what `viewbox vectors` does


def fill_vectors(
    address: str, checkpoint: Path, *, database: str | None = None, write: bool = False, index: bool = False
) -> dict[str, int | str]:
    """Lay the vectors of a checkpoint out for the search, or count them without `write`.

    Returns: how many cases are `scored`, `written` and among the `vectors`, and if the `search` is `ready`.
    """
    from cases.mongo.store import MongoCaseStore

    store = open_case_store(address, database, write=write)
    if not isinstance(store, MongoCaseStore):
        raise ViewboxError("Vector search is MongoDB's; give a mongodb:// address with --store.")
    width = _width(checkpoint)
    vectors = store.vectors(checkpoint_hash(checkpoint))
    figures = {"scored": 0, "written": 0}
    with progress(what="laying out vectors", unit="case") as bar:
        for portion in vectors.embedded(width):
            figures["scored"] += len(portion)
            figures["written"] += vectors.write(portion, width) if write else 0
            bar.update(len(portion))
    if index:
        vectors.make_index(width)
    return figures | {"vectors": vectors.count(), "search": vectors.fault(width) or "ready"}


def _width(checkpoint: Path) -> int:
    """D of a checkpoint's encoders."""
    try:
        return FusionConfig.read(checkpoint / "config.json").width
    except OSError as exc:
        no_checkpoint = "There is no checkpoint in '{name}'; give the folder of one."
        raise ViewboxError(no_checkpoint, name=checkpoint.name) from exc
