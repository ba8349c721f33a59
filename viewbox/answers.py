"""The answers of the command line about a study, as JSON types and as lines."""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

from modeling.labels import Target
from modeling.pipeline import DiagnosisPipeline
from modeling.results import Attribution, Prediction, TaskPrediction
from modeling.study import Study
from modeling.trust.verdict import Verdict

NOT_FOR_DIAGNOSIS = "For teaching and research; not for diagnosis."


def explain_most_probable(
    pipeline: DiagnosisPipeline, study: Study, prediction: Prediction
) -> list[Attribution]:
    """The account of each task's most probable class, in the order of the prediction."""
    targets = [Target(task.task, task.most_probable) for task in prediction.tasks]
    return [list(pipeline.explain(study, target))[-1] for target in targets]


def share_json(account: Attribution) -> dict[str, Any]:
    """The share of each modality in the target's logit, and how far the account adds up."""
    share, relative = account.modality_share, account.relative_delta
    return {
        "target": account.target.slug,
        "logits": {str(m): value for m, value in share.logits.items()},
        "fractions": {str(m): value for m, value in share.fractions.items()},
        "baseline": account.baseline,
        "convergence_delta": account.convergence_delta,
        "relative_delta": relative if math.isfinite(relative) else None,
        "verdict": account.verdict,
    }


def share_lines(share: dict[str, Any]) -> list[str]:
    """The same as lines to read."""
    parts = [f"{m} {share['fractions'][m]:.0%} ({share['logits'][m]:+.3f})" for m in share["logits"]]
    return [
        f"  modality share of {share['target']}: {', '.join(parts)} logits",
        f"  convergence delta {share['convergence_delta']:+.4f} logits: {share['verdict']}",
    ]


def explanation_json(pipeline: DiagnosisPipeline, account: Attribution, verdict: Verdict) -> dict[str, Any]:
    """One explanation: shares, every field and word with what it added in logits, and the map's verdict."""
    from interface.api.answers import verdict_json  # its words stand with the page's

    return {
        "checkpoint": {"name": pipeline.origin.name, "revision": pipeline.origin.revision},
        "method": account.method,
        "output": account.output,
        "baseline_output": account.baseline_output,
        "modality_share": share_json(account),
        "fields": {f.name: {"value": f.value, "attribution": f.attribution} for f in account.fields},
        "words": [dataclasses.asdict(word) for word in account.words],
        "map_verdict": verdict_json(verdict),
        "notes": list(account.notes),
        "warning": NOT_FOR_DIAGNOSIS,
    }


def explanation_lines(answer: dict[str, Any]) -> list[str]:
    """One explanation for a reader at a terminal: fields and words by how much they added."""
    lines = [_head(answer), *answer["notes"]]
    lines += share_lines(answer["modality_share"])
    added = [(f"{name} = {row['value']}", row["attribution"]) for name, row in answer["fields"].items()]
    added += [(row["word"], row["attribution"]) for row in answer["words"]]
    lines += [f"  {value:+.4f}  {name}" for name, value in sorted(added, key=lambda row: -abs(row[1]))]
    return [*lines, "", *_verdict_lines(answer["map_verdict"]), answer["warning"]]


def map_lines(answer: dict[str, Any]) -> list[str]:
    """What must stand with a map wherever it goes: what speaks against it, what made it, how far it holds."""
    share = answer["modality_share"]
    made = f"{answer['method']} of {share['target']}, from the {share['baseline']} film"
    told = [*share_lines(share)[1:], *_verdict_lines(answer["map_verdict"])]
    return [*answer["notes"], _head(answer), made, *map(str.strip, told), answer["warning"]]


def _head(answer: dict[str, Any]) -> str:
    return f"checkpoint {answer['checkpoint']['name']} at {answer['checkpoint']['revision']}"


def _verdict_lines(verdict: dict[str, Any]) -> list[str]:
    """How far the map deserves to be believed, and every check that it failed."""
    from interface.language.texts import say

    told = say(f"verdict.{verdict['level']}", "en")
    return [f"Map: {told}", *(f"  {reason['sentence']}" for reason in verdict["reasons"])]


def as_json(
    pipeline: DiagnosisPipeline, prediction: Prediction, attributions: Sequence[Attribution]
) -> dict[str, Any]:
    """Everything that the command answers, as JSON types; an infinite relative delta becomes null."""

    def task(one: TaskPrediction, account: Attribution) -> dict[str, Any]:
        return {
            "probabilities": dict(zip(one.classes, map(float, one.probabilities), strict=True)),
            "most_probable": one.most_probable,
            "modalities": [str(m) for m in one.modalities],
            "modality_share": share_json(account),
        }

    origin = pipeline.origin
    pairs = zip(prediction.tasks, attributions, strict=True)
    return {
        "checkpoint": {"name": origin.name, "revision": origin.revision},
        "given": [str(m) for m in prediction.given],
        "tasks": {str(one.task): task(one, account) for one, account in pairs},
        "notes": list(dict.fromkeys((*prediction.notes, *(n for a in attributions for n in a.notes)))),
        "warning": NOT_FOR_DIAGNOSIS,
    }


def as_lines(answer: dict[str, Any]) -> list[str]:
    """The same answer for a reader at a terminal; what stands against it comes before any number."""
    lines = [_head(answer), *answer["notes"]]
    for name, task in answer["tasks"].items():
        lines += ["", f"{name} (from {', '.join(task['modalities'])})"]
        lines += [f"  {label:<20} {p:6.1%}" for label, p in task["probabilities"].items()]
        lines += share_lines(task["modality_share"])
    return [*lines, "", answer["warning"]]
