"""Files made to exhaust their reader end in one sentence, and nobody else waits for them."""

import os
import threading
import time

import pytest

from cases.importers.pool import CrashProofPool
from cases.reading import decoder as decoder_module
from cases.reading.decoder import FilmDecoder
from cases.reading.upload import read_upload
from modeling.errors import StudyError
from tests.hostile.films import FILMS, png, png_of_chunks, small_jpeg


@pytest.mark.parametrize("kind", FILMS)
def test_what_can_be_counted_is_refused_before_it_is_decoded(kind):
    data = FILMS[kind](0.1)
    started = time.process_time()
    with pytest.raises(StudyError, match=r"too much time or memory|damaged") as refused:
        read_upload(data)
    assert time.process_time() - started < 3.0
    assert "\n" not in str(refused.value)


def test_a_film_that_takes_too_long_ends_its_worker_and_no_other_film_waits():
    decoder = FilmDecoder(2, seconds=1.0)
    assert decoder.read(small_jpeg()).shape == (128, 128)
    ended: list[StudyError] = []

    def hostile() -> None:
        with pytest.raises(StudyError, match="too much time") as refused:
            decoder.read(png_of_chunks(2_000_000))
        ended.append(refused.value)

    thread = threading.Thread(target=hostile)
    thread.start()
    assert decoder.read(small_jpeg()).shape == (128, 128)
    thread.join(60)
    assert ended and [decoder.read(small_jpeg()).shape for _ in range(3)] == [(128, 128)] * 3


def test_a_film_that_takes_long_lets_others_go_first_and_the_next_gets_a_new_worker(monkeypatch):
    demoted: list[int] = []
    set_priority = os.setpriority

    def noted(which: int, pid: int, priority: int) -> None:
        demoted.append(pid)
        set_priority(which, pid, priority)
        assert os.getpriority(which, pid) == priority

    monkeypatch.setattr(os, "setpriority", noted)
    monkeypatch.setattr(decoder_module, "SWIFT", 0.0)
    decoder = FilmDecoder(1)
    assert [decoder.read(small_jpeg()).shape for _ in range(2)] == [(128, 128)] * 2
    assert len(set(demoted)) == 2
    monkeypatch.setattr(decoder_module, "SWIFT", 60.0)
    assert [decoder.read(small_jpeg()).shape for _ in range(2)] == [(128, 128)] * 2
    assert len(demoted) == 2, "who is quick keeps the worker, and its priority"


def test_a_film_gets_no_more_memory_than_its_worker_may_take():
    decoder = FilmDecoder(1, memory=100_000_000)
    assert decoder.read(small_jpeg()).shape == (128, 128)
    with pytest.raises(StudyError, match="too much time or memory"):
        decoder.read(png(8000, 7999, 8, 0, 1))
    with pytest.raises(StudyError, match="holds no such image"):
        decoder.read(b"no film", "film.png")


def read_all(files: list[bytes]) -> list[tuple[int, int]]:
    return [read_upload(data).shape for data in files]


def test_an_import_goes_on_without_the_film_that_takes_too_long():
    jobs = [[small_jpeg()], [png_of_chunks(2_000_000)], [small_jpeg()]]
    with CrashProofPool(read_all, 1, seconds=1.0) as pool:
        results = {len(job[0]): result for job, result in pool.run(jobs)}
    assert results == {len(small_jpeg()): [(128, 128)], len(jobs[1][0]): None}
