"""Many studies in one pass: the predictions of `DiagnosisPipeline.predict`, and an embedding of each film.

Making tensors of studies takes processor time of its own; many batches are quickest in `lanes`, each of which
takes its batch through `prepare` and `score`.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch

from modeling.errors import StudyError
from modeling.model.processing import ProcessedStudy, collate
from modeling.pipeline import DiagnosisPipeline
from modeling.results import Prediction
from modeling.study import Modality, Study

Batch = TypeVar("Batch")
Answer = TypeVar("Answer")


@dataclass(frozen=True, eq=False)
class Scored:
    """A study's prediction, or the problem why there is none, for a reader.

    Attributes:
        embedding: modality -> (D,) float32, the encoder's vector before fusion, for the modalities that the
            study holds and the checkpoint reads.
    """

    prediction: Prediction | None
    embedding: dict[Modality, np.ndarray]
    problem: str = ""


@dataclass(frozen=True, eq=False)
class PreparedStudy:
    """A study as tensors, or the sentence that says why it cannot be."""

    study: Study
    processed: ProcessedStudy | None
    problem: str = ""


def prepare(pipeline: DiagnosisPipeline, study: Study) -> PreparedStudy:
    """A study as tensors; takes no model, so it may run in any thread."""
    try:
        return PreparedStudy(study, pipeline.process(study))
    except StudyError as exc:
        return PreparedStudy(study, None, str(exc))


def score(
    pipeline: DiagnosisPipeline, prepared: Sequence[PreparedStudy], sources: Sequence[str | None] = ()
) -> list[Scored]:
    """Prediction and embedding of every study in one pass; sources and errors as of `DiagnosisPipeline`."""
    scored = [Scored(None, {}, one.problem) for one in prepared]
    ready = [number for number, one in enumerate(prepared) if one.processed is not None]
    if not ready:
        return scored
    processed = [prepared[number].processed for number in ready]
    logits, encoded, familiarity = pipeline.forward(collate(processed))
    vectors = {Modality(name): one.vector.float().cpu().numpy() for name, one in encoded.items()}
    given = {Modality(name): one.given.cpu().numpy() for name, one in encoded.items()}
    for row, number in enumerate(ready):
        study, source = prepared[number].study, sources[number] if sources else None
        answers = {name: values[row] for name, values in logits.items()}
        embedding = {m: rows[row] for m, rows in vectors.items() if given[m][row]}
        try:
            prediction = pipeline.prediction(study, processed[row], answers, familiarity[row], source=source)
            scored[number] = Scored(prediction, embedding)
        except StudyError as exc:
            scored[number] = Scored(None, embedding, str(exc))
    return scored


@contextmanager
def lanes() -> Iterator[tuple[ThreadPoolExecutor, int]]:
    """At least two threads that take a batch each, on a processor of its own, and how many there are.

    Threads that share every layer of one batch wait for each other at its end, and for the one that also
    decodes films. What has not begun when the context ends is left out.
    """
    threads = torch.get_num_threads()
    count = max(2, threads)
    pool = ThreadPoolExecutor(count, "lane", torch.set_num_threads, (1,))
    try:
        yield pool, count
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(threads)


def in_lanes(work: Callable[[Batch], Answer], batches: Iterable[Batch]) -> Iterator[Answer]:
    """What the work makes of each batch, in order; only as many are under way as there are lanes, and one."""
    under_way: deque[Future[Answer]] = deque()
    with lanes() as (pool, count):
        for batch in batches:
            under_way.append(pool.submit(work, batch))
            if len(under_way) > count:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()


def predict_batch(
    pipeline: DiagnosisPipeline, studies: Sequence[Study], sources: Sequence[str | None] = ()
) -> list[Scored]:
    """`prepare` and `score` in turn."""
    return score(pipeline, [prepare(pipeline, study) for study in studies], sources)
