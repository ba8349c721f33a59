"""What is written down about a model's answers on labelled films: each number with its interval by patient.

Shape letters: N films, K classes, R draws of patients.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evaluation.film_facts import group_of
from evaluation.leak_audit import AuditRow
from evaluation.metrics.bootstrap import compare, measured, patient_draws, plain, rounded, with_interval
from evaluation.metrics.one_label import (
    CALIBRATION,
    Metric,
    Scored,
    auroc,
    average_precision,
    band_of,
    confusion,
    metrics_for,
    recall_at_rate,
    spearman,
)
from modeling.labels import TASKS, Task, TaskName
from modeling.model.temperature import reliability
from training.corpora.labelled_film import Film

LEAST_FILMS = 20
CURVE_POINTS = 40
SUBGROUPS = ("sex", "age", "view", "source")
LEVEL = 0.01
"""A difference counts where its paired p is below this."""


@dataclass(frozen=True, eq=False)
class Measurement:
    """Films of one task with what the model said of them.

    Attributes:
        films: N labelled films.
        values: (N, K) probabilities with the checkpoint's temperature.
        calibrated: (N, K) probabilities, each film's with a temperature fitted on other patients.
        training: class -> films of it that the checkpoint was trained on.
    """

    task: TaskName
    films: Sequence[Film]
    values: np.ndarray
    calibrated: np.ndarray
    training: Mapping[str, int]

    @property
    def spec(self) -> Task:
        """The task's label space."""
        return TASKS[self.task]

    @property
    def labels(self) -> np.ndarray:
        """(N,) class numbers."""
        return np.array([self.spec.index(film.labels[self.task]) for film in self.films])

    @property
    def patients(self) -> np.ndarray:
        """(N,) patient of each film."""
        return np.array([film.patient for film in self.films])


def _scores(metrics: Mapping[str, Metric], scored: Scored, draws: np.ndarray) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name, metric in metrics.items():
        out |= with_interval(name, measured(lambda weights, metric=metric: metric(scored, weights), draws))
    return out


def summarise(found: Measurement) -> dict[str, Any]:
    """Headline metrics, calibration, each class, subgroups, and the majority baseline."""
    labels, patients = found.labels, found.patients
    scored, draws = Scored(found.values, labels), patient_draws(patients)
    shares = np.bincount(labels, minlength=scored.classes) / len(labels)
    return {
        "n": len(labels),
        "patients": len(np.unique(patients)),
        **_scores(metrics_for(found.spec.kind), scored, draws),
        **_scores(CALIBRATION, Scored(found.calibrated, labels), draws),
        "per_class": _per_class(found, scored, draws),
        "by_training_frequency": _by_frequency(found, scored, draws),
        "subgroups": {by: groups for by in SUBGROUPS if (groups := _subgroups(found, by))},
        "confusion": confusion(scored, plain(len(labels)))[0].astype(int).tolist(),
        "reliability": [
            [rounded(b.probability), rounded(b.right), b.films] for b in reliability(found.calibrated, labels)
        ],
        "curves": {
            name: curves(scored.values[:, k], labels == k) for k, name in enumerate(found.spec.classes)
        },
        "majority": {
            "macro_auroc": 0.5,
            "macro_average_precision": round(float(shares[shares > 0].mean()), 4),
            "accuracy": round(float(shares.max()), 4),
        },
    }


def _training_shares(found: Measurement) -> dict[str, float]:
    total = sum(found.training.values()) or 1
    return {name: found.training.get(name, 0) / total for name in found.spec.classes}


def _per_class(found: Measurement, scored: Scored, draws: np.ndarray) -> dict[str, Any]:
    trained = _training_shares(found)
    out = {}
    for k, name in enumerate(found.spec.classes):
        values, positive = scored.values[:, k], scored.labels == k
        row: dict[str, Any] = {"n": int(positive.sum()), "share": round(float(positive.mean()), 4)}
        for metric, score in (("auroc", auroc), ("average_precision", average_precision)):
            row |= with_interval(metric, measured(lambda w, s=score, v=values, p=positive: s(v, p, w), draws))
        row["recall_at_fpr_10"] = rounded(recall_at_rate(values, positive, plain(len(values)), 0.1)[0])
        out[name] = row | {"training_share": round(trained[name], 4), "frequency": band_of(trained[name])}
    return out


def _by_frequency(found: Measurement, scored: Scored, draws: np.ndarray) -> dict[str, Any]:
    """Macro AUROC and average precision over the classes of each band."""
    bands: dict[str, list[int]] = {}
    for k, share in enumerate(_training_shares(found).values()):
        bands.setdefault(band_of(share), []).append(k)
    out = {}
    for band in ("head", "medium", "tail"):
        if band not in bands:
            continue
        row: dict[str, Any] = {"classes": [found.spec.classes[k] for k in bands[band]]}
        for name, score in (("macro_auroc", auroc), ("macro_average_precision", average_precision)):

            def mean(weights: np.ndarray, score: Any = score, which: list[int] = bands[band]) -> np.ndarray:
                rows = [score(scored.values[:, k], scored.labels == k, weights) for k in which]
                return np.mean(rows, axis=0)

            row |= with_interval(name, measured(mean, draws))
        out[band] = row
    return out


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
            chosen = {n: metrics_for(found.spec.kind)[n] for n in ("macro_auroc", "accuracy")}
            out[name] |= _scores(chosen, scored, draws)
    return out


def curves(scores: np.ndarray, positive: np.ndarray) -> dict[str, list[list[float]]]:
    """ROC ([false positive rate, recall]) and precision-recall ([recall, precision]) curves, thinned out."""
    if not 0 < positive.sum() < len(positive):
        return {}
    order = np.argsort(-scores, kind="stable")
    last = np.r_[np.diff(scores[order]) != 0, True]
    hits, misses = positive[order].cumsum()[last], (~positive[order]).cumsum()[last]
    recall, rate = hits / positive.sum(), misses / (~positive).sum()
    roc = np.concatenate([[[0.0, 0.0]], np.stack([rate, recall], 1)])
    return {"roc": _thinned(roc), "precision_recall": _thinned(np.stack([recall, hits / (hits + misses)], 1))}


def _thinned(points: np.ndarray) -> list[list[float]]:
    """At most `CURVE_POINTS` points, evenly along the curve's own length."""
    length = np.r_[0.0, np.abs(np.diff(points, axis=0)).sum(axis=1).cumsum()]
    wanted = np.searchsorted(length, np.linspace(0, length[-1], CURVE_POINTS))
    return np.round(points[np.unique(np.minimum(wanted, len(points) - 1))], 3).tolist()


def compare_with_audit(
    found: Measurement, rows: Sequence[AuditRow], also: Mapping[str, np.ndarray]
) -> list[dict[str, Any]]:
    """Each small model beside the checkpoint: its numbers, and by how much the checkpoint is ahead.

    Args:
        also: name -> (N, K) probabilities of further rivals, such as the checkpoint without its table.

    Returns:
        Rows with `difference` (checkpoint - row, macro AUROC), its interval and the paired p.
    """
    labels, draws = found.labels, patient_draws(found.patients)
    own = Scored(found.values, labels)
    chosen = {
        n: metrics_for(found.spec.kind)[n] for n in ("macro_auroc", "macro_average_precision", "accuracy")
    }
    rivals = [(r.name, r.sees, list(r.runs)) for r in rows]
    rivals += [(name, "this checkpoint", [values]) for name, values in also.items()]
    out = []
    for name, sees, runs in rivals:
        scored = [Scored(values, labels) for values in runs]

        def mean(weights: np.ndarray, metric: Metric, scored: list[Scored] = scored) -> np.ndarray:
            return np.mean([metric(one, weights) for one in scored], axis=0)

        row: dict[str, Any] = {"name": name, "sees": sees}
        for key, metric in chosen.items():
            row |= with_interval(key, measured(lambda w, m=metric, f=mean: f(w, m), draws))
        ranked = chosen["macro_auroc"]
        test = compare(lambda w, m=ranked: m(own, w), lambda w, m=ranked, f=mean: f(w, m), draws)
        out.append(row | with_interval("difference", test.difference) | {"p": rounded(test.p)})
    return out


def not_beaten(audit: Sequence[Mapping[str, Any]]) -> list[str]:
    """The rows that the checkpoint does not beat with p < `LEVEL`; its own film-alone row aside."""
    rivals = [row for row in audit if row["sees"] != "this checkpoint"]
    return [r["name"] for r in rivals if r["p"] is None or r["p"] >= LEVEL or (r["difference"] or 0) <= 0]


def extent_correlation(found: Measurement, extents: Mapping[tuple[str, str], float]) -> dict[str, Any]:
    """Spearman's correlation of the expected grading with the experts' geographic extent (0 to 8).

    Args:
        extents: (corpus, film ID) -> extent.
    """
    assert found.spec.kind == "ordinal", found.task
    known = [i for i, f in enumerate(found.films) if (f.source, f.film_id) in extents]
    if len(known) < LEAST_FILMS:
        return {}
    reference = np.array([extents[found.films[i].source, found.films[i].film_id] for i in known])
    expected = found.values[known] @ np.arange(len(found.spec.classes))
    patients = found.patients[known]
    draws = patient_draws(patients)
    test = measured(lambda weights: spearman(expected, reference, weights), draws)
    return {"films": len(known), "patients": len(np.unique(patients)), **with_interval("spearman", test)}


def training_counts(films: Sequence[Film], task: TaskName) -> dict[str, int]:
    """Class -> labelled films on the training side."""
    return dict(Counter(film.labels[task] for film in films if film.split == "train" and task in film.labels))
