"""Look at a study: what the model of whole studies answers, and what each film adds to that."""

from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Argument

from modeling.errors import StudyError
from viewbox.look import NOT_FOR_DIAGNOSIS, PANEL
from viewbox.options import Database, Json, Store, answer

if TYPE_CHECKING:
    from cases.case import Case

app = typer.Typer()
Stored = Annotated[str, Argument(metavar="CASE", help="ID of a phantom study in the store")]


@app.command(rich_help_panel=PANEL)
def films(case_id: Stored, store: Store = None, database: Database = None, as_json: Json = False) -> None:
    """What each film of a stored phantom study adds to the answer of the bundled model of studies."""
    from viewbox.lake import open_case_store

    answer(films_answer(open_case_store(store, database).get(case_id)), _lines, as_json)


def films_answer(case: "Case") -> dict[str, Any]:
    """Probabilities of every task, and of the first one's most probable class what each film adds.

    `shapley` and `lost_without` are in logits: the film's exact Shapley value, and how much less the class is
    favoured without it.

    Raises:
        StudyError: the case is no phantom, on which alone the checkpoint was taught, or has one film.
    """
    import torch

    from hub_config.settings import STUDY_CHECKPOINT
    from modeling.explain.study_account import film_shapley
    from modeling.labels import Target
    from modeling.model.study_fusion import StudyModel, study_inputs

    if not case.provenance.synthetic:
        raise StudyError(
            "The model of studies learnt from synthetic films alone and says nothing about patients; choose a"
            " phantom study (viewbox phantoms --studies makes some)."
        )
    if len(case.films) < 2:
        raise StudyError(
            "This case has one film, and the model of studies compares several; choose a phantom study"
            " (viewbox phantoms --studies makes some)."
        )
    model, processor = StudyModel.from_pretrained(STUDY_CHECKPOINT)
    inputs = study_inputs(processor, case.films, case.study, torch.Generator().manual_seed(0))
    with torch.inference_mode():
        logits = model.eval()(inputs)
    tasks: dict[str, dict[str, float]] = {}
    for task in model.config.tasks:
        warmth = model.config.temperatures.get(task.name, 1.0)
        shares = torch.softmax(logits[task.name][0].double() / warmth, dim=0).tolist()
        tasks[task.name] = dict(zip(task.spec.classes, shares, strict=True))
    first = model.config.tasks[0]
    likeliest = max(tasks[first.name], key=tasks[first.name].__getitem__)
    added = film_shapley(model, inputs, Target(first.spec, likeliest))
    return {
        "case_id": case.case_id,
        "not_for_diagnosis": True,
        "tasks": tasks,
        "target": f"{first.name}/{likeliest}",
        "films": [
            {
                "view_position": str(film.radiograph.view_position),
                "days_before": film.days_before,
                "shapley": float(value),
                "lost_without": float(lost),
            }
            for film, value, lost in zip(case.films, added.values, added.left_out, strict=True)
        ],
        "reference": {str(task): name for task, name in case.reference.items()},
    }


def _lines(found: dict[str, Any]) -> str:
    lines = [NOT_FOR_DIAGNOSIS]
    for task, shares in found["tasks"].items():
        named = ", ".join(f"{name} {100 * share:.1f} %" for name, share in shares.items())
        known = found["reference"].get(task)
        lines.append(f"{task}: {named}" + (f"  (reference: {known})" if known else ""))
    lines.append(f"What each film adds to {found['target']}, in logits (Shapley value; lost without it):")
    for number, film in enumerate(found["films"], start=1):
        days = film["days_before"]
        when = f"{days} day{'s' * (days != 1)} before" if days else "today"
        told = f"{film['shapley']:+.2f}; {film['lost_without']:+.2f}"
        lines.append(f"  {number}. {film['view_position']}, {when}: {told}")
    return "\n".join(lines)
