"""What a shortcut does to a model: what `viewbox shortcut` measures.

A twin learnt from films on which a lead arrow in the corner goes with one appearance (`role` in its
configuration). Each phantom is made twice from one seed, without and with that arrow, and both checkpoints
answer both: nothing else differs, so whatever changes is the arrow's doing. Beside it stands the share of
the film's evidence that Integrated Gradients put on the arrow, and the arrow's share of the film.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import binary_dilation

from evaluation.maps.film_maps import Effort
from evaluation.maps.localisation_scores import positive_evidence
from evaluation.metrics.bootstrap import bootstrap_interval
from modeling.errors import ViewboxError
from modeling.labels import APPEARANCE, Target
from modeling.model.film import resampled
from modeling.pipeline import DiagnosisPipeline
from modeling.progress import progress
from modeling.study import ClinicalTable, ClinicalText, Study

SEED, SIZE = 8, 192
"""Of the series; no checkpoint was trained on it. Its films have the size of the training films."""
LEARNT = "Negative"
"""The appearance that the arrow went with when the bundled twin was trained."""


@dataclass(frozen=True, eq=False)
class Pair:
    """One phantom without and with the arrow."""

    plain: Study
    marked: Study
    arrow: np.ndarray  # H W bool, where it lies
    reference: str


@dataclass(frozen=True)
class PairAnswer:
    """What one checkpoint says to both films of a pair.

    `on_arrow`: share, 0 to 1, of the marked film's positive evidence for `LEARNT` on the arrow; None where it
    was not asked for, or the film holds none.
    """

    plain: np.ndarray  # 4 probabilities in the order of `APPEARANCE`
    marked: np.ndarray  # the same
    on_arrow: float | None


def film_alone(study: Study) -> Study:
    """The study without its table and text, which know nothing of the arrow."""
    return replace(study, table=ClinicalTable({}), text=ClinicalText({}))


def pairs(count: int, seed: int = SEED, size: int = SIZE) -> Iterator[Pair]:
    """Phantoms in pairs, every appearance equally often; film only."""
    from cases.phantom import Confounder, PhantomSettings  # this command alone asks for phantoms
    from cases.phantom.generator import balanced, generate_phantom, series_seed

    for index in range(count):
        settings = balanced(PhantomSettings(size=size), seed, index)
        assert settings.labels is not None
        confounder = Confounder("marker", settings.labels[0], 1.0)  # always planted, whatever the label
        own = series_seed(seed, index)
        plain = generate_phantom(own, settings=settings)
        marked = generate_phantom(own, settings=replace(settings, confounder=confounder))
        assert marked.confounder_mask is not None
        reference = plain.case.reference[APPEARANCE]
        yield Pair(
            film_alone(plain.case.study), film_alone(marked.case.study), marked.confounder_mask, reference
        )


def answer(pipeline: DiagnosisPipeline, pair: Pair, effort: Effort | None) -> PairAnswer:
    """Ask one checkpoint about both films; `effort` of explaining the marked one, None to leave it out."""
    plain, marked = (_appearance(pipeline, study) for study in (pair.plain, pair.marked))
    return PairAnswer(plain, marked, _on_arrow(pipeline, pair, effort) if effort else None)


def _appearance(pipeline: DiagnosisPipeline, study: Study) -> np.ndarray:
    prediction = pipeline.predict(study)
    return next(t.probabilities for t in prediction.tasks if t.task == APPEARANCE)


def _on_arrow(pipeline: DiagnosisPipeline, pair: Pair, effort: Effort) -> float | None:
    target = Target(APPEARANCE, LEARNT)
    account = list(pipeline.explain(pair.marked, target, **vars(effort)))[-1]
    assert account.image is not None
    evidence = resampled(positive_evidence(account.image), pair.arrow.shape)
    total = float(evidence.sum())
    # The map is smoothed by a few pixels: what the arrow holds spills a little over its edge.
    around = binary_dilation(pair.arrow, iterations=max(1, round(0.02 * max(pair.arrow.shape))))
    return float(evidence[around].sum()) / total if total > 0 else None


# --- the summary


def _with_interval(values: np.ndarray, statistic: Callable[[np.ndarray], float]) -> dict[str, float]:
    numbers = np.asarray(values, np.float64)
    cases = np.arange(len(numbers))
    low, high = bootstrap_interval(lambda rows, _: statistic(rows), numbers, numbers, cases)
    return {"value": float(statistic(numbers)), "low": low, "high": high}


def summarise(answers: Sequence[PairAnswer], references: Sequence[str]) -> dict[str, Any]:
    """How often one checkpoint is right without and with the arrow, and how often the arrow turns it."""
    truth = np.array([APPEARANCE.index(name) for name in references])
    learnt = APPEARANCE.index(LEARNT)
    plain, marked = (np.stack([getattr(a, name) for a in answers]) for name in ("plain", "marked"))
    other = truth != learnt
    turned = (marked.argmax(1) == learnt) & (plain.argmax(1) != learnt)
    rise = marked[:, learnt] - plain[:, learnt]
    shares = np.array([a.on_arrow for a in answers if a.on_arrow is not None])
    summary: dict[str, Any] = {
        "accuracy_without_arrow": _with_interval(plain.argmax(1) == truth, np.mean),
        "accuracy_with_arrow": _with_interval(marked.argmax(1) == truth, np.mean),
        "turned_to_learnt": _with_interval(turned[other], np.mean),
        "rise_of_learnt": _with_interval(rise[other], np.median),
    }
    if len(shares):
        summary["evidence_on_arrow"] = {**_with_interval(shares, np.median), "films": len(shares)}
    return summary


def compare_twin(
    twin: str | Path, checkpoint: str | Path, *, count: int = 120, explained: int = 32, seed: int = SEED
) -> dict[str, Any]:
    """Ask a twin, which learnt the arrow, and a checkpoint that did not about `count` pairs of a series.

    `explained`: how many of the marked films are explained as well.

    Raises:
        ViewboxError: a checkpoint cannot be loaded, or `twin` learnt no shortcut on purpose.
    """
    pipelines = {
        "twin": DiagnosisPipeline.from_pretrained(twin),
        "checkpoint": DiagnosisPipeline.from_pretrained(checkpoint),
    }
    if pipelines["twin"].config.role != "shortcut_twin":
        raise ViewboxError("{twin} learnt no shortcut on purpose; give a twin's folder.", twin=twin)
    effort = Effort()
    answers: dict[str, list[PairAnswer]] = {name: [] for name in pipelines}
    references, areas = [], []
    for number, pair in enumerate(progress(pairs(count, seed), "asking both", total=count, unit="pair")):
        references.append(pair.reference)
        areas.append(float(pair.arrow.mean()))
        for name, pipeline in pipelines.items():
            answers[name].append(answer(pipeline, pair, effort if number < explained else None))
    return {
        "pairs": len(references),
        "learnt": LEARNT,
        "arrow_share_of_film": float(np.median(areas)),
        **{name: summarise(given, references) for name, given in answers.items()},
        "seed": seed,
    }
