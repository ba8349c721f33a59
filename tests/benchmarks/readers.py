"""Many readers at once, as JSON: `python -m tests.benchmarks.readers`.

Viewbox runs as its own process with all bundled checkpoints; the readers are pages without a browser on the
same machine (`tests.doubles.screenless_reader`), whose own work takes a part of its cores too. Each opens
the page, waits for film and prediction, looks for a while, and goes on to further cases of its own. A
reader who moves on before the map has come does what readers do: the work on it stops. A small machine
makes a map in seconds, so that of twenty readers some wait in line; how many maps came, and after how long,
is part of the answer. Meanwhile the page is fetched once a second. The load ends by itself, after `--most`
seconds at the latest. With `--stranger` somebody from another address sends 260 explanations and eight files
made to exhaust their reader (`tests.hostile.films`) at the same time. With `--class N` the readers are a
class behind one address instead, as in a school: each opens the page and begins the quiz; when all have,
nobody's film may be gone, and all answer at once.
"""

import argparse
import asyncio
import base64
import contextlib
import json
import os
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from tests.doubles.screenless_reader import ScreenlessReader
from tests.doubles.served import serve
from tests.hostile.films import FILMS

BARS = {
    "page_median_s": 1.0,
    "page_p95_s": 2.0,
    "case_switch_median_s": 1.0,
    "case_switch_p95_s": 2.0,
    "faults": 0,
    "readers_cut_short": 0,
    "peak_memory_gb": 4.0,
}
CLASS_BARS = {"page_p95_s": 2.0, "faults": 0, "peak_memory_gb": 4.0}
STRANGER_BARS = {"prediction_p95_s": 3.0, "hostile_longest_s": 10.0}
APART = 0.5
"""Seconds from one reader's arrival to the next one's."""
AHEAD = 15.0
"""Seconds in which a server that has just started prepares what its first readers will see."""
LOOK_AT_MAP = 5.0
"""Seconds that a reader looks at a map before going on."""
NAMES = ("page", "first_film", "case_switch", "prediction", "first_map", "left_without_map")
CLASS_NAMES = ("page", "first_film", "prediction", "quiz_film", "quiz_answer")

Times = dict[str, list[float]]
Visits = tuple[Times, list[ScreenlessReader], int]


def memory_gb(pid: int) -> float:
    """The most that a process has ever held, in GB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1e6
    return 0.0


def shown(reader: ScreenlessReader, elem_id: str) -> str:
    """The HTML of a part of the page."""
    value = reader.values.get(reader.by_id(elem_id))
    return value if isinstance(value, str) else ""


async def one_case(reader: ScreenlessReader, times: Times, case_id: str, look: float) -> None:
    """Open a case by its ID and look at it; goes on without its map where that takes too long."""
    number, films = reader.by_id("vb-case-id"), len(reader.film_seen)
    reader.values[number] = case_id
    started = time.perf_counter()
    reader.press(reader.by_text("choose.open"))
    await reader.until(lambda: len(reader.film_seen) > films and all(reader.film_seen.values()))
    times["case_switch"].append(time.perf_counter() - started)
    await looked(reader, times, started, look)


async def looked(reader: ScreenlessReader, times: Times, started: float, look: float) -> None:
    """Wait for the prediction of what is on screen, then look for a while, or until its map comes."""
    await reader.until(lambda: "<table" in shown(reader, "vb-prediction"))
    times["prediction"].append(time.perf_counter() - started)
    try:
        await reader.until(lambda: "vb-delta" in shown(reader, "vb-evidence"), look)
    except TimeoutError:
        times["left_without_map"].append(time.perf_counter() - started)
    else:
        times["first_map"].append(time.perf_counter() - started)
        await asyncio.sleep(LOOK_AT_MAP)


async def one_reader(
    address: str, number: int, case_ids: list[str], times: Times, readers: list[ScreenlessReader], look: float
) -> None:
    """A whole visit."""
    await asyncio.sleep(number * APART)
    reader = ScreenlessReader(address, f"192.0.2.{number}")
    readers.append(reader)
    try:
        started = time.perf_counter()
        times["page"].append(await reader.open())
        await reader.until(lambda: bool(reader.film_seen) and all(reader.film_seen.values()))
        times["first_film"].append(time.perf_counter() - started)
        await looked(reader, times, started, look)
        for case_id in case_ids:
            await one_case(reader, times, case_id, look)
    except (TimeoutError, httpx.HTTPError) as exc:
        reader.faults.append(f"waited in vain: {exc!r}")
    finally:
        await reader.close()


async def one_of_a_class(
    address: str, number: int, times: Times, readers: list[ScreenlessReader], together: asyncio.Barrier
) -> None:
    """Open the page, begin the quiz, and answer its first film once the whole class has begun."""
    await asyncio.sleep(number * APART / 10)
    reader = ScreenlessReader(address, "192.0.2.1")
    readers.append(reader)
    started = time.perf_counter()

    async def until(name: str, there: Callable[[], bool]) -> None:
        await reader.until(there, together.parties * 3)
        times[name].append(time.perf_counter() - started)

    try:
        times["page"].append(await reader.open())
        await until("first_film", lambda: bool(reader.film_seen) and all(reader.film_seen.values()))
        await until("prediction", lambda: "<table" in shown(reader, "vb-prediction"))
        reader.values[reader.by_id("vb-quiz-topic")] = "appearance"
        started = time.perf_counter()
        reader.press(reader.by_id("vb-quiz-begin"))
        await until("quiz_film", lambda: len(reader.film_seen) > 1 and all(reader.film_seen.values()))
        await together.wait()
        reader.faults += [
            f"lost the film {key}" for key in reader.film_seen if not await reader.has_film(key)
        ]
        answer = {"vb-quiz-answer": "Typical", "vb-quiz-sure": 0.5}
        reader.values |= {reader.by_id(name): value for name, value in answer.items()}
        started = time.perf_counter()
        reader.press(reader.by_id("vb-quiz-commit"))
        await reader.until(lambda: reader.faults or "<table" in shown(reader, "vb-quiz-model"))
        if reader.faults and "Commit once more" in reader.faults[-1]:  # no place was marked, and none will be
            reader.faults.pop()
            reader.press(reader.by_id("vb-quiz-commit"))
        await until("quiz_answer", lambda: "<table" in shown(reader, "vb-quiz-model"))
    except (TimeoutError, httpx.HTTPError, asyncio.BrokenBarrierError) as exc:
        reader.faults.append(f"waited in vain: {exc!r}")
        await together.abort()
    finally:
        await reader.close()


async def lesson(address: str, count: int) -> Visits:
    """A class of so many readers; as `visits`."""
    times: Times = {name: [] for name in CLASS_NAMES}
    readers: list[ScreenlessReader] = []
    together = asyncio.Barrier(count)
    await asyncio.gather(*(one_of_a_class(address, n, times, readers, together) for n in range(count)))
    return times, readers, 0


async def probe(address: str, times: list[float], over: asyncio.Event) -> None:
    """Fetch the page once a second, as one more reader who arrives."""
    async with httpx.AsyncClient(base_url=address, timeout=60) as http:
        while not over.is_set():
            started = time.perf_counter()
            (await http.get("/")).raise_for_status()
            times.append(time.perf_counter() - started)
            await asyncio.sleep(1)


async def stranger(address: str, case_id: str, made: list[bytes], over: asyncio.Event) -> dict[str, float]:
    """Ask for 260 explanations and listen for each, and send hostile films; gives what came of them."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
    headers = {"x-forwarded-for": "198.51.100.7", "content-type": "application/json"}
    async with httpx.AsyncClient(base_url=address, timeout=600, limits=limits, headers=headers) as http:

        async def asked(endpoint: str, body: bytes) -> tuple[int, float]:
            started, status = time.perf_counter(), 0
            with contextlib.suppress(httpx.TransportError):  # refused while its body was still on the way
                answer = await http.post(f"/gradio_api/call/v2/{endpoint}", content=body)
                status = answer.status_code
                if status == 200:
                    await http.get(f"/gradio_api/call/v2/{endpoint}/{answer.json()['event_id']}")
            return status, time.perf_counter() - started

        case = json.dumps({"case_id": case_id}).encode()
        many = [asyncio.create_task(asked("explain", case)) for _ in range(260)]
        films = [await asked("predict", film) for film in made]
        await over.wait()
        for task in many:
            task.cancel()
        ended = await asyncio.gather(*many, return_exceptions=True)
        refused = sum(isinstance(one, tuple) and one[0] != 200 for one in ended)
    return {"explanations_refused": refused, "hostile_longest_s": max(seconds for _, seconds in films)}


async def visits(
    address: str, count: int, cases: int, look: float, most: float, with_stranger: bool = False
) -> tuple[Visits, dict[str, float]]:
    """All readers; what each wait took, the readers with what they were told, and how many were cut short."""
    from cases.open_store import open_case_store
    from cases.store import CaseFilter

    rows = open_case_store(None).page(CaseFilter(), None, 48).rows
    ids = [row.case_id for row in rows]
    times: Times = {name: [] for name in NAMES}
    readers: list[ScreenlessReader] = []
    hostile = list(FILMS.values())[:8] if with_stranger else []  # made before anybody is timed
    made, over = [b'{"film": "' + base64.b64encode(make(1.0)) + b'"}' for make in hostile], asyncio.Event()
    probing = asyncio.create_task(probe(address, times["page"], over))
    beside = asyncio.create_task(stranger(address, ids[0], made, over)) if with_stranger else None
    plans = [[ids[(1 + n * cases + i) % len(ids)] for i in range(cases)] for n in range(count)]
    tasks = [
        asyncio.create_task(one_reader(address, n, plan, times, readers, look))
        for n, plan in enumerate(plans)
    ]
    _, late = await asyncio.wait(tasks, timeout=most)
    for task in late:
        task.cancel()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    over.set()
    await probing
    sent = await beside if beside is not None else {}
    for fault in ended:
        if isinstance(fault, Exception):
            raise fault
    return (times, readers, len(late)), sent


def loaded(address: str) -> None:
    """Wait until every checkpoint is there: what loading takes is another measurement."""
    from gradio_client import Client

    client = Client(address, verbose=False)
    while client.predict(api_name="/model_state")["phase"] == "loading":
        time.sleep(0.5)
    time.sleep(AHEAD)


def p95(values: list[float]) -> float:
    """The value that 95 % stay below."""
    return sorted(values)[min(len(values) - 1, int(0.95 * len(values)))]


def measured(options: argparse.Namespace) -> dict[str, object]:
    """All figures of one run."""
    with tempfile.TemporaryDirectory() as folder, serve(Path(folder) / "run", OMP_NUM_THREADS="2") as running:
        loaded(running.url)
        before = memory_gb(running.pid)
        started = time.perf_counter()
        load = (options.readers, options.cases, options.look, options.most, options.stranger)
        if options.class_of:
            (times, readers, late), sent = asyncio.run(lesson(running.url, options.class_of)), {}
        else:
            (times, readers, late), sent = asyncio.run(visits(running.url, *load))
        seconds = time.perf_counter() - started
        peak = memory_gb(running.pid)
        logged = _tracebacks(running.log.read_text())
    figures: dict[str, object] = {**sent}
    for name, values in times.items():
        if values:
            figures |= {f"{name}_median_s": statistics.median(values), f"{name}_p95_s": p95(values)}
    faults = [fault for reader in readers for fault in reader.faults]
    ranks = [rank for reader in readers for rank in reader.ranks]
    return {
        **figures,
        "readers": len(readers),
        "readers_cut_short": late,
        "predictions": len(times["prediction"]),
        "maps": len(times.get("first_map", ())),
        "left_without_map": len(times.get("left_without_map", ())),
        "readers_told_their_place": sum(bool(reader.places) for reader in readers),
        "longest_place_told": max(
            (place for reader in readers for place in reader.places), key=_place, default=""
        ),
        "longest_queue": max(ranks, default=0),
        "faults": len(faults) + len(logged),
        "first_faults": faults[:3] + logged[:3],
        "memory_before_gb": before,
        "peak_memory_gb": peak,
        "seconds": seconds,
    }


def _tracebacks(log: str) -> list[str]:
    """What went wrong on the server, each from its first line to the error itself."""
    lines, found = log.splitlines(), []
    for start, line in enumerate(lines):
        if line.startswith("Traceback"):
            end = next((i for i in range(start + 1, len(lines)) if lines[i][:1].strip()), len(lines) - 1)
            found.append("\n".join(lines[start : end + 1]))
    return found


def _place(told: str) -> int:
    """The number in a sentence about the place in line; 0 where it names none."""
    found = re.search(r"\d+", told)
    return int(found[0]) if found else 0


def main() -> int:
    """Print the figures beside the bars."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readers", type=int, default=20)
    parser.add_argument(
        "--cases", type=int, default=2, help="that each reader opens after the first (default 2)"
    )
    parser.add_argument("--look", type=float, default=15.0, help="seconds to wait for a map (default 15)")
    parser.add_argument("--most", type=float, default=180.0, help="seconds for all visits (default 180)")
    parser.add_argument("--class", dest="class_of", type=int, default=0, help="a class of so many instead")
    parser.add_argument("--stranger", action="store_true", help="beside somebody who asks for too much")
    options = parser.parse_args()
    figures = measured(options)
    bars = CLASS_BARS if options.class_of else BARS | (STRANGER_BARS if options.stranger else {})
    rounded = {k: round(v, 3) if isinstance(v, float) else v for k, v in figures.items()}
    passed = {name: name in rounded and rounded[name] <= bar for name, bar in bars.items()}
    passed["position_told"] = rounded["readers_told_their_place"] > 0
    print(json.dumps({"cores": os.cpu_count(), **rounded, "bars": bars, "passed": passed}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
