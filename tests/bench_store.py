"""Speed of the MongoDB store as JSON: `python -m tests.bench_store [--cases 50000]`.

Over TCP against a server of its own, with the real driver; every figure of the store stands beside the bare
driver's from the same run. The films are 512 px JPEG files of noise on a smooth chest.
"""

import argparse
import contextlib
import dataclasses
import io
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pymongo

sys.path.insert(0, str(Path(__file__).resolve().parent))
from example_cases import chest_like, full_case, jpeg
from mongo_server import MongoServer
from PIL import Image

from cases.document import document_from_case, facets, random_key
from cases.mongo import COLLECTION, MongoCaseStore
from cases.store import CaseFilter
from modeling.study import Radiograph, Study

ROOT = Path(__file__).resolve().parents[1]
BARS = {"look_up_above_driver_ms": 15.0, "page_ms": 30.0, "scored_over_bare": 0.8}
SOURCES = ("siim", "ricord", "open-i")
APPEARANCE = ("Negative", "Typical", "Indeterminate", "Atypical")
GRADING = ("Mild", "Moderate", "Severe")
FILTERS = {
    "all": CaseFilter(),
    "one source": CaseFilter(source="siim"),
    "three filters": CaseFilter("ricord", "Typical", "Mild"),
    "an ID prefix": CaseFilter(text="siim-00"),
}


def timed(ask: Callable[[], object], runs: int = 40) -> float:
    """Median milliseconds after two warm-up runs."""
    for _ in range(2):
        ask()
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        ask()
        times.append(1e3 * (time.perf_counter() - began))
    return statistics.median(times)


def processor_ms(ask: Callable[[], object], server: int, runs: int = 200) -> float:
    """Mean processor milliseconds of this process and the server's: what a busy machine does not change."""

    def spent() -> float:
        fields = Path(f"/proc/{server}/stat").read_text().rpartition(")")[2].split()
        return time.process_time() + (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    ask()
    before = spent()
    for _ in range(runs):
        ask()
    return 1e3 * (spent() - before) / runs


def film_file(edge: int = 512) -> bytes:
    """A JPEG film of about 100 kB."""
    noise = np.random.default_rng(0).integers(0, 9, (edge, edge)).astype(np.uint8)
    return jpeg(chest_like(edge, edge) + noise)


def lake(count: int, film: bytes) -> Iterator[dict[str, Any]]:
    """Documents of many cases with one film, spread over sources and labels."""
    pixels = np.array(Image.open(io.BytesIO(film)))
    case = dataclasses.replace(full_case(), study=Study(Radiograph(pixels)), evidence=None)
    model = document_from_case(case, film)
    for number in range(count):
        source = SOURCES[number % 3]
        case_id = f"{source}-{number * 7919 % 1_000_003:07d}"
        reference = {"appearance": APPEARANCE[number % 4]}
        if number % 5 == 0:
            reference["grading"] = GRADING[number % 3]
        yield {
            **model,
            "ID": case_id,
            "random": random_key(case_id),
            "facets": facets(source, reference),
            "reference": reference,
            "provenance": {**model["provenance"], "source": source},
        }


def bench_look_up(
    store: MongoCaseStore, bare: pymongo.collection.Collection, case_id: str
) -> dict[str, float]:
    """One case with its film, through the store and through the driver alone."""
    driver = timed(lambda: bare.find_one({"ID": case_id}))
    whole = timed(lambda: store.get(case_id))
    return {"look_up_driver_ms": driver, "look_up_ms": whole, "look_up_above_driver_ms": whole - driver}


def bench_lists(store: MongoCaseStore, ids: list[str], server: int) -> dict[str, dict[str, float]]:
    """Every question of the case list, from places spread over it, by filter."""
    return {name: bench_filter(store, ids, where, server) for name, where in FILTERS.items()}


def bench_filter(store: MongoCaseStore, ids: list[str], where: CaseFilter, server: int) -> dict[str, float]:
    """The questions under one filter."""
    places = iter(np.random.default_rng(1).permutation(ids).tolist() * 9)
    return {
        "first_page_ms": timed(lambda: store.page(where)),
        "page_ms": timed(lambda: store.page(where, next(places))),
        "next_ms": timed(lambda: store.step(next(places), "next", where)),
        "previous_ms": timed(lambda: store.step(next(places), "previous", where)),
        "random_ms": timed(lambda: store.random(where, hash(next(places)))),
        "count_ms": timed(lambda: store.count(where)),
        "page_processor_ms": processor_ms(lambda: store.page(where, next(places)), server),
        "cases": store.count(where),
    }


def bench(folder: Path, count: int) -> dict[str, Any]:
    """Fill a server with a lake and ask it everything that the app asks."""
    film = film_file()
    with MongoServer(folder) as server, contextlib.ExitStack() as opened:
        writer = opened.enter_context(contextlib.closing(MongoCaseStore.connect(server.uri, write=True)))
        began = time.perf_counter()
        stored = writer.put_documents(lake(count, film))
        filled = time.perf_counter() - began
        bare = opened.enter_context(pymongo.MongoClient(server.uri))["viewbox"][COLLECTION]
        began = time.perf_counter()
        store = opened.enter_context(contextlib.closing(MongoCaseStore.connect(server.uri)))
        ids = [row.case_id for row in store.page(CaseFilter(), limit=1000).rows]
        first = time.perf_counter() - began
        ids += [store.random(CaseFilter(), seed) or "" for seed in range(100)]
        return {
            "cases": count,
            "film_bytes": len(film),
            "stored": stored.new,
            "put_cases_per_s": count / filled,
            "first_question_s": first,
            **bench_look_up(store, bare, ids[500]),
            "lists": bench_lists(store, ids[-100:], server.pid),
            "bars": BARS,
        }


def bench_scoring(folder: Path, count: int, batch: int = 16) -> dict[str, float]:
    """Films a second of a whole lake scored, and of the bare backbone on batches that are tensors already."""
    import torch

    from cases.score import checkpoint_hash, score_portions
    from cases.scoring import Job
    from modeling.pipeline import DiagnosisPipeline

    checkpoint = ROOT / "hub_config" / "checkpoints" / "film"
    with MongoServer(folder) as server:
        with contextlib.closing(MongoCaseStore.connect(server.uri, write=True)) as writer:
            writer.put_documents(lake(count, film_file()))
            ids = [row.case_id for row in writer.page(CaseFilter(), limit=1000).rows]
        job = Job(server.uri, None, str(checkpoint), checkpoint_hash(checkpoint), batch)
        list(score_portions(job, iter([ids[:batch]])))  # loads the checkpoint, once a process
        pipeline = DiagnosisPipeline.from_pretrained(checkpoint)
        size = pipeline.processor.config.image.size
        image = torch.rand(batch, 3, size, size).contiguous(memory_format=torch.channels_last)
        backbone = pipeline.model.encoders["image"].backbone
        bare, whole = [], []
        for _ in range(3):  # in turn, so that a busy machine slows both down
            began = time.perf_counter()
            with torch.inference_mode():
                for _ in range(count // batch):
                    backbone.forward_features(image)
            bare.append(count // batch * batch / (time.perf_counter() - began))
            began = time.perf_counter()
            found = sum(len(results) for results in score_portions(job, iter([ids])))
            whole.append(found / (time.perf_counter() - began))
    bare_rate, rate = statistics.median(bare), statistics.median(whole)
    return {
        "threads": torch.get_num_threads(),
        "bare_films_per_s": bare_rate,
        "scored_films_per_s": rate,
        "scored_over_bare": rate / bare_rate,
    }


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Speed of the MongoDB store as JSON.")
    parser.add_argument("--cases", type=int, default=50_000)
    parser.add_argument("--scored", type=int, default=128, help="films for the scoring; 0 leaves it out")
    options = parser.parse_args()
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        if options.scored:
            figures["scoring"] = bench_scoring(Path(folder) / "scoring", options.scored)
        if options.cases:
            figures["store"] = bench(Path(folder) / "store", options.cases)
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
