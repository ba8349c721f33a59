"""The measurement of a model's answers on labelled films: each number with its interval by patient.

Shape letters: N films, K classes, R draws of patients.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from evaluation.leak_audit import AuditRow, group_of
from evaluation.metrics.bootstrap import ahead, measured, patient_draws, plain, rounded, with_interval
from evaluation.metrics.one_label import (
    CALIBRATION,
    RANKING,
    Metric,
    Scored,
    by_frequency,
    class_row,
    confusion,
    curves,
    metrics_for,
    scores,
    spearman,
)
from modeling.labels import Task
from modeling.model.temperature import reliability
from training.corpora.labelled_film import Film

LEAST_FILMS = 20
COMPARED = ("macro_auroc", "macro_average_precision", "accuracy")
SUBGROUPS = ("sex", "age", "view", "source")
LEVEL = 0.01
"""A difference counts where its paired p is below this."""


@dataclass(frozen=True, eq=False)
class Labelled:
    """N films with a label of one task."""

    task: Task
    films: Sequence[Film]

    @property
    def labels(self) -> np.ndarray:
        """(N,) class numbers."""
        return np.array([self.task.index(film.labels[self.task]) for film in self.films])

    @property
    def patients(self) -> np.ndarray:
        """(N,) patient of each film."""
        return np.array([film.patient for film in self.films])


@dataclass(frozen=True, eq=False)
class Measurement(Labelled):
    """Films of one task with what the model said of them."""

    values: np.ndarray  # N K probabilities with the checkpoint's temperature
    calibrated: np.ndarray  # N K probabilities, no film's with a temperature that it had a part in
    training: Mapping[str, float]  # class -> films of it (or their share) in training; empty: not known


def summarise(found: Measurement) -> dict[str, Any]:
    """Headline metrics, calibration, each class, subgroups, and the majority baseline."""
    labels, patients = found.labels, found.patients
    scored, draws = Scored(found.values, labels), patient_draws(patients)
    shares = np.bincount(labels, minlength=scored.classes) / len(labels)
    bins = reliability(found.calibrated, labels)
    return {
        "n": len(labels),
        "patients": len(np.unique(patients)),
        **scores(metrics_for(found.task.kind), scored, draws),
        **scores(CALIBRATION, Scored(found.calibrated, labels), draws),
        "per_class": _per_class(found, scored, draws),
        "by_training_frequency": by_frequency(_training_shares(found), scored.values, scored.one_hot, draws),
        "subgroups": {by: groups for by in SUBGROUPS if (groups := _subgroups(found, by))},
        "confusion": confusion(scored, plain(len(labels)))[0].astype(int).tolist(),
        "reliability": [[rounded(b.probability), rounded(b.right), b.films] for b in bins],
        "curves": {n: curves(scored.values[:, k], labels == k) for k, n in enumerate(found.task.classes)},
        "majority": {
            "macro_auroc": 0.5,
            "macro_average_precision": round(float(shares[shares > 0].mean()), 4),
            "accuracy": round(float(shares.max()), 4),
        },
    }


def _training_shares(found: Measurement) -> dict[str, float | None]:
    total = sum(found.training.values())
    return {name: found.training.get(name, 0) / total if total else None for name in found.task.classes}


def _per_class(found: Measurement, scored: Scored, draws: np.ndarray) -> dict[str, Any]:
    trained = _training_shares(found)
    return {
        name: class_row(scored.values[:, k], scored.labels == k, trained[name], draws)
        for k, name in enumerate(found.task.classes)
    }


def _subgroups(found: Measurement, by: str) -> dict[str, Any]:
    """Macro AUROC and accuracy of each subgroup; without numbers below `LEAST_FILMS` films."""
    groups = np.array([group_of(film, by) or "" for film in found.films])
    names = sorted(set(groups) - {""})
    if len(names) < 2:
        return {}
    out = {}
    for name in names:
        inside = groups == name
        patients = found.patients[inside]
        out[name] = {"n": int(inside.sum()), "patients": len(np.unique(patients))}
        if inside.sum() >= LEAST_FILMS:
            scored, draws = Scored(found.values[inside], found.labels[inside]), patient_draws(patients)
            out[name] |= scores({n: RANKING[n] for n in ("macro_auroc", "accuracy")}, scored, draws)
    return out


def compare_with_audit(
    found: Measurement, rows: Sequence[AuditRow], also: Mapping[str, np.ndarray]
) -> list[dict[str, Any]]:
    """Each small model, and `also` the checkpoint without its table, name -> (N, K) probabilities.

    Rows have their metrics, and `difference` (checkpoint - row, macro AUROC) with its interval and paired p.
    """
    labels, draws = found.labels, patient_draws(found.patients)
    own, out = Scored(found.values, labels), []
    for rival in (*rows, *(AuditRow(name, "this checkpoint", (values,)) for name, values in also.items())):
        runs = [Scored(values, labels) for values in rival.runs]
        means = {name: partial(_mean, RANKING[name], runs) for name in COMPARED}
        row: dict[str, Any] = {"name": rival.name, "sees": rival.sees}
        for name, mean in means.items():
            row |= with_interval(name, measured(mean, draws))
        out.append(row | ahead(partial(RANKING["macro_auroc"], own), means["macro_auroc"], draws))
    return out


def _mean(metric: Metric, runs: Sequence[Scored], weights: np.ndarray) -> np.ndarray:
    return np.mean([metric(one, weights) for one in runs], axis=0)


def not_beaten(audit: Sequence[Mapping[str, Any]]) -> list[str]:
    """The rows that the checkpoint does not beat with p < `LEVEL`; its own film-alone row aside."""
    rivals = [row for row in audit if row["sees"] != "this checkpoint"]
    return [r["name"] for r in rivals if r["p"] is None or r["p"] >= LEVEL or (r["difference"] or 0) <= 0]


def extent_correlation(found: Measurement, extents: Mapping[tuple[str, str], float]) -> dict[str, Any]:
    """Spearman's correlation of the expected grading with the extent (0 to 8) of (corpus, film ID)."""
    assert found.task.kind == "ordinal", found.task
    known = [i for i, f in enumerate(found.films) if (f.source, f.film_id) in extents]
    if len(known) < LEAST_FILMS:
        return {}
    reference = np.array([extents[found.films[i].source, found.films[i].film_id] for i in known])
    expected = found.values[known] @ np.arange(len(found.task.classes))
    patients = found.patients[known]
    draws = patient_draws(patients)
    test = measured(lambda weights: spearman(expected, reference, weights), draws)
    return {"films": len(known), "patients": len(np.unique(patients)), **with_interval("spearman", test)}


def training_counts(films: Sequence[Film], task: Task) -> dict[str, int]:
    """Class -> labelled films on the training side."""
    return dict(Counter(film.labels[task] for film in films if film.split == "train" and task in film.labels))
