"""Reports from archives, folders, text and CSV, and the files that must be refused in one sentence."""

import gzip
import io
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from modeling.reports.reading import LARGEST_MEMBER, ReportError, parse_xml, read_reports
from tests.doubles.example_reports import open_i_xml, write_archive

BOMB = """<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "ha">
<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]>
<eCitation><Abstract><AbstractText Label="FINDINGS">&c;</AbstractText></Abstract></eCitation>"""


def refusal(path: Path, **options: str) -> str:
    with pytest.raises(ReportError) as told:
        read_reports(path, **options)
    sentence = str(told.value)
    assert sentence.endswith(".") and "\n" not in sentence
    return sentence


def test_an_archive_a_folder_and_a_file_read_alike(tmp_path: Path) -> None:
    from_archive = read_reports(write_archive(tmp_path / "reports.tgz", 12))
    folder = tmp_path / "deep" / "folder"
    folder.mkdir(parents=True)
    with tarfile.open(tmp_path / "reports.tgz") as archive:
        for member in archive:
            (folder / Path(member.name).name).write_bytes(archive.extractfile(member).read())
    from_folder = read_reports(tmp_path / "deep")
    assert len(from_archive) == 12 and from_archive == from_folder
    assert read_reports(folder / "CXR3.xml")[0] in from_archive
    report = from_archive[0]
    assert list(report.sections) == ["comparison", "indication", "findings", "impression"]
    assert report.headings == ("Effusion",)


def test_text_files_keep_their_sections(tmp_path: Path) -> None:
    (tmp_path / "s1.txt").write_text("FINDINGS: Clear.\nIMPRESSION: Normal.")
    (tmp_path / "s2.txt").write_text("Only words")
    first, second = read_reports(tmp_path)
    assert (first.report_id, first.sections["impression"].strip()) == ("s1", "Normal.")
    assert dict(second.sections) == {"report": "Only words"}


@pytest.mark.parametrize("zipped", [False, True])
def test_a_csv_by_sections_or_by_one_column(tmp_path: Path, zipped: bool) -> None:
    table = (
        "report_id,findings,Impression,Labels\nA,\"Small, clear.\",None.,\"['x', 'y z']\"\nB,,Edema.,p;q\n"
    )
    path = tmp_path / ("r.csv.gz" if zipped else "r.csv")
    path.write_bytes(gzip.compress(table.encode()) if zipped else table.encode())
    first, second = read_reports(path, heading_column="labels")
    assert dict(first.sections) == {"findings": "Small, clear.", "impression": "None."}
    assert (first.headings, second.headings) == (("x", "y z"), ("p", "q"))
    assert [r.report_id for r in read_reports(path)] == ["A", "B"]
    assert dict(read_reports(path, text_column="Impression")[1].sections) == {"report": "Edema."}


def test_an_xml_bomb_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.xml"
    path.write_text(BOMB)
    assert "defines XML entities" in refusal(path)
    outside = BOMB.replace('<!ENTITY a "ha">', '<!ENTITY a SYSTEM "file:///etc/passwd">')
    path.write_text(outside)
    assert "defines XML entities" in refusal(path)


def test_a_bomb_in_an_archive_is_named(tmp_path: Path) -> None:
    path = tmp_path / "bombs.tgz"
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo("a/CXR9.xml")
        member.size = len(BOMB)
        archive.addfile(member, io.BytesIO(BOMB.encode()))
    assert refusal(path).startswith("CXR9.xml")


def test_an_empty_archive_folder_or_csv_is_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "empty.tgz", "w:gz"):
        pass
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty.csv").write_text("findings\n")
    for name in ("empty.tgz", "empty", "empty.csv"):
        assert "holds no report" in refusal(tmp_path / name)
    (tmp_path / "nothing.tgz").write_bytes(b"")
    assert "not a readable archive" in refusal(tmp_path / "nothing.tgz")


def test_what_is_no_report_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.xml").write_text("<html><body>no</body></html>")
    assert "no AbstractText" in refusal(tmp_path / "a.xml")
    (tmp_path / "b.xml").write_text("<eCitation><Abstract>")
    assert "not valid XML" in refusal(tmp_path / "b.xml")
    (tmp_path / "c.csv").write_text("age,sex\n1,M\n")
    assert "no column that holds text" in refusal(tmp_path / "c.csv")
    assert "no column 'Report'" in refusal(tmp_path / "c.csv", text_column="Report")
    (tmp_path / "d.csv.gz").write_bytes(b"plain")
    assert "not a whole gzip file" in refusal(tmp_path / "d.csv.gz")
    (tmp_path / "e.txt").write_bytes(b"x" * (LARGEST_MEMBER + 1))
    assert "larger than a report" in refusal(tmp_path / "e.txt")
    assert "nothing at" in refusal(tmp_path / "none.tgz")


def test_html_in_a_report_stays_in_its_text() -> None:
    report = parse_xml(open_i_xml("CXR1", "No <b>effusion</b>. &lt;br&gt; Clear.").encode())
    assert report.sections["findings"] == "No effusion. <br> Clear."


def test_the_miner_loads_without_torch_or_numpy() -> None:
    code = (
        "import sys, modeling.reports.mining, modeling.reports.reading, modeling.reports.scoring;"
        "print(sorted({'torch', 'numpy', 'sklearn', 'transformers', 'pandas'} & set(sys.modules)))"
    )
    root = Path(__file__).resolve().parents[3]
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=root, check=True
    )
    assert answer.stdout.strip() == "[]"
