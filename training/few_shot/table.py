"""The table of few films: how well each fraction and each way to learn does, beside what no film teaches.

Shape letters: N films, K classes, S seeds, R draws of patients.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.metrics.bootstrap import (
    RESAMPLES,
    Statistic,
    as_json,
    bracketed,
    compare,
    measured,
    patient_draws,
    plain,
    rounded,
)
from evaluation.metrics.many_labels import MACRO, LabelScores
from evaluation.metrics.one_label import RANKING, Scored
from modeling.configuration import TaskConfig
from training.few_shot.cells import Cell, Sweep, Teaching, Way, told
from training.few_shot.plot import percent, plot
from training.films import labels_of

logger = logging.getLogger(__name__)
TABLE_FILE, ANSWER_FILE, PLOT_FILE = "few_shot.md", "few_shot.json", "few_shot.png"
WAYS: dict[Way, str] = {"as_set": "as set", "probed": "probed", "fine_tuned": "fine-tuned"}
NAMES = {"macro_auroc": "macro AUROC", "accuracy": "accuracy", "macro_average_precision": "average precision"}
Ran = tuple[Teaching, Mapping[str, np.ndarray]]
"""What taught a cell, and task -> (N, K) probabilities."""


@dataclass(frozen=True, eq=False)
class OverSeeds:
    """The mean of a statistic over seeds. Where patients are drawn, so are seeds: an interval then holds what
    other patients to ask and other patients to learn from would change."""

    of_each: Sequence[Statistic]

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        """(R, N) weights -> (R,) values; one row of them is the plain mean."""
        seeds, draws = len(self.of_each), len(weights)
        share = np.full((draws, seeds), 1 / seeds)
        if draws > 1:
            share = np.random.default_rng(0).multinomial(seeds, share[0], size=draws) / seeds
        return (share.T * np.stack([statistic(weights) for statistic in self.of_each])).sum(axis=0)


def once(statistic: Statistic) -> Statistic:
    """The same statistic, computed once for the plain weights and once for the draws."""
    known: dict[int, np.ndarray] = {}

    def value(weights: np.ndarray) -> np.ndarray:
        if len(weights) not in known:
            known[len(weights)] = statistic(weights)
        return known[len(weights)]

    return value


def undefined(weights: np.ndarray) -> np.ndarray:
    """A statistic that these films do not define."""
    return np.full(len(weights), np.nan)


class Measure:
    """The metrics of one task on the films that every cell was asked."""

    def __init__(self, sweep: Sweep, task: TaskConfig, draws: int) -> None:
        films, self.task = sweep.tested(task), task.spec
        self.side = films[0].split
        self.labels = labels_of(films, task.spec, sweep.settings.policy(task.name))
        self.patients = np.array([film.patient for film in films])
        self._draws = patient_draws(self.patients, draws)

    @property
    def _several(self) -> bool:
        return self.task.kind == "multilabel"

    def _scores(self, values: np.ndarray) -> LabelScores:
        return LabelScores(values, self.labels == 1, self.patients, np.isfinite(self.labels))

    def statistics(self, values: np.ndarray) -> dict[str, Statistic]:
        """Metric -> the statistic of (N, K) probabilities; the first is the headline."""
        if self._several:
            scores = self._scores(values)
            return {n: once(scores.macro(m)) if scores.tested else undefined for n, m in MACRO.items()}
        scored = Scored(values, self.labels)
        return {name: once(partial(RANKING[name], scored)) for name in ("macro_auroc", "accuracy")}

    def chance(self) -> dict[str, float | None]:
        """What a constant answer reaches: the most frequent class, or each one's share of the films."""
        if not self._several:
            return {
                "macro_auroc": 0.5,
                "accuracy": rounded(np.bincount(self.labels).max() / len(self.labels)),
            }
        scores = self._scores(np.zeros(self.labels.shape))
        shares = scores.labels.sum(axis=0) / scores.counted.sum(axis=0).clip(min=1)
        share = float(shares[scores.tested].mean()) if scores.tested else float("nan")
        return {"macro_auroc": 0.5, "macro_average_precision": rounded(share)}

    def positives(self) -> dict[str, int]:
        """Class -> on how many of the films it is."""
        shown = (
            self.labels == 1 if self._several else np.equal.outer(self.labels, range(len(self.task.classes)))
        )
        return dict(zip(map(str, self.task.classes), shown.sum(axis=0).tolist(), strict=True))

    def row(self, each: Sequence[Mapping[str, Statistic]]) -> dict[str, Any]:
        """Each metric of the answers of S seeds: its mean, the interval of that, and every seed's value."""
        found = {}
        for name in each[0]:
            own = [statistics[name] for statistics in each]
            seeds = [rounded(float(statistic(plain(len(self.labels)))[0])) for statistic in own]
            found[name] = as_json(measured(OverSeeds(own), self._draws)) | {"seeds": seeds}
        return found

    def ahead(
        self, first: Sequence[Mapping[str, Statistic]], second: Sequence[Mapping[str, Statistic]]
    ) -> dict[str, Any]:
        """By how much the first answers' AUROC is ahead, seed by seed on the same films; the paired p."""
        pair = (OverSeeds([one["macro_auroc"] for one in each]) for each in (first, second))
        found = compare(*pair, self._draws)
        return as_json(found.difference) | {"p": rounded(found.p)}


def summarise(sweep: Sweep, ran: Mapping[Cell, Ran], draws: int = RESAMPLES) -> dict[str, Any]:
    """Every fraction and way, by task, as JSON types."""
    tasks = {}
    for task in sweep.settings.model.tasks:
        measure, rows, ahead = Measure(sweep, task, draws), [], []
        for fraction in sweep.fractions:
            each = {}
            for way in sweep.ways:
                cells = [ran[Cell(fraction, way, seed)] for seed in range(sweep.seeds)]
                each[way] = [measure.statistics(said[task.name]) for _, said in cells if task.name in said]
                about = {"fraction": fraction, "learning": way}
                about |= _teaching(task.name, [teaching for teaching, _ in cells])
                rows.append(about | (measure.row(each[way]) if each[way] else {}))
            if len(each) > 1 and each["probed"]:
                ahead.append({"fraction": fraction} | measure.ahead(each["probed"], each["fine_tuned"]))
        about = {"side": measure.side, "films": len(measure.labels), "positives": measure.positives()}
        about |= {"patients": len(np.unique(measure.patients)), "chance": measure.chance()}
        tasks[task.name] = about | {"rows": rows, "probed_ahead": ahead}
    settings = {"recipe": sweep.settings.name, "keep": sweep.settings.keep, "seeds": sweep.seeds}
    return settings | {"draws": draws, "tasks": tasks}


def _teaching(task: str, cells: Sequence[Teaching]) -> dict[str, Any]:
    """What taught a row, one number a seed."""
    shown = {name: [own.shown[task][name] for own in cells] for name in cells[0].shown[task]}
    missing = {
        name: [seed for seed, own in enumerate(cells) if name in own.missing[task]]
        for name in dict.fromkeys(name for own in cells for name in own.missing[task])
    }
    return {
        "patients": [own.patients for own in cells],
        "films": [own.films for own in cells],
        "shown": shown,
        "missing": missing,
        "not_trained": [seed for seed, own in enumerate(cells) if task not in own.learnable],
    }


# --- for a reader


def markdown(found: Mapping[str, Any]) -> str:
    """The table, and under it what it means."""
    return "\n\n".join(_of_task(name, one, found) for name, one in found["tasks"].items()) + "\n"


def _of_task(name: str, one: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    metrics = list(one["chance"])
    chances = ["-" if x is None else f"{x:.3f}" for x in one["chance"].values()]
    heads = [f"{NAMES[m]} (a constant answer {chance})" for m, chance in zip(metrics, chances, strict=True)]
    header = [
        "of the training patients",
        "patients (films)",
        "learning",
        *heads,
        "AUROC by seed",
        "shown to it",
    ]
    table = [_line(header), _line(["---"] * len(header))]
    for row in one["rows"]:
        cells = [percent(row["fraction"]), f"{_span(row['patients'])} ({_span(row['films'])})"]
        cells += [WAYS[row["learning"]]]
        cells += [bracketed(row[m]["value"], row[m]["95"]) if m in row else "not trained" for m in metrics]
        seeds = row["macro_auroc"]["seeds"] if "macro_auroc" in row else []
        cells += [", ".join("-" if x is None else f"{x:.3f}" for x in seeds)]
        first = row["learning"] == one["rows"][0]["learning"]
        table.append(_line([*cells, _shown(row) if first else "the same"]))
    asked = ", ".join(f"{c} {n}" for c, n in one["positives"].items())
    looked = ", by which each run's best epoch was chosen" if found["keep"] == "best" else ""
    looked = looked if one["side"] == "validation" else ""
    told_below = [
        f"**{name}**, recipe {found['recipe']}, {found['seeds']} seeds; asked of the same {one['films']}"
        f" {one['side']} films of {one['patients']} patients{looked} ({asked}). Brackets: 95 %, patients"
        " asked and seeds drawn anew.",
        *(
            f"Probed ahead of fine-tuned at {percent(row['fraction'])}: AUROC {row['value']:+.3f}"
            f" [{row['95'][0]:+.3f}, {row['95'][1]:+.3f}], p {row['p']:.3f}."
            for row in one["probed_ahead"]
            if row["value"] is not None
        ),
    ]
    return "\n".join(table) + "\n\n" + "\n".join(told_below)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _span(numbers: Sequence[int]) -> str:
    low, high = min(numbers), max(numbers)
    return f"{low}" if low == high else f"{low} to {high}"


def _shown(row: Mapping[str, Any]) -> str:
    """Each class with its films, and which of them a fraction left without any."""
    seeds = len(row["films"])
    parts = [", ".join(f"{name} {_span(counts)}" for name, counts in row["shown"].items())]
    without = ", ".join(f"{name}{_of_seeds(those, seeds)}" for name, those in row["missing"].items())
    parts += [f"**nothing of {without}**"] if without else []
    parts += [f"**not trained{_of_seeds(row['not_trained'], seeds)}**"] if row["not_trained"] else []
    return "; ".join(parts)


def _of_seeds(those: Sequence[int], seeds: int) -> str:
    return "" if len(those) == seeds else f" (seed {' and '.join(map(str, those))})"


def few_shot(
    sweep: Sweep, out: Path, *, cache: Path = Path("runs/cache"), log_dir: Path | None = None
) -> dict[str, Any]:
    """Train every cell; write table, numbers and plot into `out`. The same folder goes on where it stopped.

    Raises:
        ViewboxError: as `Sweep.run`.
    """
    ran, cells = {}, list(sweep.cells())
    for number, cell in enumerate(cells, 1):
        logger.info("cell %d of %d, %s: %s", number, len(cells), cell.name, told(sweep.teaching(cell)))
        ran[cell] = sweep.run(cell, out, cache, log_dir)
    found = summarise(sweep, ran)
    (out / ANSWER_FILE).write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (out / TABLE_FILE).write_text(markdown(found), encoding="utf-8")
    plot(found, out / PLOT_FILE)
    return found
