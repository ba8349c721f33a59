"""Experts' readings of the films of Cohen and Hannover, and how far two of them agree.

Geographic extent (0 to 8) after Cohen et al., Cureus 2020; Brixia zone scores (six zones, 0 to 3) after
Signoroni et al., Medical Image Analysis 2021, by a senior (S) and a junior (J) reader of the same films.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cases.case import geographic_extent
from cases.importers import covid_chestxray, hannover
from cases.importers.severity import zone_scores
from evaluation.metrics.bootstrap import as_json, measured, patient_draws
from evaluation.metrics.one_label import Scored, quadratic_kappa, spearman
from modeling.labels import GRADING, grading_from_zones
from training.corpora.open_corpus import CORPORA
from training.corpora.published_films import read_published

Agreement = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""(N,) readings of two readers and (R, N) weights -> (R,) values."""


@dataclass(frozen=True)
class Severity:
    """The experts' readings of one film."""

    patient: str
    extent: float | None  # geographic extent, 0 to 8; None where nobody gave one
    senior: tuple[int, ...] | None  # six Brixia zone scores, 0 to 3; None where one is missing
    junior: tuple[int, ...] | None  # the same of the other reader


RATED = (covid_chestxray.LAYOUT.source, hannover.LAYOUT.source)
"""The corpora whose films experts have rated."""


def severities(folder: Path, corpora: Collection[str] = RATED) -> dict[tuple[str, str], Severity]:
    """(corpus, film ID) -> the readings of every film of these corpora, graded or not.

    Raises:
        ViewboxError: a file is not in the folder, or has other columns.
    """
    found = {}
    for importer in (covid_chestxray, hannover):
        if importer.LAYOUT.source not in corpora:
            continue
        for row in read_published(importer.rows, folder / CORPORA[importer.LAYOUT.source][0]):
            zones = (zone_scores(row.ratings, reader) for reader in "SJ")
            found[row.source, row.published] = Severity(row.patient, geographic_extent(row.ratings), *zones)
    return found


def expert_agreement(readings: Mapping[tuple[str, str], Severity], draws: int = 2000) -> dict[str, Any]:
    """How far the experts agree with each other: the ceiling for any model that learns from them.

    Quadratic kappa of the two Brixia readers by zone, of their sums and of the gradings that follow; the rank
    correlation of their sums, and of each with the geographic extent. Each with its 95 % interval by patient.
    """
    both = [s for s in readings.values() if s.senior is not None and s.junior is not None]
    senior, junior = (np.array([getattr(s, name) for s in both]) for name in ("senior", "junior"))  # N 6
    gradings = [np.array([_grade(zones) for zones in reader]) for reader in (senior, junior)]
    graded = (gradings[0] >= 0) & (gradings[1] >= 0)
    extent = np.array([s.extent for s in both], float)  # None: NaN
    sums = senior.sum(axis=1), junior.sum(axis=1)
    everyone, rated = np.ones(len(both), bool), np.isfinite(extent)
    patients = np.array([s.patient for s in both])
    compared: dict[str, tuple[Agreement, np.ndarray, np.ndarray, np.ndarray]] = {
        "kappa_brixia_zones": (_kappa, senior, junior, everyone),
        "kappa_brixia_sum": (_kappa, *sums, everyone),
        "kappa_grading": (_kappa, *gradings, graded),
        "spearman_brixia_sum": (spearman, *sums, everyone),
        "spearman_extent_senior": (spearman, sums[0], extent, rated),
        "spearman_extent_junior": (spearman, sums[1], extent, rated),
    }
    return {name: _agreement(*pair, patients, draws) for name, pair in compared.items()}


def _agreement(
    metric: Agreement,
    first: np.ndarray,
    second: np.ndarray,
    keep: np.ndarray,
    patients: np.ndarray,
    draws: int,
) -> dict[str, Any]:
    """Of the films to keep, (N,) bool."""
    drawn = patient_draws(patients[keep], draws)
    found = measured(lambda weights: metric(first[keep], second[keep], weights), drawn)
    return as_json(found) | {"films": int(keep.sum()), "patients": len(np.unique(patients[keep]))}


def _kappa(first: np.ndarray, second: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Quadratic kappa of two readers: (N,) or (N, 6) scores each, (R, N) weights -> (R,)."""
    if first.ndim == 2:  # all zones together, each counted as often as its film
        weights = np.repeat(weights, first.shape[1], axis=1)
    levels = int(max(first.max(), second.max())) + 1
    return quadratic_kappa(Scored(np.eye(levels)[first.ravel()], second.ravel()), weights)


def _grade(zones: np.ndarray) -> int:
    """Class number of the grading; -1 where no zone is affected."""
    name = grading_from_zones(int((zones > 0).sum()))
    return -1 if name is None else GRADING.index(name)
