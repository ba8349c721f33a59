"""`python -m modeling.model FILE`: one film in, probabilities and modality share out.

The modality share is the Integrated Gradients account of the most probable class of each task, with its
convergence delta.
"""

import argparse
import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from modeling.errors import StudyError, ViewboxError
from modeling.labels import Target
from modeling.model.pipeline import DiagnosisPipeline
from modeling.results import Attribution, Prediction, TaskPrediction
from modeling.study import TEXT_SECTIONS, Study

BUNDLED = Path(__file__).resolve().parents[2] / "hub_config" / "checkpoints" / "film"
NOT_FOR_DIAGNOSIS = "For teaching and research; not for diagnosis."


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m modeling.model", description=__doc__.splitlines()[0])
    parser.add_argument("file", metavar="FILE", type=Path, help="chest film: PNG, JPEG or DICOM")
    parser.add_argument(
        "--table", metavar="JSON", default="", help='clinical values: {"age": 63} or a file of it'
    )
    parser.add_argument(
        "--text", metavar="T", default="", help="clinical text, as the section that the checkpoint reads"
    )
    parser.add_argument(
        "--checkpoint",
        metavar="DIR",
        default=str(BUNDLED),
        help="checkpoint folder (default: the bundled one)",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
    return parser.parse_args(arguments)


def _read_table(given: str) -> dict[str, Any]:
    """Clinical values from JSON, or from a file that holds it."""
    if not given:
        return {}
    try:
        text = given if given.lstrip().startswith("{") else Path(given).read_text(encoding="utf-8")
        values = json.loads(text)
    except OSError as exc:
        raise StudyError(
            "--table names no file that can be read: '{given}'; give a JSON object or its file.", given=given
        ) from exc
    except ValueError as exc:
        raise StudyError('--table is not valid JSON; write it as {"age": 63, "sex": "female"}.') from exc
    if not isinstance(values, dict):
        raise StudyError('--table is not a JSON object; write it as {"age": 63, "sex": "female"}.')
    return values


def _read_study(options: argparse.Namespace, sections: Sequence[str]) -> Study:
    from cases.reading.upload import (
        study_from_upload,  # this command reads a file as an upload; nothing else here does
    )

    try:
        data = options.file.read_bytes()
    except OSError as exc:
        raise StudyError(
            "'{file}' cannot be read; give a PNG, JPEG or DICOM file.", file=options.file
        ) from exc
    text = {(*sections, *TEXT_SECTIONS)[0]: options.text}
    return study_from_upload(data, table=_read_table(options.table), text=text, name=options.file.name)


def explain_most_probable(
    pipeline: DiagnosisPipeline, study: Study, prediction: Prediction
) -> list[Attribution]:
    """The account of each task's most probable class, in the order of the prediction."""
    targets = [Target(task.task, task.most_probable) for task in prediction.tasks]
    return [list(pipeline.explain(study, target))[-1] for target in targets]


def as_json(
    pipeline: DiagnosisPipeline, prediction: Prediction, attributions: Sequence[Attribution]
) -> dict[str, Any]:
    """Everything that the command answers, as JSON types; an infinite relative delta becomes null."""

    def task(one: TaskPrediction, account: Attribution) -> dict[str, Any]:
        share = account.modality_share
        relative = account.relative_delta
        return {
            "probabilities": dict(zip(one.classes, map(float, one.probabilities), strict=True)),
            "most_probable": one.most_probable,
            "modalities": [str(m) for m in one.modalities],
            "modality_share": {
                "target": account.target.slug,
                "logits": {str(m): value for m, value in share.logits.items()},
                "fractions": {str(m): value for m, value in share.fractions.items()},
                "baseline": account.baseline,
                "convergence_delta": account.convergence_delta,
                "relative_delta": relative if math.isfinite(relative) else None,
                "verdict": account.verdict,
            },
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
    """The same answer for a reader at a terminal."""
    lines = [f"checkpoint {answer['checkpoint']['name']} at {answer['checkpoint']['revision']}"]
    for name, task in answer["tasks"].items():
        lines += ["", f"{name} (from {', '.join(task['modalities'])})"]
        lines += [f"  {label:<20} {p:6.1%}" for label, p in task["probabilities"].items()]
        share = task["modality_share"]
        parts = [f"{m} {share['fractions'][m]:.0%} ({share['logits'][m]:+.3f})" for m in share["logits"]]
        lines.append(f"  modality share of {share['target']}: {', '.join(parts)} logits")
        lines.append(f"  convergence delta {share['convergence_delta']:+.4f} logits: {share['verdict']}")
    return [*lines, "", *answer["notes"], answer["warning"]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code: 0, or 2 with one sentence on stderr."""
    options = _arguments(arguments)
    try:
        pipeline = DiagnosisPipeline.from_pretrained(options.checkpoint)
        study = _read_study(options, pipeline.text_sections)
        prediction = pipeline.predict(study)
        answer = as_json(pipeline, prediction, explain_most_probable(pipeline, study, prediction))
    except ViewboxError as exc:
        print(exc, file=sys.stderr)
        return 2
    print(json.dumps(answer, indent=2, allow_nan=False) if options.json else "\n".join(as_lines(answer)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
