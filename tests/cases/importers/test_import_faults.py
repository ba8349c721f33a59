"""An import that is killed, meets a full disk, a lost server, a broken film or another import: nothing lost.

The server is a MongoDB-compatible one in a process of its own, spoken to over TCP; every import is the real
command, in a process of its own where something happens to it.
"""

import contextlib
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import gridfs
import numpy as np
import pymongo
import pytest

from cases.document import document_from_case
from cases.importers import run
from cases.importers.pool import CrashProofPool
from cases.importers.report import ImportReport
from cases.mongo.store import MongoCaseStore
from cases.mongo.writing import BUCKET
from cases.parquet.files import read_rows
from cases.parquet.store import EmbeddedCaseStore
from cases.store import CaseFilter, Stored
from modeling.errors import CaseStoreError
from tests.doubles import lake_sources as made
from tests.doubles.example_cases import small_case
from tests.doubles.mongo_server import MongoServer
from viewbox.command import main

ROOT = Path(__file__).resolve().parents[3]
FILMS = 60


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MongoServer]:
    with MongoServer(tmp_path_factory.mktemp("server")) as started:
        yield started


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SIIM in small, with one broken film."""
    return made.siim(tmp_path_factory.mktemp("siim"), FILMS, broken=(17,))


def begin(name: str, source: Path, store: str, *options: str, **how: Any) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "viewbox", "import", name, str(source), "--store", store, "--write"]
    return subprocess.Popen(
        [*command, "--quiet", *options],
        cwd=ROOT,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **how,
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    out, err = process.communicate(timeout=240)
    return process.returncode, out + err


def lake(server: MongoServer, database: str) -> dict[str, Any]:
    """Everything a reader could ever see, once what killed writers left is swept: cases with all their films.

    A film in GridFS stands in its case by its content: every upload has an ID of its own.
    """
    with contextlib.closing(MongoCaseStore.connect(server.uri, database, write=True)) as store:
        store.sweep(-1.0)
    with pymongo.MongoClient(server.uri) as client:
        found = client[database]
        bucket = gridfs.GridFSBucket(found, BUCKET)
        cases = {document["_id"]: document for document in found["cases"].find()}
        named = [case["film"] for case in cases.values() if "file" in case["film"]]
        assert sorted(f["_id"] for f in found["films.files"].find()) == sorted(f["file"] for f in named)
        assert set(found["films.chunks"].distinct("files_id")) == {film["file"] for film in named}
        for film in named:
            film["file"] = bucket.open_download_stream(film["file"]).read()
        return {"cases": cases, "large": len(named)}


def stored(server: MongoServer, database: str) -> int:
    with pymongo.MongoClient(server.uri) as client:
        return client[database]["cases"].count_documents({})


def import_whole(server: MongoServer, database: str, name: str, source: Path, *options: str) -> None:
    command = ["import", name, str(source), "--store", server.uri, "--database", database, "--write"]
    assert main([*command, "--quiet", *options]) == 0


UNREAD = ("--burned-text", "allow")
"""What is tried here needs no reader of burned-in text, which takes seconds a film."""


@pytest.fixture(scope="module")
def large_source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Own DICOM films, some above 1 MB, so that GridFS is met too."""
    root = tmp_path_factory.mktemp("dicom")
    rng = np.random.default_rng(0)
    for number in range(4):
        size = (1200, 1000) if number % 2 else (300, 250)
        film = (made.pixels(number, size).astype(np.uint16) << 4) + rng.integers(
            0, 128, size, dtype=np.uint16
        )
        (root / f"{number}.dcm").write_bytes(made.dicom(number, film=film))
    return root


def test_a_broken_film_is_named_every_other_is_there_once_and_a_second_run_reads_nothing(
    server: MongoServer, source: Path, tmp_path: Path
) -> None:
    told = tmp_path / "report.json"
    for _ in range(2):
        import_whole(server, "whole", "siim", source, "--json", str(told))
        report = json.loads(told.read_text())
        assert report["rows"] == {"in": FILMS, "out": FILMS - 1, "dropped": 1}
    assert report["cases"] == {"new": 0, "changed": 0, "same": FILMS - 1} and report["films_read"] == 0
    (dropped,) = report["dropped"].values()
    assert dropped == {"rows": 1, "first": ["siim-film00017"]}
    with pymongo.MongoClient(server.uri) as client:
        ids = [found["ID"] for found in client["whole"]["cases"].find({}, {"ID": 1})]
    assert sorted(ids) == [f"siim-film{number:05d}" for number in range(FILMS) if number != 17]


def kill_and_run_again(
    server: MongoServer, database: str, name: str, source: Path, waits: list[float], *options: str
) -> int:
    """Kill the import and all its workers after each wait, then run it once to the end; kills that hit."""
    hits = 0
    for wait in waits:
        process = begin(name, source, server.uri, "--database", database, *options, start_new_session=True)
        time.sleep(wait)
        hits += process.poll() is None
        process.kill()  # SIGKILL, unless it has ended; the workers must notice by themselves
        process.communicate(timeout=60)
        assert no_orphan(process.pid), "a worker outlived its parent"
    import_whole(server, database, name, source, *options)
    return hits


def no_orphan(group: int) -> bool:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    os.killpg(group, signal.SIGKILL)
    return False


@pytest.fixture(scope="module")
def unharmed(
    server: MongoServer, large_source: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, float]:
    """The salt of an import into "unharmed" that nothing happened to, and its seconds."""
    salt, begun = tmp_path_factory.mktemp("salt") / "salt", time.monotonic()
    options = ("--database", "unharmed", "--salt-file", str(salt), *UNREAD)
    code, said = finish(begin("dicom", large_source, server.uri, *options))
    assert code == 0, said
    return salt, time.monotonic() - begun


def test_killed_imports_end_in_the_same_lake(
    server: MongoServer, large_source: Path, unharmed: tuple[Path, float]
) -> None:
    salt, seconds = unharmed
    rng = random.Random(4)
    waits = [seconds * rng.uniform(0.3, 0.95) for _ in range(2)]
    options = ("--salt-file", str(salt), *UNREAD)
    hits = kill_and_run_again(server, "killed", "dicom", large_source, waits, *options)
    assert hits >= 1
    assert lake(server, "killed") == lake(server, "unharmed")
    assert lake(server, "killed")["large"] == 2, "half of the films lie in GridFS"


def test_a_kill_before_or_after_any_write_ends_in_the_same_lake(
    server: MongoServer, large_source: Path, unharmed: tuple[Path, float]
) -> None:
    arguments = [server.uri, "killed_often", str(large_source), str(unharmed[0])]
    command = [sys.executable, "-m", "tests.doubles.killed_import", *arguments]
    done = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, timeout=240)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 10, "chunks and file of two films, and the cases, each before and after"
    assert lake(server, "killed_often") == lake(server, "unharmed")


def test_two_imports_at_once_make_one_lake(
    server: MongoServer, large_source: Path, unharmed: tuple[Path, float]
) -> None:
    options = ("--salt-file", str(unharmed[0]), *UNREAD, "--workers", "1")
    both = [begin("dicom", large_source, server.uri, "--database", "two", *options) for _ in range(2)]
    for process in both:
        code, said = finish(process)
        assert code == 0, said
    assert lake(server, "two") == lake(server, "unharmed")


def test_a_server_that_stops_midway_is_one_sentence_and_the_next_run_goes_on(
    tmp_path: Path, source: Path
) -> None:
    more = made.siim(tmp_path / "more", 300)
    with MongoServer(tmp_path / "db") as server:
        process = begin("siim", more, server.uri, "--database", "lake")
        deadline = time.monotonic() + 120
        while stored(server, "lake") == 0 and time.monotonic() < deadline:
            time.sleep(0.02)
        server.kill()
        code, said = finish(process)
        assert code == 1 and "Traceback" not in said, said
        stopped = next(line for line in said.splitlines() if line.startswith("STOPPED"))
        assert "Run the same command again to go on." in stopped and "127.0.0.1" in stopped
        server.start()
        before = stored(server, "lake")
        assert 0 < before < 300
        import_whole(server, "lake", "siim", more)
        assert stored(server, "lake") == 300


def test_a_finished_case_is_on_the_disk_within_ten_seconds_though_no_other_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run.WRITTEN_EVERY <= 10
    monkeypatch.setattr(run, "WRITTEN_EVERY", 0.05)
    report = ImportReport("", "")
    with EmbeddedCaseStore.create(tmp_path) as store, run._Shelf(store, report) as shelf:
        for count, case_id in enumerate("ab", 1):
            shelf.add(document_from_case(small_case(case_id)))
            deadline = time.monotonic() + 20
            while sum(len(read_rows(file, ("case_id",))) for file in tmp_path.glob("*.parquet")) < count:
                assert time.monotonic() < deadline
                time.sleep(0.02)
            assert EmbeddedCaseStore.open(str(tmp_path)).get(case_id).case_id == case_id
    assert report.new == 2


def test_an_error_behind_the_scenes_is_told_at_the_next_case_and_ends_the_import(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Full(run.Rehearsal):
        def put_documents(self, documents: Iterable[dict[str, Any]]) -> Stored:
            raise CaseStoreError("The disk is full; free some space.")

    monkeypatch.setattr(run, "WRITTEN_EVERY", 0.01)
    with (
        pytest.raises(CaseStoreError, match="free some space"),
        run._Shelf(Full(), ImportReport("", "")) as shelf,
    ):
        shelf.add(document_from_case(small_case("a")))
        time.sleep(0.2)
        shelf.add(document_from_case(small_case("b")))
        shelf.write()


def test_a_full_disk_is_one_sentence_and_the_next_run_goes_on(tmp_path: Path, source: Path) -> None:
    """A limit on the size of a file ends a write as a full disk does."""

    def little_space() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))

    store = tmp_path / "store"
    code, said = finish(begin("siim", source, str(store), preexec_fn=little_space))
    assert code == 1 and "Traceback" not in said, said
    assert "free some space" in said and "Run the same command again to go on." in said
    code, said = finish(begin("siim", source, str(store)))
    assert code == 0, said
    assert EmbeddedCaseStore.open(str(store)).count(CaseFilter()) == FILMS - 1


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MB of its own, where this user may mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = shutil.which("mount")
    mounting = [str(mount), "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)]
    if mount is None or subprocess.run(mounting, capture_output=True).returncode:
        pytest.skip("this user may not mount a small file system")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_a_server_whose_disk_is_full_loses_and_doubles_nothing(small_disk: Path, tmp_path: Path) -> None:
    many = made.siim(tmp_path / "many", 200, shape=(256, 256))
    with MongoServer(small_disk / "db") as server:
        code, said = finish(begin("siim", many, server.uri, "--database", "lake"))
        assert code == 1 and "Traceback" not in said, said
        stopped = next(line for line in said.splitlines() if line.startswith("STOPPED"))
        assert "disk" in stopped and "Run the same command again to go on." in stopped
        subprocess.run(["mount", "-o", "remount,size=200m", str(small_disk)], check=True)
        server.kill()
        server.start()
        before = stored(server, "lake")
        assert 0 < before < 200
        import_whole(server, "lake", "siim", many)
        found = lake(server, "lake")["cases"]
        assert sorted(found) == [f"case:siim-film{number:05d}" for number in range(200)]


def ends_or_doubles(number: int) -> int:
    """A film that kills its decoder, and one that does not."""
    if number == 3:
        os.kill(os.getpid(), signal.SIGSEGV)
    return 2 * number


def test_a_film_that_kills_its_decoder_costs_only_itself() -> None:
    with CrashProofPool(ends_or_doubles, 2) as pool:
        results = dict(pool.run(range(1, 8)))
    assert results == {n: None if n == 3 else 2 * n for n in range(1, 8)}


def test_an_import_without_write_opens_no_store(server: MongoServer, source: Path) -> None:
    command = [sys.executable, "-m", "viewbox", "import", "siim", str(source), "--store", server.uri]
    done = subprocess.run(
        [*command, "--database", "none", "--quiet"], cwd=ROOT, text=True, capture_output=True
    )
    assert done.returncode == 0 and "rehearsal" in done.stdout
    assert stored(server, "none") == 0
