"""Results as JSON for callers of the API: numbers, names and pictures as data URLs, nothing by file name."""

from typing import Any

from cases.case import Case
from cases.store import CasePage
from interface.html.pictures import film_url, shown_film
from interface.models.checkpoints import Checkpoints, mismatch
from interface.models.model_host import ModelHost
from modeling.results import Attribution, Familiarity, Prediction
from modeling.study import CLINICAL_FIELDS, spellings_of

Json = dict[str, Any]


def model_json(host: ModelHost) -> Json:
    """Where a checkpoint stands, and the case sources that it suits."""
    state = host.state
    return {
        "phase": state.phase,
        "checkpoint": state.name,
        "revision": state.revision,
        "device": state.device,
        "parameters": state.parameters,
        "sources": list(host.sources),
        "text_sections": list(host.text_sections),
        "sentence": state.sentence,
    }


def models_json(models: Checkpoints) -> Json:
    """All checkpoints: loading until each has been tried, ready where one is, failed where none is."""
    ready = any(host.state.phase == "ready" for host in models.hosts)
    return {
        "phase": "loading" if not models.settled else "ready" if ready else "failed",
        "checkpoints": [model_json(host) for host in models.hosts],
    }


def case_json(case: Case) -> Json:
    """A case with its film as a data URL (null where its licence does not let it be shown)."""
    radiograph = case.study.radiograph
    return {
        "case_id": case.case_id,
        "source": case.provenance.source,
        "attribution": case.provenance.attribution,
        "synthetic": case.provenance.synthetic,
        "licence": case.licence.name,
        "may_show": case.licence.may_show,
        "modalities": [str(m) for m in case.study.modalities],
        "shape": list(radiograph.shape) if radiograph is not None else None,
        # JSON has no infinity; a laboratory limit travels as text.
        "table": {
            n: v if isinstance(v, str) or abs(v) < 1e300 else str(v)
            for n, v in case.study.table.values.items()
        },
        "text": dict(case.study.text.sections),
        "reference": {str(task): name for task, name in case.reference.items()},
        "film": film_url(shown_film(case)),
    }


def page_json(page: CasePage, count: int) -> Json:
    """A range of the list; `next_after` is what `after` takes for the next one."""
    rows = [
        {
            "case_id": row.case_id,
            "source": row.source,
            "reference": {str(task): name for task, name in row.reference.items()},
            "licence": row.licence,
            "synthetic": row.synthetic,
        }
        for row in page.rows
    ]
    return {"cases": rows, "next_after": page.next_after, "count": count}


def prediction_json(prediction: Prediction, host: ModelHost, case: Case) -> Json:
    """Probabilities and logits of every task, beside the reference labels, and which checkpoint gave them."""
    tasks = {
        str(task.task): {
            "probabilities": _by_class(task.classes, task.probabilities),
            "logits": _by_class(task.classes, task.logits),
            "most_probable": task.most_probable,
            "modalities": [str(m) for m in task.modalities],
            "reference": case.reference.get(task.task),
        }
        for task in prediction.tasks
    }
    return {
        "not_for_diagnosis": True,
        "checkpoint": model_json(host),
        "warning": mismatch(host, case, "en") or None,
        "given": [str(m) for m in prediction.given],
        "notes": list(prediction.notes),
        "familiarity": _familiarity(prediction.familiarity),
        "tasks": tasks,
    }


def _familiarity(found: Familiarity | None) -> Json | None:
    return found and {"score": found.score, "threshold": found.threshold, "familiar": found.familiar}


def _by_class(classes: tuple[str, ...], values: Any) -> dict[str, float]:
    return {name: float(value) for name, value in zip(classes, values, strict=True)}


def attribution_json(attribution: Attribution) -> Json:
    """Shares, fields, words and the convergence delta, all in logits; pictures are added by the caller."""
    share = attribution.modality_share
    relative = attribution.relative_delta
    return {
        "target": attribution.target.slug,
        "against": attribution.target.against,
        "method": attribution.method,
        "baseline": attribution.baseline,
        "output": attribution.output,
        "baseline_output": attribution.baseline_output,
        "convergence_delta": attribution.convergence_delta,
        "relative_delta": relative if relative < float("inf") else None,
        "verdict": attribution.verdict,
        "modality_share": {
            str(m): {"logits": v, "fraction": share.fractions[m]} for m, v in share.logits.items()
        },
        "fields": [
            {"name": f.name, "value": _plain(f.value), "attribution": f.attribution}
            for f in attribution.fields
        ],
        "words": [vars(w) for w in attribution.words],
        "special_tokens": attribution.special_tokens,
        "padding": attribution.padding,
        "evaluations": attribution.evaluations,
        "seconds": attribution.seconds,
        "notes": list(attribution.notes),
    }


def _plain(value: float | str | None) -> float | str | None:
    return str(value) if isinstance(value, float) and abs(value) > 1e300 else value


def fields_json() -> Json:
    """What `table` may hold: units, plausible ranges, categories, and how each may be written."""
    return {
        name: {
            "kind": field.kind,
            "unit": field.unit,
            "low": field.low if field.kind == "numeric" else None,
            "high": field.high if field.kind == "numeric" else None,
            "other_units": list(field.other_units),
            "categories": list(field.categories),
            "spellings": {name: list(words) for name, words in spellings_of(field.name).items()},
        }
        for name, field in CLINICAL_FIELDS.items()
    }
