"""Which patients teach when only a fraction of them may: nested, and as mixed as all of them.

Patients are put into one order in which every beginning has about the shares of the whole, so that a
fraction is the first so many of them and lies within every larger one. After Sechidis et al., On the
stratification of multi-label data, ECML PKDD 2011, who fill folds by what each still lacks.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from modeling.labels import Task
from training.corpora.duplicates import LEFT_OUT
from training.corpora.labelled_film import Film
from training.films import LabelPolicy, labels_of


def traits(films: Sequence[Film], tasks: Mapping[Task, LabelPolicy]) -> dict[str, frozenset[str]]:
    """Patient -> what their training films show: every class, of several at once the positive ones or none,
    and the corpora that they are from."""
    taught = [film for film in films if film.split == "train"]
    found: dict[str, set[str]] = {film.patient: set() for film in taught}
    for film in taught:
        found[film.patient].add(f"from {film.source}")
    for task, policy in tasks.items():
        for film, label in zip(taught, labels_of(taught, task, policy), strict=True):
            if task.kind != "multilabel":
                shown = [task.classes[label]] if label >= 0 else []
            else:
                shown = [name for name, state in zip(task.classes, label, strict=True) if state == 1]
                shown = shown or (["none"] if np.isfinite(label).any() else [])
            found[film.patient].update(f"{task.name}/{name}" for name in shown)
    return {patient: frozenset(own) for patient, own in found.items()}


def order(shown: Mapping[str, frozenset[str]], seed: int) -> list[str]:
    """All patients in an order in which every beginning is as mixed as it can be, another for each seed.

    `shown`: patient -> traits; one that all patients have tells nobody apart. The next patient is always one
    with the trait that the beginning lacks most, against its share of all patients.
    """
    patients = sorted(shown)
    np.random.default_rng(seed).shuffle(patients)
    count = Counter(trait for own in shown.values() for trait in own)
    telling = {trait for trait, number in count.items() if number < len(patients)}
    own = {patient: shown[patient] & telling or {""} for patient in patients}
    names = sorted({trait for traits in own.values() for trait in traits})
    waiting = [[p for p in reversed(patients) if name in own[p]] for name in names]
    share = np.array([len(those) for those in waiting]) / max(len(patients), 1)
    drawn: dict[str, None] = {}
    lack = np.zeros(len(names))
    while len(drawn) < len(patients):
        lack += share
        for k in np.argsort(-lack, kind="stable"):
            while waiting[k] and waiting[k][-1] in drawn:
                waiting[k].pop()
            if waiting[k]:
                patient = waiting[k].pop()
                break
        drawn[patient] = None
        lack -= [name in own[patient] for name in names]
    return list(drawn)


def reduced(films: Sequence[Film], patients: Sequence[str], fraction: float) -> list[Film]:
    """The films, with the training films of all but the first patients on no side.

    `patients` as `order` gives them; of these the rounded `fraction`, at least one.
    """
    kept = set(patients[: max(1, round(fraction * len(patients)))])
    return [
        replace(film, split=LEFT_OUT) if film.split == "train" and film.patient not in kept else film
        for film in films
    ]
