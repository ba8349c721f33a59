"""Real films with priors: which film is the prior, what each arm may read, and who is in which fold."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from evaluation.metrics.one_label import macro_auroc
from modeling.configuration import ClassDeclaration, TaskConfig, TaskDeclaration
from modeling.labels import GRADING
from modeling.study import Modality, ViewPosition
from tests.doubles.command import command
from training.corpora.labelled_film import Film
from training.studies import prior_comparison
from training.studies.prior_comparison import (
    ARMS,
    READING,
    Recipe,
    _exchanged,
    _Work,
    fit_and_read,
    graded_apart,
    out_of_fold,
    prior_lines,
)
from training.studies.priors import (
    Dated,
    Followed,
    Question,
    _latest,
    films_of,
    followed_tensors,
    questions,
    read_of_the_prior,
)

QUICK = Recipe(100, 0.0)


def dated(name: str, patient: str = "p", extent: float = math.nan, grading: str = "") -> Dated:
    labels = {GRADING: grading} if grading else {}
    return Dated(Film(name, "set", patient, "train", b"", labels=labels), ViewPosition.AP, extent)


def test_the_prior_is_the_latest_film_of_an_earlier_day() -> None:
    a, b, c, d = (dated(name) for name in "abcd")
    films = [(0, a), (3, b), (3, c), (5, d), (None, dated("e"))]
    assert _latest(films, 5) == (b, 2)
    assert _latest(films, 3) == (a, 3)
    assert _latest(films, 0) == (None, 0) == _latest(films, None)


def test_what_experts_read_of_the_prior_is_told_apart_from_nothing() -> None:
    today = dated("t", extent=6.0, grading="Severe")
    with_prior = Followed(today, dated("y", extent=2.5, grading="Mild"), 4)
    assert with_prior.growth == 3.5 and with_prior.prior_reading.tolist() == [2.5, 1, 1, 0, 0]
    unread = Followed(today, dated("y"), 4)
    assert math.isnan(unread.growth) and not unread.prior_reading.any()
    assert not Followed(today, None, 0).prior_reading.any()


def question(count: int = 160) -> Question:
    """Worse is who has more than before: today's film alone cannot say it. Two studies a patient."""
    rng = np.random.default_rng(3)
    severity, before = rng.uniform(-1, 1, count), rng.uniform(-1, 1, count)
    followed, vectors = [], []
    for number in range(count):
        patient = f"p{number // 2}"
        prior = dated(f"y{number}", patient, 4 + 4 * before[number], "Mild")
        followed.append(Followed(dated(f"t{number}", patient, 4 + 4 * severity[number], "Severe"), prior, 3))
        vectors += [severity[number], before[number]]
    films, noise = films_of(followed), torch.randn(2 * count, 5, generator=torch.Generator().manual_seed(1))
    features = torch.cat([torch.tensor(vectors).float()[:, None], 0.1 * noise], dim=1)
    classes = tuple(ClassDeclaration(name) for name in ("not worse", "worse"))
    return Question(
        "worse",
        TaskConfig("worse", (Modality.IMAGE,), TaskDeclaration("softmax", classes)),
        followed_tensors(followed, films, features),
        (severity > before).astype(int),
        np.array([one.today.film.patient for one in followed]),
        np.array([one.today.extent for one in followed]),
        np.stack([one.prior_reading for one in followed]),
        np.ones(count, bool),
    )


def test_only_the_own_prior_says_whether_it_is_worse() -> None:
    asked, rows = question(), np.arange(160)
    train, test = rows[:120], rows[120:]
    learnt, alone = "with the prior, by attention", "today's film"
    score = {
        name: macro_auroc(fit_and_read(asked, ARMS[name], train, test, QUICK, 0), asked.labels[test])
        for name in (alone, learnt, "control: another patient's prior")
    }
    assert score[learnt] > max(0.93, 0.05 + score[alone], 0.05 + score["control: another patient's prior"])


def test_another_patient_s_prior_is_never_the_own_one() -> None:
    asked, rows = question(12), np.arange(12)
    for seed in range(5):
        member = _exchanged(asked, rows, rows, torch.Generator().manual_seed(seed))
        assert torch.equal(member[:, 0], asked.tensors.member[:, 0])
        owner = asked.people[[int((asked.tensors.member[:, 1] == film).nonzero()) for film in member[:, 1]]]
        assert (owner != asked.people).all()


def test_no_patient_stands_on_both_sides_and_every_study_is_answered() -> None:
    asked = question(40)
    for train, test in asked.folds(np.arange(40), 5, 0):
        assert not set(asked.people[train]) & set(asked.people[test])
    found = out_of_fold(asked, ARMS["with the prior, max"], 0, [replace(QUICK, epochs=1)])
    assert np.allclose(found.sum(axis=1), 1) and found.shape == (40, 2)
    read = read_of_the_prior(asked, 5, 0)
    assert np.allclose(read.sum(axis=1), 1)
    assert macro_auroc(read, asked.labels) > 0.6  # much before leaves little room for more


def test_patients_that_a_checkpoint_learnt_from_are_not_asked_about() -> None:
    today = [dated(f"t{i}", f"p{i}", 5.0, "Severe") for i in range(3)]
    followed = [Followed(one, dated(f"y{i}", f"p{i}", 2.0), 2) for i, one in enumerate(today[:2])]
    followed.append(Followed(today[2], None, 0))
    tensors = followed_tensors(followed, films_of(followed), torch.zeros(5, 4))
    person = {f"p{i}": f"p{i}" for i in range(3)}
    grading, worse = questions(followed, tensors, person, {"p0"})
    assert grading.asked.tolist() == [False, True, False] and len(grading.labels) == 3
    assert worse.asked.tolist() == [False, True] and worse.labels.tolist() == [1, 1]


def test_the_difference_of_two_gradings_says_which_film_is_worse() -> None:
    worse = question(80)
    severity = worse.extents
    cuts = np.digitize(severity, np.quantile(severity, [1 / 3, 2 / 3]))
    grading = replace(worse, task=TaskConfig(GRADING.name, (Modality.IMAGE,)), labels=cuts)
    found = graded_apart(worse, grading, 0, Recipe(12, 0.0, rate=5e-3))
    assert np.allclose(found.sum(axis=1), 1)
    assert macro_auroc(found, worse.labels) > 0.95


def test_what_was_fitted_is_read_from_the_folder(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prior_comparison, "LONGER", (replace(QUICK, epochs=1),))
    backbone = type("Backbone", (), {"name": "toy", "revision": "r"})()
    work, asked = _Work(backbone, tmp_path, 1, 50), question(30)
    found = work.answered(asked)
    assert set(found["arms"]) == {READING, *ARMS} and found["asked"] == 30 and found["patients"] == 15
    assert "p_holm" in found["arms"]["with the prior, max"]["ahead"]["auroc"]
    told = prior_lines({"backbones": [{"name": "toy", "questions": {"worse": found}}]})
    assert "30 films of 15 patients" in told and all(arm in told for arm in ARMS)
    monkeypatch.setattr(prior_comparison, "fit_and_read", None)
    assert work.answered(asked) == found


def test_a_folder_without_the_sets_is_refused_in_a_sentence(tmp_path, capsys) -> None:
    assert command("compare-studies")(["--data", str(tmp_path), "--run", str(tmp_path / "run")]) == 1
    assert "There is no file cohen.parquet" in capsys.readouterr().err
