"""What every door answers about a study, as JSON types; what stands against an answer comes first.

Page, API, tools, command line and Python make their answers from `Prediction` and `CheckedExplanation`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from modeling.labels import Target
from modeling.results import Attribution, ImageBaseline, Prediction, TrustMeasure
from modeling.study import Study
from modeling.trust.verdict import Verdict, verdict_of

if TYPE_CHECKING:  # torch: not before a checkpoint is loaded
    from modeling.pipeline import DiagnosisPipeline

Json = dict[str, Any]


@dataclass(frozen=True, eq=False, repr=False)
class CheckedExplanation:
    """A prediction, the attribution of one of its targets, and what was measured of its map.

    Printed, what stands against it comes before its numbers.
    """

    prediction: Prediction
    attribution: Attribution
    measures: tuple[TrustMeasure, ...]

    @property
    def verdict(self) -> Verdict:
        """How far the map deserves to be believed."""
        refused = self.prediction.refusal is not None
        return verdict_of(self.measures, is_map=self.attribution.image is not None, refused=refused)

    @property
    def warnings(self) -> tuple[str, ...]:
        """All that stands against it, the gravest first."""
        return tuple(dict.fromkeys((*self.prediction.warnings, *self.attribution.notes)))

    @property
    def lines(self) -> tuple[str, ...]:
        """What goes with the map everywhere: what speaks against it, how far it holds, what made it."""
        account, share, verdict = self.attribution, self.attribution.modality_share, self.verdict
        parts = [f"{m} {share.fractions[m]:.0%} ({value:+.3f} logits)" for m, value in share.logits.items()]
        return (
            *self.warnings,
            " ".join(("Map:", verdict.sentence, *(reason.sentence for reason in verdict.reasons))),
            f"checkpoint {self.prediction.checkpoint} at {self.prediction.revision}",
            f"{account.method} of {account.target.slug}, from the {account.baseline} film:"
            f" {', '.join(parts)}",
            f"convergence delta {account.convergence_delta:+.4f} logits: {account.verdict}",
        )

    def __repr__(self) -> str:
        added = [(f"{one.name} = {one.value}", one.attribution) for one in self.attribution.fields]
        added += [(one.word, one.attribution) for one in self.attribution.words]
        added.sort(key=lambda row: -abs(row[1]))
        return "\n".join((*self.lines, *(f"  {value:+.4f}  {name}" for name, value in added)))


def explain_and_check(
    pipeline: "DiagnosisPipeline",
    study: Study,
    target: Target | str = "",
    *,
    baseline: ImageBaseline = "black",
    source: str | None = None,
) -> CheckedExplanation:
    """Predict, explain one target (by default the most probable class), and check its map.

    `target` may be written as TASK/CLASS. Raises ViewboxError: as `DiagnosisPipeline.explain`.
    """
    from modeling.trust.scrutiny import Scrutiny

    prediction, scrutiny = pipeline.predict(study, source=source), Scrutiny(pipeline)
    first = prediction.tasks[0]
    wanted = target or Target(first.task, first.most_probable)
    asked = Target.parse(wanted) if isinstance(wanted, str) else wanted
    *_, attribution = scrutiny.explain(study, asked, baseline=baseline)
    return CheckedExplanation(prediction, attribution, tuple(scrutiny.measures(study, asked, attribution)))


# --- as JSON


def taken(found: object, names: str) -> Json:
    """Some of an object's attributes by their own names; JSON has neither infinity nor NaN."""
    return {name: _finite(getattr(found, name)) for name in names.split()}


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return list(value) if isinstance(value, tuple) else value


def plain(value: float | str | None) -> float | str | None:
    """A clinical value: JSON has no infinity, so a laboratory limit travels as text."""
    return str(value) if isinstance(value, float) and abs(value) > 1e300 else value


def warnings_json(prediction: Prediction) -> Json:
    """What every answer about a study begins with."""
    near = prediction.familiarity
    return {
        "not_for_diagnosis": True,
        "refusal": prediction.refusal,
        "warnings": list(prediction.warnings),
        "familiarity": near
        and {"distance": near.score, "usual_up_to": near.threshold, "refuses": not near.familiar},
        "given": [str(m) for m in prediction.given],
        "checkpoint": {"name": prediction.checkpoint, "revision": prediction.revision},
    }


def prediction_json(prediction: Prediction, reference: Mapping[str, str] | None = None) -> Json:
    """The same with probabilities, logits and set of every task, beside its reference label."""
    tasks = {
        str(task.task): {
            "probabilities": _by_class(task.classes, task.probabilities),
            "logits": _by_class(task.classes, task.logits),
            "most_probable": task.most_probable,
            "modalities": [str(m) for m in task.modalities],
            "set": (found := prediction.sets.get(task.task)) and taken(found, "classes coverage measured"),
            "reference": (reference or {}).get(task.task),
        }
        for task in prediction.tasks
    }
    return {**warnings_json(prediction), "tasks": tasks}


def _by_class(classes: tuple[str, ...], values: Any) -> dict[str, float]:
    return {name: float(value) for name, value in zip(classes, values, strict=True)}


def attribution_json(attribution: Attribution) -> Json:
    """Shares, fields, words and the convergence delta, all in logits."""
    share = attribution.modality_share
    numbers = "output baseline_output convergence_delta relative_delta special_tokens padding"
    return {
        "target": attribution.target.slug,
        "against": attribution.target.against,
        **taken(attribution, f"method baseline verdict evaluations seconds {numbers}"),
        "modality_share": {
            str(m): {"logits": v, "fraction": share.fractions[m]} for m, v in share.logits.items()
        },
        "fields": [
            {"name": f.name, "value": plain(f.value), "attribution": f.attribution}
            for f in attribution.fields
        ],
        "words": [vars(w) for w in attribution.words],
    }


def verdict_json(verdict: Verdict) -> Json:
    """How far a map deserves to be believed, the checks that it failed, and four questions answered."""
    return {
        "level": verdict.level,
        "sentence": verdict.sentence,
        "reasons": [
            {"sentence": reason.sentence, **taken(reason, "name measure value low high")}
            for reason in verdict.reasons
        ],
        "answers": dict(verdict.answers),
    }


def checks_json(found: CheckedExplanation) -> Json:
    """What every answer about a map begins with: what stands against it, and the verdict on it."""
    against = {"warnings": list(found.warnings), "map_verdict": verdict_json(found.verdict)}
    return {**warnings_json(found.prediction), **against}


def explanation_json(found: CheckedExplanation, reference: Mapping[str, str] | None = None) -> Json:
    """The same with the prediction and the attribution."""
    tasks = prediction_json(found.prediction, reference)["tasks"]
    return {**checks_json(found), "tasks": tasks, **attribution_json(found.attribution)}
