"""Film files decoded in processes of their own, each of which a file can end and nobody else notices.

What counts and sizes cannot tell beforehand (`cases.reading.film_limits`), the kernel stops: a worker that
takes too long is ended by its own timer, in the midst of a decoder's C code too, and one that takes too much
memory gets no more. The next file gets a new worker. Workers know neither torch nor gradio: each takes some
60 MB.
"""

import contextlib
import os
import pickle
import queue
import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from cases.reading.film_limits import TOO_HEAVY
from modeling.errors import StudyError
from modeling.sentence import Sentence
from modeling.study import Radiograph

SECONDS = 9.0
"""Of a core, from a file to its film or to the end of its worker; by the clock, `PATIENCE` times as many:
a busy machine must not refuse what a quiet one reads, such as 15 megapixels of lossless JPEG 2000."""
PATIENCE = 3
SWIFT, HINDMOST = 1.0, 5
"""Seconds after which a file lets others go first, and how far: of a shared core it then gets a quarter. Only
root may take that back, so the next file gets a new worker."""
MEMORY = 1_500_000_000
"""Bytes that a worker may take besides its libraries."""
_ROOT = Path(__file__).parents[2]


class FilmDecoder:
    """`read_upload` in other processes, started when they are first needed; they end with this one."""

    def __init__(self, workers: int = 2, seconds: float = SECONDS, memory: int = MEMORY) -> None:
        self._seconds, self._memory = seconds, memory
        self._idle: queue.LifoQueue[subprocess.Popen[bytes] | None] = queue.LifoQueue()
        for _ in range(workers):
            self._idle.put(None)

    def read(self, data: bytes | str, name: str = "") -> Radiograph:
        """See `read_upload` and, for a text, `film_of_base64`; waits for a worker.

        Raises StudyError: as there, or too much time or memory.
        """
        worker = self._idle.get()
        try:
            if worker is None or worker.poll() is not None:
                worker = _started(self._memory)
            answer, is_slow = _answer(worker, (data, name, self._seconds))
            if is_slow:
                _ended(worker)
                worker = None
        except (OSError, EOFError, pickle.UnpicklingError):  # it has ended
            answer = Sentence(TOO_HEAVY)
            if worker is not None:
                _ended(worker)
        finally:
            self._idle.put(worker)
        if isinstance(answer, Sentence):
            raise StudyError(answer)
        return answer


def _started(memory: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", f"from {__name__} import work; work({memory})"],
        cwd=_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        process_group=0,  # the keyboard's interrupt is for the page alone
    )


def _ended(worker: subprocess.Popen[bytes]) -> None:
    worker.kill()
    worker.communicate()


def _answer(
    worker: subprocess.Popen[bytes], job: tuple[bytes | str, str, float]
) -> tuple[Radiograph | Sentence, bool]:
    """What a worker read, and whether that took long."""
    assert worker.stdin is not None and worker.stdout is not None
    pickle.dump(job, worker.stdin, pickle.HIGHEST_PROTOCOL)
    worker.stdin.flush()
    is_slow = not select.select([worker.stdout], [], [], SWIFT)[0]
    if is_slow:
        os.setpriority(os.PRIO_PROCESS, worker.pid, HINDMOST)
    return pickle.load(worker.stdout), is_slow


@contextlib.contextmanager
def ended_after(seconds: float) -> Iterator[None]:
    """End this process where what is done inside takes a core longer; no exception does that to C code."""
    import signal  # late: it has no timers outside Unix

    signal.setitimer(signal.ITIMER_PROF, seconds)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE * seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)


def work(memory: int) -> None:
    """A worker of at most so many bytes: one file after another, until the process that asks has gone."""
    from cases.reading import dicom  # noqa: F401  (a second, before the first file comes)
    from cases.reading.upload import film_of_base64, read_upload

    _limit_memory(memory)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a decoder prints is no answer
    while True:
        try:
            data, name, seconds = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        file = b""
        with ended_after(seconds):
            try:
                file = film_of_base64(data) if isinstance(data, str) else data
                answer: Radiograph | Sentence = read_upload(file, name)
            except StudyError as exc:
                answer = exc.sentence
        pickle.dump(answer, answers, pickle.HIGHEST_PROTOCOL)
        answers.flush()
        del data, file, answer


def _limit_memory(memory: int) -> None:
    """No more bytes than these on top of what libraries and their threads have mapped already."""
    import resource

    pages = Path("/proc/self/statm")
    mapped = int(pages.read_text().split()[0]) * resource.getpagesize() if pages.exists() else 0
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (mapped + memory, hard))
