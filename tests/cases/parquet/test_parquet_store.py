"""The embedded store's own matters: files, shards, replacement, and what `datasets` makes of them."""

import json
import subprocess
import sys
import time
import types
from pathlib import Path

import numpy as np
import pytest

import cases.parquet.files as case_files
from cases.parquet.store import EmbeddedCaseStore
from cases.store import CaseFilter
from modeling.errors import CaseStoreError
from tests.doubles.example_cases import full_case, plain, small_case


def shards(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name != ".writer.lock")


def test_a_folder_without_cases_is_refused(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(CaseStoreError, match=r"no cases in the folder '.*'; give a folder with cases-"):
            EmbeddedCaseStore.open(str(folder))


@pytest.mark.parametrize("damage", ["empty", "no-parquet", "cut", "other-columns"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, damage: str) -> None:
    with EmbeddedCaseStore.create(tmp_path) as store:
        store.put(full_case())
    file = tmp_path / "cases-00000.parquet"
    if damage == "other-columns":
        import pyarrow
        import pyarrow.parquet

        pyarrow.parquet.write_table(pyarrow.table({"a": [1]}), file)
    else:
        whole = file.read_bytes()
        file.write_bytes({"empty": b"", "no-parquet": b"hello" * 99, "cut": whole[: len(whole) // 2]}[damage])
    with pytest.raises(CaseStoreError, match=r"'cases-00000\.parquet' cannot be read; fetch it again"):
        EmbeddedCaseStore.open(str(tmp_path))


def test_a_film_damaged_after_opening_is_a_sentence(tmp_path: Path) -> None:
    with EmbeddedCaseStore.create(tmp_path) as store:
        store.put(full_case("a"))
    store = EmbeddedCaseStore.open(str(tmp_path))
    (tmp_path / "cases-00000.parquet").unlink()
    with pytest.raises(CaseStoreError, match="fetch it again"):
        store.get("a")
    assert store.count(CaseFilter()) == 1


def test_what_was_put_is_readable_before_and_after_it_is_written(tmp_path: Path) -> None:
    store = EmbeddedCaseStore.create(tmp_path)
    store.put(full_case("a"))
    assert plain(store.get("a")) == plain(full_case("a")) and shards(tmp_path) == []
    store.flush()
    assert plain(store.get("a")) == plain(full_case("a")) and shards(tmp_path) == ["cases-00000.parquet"]


def test_many_cases_make_several_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(case_files, "ROWS_PER_FILE", 3)
    with EmbeddedCaseStore.create(tmp_path) as store:
        for number in range(8):
            store.put(small_case(f"{number}"))
    assert shards(tmp_path) == [f"cases-0000{number}.parquet" for number in range(3)]
    store = EmbeddedCaseStore.open(str(tmp_path))
    assert [row.case_id for row in store.page(CaseFilter()).rows] == list("01234567")
    assert store.get("5").case_id == "5"


def test_a_replaced_case_leaves_the_older_file(tmp_path: Path) -> None:
    with EmbeddedCaseStore.create(tmp_path) as store:
        store.put(small_case("a", source="first"))
        store.put(small_case("b", source="first"))
    with EmbeddedCaseStore.open(str(tmp_path), write=True) as store:
        store.put(small_case("a", source="second"))
    again = EmbeddedCaseStore.open(str(tmp_path))
    assert [(row.case_id, row.source) for row in again.page(CaseFilter()).rows] == [
        ("a", "second"),
        ("b", "first"),
    ]
    assert shards(tmp_path) == ["cases-00000.parquet", "cases-00001.parquet"]
    with EmbeddedCaseStore.open(str(tmp_path), write=True) as store:
        store.put(small_case("b", source="third"))
    assert shards(tmp_path) == ["cases-00001.parquet", "cases-00002.parquet"]
    assert EmbeddedCaseStore.open(str(tmp_path)).get("b").provenance.source == "third"


def test_a_writer_that_died_before_taking_out_the_older_row(tmp_path: Path) -> None:
    for source in ("older", "newer"):
        with EmbeddedCaseStore.create(tmp_path / source) as store:
            store.put(small_case("a", source=source))
    (tmp_path / "newer" / "cases-00000.parquet").rename(tmp_path / "older" / "cases-00001.parquet")
    (tmp_path / "older" / ".cases-00002.parquet.0123.partial").write_bytes(b"half a file")
    store = EmbeddedCaseStore.open(str(tmp_path / "older"))
    assert store.count(CaseFilter()) == 1
    assert store.get("a").provenance.source == "newer"
    EmbeddedCaseStore.create(tmp_path / "older").close()
    assert shards(tmp_path / "older") == ["cases-00001.parquet"], "the next writer tidies up"
    assert store.get("a").provenance.source == "newer"


def test_a_full_disk_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    store = EmbeddedCaseStore.create(tmp_path)
    store.put(full_case("a"))
    with monkeypatch.context() as patched, pytest.raises(CaseStoreError, match="free some space"):
        patched.setattr(datasets.Dataset, "to_parquet", full)
        store.flush()
    assert shards(tmp_path) == []
    store.close()
    assert plain(EmbeddedCaseStore.open(str(tmp_path)).get("a")) == plain(full_case("a"))


def test_the_files_are_a_data_set_anyone_can_load(tmp_path: Path) -> None:
    import datasets

    with EmbeddedCaseStore.create(tmp_path / "cases") as store:
        store.put(full_case("a"))
    found = datasets.load_dataset(
        "parquet", data_files=str(tmp_path / "cases" / "*.parquet"), cache_dir=str(tmp_path / "cache")
    )["train"]
    film = full_case("a").study.radiograph
    assert film is not None
    (row,) = found.cast_column("image", datasets.Image())
    assert np.array_equal(np.asarray(row["image"]), film.pixels)
    assert json.loads(row["document"])["ID"] == row["case_id"] == "a"


def test_opening_is_quick_reads_no_film_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with EmbeddedCaseStore.create(tmp_path / "cases") as store:
        for number in range(48):
            store.put(full_case(f"{number:02d}", number))
    program = (
        "import sys, time, tempfile, datasets\n"
        "from cases.parquet.store import EmbeddedCaseStore\n"
        "from cases.store import CaseFilter\n"
        "began = time.perf_counter()\n"
        "store = EmbeddedCaseStore.open(sys.argv[1])\n"
        "assert len(store.page(CaseFilter(), None, 48).rows) == 48\n"
        "opened = time.perf_counter()\n"
        "assert store.get('31').study.radiograph is not None\n"
        "print(opened - began, time.perf_counter() - opened)\n"
    )
    home = tmp_path / "home"
    home.mkdir()
    environment = {"HOME": str(home), "TMPDIR": str(home), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    result = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "cases")],
        cwd=Path(__file__).resolve().parents[3],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert result.returncode == 0, result.stderr
    opening, film = map(float, result.stdout.split())
    assert opening < 5 and film < 5, "the bar is 0.3 s on a quiet machine; this only catches a blunder"
    assert [path for path in home.rglob("*") if path.is_file()] == []
    assert result.stderr == ""


def test_one_film_is_read_without_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with EmbeddedCaseStore.create(tmp_path) as store:
        for number in range(5):
            store.put(small_case(f"{number}"))
    asked: list[tuple[object, object]] = []
    original = case_files.read_rows

    def watched(shard: Path, columns: object, case_id: str | None = None) -> list[dict[str, object]]:
        rows = original(shard, columns, case_id)
        asked.append((columns, len(rows)))
        return rows

    monkeypatch.setattr(case_files, "read_rows", watched)
    store = EmbeddedCaseStore.open(str(tmp_path))
    store.get("3")
    (listed, all_rows), (_, one_row) = asked
    assert "image" not in listed and "document" not in listed
    assert (all_rows, one_row) == (5, 1)


def test_the_cases_that_ship_open() -> None:
    began = time.perf_counter()
    store = EmbeddedCaseStore.open()
    assert time.perf_counter() - began < 10
    rows = store.page(CaseFilter(), None, 1000).rows
    assert len(rows) == store.count(CaseFilter()) > 0
    case = store.get(rows[0].case_id)
    assert case.study.radiograph is not None and case.licence.may_show


def test_a_case_is_read_while_another_thread_still_imports_transformers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a fresh page the checkpoint's thread imports transformers while a reader opens the first case."""
    with EmbeddedCaseStore.create(tmp_path / "store") as store:
        store.put(full_case("phantom-1"))
    monkeypatch.setitem(sys.modules, "transformers", types.ModuleType("transformers"))
    assert EmbeddedCaseStore.open(str(tmp_path / "store")).get("phantom-1").case_id == "phantom-1"
