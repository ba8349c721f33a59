"""Predictions, attributions and checks: frozen, numpy only, in the field's words."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np

from modeling.errors import ViewboxError
from modeling.labels import Target, Task, TaskName
from modeling.sentence import Names, Sentence
from modeling.study import Modality

ImageBaseline = Literal["black", "blurred", "mean", "normals"]
BASELINES: tuple[ImageBaseline, ...] = get_args(ImageBaseline)
"""What the film's path starts from; the last two only where a checkpoint has such films stored beside it."""
CONVERGED = 0.01
USABLE = 0.05


@dataclass(frozen=True, eq=False)
class TaskPrediction:
    """One task's answer, from some modalities.

    Attributes:
        logits: (K,) before calibration; centred for softmax and ordinal tasks (they sum to 0).
        probabilities: (K,) in [0, 1], calibrated; they sum to 1 for softmax and ordinal tasks.
    """

    task: Task
    classes: tuple[str, ...]
    logits: np.ndarray
    probabilities: np.ndarray
    modalities: tuple[Modality, ...]

    @property
    def most_probable(self) -> str:
        """The class of the largest probability."""
        return self.classes[int(np.argmax(self.probabilities))]


@dataclass(frozen=True)
class Familiarity:
    """How unlike the training films a film is: `score` is usual up to `threshold`; larger is stranger."""

    score: float
    threshold: float

    @property
    def familiar(self) -> bool:
        """Whether the film is as usual as nearly all validation films are."""
        return self.score <= self.threshold

    @property
    def warning(self) -> Sentence | None:
        """The sentence in front of an answer about an unfamiliar film."""
        if self.familiar:
            return None
        return Sentence(
            "I'd rather not say: this film is unlike those I learnt from (distance {score}, usual up to"
            " {threshold}); do not read the numbers as an answer.",
            score=f"{self.score:.2f}",
            threshold=f"{self.threshold:.2f}",
        )


@dataclass(frozen=True)
class PredictionSet:
    """The classes that cannot be ruled out, in the task's order: at least the most probable one, or any
    number of findings that do not exclude each other.

    `coverage` is the share of films whose label (of the findings that are there) should be in the set;
    `measured` the share that was, on films that had no part in the threshold. `unmeasured`: the findings
    that too few films had to set a threshold; they are in no list.
    """

    classes: tuple[str, ...]
    coverage: float
    measured: float
    unmeasured: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False, repr=False)
class Prediction:
    """The answers to all tasks that the study allows, and all that stands against them.

    Every door (page, API, tools, command line, Python) makes its answer from this; printed, its warnings
    come before its numbers.

    Attributes:
        given: the modalities that the study holds.
        notes: sentences for the reader, such as on words that were cut or a task that was left out.
        familiarity: None without a film, or where nothing beside the weights measures it.
        mismatch: why the checkpoint's answers need not hold for cases like this one; empty where it suits.
        sets: the classes that cannot be ruled out, of each task for which that was measured.
        checkpoint, revision: which one answered.
    """

    tasks: tuple[TaskPrediction, ...]
    given: tuple[Modality, ...]
    notes: tuple[str, ...] = ()
    familiarity: Familiarity | None = None
    mismatch: tuple[Sentence, ...] = ()
    sets: Mapping[TaskName, PredictionSet] = field(default_factory=dict)
    checkpoint: str = ""
    revision: str = ""

    @property
    def refusal(self) -> Sentence | None:
        """Why it is better not to answer; None where nothing speaks against it."""
        return self.familiarity and self.familiarity.warning

    @property
    def warnings(self) -> tuple[str, ...]:
        """All that stands against the answer, the gravest first."""
        return (*filter(None, (self.refusal,)), *self.mismatch, *self.notes)

    def __repr__(self) -> str:
        lines = [*self.warnings, f"checkpoint {self.checkpoint} at {self.revision}"]
        for task in self.tasks:
            lines += ["", f"{task.task} (from {', '.join(task.modalities)})"]
            pairs = zip(task.classes, task.probabilities, strict=True)
            lines += [f"  {name:<20} {float(p):6.1%}" for name, p in pairs]
            if found := self.sets.get(task.task):
                held = f"the right answer for {found.measured:.1%} of films"
                if task.task.kind == "multilabel":
                    held = f"{found.measured:.1%} of the findings that were there"
                listed = ", ".join(found.classes) or "none"
                lines.append(f"  cannot be ruled out: {listed} (such lists held {held})")
        if near := self.familiarity:
            lines += [
                "",
                f"distance from the training films {near.score:.2f}, usual up to {near.threshold:.2f}",
            ]
        return "\n".join(lines)

    def __getitem__(self, task: TaskName | str) -> TaskPrediction:
        for prediction in self.tasks:
            if prediction.task == task:
                return prediction
        none = "This study has no prediction for {task}; give what that task reads."
        raise ViewboxError(none, task=Names("task", task))


@dataclass(frozen=True)
class FieldAttribution:
    """One clinical field's part in the target's logit; `value` is None where it was unknown."""

    name: str
    value: float | str | None
    attribution: float


@dataclass(frozen=True)
class WordAttribution:
    """The part of one word of the text as given (characters `start` to `end` of `section`)."""

    section: str
    start: int
    end: int
    word: str
    attribution: float


@dataclass(frozen=True)
class ModalityShare:
    """The parts of image, table and text in the target's logit (signed, in logits)."""

    logits: Mapping[Modality, float]

    @property
    def fractions(self) -> dict[Modality, float]:
        """Share of the summed magnitudes, 0 to 1; all zero where nothing contributed."""
        total = sum(abs(value) for value in self.logits.values())
        return {m: (abs(v) / total if total > 0 else 0.0) for m, v in self.logits.items()}


@dataclass(frozen=True, eq=False)
class Attribution:
    """A signed account, in logits, of F(x) - F(baseline) over pixels, fields and words.

    Attributes:
        image: (h, w) float32, logits per model pixel, without the letterbox's padding; None where the
            study has no film. `StudyProcessor.to_native` brings it to the film's own geometry.
        padding: logits that fell on the padding; 0 unless something is wrong.
        special_tokens: logits that fell on tokens that are no words ([CLS], [SEP]).
        output, baseline_output: F(x) and F(baseline), logits of the target.
        evaluations: points on the path at which the gradient was taken.
        map_change: how far the attributions moved at the last refinement, as a share of their magnitude (L1);
            infinite for a first account. It tells how settled the map is, which delta does not.
    """

    target: Target
    method: str
    baseline: str
    image: np.ndarray | None
    fields: tuple[FieldAttribution, ...]
    words: tuple[WordAttribution, ...]
    output: float
    baseline_output: float
    evaluations: int
    seconds: float
    padding: float = 0.0
    special_tokens: float = 0.0
    notes: tuple[str, ...] = ()
    map_change: float = math.inf

    @property
    def modality_share(self) -> ModalityShare:
        """The sums over pixels, fields and words."""
        image = 0.0 if self.image is None else float(self.image.sum(dtype=np.float64)) + self.padding
        table = float(sum(f.attribution for f in self.fields))
        text = float(sum(w.attribution for w in self.words)) + self.special_tokens
        return ModalityShare({Modality.IMAGE: image, Modality.TABLE: table, Modality.TEXT: text})

    @property
    def total(self) -> float:
        """Sum of all attributions, in logits."""
        return sum(self.modality_share.logits.values())

    @property
    def convergence_delta(self) -> float:
        """total - (F(x) - F(baseline)), in logits; 0 for a perfect account (completeness)."""
        return self.total - (self.output - self.baseline_output)

    @property
    def relative_delta(self) -> float:
        """|convergence delta| over |F(x) - F(baseline)|; 0 where both are negligible."""
        return relative_delta(self.convergence_delta, self.output - self.baseline_output)

    @property
    def is_empty(self) -> bool:
        """Whether the map is the same everywhere and nothing else got any attribution: nothing to believe."""
        image = self.image is not None and float(np.ptp(self.image)) > 0
        return not image and not any(part.attribution for part in (*self.fields, *self.words))

    @property
    def verdict(self) -> str:
        """`converged` (<= 1 %), `usable` (<= 5 %), `not converged`, or `nothing to explain`."""
        if self.is_empty:
            return "nothing to explain"
        if self.relative_delta <= CONVERGED:
            return "converged"
        return "usable" if self.relative_delta <= USABLE else "not converged"


def relative_delta(delta: float, change: float) -> float:
    """|delta| over |change|; 0 where both are negligible, infinite where the change alone is."""
    return abs(delta / change) if abs(change) > 1e-6 else (0.0 if abs(delta) <= 1e-6 else math.inf)


# --- what checks an attribution


@dataclass(frozen=True)
class Looked:
    """A clinical field, or a word of a section, and its share (0 to 1) of the attention that a film pays."""

    name: str
    share: float
    section: str = ""
    start: int = 0
    end: int = 0


@dataclass(frozen=True, eq=False)
class FilmOpinion:
    """Another map of the same film and target, by another method or a control that knows nothing.

    Attributes:
        method: one of `modeling.trust.scrutiny.OPINIONS` or `CONTROLS`.
        image: (H, W) float32 at the film's native size, signed (edges and attention: 0 and above); its unit
            is the method's own, so show each opinion on a scale of its own.
        output: the target's logit of the study as given; NaN for a map that asks no model (edges).
        looked_at: of attention, the way back: what the film's places look at while it is read; else empty.
    """

    method: str
    target: Target
    image: np.ndarray
    output: float
    seconds: float
    notes: tuple[str, ...] = ()
    looked_at: tuple[Looked, ...] = ()


@dataclass(frozen=True)
class TrustMeasure:
    """One number of the trust panel.

    Attributes:
        name: what was measured, one of `modeling.trust.scrutiny.MEASURES`.
        value: None where it cannot be measured here; the meaning says so.
        meaning: a key of `modeling.trust.metrics.MEANINGS`; the sentence stands in the interface.
        low, high: what the value is held against, where there is such a range: the range of random orders for
            deletion and insertion (logits); the region's share of the film's area, twice, for the shares.
        seconds: the measures of one step share theirs equally.
    """

    name: str
    value: float | None
    meaning: str
    low: float | None = None
    high: float | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class ModalityAccount:
    """The exact Shapley value of each modality beside the shares that the path gave.

    A modality is taken away by the attribution's own baseline (baseline film, unknown fields, masked words),
    so that both accounts share out the same change.

    Attributes:
        shapley: in logits, of the modalities that the target reads and the study has; they sum to `change`.
        interactions: what two or three modalities add beyond their parts (Harsanyi dividends), in logits.
        change: F(x) - F(baseline), in logits.
        disagreement: the modalities whose share on the path has another sign, or differs by more than
            `DISAGREES` (a fifth) of the summed magnitudes.
    """

    target: Target
    shapley: Mapping[Modality, float]
    interactions: Mapping[frozenset[Modality], float]
    change: float
    disagreement: tuple[Modality, ...]
    seconds: float = 0.0


Claim = Literal["kept", "exaggerated", "understated", "failed", "nothing_moved", "still", "moved_unclaimed"]
NEGLIGIBLE = 0.01
"""Logits below which a claim or a change counts as none."""
ABOUT = 2.0
"""A claim is kept where the change is within this factor of it."""


@dataclass(frozen=True, eq=False)
class Proof:
    """The answer without what the reader brushed out, beside what the attribution had claimed for it.

    Attributes:
        before, after: all tasks, calibrated.
        change: after - before, in logits of the target.
        claimed: what the attribution said that the removed part had added, in logits. Were the attribution
            right about this one change, `change` would be -`claimed`.
    """

    before: Prediction
    after: Prediction
    target: Target
    change: float
    claimed: float
    seconds: float
    notes: tuple[str, ...] = ()

    @property
    def factor(self) -> float:
        """How many times more was claimed than moved; infinite where nothing moved."""
        return abs(self.claimed) / abs(self.change) if self.change else math.inf

    @property
    def claim(self) -> Claim:
        """How the claim came out; kept where the change is within a factor of `ABOUT` of it."""
        if abs(self.claimed) < NEGLIGIBLE:
            return "still" if abs(self.change) < ABOUT * NEGLIGIBLE else "moved_unclaimed"
        if abs(self.change) < NEGLIGIBLE:
            return "nothing_moved"
        if self.change * self.claimed > 0:
            return "failed"
        return "exaggerated" if self.factor > ABOUT else "understated" if self.factor < 1 / ABOUT else "kept"
