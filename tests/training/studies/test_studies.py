"""Studies of phantoms: drawn once, trained in two stages that go on after a stop, compared in one table."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from cases.phantom.study_plan import CHANGE, OPACITY
from evaluation.metrics.one_label import auroc
from modeling.configuration import ImageEncoderConfig
from modeling.errors import ViewboxError
from modeling.labels import Task
from modeling.model.processing import StudyProcessor
from modeling.model.study_fusion import VIEWS, StudyModel
from modeling.study import ClinicalTable, ClinicalText, ViewPosition
from tests.doubles.toys import toy_checkpoint, toy_text_encoder
from training.studies import comparison, corpus, fitting
from training.studies.comparison import POOLINGS, QUESTIONS, WITHOUT, compare_poolings, lines
from training.studies.corpus import StudyRow, study_rows
from training.studies.settings import StudyTraining

SETTINGS = Path(__file__).parents[3] / "training" / "configs" / "studies.json"


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StudyTraining:
    """A run on eight studies of 64 pixels with toy encoders."""
    monkeypatch.setattr(corpus, "_AT_ONCE", 4)
    start = toy_checkpoint(tmp_path / "start")
    usual = StudyTraining.load(SETTINGS)
    image = ImageEncoderConfig(name="test_vit")
    model = replace(usual.model, image=image, text=toy_text_encoder(), width=16, layers=1)
    small = {
        "size": 64,
        "train_studies": 8,
        "test_studies": 8,
        "versions": 1,
        "film_epochs": 1,
        "fusion_epochs": 1,
    }
    return replace(usual, start=str(start), model=model, **small)


def test_studies_are_drawn_once_and_read_back_as_they_were(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(corpus, "_AT_ONCE", 2)
    rows = study_rows(tmp_path, 3, 5, 64, four_films=True)
    assert len(rows) == 3 and rows[0].films.shape == (4, 64, 64) == rows[0].shown.shape
    assert rows[0].views == (ViewPosition.PA, ViewPosition.LATERAL) * 2 and rows[0].days == (0, 0, 90, 90)
    for row in rows:
        day = row.shown[:2].any() if row.evidence[OPACITY] else False
        assert day == (row.reference[OPACITY] == "present")
    monkeypatch.setattr(corpus, "generate_study", None)
    again = study_rows(tmp_path, 2, 5, 64, four_films=True)
    assert np.array_equal(again[1].films, rows[1].films) and again[1].table == rows[1].table


def test_one_run_draws_trains_compares_and_goes_on_where_it_stopped(
    settings: StudyTraining, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    found = compare_poolings(settings, out)
    assert set(found["questions"]) == set(QUESTIONS) and found["test_studies"] == 8
    for row in found["questions"].values():
        assert set(POOLINGS) <= set(row) and set(row["gained from"]) == set(WITHOUT)
    assert json.loads((out / "studies.json").read_text()) == found
    assert all(name in lines(found) for name in (*QUESTIONS, *POOLINGS, *WITHOUT))
    for pooling in POOLINGS:
        model, _ = StudyModel.from_pretrained(out / pooling)
        assert model.config.pooling == pooling
    monkeypatch.setattr(fitting, "_film_loss", None)
    monkeypatch.setattr(comparison, "fit_fusion", None)
    assert compare_poolings(settings, out) == found


def _rows(count: int) -> list[StudyRow]:
    """Three films, one of the day; the number of the one that counts is any."""
    rng = np.random.default_rng(1)
    film = np.zeros((3, 8, 8), np.uint8)
    rows = []
    for _ in range(count):
        days = tuple(int(d) for d in rng.permutation([0, 40, 200]))
        label = {OPACITY: ("absent", "present")[rng.integers(2)]}
        views = (ViewPosition.PA,) * 3
        rows.append(
            StudyRow(film, film > 0, views, days, ClinicalTable(), ClinicalText(), label, {}, "left lung")
        )
    return rows


def test_attention_learns_which_day_counts_and_a_mean_cannot(settings: StudyTraining) -> None:
    """Every film's vector says whether it shows something; the label is that of the day's film alone."""
    task = settings.model.spec(OPACITY)
    only = replace(settings, model=replace(settings.model, tasks=settings.model.tasks[:1]), fusion_epochs=25)
    only = replace(only, film_dropout=0.0, fusion_rate=3e-3)
    scores = {}
    for pooling in ("attention", "mean"):
        model, processor = only.begin(pooling)
        scores[pooling] = _auroc(model, processor, task, only)
    assert scores["attention"] > 0.95 and scores["mean"] < 0.85, scores


def _auroc(model: StudyModel, processor: StudyProcessor, task: Task, settings: StudyTraining) -> float:
    data = fitting.study_tensors(_rows(500), processor, [task])
    generator = torch.Generator().manual_seed(2)
    shows = torch.randint(2, (len(data.films),), generator=generator)
    today = data.inputs.days == 0
    shows[data.member[today]] = data.labels[OPACITY]
    vectors = torch.randn(1, len(data.films), 16, generator=generator) * 0.3
    vectors[..., 0] += 2.0 * shows - 1.0
    torch.manual_seed(0)
    fitting.fit_fusion(model, data, vectors, settings)
    unseen = slice(400, None)  # learnt too, but the rule is one for all: a mean fails on those that it saw
    values = fitting.answers(model, vectors[0], data, data.inputs)[OPACITY][unseen, 1]
    positive = data.labels[OPACITY].numpy()[unseen] == 1
    return float(auroc(values, positive, np.ones((1, len(values)), np.float32))[0])


def test_films_left_out_leave_the_others_and_never_none_by_choice(settings: StudyTraining) -> None:
    _, processor = settings.begin("mean")
    data = fitting.study_tensors(_rows(200), processor, [settings.model.spec(OPACITY)])
    generator = torch.Generator().manual_seed(0)
    thinned = fitting._thinned(data.inputs, 0.5, generator)
    counts = thinned.film_given.sum(dim=1)
    assert set(counts.tolist()) <= {0, 1, 2, 3} and (counts == 0).float().mean() < 0.05
    some = counts > 0
    assert thinned.film_given[some].gather(1, thinned.pick[some, None]).all()


def test_the_laterals_and_the_priors_can_be_taken_away(settings: StudyTraining) -> None:
    _, processor = settings.begin("mean")
    data = fitting.study_tensors(_rows(3), processor, [settings.model.spec(OPACITY)])
    inputs = data.inputs
    inputs.view[:, 1] = VIEWS.index(ViewPosition.LATERAL)
    assert inputs.with_films(WITHOUT["laterals"](inputs)).film_given.tolist() == [[True, False, True]] * 3
    kept = inputs.with_films(WITHOUT["priors"](inputs))
    assert kept.film_given.sum(dim=1).tolist() == [1, 1, 1] and (kept.days[kept.film_given] == 0).all()


def test_what_cannot_be_trained_is_refused_in_a_sentence(settings: StudyTraining, tmp_path: Path) -> None:
    with pytest.raises(ViewboxError, match="no settings file"):
        StudyTraining.load(tmp_path / "none.json")
    other = replace(settings.model, image=ImageEncoderConfig(name="test_resnet"))
    with pytest.raises(ViewboxError, match="choose another start"):
        replace(settings, model=other).begin("mean")
    assert [task.name for task in StudyTraining.load(SETTINGS).model.tasks] == [OPACITY, CHANGE]
