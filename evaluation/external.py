"""A check from outside: films of another hospital, with labels that nobody made for the task.

"Negative" (no lung opacities) is not "No Finding" (none of the 14 NIH findings named in the report, or none
of the diseases that a set was gathered for); how well the one ranks the other says whether an appearance
head means anything where it never was.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from evaluation.leak_audit import Side, audit, facts_of
from evaluation.metrics.bootstrap import bracketed, measured, patient_draws, with_interval
from evaluation.metrics.one_label import auroc, average_precision
from evaluation.summary import LEAST_FILMS
from modeling.labels import APPEARANCE, DIAGNOSIS, FINDINGS, NO_FINDING
from modeling.model.temperature import patient_folds
from training.corpora.labelled_film import Film
from training.films import labels_of

TITLE = f"{APPEARANCE.classes[0]} against {NO_FINDING}"
CONSTANT = ("majority", "shuffled labels")
"""Rows of the audit that rank nothing."""
SHOWN = ("auroc", "average_precision", "called_negative_normal", "called_negative_finding")


def from_outside(films: Sequence[Film]) -> list[Film]:
    """The films that check from outside: those with a diagnosis where there are any, else all of them.

    Empty where somebody labelled one for appearance, where not all findings of all are known, or where
    diagnosed films are all with a disease or all without.
    """
    if any(APPEARANCE in film.labels for film in films):
        return []
    diagnosed = [film for film in films if DIAGNOSIS in film.labels]
    if diagnosed:
        return diagnosed if len({film.labels[DIAGNOSIS] == NO_FINDING for film in diagnosed}) == 2 else []
    return list(films) if np.isfinite(labels_of(films, FINDINGS)).all() else []


def _present(films: Sequence[Film]) -> dict[str, np.ndarray]:
    """Finding, or diagnosis, -> (N,) bool: which films have it."""
    if all(DIAGNOSIS in film.labels for film in films):
        told = np.array([film.labels[DIAGNOSIS] for film in films])
        return {str(name): told == name for name in np.unique(told) if name != NO_FINDING}
    return dict(zip(FINDINGS.classes, labels_of(films, FINDINGS).T > 0, strict=True))


def _normal(films: Sequence[Film]) -> np.ndarray:
    return ~np.any(list(_present(films).values()), axis=0)


def negative_against_no_finding(values: np.ndarray, films: Sequence[Film]) -> dict[str, Any]:
    """How well the probability of Negative ranks films without a finding above those with one.

    Args:
        values: (N, 4) probabilities of the appearance, with the checkpoint's own temperature.
        films: N films, as `from_outside` chose them.

    Returns:
        What the labels are of, AUROC and average precision over all films and for each finding with
        `LEAST_FILMS` films, against all films without any; the share called Negative of either; each with
        its 95 % interval by patient.
    """
    patients = np.array([film.patient for film in films])
    present, normal, draws = _present(films), _normal(films), patient_draws(patients)
    called = values.argmax(axis=1) == 0
    out: dict[str, Any] = {"n": len(films), "patients": len(np.unique(patients)), "normal": int(normal.sum())}
    if DIAGNOSIS in films[0].labels:
        out["labels"] = DIAGNOSIS
    for name, score in (("auroc", auroc), ("average_precision", average_precision)):
        out |= with_interval(name, measured(lambda w, score=score: score(values[:, 0], normal, w), draws))
    for name, rows in (("called_negative_normal", normal), ("called_negative_finding", ~normal)):
        share = measured(lambda w, rows=rows: (w[:, rows] @ called[rows]) / w[:, rows].sum(axis=1), draws)
        out |= with_interval(name, share)
    out["per_finding"] = {}
    for name, having in present.items():
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
    normal = _normal(films)
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
    whose = "of the patient's disease" if found.get("labels") == DIAGNOSIS else "mined from reports"
    last = "{n} films of {patients} patients, {normal} without a finding; labels {whose}"
    return "\n".join([head, *told, last.format(**found, whose=whose)])
