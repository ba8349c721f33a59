"""A check from outside: films of another hospital, with labels that nobody made for the task.

"Negative" (no lung opacities) is not "No Finding" (none of the 14 NIH findings named in the report); how well
the one ranks the other says whether an appearance head means anything where it never was.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from evaluation.metrics.bootstrap import bracketed, measured, patient_draws, with_interval
from evaluation.metrics.one_label import auroc, average_precision
from evaluation.summary import LEAST_FILMS
from modeling.labels import APPEARANCE, FINDINGS, NO_FINDING
from training.corpora.labelled_film import Film
from training.films import labels_of

TITLE = f"{APPEARANCE.classes[0]} against {NO_FINDING}"
SHOWN = ("auroc", "average_precision", "called_negative_normal", "called_negative_finding")


def is_from_outside(films: Sequence[Film]) -> bool:
    """Whether nobody labelled the films for appearance, and all of them for all findings."""
    judged = any(APPEARANCE in film.labels for film in films)
    return bool(films) and not judged and bool(np.isfinite(labels_of(films, FINDINGS)).all())


def negative_against_no_finding(values: np.ndarray, films: Sequence[Film]) -> dict[str, Any]:
    """How well the probability of Negative ranks films without a finding above those with one.

    Args:
        values: (N, 4) probabilities of the appearance, with the checkpoint's own temperature.
        films: N films with all findings labelled.

    Returns:
        AUROC and average precision over all films and for each finding with `LEAST_FILMS` films, against all
        films without any; the share called Negative of either; each with its 95 % interval by patient.
    """
    patients = np.array([film.patient for film in films])
    present = labels_of(films, FINDINGS) > 0  # N 14
    normal, draws = ~present.any(axis=1), patient_draws(patients)
    called = values.argmax(axis=1) == 0
    out: dict[str, Any] = {"n": len(films), "patients": len(np.unique(patients)), "normal": int(normal.sum())}
    for name, score in (("auroc", auroc), ("average_precision", average_precision)):
        out |= with_interval(name, measured(lambda w, score=score: score(values[:, 0], normal, w), draws))
    for name, rows in (("called_negative_normal", normal), ("called_negative_finding", ~normal)):
        share = measured(lambda w, rows=rows: (w[:, rows] @ called[rows]) / w[:, rows].sum(axis=1), draws)
        out |= with_interval(name, share)
    out["per_finding"] = {}
    for name, having in zip(FINDINGS.classes, present.T, strict=True):
        if having.sum() >= LEAST_FILMS:
            rows = normal | having
            own = measured(lambda w, rows=rows: auroc(values[rows, 0], normal[rows], w[:, rows]), draws)
            out["per_finding"][name] = {"n": int(having.sum()), **with_interval("auroc", own)}
    return out


def lines(found: dict[str, Any]) -> str:
    """The check as lines to read."""
    head = "{checkpoint} {revision}: {title} on {data}".format(**found)
    told = [f"{key:28} {bracketed(found[key], found[f'{key}_95'])}" for key in SHOWN]
    told += [
        f"  {name:26} n {row['n']:5}  AUROC {bracketed(row['auroc'], row['auroc_95'])}"
        for name, row in found["per_finding"].items()
    ]
    last = "{n} films of {patients} patients, {normal} without a finding; labels mined from reports"
    return "\n".join([head, *told, last.format(**found)])
