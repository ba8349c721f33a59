"""A lake scored once for every case and checkpoint, whatever dies on the way."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pymongo
import pytest
from pyarrow import parquet

from cases.case import Case
from cases.mongo.results import INDEXES, MongoResults
from cases.mongo.store import COLLECTION, MongoCaseStore
from cases.open_store import open_case_store
from cases.parquet import results as result_files
from cases.parquet.results import ResultFiles
from cases.parquet.store import EmbeddedCaseStore
from cases.scoring import ray_engine as score_ray
from cases.scoring.lake import Job, score_lake, score_portion, score_portions
from cases.store import CaseFilter, Result
from modeling.errors import CaseStoreError, ViewboxError
from modeling.model.checkpoint import checkpoint_hash
from modeling.pipeline import DiagnosisPipeline
from tests.doubles.command import command
from tests.doubles.example_cases import small_case, student_document
from tests.doubles.mongo_server import MongoServer
from tests.doubles.score_workers import telling_portion
from tests.doubles.toys import toy_study

main = command("score")

CASES = 24


def case_of(number: int) -> Case:
    small = small_case(f"{number:03d}", source="phantom")
    return Case(small.case_id, toy_study(seed=number), small.licence, small.provenance)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MongoServer]:
    with MongoServer(tmp_path_factory.mktemp("mongo")) as running:
        yield running


@pytest.fixture
def place(server: MongoServer) -> str:
    """A database with `CASES` cases and one broken student document, "bad"."""
    uri = f"{server.uri}score_{uuid.uuid4().hex}"
    with closing(MongoCaseStore.connect(uri, write=True)) as store:
        for number in range(CASES):
            store.put(case_of(number))
    with pymongo.MongoClient(uri) as client:
        bad = {**student_document("bad"), "image_data": "!!"}
        client.get_default_database()[COLLECTION].insert_one(bad)
    return uri


def job_of(place: str | None, checkpoint: Path, batch: int = 5) -> Job:
    return Job(place, None, str(checkpoint), checkpoint_hash(checkpoint), batch)


def results_in(place: str) -> list[Result]:
    with pymongo.MongoClient(place) as client:
        return list(client.get_default_database()["results"].find().sort("case_id", 1))


def check(found: list[Result], checkpoint: Path) -> None:
    """Once for every case, and what the pipeline says of it."""
    assert [r["case_id"] for r in found] == [*(f"{n:03d}" for n in range(CASES)), "bad"]
    assert found[-1]["tasks"] == {} and "is broken in the store" in found[-1]["problem"]
    pipeline = DiagnosisPipeline.from_pretrained(checkpoint)
    for number in (0, 7, CASES - 1):
        alone = pipeline.predict(case_of(number).study)
        result = found[number]
        assert (result["checkpoint"], result["revision"]) == (
            checkpoint_hash(checkpoint),
            pipeline.origin.revision,
        )
        assert result["warnings"] == list(alone.warnings) and result["refusal"] == alone.refusal
        assert bool(result["familiarity"]) == bool(alone.familiarity)
        for task in alone.tasks:
            stored = result["tasks"][str(task.task)]
            np.testing.assert_allclose(stored["probabilities"], task.probabilities, atol=1e-4)
            np.testing.assert_allclose(stored["logits"], task.logits, atol=1e-4)
        width = pipeline.config.width
        assert {k: len(v) for k, v in result["embedding"].items()} == dict.fromkeys(
            ("image", "table", "text"), 4 * width
        )


def test_a_lake_is_scored_once_and_again_means_nothing(place: str, checkpoint: Path) -> None:
    command = ["--checkpoint", str(checkpoint), "--store", place, "--batch", "7"]
    assert main(command) == 0
    assert results_in(place) == []
    assert main([*command, "--write"]) == 0
    first = results_in(place)
    check(first, checkpoint)
    assert main([*command, "--write"]) == 0
    assert results_in(place) == first


def test_without_write_it_counts_only(
    place: str, checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--checkpoint", str(checkpoint), "--store", place]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert (figures["awaiting"], figures["written"]) == (CASES + 1, 0)
    with pymongo.MongoClient(place) as client:
        assert "results" not in client.get_default_database().list_collection_names()


def test_another_checkpoint_has_results_of_its_own(place: str, checkpoint: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(checkpoint, tmp_path / "other"))
    (other / "README.md").write_text("Another card decides nothing.")
    assert checkpoint_hash(other) == checkpoint_hash(checkpoint)
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps(config | {"temperatures": {"appearance": 3.0}}))
    assert checkpoint_hash(other) != checkpoint_hash(checkpoint)
    for folder in (checkpoint, other):
        assert main(["--checkpoint", str(folder), "--store", place, "--write"]) == 0
    assert len(results_in(place)) == 2 * (CASES + 1)


def test_a_killed_scoring_goes_on_with_what_is_missing(place: str, checkpoint: Path) -> None:
    job = job_of(place, checkpoint)
    with closing(MongoResults(place, None, job.checkpoint_hash)) as results:
        portions = score_portions(job, iter([[f"{n:03d}" for n in range(CASES)]]))
        results.write(next(portions))
        portions.close()
        assert len(results_in(place)) == 5
        seen: list[int] = []

        def engine(portions: Iterator[list[str]]) -> Iterator[list[Result]]:
            for portion in portions:
                seen.append(len(portion))
                yield score_portion(job, portion)

        with closing(open_case_store(place)) as store:
            scoring = score_lake(store, results, engine, CaseFilter(), portion=8)
    assert (scoring.written, sum(seen)) == (CASES + 1 - 5, CASES + 1 - 5)
    check(results_in(place), checkpoint)


def test_two_scorings_at_once_write_each_result_once(place: str, checkpoint: Path) -> None:
    job = job_of(place, checkpoint)
    with (
        closing(MongoResults(place, None, job.checkpoint_hash)) as one,
        closing(MongoResults(place, None, job.checkpoint_hash)) as other,
        closing(open_case_store(place)) as store,
    ):

        def both(portions: Iterator[list[str]]) -> Iterator[list[Result]]:
            for found in score_portions(job, portions):
                other.write(found[: len(found) // 2])  # the other was quicker with these
                yield found

        scoring = score_lake(store, one, both, CaseFilter(), portion=8)
    assert scoring.written < CASES
    check(results_in(place), checkpoint)


def test_a_server_that_is_lost_ends_the_scoring_and_records_no_case_as_broken(
    tmp_path: Path, checkpoint: Path
) -> None:
    with MongoServer(tmp_path / "db") as server:
        # longer than the driver's pause between two looks for a server that has come back
        uri = f"{server.uri}lost?serverSelectionTimeoutMS=3000"
        with closing(MongoCaseStore.connect(uri, write=True)) as store:
            for number in range(10):
                store.put(case_of(number))
        job = job_of(uri, checkpoint, 2)

        def stopped(portions: Iterator[list[str]]) -> Iterator[list[Result]]:
            for number, found in enumerate(score_portions(job, portions)):
                yield found
                if number == 1:
                    server.kill()

        with closing(MongoResults(uri, None, job.checkpoint_hash)) as results:
            with closing(open_case_store(uri)) as store, pytest.raises(CaseStoreError, match="MongoDB at"):
                score_lake(store, results, stopped, CaseFilter(), portion=4)
            server.start()
            with closing(open_case_store(uri)) as store:
                score_lake(store, results, lambda p: score_portions(job, p), CaseFilter(), portion=4)
        found = results_in(uri)
        assert [r["case_id"] for r in found] == [f"{n:03d}" for n in range(10)]
        assert all(r["problem"] == "" for r in found)


def test_the_indexes_are_there_and_one_is_unique(place: str, checkpoint: Path) -> None:
    job = job_of(place, checkpoint)
    MongoResults(place, None, job.checkpoint_hash).close()
    with pymongo.MongoClient(place) as client:
        kept = client.get_default_database()["results"].index_information().values()
    for keys, unique in INDEXES:
        assert any(i["key"] == keys and i.get("unique", False) == unique for i in kept)


def test_an_embedded_store_keeps_results_in_files(tmp_path: Path, checkpoint: Path) -> None:
    folder = tmp_path / "store"
    with EmbeddedCaseStore.create(folder) as store:
        for number in range(6):
            store.put(case_of(number))
    command = ["--checkpoint", str(checkpoint), "--store", str(folder), "--write"]
    assert main(command) == 0 and main(command) == 0
    (file,) = folder.glob("results-*.parquet")
    rows = parquet.read_table(file).to_pylist()
    assert [row["case_id"] for row in rows] == [f"{n:03d}" for n in range(6)]
    assert len(rows[0]["embedding_image"]) == len(rows[0]["embedding_text"]) > 0
    alone = DiagnosisPipeline.from_pretrained(checkpoint).predict(case_of(0).study)
    assert json.loads(rows[0]["warnings"]) == list(alone.warnings)
    assert json.loads(rows[0]["refusal"]) == alone.refusal
    stored = json.loads(rows[0]["tasks"])["appearance"]["probabilities"]
    np.testing.assert_allclose(stored, alone["appearance"].probabilities, atol=1e-4)
    assert EmbeddedCaseStore.open(str(folder)).count(CaseFilter()) == 6


def test_result_files_have_one_writer_and_survive_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def result(case_id: str) -> Result:
        texts = dict.fromkeys(("source", "checkpoint", "name", "revision", "problem"), "")
        return {"case_id": case_id, "tasks": {}, "embedding": {}, **texts}

    files = ResultFiles(tmp_path, "a" * 64)
    with pytest.raises(CaseStoreError, match="Another program writes results"):
        ResultFiles(tmp_path, "a" * 64)
    assert files.write([result("x"), result("y")]) == 2 and files.write([result("x")]) == 0
    with monkeypatch.context() as patched, pytest.raises(CaseStoreError, match="free some space"):
        patched.setattr(parquet, "write_table", lambda *_: (_ for _ in ()).throw(OSError(28, "full")))
        files._flush()
    files.close()
    again = ResultFiles(tmp_path, "a" * 64)
    assert again.done(["x", "y", "z"]) == {"x", "y"}
    monkeypatch.setattr(result_files, "ROWS_PER_FILE", 1)
    assert again.write([result("z")]) == 1
    assert len(list(tmp_path.glob("*.parquet"))) == 2
    again.close()


def test_the_address_is_not_in_the_repr(checkpoint: Path) -> None:
    assert "hunter2" not in repr(job_of("mongodb://user:hunter2@host/", checkpoint))


def test_the_command_refuses_in_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--checkpoint", str(tmp_path / "none")]) == 1
    assert "There is no checkpoint in 'none'" in capsys.readouterr().err
    (tmp_path / "config.json").write_text("{}")
    assert main(["--checkpoint", str(tmp_path)]) == 1
    assert "--results" in capsys.readouterr().err


def test_ray_that_is_not_installed_is_said(checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(score_ray.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ViewboxError, match="--engine process"):
        next(score_ray.run(score_portion, job_of(None, checkpoint), iter([["a"]])))


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[object]:
    """Two Ray nodes of one processor each on this machine."""
    pytest.importorskip("ray", reason="Ray is not installed (requirements-dev.txt)")
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([os.getcwd(), str(Path(__file__).parent)]))
    small = {"num_cpus": 1, "object_store_memory": 80 * 2**20}
    nodes = Cluster(initialize_head=True, head_node_args={**small, "include_dashboard": False})
    nodes.add_node(**small)
    yield nodes
    import ray

    ray.shutdown()
    nodes.shutdown()


def test_a_ray_cluster_whose_worker_is_killed_midway_scores_each_case_once(
    place: str, checkpoint: Path, tmp_path: Path, cluster: object
) -> None:
    here = Path(shutil.copytree(checkpoint, tmp_path / "toy"))
    job, attempts = job_of(place, here), tmp_path / "attempts"
    killed: list[str] = []

    def engine(portions: Iterator[list[str]]) -> Iterator[list[Result]]:
        for found in score_ray.run(telling_portion, job, portions, address=cluster.address):
            yield found
            if not killed:
                deadline = time.monotonic() + 60
                ended = {found[0]["case_id"]}
                while not killed and time.monotonic() < deadline:
                    running = [f.name for f in attempts.iterdir() if f.name.partition("-")[0] not in ended]
                    for name in running[-1:]:
                        os.kill(int(name.rpartition("-")[2]), signal.SIGKILL)
                        killed.append(name)

    with (
        closing(open_case_store(place)) as store,
        closing(MongoResults(place, None, job.checkpoint_hash)) as r,
    ):
        scoring = score_lake(store, r, engine, CaseFilter(), portion=3)
    assert scoring.written == CASES + 1
    check(results_in(place), checkpoint)
    tried = [f.name.partition("-")[0] for f in attempts.iterdir()]
    assert len(killed) == 1 and len(tried) > len(set(tried)), "the killed portion was tried again"
    assert len({f.name.rpartition("-")[2] for f in attempts.iterdir()}) >= 3, "both nodes and a new worker"


def test_kill_minus_nine_of_the_whole_program(place: str, checkpoint: Path) -> None:
    command = [sys.executable, "-m", "viewbox", "score", "--checkpoint", str(checkpoint), "--store", place]
    root = Path(__file__).resolve().parents[3]
    running = subprocess.Popen(
        [*command, "--write", "--batch", "1"], cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while running.poll() is None and len(results_in(place)) < 3:
        time.sleep(0.05)
    running.kill()
    running.wait()
    assert 3 <= len(results_in(place)) < CASES
    assert main(["--checkpoint", str(checkpoint), "--store", place, "--write"]) == 0
    check(results_in(place), checkpoint)
