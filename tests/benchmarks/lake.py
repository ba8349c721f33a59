"""How fast films get into the lake, as JSON: `python -m tests.benchmarks.lake [--keep FOLDER]`.

The real command, from its start to its end, against a MongoDB-compatible server over TCP: 512-pixel JPEG in
the layout of SIIM, and 8-megapixel DICOM of one's own. Memory is the sum of the resident memory of the
importer and its workers, seen five times a second, pages that they share counted for each; it is flat where
the second half of an import takes no more than the first. Run it again with the same `--keep` and the films
are there already; every run imports into a new database. It ends with status 1 where a bar is missed.
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from tests.benchmarks.bars import Bar, load, place, tell
from tests.doubles import lake_sources as made
from tests.doubles.mongo_server import MongoServer

ROOT = Path(__file__).resolve().parents[2]
WORKERS = 2
JPEG_PER_SECOND, DICOM_PER_SECOND = 40.0, 4.0
PEAK_MB, GROWTH = 1000.0, 1.1
"""Growth: the second half of an import over the first; a tenth is what the sampling itself moves."""


def measured(name: str, source: Path, server: MongoServer, database: str, *options: str) -> dict[str, Any]:
    """One import by the command: films a second over its whole run, its start included, and memory."""
    told = source.parent / f"{name}-report.json"
    command = [sys.executable, "-m", "viewbox", "import", name, str(source), "--store", server.uri]
    command += ["--database", database, "--write", "--quiet", "--workers", str(WORKERS)]
    begun, seen = time.monotonic(), []
    before = processor_seconds(server)
    process = psutil.Popen([*command, "--json", str(told), *options], cwd=ROOT, stdout=subprocess.DEVNULL)
    while process.poll() is None:
        seen.append(memory(process) / 1e6)
        time.sleep(0.2)
    seconds = time.monotonic() - begun
    spent = processor_seconds(server) - before
    report = json.loads(told.read_text())
    middle = len(seen) // 2
    return {
        "rows": report["rows"],
        "cases": report["cases"],
        "stopped": report["stopped"],
        "seconds": round(seconds, 2),
        "films_per_second": round(report["rows"]["out"] / seconds, 2),
        "films_per_second_after_start": report["films_per_second"],
        "processor_seconds_per_film": round(spent / max(report["rows"]["out"], 1), 4),
        "peak_mb": round(max(seen)),
        "peak_mb_first_half": round(max(seen[:middle])),
        "peak_mb_second_half": round(max(seen[middle:])),
    }


def processor_seconds(server: MongoServer) -> float:
    """Of all imports that have ended and of the server: what a busy machine changes least."""
    ended, running = resource.getrusage(resource.RUSAGE_CHILDREN), psutil.Process(server.pid).cpu_times()
    return ended.ru_utime + ended.ru_stime + running.user + running.system


def memory(process: psutil.Process) -> int:
    """Bytes in memory of a process and all below it."""
    total = 0
    for one in [process, *process.children(recursive=True)]:
        try:
            total += one.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total


def jpeg_films(folder: Path, count: int) -> Path:
    """The layout of SIIM with JPEG films of 512 x 512 pixels, made where they are not there yet."""
    if not (folder / "train_study_level.csv").exists():
        made.siim(folder, count, shape=(512, 512))
    return folder


def large_films(folder: Path, count: int) -> Path:
    """DICOM films of 3264 x 2448 pixels, 12 bits, with a detector's noise, made where they are missing."""
    folder.mkdir(exist_ok=True)
    size = (3264, 2448)
    soft = made.pixels(0, size).astype(np.uint16) << 4
    for number in range(count):
        path = folder / f"{number:04d}.dcm"
        if not path.exists():
            noise = np.random.default_rng(number).integers(0, 16, size, dtype=np.uint16)
            path.write_bytes(made.dicom(number, film=soft + noise))
    return folder


def bars_of(results: dict[str, dict[str, Any]], films: dict[str, int]) -> list[Bar]:
    """Speed, memory and completeness of every import that was measured."""
    least = {"jpeg_512": JPEG_PER_SECOND, "dicom_8_megapixels": DICOM_PER_SECOND}
    bars = []
    for name, one in results.items():
        growth = one["peak_mb_second_half"] / one["peak_mb_first_half"]
        if name in least:
            bars += [
                Bar(f"{name}: films a second", one["films_per_second"], least[name], "at least"),
                Bar(f"{name}: memory of second half over first", growth, GROWTH),
            ]
        bars += [
            Bar(f"{name}: peak memory, MB", one["peak_mb"], PEAK_MB),
            Bar(f"{name}: films lost", films[name] - one["rows"]["out"], 0),
        ]
    return bars


def main() -> int:
    """Print the bars and the measures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--films", type=int, default=1200)
    parser.add_argument("--large", type=int, default=60)
    parser.add_argument("--only", choices=("jpeg", "dicom"))
    parser.add_argument("--keep", type=Path, help="folder for the films, to be used again")
    options = parser.parse_args()
    results, films = {}, {}
    with place(options.keep) as folder:
        jpeg = jpeg_films(folder / f"siim-{options.films}", options.films)
        dicom = large_films(folder / f"dicom-{options.large}", options.large)
        storage, database = folder / f"server-{uuid.uuid4().hex}", f"bench_{uuid.uuid4().hex}"
        load_before = load()
        with MongoServer(storage) as server:
            if options.only != "dicom":
                for name in ("jpeg_512", "jpeg_512_again"):
                    results[name] = measured("siim", jpeg, server, database)
                    films[name] = options.films
            if options.only != "jpeg":
                # Without the reading of burned-in text, which takes seconds a film and has its own benchmark.
                told = ("--salt-file", str(folder / "salt"), "--burned-text", "allow")
                results["dicom_8_megapixels"] = measured("dicom", dicom, server, database, *told)
                films["dicom_8_megapixels"] = options.large
        shutil.rmtree(storage, ignore_errors=True)
    return tell(bars_of(results, films), results, load_before)


if __name__ == "__main__":
    sys.exit(main())
