"""Speed of the MongoDB store as JSON: `python -m tests.benchmarks.store [--cases 2000] [--keep FOLDER]`.

Over TCP against a server of its own, with the real driver; every figure of the store stands beside the bare
driver's from the same run, asked in turn. The films are 512 px JPEG files of noise on a smooth chest. With
the same `--keep` again the lake is there already. `processor_ms` is what a busy machine does not change. The
test server reads a whole range where MongoDB stops at a limit, so how fast its lists are has no bar; that
each question has an index has one. It ends with status 1 where a bar is missed.
"""

import argparse
import contextlib
import dataclasses
import io
import os
import shutil
import statistics
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pymongo
from PIL import Image
from pymongo import monitoring

from cases.document import document_from_case, facets, random_key
from cases.mongo.store import COLLECTION, MongoCaseStore
from cases.store import CaseFilter
from modeling.study import Radiograph, Study
from tests.benchmarks.bars import Bar, load, place, tell
from tests.doubles.example_cases import chest_like, full_case, jpeg
from tests.doubles.mongo_server import MongoServer

ROOT = Path(__file__).resolve().parents[2]
LOOK_UP_ABOVE_DRIVER_MS, SCORED_OVER_BARE = 15.0, 0.8
DATABASE = "viewbox"
SOURCES = ("siim", "ricord", "open-i")
APPEARANCE = ("Negative", "Typical", "Indeterminate", "Atypical")
GRADING = ("Mild", "Moderate", "Severe")
FILTERS = {
    "all": CaseFilter(),
    "one source": CaseFilter(source="siim"),
    "three filters": CaseFilter("ricord", "Typical", "Mild"),
    "an ID prefix": CaseFilter(text="siim-00"),
}
LARGE = "large-film"


class Queries(monitoring.CommandListener):
    """Notes every question that is put to the server, and every other command by its name."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        """A question begins."""
        if event.command_name in ("find", "aggregate", "count", "distinct"):
            self.asked.append((event.command_name, dict(event.command)))

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None: ...

    def failed(self, event: monitoring.CommandFailedEvent) -> None: ...


def timed(ask: Callable[[], object], runs: int = 40) -> float:
    """Median milliseconds after two warm-up runs."""
    for _ in range(2):
        ask()
    return statistics.median(milliseconds(ask) for _ in range(runs))


def milliseconds(ask: Callable[[], object]) -> float:
    """Of one run."""
    began = time.perf_counter()
    ask()
    return 1e3 * (time.perf_counter() - began)


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
    noise = np.random.default_rng(0).integers(0, 24, (edge, edge)).astype(np.uint8)
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
            reference["grading"] = GRADING[number // 60 % 3]
        yield {
            **model,
            "ID": case_id,
            "random": random_key(case_id),
            "facets": facets(source, reference),
            "reference": reference,
            "provenance": {**model["provenance"], "source": source},
        }


def large_film() -> dict[str, Any]:
    """A case with a 12-bit film of 8 megapixels, which lies in GridFS."""
    noise = np.random.default_rng(0).integers(0, 4096, (3264, 2448), dtype=np.uint16)
    film = Radiograph(noise, bits_stored=12)
    return document_from_case(dataclasses.replace(full_case(LARGE), study=Study(film), evidence=None))


def fill(server: MongoServer, count: int, film: bytes) -> dict[str, Any]:
    """Put the cases that are not there yet; says how fast, where it had to put any."""
    with contextlib.closing(MongoCaseStore.connect(server.uri, DATABASE, write=True)) as writer:
        there = writer.count(CaseFilter())
        if there == count + 1:
            return {"cases": there, "kept_from_an_earlier_run": True}
        began = time.perf_counter()
        stored = writer.put_documents(lake(count, film))
        filled = time.perf_counter() - began
        writer.put_documents([large_film()])
        there = writer.count(CaseFilter())
    if there != count + 1:
        sys.exit(f"The kept folder holds {there} cases and not {count + 1}; name another with --keep.")
    return {"cases": there, "put_cases_per_s": stored.written / filled, "kept_from_an_earlier_run": False}


def bench_look_up(
    store: MongoCaseStore, database: pymongo.database.Database, ids: list[str]
) -> dict[str, float]:
    """One case with its film, through the store and through the driver alone: in turn, of the same cases."""

    def driver(case_id: str) -> object:
        found = database[COLLECTION].find_one({"ID": case_id})
        assert found is not None
        if "file" in found["film"]:
            parts = database["films.chunks"].find({"files_id": found["film"]["file"]}).sort("n", 1)
            return b"".join(part["data"] for part in parts)
        return found

    bare: list[float] = []
    whole: list[float] = []
    for number, case_id in enumerate(ids[:2] + ids):
        pair = [(bare, driver), (whole, store.get)]
        for times, ask in pair if number % 2 else pair[::-1]:  # neither always finds what the other warmed
            times.append(milliseconds(lambda ask=ask, case_id=case_id: ask(case_id)))
    one, other = statistics.median(bare[2:]), statistics.median(whole[2:])
    return {"driver_ms": one, "store_ms": other, "above_driver_ms": other - one}


def bench_filter(store: MongoCaseStore, ids: list[str], where: CaseFilter, server: int) -> dict[str, float]:
    """Every question of the case list under one filter, from places spread over it."""
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


def without_index(asked: list[tuple[str, dict[str, Any]]], database: pymongo.database.Database) -> list[str]:
    """The questions whose query plan reads a collection and no index, each shape once."""
    guilty, seen = [], set()
    for name, command in asked:
        collection = command[name]
        query = command.get("filter", command.get("query"))
        if name == "count" and not query:  # how many documents there are: the server knows without looking
            continue
        if query is None:
            query = next((s["$match"] for s in command.get("pipeline", ()) if "$match" in s), {})
        if {"ID", "random"} <= query.keys():  # MongoDB takes the better index; the test server plans one
            query = {key: value for key, value in query.items() if key != "random"}
        shape = (collection, repr(sorted(query)), repr(command.get("sort")))
        if shape in seen:
            continue
        seen.add(shape)
        plan = str(database[collection].find(query).explain()["queryPlanner"]["winningPlan"])
        if "COLLSCAN" in plan or not ("IXSCAN" in plan or "IDHACK" in plan):
            guilty.append(f"{collection} {query}")
        if collection == COLLECTION and name == "find" and "skip" in command:
            guilty.append(f"{collection} {query} skips")
    return guilty


def bench(folder: Path, count: int) -> tuple[dict[str, Any], list[Bar]]:
    """Fill a server with a lake and ask it everything that the app asks."""
    film = film_file()
    with MongoServer(folder, patience=300) as server, contextlib.ExitStack() as opened:
        figures: dict[str, Any] = {**fill(server, count, film), "film_bytes": len(film)}
        bare = opened.enter_context(pymongo.MongoClient(server.uri))[DATABASE]
        began = time.perf_counter()
        store = opened.enter_context(contextlib.closing(MongoCaseStore.connect(server.uri, DATABASE)))
        ids = [row.case_id for row in store.page(CaseFilter(), limit=1000).rows if row.case_id != LARGE]
        figures["first_question_s"] = time.perf_counter() - began
        ids += [i for seed in range(100) if (i := store.random(CaseFilter(), seed)) and i != LARGE]
        figures["look_up"] = bench_look_up(store, bare, ids[-60:])
        figures["look_up_8_megapixels"] = bench_look_up(store, bare, [LARGE] * 6)
        figures["lists"] = {n: bench_filter(store, ids[-100:], w, server.pid) for n, w in FILTERS.items()}
        asked = questions(server, ids[-3:])
        figures["queries_seen"] = len(asked)
        figures["queries_without_index"] = without_index(asked, bare)
        server.stop()
    return figures, [
        Bar("look-up above the driver, ms", figures["look_up"]["above_driver_ms"], LOOK_UP_ABOVE_DRIVER_MS),
        Bar("queries without an index", len(figures["queries_without_index"]), 0),
    ]


def questions(server: MongoServer, ids: list[str]) -> list[tuple[str, dict[str, Any]]]:
    """Everything that the app asks of a lake, as the driver sends it."""
    listener = Queries()
    uri = server.uri
    original = pymongo.MongoClient
    try:
        pymongo.MongoClient = lambda *a, **k: original(*a, **k, event_listeners=[listener])  # type: ignore
        store = MongoCaseStore.connect(uri, DATABASE)
    finally:
        pymongo.MongoClient = original  # type: ignore[misc]
    with contextlib.closing(store):
        for where in FILTERS.values():
            for case_id in [*ids, LARGE]:
                store.get(case_id)
                store.page(where)
                store.page(where, case_id)
                store.step(case_id, "next", where)
                store.step(case_id, "previous", where)
                store.random(where, len(case_id))
                store.count(where)
    return listener.asked


def bench_scoring(folder: Path, count: int, batch: int) -> tuple[dict[str, Any], list[Bar]]:
    """Films a second of a whole lake scored and written back, and of the bare network on ready tensors.

    The bare network is the image encoder alone, on batches that are made already: less than the model does.
    It runs both ways, one batch on all processors and a batch on each, and the better way counts.
    """
    import torch

    from cases.scoring.lake import Job, score_portions
    from modeling.model.checkpoint import checkpoint_hash
    from modeling.pipeline import DiagnosisPipeline

    checkpoint = ROOT / "hub_config" / "checkpoints" / "film"
    pipeline = DiagnosisPipeline.from_pretrained(checkpoint)
    size = pipeline.processor.config.image.size
    image = torch.rand(batch, 3, size, size).contiguous(memory_format=torch.channels_last)
    backbone = pipeline.model.encoders["image"].backbone
    threads = torch.get_num_threads()

    def one_batch(_: int) -> None:
        with torch.inference_mode():
            backbone.forward_features(image)

    def bare() -> dict[str, float]:
        rounds, rates = range(count // batch), {}
        began = time.perf_counter()
        for number in rounds:
            one_batch(number)
        rates["one batch on all processors"] = len(rounds) * batch / (time.perf_counter() - began)
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as lanes:
            list(lanes.map(one_batch, range(threads)))
            began = time.perf_counter()
            list(lanes.map(one_batch, rounds))
            rates["a batch on each"] = len(rounds) * batch / (time.perf_counter() - began)
        torch.set_num_threads(threads)
        return rates

    with (
        MongoServer(folder) as server,
        contextlib.closing(MongoCaseStore.connect(server.uri, write=True)) as store,
    ):
        store.put_documents(lake(count, film_file()))
        job = Job(server.uri, None, str(checkpoint), checkpoint_hash(checkpoint), batch)
        ids = [row.case_id for row in store.page(CaseFilter(), limit=batch).rows]
        list(score_portions(job, iter([ids])))  # loads the checkpoint, once a process
        # In turn, so that a busy machine slows both down.
        rates = [(bare(), score_once(store, job, turn)) for turn in range(3)]
    figures = {
        "threads": threads,
        "batch": batch,
        "bare_films_per_s": [{way: round(rate, 1) for way, rate in one.items()} for one, _ in rates],
        "scored_films_per_s": [round(other, 1) for _, other in rates],
    }
    ratio = statistics.median(scored / max(alone.values()) for alone, scored in rates)
    return figures, [Bar("lake scored over bare network", ratio, SCORED_OVER_BARE, "at least")]


def score_once(store: MongoCaseStore, job: Any, turn: int) -> float:
    """Films a second of the whole lake, scored and written as if by another checkpoint each turn."""
    from cases.mongo.results import MongoResults
    from cases.scoring.lake import score_lake, score_portions

    mark = f"{turn}{job.checkpoint_hash[1:]}"

    def engine(portions: Iterator[list[str]]) -> Iterator[list[dict[str, Any]]]:
        for results in score_portions(job, portions):
            yield [{**result, "checkpoint": mark} for result in results]

    with contextlib.closing(MongoResults(job.store, None, mark)) as results:
        began = time.perf_counter()
        done = score_lake(store, results, engine, CaseFilter(), portion=64)
        assert done.written == done.cases, done
        return done.written / (time.perf_counter() - began)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=2_000, help="in the lake; 0 leaves the lists out")
    parser.add_argument("--scored", type=int, default=128, help="films for the scoring; 0 leaves it out")
    parser.add_argument("--batch", type=int, default=16, help="films in one pass through the model")
    parser.add_argument("--keep", type=Path, help="folder for the filled lake, to be used again")
    options = parser.parse_args()
    figures: dict[str, Any] = {}
    bars: list[Bar] = []
    load_before = load()
    with place(options.keep) as folder:
        if options.scored:
            scoring = folder / f"scoring-{uuid.uuid4().hex}"
            figures["scoring"], found = bench_scoring(scoring, options.scored, options.batch)
            bars += found
            shutil.rmtree(scoring, ignore_errors=True)
        if options.cases:
            figures["store"], found = bench(folder / f"lake-{options.cases}", options.cases)
            bars += found
    return tell(bars, figures, load_before)


if __name__ == "__main__":
    sys.exit(main())
