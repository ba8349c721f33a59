"""The embedded store under faults: killed and second writers, full disks, damaged files: nothing is lost."""

import json
import os
import resource
import signal
import stat
import subprocess
import sys
import threading
import time
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

import cases.parquet.files as case_files
import cases.parquet.store as embedded
from cases.parquet.files import read_rows
from cases.parquet.store import EmbeddedCaseStore
from cases.store import CaseFilter, Stored
from cases.whole_files import whole_file
from modeling.errors import CaseStoreError
from tests.doubles.dying_writer import NEW, OLD, documents
from tests.doubles.example_cases import full_case, plain, small_case

ROOT = Path(__file__).resolve().parents[3]


def sources(store: EmbeddedCaseStore) -> dict[str, str]:
    """ID -> source of every case, from the case itself and from its row, which must agree."""
    rows = store.page(CaseFilter(), None, 1000).rows
    found = {row.case_id: store.get(row.case_id).provenance.source for row in rows}
    assert found == {row.case_id: row.source for row in rows} and len(rows) == store.count(CaseFilter())
    return found


def rows_on_disk(folder: Path) -> Counter[str]:
    """How often each case stands in the files, whoever reads them."""
    return Counter(
        row["case_id"] for file in folder.glob("*.parquet") for row in read_rows(file, ("case_id",))
    )


POINTS = 30
"""Where a writer is killed: at each step that is no mere writing, and in writes spread over the rest."""


@pytest.mark.slow
def test_a_writer_killed_anywhere_loses_and_doubles_nothing(tmp_path: Path) -> None:
    with EmbeddedCaseStore.create(tmp_path / "before") as store:
        store.put_documents(documents(OLD, "old"))
    command = [sys.executable, "-m", "tests.doubles.dying_writer", str(tmp_path), str(POINTS)]
    subprocess.run(command, cwd=ROOT, check=True, timeout=120)
    died = json.loads((tmp_path / "steps.json").read_text())
    assert len(died) >= POINTS - 2 and set(died.values()) == {"write", "fsync", "replace", "unlink"}
    old = {f"{number:02d}": "old" for number in OLD}
    new = {f"{number:02d}": "new" for number in NEW}
    for name in died:
        folder = tmp_path / name
        found = sources(EmbeddedCaseStore.open(str(folder)))  # a reader, before any writer tidies up
        assert old.keys() <= found.keys() <= (old | new).keys(), name
        assert all(source == (old | new)[i] or source == old.get(i) for i, source in found.items()), name
        with EmbeddedCaseStore.create(folder) as store:
            assert sources(store) == found, name
            stored = store.put_documents(documents(NEW, "new"))
        assert stored.same == sum(source == "new" for source in found.values()), name
        assert sources(EmbeddedCaseStore.open(str(folder))) == old | new, name
        assert set(rows_on_disk(folder).values()) == {1}, name
        assert {path.suffix for path in folder.iterdir()} == {".parquet"}, name


def test_a_second_writer_is_told_to_wait_and_readers_are_not(tmp_path: Path) -> None:
    with EmbeddedCaseStore.create(tmp_path) as first:
        first.put(small_case("a"))
        first.flush()
        for second in (EmbeddedCaseStore.create, partial(EmbeddedCaseStore.open, write=True)):
            with pytest.raises(CaseStoreError, match=r"Another program writes cases to '.*'; wait until it"):
                second(str(tmp_path))
        assert EmbeddedCaseStore.open(str(tmp_path)).get("a").case_id == "a"
        first.put(small_case("b"))
    with EmbeddedCaseStore.create(tmp_path) as after:
        assert list(sources(after)) == ["a", "b"]
    with pytest.raises(CaseStoreError, match="reading only"):
        after.put(small_case("c"))


def test_the_lock_of_a_killed_writer_is_free(tmp_path: Path) -> None:
    program = (
        "import sys, time\n"
        "from cases.parquet.store import EmbeddedCaseStore\n"
        "store = EmbeddedCaseStore.create(sys.argv[1])\n"
        "print('writing', flush=True)\n"
        "time.sleep(60)\n"
    )
    writer = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE
    )
    assert writer.stdout is not None and writer.stdout.readline() == b"writing\n"
    with pytest.raises(CaseStoreError, match="Another program"):
        EmbeddedCaseStore.create(tmp_path)
    writer.send_signal(signal.SIGKILL)
    writer.communicate(timeout=60)
    with EmbeddedCaseStore.create(tmp_path) as store:
        store.put(small_case("a"))
    assert [path.name for path in tmp_path.iterdir()] == ["cases-00000.parquet"]


def test_a_disk_that_is_full_in_the_middle_of_a_file_loses_nothing(tmp_path: Path) -> None:
    with EmbeddedCaseStore.create(tmp_path) as store:
        store.put_documents(documents(OLD, "old"))
        before, (soft, hard) = sources(store), resource.getrlimit(resource.RLIMIT_FSIZE)
        size = (tmp_path / "cases-00000.parquet").stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (size // 2, hard))  # ends a write as a full disk does
        try:
            with pytest.raises(CaseStoreError, match="free some space"):
                store.put_documents(documents(NEW, "new"))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert sources(EmbeddedCaseStore.open(str(tmp_path))) == before
        assert [path.name for path in tmp_path.glob("*partial*")] == []
        store.put_documents(documents(NEW, "new"))
    assert set(rows_on_disk(tmp_path).values()) == {1} and len(rows_on_disk(tmp_path)) == len({*OLD, *NEW})


def test_a_disk_that_takes_the_bytes_and_then_has_no_room_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with EmbeddedCaseStore.create(tmp_path) as store:
        store.put(small_case("a", source="old"))
        store.flush()
        store.put(small_case("a", source="new"))
        with monkeypatch.context() as patched, pytest.raises(CaseStoreError, match="free some space"):
            patched.setattr(os, "fsync", full)
            store.flush()
        assert sources(EmbeddedCaseStore.open(str(tmp_path))) == {"a": "old"}
    assert sources(EmbeddedCaseStore.open(str(tmp_path))) == {"a": "new"}


def test_a_file_is_on_the_disk_before_it_takes_its_name_and_its_folder_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    sync, replace = os.fsync, os.replace

    def watched_sync(opened: int) -> None:
        steps.append("folder" if stat.S_ISDIR(os.fstat(opened).st_mode) else "file")
        sync(opened)

    def watched_replace(old: Path, new: Path) -> None:
        steps.append(new.name)
        replace(old, new)

    monkeypatch.setattr(os, "fsync", watched_sync)
    monkeypatch.setattr(os, "replace", watched_replace)
    with EmbeddedCaseStore.create(tmp_path) as store:
        store.put(small_case("a"))
    assert steps == ["file", "cases-00000.parquet", "folder"]


def test_two_that_write_one_file_do_not_meet(tmp_path: Path) -> None:
    with whole_file(tmp_path / "a") as first, whole_file(tmp_path / "a") as second:
        assert first.name != second.name
        first.write(b"first" * 1000)
        second.write(b"second")
    assert (tmp_path / "a").read_bytes() == b"first" * 1000, "the last to end, whole"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("damage", ["empty", "cut", "other columns"])
def test_a_file_that_cannot_be_read_is_set_aside_and_named(
    tmp_path: Path, damage: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(case_files, "ROWS_PER_FILE", 2)
    with EmbeddedCaseStore.create(tmp_path) as store:
        for case_id in "abcdef":
            store.put(small_case(case_id))
    file = tmp_path / "cases-00001.parquet"
    whole = file.read_bytes()
    if damage == "other columns":
        import pyarrow.parquet

        pyarrow.parquet.write_table(pyarrow.table({"a": [1]}), file)
    else:
        file.write_bytes(b"" if damage == "empty" else whole[: len(whole) // 2])
    store = EmbeddedCaseStore.open(str(tmp_path))
    assert list(sources(store)) == ["a", "b", "e", "f"]
    assert "(4 cases, without cases-00001.parquet, which cannot be read)" in store.description
    assert "'cases-00001.parquet' cannot be read; fetch it again" in caplog.text
    with EmbeddedCaseStore.create(tmp_path) as writer:  # and a writer leaves it as it is
        writer.put(small_case("c"))
        writer.put(small_case("g"))
    assert list(sources(EmbeddedCaseStore.open(str(tmp_path)))) == ["a", "b", "c", "e", "f", "g"]
    file.write_bytes(whole)
    assert list(sources(EmbeddedCaseStore.open(str(tmp_path)))) == list("abcdefg")


def test_readers_see_every_case_while_a_writer_replaces_them_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(case_files, "ROWS_PER_FILE", 3)
    ids = [f"{number:02d}" for number in range(7)]
    with EmbeddedCaseStore.create(tmp_path) as store:
        for case_id in ids:
            store.put(small_case(case_id, source="0"))
    stayed = EmbeddedCaseStore.open(str(tmp_path))
    ended, faults = threading.Event(), list[BaseException]()

    def read() -> None:
        seen = [dict.fromkeys(ids, 0), dict.fromkeys(ids, 0)]  # one that opened before may be a step behind
        try:
            while not ended.is_set():
                readers = (EmbeddedCaseStore.open(str(tmp_path)), stayed)
                for reader, newest in zip(readers, seen, strict=True):
                    assert [row.case_id for row in reader.page(CaseFilter()).rows] == ids
                    for case_id in ids:
                        version = int(reader.get(case_id).provenance.source)
                        assert version >= newest[case_id]
                        newest[case_id] = version
        except BaseException as exc:
            faults.append(exc)

    thread = threading.Thread(target=read)
    thread.start()
    with EmbeddedCaseStore.create(tmp_path) as store:
        for version in range(1, 7):
            for case_id in ids if version % 2 else ids[::-1]:
                store.put(small_case(case_id, source=str(version)))
            store.flush()
    ended.set()
    thread.join(60)
    assert not faults, faults
    assert set(sources(EmbeddedCaseStore.open(str(tmp_path))).values()) == {"6"}


def test_what_is_put_slowly_is_on_the_disk_within_ten_seconds_and_makes_few_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert embedded.CHECKPOINT_SECONDS <= 10
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    with EmbeddedCaseStore.create(tmp_path) as store:
        for number in range(12):
            store.put(small_case(f"{number:02d}"))
            now[0] += 4.0
            there = sum(rows_on_disk(tmp_path).values())
            assert number + 1 - there <= 3, "what was put 12 s ago is there"
    assert [path.name for path in tmp_path.iterdir()] == ["cases-00000.parquet"]
    assert len(sources(EmbeddedCaseStore.open(str(tmp_path)))) == 12


def test_putting_again_what_was_stored_whole_changes_no_file(tmp_path: Path) -> None:
    with EmbeddedCaseStore.create(tmp_path) as store:
        store.put(full_case("a"))
    file = tmp_path / "cases-00000.parquet"
    before = file.stat().st_mtime_ns
    with EmbeddedCaseStore.create(tmp_path) as store:
        assert store.put_documents([store.document("a")]) == Stored(same=1)
    assert file.stat().st_mtime_ns == before
    assert plain(EmbeddedCaseStore.open(str(tmp_path)).get("a")) == plain(full_case("a"))
