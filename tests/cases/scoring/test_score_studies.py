"""A lake scored by study: one row a study, with what each film adds, and again only what is missing."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet

from cases.case import Case
from cases.parquet.store import EmbeddedCaseStore
from cases.phantom.studies import StudySettings, generate_study, study_case, study_seed
from cases.scoring import lake
from cases.scoring.lake import Job, score_portions
from hub_config.settings import STUDY_CHECKPOINT
from modeling.errors import ViewboxError
from modeling.model.checkpoint import checkpoint_hash
from modeling.model.study_fusion import is_of_studies
from modeling.study import ViewPosition
from modeling.study_answer import StudyPipeline
from tests.doubles.command import command
from tests.doubles.example_cases import small_case

main = command("score")
FILMS = ((ViewPosition.PA, 0), (ViewPosition.LATERAL, 0), (ViewPosition.PA, 60))


@pytest.fixture(scope="module")
def case() -> Case:
    settings = StudySettings(size=128, place="behind the heart", change="new", films=FILMS)
    return study_case(generate_study(study_seed(6101, 0), settings=settings))


@pytest.fixture
def store(case: Case, tmp_path: Path) -> Path:
    with EmbeddedCaseStore.create(tmp_path / "store") as made:
        made.put(dataclasses.replace(case, case_id="several"))
        made.put(dataclasses.replace(case, case_id="single", further=()))
        made.put(small_case("patient", source="nih"))
    return tmp_path / "store"


def rows_in(store: Path) -> list[dict]:
    return [
        row
        for file in sorted(store.glob("results-*.parquet"))
        for row in parquet.read_table(file).to_pylist()
    ]


def test_every_study_has_one_row_with_its_answers_and_what_each_film_adds(store: Path, case: Case) -> None:
    command = ["--checkpoint", str(STUDY_CHECKPOINT), "--store", str(store)]
    assert main(command) == 0 and rows_in(store) == []
    assert main([*command, "--write", "--batch", "2"]) == 0
    rows = {row["case_id"]: row for row in rows_in(store)}
    assert set(rows) == {"several", "single", "patient"}
    answer = StudyPipeline.from_pretrained(STUDY_CHECKPOINT).predict(case.films, case.study, source="phantom")
    row, task = rows["several"], answer.prediction.tasks[0]
    assert row["film_view_position"] == ["PA", "lateral", "PA"] and row["film_days_before"] == [0, 0, 60]
    assert row["answer_opacity"] == task.most_probable == "present"
    assert row["probability_opacity"] == pytest.approx(float(task.probabilities.max()), abs=1e-5)
    np.testing.assert_allclose(row["shapley_opacity"], [p.shapley for p in answer.parts], atol=1e-4)
    np.testing.assert_allclose(row["lost_without_opacity"], [p.lost_without for p in answer.parts], atol=1e-4)
    assert np.argmax(row["shapley_opacity"]) == 1 and len(row["shapley_interval_change"]) == 3
    assert json.loads(row["tasks"])["interval_change"]["classes"][2] == "new"
    assert row["problem"] == "" and row["revision"].startswith("sha256:")
    assert rows["single"]["film_days_before"] == [0]
    assert "earlier day" in " ".join(json.loads(rows["single"]["warnings"]))
    assert "has seen none like this one (NIH)" in json.loads(rows["patient"]["warnings"])[0]


def test_what_is_scored_is_not_scored_again(
    store: Path, case: Case, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["--checkpoint", str(STUDY_CHECKPOINT), "--store", str(store), "--write"]
    assert main(command) == 0
    before = rows_in(store)
    with EmbeddedCaseStore.open(str(store), write=True) as opened:
        opened.put(dataclasses.replace(case, case_id="later"))
    lake._store.cache_clear()  # another run is another process
    capsys.readouterr()
    assert main(command) == 0
    assert json.loads(capsys.readouterr().out)["written"] == 1
    assert [row["case_id"] for row in rows_in(store)] == [*(row["case_id"] for row in before), "later"]


def test_a_checkpoint_of_studies_is_known_by_its_configuration(checkpoint: Path, tmp_path: Path) -> None:
    assert is_of_studies(STUDY_CHECKPOINT) and not is_of_studies(checkpoint)
    assert not is_of_studies(tmp_path)
    job = Job(None, None, str(STUDY_CHECKPOINT), checkpoint_hash(STUDY_CHECKPOINT), device="cuda")
    with pytest.raises(ViewboxError, match="runs on the CPU; leave --device out"):
        next(score_portions(job, iter([["x"]])))
