"""How fast films get into the lake, as JSON: `python -m tests.bench_lake [--films 400] [--large 24]`.

The real command against a MongoDB-compatible server over TCP: 512-pixel JPEG in the layout of SIIM, and
8-megapixel DICOM of one's own. `peak_mb` is the highest sum of the resident memory of the importer and its
workers, seen five times a second.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil

from tests import lake_sources as made
from tests.mongo_server import MongoServer

ROOT = Path(__file__).resolve().parent.parent
BARS = {"jpeg": 40.0, "dicom": 4.0, "peak_mb": 1000.0}


def measured(name: str, source: Path, server: MongoServer, *options: str) -> dict[str, object]:
    """One import by the command: films a second over its whole run, its start included, and memory."""
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder, "report.json")
        command = [sys.executable, "-m", "cases.importers", name, str(source), "--store", server.uri]
        begun, peak = time.monotonic(), 0
        process = psutil.Popen(
            [
                *command,
                "--database",
                f"bench_{name}",
                "--write",
                "--quiet",
                "--workers",
                "2",
                "--json",
                str(told),
                *options,
            ],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
        )
        while process.poll() is None:
            peak = max(peak, memory(process))
            time.sleep(0.2)
        seconds = time.monotonic() - begun
        report = json.loads(told.read_text())
    stored = report["cases"]["new"]
    return {
        "films": stored,
        "seconds": round(seconds, 2),
        "films_per_second": round(stored / seconds, 2),
        "films_per_second_after_start": report["films_per_second"],
        "peak_mb": round(peak / 1e6),
    }


def memory(process: psutil.Process) -> int:
    """Bytes in memory of a process and all below it."""
    total = 0
    for one in [process, *process.children(recursive=True)]:
        try:
            total += one.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total


def large_films(root: Path, count: int) -> Path:
    """DICOM films of 3264 x 2448 pixels, 12 bits, with the noise of a detector."""
    root.mkdir()
    rng = np.random.default_rng(0)
    size = (3264, 2448)
    soft = made.pixels(0, size).astype(np.uint16) << 4
    for number in range(count):
        film = soft + rng.integers(0, 16, size, dtype=np.uint16)
        (root / f"{number:04d}.dcm").write_bytes(made.dicom(number, film=film))
    return root


def main() -> None:
    """Print the measures and the bars."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--films", type=int, default=1200)
    parser.add_argument("--large", type=int, default=60)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, MongoServer(Path(folder, "server")) as server:
        jpeg = made.siim(Path(folder, "siim"), options.films, shape=(512, 420))
        dicom = large_films(Path(folder, "dicom"), options.large)
        results = {
            "jpeg_512": measured("siim", jpeg, server),
            "jpeg_512_again": measured("siim", jpeg, server),
            "dicom_8_megapixels": measured("dicom", dicom, server, "--salt-file", f"{folder}/salt"),
        }
    print(json.dumps({"bars": BARS, "load_before": psutil.getloadavg()[0], **results}, indent=1))


if __name__ == "__main__":
    main()
