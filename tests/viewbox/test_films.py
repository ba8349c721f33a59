"""`viewbox films`: what each film of a stored study adds, where the truth is known."""

import dataclasses
import json
from pathlib import Path

import pytest

from cases.parquet.store import EmbeddedCaseStore
from cases.phantom.studies import StudySettings, generate_study, study_case, study_seed
from modeling.study import ViewPosition
from tests.doubles.command import command
from tests.doubles.example_cases import small_case

main = command("films")
FILMS = ((ViewPosition.PA, 0), (ViewPosition.LATERAL, 0), (ViewPosition.PA, 60), (ViewPosition.LATERAL, 60))


@pytest.fixture
def store(tmp_path: Path) -> Path:
    settings = StudySettings(size=128, place="behind the heart", change="new", films=FILMS)
    case = study_case(generate_study(study_seed(6101, 0), settings=settings))
    with EmbeddedCaseStore.create(tmp_path / "store") as made:
        made.put(dataclasses.replace(case, case_id="hidden"))
        made.put(dataclasses.replace(case, case_id="alone", further=()))
        made.put(small_case("real"))
    return tmp_path / "store"


def test_the_lateral_adds_most_where_the_frontal_film_shows_nothing(
    store: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["hidden", "--store", store, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["target"] == "opacity/present" and found["reference"]["opacity"] == "present"
    assert sum(found["tasks"]["opacity"].values()) == pytest.approx(1)
    worth = [film["shapley"] for film in found["films"]]
    assert [film["days_before"] for film in found["films"]] == [0, 0, 60, 60]
    assert max(worth) == worth[1] and found["films"][1]["view_position"] == "lateral"
    assert main(["hidden", "--store", store]) == 0
    told = capsys.readouterr().out
    assert "2. lateral, today: +" in told and "4. lateral, 60 days before: " in told
    assert "not for diagnosis" in told


def test_of_patients_it_says_nothing(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["real", "--store", store]) == 1
    assert "says nothing about patients; choose a phantom study" in capsys.readouterr().err
    assert main(["alone", "--store", store]) == 1
    assert "one film, and the model of studies compares several" in capsys.readouterr().err
