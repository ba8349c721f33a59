"""The gate of a checkpoint, fitted on its own films and measured on films that it should stop."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cases.parquet.store import EmbeddedCaseStore
from cases.store import CaseFilter
from evaluation.summary import rounded
from evaluation.unfamiliar_films import (
    cuts,
    laterals,
    made_from,
    noise,
    other_hospital,
    other_pictures,
    photographs,
)
from modeling.model.familiarity import FALSE_ALARMS, FamiliarityGate
from modeling.model.fusion import FusionModel
from modeling.model.processing import StudyProcessor
from modeling.model.temperature import patient_folds
from modeling.study import Radiograph
from training.corpora.labelled_film import Film

TRAINING_FILMS = 800
VALIDATION_FILMS = 500
MADE_FROM = 80
OTHERS = 1000
TAUGHT = {"made": 260, "noise": 60, "photographs": 120, "cuts": 360}
"""How many pictures of a kind the gate is taught to stop; those that measure it are others."""
SYNTHETIC = ("phantom",)


def fit_gate(
    model: FusionModel, processor: StudyProcessor, films: Sequence[Film], data: Path
) -> tuple[FamiliarityGate, dict[str, Any]]:
    """The gate from all films of a checkpoint's corpora, and what it flags of each kind of films.

    Lateral films and those of another hospital come from `data`, the folder with the corpora.
    """
    training = [film.study().radiograph for film in _some(films, "train", TRAINING_FILMS)]
    held = _some(films, "validation", VALIDATION_FILMS)
    validation = [film.study().radiograph for film in held]
    gate = FamiliarityGate.fit(model, processor, training, validation, taught(training))
    own = gate.scores(validation)
    kinds = {"validation films": _row(_cross_fitted(own, held), expected=True)}
    synthetic = {film.source for film in films} <= set(SYNTHETIC)
    others = other_hospital(data, OTHERS)
    if others and not synthetic:
        kinds["other hospital"] = _row(gate.scores(others) > gate.threshold, expected=True)
    strange = _strange(validation, data) | (
        {"chest films": others} if synthetic else {"phantoms": _phantoms()}
    )
    for kind, shown in strange.items():
        if shown:
            kinds[kind] = _row(gate.scores(shown) > gate.threshold, expected=False)
    about = {
        "threshold": rounded(gate.threshold),
        "false_alarms_allowed": FALSE_ALARMS,
        "training_films": len(training),
        "by_source": _by_source(own > gate.threshold, held),
        "kinds": kinds,
    }
    return gate, about


def _strange(validation: Sequence[Radiograph], data: Path) -> dict[str, list[Radiograph]]:
    """Pictures to stop, by kind; none of them taught the gate."""
    step = max(1, len(validation) // MADE_FROM)
    made = {**made_from(validation[::step][:MADE_FROM]), "lateral": laterals(data)}
    made |= {"noise": noise(40, seed=1), "photographs": photographs(40, seed=1), "cuts": cuts(60, seed=1)}
    return made | {"CT, MR, ultrasound": other_pictures()}


def taught(training: Sequence[Radiograph]) -> list[list[Radiograph]]:
    """The pictures that a gate is taught to stop, by kind: made from its training films, or of nothing."""
    step = -(-len(training) // TAUGHT["made"])
    made = made_from(training[::step])
    return [*made.values(), noise(TAUGHT["noise"]), photographs(TAUGHT["photographs"]), cuts(TAUGHT["cuts"])]


def _some(films: Sequence[Film], split: str, count: int) -> list[Film]:
    """At most `count` films of a side, spread over it; a small corpus is not drowned by a large one."""
    by_source: dict[str, list[Film]] = {}
    for film in films:
        if film.split == split:
            by_source.setdefault(film.source, []).append(film)
    chosen: list[Film] = []
    for k, rows in enumerate(sorted(by_source.values(), key=len)):
        share = min(len(rows), (count - len(chosen)) // (len(by_source) - k))
        chosen += [rows[i] for i in sorted(np.random.default_rng(0).permutation(len(rows))[:share])]
    return chosen


def _cross_fitted(scores: np.ndarray, films: Sequence[Film]) -> np.ndarray:
    """(N,) bool: flagged by the threshold of other patients."""
    fold = patient_folds(np.array([film.patient for film in films]))
    flagged = np.zeros(len(scores), bool)
    for held in (fold == one for one in np.unique(fold)):
        if not held.all():
            flagged[held] = scores[held] > np.quantile(scores[~held], 1 - FALSE_ALARMS)
    return flagged


def _row(flagged: np.ndarray, expected: bool) -> dict[str, Any]:
    return {"films": len(flagged), "flagged": rounded(flagged.mean()), "expected": expected}


def _by_source(flagged: np.ndarray, films: Sequence[Film]) -> dict[str, Any]:
    source = np.array([film.source for film in films])
    return {str(name): _row(flagged[source == name], expected=True) for name in np.unique(source)}


def _phantoms() -> list[Radiograph]:
    """The synthetic films of the cases that ship with Viewbox."""
    store = EmbeddedCaseStore.open(None)
    rows = store.page(CaseFilter(), limit=100).rows
    films = [store.get(row.case_id).study.radiograph for row in rows if row.synthetic]
    return [film for film in films if film is not None]
