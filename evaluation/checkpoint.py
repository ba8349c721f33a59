"""Everything that is measured of a checkpoint: what `metrics.json`, the card and the panel about the model
rest on.

Beside the weights it leaves `calibration.json` (prediction sets, operating points), `familiarity.safetensors`
(the gate), `baselines.safetensors` (films for an explanation to start from) and `split.csv` (each film's side
and hashes, no films).
"""

import logging
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from evaluation.calibration import calibrated, calibrated_several
from evaluation.evaluate import (
    Answers,
    SeveralAnswers,
    ask,
    ask_several,
    audited,
    audited_several,
    external_check,
    named,
    trained_shares,
)
from evaluation.gate import fit_gate
from evaluation.metrics.many_labels import summarise_labels
from evaluation.published import outside_films
from evaluation.reader_agreement import READINGS_FILE, reader_agreement
from evaluation.summary import extent_correlation, rounded, summarise, training_counts
from evaluation.text_checkpoint import measure_text, reads_reports_only
from modeling.errors import ViewboxError
from modeling.explain.baselines import NORMALS, StoredBaselines, gather_baselines, write_baselines
from modeling.labels import APPEARANCE
from modeling.model.checkpoint import WEIGHTS_FILE, Origin, sha256_of
from modeling.model.fusion import FusionModel
from modeling.model.operating_points import Calibration
from modeling.model.processing import StudyProcessor
from training.corpora.duplicates import SPLIT_FILE, as_trained, find_twins, trained_sources, write_split
from training.corpora.labelled_film import Film
from training.corpora.open_corpus import CORPORA, load
from training.corpora.severity import expert_agreement, severities
from training.label_counts import policy_of

logger = logging.getLogger(__name__)

AVERAGED = 400
"""Training films in the mean film."""

GRADED = ("cohen", "hannover")
"""The corpora whose films carry experts' severity readings."""


def measure(folder: Path, data: Path) -> dict[str, Any]:
    """Measure a checkpoint on the films of every corpus that it names and that nobody chose by.

    Those are the test films where its split has some, else the validation films. Thresholds come from both.
    The files that rest on the measurement are written into the checkpoint's folder.

    Raises:
        ViewboxError: a corpus is missing, a film cannot be decoded, or the split cannot be read.
    """
    model, processor, origin = FusionModel.from_pretrained(folder)
    if reads_reports_only(model):
        return measure_text(folder, data)
    known = set(CORPORA) | trained_sources(folder / SPLIT_FILE)
    corpora = {name: load(name, data) for name in model.config.sources if name in known}
    if not corpora:
        template = "{origin} names no corpus that can be measured; give 'sources' in config.json."
        raise ViewboxError(template, origin=origin.name)
    films = as_trained(folder / SPLIT_FILE, [film for corpus in corpora.values() for film in corpus])
    hashed, duplicates, twins = find_twins(films, data)
    if twins:
        logger.warning("%d held-out films stand in training too and are not measured", len(twins))
    held = [f for f in films if f.split in ("validation", "test") and (f.source, f.film_id) not in twins]
    answers, several = _answers(model, processor, held, origin)
    tasks = {str(one.task): calibrated(one) for one in answers}
    tasks |= {str(one.task): calibrated_several(one) for one in several}
    found = tuple(calibration for _, calibration in tasks.values())
    Calibration(sha256_of(folder / WEIGHTS_FILE), found).save(folder)
    familiarity = _film_files(folder, model, processor, films, data) if "image" in model.encoders else {}
    write_split(folder / SPLIT_FILE, hashed)
    measurements: dict[str, Any] = {}
    for one in answers:
        measurements |= _measurements(one, films, data, origin)
    for one in several:
        measurements |= _several_at_once(one, films, origin, data)
    checks = [external_check(model, processor, films) for films in outside_films(data)]
    return {
        **named(origin),
        "measurements": measurements,
        "tasks": {task: summary for task, (summary, _) in tasks.items()},
        "ceilings": ceilings(data, tuple(corpora)),
        "duplicates": duplicates,
        "familiarity": familiarity,
        "external": {title: found for check in checks for title, found in check.items()},
    }


def _film_files(
    folder: Path, model: FusionModel, processor: StudyProcessor, films: Sequence[Film], data: Path
) -> dict[str, Any]:
    """Write baselines and gate; returns what the gate flags."""
    write_baselines(folder, baseline_films(films, processor.config.image.percentiles))
    gate, familiarity = fit_gate(model, processor, films, data)
    gate.save(folder)
    return familiarity


def _answers(
    model: FusionModel, processor: StudyProcessor, held: Sequence[Film], origin: Origin
) -> tuple[list[Answers], list[SeveralAnswers]]:
    """By task, for the films that were held out and have its label; those with several at once apart."""
    answers, several = [], []
    for task in (t.spec for t in model.config.tasks):
        labelled = [film for film in held if film.has_label(task)]
        if not labelled:
            logger.warning("no film that was held out has a label for %s; it was not measured", task)
        elif task.kind == "multilabel":
            policy = policy_of(origin.folder, task)
            several.append(ask_several(model, processor, labelled, task, policy))
        else:
            answers.append(ask(model, processor, labelled, task))
    return answers, several


def baseline_films(films: Sequence[Film], percentiles: tuple[float, ...]) -> StoredBaselines:
    """Films for an explanation to start from: a mean of training films, and normal ones to pass on.

    A mean of hundreds of films shows none of them; of single films only synthetic ones may be passed on.
    """
    training = [film for film in films if film.split == "train"]
    drawn = np.random.default_rng(0).permutation(len(training))[:AVERAGED]
    synthetic = [film for film in training if film.source == "phantom"]
    normals = [f for f in synthetic if f.labels.get(APPEARANCE) == APPEARANCE.classes[0]]
    return gather_baselines(
        (training[i].study().radiograph for i in drawn),
        (film.study().radiograph for film in normals[:NORMALS]),
        percentiles,
    )


def _measurements(answers: Answers, films: Sequence[Film], data: Path, origin: Origin) -> dict[str, Any]:
    """A summary for each corpus and, where there are several, one of all together; the test films first.

    The side that was looked at is not audited too, where another is freer of choices.
    """
    sides = [side for side in ("test", "validation") if any(f.split == side for f in answers.films)]
    out = {}
    for side in sides:
        own, first = answers.of(side), side == sides[0]
        source = np.array([film.source for film in own.films])
        names = list(dict.fromkeys(source))
        for corpora in [[name] for name in names] + ([names] if len(names) > 1 else []):
            rows, name = np.isin(source, corpora), " and ".join(corpora)
            pool = [film for film in films if film.source in corpora]
            found = own.measurement(rows, training_counts(pool, own.task))
            about = {**named(origin), "corpus": name, "task": str(own.task), "split": side}
            summary = {**about, **summarise(found), **(audited(own, rows, pool, data) if first else {})}
            if own.task.kind == "ordinal" and set(corpora) <= set(GRADED) and _rated(data):
                summary["extent"] = extent_correlation(found, _extents(data))
            out[f"{own.task} on {name}{'' if first else ', looked at'}"] = summary
    return out


def _several_at_once(
    answers: SeveralAnswers, films: Sequence[Film], origin: Origin, data: Path | None = None
) -> dict[str, Any]:
    """A summary of a multilabel task for each side that was held out, of all its corpora together.

    The first side is audited as well.
    """
    out: dict[str, Any] = {}
    task, trained = answers.task, trained_shares(films, answers.task, answers.policy)
    for side in ("test", "validation"):
        own = answers.of(side)
        scores = own.scores if own.films else None
        if scores is None or not scores.tested:
            continue
        name = " and ".join(dict.fromkeys(film.source for film in own.films))
        about = {**named(origin), "corpus": name, "task": str(task), "split": side}
        pool = [film for film in films if film.source in {one.source for one in own.films}]
        summary = about | summarise_labels(task, scores, trained)
        summary |= {} if out else audited_several(own, pool, data)
        out[f"{task} on {name}{', looked at' if out else ''}"] = summary
    return out


def _rated(data: Path) -> bool:
    """Whether the files with the experts' readings are there, not only films from a folder of cases."""
    return all((data / CORPORA[name][0]).is_file() for name in GRADED)


def _extents(data: Path) -> dict[tuple[str, str], float]:
    return {key: one.extent for key, one in severities(data).items() if one.extent is not None}


def ceilings(data: Path, corpora: Sequence[str]) -> dict[str, Any]:
    """How far the readers agree, for the labels that the corpora have; what is not in `data` is left out."""
    out: dict[str, Any] = {}
    if {"siim", *GRADED} & set(corpora) and (data / READINGS_FILE).is_file():
        out["ricord"] = {
            str(task): {k: rounded(v) if isinstance(v, float) else v for k, v in asdict(found).items()}
            for task, found in reader_agreement(data / READINGS_FILE).items()
        }
    if set(GRADED) <= set(corpora) and _rated(data):
        out["severity"] = expert_agreement(severities(data))
    return out
