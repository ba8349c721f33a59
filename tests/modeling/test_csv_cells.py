"""CSV cells: no spreadsheet runs them, and what reads them gets back what was written."""

import csv
import io
import itertools
import re
from pathlib import Path

import pytest

from modeling.csv_cells import csv_rows, csv_text, guarded, unguarded
from modeling.errors import ViewboxError

HOSTILE = [
    "=HYPERLINK(\"http://x\",\"y\")", "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1",
    "＝1+1", "＋1", "－1+1", "＠x", "'=1", "''=1", "-", "--1", "-film", "=",
]  # fmt: skip


@pytest.mark.parametrize(
    "text", [*HOSTILE, "", "'", "film-1", "a=b", "-3", "+4.5", "it's", "'quoted'", " =1"]
)
def test_a_text_comes_back_and_none_begins_like_a_formula(text: str) -> None:
    cell = guarded(text)
    assert unguarded(cell) == text
    assert (cell == f"'{text}") == (text in HOSTILE)


NUMBERS = [-3, -0.5, None, "-3", "-0.25", "-3.2e-05", "+1E5"]


def test_numbers_stay_numbers() -> None:
    assert [guarded(value) for value in NUMBERS] == NUMBERS


def test_a_table_comes_back_whatever_its_cells_hold(tmp_path: Path) -> None:
    texts = [*HOSTILE, "a,b", 'say "no"', "two\nlines", "ä 病"]
    rows = [{"source": a, "film": b} for a, b in itertools.pairwise(texts)]
    path = tmp_path / "split.csv"
    path.write_text(
        csv_text(["source", "film"], [row.values() for row in rows]), encoding="utf-8", newline=""
    )
    assert csv_rows(path) == rows
    for row in csv.reader(io.StringIO(path.read_text(encoding="utf-8"), newline="")):
        assert not [cell for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))]


def test_no_other_module_writes_csv(root: Path) -> None:
    folders = ("modeling", "cases", "training", "evaluation", "interface", "hub_config", "viewbox")
    sources = [path for folder in folders for path in (root / folder).rglob("*.py")]
    writers = [p.name for p in sources if re.search(r"csv\.(writer|DictWriter)|to_csv", p.read_text("utf-8"))]
    assert writers == ["csv_cells.py"]


@pytest.mark.parametrize(
    "content",
    [b"a,b\n1\n", b"a,b\n1,2,3\n", b"a,b\n\xff\xfe,1\n", b'a,b\n"1,2\n', b"a,b\n" + b"x" * 200_000 + b",1\n"],
    ids=["short row", "long row", "no UTF-8", "open quote", "endless cell"],
)
def test_a_file_that_is_no_csv_is_a_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "split.csv").write_bytes(content)
    with pytest.raises(ViewboxError, match=r"split\.csv is no readable CSV file; make it anew\."):
        csv_rows(tmp_path / "split.csv")
