"""What a run would read, build, freeze and write: `viewbox train --dry-run`."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from modeling.model.fusion import FusionModel
from training.branches import check_frozen, stays
from training.corpora.labelled_film import Film
from training.initial_weights import InitialWeights
from training.label_counts import check, lines
from training.run import check_out, gathered
from training.settings import TrainingSettings


def plan(settings_file: Path, data: Path, out: Path, *, limit: int = 0) -> Iterator[str]:
    """Line by line; nothing is decoded, trained or written, but initial weights are fetched and tried.

    Raises:
        ViewboxError: as `training.run.train` before its first step.
    """
    check_out(out)
    settings = TrainingSettings.load(settings_file)
    films = gathered(settings, data, limit)
    counts = check(replace(settings, unseen="allow") if limit else settings, films)
    yield from reads(films)
    yield from lines(counts)
    yield from builds(InitialWeights(settings))
    steps = sum(settings.repeat.get(f.source, 1) for f in films if f.split == "train") // settings.batch_size
    state = "goes on from the state saved there" if (out / "state").is_dir() else "starts anew"
    yield f"trains {settings.epochs} epochs of {steps} steps of {settings.batch_size}; {state}"
    yield f"writes its state to {out} and the checkpoint to {out / 'checkpoint'}"


def reads(films: Sequence[Film]) -> Iterator[str]:
    """A line for each corpus."""
    for source in dict.fromkeys(film.source for film in films):
        own = [film for film in films if film.source == source]
        patients, sides = len({film.patient for film in own}), Counter(film.split for film in own)
        told = ", ".join(f"{count} for {side}" for side, count in sorted(sides.items()))
        yield f"reads {len(own)} films or reports from {source} (patients: {patients}): {told}"


def builds(start: InitialWeights) -> Iterator[str]:
    """The model, what it begins with, and what of it stays.

    Raises:
        ViewboxError: as `InitialWeights.fill`.
    """
    settings = start.settings
    model = FusionModel(settings.model, settings.processor)
    check_frozen(settings.frozen, model)
    named = list(model.named_parameters())
    total = sum(weights.numel() for _, weights in named)
    still = (settings.frozen, settings.learning)
    frozen = sum(weights.numel() for name, weights in named if stays(name, *still))
    for task in settings.model.tasks:
        classes = ", ".join(task.spec.classes)
        yield f"builds {task.name} ({task.spec.kind}: {classes}) from the {' and the '.join(task.modalities)}"
    yield f"builds {total:,} weights, {frozen:,} of them frozen"
    start.fill(model)
    yield from start.lines() or ("begins with random weights",)
    for branch, how in settings.learning.items():
        rate = f", at {how.rate} times the rate" if how.rate else ""
        yield f"the {branch} is {how.way.replace('_', '-')}{rate}"
