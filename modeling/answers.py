"""What every door answers about a study, as JSON types; what stands against an answer comes first.

Page, API, tools, command line and Python make their answers from `Prediction` and `CheckedExplanation`.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from modeling.errors import StudyError
from modeling.explain.registry import ACCOUNT, map_method
from modeling.findings.knowledge import codes_json
from modeling.labels import Target, Task
from modeling.results import Attribution, FilmOpinion, ImageBaseline, Prediction, TrustMeasure
from modeling.study import Study
from modeling.trust.verdict import Verdict, verdict_of

if TYPE_CHECKING:  # torch: not before a checkpoint is loaded
    from modeling.pipeline import DiagnosisPipeline

Json = dict[str, Any]


@dataclass(frozen=True, eq=False, repr=False)
class CheckedExplanation:
    """A prediction, the attribution or another map of one of its targets, and what was measured of that.

    Printed, what stands against it comes before its numbers.
    """

    prediction: Prediction
    attribution: Attribution | FilmOpinion
    measures: tuple[TrustMeasure, ...]

    @property
    def verdict(self) -> Verdict:
        """How far the map deserves to be believed."""
        return verdict_of(
            self.measures,
            is_map=self.attribution.image is not None,
            is_account=isinstance(self.attribution, Attribution),
            refused=self.prediction.refusal is not None,
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """All that stands against it, the gravest first."""
        return tuple(dict.fromkeys((*self.prediction.warnings, *self.attribution.notes)))

    @property
    def lines(self) -> tuple[str, ...]:
        """What goes with the map everywhere: what speaks against it, how far it holds, what made it."""
        found, verdict = self.attribution, self.verdict
        said = (
            *self.warnings,
            " ".join(("Map:", verdict.sentence, *(reason.sentence for reason in verdict.reasons))),
            f"checkpoint {self.prediction.checkpoint} at {self.prediction.revision}",
        )
        what = f"{found.method} of {found.target.slug}"
        if isinstance(found, FilmOpinion):
            return (*said, f"{what}: {map_method(found.method).about}")
        share = found.modality_share
        parts = [f"{m} {share.fractions[m]:.0%} ({value:+.3f} logits)" for m, value in share.logits.items()]
        return (
            *said,
            f"{what}, from the {found.baseline} film: {', '.join(parts)}",
            f"convergence delta {found.convergence_delta:+.4f} logits: {found.verdict}",
        )

    def __repr__(self) -> str:
        if isinstance(self.attribution, FilmOpinion):
            back = sorted(self.attribution.looked_at, key=lambda one: -one.share)
            return "\n".join((*self.lines, *(f"  {one.share:7.1%}  {one.name}" for one in back)))
        added = [(f"{one.name} = {one.value}", one.attribution) for one in self.attribution.fields]
        added += [(one.word, one.attribution) for one in self.attribution.words]
        added.sort(key=lambda row: -abs(row[1]))
        return "\n".join((*self.lines, *(f"  {value:+.4f}  {name}" for name, value in added)))


def explain_and_check(
    pipeline: "DiagnosisPipeline",
    study: Study,
    target: Target | str = "",
    *,
    method: str = ACCOUNT,
    baseline: ImageBaseline = "black",
    source: str | None = None,
    seen: Callable[[Attribution | FilmOpinion], object] | None = None,
) -> CheckedExplanation:
    """Predict, explain one target (by default the most probable class), and check its map.

    `target` may be written as TASK/CLASS. `method` names the map; "" the one that the page shows first.
    `seen` is told of the map before it is checked, such as to draw it meanwhile.
    Raises ViewboxError: as `DiagnosisPipeline.explain` and `Scrutiny.opinion`.
    """
    from modeling.trust.scrutiny import Scrutiny

    prediction, scrutiny = pipeline.predict(study, source=source), Scrutiny(pipeline)
    first = prediction.tasks[0]
    wanted = target or Target(first.task, first.most_probable)
    own = [task.task for task in prediction.tasks]
    asked = Target.parse(wanted, own) if isinstance(wanted, str) else wanted
    method = method or scrutiny.first_method(study, asked, prediction)
    if method == ACCOUNT:
        *_, found = scrutiny.explain(study, asked, baseline=baseline)
        account = found
    else:
        found, account = scrutiny.opinion(study, asked, method), None
    if seen is not None:
        seen(found)
    how = {"method": method, "baseline": baseline, "deciding": True}
    return CheckedExplanation(prediction, found, tuple(scrutiny.measures(study, asked, account, **how)))


# --- several films in one call: a row each, what stands against an answer first; none stops the others


@dataclass(frozen=True)
class FilmAnswer:
    """A film's prediction, or the sentence that says why it has none."""

    film: str
    prediction: Prediction | None
    problem: str = ""

    @property
    def refusal(self) -> str:
        """Why there is no answer, or better none; empty where nothing speaks against it."""
        return self.problem if self.prediction is None else self.prediction.refusal or ""

    def as_json(self) -> Json:
        """The prediction's own, with the film's name in front."""
        if self.prediction is None:
            return {"film": self.film, "refusal": self.problem}
        return {"film": self.film, **prediction_json(self.prediction)}

    def __str__(self) -> str:
        return f"{self.film}\n{self.problem if self.prediction is None else self.prediction}\n"


def answer_film(
    film: str, read: Callable[[], Study], predict: Callable[[Study], Prediction]
) -> tuple[FilmAnswer, Study | None]:
    """One of several films, as far as it can be read and answered; the study, if there is an answer."""
    try:
        study = read()
        return FilmAnswer(film, predict(study)), study
    except StudyError as exc:
        return FilmAnswer(film, None, exc.sentence), None


def table_header(tasks: Iterable[Task]) -> list[str]:
    """The columns of a table of answers; what stands against an answer comes first."""
    asked = [(task, name) for task in tasks for name in ("answer", "cannot rule out", *task.classes)]
    first = ("film", "refusal", "warnings", "distance", "usual up to")
    return [*first, *(f"{task}: {name}" for task, name in asked), "checkpoint", "revision"]


def table_row(header: Iterable[str], answer: FilmAnswer) -> list[str]:
    """A film's cells below a `table_header`, empty where there is nothing to say."""
    row: dict[str, object] = {"film": answer.film, "refusal": answer.refusal}
    if (found := answer.prediction) is not None:
        row |= {"warnings": " ".join(found.warnings[1 if found.refusal else 0 :])}
        row |= {"checkpoint": found.checkpoint, "revision": found.revision}
        if near := found.familiarity:
            row |= {"distance": f"{near.score:.3f}", "usual up to": f"{near.threshold:.3f}"}
        for task in found.tasks:
            row[f"{task.task}: answer"] = task.most_probable
            if task.task in found.sets:
                row[f"{task.task}: cannot rule out"] = ", ".join(found.sets[task.task].classes)
            for name, probability in zip(task.classes, task.probabilities, strict=True):
                row[f"{task.task}: {name}"] = f"{probability:.4f}"
    return [str(row.get(name, "")) for name in header]


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
            "set": (found := prediction.sets.get(task.task))
            and taken(found, "classes coverage measured unmeasured"),
            "reference": (reference or {}).get(task.task),
            "codes": codes_json(task.classes),
        }
        for task in prediction.tasks
    }
    return {**warnings_json(prediction), "tasks": tasks}


def _by_class(classes: tuple[str, ...], values: Any) -> dict[str, float]:
    return {str(name): float(value) for name, value in zip(classes, values, strict=True)}


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


def opinion_json(opinion: FilmOpinion) -> Json:
    """A second opinion or a control, without its picture."""
    method = map_method(opinion.method)
    return {
        "target": opinion.target.slug,
        "against": opinion.target.against,
        **taken(opinion, "method output seconds notes"),
        "control": method.kind == "control",
        "what_it_is": method.about,
        "looked_at": [vars(one) for one in opinion.looked_at],
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
    """The same with the prediction and the attribution or other map."""
    tasks, map_ = prediction_json(found.prediction, reference)["tasks"], found.attribution
    about = opinion_json(map_) if isinstance(map_, FilmOpinion) else attribution_json(map_)
    return {**checks_json(found), "tasks": tasks, **about}
