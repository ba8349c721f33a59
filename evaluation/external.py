"""A check from outside: films of another hospital, with labels that nobody made for the task.

"Negative" (no lung opacities) is not "No Finding" (none of the 14 NIH findings named in the report); how well
the one ranks the other says whether an appearance head means anything where it never was.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from evaluation.leak_audit import Side, audit, facts_of
from evaluation.metrics.bootstrap import bracketed, measured, patient_draws, with_interval
from evaluation.metrics.one_label import auroc, average_precision
from evaluation.summary import LEAST_FILMS
from modeling.labels import APPEARANCE, FINDINGS, NO_FINDING
from modeling.model.temperature import patient_folds
from training.corpora.labelled_film import Film
from training.films import labels_of

TITLE = f"{APPEARANCE.classes[0]} against {NO_FINDING}"
CONSTANT = ("majority", "shuffled labels")
"""Rows of the audit that rank nothing."""
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


def without_lungs(films: Sequence[Film]) -> dict[str, Any]:
    """How well small models that never see a lung rank films without a finding above those with one.

    Where that goes well, films of the two kinds were not made alike, and no ranking of them speaks of lungs
    alone. Each film is ranked by models of other patients. Name -> what it sees, AUROC and interval.

    Raises:
        StudyError: a film cannot be decoded.
    """
    patients = np.array([film.patient for film in films])
    # Sums of one border differ in their last bit from run to run, and trees part films by less.
    facts = [replace(one, file=one.file.round(4)) for one in facts_of(films, None)]
    normal = ~(labels_of(films, FINDINGS) > 0).any(axis=1)
    parts, values, seen = patient_folds(patients), {}, {}

    def side(rows: np.ndarray) -> Side:
        return Side([films[i] for i in rows], [facts[i] for i in rows], normal[rows].astype(int))

    for part in np.unique(parts):
        rows, others = np.flatnonzero(parts == part), np.flatnonzero(parts != part)
        for row in audit(side(others), side(rows), 2):
            seen[row.name] = row.sees
            values.setdefault(row.name, np.full(len(films), np.nan))[rows] = row.runs[0][:, 1]
    draws = patient_draws(patients)
    told = {name: own for name, own in values.items() if name not in CONSTANT and np.isfinite(own).all()}
    return {
        name: {"sees": seen[name]}
        | with_interval("auroc", measured(lambda w, own=own: auroc(own, normal, w), draws))
        for name, own in told.items()
    }


def lines(found: dict[str, Any]) -> str:
    """The check as lines to read."""
    head = "{checkpoint} {revision}: {title} on {data}".format(**found)
    told = [f"{key:28} {bracketed(found[key], found[f'{key}_95'])}" for key in SHOWN]
    told += [
        f"  {name:26} n {row['n']:5}  AUROC {bracketed(row['auroc'], row['auroc_95'])}"
        for name, row in found["per_finding"].items()
    ]
    told += [
        f"without lungs: {name:13} AUROC {bracketed(row['auroc'], row['auroc_95'])}"
        for name, row in found["without_lungs"].items()
    ]
    last = "{n} films of {patients} patients, {normal} without a finding; labels mined from reports"
    return "\n".join([head, *told, last.format(**found)])
