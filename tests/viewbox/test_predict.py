"""`viewbox predict`: what it prints, and one sentence for what it cannot read."""

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cases.reading.dicom import encode_radiograph
from modeling.answers import CheckedExplanation, explanation_json
from modeling.csv_cells import csv_rows
from modeling.results import Familiarity
from modeling.study import Modality
from tests.doubles.command import command
from tests.doubles.example_answers import attribution, prediction
from tests.doubles.example_checks import every_measure
from tests.doubles.toys import toy_checkpoint, toy_radiograph
from viewbox import many

main = command("predict")


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A chest-like film as PNG."""
    path = tmp_path_factory.mktemp("films") / "film.png"
    Image.fromarray(toy_radiograph(shape=(180, 150)).pixels).save(path)
    return path


@pytest.fixture
def ask(checkpoint: Path, film: Path, capsys: pytest.CaptureFixture):
    def run(*arguments: str, file: Path = film, folder: Path = checkpoint) -> tuple[int, str, str]:
        code = main([str(file), "--checkpoint", str(folder), *arguments])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


def test_json_holds_probabilities_and_what_was_given(ask) -> None:
    code, out, err = ask("--json", "--table", '{"age": 63, "sex": "female"}', "--text", "Fever and cough")
    answer = json.loads(out)
    assert (code, err) == (0, "")
    assert answer["given"] == ["image", "table", "text"] and answer["checkpoint"]["name"] == "toy"
    assert set(answer["tasks"]) == {"appearance", "grading"}
    for task in answer["tasks"].values():
        assert sum(task["probabilities"].values()) == pytest.approx(1.0)
        assert task["most_probable"] == max(task["probabilities"], key=task["probabilities"].get)
    assert answer["not_for_diagnosis"] is True and answer["refusal"] is None


def test_lines_say_the_same_to_a_reader(ask) -> None:
    code, out, _ = ask()
    answer = json.loads(ask("--json")[1])
    assert code == 0
    for name, task in answer["tasks"].items():
        assert f"{name} (from image)" in out
        for label, p in task["probabilities"].items():
            assert f"{label:<20} {p:6.1%}" in out
    assert out.rstrip().endswith("not for diagnosis.")


def test_what_stands_against_an_answer_comes_before_its_numbers(ask, tmp_path: Path) -> None:
    Image.fromarray((toy_radiograph().pixels > 100).astype(np.uint8) * 255).save(tmp_path / "two.png")
    lines = ask(file=tmp_path / "two.png")[1].splitlines()
    assert "only 2 gray levels" in lines[0] and "%" not in lines[0]


def test_the_table_may_stand_in_a_file(ask, tmp_path: Path) -> None:
    values = '{"age": "63 years", "temperature": "99.5 °F"}'
    (tmp_path / "table.json").write_text(values, encoding="utf-8")
    from_file = json.loads(ask("--json", "--table", str(tmp_path / "table.json"))[1])
    inline = json.loads(ask("--json", "--table", values)[1])
    assert from_file["tasks"]["appearance"]["probabilities"] == inline["tasks"]["appearance"]["probabilities"]
    assert from_file["given"] == ["image", "table"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--table", "{age: 63}"], "--table is not valid JSON"),
        (["--table", "[63]"], "--table names no file"),
        (["--table", '{"age": 300}'], "age is 300, outside 0 to 120 years"),
        (["--table", '{"shoe_size": 43}'], "no clinical field 'shoe_size'"),
    ],
)
def test_a_table_that_cannot_be_read_is_a_sentence(ask, arguments: list[str], said: str) -> None:
    code, out, err = ask("--json", *arguments)
    assert (code, out) == (1, "") and said in err and err.count("\n") == 1


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize("content", [b"", b"not an image", b"%PDF-1.7", png(toy_radiograph().pixels)[:200]])
def test_a_file_that_is_no_film_is_a_sentence(ask, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file.png").write_bytes(content)
    code, out, err = ask(file=tmp_path / "file.png")
    assert (code, out) == (1, "") and err.count("\n") == 1 and err.rstrip().endswith(".")


def test_a_file_or_a_folder_that_is_not_there_is_a_sentence(ask, tmp_path: Path) -> None:
    assert ask(file=tmp_path / "none.png")[0] == 1
    code, _, err = ask(folder=tmp_path / "nowhere")
    assert code == 1 and "no checkpoint folder" in err and err.count("\n") == 1


def test_a_damaged_checkpoint_is_a_sentence(ask, tmp_path: Path) -> None:
    folder = toy_checkpoint(tmp_path / "toy", modalities=[Modality.IMAGE])
    (folder / "model.safetensors").write_bytes(b"garbage")
    code, _, err = ask(folder=folder)
    assert code == 1 and "is damaged" in err and err.count("\n") == 1


def test_films_and_folders_give_a_row_each_and_a_bad_one_stops_nothing(
    checkpoint: Path, film: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "deep").mkdir()
    for name in ("=1+1.png", "deep/b.PNG"):
        (tmp_path / name).write_bytes(film.read_bytes())
    (tmp_path / "deep" / "1.2.840.7").write_bytes(
        encode_radiograph(toy_radiograph(), case_id="P-7", synthetic=False)
    )
    (tmp_path / "deep" / "bad.png").write_bytes(b"no film")
    (tmp_path / "notes.txt").write_text("not a film")
    table, asked = tmp_path / "out.csv", [film, tmp_path, "--checkpoint", checkpoint]
    assert main([*asked, "--csv", table]) == 1
    said = capsys.readouterr()
    assert said.out == "" and said.err.endswith(
        "1 of 5 films have no answer, or better none; their rows say why.\n"
    )
    rows = {Path(row["film"]).name: row for row in csv_rows(table)}
    assert list(rows) == [film.name, "=1+1.png", "1.2.840.7", "b.PNG", "bad.png"]
    assert list(rows["bad.png"])[:3] == ["film", "refusal", "warnings"]
    assert "holds no such image" in rows["bad.png"]["refusal"] and not rows["bad.png"]["appearance: answer"]
    alone = json.loads(ask_alone(film, checkpoint, capsys))["tasks"]["appearance"]["probabilities"]
    assert float(rows["b.PNG"]["appearance: Typical"]) == pytest.approx(alone["Typical"], abs=1e-4)
    assert main([*asked, "--json"]) == 1
    films = json.loads(capsys.readouterr().out)["films"]
    assert [bool(one["refusal"]) for one in films] == [False] * 4 + [True]
    assert main([film, film, tmp_path / "deep" / "b.PNG", "--checkpoint", checkpoint]) == 0
    assert capsys.readouterr().out.count("appearance (from image)") == 2


def ask_alone(film: Path, checkpoint: Path, capsys: pytest.CaptureFixture) -> str:
    assert main([film, "--checkpoint", checkpoint, "--json"]) == 0
    return capsys.readouterr().out


def test_a_file_that_cannot_be_opened_has_a_row_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    locked = tmp_path / "1.2.840"
    locked.write_bytes(b"x")
    assert not many._is_film(locked)
    monkeypatch.setattr(Path, "open", lambda *_: (_ for _ in ()).throw(PermissionError()))
    assert many.films_of([tmp_path]) == [locked]


@pytest.mark.parametrize(
    ("more", "said"), [([], "no film in"), (["--table", '{"age": 3}'], "belong to one film")]
)
def test_a_folder_without_films_and_values_for_several_are_a_sentence(
    more: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert main([tmp_path, *more]) == 1
    err = capsys.readouterr().err
    assert said in err and err.count("\n") == 1


def test_what_stands_against_an_explanation_comes_before_its_numbers() -> None:
    refused = replace(prediction(), familiarity=Familiarity(3.0, 2.0))
    explained = CheckedExplanation(refused, attribution(notes=("Words were cut.",)), every_measure())
    assert str(explained).splitlines()[:3] == [refused.refusal, "A note.", "Words were cut."]
    assert str(explained).splitlines()[3].startswith(f"Map: {explained.verdict.sentence}")
    told = explanation_json(explained)
    assert (
        list(told)[:3] == ["not_for_diagnosis", "refusal", "warnings"] and told["refusal"] == refused.refusal
    )
    assert json.loads(json.dumps(told, allow_nan=False))["map_verdict"]["level"] == explained.verdict.level


def test_one_target_is_explained_field_by_field_and_drawn(
    checkpoint: Path, film: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    given = [film, "--checkpoint", checkpoint, "--table", '{"age": 63}', "--text", "Fever"]
    drawn, numbers = tmp_path / "map.png", tmp_path / "map.npz"
    asked = [*given, "--target", "grading/Severe", "--baseline", "blurred", "--map", drawn, "--json"]
    asked += ["--map", numbers]
    assert command("explain")(asked) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["target"], answer["baseline"]) == ("grading/Severe", "blurred")
    assert answer["fields"][0] | {"attribution": 0} == {"name": "age", "value": 63, "attribution": 0}
    assert [w["word"] for w in answer["words"]] == ["Fever"]
    added = sum(part["logits"] for part in answer["modality_share"].values()) - answer["convergence_delta"]
    assert added == pytest.approx(answer["output"] - answer["baseline_output"], abs=1e-6)
    assert Image.open(drawn).mode == "RGB" and Image.open(drawn).size == (150, 180)
    with np.load(numbers, allow_pickle=False) as saved:
        part = answer["modality_share"]["image"]["logits"]
        assert saved["map"].dtype == np.float32 and saved["map"].sum() == pytest.approx(part)
        assert list(saved["film"]) == [180, 150] and saved["scale"] > 0
        assert (saved["target"], saved["baseline"]) == ("grading/Severe", "blurred")
        assert saved["convergence_delta"] == pytest.approx(answer["convergence_delta"])
        assert saved["revision"] == answer["checkpoint"]["revision"]
        assert list(saved["warnings"]) == answer["warnings"]
    assert command("explain")([*asked, "--map", tmp_path / "map.tiff"]) == 1
    assert "name a .png or .npz file" in capsys.readouterr().err
    assert command("explain")([*given, "--target", "grading/Severe", "--baseline", "blurred"]) == 0
    told = capsys.readouterr().out
    assert "age = 63" in told
    verdict = answer["map_verdict"]
    assert set(verdict["answers"]) == {"adds_up", "follows_model", "matters", "in_place"}
    assert f"Map: {verdict['sentence']}" in told and "convergence delta" in told
    assert all(reason["sentence"] in told for reason in verdict["reasons"])
    assert command("explain")([*given, "--target", "mood"]) == 1
    assert "names no target" in capsys.readouterr().err


def test_a_map_goes_back_into_the_study_of_its_dicom_film(
    checkpoint: Path, film: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    dicom = tmp_path / "film.dcm"
    dicom.write_bytes(encode_radiograph(toy_radiograph(), case_id="P-7", synthetic=False))
    asked = ["--checkpoint", checkpoint, "--target", "grading/Severe", "--dicom", tmp_path / "out", "--json"]
    assert command("explain")([dicom, *asked]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert [Path(name).read_bytes()[128:132] for name in answer["dicom"]] == [b"DICM", b"DICM"]
    said = Path(answer["dicom"][1]).read_bytes().decode("utf-8", "replace")
    made = "integrated_gradients of grading/Severe, from the black film"
    told = (f"at {answer['checkpoint']['revision']}", made, "convergence delta", "Map: ", "not for diagnosis")
    assert all(part in said for part in told)
    assert command("explain")([film, *asked]) == 1
    assert "give the film as a DICOM file" in capsys.readouterr().err
    blind = toy_checkpoint(tmp_path / "blind", modalities=[Modality.TABLE])
    aside = [
        "--checkpoint",
        blind,
        "--target",
        "grading/Severe",
        "--table",
        '{"age": 63}',
        "--dicom",
        tmp_path,
    ]
    assert command("explain")([dicom, *aside]) == 1
    assert "answered without the film" in capsys.readouterr().err
