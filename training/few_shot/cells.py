"""What few films can teach: one recipe on fractions of the training patients, several times.

A cell is one training run: a fraction, a way to learn, a seed. Each draws its patients, nested within a seed,
trains as `viewbox train` does, and answers films that taught no cell. A cell that is done is read from its
folder; one that was stopped goes on from its last saved step.

Shape letters: N films, K classes.
"""

import hashlib
import json
import logging
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from math import ceil
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from modeling.configuration import TaskConfig
from modeling.errors import ViewboxError
from modeling.model.fusion import FusionModel
from modeling.model.temperature import probabilities
from training.branches import BODIES, BranchLearning
from training.corpora.labelled_film import Film
from training.few_shot.draw import order, reduced, traits
from training.films import inputs_of
from training.initial_weights import InitialWeights
from training.label_counts import check, counted, films_for, lines, never_seen, ranked
from training.plan import builds, reads
from training.run import Run, gathered
from training.settings import TrainingSettings

logger = logging.getLogger(__name__)
Way = Literal["as_set", "fine_tuned", "probed"]
CELLS, ABOUT_FILE, ANSWERS_FILE = "cells", "cell.json", "probabilities.npz"


@dataclass(frozen=True)
class Cell:
    """One training run of the table."""

    fraction: float
    way: Way
    seed: int

    @property
    def name(self) -> str:
        """Of its folder."""
        return f"{self.fraction:g}-{self.way}-{self.seed}"


@dataclass(frozen=True)
class Teaching:
    """The films that teach a cell.

    Attributes:
        shown: task -> class -> how many of them show it (of several at once: are positive).
        missing: task -> the classes of which none of them tells.
        learnable: the tasks of which they show more than one class.
    """

    patients: int
    films: int
    shown: dict[str, dict[str, int]]
    missing: dict[str, list[str]]
    learnable: list[str]


class Sweep:
    """All cells over one set of films."""

    def __init__(
        self,
        settings: TrainingSettings,
        films: Sequence[Film],
        fractions: Sequence[float] = (),
        *,
        probe: bool = False,
        seeds: int = 3,
    ) -> None:
        """
        `fractions`: of the training patients; all of them where none is given. `probe`: compare frozen
        bodies of the branches with fine-tuned ones, instead of what the settings say of them.

        Raises:
            ViewboxError: a fraction is none, or there is no branch to probe.
        """
        if not all(0 < fraction <= 1 for fraction in fractions):
            raise ViewboxError("A fraction of the training patients is above 0 and at most 1; correct it.")
        self.settings, self.films, self.seeds = settings, films, seeds
        self.fractions = sorted(set(fractions)) or [1.0]
        learning = {branch: settings.learning.get(branch, BranchLearning()) for branch in BODIES}
        self._bodies = {
            branch: learning[branch]
            for branch in settings.model.modalities
            if BODIES[branch] and learning[branch].way != "frozen"
        }
        if probe and not self._bodies:
            raise ViewboxError("There is no branch to probe: a table has no body, and others are frozen.")
        self.ways: tuple[Way, ...] = ("probed", "fine_tuned") if probe else ("as_set",)
        self._order = cache(lambda seed: order(self._traits, seed))

    @cached_property
    def _traits(self) -> dict[str, frozenset[str]]:
        policies = {task.spec: self.settings.policy(task.name) for task in self.settings.model.tasks}
        return traits(self.films, policies)

    def cells(self) -> Iterator[Cell]:
        """The smallest fraction and the probe first, so that what cannot be trained is refused at once."""
        for fraction in self.fractions:
            for seed in range(self.seeds):
                yield from (Cell(fraction, way, seed) for way in self.ways)

    def films_of(self, cell: Cell) -> list[Film]:
        """All films; those that do not teach this cell on no side."""
        return reduced(self.films, self._order(self.settings.seed + cell.seed), cell.fraction)

    def settings_of(self, cell: Cell) -> TrainingSettings:
        """The recipe of a cell. Fewer films are shown oftener: every cell takes about as many steps."""
        settings = self.settings
        rows, of_all = (_rows(settings, films) for films in (self.films_of(cell), self.films))
        times = max(round(of_all.total() / rows.total()), ceil(settings.batch_size / rows.total()))
        repeat = {source: times * settings.repeat.get(source, 1) for source in rows}
        learning = dict(settings.learning)
        if cell.way != "as_set":
            learning |= {branch: replace(how, way=cell.way) for branch, how in self._bodies.items()}
        change = {"repeat": repeat, "learning": learning, "unseen": "allow"}
        return replace(settings, seed=settings.seed + cell.seed, **change)

    def teaching(self, cell: Cell) -> Teaching:
        """What would teach a cell."""
        films = self.films_of(cell)
        own = [film for film in films if film.split == "train"]
        shown, missing, learnable = {}, {}, []
        for name, sides in counted(self.settings, films).items():
            classes = sides["train"]["classes"]
            shown[name] = {c: n if isinstance(n, int) else n["positive"] for c, n in classes.items()}
            missing[name] = list(never_seen(classes))
            learnable += [name] if ranked(classes) else []
        return Teaching(len({film.patient for film in own}), len(own), shown, missing, learnable)

    def tested(self, task: TaskConfig) -> list[Film]:
        """What every cell is asked: the films held out for tests where there are any, else for validation."""
        test, validation = (films_for(self.settings, self.films, task, s) for s in ("test", "validation"))
        return test or validation

    # --- one cell

    def run(
        self, cell: Cell, out: Path, cache: Path, log_dir: Path | None = None
    ) -> tuple[Teaching, dict[str, np.ndarray]]:
        """Train a cell and ask it, or read what it said: task -> (N, K) probabilities of `tested`.

        A task of which its films show one class alone is not learnt and has no answers.

        Raises:
            ViewboxError: its folder holds a cell of other settings or films, or as `Run`.
        """
        folder, teaching = out / CELLS / cell.name, self.teaching(cell)
        if not self.is_done(cell, out):
            answers = {}
            if teaching.learnable:
                log = log_dir and log_dir / cell.name
                run = Run(self.settings_of(cell), self.films_of(cell), folder, cache, log)
                self._note(cell, folder, done=False)
                run.train()
                run.export()
                answers = self._asked(folder / "checkpoint", teaching.learnable)
            folder.mkdir(parents=True, exist_ok=True)
            np.savez(folder / ANSWERS_FILE, **answers)
            self._note(cell, folder, done=True)
            shutil.rmtree(folder / "state", ignore_errors=True)
            (folder / "best.pt").unlink(missing_ok=True)
        with np.load(folder / ANSWERS_FILE) as kept:
            return teaching, dict(kept)

    def is_done(self, cell: Cell, out: Path) -> bool:
        """Whether a cell's answers are in its folder.

        Raises:
            ViewboxError: a cell of other settings or films is, done or begun.
        """
        path = out / CELLS / cell.name / ABOUT_FILE
        if not path.is_file():
            return False
        about = json.loads(path.read_text())
        if about["decides"] != self._decides(cell):
            template = "{path} holds what other settings or films gave; name another folder with --out."
            raise ViewboxError(template, path=path.parent)
        return about["done"]

    def _note(self, cell: Cell, folder: Path, *, done: bool) -> None:
        """Say in a cell's folder what it is of, and whether it is done."""
        part = folder / f"{ABOUT_FILE}.part"
        part.write_text(json.dumps({"decides": self._decides(cell), "done": done}) + "\n")
        part.rename(folder / ABOUT_FILE)

    def _decides(self, cell: Cell) -> str:
        """A digest of what a cell's answers depend on."""
        films = [(f.source, f.film_id, f.split, dict(f.labels), str(f.states)) for f in self.films_of(cell)]
        return hashlib.sha256(repr((self.settings_of(cell), films)).encode()).hexdigest()[:16]

    def _asked(self, checkpoint: Path, tasks: Sequence[str]) -> dict[str, np.ndarray]:
        model, processor, _ = FusionModel.from_pretrained(checkpoint)
        answers = {}
        for task in model.config.tasks:
            if task.name not in tasks:
                continue
            with torch.inference_mode():
                batches = inputs_of(self.tested(task), processor, f"reading {task.name}")
                logits = torch.cat([model.eval()(inputs)[task.name] for inputs in batches]).numpy()
            temperature = model.config.temperatures[task.name]
            answers[task.name] = probabilities(task.spec.kind, logits, temperature).astype(np.float32)
        return answers


def _rows(settings: TrainingSettings, films: Sequence[Film]) -> Counter[str]:
    """Corpus -> how many films of it an epoch shows."""
    shown: Counter[str] = Counter()
    for film in films:
        if film.split == "train":
            shown[film.source] += settings.repeat.get(film.source, 1)
    return shown


def opened(
    settings_file: Path, data: Path, fractions: Sequence[float], *, probe: bool, seeds: int, limit: int = 0
) -> Sweep:
    """The cells that a settings file and its corpora make, as `training.run.train` reads them.

    Raises:
        ViewboxError: as `training.run.train` before its first step, and as `Sweep`.
    """
    settings = TrainingSettings.load(settings_file)
    films = gathered(settings, data, limit)
    check(replace(settings, unseen="allow") if limit else settings, films)
    return Sweep(settings, films, fractions, probe=probe, seeds=seeds)


def plan(sweep: Sweep, out: Path) -> Iterator[str]:
    """What would be run, line by line; nothing is trained, but initial weights are fetched and tried.

    Raises:
        ViewboxError: as `InitialWeights.fill`, and as `Sweep.is_done`.
    """
    settings, cells = sweep.settings, list(sweep.cells())
    yield from reads(sweep.films)
    yield from lines(counted(settings, sweep.films))
    yield from builds(InitialWeights(sweep.settings_of(cells[0])))
    for task in settings.model.tasks:
        films = sweep.tested(task)
        patients, side = len({film.patient for film in films}), films[0].split
        yield f"asks every cell for {task.name} of {len(films)} films of {patients} patients: {side}"
    for first in cells[:: len(sweep.ways)]:
        alike = [replace(first, way=way) for way in sweep.ways]
        done = ", ".join(cell.way for cell in alike if sweep.is_done(cell, out))
        ways = " and ".join(sweep.ways).replace("_", "-")
        yield f"{first.fraction:g}, seed {first.seed}, {ways}: {told(sweep.teaching(first))}" + (
            f"; done: {done}".replace("_", "-") if done else ""
        )
    steps = _rows(settings, sweep.films).total() // settings.batch_size
    yield f"trains {len(cells)} cells, each {settings.epochs} epochs of about {steps} steps; writes to {out}"


def told(teaching: Teaching) -> str:
    """What teaches a cell, as a line."""
    parts = [f"{teaching.films} films of {teaching.patients} patients"]
    for task, shown in teaching.shown.items():
        parts.append(f"{task} " + ", ".join(f"{name} {count}" for name, count in shown.items()))
        if task not in teaching.learnable:
            parts.append("shows one class alone: not trained")
        elif teaching.missing[task]:
            parts.append(f"never shows {', '.join(teaching.missing[task])}")
    return "; ".join(parts)
