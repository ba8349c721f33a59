"""The labelling command on reports that nobody should feed it: labels with a warning, or one sentence."""

import json
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.doubles.command import command
from tests.doubles.example_reports import open_i_xml, write_archive, write_gold

main = command("mine")

BOMB = """<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "effusion"><!ENTITY b "&a;&a;&a;&a;&a;">]>
<eCitation><AbstractText>&b;</AbstractText></eCitation>"""


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """A folder of reports, each odd in its own way."""
    folder = tmp_path / "odd"
    folder.mkdir()
    texts = {
        "spanish": "Silueta cardiaca de tamaño normal. Pequeño derrame pleural izquierdo con atelectasia.",
        "unsectioned": "Small left pleural effusion. No pneumothorax.",
        "long": "FINDINGS: " + "No pleural effusion is seen here. " * 8400 + "Cardiomegaly.",
        "removed": "FINDINGS: XXXX XXXX. XXXX",
        "html": '<p id="effusion">Lungs&nbsp;clear.</p><script>x("pneumonia")</script> No <b>edema</b>.',
        "blank": " \n",
    }
    for name, text in texts.items():
        (folder / f"{name}.txt").write_text(text)
    return folder


def test_odd_reports_are_labelled_or_warned_about(odd: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(odd), "--json"]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    rows = {row["report_id"]: row for row in json.loads(captured.out)["reports"]}
    assert "English" in rows["spanish"]["notes"][0] and not rows["spanish"]["normal"]
    for name in ("removed", "blank"):
        assert "nothing that can be read" in rows[name]["notes"][0]
        assert {label["value"] for label in rows[name]["labels"].values()} == {"unmentioned"}
    assert rows["unsectioned"]["labels"]["Effusion"]["value"] == "positive"
    assert rows["unsectioned"]["labels"]["Pneumothorax"]["value"] == "negative"
    assert rows["long"]["labels"]["Effusion"]["value"] == "negative"
    assert rows["long"]["labels"]["Cardiomegaly"]["value"] == "positive"
    assert rows["html"]["labels"]["Effusion"]["value"] == "unmentioned"
    assert rows["html"]["labels"]["Edema"]["value"] == "negative"


def test_what_cannot_be_read_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bomb.xml").write_text(BOMB)
    (tmp_path / "page.xml").write_text("<html><body>no report</body></html>")
    (tmp_path / "cut.xml").write_text(open_i_xml("CXR1", "Clear.")[:80])
    with tarfile.open(tmp_path / "empty.tgz", "w:gz"):
        pass
    (tmp_path / "text.tgz").write_text("no archive")
    archive, gold = write_archive(tmp_path / "r.tgz", 6), write_gold(tmp_path / "g.csv", 6, prefix="other")
    commands = [
        [str(tmp_path / n)] for n in ("bomb.xml", "page.xml", "cut.xml", "empty.tgz", "text.tgz", "absent")
    ]
    commands += [
        [str(archive), "--gold", str(gold)],
        [str(archive), "--gold", str(tmp_path / "none.csv")],
        [str(archive), "--weak"],
        [str(archive), "--rules", str(tmp_path / "bomb.xml")],
    ]
    for asked in commands:
        assert main(asked) in (1, 2), asked
        captured = capsys.readouterr()
        assert captured.out == "" and captured.err.count("\n") == 1, (asked, captured.err)
        assert captured.err.strip().endswith(".") and "Traceback" not in captured.err


@pytest.mark.parametrize("options", [["--json"], []])
def test_a_reader_who_stops_reading_ends_the_command_quietly(tmp_path: Path, options: list[str]) -> None:
    archive = write_archive(tmp_path / "r.tgz", 6)
    command = [sys.executable, "-m", "training.labelling", str(archive), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        running.stdout.close()  # as `head` does once it has its lines
        assert running.stderr.read() == "" and running.wait(timeout=60) == 0
