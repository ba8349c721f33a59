"""Tables of reports as people have them: any usual separator, encoding and column name."""

import gzip
import json
from pathlib import Path

import pytest
from pyarrow import Table, parquet

from modeling.reports.mining import Miner
from modeling.reports.reading import read_reports
from modeling.reports.report import SECTION_NAMES, VOCABULARY, WHOLE, ReportError

TEXTS = ("No effusion; small, left pneumothorax.", "Kardiomegalie größer – été")


def texts(path: Path, **options: str) -> list[str]:
    return [report.text() for report in read_reports(path, **options)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("name", ["r.csv", "r.tsv", "r.txt", "r.csv.gz"])
def test_separators_and_encodings(tmp_path: Path, encoding: str, separator: str, name: str) -> None:
    lines = [separator.join(("study_id", "age", "Report Text"))]
    lines += [separator.join((f"s{place}", "50", f'"{text}"')) for place, text in enumerate(TEXTS)]
    content = "\r\n".join(lines).encode(encoding)
    (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    reports = read_reports(tmp_path / name)
    assert [(report.report_id, report.text()) for report in reports] == [("s0", TEXTS[0]), ("s1", TEXTS[1])]


def test_big5_and_chinese_column_names(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_bytes("編號,報告內容\n7,右下肺浸潤，無肋膜積液\n".encode("cp950"))
    assert [(r.report_id, r.text()) for r in read_reports(tmp_path / "r.csv")] == [
        ("7", "右下肺浸潤，無肋膜積液")
    ]


def test_excel_names_its_separator_first(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("sep=;\nid;Befund\n1;Erguss, links\n", encoding="utf-8")
    assert texts(tmp_path / "r.csv") == ["Erguss, links"]


@pytest.mark.parametrize("name", ["r.jsonl", "r.ndjson", "r.json", "r.txt"])
def test_json_lines_lists_and_objects(tmp_path: Path, name: str) -> None:
    rows = [{"id": place, "report": text, "age": None} for place, text in enumerate(TEXTS)]
    wholes = [
        "\n".join(json.dumps(row) for row in rows),
        json.dumps(rows),
        json.dumps({"reports": rows}, indent=2),
    ]
    for whole in wholes[: 3 if name == "r.json" else 2]:
        (tmp_path / name).write_text(whole)
        assert [(r.report_id, r.text()) for r in read_reports(tmp_path / name)] == list(
            zip("01", TEXTS, strict=True)
        )


def test_sections_by_column(tmp_path: Path) -> None:
    (tmp_path / "r.tsv").write_text("uid\tFindings\tImpression\n1\tSmall nodule.\tNodule.\n")
    assert dict(read_reports(tmp_path / "r.tsv")[0].sections) == {
        "findings": "Small nodule.",
        "impression": "Nodule.",
    }


def test_cells_that_say_nothing_are_not_normal_and_noted(tmp_path: Path) -> None:
    cells = ["", '"nan"', '"   "', "XXXX", "NULL", "n/a", "None"]
    (tmp_path / "r.csv").write_text("id,report\n" + "\n".join(f"{k},{c}" for k, c in enumerate(cells)) + "\n")
    mined = Miner().label_all(read_reports(tmp_path / "r.csv"))
    assert len(mined) == len(cells) and not any(labels.normal for labels in mined)
    assert all("nothing that can be read" in labels.notes[0] for labels in mined)


def test_a_parquet_file_is_a_table_too(tmp_path: Path) -> None:
    rows = [{"id": 7, "report": "FINDINGS: Small effusion."}, {"id": 8, "report": None}]
    parquet.write_table(Table.from_pylist(rows), tmp_path / "reports.parquet")
    first, second = read_reports(tmp_path / "reports.parquet")
    assert (first.report_id, dict(first.sections)) == ("7", {"findings": "Small effusion."})
    assert second.report_id == "8" and not second.text().strip()
    (tmp_path / "cut.parquet").write_bytes((tmp_path / "reports.parquet").read_bytes()[:-20])
    with pytest.raises(ReportError, match="is not a whole Parquet file"):
        read_reports(tmp_path / "cut.parquet")


def test_an_unquoted_text_in_the_last_column_is_whole(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("id,report\n1,No effusion, small nodule, no mass.\n")
    assert texts(tmp_path / "r.csv") == ["No effusion, small nodule, no mass."]


def test_what_cannot_be_read_is_refused_with_the_true_reason(tmp_path: Path) -> None:
    files = {
        "cells.csv": (b"report,id\nNo effusion, small nodule,1\n", "Line 2 .* 3 cells for 2 columns"),
        "names.csv": (b"a;b\n1;No effusion.\n", "no column that holds text, only a, b"),
        "bare.csv": (b"1,No effusion.\n2,Mass.\n", "no column that holds text, only 1, No effusion"),
        "r.pdf": (b"%PDF-1.7 ...", "a PDF file"),
        "r.xlsx": (b"PK\x03\x04....", "an Office file"),
        "r.doc": (b"\xd0\xcf\x11\xe0....", "an old Office file"),
        "zeros.csv": (b"id,report\n1,\x00\x00 no\n", "zero bytes"),
        "bad.jsonl": (b'{"report": "a"}\n{"report": \n', "Entry 2 .* no JSON object"),
        "numbers.json": (b"[1, 2]", "Entry 1 .* no JSON object"),
        "deep.json": (b"[" * 100_000, "Entry 1 .* no JSON object"),
        "header.csv": (b"id,report\n", "holds no report"),
        "nothing.csv": (b"", "holds no report"),
    }
    for name, (content, _) in files.items():
        (tmp_path / name).write_bytes(content)
    for name, (_, told) in files.items():
        with pytest.raises(ReportError, match=told) as caught:
            read_reports(tmp_path / name)
        assert str(caught.value).endswith(".") and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "History: cough, fever\nFindings: no effusion; small nodule",
        "Lungs clear, no effusion | heart normal\n",
        "[ ] effusion\n[x] nodule\n",
    ],
)
def test_prose_in_a_text_file_stays_one_report(tmp_path: Path, text: str) -> None:
    (tmp_path / "r.txt").write_text(text)
    assert len(read_reports(tmp_path / "r.txt")) == 1


def test_no_word_of_the_vocabulary_means_two_things() -> None:
    for kinds in (VOCABULARY["columns"], VOCABULARY["headings"]):
        words = [word for words in kinds.values() for word in words]
        assert len(words) == len(set(words)) and all(word == word.strip().lower() for word in words)
    assert {*SECTION_NAMES, WHOLE, "id"} == set(VOCABULARY["columns"])
    assert {*SECTION_NAMES, WHOLE} <= set(VOCABULARY["headings"])
    assert not set(VOCABULARY["english"]) & set(VOCABULARY["other_languages"])
