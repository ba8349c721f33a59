"""The `viewbox` command as a whole, and the package's public face."""

import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
from typer.main import get_command

import viewbox
from cases.importers.run import LAYOUTS
from viewbox.command import app, main
from viewbox.data import Layout

ROOT = Path(__file__).parents[2]
main(["--help"])
COMMANDS = get_command(app).commands


def run(*code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *code], capture_output=True, text=True, timeout=60, check=True)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_says_what_it_does_and_for_whom(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == 0
    assert COMMANDS[name].help.split("\n")[0].rstrip().endswith((".", "?"))
    assert COMMANDS[name].rich_help_panel, "grouped by its reader"
    assert capsys.readouterr().out.count("--help") == 1


@pytest.mark.parametrize("arguments", [["locate"], ["evaluate"], ["train", "--config"], ["sweep", "a", "b"]])
def test_what_is_not_asked_for_properly_is_a_sentence_and_status_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and "--help" in err


def test_a_file_that_cannot_be_written_is_a_sentence_and_status_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sheet = tmp_path / "nowhere" / "sheet.png"
    assert main(["phantoms", "--cases", "1", "--size", "64", "--contact-sheet", str(sheet)]) == 1
    err = capsys.readouterr().err
    assert str(sheet) in err and err.count("\n") == 1


def asked_in_documents() -> list[tuple[str, str]]:
    """(where, line) of every call of the command in the documents, cards among them."""
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "hub_config").rglob("*.md")]
    calls = re.compile(r"(?:^|`)viewbox (?!--)([^`#\n]+)", re.MULTILINE)
    return [(page.name, call) for page in pages for call in calls.findall(page.read_text(encoding="utf-8"))]


def test_what_the_documents_ask_for_is_there() -> None:
    asked = asked_in_documents()
    assert len(asked) > 30
    for page, call in asked:
        name, *words = re.findall(r"[\w-]+", call.replace("[", " ").replace("(", " "))
        assert name in COMMANDS, f"{page}: viewbox {call}"
        known = {option for parameter in COMMANDS[name].params for option in parameter.opts} | {"--help"}
        unknown = [word for word in words if word.startswith("--") and word not in known]
        assert not unknown, f"{page}: viewbox {call} has no {unknown}"


def test_the_layouts_that_can_be_named_are_those_that_can_be_read() -> None:
    assert set(get_args(Layout)) == set(LAYOUTS)


def test_the_public_face_is_whole_and_waits_for_what_is_used(root: Path) -> None:
    for name in viewbox.__all__:
        assert getattr(viewbox, name).__doc__
    with pytest.raises(AttributeError, match="DiagnosisPipeline"):
        _ = viewbox.Diagnosis
    heavy = "{'torch', 'numpy', 'gradio', 'pydicom'} & set(sys.modules)"
    run("-c", f"import sys, viewbox, viewbox.command; dir(viewbox); sys.exit(bool({heavy}))")


def test_a_study_from_a_file(tmp_path: Path) -> None:
    with pytest.raises(viewbox.ViewboxError, match="cannot be read"):
        viewbox.open_study(tmp_path / "none.png")
    with pytest.raises(viewbox.ViewboxError, match="choose one of film"):
        viewbox.bundled("x-ray")
    case = viewbox.open_case_store(None).page(viewbox.CaseFilter()).rows[0]
    store = viewbox.open_case_store(None)
    from cases.reading.dicom import encode_radiograph

    film = store.get(case.case_id).study.radiograph
    (tmp_path / "film.dcm").write_bytes(encode_radiograph(film, case_id="x", synthetic=True))
    study = viewbox.open_study(tmp_path / "film.dcm", {"age": "63 years"}, "Cough.")
    assert study.radiograph.sha256 == film.sha256 and study.table.values["age"] == 63
    assert dict(study.text.sections) == {"indication": "Cough."}
