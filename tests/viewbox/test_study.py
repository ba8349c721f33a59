"""`viewbox study`: what each film of a study adds, of files and of a stored case."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import viewbox
from cases.parquet.store import EmbeddedCaseStore
from cases.phantom.studies import PhantomStudy, StudySettings, generate_study, study_case, study_seed
from cases.reading.dicom import encode_radiograph
from modeling.study import ViewPosition
from tests.doubles.command import command
from tests.doubles.example_cases import small_case

main = command("study")
FILMS = ((ViewPosition.PA, 0), (ViewPosition.LATERAL, 0), (ViewPosition.PA, 60), (ViewPosition.LATERAL, 60))


@pytest.fixture(scope="module")
def drawn() -> PhantomStudy:
    settings = StudySettings(size=128, place="behind the heart", change="new", films=FILMS)
    return generate_study(study_seed(6101, 0), settings=settings)


@pytest.fixture(scope="module")
def store(drawn: PhantomStudy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lake") / "store"
    case = study_case(drawn)
    with EmbeddedCaseStore.create(folder) as made:
        made.put(dataclasses.replace(case, case_id="hidden"))
        made.put(dataclasses.replace(case, case_id="alone", further=()))
        made.put(small_case("real"))
    return folder


@pytest.fixture(scope="module")
def files(drawn: PhantomStudy, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("files")
    paths = [folder / f"{number}.dcm" for number in range(1, 5)]
    for path, film in zip(paths, drawn.films, strict=True):
        path.write_bytes(encode_radiograph(film.radiograph, case_id="hidden", synthetic=True))
    return paths


DAYS = [word for _, days in FILMS for word in ("--days", days)]


def told(capsys: pytest.CaptureFixture[str], *asked: object) -> dict:
    assert main([*asked, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_lateral_adds_most_where_the_frontal_film_shows_nothing(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = told(capsys, "hidden", "--store", store)
    assert found["target"] == "opacity/present" and found["tasks"]["opacity"]["reference"] == "present"
    assert sum(found["tasks"]["opacity"]["probabilities"].values()) == pytest.approx(1)
    worth = [film["shapley"] for film in found["films"]]
    assert [film["days_before"] for film in found["films"]] == [0, 0, 60, 60]
    assert max(worth) == worth[1] and found["films"][1]["view_position"] == "lateral"
    gone = found["films"][1]["without"]["opacity"]["present"]
    assert gone < 0.5 < found["tasks"]["opacity"]["probabilities"]["present"]
    assert found["warnings"] == [], "a phantom of the kind that it learnt from"
    assert main(["hidden", "--store", store]) == 0
    lines = capsys.readouterr().out
    assert "2. lateral, today: Shapley value +" in lines and "4. lateral, 60 days before: " in lines
    assert "not for diagnosis" in lines and "reference: opacity present" in lines


def test_files_have_the_answer_of_the_same_case_and_warn_before_it(
    store: Path, files: list[Path], drawn: PhantomStudy, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "broken.png").write_bytes(b"no film")
    words = {name: text for name, text in drawn.text.sections.items() if name == "indication"}
    values = json.dumps(dict(drawn.table.values))
    asked = [*files, tmp_path / "broken.png", *DAYS, "--days", 0]
    found = told(capsys, *asked, "--table", values, "--text", words.get("indication", ""))
    stored = told(capsys, "hidden", "--store", store)
    pairs = zip(found["films"], stored["films"], strict=True)
    close = [one["shapley"] == pytest.approx(other["shapley"], abs=0.1) for one, other in pairs]
    assert all(close), "but for the table's view, which the files state and this case does not"
    assert found["left_out"][0]["name"] == "broken.png" and found["left_out"][0]["number"] == 5
    first, second = found["warnings"][:2]
    assert first.startswith("This model learnt from synthetic films only and has seen none like your own")
    assert second.startswith("The film broken.png was left out: This file is named .png")


def test_one_account_and_one_picture_of_all_films(
    store: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    found = told(capsys, "hidden", "--store", store, "--map", tmp_path / "maps.png")
    parts = [film["contribution"] for film in found["films"]]
    assert max(parts) == parts[1] and found["verdict"] == "usable" and found["relative_delta"] <= 0.05
    with Image.open(tmp_path / "maps.png") as strip:
        colours = np.asarray(strip).astype(int)
    assert colours.shape[0] == 512
    tinted = [float(np.ptp(film, axis=2).mean()) for film in np.split(colours, 4, axis=1)]
    assert max(tinted) == tinted[1], "one scale for all films"
    assert "contribution" not in told(capsys, "hidden", "--store", store)["films"][0]


def test_python_reads_the_same_files(files: list[Path], tmp_path: Path) -> None:
    views, days = (list(column) for column in zip(*FILMS, strict=True))
    read = viewbox.open_films(files, views, days, table={"age": 61}, text="Cough.")
    pipeline = viewbox.StudyPipeline.from_pretrained(viewbox.STUDY_CHECKPOINT)
    answer = pipeline.predict(read.films, read.study, refused=read.refused)
    assert isinstance(answer, viewbox.StudyAnswer) and len(answer.parts) == 4
    assert repr(answer).startswith("This model learnt from synthetic films only")
    with pytest.raises(viewbox.ViewboxError, match=r"'missing\.dcm' cannot be read"):
        viewbox.open_films(["missing.dcm"])


def test_real_films_are_answered_behind_a_warning(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = told(capsys, "real", "--store", store)
    assert "has seen none like this one" in found["warnings"][0]
    assert len(told(capsys, "alone", "--store", store)["films"]) == 1


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["hidden", "other", "--store", "S"], "A stored case has its own films, views and values"),
        (["hidden", "--store", "S", "--days", "0"], "A stored case has its own films, views and values"),
        (["1.dcm", "1.dcm"], "Films 1 and 2 are the same film; leave one out."),
        (["1.dcm", "--map", "map.npz"], "cannot be written as a map; name a .png file"),
        (["1.dcm", "--target", "opacity/severe"], "has no class 'severe'"),
        (["1.dcm", "--view", "PA", "--view", "AP"], "Give one view for each of the 1 films"),
        (["folder"], "'folder' cannot be read; give a PNG, JPEG or DICOM file."),
    ],
)
def test_what_cannot_be_asked_is_said_in_a_sentence(
    asked: list[str], said: str, store: Path, files: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    known = {"S": store, "1.dcm": files[0]}
    assert main([known.get(word, word) for word in asked]) == 1
    assert said in capsys.readouterr().err
