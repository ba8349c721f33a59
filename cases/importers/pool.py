"""Worker processes that outlive a film which kills its decoder, and do not outlive their parent."""

import functools
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Generic, TypeVar

from cases.reading.decoder import ended_after

Job = TypeVar("Job")
Result = TypeVar("Result")
SECONDS = 300.0
"""Of one job, a batch of films: a machine that does other things besides needs some for the largest."""
WAITING = 2
"""Jobs per worker that are sent ahead: enough that none waits while its parent writes, few in memory."""


class CrashProofPool(Generic[Job, Result]):
    """Runs jobs in processes and yields each with its result, or None where it ended its process, or time.

    `work` is a function of a job that a fresh process can import.
    """

    def __init__(self, work: Callable[[Job], Result], workers: int, seconds: float = SECONDS) -> None:
        self._work, self._workers = functools.partial(_ended_after, seconds, work), workers
        self._executor = self._fresh(workers)

    def __enter__(self) -> "CrashProofPool[Job, Result]":
        return self

    def __exit__(self, *error: object) -> None:
        self._executor.shutdown(wait=True, cancel_futures=True)

    def run(self, jobs: Iterable[Job]) -> Iterator[tuple[Job, Result | None]]:
        """Results as they come, in any order; jobs are taken only as fast as they are done."""
        source, running = iter(jobs), {}
        while True:
            while len(running) < self._workers * (1 + WAITING):
                job = next(source, None)
                if job is None:
                    break
                try:
                    running[self._executor.submit(self._work, job)] = job
                except BrokenProcessPool:
                    yield from self._one_by_one([*running.values(), job])
                    running = {}
            if not running:
                return
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            results = [(future, running.pop(future)) for future in done]
            lost = [job for future, job in results if _broke(future)]
            yield from ((job, future.result()) for future, job in results if not _broke(future))
            if lost:
                yield from self._one_by_one([*lost, *running.values()])
                running = {}

    def _one_by_one(self, jobs: list[Job]) -> Iterator[tuple[Job, Result | None]]:
        """A process died and took all jobs with it: each is tried by itself, so that the guilty one shows."""
        self._executor.shutdown(wait=False, cancel_futures=True)
        for job in jobs:
            with self._fresh(1) as alone:
                future = alone.submit(self._work, job)
                yield job, None if _broke(future) else future.result()
        self._executor = self._fresh(self._workers)

    @staticmethod
    def _fresh(workers: int) -> ProcessPoolExecutor:
        # A fork would copy threads' locks (the database driver has some); spawn starts clean.
        context = multiprocessing.get_context("spawn")
        return ProcessPoolExecutor(workers, mp_context=context, initializer=_begin)


def _ended_after(seconds: float, work: Callable[[Job], Result], job: Job) -> Result:
    with ended_after(seconds):
        return work(job)


def _broke(future: Future) -> bool:
    return isinstance(future.exception(), BrokenProcessPool)


def _begin() -> None:
    """End with the parent even if that is killed, and leave the keyboard to it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: multiprocessing.process.BaseProcess) -> None:
    parent.join()
    os._exit(1)
