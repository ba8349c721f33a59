"""Many reports in files: placed where words find them, and gone on with where the work broke off."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from hub_config.settings import FINDING_CLASSIFIER
from modeling.errors import ViewboxError
from modeling.findings.reader import reader_at
from modeling.reports.mining import Miner
from modeling.reports.report import Report
from modeling.retrieval import report_index
from modeling.retrieval.report_index import MINED, ReportIndex, index_reports
from tests.doubles.command import command

SAID = (
    "There is a hiatal hernia.",
    "Old fracture of the left clavicle.",
    "The lungs are clear.",
    "Scoliosis.",
)


def reports(number: int = 10) -> list[Report]:
    return [Report(f"r{n}", {"findings": f"{SAID[n % 4]} No pneumothorax."}) for n in range(number)]


def index(folder: Path, given: list[Report], source: str = "here") -> list[int]:
    return list(index_reports(folder, given, reader_at(FINDING_CLASSIFIER), Miner(), source))


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_index, "PORTION", 4)


def test_words_find_the_reports_that_say_them(tmp_path: Path) -> None:
    assert index(tmp_path / "index", reports()) == [4, 8, 10]
    found, reader = ReportIndex.open(tmp_path / "index"), reader_at(FINDING_CLASSIFIER)
    assert len(found) == 10 and found.vectors.dtype == np.float16 and isinstance(found.vectors, np.memmap)
    near = found.nearest(reader.vectors(["broken collarbone"])[0], 2)
    assert [one.report_id for one in near] == ["r1", "r5"] and "Clavicle fracture" in near[0].findings
    assert found.counts()["Scoliosis"] == 2 and found.counts()["Hiatal hernia"] == 3
    assert found.mined_counts()["normal"] == 2 and found.mined_counts()["Hernia"] == 3
    assert (found.mined[:, MINED.index("Pneumothorax")] == -1).all()


def test_work_that_broke_off_goes_on(tmp_path: Path) -> None:
    def breaking() -> Iterator[Report]:
        yield from reports()[:6]
        raise KeyboardInterrupt

    folder, whole = tmp_path / "index", tmp_path / "whole"
    with pytest.raises(KeyboardInterrupt):
        index(folder, breaking())
    with (folder / "vectors.f16").open("ab") as file:  # half a portion that no state tells of
        file.write(b"half")
    assert index(folder, reports()) == [8, 10] and index(whole, reports())[-1] == 10
    again, once = ReportIndex.open(folder), ReportIndex.open(whole)
    assert again.ids == once.ids and np.array_equal(again.vectors, once.vectors)
    assert np.array_equal(again.mined, once.mined)
    assert index(folder, reports()) == [10], "a whole index is left as it is"


def test_other_reports_and_no_index_are_refused(tmp_path: Path) -> None:
    index(tmp_path / "index", reports())
    with pytest.raises(ViewboxError, match="holds an index of other reports"):
        index(tmp_path / "index", reports(), "there")
    with pytest.raises(ViewboxError, match="There is no index of reports"):
        ReportIndex.open(tmp_path)
    (tmp_path / "index" / "mined.i8").unlink()
    with pytest.raises(ViewboxError, match="is not whole; delete the folder"):
        ReportIndex.open(tmp_path / "index")


def test_an_empty_report_has_a_place_of_its_own(tmp_path: Path) -> None:
    index(tmp_path / "index", [Report("empty", {}), Report("b", {"findings": "Scoliosis."})])
    found = ReportIndex.open(tmp_path / "index")
    assert not found.vectors[0].any() and (found.margins[0] < 0).all() and found.ids == ["empty", "b"]


def test_the_command_mines_places_and_finds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = "\n".join(f'"{r.report_id}","{r.sections["findings"]}"' for r in reports())
    table = tmp_path / "reports.csv"
    table.write_text(f"id,findings\n{rows}\n")
    asked = [table, "--index", tmp_path / "index", "--like", "collarbone fracture"]
    assert command("mine")(asked) == 0
    told = capsys.readouterr().out
    assert "10 reports in the index" in told and "Scoliosis 2" in told and "r1  Clavicle fracture" in told
    assert command("mine")(asked) == 0 and "10 reports in the index" in capsys.readouterr().out
    assert command("mine")([table, "--like", "x"]) == command("mine")([table, "--like", ""]) == 2
    assert command("mine")([*asked[:-1], "鎖骨骨折"]) == 0
    assert "most like 'Clavicle fracture':\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("like", "said"),
    [
        ("", "Write a finding in a few words"),
        ("the printer is broken", "Nothing known here is like 'the printer is broken'; say"),
        ("no pneumothorax", "denies something"),
        ("x" * 10_000, "at most 300 characters"),
    ],
)
def test_what_is_no_finding_is_told_before_a_report_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], like: str, said: str
) -> None:
    assert command("mine")([tmp_path / "none.csv", "--index", tmp_path / "index", "--like", like]) == 1
    assert said in capsys.readouterr().err


def test_an_index_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "index").write_text("mine")
    with pytest.raises(ViewboxError, match="is a file; name a folder for the index"):
        index(tmp_path / "index", reports())
    with pytest.raises(ViewboxError, match="holds other files; name a new folder"):
        index(tmp_path, reports())
    assert [one.name for one in tmp_path.iterdir()] == ["index"], "nothing is written among them"
