"""`viewbox phantoms` as a person runs it."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest
from PIL import Image

from cases.parquet.store import EmbeddedCaseStore
from cases.phantom import PhantomSettings, generate_case
from cases.phantom.generator import balanced, default_recipes, series_seed
from cases.phantom.studies import StudySettings, generate_study, study_case, study_seed
from cases.phantom.teaching_studies import shipped_studies
from cases.reading.dicom import read_radiograph
from cases.store import CaseFilter
from tests.doubles.command import command
from tests.doubles.example_cases import plain

main = command("phantoms")


def test_cases_land_in_store_corpus_dicom_and_sheet(tmp_path: Path) -> None:
    sheet, corpus = tmp_path / "sheet.png", tmp_path / "phantoms.parquet"
    status = main(
        ["--cases", "3", "--seed", "2", "--size", "96", "--out", str(tmp_path / "store"),
         "--corpus", str(corpus), "--dicom", str(tmp_path / "films"), "--contact-sheet", str(sheet)]
    )  # fmt: skip
    assert status == 0
    made = generate_case(series_seed(2, 0), settings=balanced(PhantomSettings(size=96), 2, 0))
    assert made.study.radiograph is not None and made.evidence is not None
    store = EmbeddedCaseStore.open(str(tmp_path / "store"))
    assert store.count(CaseFilter()) == 3
    kept = store.get(made.case_id)
    assert kept.study.radiograph is not None and kept.evidence is not None
    assert kept.study.radiograph.sha256 == made.study.radiograph.sha256
    assert set(kept.evidence.masks) == set(made.evidence.masks)
    assert kept.evidence.modality == made.evidence.modality
    assert pq.read_table(corpus).num_rows == 3
    assert Image.open(sheet).size == (6 * 256, 256)
    film = read_radiograph((tmp_path / "films" / f"{made.case_id}.dcm").read_bytes())
    assert film.sha256 == made.study.radiograph.sha256
    assert film.window == made.study.radiograph.window


def test_studies_land_in_a_store_with_every_film(tmp_path: Path) -> None:
    sheet, films = tmp_path / "sheet.png", tmp_path / "films"
    status = main(
        ["--studies", "--cases", "3", "--seed", "1", "--size", "96", "--out", str(tmp_path / "store"),
         "--contact-sheet", str(sheet), "--dicom", str(films)]
    )  # fmt: skip
    assert status == 0
    store = EmbeddedCaseStore.open(str(tmp_path / "store"))
    made = [generate_study(study_seed(1, index), settings=StudySettings(size=96)) for index in range(3)]
    assert any(len(study.films) > 2 for study in made)
    for study in made:
        kept = store.get(study.study_id)
        assert plain(kept) == plain(study_case(study))
        assert [film.days_before for film in kept.films] == [film.days_before for film in study.plan.films]
        assert kept.reference == study.plan.reference and set(kept.teaching_note) == {"en", "zh-Hant"}
        seen = 0 in study.plan.present and study.plan.shows(0)
        assert kept.evidence is not None and len(kept.evidence.masks) == seen
    of_today = [film for study in made for film in study.films if film.days_before == 0]
    assert len(list(films.iterdir())) == len(of_today)
    assert Image.open(sheet).size == (6 * 256, 256 * -(-sum(len(study.films) for study in made) // 6))


def test_a_corpus_of_studies_is_not_made_here(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--studies", "--corpus", str(tmp_path / "a.parquet")]) == 2
    assert "--studies goes with --out" in capsys.readouterr().err


def test_two_processes_make_the_same_cases_as_one(tmp_path: Path) -> None:
    for jobs in ("1", "2"):
        assert main(["--cases", "4", "--size", "64", "--jobs", jobs, "--out", str(tmp_path / jobs)]) == 0
    stores = [EmbeddedCaseStore.open(str(tmp_path / jobs)) for jobs in ("1", "2")]
    for row in stores[0].page(CaseFilter()).rows:
        films = [store.get(row.case_id).study.radiograph for store in stores]
        assert films[0] is not None and films[1] is not None
        assert films[0].sha256 == films[1].sha256


def test_the_shipped_store_is_what_the_generator_makes(root: Path) -> None:
    folder = root / "hub_config" / "cases"
    assert sum(file.stat().st_size for file in folder.iterdir()) <= 16_000_000
    store = EmbeddedCaseStore.open(str(folder))
    recipes = default_recipes()
    studies = shipped_studies()
    assert store.count(CaseFilter(source="phantom")) == len(recipes) + len(studies) == 48 + 11
    for seed, settings in (recipes[0], recipes[21], recipes[-1]):
        made = generate_case(seed, settings=settings)
        kept = store.get(made.case_id)
        assert made.study.radiograph is not None and kept.study.radiograph is not None
        assert kept.study.radiograph.sha256 == made.study.radiograph.sha256
        assert kept.reference == made.reference and kept.provenance.synthetic
    seed, settings = studies[0]
    drawn = study_case(generate_study(seed, settings=settings))
    assert plain(store.get(drawn.case_id)) == plain(drawn)


@pytest.mark.parametrize(
    "arguments", [["--cases", "0", "--out", "x"], ["--cases", "2"], ["--size", "3", "--out", "x"]]
)
def test_wrong_arguments_end_in_one_sentence(
    arguments: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == (1 if "--size" in arguments else 2)
    assert capsys.readouterr().err.count(";") == 1
    assert not list(tmp_path.iterdir())
