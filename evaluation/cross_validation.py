"""Recipes compared inside the training patients: some folds teach each of them, another one tests them all.

So a recipe is chosen without a look at validation or test films. A fold that is done is read from its file,
one that was stopped goes on from its last saved step.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.maps.localisation_scores import score_map
from evaluation.maps.marked_studies import marked_film
from evaluation.metrics.bootstrap import Statistic, ahead, as_json, bracketed, measured, patient_draws
from evaluation.metrics.one_label import CALIBRATION, RANKING, Scored
from modeling.errors import ViewboxError
from modeling.explain.registry import ACCOUNT, map_method
from modeling.labels import APPEARANCE
from modeling.model.temperature import cross_fitted, patient_folds
from modeling.pipeline import DiagnosisPipeline
from modeling.progress import progress
from modeling.trust.film_regions import lung_fields
from modeling.trust.scrutiny import Scrutiny
from training.corpora import open_corpus
from training.corpora.duplicates import twins_share_a_patient
from training.corpora.labelled_film import Film
from training.run import Run
from training.settings import TrainingSettings

TESTED, EXPLAINED = 600, 40
"""Most films of a fold that are tested, and most of those with boxes whose maps are made."""
EFFORT = {"baseline": "black", "tolerance": 0.05, "max_evaluations": 48}
WEIGHTS = "evidence"
ANSWERS = ("macro_auroc", "macro_average_precision", "expected_calibration_error")
MAPS = ("hit", "share", "in_lungs")


def inner_sides(films: Sequence[Film], fold: int, folds: int, shared: Sequence[bool]) -> list[Film]:
    """The training films alone; those of one fold's patients are held out, the first `TESTED` of them tested.

    `shared`: (N,) whether every recipe reads the film; one that not all do is taught or left out.
    """
    parts = patient_folds(np.array([f.patient for f in films]), folds)
    order = np.random.default_rng(fold).permutation(len(films))
    held = [i for i in order if parts[i] == fold and shared[i] and films[i].split == "train"]
    asked = [i for i in held if APPEARANCE in films[i].labels]
    tested = {*asked[:TESTED], *(set(held) - set(asked))}  # other tasks' temperatures need films too
    sides = ["validation" if i in tested else "test" if p == fold else "train" for i, p in enumerate(parts)]
    return [replace(f, split=s) for f, s in zip(films, sides, strict=True) if f.split == "train"]


def _tried(settings: TrainingSettings, films: Sequence[Film], out: Path, cache: Path) -> dict[str, Any]:
    """Teach one recipe on a fold's training films; answers and maps of those that are held out, as JSON."""
    run = Run(replace(settings, keep="last"), films, out, cache)
    run.train()
    rows, task = run.batches.validation, APPEARANCE
    logits, labels = run.labelled(task, run.validation_logits()[task])
    rows = [i for i in rows if APPEARANCE in films[i].labels]
    patients = np.array([films[i].patient for i in rows])
    run.export()
    values = cross_fitted(APPEARANCE.kind, logits, labels, patients)
    found = {"values": values.tolist(), "labels": labels.tolist(), "patients": patients.tolist()}
    boxed = [films[i] for i in rows if films[i].boxes][:EXPLAINED]
    pipeline = DiagnosisPipeline.from_pretrained(out / "checkpoint")
    return found | {"explained": [_explained(pipeline, f) for f in progress(boxed, "explaining")]}


def _explained(pipeline: DiagnosisPipeline, film: Film) -> dict[str, Any]:
    """How the maps of one film's label lie: `MAPS` of each, and the gradients that the account took."""
    marked = marked_film(film)
    lungs = lung_fields(pipeline.brightness(marked.study.radiograph))
    *_, account = pipeline.explain(marked.study, marked.target, **EFFORT)
    maps = {ACCOUNT: account.image}
    if map_method(WEIGHTS).is_given_by(pipeline.config):
        maps[WEIGHTS] = Scrutiny(pipeline).film_map(map_method(WEIGHTS), marked.study, marked.target).values
    row: dict[str, Any] = {"patient": marked.patient, "numbers": {"gradients": account.evaluations}}
    for name, values in maps.items():
        score = score_map(values, marked.region, smoothing=map_method(name).grain, lungs=lungs)
        row["numbers"] |= {f"{name}_{key}": float(vars(score)[key]) for key in MAPS}
    return row


# --- what came out


def _statistics(folds: Sequence[dict[str, Any]]) -> dict[str, tuple[Statistic, np.ndarray]]:
    """Name -> a recipe's statistic over all folds' films, and the draws of their patients."""
    values, labels, patients = (
        np.concatenate([np.array(fold[name]) for fold in folds]) for name in ("values", "labels", "patients")
    )
    rows = [row for fold in folds for row in fold["explained"]]
    draws = patient_draws(patients), patient_draws(np.array([row["patient"] for row in rows]))
    metrics, scored = RANKING | CALIBRATION, Scored(values, labels)
    found = {name: (partial(metrics[name], scored), draws[0]) for name in ANSWERS}
    for name in rows[0]["numbers"] if rows else ():
        numbers = np.array([row["numbers"][name] for row in rows], np.float64)
        found[name] = (partial(_mean, numbers), draws[1])
    return found


def _mean(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(N,) values and (R, N) weights -> (R,) means of those that are known."""
    known = np.isfinite(values)
    return weights[:, known] @ values[known] / weights[:, known].sum(axis=1)


def summarise(tried: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Recipe -> each number with its interval, and how far it is ahead of the first recipe's, paired."""
    found = {name: _statistics(folds) for name, folds in tried.items()}
    first = next(iter(found.values()))
    return {
        name: {
            key: as_json(measured(*own)) | ahead(own[0], first[key][0], own[1]) for key, own in row.items()
        }
        for name, row in found.items()
    }


def cross_validate(
    configs: Sequence[Path],
    data: Path,
    out: Path,
    *,
    folds: int = 3,
    tested: int = 0,
    epochs: int = 0,
    cache: Path = Path("runs/cache"),
) -> dict[str, Any]:
    """Compare the recipes of some settings files, the first of them the one that others are held against.

    `tested`: how many of the `folds` are tried, 0 for all; `epochs`: instead of the settings' own. The same
    folder `out` goes on where it stopped; the answer stands in its `cross_validation.json`.

    Raises:
        ViewboxError: two recipes have one name, one reads no appearance off films, a setting means nothing,
            or a corpus cannot be read.
    """
    recipes = [TrainingSettings.load(path) for path in configs]
    if len({recipe.name for recipe in recipes}) < len(recipes):
        raise ViewboxError("Two recipes have one name; give each settings file its own.")
    if any(APPEARANCE not in {t.name for t in r.model.tasks} or not r.model.image for r in recipes):
        raise ViewboxError("Recipes here read the appearance off films; try one for reports by inner-fold.")
    tried_folds = min(tested or folds, folds)
    names = list(dict.fromkeys(name for recipe in recipes for name in recipe.corpora))
    pairs = [(film, name) for name in names for film in open_corpus.load(name, data)]
    films = twins_share_a_patient([film for film, _ in pairs])
    shared = [all(name in recipe.corpora for recipe in recipes) for _, name in pairs]
    tried: dict[str, list[dict[str, Any]]] = {recipe.name: [] for recipe in recipes}
    for fold in range(tried_folds):
        for recipe in recipes:
            file = out / recipe.name / f"fold-{fold}.json"
            if not file.is_file():
                read = [name in recipe.corpora for _, name in pairs]
                own, both = ([x for x, r in zip(xs, read, strict=True) if r] for xs in (films, shared))
                settings = replace(recipe, epochs=epochs or recipe.epochs)
                sides = inner_sides(own, fold, folds, both)
                answer = _tried(settings, sides, out / recipe.name / f"fold-{fold}", cache)
                file.write_text(json.dumps(answer) + "\n")
            tried[recipe.name].append(json.loads(file.read_text()))
    found = {"folds": folds, "tried": tried_folds, "epochs": epochs, "recipes": summarise(tried)}
    (out / "cross_validation.json").write_text(json.dumps(found, indent=1) + "\n")
    return found


def lines(found: dict[str, Any]) -> str:
    """The comparison as lines to read: each recipe's numbers, and how far they are ahead of the first's."""
    told = [f"{found['tried']} of {found['folds']} folds of the training patients"]
    for name, row in found["recipes"].items():
        told.append(name)
        for key, one in row.items():
            said = bracketed(one["value"], one["95"])
            told.append(f"  {key:28} {said}, {bracketed(one['difference'], one['difference_95'])} ahead")
    return "\n".join(told)
