"""Does the table help? What `viewbox fusion` measures.

Film alone, table alone and every fusion of both grade severity on the films of Cohen and Hannover: in
patient-grouped cross-validation with one recipe for all, over frozen film features, and once trained on Cohen
and read on Hannover. A control sees only which clinical fields are known: hospitals fill in different ones,
and that alone can predict.

Shape letters: R draws, S seeds, N films, K classes.
"""

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from itertools import product
from os import getpid
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from evaluation.metrics import bootstrap
from evaluation.metrics.bootstrap import (
    Statistic,
    as_json,
    bracketed,
    measured,
    patient_draws,
    plain,
    rounded,
)
from evaluation.metrics.one_label import Metric, Scored, auroc, macro, quadratic_kappa, spearman
from modeling.configuration import FusionConfig, ProcessorConfig
from modeling.labels import GRADING
from modeling.progress import Progress, progress
from modeling.study import Modality
from training.corpora.duplicates import one_person
from training.corpora.labelled_film import Film
from training.corpora.open_corpus import load
from training.corpora.severity import Severity, expert_agreement, severities
from training.fusion_comparison.arms import (
    ARMS,
    FILM,
    FUSIONS,
    PATCHES,
    Arm,
    Evidence,
    FrozenBackbone,
    Recipe,
    feature_maps,
    open_backbone,
    train_and_predict,
)
from training.settings import TrainingSettings

CONFIG = Path(__file__).parents[1] / "configs" / "film.json"
FOLDS = 5
CORPORA = ("cohen", "hannover")
Configured = tuple[FusionConfig, ProcessorConfig]
Splits = list[tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True, eq=False)
class Readings:
    """The answers of all arms for the same films."""

    given: Mapping[str, np.ndarray]  # arm -> S N K probabilities
    without_table: Mapping[str, np.ndarray]  # fused arm -> the same with the table taken away
    labels: np.ndarray  # N grading
    extents: np.ndarray  # N geographic extent, NaN where nobody read it
    patients: np.ndarray  # N

    def of(self, keep: np.ndarray) -> "Readings":
        """The readings of some of the films."""
        arms = ({n: rows[:, keep] for n, rows in said.items()} for said in (self.given, self.without_table))
        return Readings(*arms, self.labels[keep], self.extents[keep], self.patients[keep])


Score = Callable[[np.ndarray, Readings, np.ndarray], np.ndarray]
"""From (N, K) probabilities and (R, N) weights to (R,) values."""


def _spearman_extent(probabilities: np.ndarray, readings: Readings, weights: np.ndarray) -> np.ndarray:
    """The expected class against the geographic extent, over the films that have one."""
    read = np.isfinite(readings.extents)
    expected = probabilities @ np.arange(probabilities.shape[1])
    return spearman(expected[read], readings.extents[read], weights[:, read])


def _graded(metric: Metric) -> Score:
    return lambda probabilities, readings, weights: metric(Scored(probabilities, readings.labels), weights)


METRICS: dict[str, Score] = {
    "spearman_extent": _spearman_extent,
    "quadratic_kappa": _graded(quadratic_kappa),
    "macro_auroc": _graded(macro(auroc)),
}
"""The first one is the headline."""


def _mean_over_seeds(metric: str, probabilities: np.ndarray, readings: Readings) -> Statistic:
    """(S, N, K) probabilities of one arm -> the statistic whose value is the seeds' mean."""
    return lambda weights: np.mean([METRICS[metric](p, readings, weights) for p in probabilities], axis=0)


def score(readings: Readings, draws: int) -> dict[str, Any]:
    """Every arm's metrics, means over the seeds, with intervals by patient, and against the film alone."""
    weights = patient_draws(readings.patients, draws)
    rows: dict[str, dict[str, Any]] = {arm.name: {} for arm in ARMS}
    for metric in METRICS:
        statistics = {n: _mean_over_seeds(metric, readings.given[n], readings) for n in rows}
        for name, row in rows.items():
            row[metric] = as_json(measured(statistics[name], weights)) | {
                "seeds": [_value(metric, one, readings) for one in readings.given[name]]
            }
            if name != FILM.name:
                against = bootstrap.compare(statistics[name], statistics[FILM.name], weights)
                test = as_json(against.difference) | {"p": rounded(against.p)}
                row.setdefault("versus_film", {})[metric] = test
            if name in readings.without_table:
                bare = _mean_over_seeds(metric, readings.without_table[name], readings)
                value = rounded(float(bare(plain(len(readings.labels)))[0]))
                row.setdefault("without_table", {})[metric] = value
        _correct([rows[name]["versus_film"][metric] for name in FUSIONS])
    return {
        "films": len(readings.labels),
        "patients": len(np.unique(readings.patients)),
        "films_with_extent": int(np.isfinite(readings.extents).sum()),
        "rows": rows,
    }


def _value(metric: str, probabilities: np.ndarray, readings: Readings) -> float | None:
    return rounded(float(METRICS[metric](probabilities, readings, plain(len(readings.labels)))[0]))


def _correct(tests: list[dict[str, Any]]) -> None:
    """Add the P values corrected for the number of fusions."""
    p_values = [1.0 if test["p"] is None else test["p"] for test in tests]
    for test, corrected in zip(tests, holm(p_values), strict=True):
        test["p_holm"] = rounded(corrected)


def holm(p_values: list[float]) -> list[float]:
    """P values corrected for their number (Holm 1979)."""
    order = np.argsort(p_values)
    corrected, highest = [0.0] * len(p_values), 0.0
    for rank, i in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[i]))
        corrected[i] = highest
    return corrected


def graded_films(folder: Path) -> list[Film]:
    """The films of Cohen and Hannover that have a grading.

    Raises:
        ViewboxError: a corpus is not in the folder.
    """
    films = [film for name in CORPORA for film in load(name, folder)]
    return [film for film in films if GRADING in film.labels]


def folds(films: Sequence[Film], people: np.ndarray, seed: int) -> Splits:
    """Five (train, test) film numbers; people stay together, corpora and gradings are spread evenly."""
    kinds = [f"{film.source} {film.labels[GRADING]}" for film in films]
    splitter = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    return list(splitter.split(kinds, kinds, people))


def outside(films: Sequence[Film]) -> Splits:
    """Train on Cohen (its films from Hannover are not among them), read Hannover."""
    source = np.array([film.source for film in films])
    return [(np.flatnonzero(source == "cohen"), np.flatnonzero(source == "hannover"))]


def compare(
    folder: Path,
    backbones: Sequence[str],
    *,
    seeds: int = 3,
    recipe: Recipe | None = None,
    draws: int = 2000,
    cache: Path = Path("runs/cache"),
) -> dict[str, Any]:
    """The whole comparison as JSON types, of "imagenet" or checkpoint folders, each with a `split.csv`.

    `seeds`: repetitions, each with weights and folds of its own. `draws`: of patients, for intervals.

    Raises:
        ViewboxError: a corpus or a backbone is not there.
    """
    started, settings = time.perf_counter(), TrainingSettings.load(CONFIG)
    films, readings = graded_films(folder), severities(folder)
    opened = [open_backbone(name, settings.model, settings.processor) for name in backbones]
    work = _Work(
        films, readings, (settings.model, settings.processor), recipe or Recipe(), seeds, draws, cache
    )
    return {
        "protocol": work.protocol(),
        "readers": expert_agreement(readings, draws),
        "backbones": [work.on(backbone) for backbone in opened],
        "seconds": round(time.perf_counter() - started),
    }


@dataclass(frozen=True, eq=False)
class _Work:
    """Fits every arm on every split of every backbone; what was fitted once is read from the cache."""

    films: Sequence[Film]
    readings: Mapping[tuple[str, str], Severity]
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
        return np.array([self.readings[film.source, film.film_id].extent for film in self.films], float)

    def protocol(self) -> dict[str, Any]:
        """On what films, fields and folds."""
        films, graded = self.films, {(film.source, film.film_id) for film in self.films}
        clear = [key for key, read in self.readings.items() if read.extent == 0 and key not in graded]
        patients = {name: {f.patient for f in films if f.source == name} for name in CORPORA}
        count = Counter(film.source for film in films)
        known = Counter((film.source, name) for film in films for name in film.table.values)
        fields = [field.name for field in self.settings[1].table]
        fewest, people = self.recipe.fewest_known, len(np.unique(self.people))
        return {
            "task": str(GRADING),
            "corpora": {n: {"films": count[n], "patients": len(patients[n])} for n in CORPORA},
            "rows_with_extent_0_and_no_grading": len(clear),
            "patients_merged_because_they_share_a_film": sum(map(len, patients.values())) - people,
            "fields_in_both": [f for f in fields if all(known[name, f] >= fewest for name in CORPORA)],
            "folds": FOLDS,
            "seeds": self.seeds,
            "draws": self.draws,
            "patches_a_side": PATCHES,
            "recipe": asdict(self.recipe),
        }

    def on(self, backbone: FrozenBackbone) -> dict[str, Any]:
        """Every arm's scores on one backbone's features."""
        evidence = Evidence.of(self.films, feature_maps(self.films, backbone, self.cache))
        fits = len(ARMS) * self.seeds * (FOLDS + 1)
        with progress(what=backbone.name, total=fits, unit="fit") as bar:
            within = self._read("folds", evidence, backbone, bar)
            external = self._read("outside", evidence, backbone, bar)
        source = np.array([film.source for film in self.films])
        return {
            "name": backbone.name,
            "revision": backbone.revision,
            "trained_on": list(backbone.trained_on),
            "patients_seen_in_training": backbone.seen(self.films),
            "cross_validation": score(within, self.draws),
            "cross_validation_cohen": score(within.of(source == "cohen"), self.draws),
            "cross_validation_hannover": score(within.of(source == "hannover"), self.draws),
            "cohen_to_hannover": score(external.of(source == "hannover"), self.draws),
        }

    def _read(self, kind: str, evidence: Evidence, backbone: FrozenBackbone, bar: Progress) -> Readings:
        given: dict[str, list[np.ndarray]] = {arm.name: [] for arm in ARMS}
        without: dict[str, list[np.ndarray]] = {arm.name: [] for arm in ARMS if len(arm.modalities) > 1}
        for seed in range(self.seeds):
            splits = folds(self.films, self.people, seed) if kind == "folds" else outside(self.films)
            for arm in ARMS:
                read, bare = self._kept(arm, splits, evidence, backbone, seed)
                bar.update(len(splits))
                given[arm.name].append(read)
                if arm.name in without:
                    without[arm.name].append(bare)
        stacked = ({name: np.stack(rows) for name, rows in arms.items()} for arms in (given, without))
        return Readings(*stacked, evidence.labels, self.extents, self.people)

    def _kept(
        self, arm: Arm, splits: Splits, evidence: Evidence, backbone: FrozenBackbone, seed: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """(N, K) probabilities with and without the table; (0, 0, 0) for a film on no test side."""
        features = backbone.revision if Modality.IMAGE in arm.modalities else ""
        films = [(f.film_id, str(f.labels[GRADING]), dict(f.table.values)) for f in self.films]
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
        found = np.zeros((2, len(self.films), len(GRADING.classes)))
        for train, test in splits:
            found[:, test] = train_and_predict(arm, evidence, train, test, settings, self.recipe, seed)
        return found


def report(found: dict[str, Any]) -> str:
    """The comparison as lines of text."""
    lines, kinds = [], ("cross_validation", "cohen_to_hannover")
    for backbone, kind in product(found["backbones"], kinds):
        block = backbone[kind]
        lines.append(f"{backbone['name']}, {kind}: {block['films']} films, {block['patients']} patients")
        for name, row in block["rows"].items():
            p = row.get("versus_film", {}).get("spearman_extent", {}).get("p")
            cells = [f"{metric} {bracketed(row[metric]['value'], row[metric]['95'])}" for metric in METRICS]
            lines.append(f"  {name:16}" + "  ".join(cells) + ("" if p is None else f"  p {p:.3f}"))
    readers = found["readers"].items()
    return "\n".join(
        lines + [f"readers, {name}: {bracketed(one['value'], one['95'])}" for name, one in readers]
    )
