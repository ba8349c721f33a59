"""What a recipe for findings has to beat: models that see no lungs, or features that learnt nothing of them.

Where the films of a set were not made alike, the file tells findings apart: its size, its share of black, its
border. Each rival is fitted on the recipe's folds: the films that teach fit it, those for validation choose
its penalty. Shape letters: N films, D features, K classes.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from evaluation.evaluate import predict_films
from evaluation.leak_audit import facts_of
from evaluation.metrics.bootstrap import plain
from evaluation.metrics.many_labels import LabelScores
from evaluation.metrics.one_label import auroc
from modeling.labels import APPEARANCE
from modeling.model.checkpoint import CONFIG_FILE
from modeling.model.fusion import FusionModel
from modeling.model.temperature import probabilities
from training.corpora.labelled_film import Film
from training.films import labels_of
from training.fusion_comparison.arms import IMAGENET, feature_maps, open_backbone
from training.settings import TrainingSettings

PENALTIES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)
"""Inverse strengths of the penalty that the validation films choose from."""
TABLE = ("sex", "view_position")


def rivals_of(
    settings: TrainingSettings, films: Sequence[Film], folds: Sequence[Sequence[Film]], cache: Path
) -> dict[str, tuple[str, np.ndarray]]:
    """Name -> what it sees, and its (N, K) probabilities for all films, each out of its own fold.

    `folds`: the films again, each time with the sides of one fold.
    """
    task = settings.model.tasks[0].spec
    labels = labels_of(films, task, settings.policy(task))
    sides = [np.array([film.split for film in fold]) for fold in folds]
    patients = np.array([film.patient for film in films])

    def fitted(features: np.ndarray) -> np.ndarray:
        return out_of_folds(features, labels, patients, sides)

    found = {
        "shares": ("how frequent each finding is among the films that teach", _shares(labels, sides)),
        "table": ("age, sex and view position: logistic regression", fitted(table_features(films))),
    }
    facts = facts_of(films, None)
    files, small = np.stack([f.file for f in facts]), np.stack([f.thumbnail.ravel() for f in facts])
    found["file"] = ("size of the file and border of the film: logistic regression", fitted(files))
    found["thumbnail"] = ("the film at 16 x 16 pixels: logistic regression", fitted(small))
    for name in (IMAGENET, *_own_start(settings)):
        backbone = open_backbone(name, settings.model, settings.processor)
        maps = feature_maps(films, backbone, cache).float().flatten(2)
        pooled = np.concatenate([maps.mean(dim=2).numpy(), maps.amax(dim=2).numpy()], axis=1)
        seen = f"frozen features of {backbone.name}: logistic regression"
        found[f"probe of {backbone.name}"] = (seen, fitted(pooled))
        abnormal = None if name == IMAGENET else _abnormality(name, films)
        if abnormal is not None:
            seen = f"1 - P(Negative) of the checkpoint {backbone.name}, the same for every class"
            found["one number"] = (seen, np.tile(abnormal[:, None], (1, labels.shape[1])))
    return found


def _own_start(settings: TrainingSettings) -> tuple[str, ...]:
    """The folder of the checkpoint that a recipe begins with, where it is one."""
    start = settings.initial_weights
    return (start,) if isinstance(start, str) and (Path(start) / CONFIG_FILE).is_file() else ()


def table_features(films: Sequence[Film]) -> np.ndarray:
    """(N, D) age in decades (the mean where it is not known), and which sex and view position is known."""
    ages = np.array([film.table.values.get("age", np.nan) for film in films], float) / 10
    columns = [np.where(np.isfinite(ages), ages, np.nanmean(ages)), np.isfinite(ages)]
    for name in TABLE:
        values = [film.table.values.get(name) for film in films]
        columns += [np.array([own == one for own in values]) for one in sorted({v for v in values if v})]
    return np.stack(columns, axis=1).astype(float)


def out_of_folds(
    features: np.ndarray, labels: np.ndarray, patients: np.ndarray, sides: Sequence[np.ndarray]
) -> np.ndarray:
    """(N, K) probabilities of one logistic regression a class, each film's by the fold that tests it.

    `features` (N, D); `labels` (N, K) of 0, 1 and NaN; `sides`: for each fold the (N,) sides of the films.
    """
    values = np.empty(labels.shape)
    for side in sides:
        held, tried = side == "validation", [_fit(features, labels, side == "train", c) for c in PENALTIES]
        known = np.isfinite(labels[held])
        scores = [LabelScores(one[held], labels[held] == 1, patients[held], known) for one in tried]
        ranked = [float(one.macro(auroc)(plain(int(held.sum())))[0]) for one in scores]
        values[side == "test"] = tried[int(np.argmax(ranked))][side == "test"]
    return values


def _fit(features: np.ndarray, labels: np.ndarray, train: np.ndarray, strength: float) -> np.ndarray:
    """(N, K) probabilities for all films from those that teach; a class that never shows there has its
    share."""
    scaled = StandardScaler().fit(features[train]).transform(features)
    values = np.empty(labels.shape)
    for k, label in enumerate(labels.T):
        own = train & np.isfinite(label)
        if len(np.unique(label[own])) < 2:
            values[:, k] = label[own].mean() if own.any() else 0.0
            continue
        model = LogisticRegression(C=strength, max_iter=2000).fit(scaled[own], label[own])
        values[:, k] = model.predict_proba(scaled)[:, 1]
    return values


def _shares(labels: np.ndarray, sides: Sequence[np.ndarray]) -> np.ndarray:
    values = np.empty(labels.shape)
    for side in sides:
        values[side == "test"] = np.nanmean(labels[side == "train"], axis=0)
    return values


def _abnormality(name: str, films: Sequence[Film]) -> np.ndarray | None:
    """(N,) 1 - P(Negative) by the appearance head of a checkpoint; None where it has none."""
    model, processor, _ = FusionModel.from_pretrained(name)
    if APPEARANCE not in model.heads:
        return None
    logits = predict_films(model, processor, films, film_alone=True)[APPEARANCE]
    return 1.0 - probabilities(APPEARANCE.kind, logits, model.config.temperatures.get(APPEARANCE, 1.0))[:, 0]
