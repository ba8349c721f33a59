"""Many readers at once, as JSON: `python -m tests.bench_readers`.

Viewbox runs as its own process with all bundled checkpoints; the readers are pages without a browser on the
same machine (`tests.screenless_reader`), whose own work takes a part of its cores too. Each opens the page,
waits for the first map, and goes on to further cases of its own: film, prediction, map. Meanwhile the page is
fetched once a second. The load is bounded and ends by itself.
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import httpx

from tests.screenless_reader import ScreenlessReader
from tests.served import serve

BARS = {
    "page_median_s": 1.0,
    "page_p95_s": 2.0,
    "case_switch_median_s": 1.0,
    "case_switch_p95_s": 2.0,
    "faults": 0,
    "peak_memory_gb": 4.0,
}
APART = 0.5
"""Seconds from one reader's arrival to the next one's."""


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


async def one_case(reader: ScreenlessReader, times: dict[str, list[float]], case_id: str) -> None:
    """Open a case by its ID and wait for film, prediction and the first map."""
    number, films = reader.by_id("vb-case-id"), len(reader.film_seen)
    reader.values[number] = case_id
    started = time.perf_counter()
    reader.press(reader.by_text("choose.open"))
    await reader.until(lambda: len(reader.film_seen) > films and all(reader.film_seen.values()))
    times["case_switch"].append(time.perf_counter() - started)
    await waited(reader, times, started)


async def waited(reader: ScreenlessReader, times: dict[str, list[float]], started: float) -> None:
    """Wait for the prediction and the first map of what is on the desk."""
    await reader.until(lambda: "<table" in shown(reader, "vb-prediction"))
    times["prediction"].append(time.perf_counter() - started)
    await reader.until(lambda: "vb-delta" in shown(reader, "vb-evidence"))
    times["first_map"].append(time.perf_counter() - started)


async def one_reader(
    address: str,
    number: int,
    case_ids: list[str],
    times: dict[str, list[float]],
    readers: list[ScreenlessReader],
) -> None:
    """A whole visit."""
    await asyncio.sleep(number * APART)
    reader = ScreenlessReader(address)
    readers.append(reader)
    try:
        started = time.perf_counter()
        times["page"].append(await reader.open())
        await reader.until(lambda: bool(reader.film_seen) and all(reader.film_seen.values()))
        times["first_film"].append(time.perf_counter() - started)
        await waited(reader, times, started)
        for case_id in case_ids:
            await one_case(reader, times, case_id)
    except TimeoutError:
        reader.faults.append("waited in vain")
    finally:
        await reader.close()


async def probe(address: str, times: list[float], over: asyncio.Event) -> None:
    """Fetch the page once a second, as one more reader who arrives."""
    async with httpx.AsyncClient(base_url=address, timeout=60) as http:
        while not over.is_set():
            started = time.perf_counter()
            (await http.get("/")).raise_for_status()
            times.append(time.perf_counter() - started)
            await asyncio.sleep(1)


async def visits(
    address: str, count: int, cases: int
) -> tuple[dict[str, list[float]], list[ScreenlessReader]]:
    """All readers; what each wait took, and the readers with what they were told."""
    from cases.store import CaseFilter, open_case_store

    rows = open_case_store(None).page(CaseFilter(), None, 48).rows
    ids = [row.case_id for row in rows]
    times: dict[str, list[float]] = {
        name: [] for name in ("page", "first_film", "case_switch", "prediction", "first_map")
    }
    readers: list[ScreenlessReader] = []
    over = asyncio.Event()
    probing = asyncio.create_task(probe(address, times["page"], over))
    plans = [[ids[(1 + n * cases + i) % len(ids)] for i in range(cases)] for n in range(count)]
    await asyncio.gather(*(one_reader(address, n, plan, times, readers) for n, plan in enumerate(plans)))
    over.set()
    await probing
    return times, readers


def loaded(address: str) -> None:
    """Wait until every checkpoint is there: what loading takes is another measurement."""
    from gradio_client import Client

    client = Client(address, verbose=False)
    while client.predict(api_name="/model_state")["phase"] == "loading":
        time.sleep(0.5)


def p95(values: list[float]) -> float:
    """The value that 95 % stay below."""
    return sorted(values)[min(len(values) - 1, int(0.95 * len(values)))]


def measured(count: int, cases: int) -> dict[str, object]:
    """All figures of one run."""
    with tempfile.TemporaryDirectory() as folder, serve(Path(folder) / "run", OMP_NUM_THREADS="2") as running:
        loaded(running.url)
        before = memory_gb(running.pid)
        started = time.perf_counter()
        times, readers = asyncio.run(visits(running.url, count, cases))
        seconds = time.perf_counter() - started
        peak = memory_gb(running.pid)
        logged = [line for line in running.log.read_text().splitlines() if "Traceback" in line]
    figures: dict[str, object] = {}
    for name, values in times.items():
        figures |= {f"{name}_median_s": statistics.median(values), f"{name}_p95_s": p95(values)}
    faults = [fault for reader in readers for fault in reader.faults]
    return {
        **figures,
        "readers": count,
        "cases_opened": len(times["first_map"]),
        "readers_told_their_place": sum(bool(reader.places) for reader in readers),
        "longest_place_told": max((place for reader in readers for place in reader.places), default=""),
        "faults": len(faults) + len(logged),
        "first_faults": faults[:3] + logged[:3],
        "memory_before_gb": before,
        "peak_memory_gb": peak,
        "seconds": seconds,
    }


def main() -> int:
    """Print the figures beside the bars."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--readers", type=int, default=20)
    parser.add_argument(
        "--cases", type=int, default=2, help="that each reader opens after the first (default 2)"
    )
    options = parser.parse_args()
    figures = measured(options.readers, options.cases)
    rounded = {k: round(v, 3) if isinstance(v, float) else v for k, v in figures.items()}
    passed = {name: rounded[name] <= bar for name, bar in BARS.items()}
    passed["position_told"] = rounded["readers_told_their_place"] > 0
    print(json.dumps({"cores": os.cpu_count(), **rounded, "bars": BARS, "passed": passed}, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
