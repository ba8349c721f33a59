"""Whether a page in long use stays as it was, as JSON: `python -m tests.hostile.soak` (`make soak`).

Viewbox runs as its own process with a toy checkpoint; 1,000 predictions, 200 explanations, 200 uploads and
300 sessions go through it in ten rounds of all kinds. After each round its memory, threads and open files
are noted, and every file that it has ever made below its folders is (watched while it runs, not listed at
the end). Memory may settle over the first three rounds; from there on it may not grow, nor may a round take
longer.
"""

import argparse
import asyncio
import base64
import io
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from threading import Event, Thread
from typing import Any

import httpx
import numpy as np
import psutil
from PIL import Image

from tests.benchmarks.bars import Bar, load, tell
from tests.doubles.app_client import connect, wait_for_model
from tests.doubles.screenless_reader import ScreenlessReader
from tests.doubles.served import Served, serve, write_checkpoint, write_store

ROUNDS, SETTLED = 10, 3
KINDS = {"predictions": 1000, "explanations": 200, "uploads": 200, "sessions": 300}
AT_ONCE = 8
ONE_EACH = httpx.Limits(max_keepalive_connections=0)


def film(seed: int) -> str:
    """A film of its own, as base64 text of a PNG file."""
    noise = np.random.default_rng(seed).normal(120, 40, (480, 400)).clip(0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


async def called(http: httpx.AsyncClient, endpoint: str, **values: Any) -> None:
    """Ask an endpoint and listen for the answer; raises `AssertionError` where it is none."""
    joined = (await http.post(f"/gradio_api/call/v2/{endpoint}", json=values)).raise_for_status().json()
    told = (await http.get(f"/gradio_api/call/v2/{endpoint}/{joined['event_id']}")).text
    assert "event: complete" in told, told[-500:]


async def visited(address: str) -> None:
    """Open the page as a browser does, wait for film and prediction, and leave."""
    reader = ScreenlessReader(address)
    try:
        await reader.open()
        await reader.until(lambda: bool(reader.film_seen) and all(reader.film_seen.values()))
        await reader.until(lambda: "<table" in str(reader.values[reader.by_id("vb-prediction")]))
        assert reader.faults == [], reader.faults
    finally:
        await reader.close()


async def one_round(address: str, number: int, counts: dict[str, int]) -> None:
    """A tenth of everything, mixed, with cases and films that no round before had."""
    async with httpx.AsyncClient(base_url=address, timeout=300, limits=ONE_EACH) as http:
        free, jobs = asyncio.Semaphore(AT_ONCE), []
        for kind, count in counts.items():
            for n in range(count // ROUNDS):
                seed = number * 1000 + n
                case = {"case_id": f"CASE-{seed % 30:04d}", "table": {"age": 20 + seed / 100}}
                jobs.append(
                    {
                        "predictions": lambda case=case: called(http, "predict", **case),
                        "explanations": lambda case=case: called(http, "explain", **case),
                        "uploads": lambda seed=seed: called(http, "predict", film=film(seed)),
                        "sessions": lambda: visited(address),
                    }[kind]
                )

        async def when_free(job: Any) -> None:
            async with free:
                await job()

        await asyncio.gather(*(when_free(job) for job in jobs))


def watch(folders: list[Path], seen: set[str], over: Event) -> None:
    """Note every file below some folders, twenty times a second."""
    while not over.wait(0.05):
        for folder in folders:
            seen |= {str(path) for path in folder.rglob("*") if path.is_file()}


def state(pid: int) -> dict[str, float]:
    """What a process and its children hold: MB that are theirs alone, threads, open files."""
    processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    return {
        "memory_mb": sum(p.memory_full_info().uss for p in processes) / 1e6,
        "threads": sum(p.num_threads() for p in processes),
        "open_files": sum(p.num_fds() for p in processes),
    }


def soaked(served: Served, counts: dict[str, int]) -> list[dict[str, float]]:
    """The state after each round, and the seconds of it."""
    told = []
    for number in range(ROUNDS):
        started = time.monotonic()
        asyncio.run(one_round(served.url, number, counts))
        seconds = time.monotonic() - started
        time.sleep(2)  # those who left are noticed within a second
        told.append({"seconds": seconds, **state(served.pid)})
        print(json.dumps({k: round(v, 1) for k, v in told[-1].items()}), file=sys.stderr)
    return told


def main() -> int:
    """Print the figures beside the bars."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--share", type=float, default=1.0, help="of the full load (default 1)")
    parser.add_argument("--growth", type=float, default=5.0, help="per cent of memory that may be gained")
    options = parser.parse_args()
    counts = {kind: round(count * options.share) for kind, count in KINDS.items()}
    before, over, seen = load(), Event(), set[str]()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        given = {
            "MODEL_REPO": str(write_checkpoint(folder / "toy")),
            "CASES_FOLDER": str(write_store(folder / "store")),
            "TMPDIR": str(folder / "tmp"),
        }
        (folder / "tmp").mkdir()
        with serve(folder / "run", **given) as served:
            wait_for_model(connect(served))
            known = {str(path) for path in folder.rglob("*")}
            watched = [folder / "tmp", folder / "run", served.uploads]
            Thread(target=watch, args=(watched, seen, over), daemon=True).start()
            told = soaked(served, counts)
            over.set()
            tracebacks = served.log.read_text().count("Traceback")
    middle = (ROUNDS + SETTLED) // 2
    early, late = told[SETTLED:middle], told[middle:]
    gained = {name: _mean(late, name) / _mean(early, name) * 100 - 100 for name in told[0]}
    bars = [
        Bar("memory gained, per cent", gained["memory_mb"], options.growth),
        Bar("threads gained, per cent", gained["threads"], 5),
        Bar("open files gained, per cent", gained["open_files"], 5),
        Bar("time of a round gained, per cent", gained["seconds"], 30),
        Bar("files made", len(seen - known), 0),
        Bar("tracebacks in the log", tracebacks, 0),
    ]
    figures = {"counts": counts, "files": sorted(seen - known)[:5], "rounds": told}
    return tell(bars, figures, before)


def _mean(rounds: list[dict[str, float]], name: str) -> float:
    return statistics.mean(one[name] for one in rounds)


if __name__ == "__main__":
    sys.exit(main())
