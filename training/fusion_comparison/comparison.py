"""Does the table help? What `viewbox compare` measures.

Film alone, table alone and every fusion answer a task on the films of some corpora: in patient-grouped
cross-validation with one recipe for all, over frozen film features, and, of several corpora, once trained on
the first and read on the others. A control sees only which clinical fields are known: hospitals fill in
different ones, and that alone can predict. Beside them stands what the training films' classes alone say, and
how far readers agree.

Shape letters: R draws, S seeds, N films, K classes.
"""

import hashlib
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from itertools import combinations, product
from os import getpid
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from evaluation.metrics.bootstrap import as_json, bracketed, measured, patient_draws
from evaluation.metrics.one_label import against_others
from modeling.configuration import FusionConfig, ProcessorConfig
from modeling.errors import ViewboxError
from modeling.labels import GRADING, TASKS, Task
from modeling.model.checkpoint import CONFIG_FILE
from modeling.progress import Progress, progress
from modeling.sentence import Names
from modeling.study import Modality
from training.corpora.duplicates import one_person
from training.corpora.labelled_film import Film
from training.corpora.open_corpus import case_readings, corpora_in, load
from training.corpora.severity import RATED, expert_agreement, severities
from training.fusion_comparison.arms import (
    ARMS,
    IMAGENET,
    PATCHES,
    Arm,
    Evidence,
    FrozenBackbone,
    Recipe,
    feature_maps,
    open_backbone,
    train_and_predict,
)
from training.fusion_comparison.scoring import METRICS, Readings, score
from training.settings import TrainingSettings

CONFIG = Path(__file__).parents[1] / "configs" / "film.json"
FOLDS = 5
Configured = tuple[FusionConfig, ProcessorConfig]
Splits = list[tuple[np.ndarray, np.ndarray]]


def task_named(name: str, config: Path | None = None, backbones: Sequence[str] = ()) -> Task:
    """A task that can be compared: Viewbox's own, or one that a settings file or a checkpoint declares.

    Raises:
        ViewboxError: there is none of that name, or its classes do not exclude each other; or as
            `TrainingSettings.load`.
    """
    declared = [] if config is None else [task.spec for task in TrainingSettings.load(config).model.tasks]
    for path in (Path(one) / CONFIG_FILE for one in backbones if one != IMAGENET):
        if path.is_file():
            declared += [task.spec for task in FusionConfig.read(path).tasks]
    known = {task: task for task in (*TASKS.values(), *declared)}
    several = [task for task in known if task.kind != "multilabel"]
    if name in known and name not in several:
        template = "{task} has several classes at once, which cannot be compared yet; choose from {tasks}."
        raise ViewboxError(template, task=Names("task", known[name]), tasks=", ".join(several))
    if name not in known:
        template = "There is no task '{name}' to compare; choose from {tasks}, or name the settings file that"
        template += " declares it with --config."
        raise ViewboxError(template, name=name, tasks=", ".join(several))
    return known[name]


def labelled_films(folder: Path, task: Task, corpora: Sequence[str] = ()) -> list[Film]:
    """The films that have a label of the task, of some corpora, or of all in the folder that have tables too.

    Raises:
        ViewboxError: a folder or corpus is not there; there are too few films, or none with a clinical value.
    """
    if not folder.is_dir():
        raise ViewboxError("There is no folder {folder}; name the one that holds the corpora.", folder=folder)
    found = []
    for name in corpora or corpora_in(folder):
        films = [film for film in load(name, folder) if task in film.labels and film.encoded]
        if corpora or any(film.table.values for film in films):
            found += films
    if found and not any(film.table.values for film in found):
        bare = (
            "None of the {count} films with {task} has a clinical value, so a table cannot help; name other"
        )
        raise ViewboxError(f"{bare} corpora.", count=len(found), task=task.name)
    patients = {film.patient for film in found}
    classes = Counter(film.labels[task] for film in found)
    if len(classes) < 2 or min(len(patients), max(classes.values())) < FOLDS:
        few = "{folder} holds {films} films of {patients} patients with {task} in {classes} classes; a"
        few += (
            " comparison takes two classes, and {folds} patients and films of one: name the corpora to read."
        )
        counts = {"films": len(found), "patients": len(patients), "classes": len(classes), "folds": FOLDS}
        raise ViewboxError(few, folder=folder, task=task.name, **counts)
    return found


def folds(films: Sequence[Film], task: Task, people: np.ndarray, seed: int) -> Splits:
    """Five (train, test) film numbers; people stay together, corpora and classes are spread evenly."""
    kinds = [f"{film.source} {film.labels[task]}" for film in films]
    splitter = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    return list(splitter.split(kinds, kinds, people))


def outside(films: Sequence[Film], first: str) -> Splits:
    """Train on one corpus, read the others (of Cohen those films from Hannover are not there twice)."""
    source = np.array([film.source for film in films])
    return [(np.flatnonzero(source == first), np.flatnonzero(source != first))]


def compare(
    folder: Path,
    backbones: Sequence[str],
    *,
    task: Task = GRADING,
    corpora: Sequence[str] = (),
    seeds: int = 3,
    recipe: Recipe | None = None,
    draws: int = 2000,
    cache: Path = Path("runs/cache"),
) -> dict[str, Any]:
    """The whole comparison as JSON types, of "imagenet" or checkpoint folders, each with a `split.csv`.

    `corpora`: which to read; all in the folder that have the task's labels and tables where none is named.
    `seeds`: repetitions, each with weights and folds of its own. `draws`: of patients, for intervals.

    Raises:
        ViewboxError: a corpus or a backbone is not there; as `labelled_films`.
    """
    started, settings = time.perf_counter(), TrainingSettings.load(CONFIG)
    films = labelled_films(folder, task, corpora)
    names = tuple(dict.fromkeys(film.source for film in films))
    rated = severities(folder, [name for name in RATED if name in names]) if task == GRADING else {}
    extents = {key: read.extent for key, read in rated.items()}
    opened = [open_backbone(name, settings.model, settings.processor) for name in backbones]
    configured = settings.model, settings.processor
    work = _Work(films, names, task, extents, configured, recipe or Recipe(), seeds, draws, cache)
    readers = expert_agreement(rated, draws) if rated else _agreement(folder, names, task, draws)
    return {
        "protocol": work.protocol(),
        "readers": readers,
        "backbones": [work.on(backbone) for backbone in opened],
        "seconds": round(time.perf_counter() - started),
    }


def _agreement(folder: Path, names: Sequence[str], task: Task, draws: int) -> dict[str, Any]:
    """How often readers of the same study say the same, where several read it: a model's ceiling."""
    read = [one for name in names for one in case_readings(folder / name, task)]
    compared = {
        "reader_and_another": [list(combinations(said.values(), 2)) for _, said in read],
        "reader_and_most_others": [list(against_others(said)) for _, said in read],
    }
    found = {}
    for name, pairs in compared.items():
        known = [(patient, both) for (patient, _), both in zip(read, pairs, strict=True) if both]
        if not known:
            continue
        said = np.array([len(both) for _, both in known])
        same = np.array([sum(one == other for one, other in both) for _, both in known])
        drawn = patient_draws(np.array([patient for patient, _ in known]), draws)
        share = measured(lambda weights, same=same, said=said: (weights @ same) / (weights @ said), drawn)
        found[name] = as_json(share) | {"studies": len(known)}
    return found


@dataclass(frozen=True, eq=False)
class _Work:
    """Fits every arm on every split of every backbone; what was fitted once is read from the cache."""

    films: Sequence[Film]
    corpora: Sequence[str]
    task: Task
    rated: Mapping[tuple[str, str], float | None]  # geographic extents, of films without a label too
    settings: Configured
    recipe: Recipe
    seeds: int
    draws: int
    cache: Path

    @cached_property
    def people(self) -> np.ndarray:
        """(N,) patient of each film; those who share a film are one person."""
        person = one_person(self.films, (film.patient for film in self.films))
        return np.array([person[film.patient] for film in self.films])

    @cached_property
    def extents(self) -> np.ndarray:
        """(N,) geographic extent, NaN where nobody read it."""
        return np.array([self.rated.get((film.source, film.film_id)) for film in self.films], float)

    def protocol(self) -> dict[str, Any]:
        """On what films, fields and folds."""
        films, graded = self.films, {(film.source, film.film_id) for film in self.films}
        clear = [key for key, extent in self.rated.items() if extent == 0 and key not in graded]
        patients = {name: {f.patient for f in films if f.source == name} for name in self.corpora}
        count = Counter(film.source for film in films)
        known = Counter((film.source, name) for film in films for name in film.table.values)
        fields = [field.name for field in self.settings[1].table]
        fewest, people = self.recipe.fewest_known, len(np.unique(self.people))
        return {
            "task": self.task.name,
            "corpora": {n: {"films": count[n], "patients": len(patients[n])} for n in self.corpora},
            "rows_with_extent_0_and_no_grading": len(clear),
            "patients_merged_because_they_share_a_film": sum(map(len, patients.values())) - people,
            "fields_in_both": [f for f in fields if all(known[name, f] >= fewest for name in self.corpora)],
            "folds": FOLDS,
            "seeds": self.seeds,
            "draws": self.draws,
            "patches_a_side": PATCHES,
            "recipe": asdict(self.recipe),
        }

    def on(self, backbone: FrozenBackbone) -> dict[str, Any]:
        """Every arm's scores on one backbone's features."""
        evidence = Evidence.of(self.films, feature_maps(self.films, backbone, self.cache), self.task)
        several, blocks = len(self.corpora) > 1, {}
        source, first = np.array([film.source for film in self.films]), self.corpora[0]
        fits = len(ARMS) * self.seeds * (FOLDS + several)
        with progress(what=backbone.name, total=fits, unit="fit") as bar:
            within = self._read("folds", evidence, backbone, bar)
            blocks["cross_validation"] = score(within, self.draws)
            if several:
                for name in self.corpora:
                    blocks[f"cross_validation_{name}"] = score(within.of(source == name), self.draws)
                external = self._read("outside", evidence, backbone, bar).of(source != first)
                blocks["_to_".join((first, *self.corpora[1:]))] = score(external, self.draws)
        return {
            "name": backbone.name,
            "revision": backbone.revision,
            "trained_on": list(backbone.trained_on),
            "patients_seen_in_training": backbone.seen(self.films),
            **blocks,
        }

    def _read(self, kind: str, evidence: Evidence, backbone: FrozenBackbone, bar: Progress) -> Readings:
        given: dict[str, list[np.ndarray]] = {arm.name: [] for arm in ARMS}
        without: dict[str, list[np.ndarray]] = {arm.name: [] for arm in ARMS if len(arm.modalities) > 1}
        for seed in range(self.seeds):
            within = kind == "folds"
            splits = folds(self.films, self.task, self.people, seed) if within else self._outside
            for arm in ARMS:
                read, bare = self._kept(arm, splits, evidence, backbone, seed)
                bar.update(len(splits))
                given[arm.name].append(read)
                if arm.name in without:
                    without[arm.name].append(bare)
        stacked = ({name: np.stack(rows) for name, rows in arms.items()} for arms in (given, without))
        return Readings(*stacked, evidence.labels, self.extents, self.people, self.task)

    @property
    def _outside(self) -> Splits:
        return outside(self.films, self.corpora[0])

    def _kept(
        self, arm: Arm, splits: Splits, evidence: Evidence, backbone: FrozenBackbone, seed: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """(N, K) probabilities with and without the table; (0, 0, 0) for a film on no test side."""
        features = backbone.revision if Modality.IMAGE in arm.modalities else ""
        films = [(f.film_id, str(f.labels[self.task]), dict(f.table.values)) for f in self.films]
        tests = [test.tolist() for _, test in splits]
        decides = (arm, features, seed, self.recipe, self.settings, films, tests)
        path = self.cache / f"fit-{hashlib.sha256(repr(decides).encode()).hexdigest()[:16]}.npy"
        if not path.is_file():
            part = path.with_suffix(f".{getpid()}.npy")  # two processes may fit the same
            np.save(part, self._fitted(arm, splits, evidence, backbone, seed))
            part.rename(path)
        read, bare = np.load(path)
        return read, bare

    def _fitted(
        self, arm: Arm, splits: Splits, evidence: Evidence, backbone: FrozenBackbone, seed: int
    ) -> np.ndarray:
        model, processor = self.settings
        seen = {name: getattr(backbone.architecture, name) for name in ("name", "stride", "pyramid")}
        settings = replace(model, image=replace(model.image, norm="batch", **seen)), processor
        found = np.zeros((2, len(self.films), len(self.task.classes)))
        for train, test in splits:
            found[:, test] = train_and_predict(arm, evidence, train, test, settings, self.recipe, seed)
        return found


def report(found: dict[str, Any]) -> str:
    """The comparison as lines of text."""
    lines = [f"{found['protocol']['task']}:"]
    for backbone, kind in product(found["backbones"], found["backbones"][0]):
        if kind != "cross_validation" and "_to_" not in kind:
            continue
        block = backbone[kind]
        lines.append(f"{backbone['name']}, {kind}: {block['films']} films, {block['patients']} patients")
        for name, row in block["rows"].items():
            metrics = [metric for metric in METRICS if metric in row]
            p = row.get("versus_film", {}).get(metrics[0], {}).get("p")
            cells = [f"{metric} {bracketed(row[metric]['value'], row[metric]['95'])}" for metric in metrics]
            lines.append(f"  {name:16}" + "  ".join(cells) + ("" if p is None else f"  p {p:.3f}"))
    readers = found["readers"].items()
    return "\n".join(
        lines + [f"readers, {name}: {bracketed(one['value'], one['95'])}" for name, one in readers]
    )
