"""What recipes answer for every film of a corpus, each film by a run that its patient had no part in.

For few films with rare findings, of which one held-out side would have too few. One fold of the patients is
tested and the next one stands aside: its films fit the temperature and choose between the recipes, the others
teach. So what is chosen in a fold is chosen by none of the films that it is measured on. A fold that is done
is read from its file, one that was stopped goes on from its last saved step.

Shape letters: N films, K classes.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.evaluate import ask_several
from evaluation.findings_rivals import rivals_of
from evaluation.maps.film_maps import Effort
from evaluation.maps.finding_maps import maps_out_of_fold, marked_findings
from evaluation.metrics.bootstrap import bracketed, measured, patient_draws, plain, with_interval
from evaluation.metrics.many_labels import LabelScores, beside, summarise_labels
from evaluation.metrics.one_label import auroc
from evaluation.summary import not_beaten
from modeling.errors import ViewboxError
from modeling.labels import Task
from modeling.model.fusion import FusionModel
from modeling.model.temperature import patient_folds
from training.corpora.labelled_film import Film
from training.films import PLAIN, LabelPolicy, labels_of
from training.label_counts import policy_of
from training.run import Run, gathered
from training.settings import TrainingSettings

FOLDS = 5
ANSWER_FILE = "out_of_fold.json"
EFFORT = Effort(tolerance=0.05, max_evaluations=24)
CHOSEN = "chosen in each fold"


def fold_sides(films: Sequence[Film], fold: int, folds: int = FOLDS) -> list[Film]:
    """All films: one fold's patients are tested, the next one's are for validation, the others teach."""
    parts = patient_folds(np.array([film.patient for film in films]), folds)
    named = {fold: "test", (fold + 1) % folds: "validation"}
    return [replace(film, split=named.get(part, "train")) for film, part in zip(films, parts, strict=True)]


@dataclass(frozen=True, eq=False)
class Answered:
    """A recipe's (N, K) probabilities for all films, and how it did on each fold's validation films."""

    values: np.ndarray
    validation: tuple[float, ...]  # by fold, as `rank` gives it


def scored(task: Task, films: Sequence[Film], values: np.ndarray, policy: LabelPolicy = PLAIN) -> LabelScores:
    """(N, K) probabilities with the films' labels."""
    labels, patients = labels_of(films, task, policy), np.array([film.patient for film in films])
    return LabelScores(values, labels == 1, patients, np.isfinite(labels))


def among_positive(scores: LabelScores) -> LabelScores:
    """The films that have any class: are these told from each other, not only from films without?"""
    rows = (scores.labels & scores.counted).any(axis=1)
    given = (one[rows] for one in (scores.values, scores.labels, scores.patients, scores.counted))
    return LabelScores(*given)


def rank(scores: LabelScores) -> float:
    """Macro AUROC among the films that have any class, by which recipes are chosen.

    Films without a class may have been made in another way than the others, and a recipe that sees no more
    than that would come first.
    """
    own = among_positive(scores)
    return float(own.macro(auroc)(plain(len(own.labels)))[0]) if own.tested else 0.5


def _of_fold(settings: TrainingSettings, films: Sequence[Film], out: Path, cache: Path) -> dict[str, Any]:
    """Teach a recipe on a fold; its probabilities for the films that are tested, and for validation."""
    run = Run(replace(settings, keep="last", unseen="allow"), films, out, cache)
    run.train()
    run.export()
    model, processor, origin = FusionModel.from_pretrained(out / "checkpoint")
    task = settings.model.tasks[0].spec
    policy = policy_of(origin.folder, task)
    test, held = (
        ask_several(model, processor, [f for f in films if f.split == side], task, policy)
        for side in ("test", "validation")
    )
    sides = {"values": test, "validation_values": held}
    return {name: np.round(one.values(one.logits), 6).tolist() for name, one in sides.items()}


def answered(
    settings: TrainingSettings, films: Sequence[Film], out: Path, cache: Path, folds: int = FOLDS
) -> Answered:
    """A recipe's answers for every film; its folds lie in `out`."""
    parts = patient_folds(np.array([film.patient for film in films]), folds)
    task = settings.model.tasks[0].spec
    values = np.full((len(films), len(task.classes)), np.nan)
    validation = []
    for fold in range(folds):
        file = out / f"fold-{fold}.json"
        if not file.is_file():
            found = _of_fold(settings, fold_sides(films, fold, folds), out / f"fold-{fold}", cache)
            file.write_text(json.dumps(found) + "\n")
        found = json.loads(file.read_text())
        values[parts == fold] = found["values"]
        held = [film for film, part in zip(films, parts, strict=True) if part == (fold + 1) % folds]
        validation.append(
            rank(scored(task, held, np.array(found["validation_values"]), settings.policy(task)))
        )
    return Answered(values, tuple(validation))


def chosen(recipes: Mapping[str, Answered], parts: np.ndarray) -> tuple[Answered, list[str]]:
    """In each of the (N,) folds the recipe that its validation films rank best, and which those were."""
    folds = range(len(next(iter(recipes.values())).validation))
    best = [max(recipes, key=lambda name, fold=fold: recipes[name].validation[fold]) for fold in folds]
    rows = [recipes[best[part]].values[i] for i, part in enumerate(parts)]
    validation = tuple(recipes[name].validation[fold] for fold, name in enumerate(best))
    return Answered(np.array(rows), validation), best


def summarise(
    task: Task,
    films: Sequence[Film],
    recipes: Mapping[str, Answered],
    rivals: Mapping[str, tuple[str, np.ndarray]],
    folds: int = FOLDS,
    policy: LabelPolicy = PLAIN,
) -> dict[str, Any]:
    """The answers chosen in each fold as `metrics.json` holds a measurement, beside recipes and rivals.

    `recipes`: each one's macro AUROC, its mean `rank` on validation films, and how far it is ahead of the
    choice. `audit`: the `rivals` (name -> what it sees and (N, K) scores), and how far the choice is ahead of
    them. `among_positive`: the same of the films alone that have any class, where each class's AUROC says
    whether it is told from the others.
    """
    choice, best = chosen(recipes, patient_folds(np.array([film.patient for film in films]), folds))
    scores = scored(task, films, choice.values, policy)
    shares = np.nanmean(labels_of(films, task, policy), axis=0)
    found = {"task": str(task), "split": "out of fold", "folds": folds, "chosen": best}
    found |= summarise_labels(task, scores, dict(zip(task.classes, shares.tolist(), strict=True)))
    found |= _beside(scores, recipes, rivals)
    own = among_positive(scores)
    rows = (scores.labels & scores.counted).any(axis=1)
    inside = {name: Answered(one.values[rows], one.validation) for name, one in recipes.items()}
    others = {name: (sees, values[rows]) for name, (sees, values) in rivals.items()}
    found["among_positive"] = {
        **{"n": len(own.labels), "patients": len(np.unique(own.patients))},
        **own.headline(patient_draws(own.patients)),
        **_beside(own, inside, others),
        "per_class": _per_class(task, own),
    }
    return found


def _beside(
    scores: LabelScores, recipes: Mapping[str, Answered], rivals: Mapping[str, tuple[str, np.ndarray]]
) -> dict[str, Any]:
    own = beside(scores, {name: ("the film", one.values) for name, one in recipes.items()})
    audit = beside(scores, dict(rivals))
    for row in own:
        row["validation"] = round(float(np.mean(recipes[row["name"]].validation)), 4)
    return {"recipes": own, "audit": audit, "not_beaten": not_beaten(audit)}


def _per_class(task: Task, scores: LabelScores) -> dict[str, Any]:
    draws, out = patient_draws(scores.patients), {}
    for k in scores.tested:

        def statistic(weights: np.ndarray, k: int = k) -> np.ndarray:
            return auroc(scores.values[:, k], scores.labels[:, k], weights * scores.counted[:, k])

        name, positive = str(task.classes[k]), int(scores.labels[:, k].sum())
        out[name] = {"n": positive} | with_interval("auroc", measured(statistic, draws))
    return out


def out_of_fold(
    configs: Sequence[Path],
    data: Path,
    out: Path,
    *,
    folds: int = FOLDS,
    boxes: Path | None = None,
    cache: Path = Path("runs/cache"),
) -> dict[str, Any]:
    """Answers of some recipes for all films of their corpora; writes `out_of_fold.json` into `out`.

    `boxes`: NIH's file; then `maps` says whether the first recipe's maps lie on the boxes of its findings.

    Raises:
        ViewboxError: two recipes have one name, or do not read the same task off the same films; a setting
            means nothing, or a corpus cannot be read.
    """
    recipes = [TrainingSettings.load(path) for path in configs]
    if len({recipe.name for recipe in recipes}) < len(recipes):
        raise ViewboxError("Two recipes have one name; give each settings file its own.")
    task = recipes[0].model.tasks[0].spec
    if task.kind != "multilabel" or any(
        (r.model.tasks[0].spec, r.corpora) != (task, recipes[0].corpora) or not r.model.image for r in recipes
    ):
        template = "Recipes here read one task, with several classes at once, off the films of one corpus."
        raise ViewboxError(template)
    films = [film for film in gathered(recipes[0], data) if film.has_label(task) and film.encoded]
    found = {r.name: answered(r, films, out / r.name, cache, folds) for r in recipes}
    rivals = rivals_of(recipes[0], films, [fold_sides(films, fold, folds) for fold in range(folds)], cache)
    answer = {
        "corpus": " and ".join(recipes[0].corpora),
        **summarise(task, films, found, rivals, folds, recipes[0].policy(task)),
    }
    if boxes is not None:
        answer["maps"] = maps_out_of_fold(out / recipes[0].name, marked_findings(boxes), folds, EFFORT)
    (out / ANSWER_FILE).write_text(json.dumps(answer, indent=1) + "\n")
    return answer


def lines(found: Mapping[str, Any]) -> str:
    """The answer as lines to read: over all films, then over those alone that have any class."""
    told = []
    for title, part in (("all", found), ("those with any class", found["among_positive"])):
        told.append(f"{part['n']} films of {part['patients']} patients, {title}; {found['folds']} folds")
        told.append(f"  {CHOSEN:24} macro AUROC {_bracketed(part, 'macro_auroc')}")
        for row in (*part["recipes"], *part["audit"]):
            told.append(f"  {row['name']:24} macro AUROC {_bracketed(row, 'macro_auroc')}")
        for name, row in part["per_class"].items():
            told.append(f"    {name:22} n {row['n']:4}  AUROC {_bracketed(row, 'auroc')}")
    for name, row in found.get("maps", {}).get("maps", {}).items():
        hits = row["hit_rate"]
        told.append(f"  {name:32} maximum in the box {bracketed(hits['value'], hits['interval_95'])}")
    return "\n".join(told)


def _bracketed(row: Mapping[str, Any], name: str) -> str:
    return bracketed(row[name], row[f"{name}_95"])
