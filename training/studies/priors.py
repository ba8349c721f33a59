"""Graded films of patients (Cohen, Hannover) with the latest earlier film, and what is asked about them.

Cohen tells days since symptoms or admission, Hannover since admission; a patient's films stand on one scale.
A prior is frontal and of an earlier day, whether or not anybody graded it.

Shape letters: S studies (today's film and perhaps a prior), N films, C channels, K classes, R draws.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from torch import Tensor

from cases.case import geographic_extent
from cases.importers import covid_chestxray, hannover
from cases.importers.rows import Row
from evaluation.metrics.one_label import Scored, auroc, macro, quadratic_kappa, spearman
from modeling.configuration import ClassDeclaration, TaskConfig, TaskDeclaration
from modeling.labels import GRADING
from modeling.model.study_fusion import VIEWS, StudyInputs
from modeling.study import Modality, ViewPosition
from training.corpora.labelled_film import Film
from training.corpora.open_corpus import CORPORA, load
from training.corpora.published_films import read_published
from training.studies.fitting import rows_of

FRONTAL = (ViewPosition.PA, ViewPosition.AP)
WORSE_BY = 1.0
"""Of eight points of geographic extent: what counts as worse than before."""


@dataclass(frozen=True, eq=False)
class Dated:
    """A film with its view, and the geographic extent that experts read, 0 to 8; NaN where nobody did."""

    film: Film
    view: ViewPosition
    extent: float

    @property
    def grading(self) -> int:
        """Class number; -1 where nobody graded it."""
        label = self.film.labels.get(GRADING)
        return -1 if label is None else GRADING.index(label)


@dataclass(frozen=True, eq=False)
class Followed:
    """A graded film, and the latest earlier one of the patient, `days` before; None where there is none."""

    today: Dated
    prior: Dated | None
    days: int

    @property
    def growth(self) -> float:
        """By how much the extent grew since the prior; NaN where one of them was not read."""
        return float("nan") if self.prior is None else self.today.extent - self.prior.extent

    @property
    def prior_reading(self) -> np.ndarray:
        """(5,) what experts said of the prior: its extent, whether it was read, and its grading one-hot."""
        told = np.zeros(2 + len(GRADING.classes))
        if self.prior is not None and np.isfinite(self.prior.extent):
            told[:2] = self.prior.extent, 1.0
        if self.prior is not None and self.prior.grading >= 0:
            told[2 + self.prior.grading] = 1.0
        return told


def followed_films(folder: Path) -> list[Followed]:
    """Every graded film of both sets, with its prior. Raises ViewboxError: a set is not in the folder."""
    return [one for importer in (covid_chestxray, hannover) for one in _of_set(importer, folder)]


def _of_set(importer: ModuleType, folder: Path) -> Iterator[Followed]:
    name = importer.LAYOUT.source
    graded = {film.film_id: film for film in load(name, folder)}
    by_patient: dict[str, list[tuple[int | None, Dated]]] = defaultdict(list)
    for row in read_published(importer.rows, folder / CORPORA[name][0]):
        if row.view in FRONTAL:
            by_patient[row.patient].append((row.day, _dated(row, graded)))
    for films in by_patient.values():
        for day, dated in films:
            if dated.grading >= 0:
                yield Followed(dated, *_latest(films, day))


def _dated(row: Row, graded: Mapping[str, Film]) -> Dated:
    film = graded.get(row.published)
    film = film or Film(row.published, row.source, row.patient, "train", row.read_film())
    extent = geographic_extent(row.ratings)
    return Dated(film, ViewPosition(row.view), float("nan") if extent is None else extent)


def _latest(films: Sequence[tuple[int | None, Dated]], today: int | None) -> tuple[Dated | None, int]:
    """The latest film of an earlier day, and by how many days; of one day the first in the set's order."""
    earlier = [(day, dated) for day, dated in films if None not in (day, today) and day < today]
    if not earlier:
        return None, 0
    day, dated = max(earlier, key=lambda one: one[0])
    return dated, today - day


def films_of(followed: Sequence[Followed]) -> list[Film]:
    """Every film once, today's and priors."""
    dated = (one for pair in followed for one in (pair.today, pair.prior) if one is not None)
    return list({id(one.film): one.film for one in dated}.values())


@dataclass(frozen=True, eq=False)
class FollowedTensors:
    """Studies of two places, today's film and the prior, over kept features."""

    features: Tensor  # N C
    member: Tensor  # S 2 numbers of films; 0 where there is no prior
    inputs: StudyInputs  # S studies without pixels, table and words


def followed_tensors(
    followed: Sequence[Followed], films: Sequence[Film], features: Tensor
) -> FollowedTensors:
    """Stack studies over the (N, C) features of `films`."""
    number, count = {id(film): i for i, film in enumerate(films)}, len(followed)
    member, view = torch.zeros(2, count, 2, dtype=torch.long)
    given, days = torch.zeros(count, 2, dtype=torch.bool), torch.zeros(count, 2)
    for i, one in enumerate(followed):
        for place, dated in enumerate((one.today, one.prior)):
            if dated is not None:
                member[i, place], given[i, place] = number[id(dated.film)], True
                view[i, place] = VIEWS.index(dated.view)
        days[i, 1] = float(one.days)
    still, none = torch.zeros(count, 0), torch.zeros(count, 0, dtype=torch.long)
    pixels, pick = torch.zeros(count, 2, 3, 0, 0), torch.zeros(count, dtype=torch.long)
    inputs = StudyInputs(pixels, given, view, days, pick, still, none, none.bool(), none, none.bool())
    return FollowedTensors(features, member, inputs)


@dataclass(frozen=True, eq=False)
class Question:
    """A task on S studies."""

    name: str
    task: TaskConfig
    tensors: FollowedTensors
    labels: np.ndarray  # S class numbers
    people: np.ndarray  # S
    extents: np.ndarray  # S geographic extent today, NaN where nobody read it
    prior_reading: np.ndarray  # S 5
    asked: np.ndarray  # S bool, the studies with a prior that are measured

    @property
    def classes(self) -> int:
        """K."""
        return len(self.task.spec.classes)

    def folds(self, rows: np.ndarray, count: int, seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """(training, test) numbers of studies; people stay together, classes are spread evenly."""
        splitter = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
        parts = splitter.split(rows, self.labels[rows], self.people[rows])
        return [(rows[train], rows[test]) for train, test in parts]

    def measures(self) -> dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]]:
        """Name -> from (asked, K) probabilities and (R, asked) weights to (R,) values."""
        labels, extents = self.labels[self.asked], self.extents[self.asked]
        read = np.isfinite(extents)

        def rank(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
            expected = values @ np.arange(self.classes)
            return spearman(expected[read], extents[read], weights[:, read])

        if self.classes == 2:
            return {"auroc": lambda values, weights: auroc(values[:, 1], labels == 1, weights)}
        return {
            "macro_auroc": lambda values, weights: macro(auroc)(Scored(values, labels), weights),
            "quadratic_kappa": lambda values, weights: quadratic_kappa(Scored(values, labels), weights),
            "spearman_extent": rank,
        }


def questions(
    followed: Sequence[Followed], tensors: FollowedTensors, person: Mapping[str, str], learnt: Collection[str]
) -> tuple[Question, Question]:
    """The grading of today's film, and if it is worse than the prior.

    `person`: patient -> who that is, where two share a film; `learnt`: patients that the features were taught
    with: nobody is asked about those.
    """
    growth = np.array([one.growth for one in followed])
    there = np.array([one.prior is not None for one in followed])
    new = np.array([one.today.film.patient not in learnt for one in followed])
    people = np.array([person[one.today.film.patient] for one in followed])
    extents = np.array([one.today.extent for one in followed])
    reading = np.stack([one.prior_reading for one in followed])
    grading = np.array([one.today.grading for one in followed])
    facts = people, extents, reading
    task = TaskConfig(GRADING.name, (Modality.IMAGE,))
    classes = tuple(ClassDeclaration(name) for name in ("not worse", "worse"))
    worse = TaskConfig("worse", (Modality.IMAGE,), TaskDeclaration("softmax", classes))
    both = np.flatnonzero(np.isfinite(growth))
    among = FollowedTensors(
        tensors.features, tensors.member[both], rows_of(tensors.inputs, torch.tensor(both))
    )
    grown = (growth[both] >= WORSE_BY).astype(int)
    return (
        Question("grading of today's film", task, tensors, grading, *facts, there & new),
        Question("worse than the prior", worse, among, grown, *(f[both] for f in facts), new[both]),
    )


def read_of_the_prior(question: Question, folds: int, seed: int) -> np.ndarray:
    """(S, K) out-of-fold probabilities from what experts read of the prior, by logistic regression."""
    read, given = question.prior_reading, question.tensors.inputs.film_given[:, 1].numpy()
    found = np.zeros((len(question.labels), question.classes))
    for train, test in question.folds(np.arange(len(found)), folds, seed):
        known = train[given[train]]
        model = LogisticRegression(max_iter=1000).fit(read[known], question.labels[known])
        found[np.ix_(test, model.classes_)] = model.predict_proba(read[test])
    return found
