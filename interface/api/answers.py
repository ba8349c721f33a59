"""Results as JSON for callers of the API: numbers, names and pictures as data URLs, nothing by file name."""

import math
from typing import Any

from cases.case import Case
from cases.store import CasePage
from interface.case_tab.map_switch import method_about
from interface.case_tab.trust_panel import reading, reason_in_words
from interface.html.pictures import film_url, map_urls, shown_film
from interface.language.texts import say
from interface.models.checkpoints import Checkpoints, mismatch
from interface.models.model_host import ModelHost
from modeling.explain.registry import map_method
from modeling.results import (
    Attribution,
    Familiarity,
    FilmOpinion,
    ModalityAccount,
    Prediction,
    Proof,
    TrustMeasure,
)
from modeling.study import CLINICAL_FIELDS, Modality, spellings_of
from modeling.trust.verdict import Verdict

Json = dict[str, Any]


def _taken(found: object, names: str) -> Json:
    """Some of an object's attributes by their own names; JSON has neither infinity nor NaN."""
    return {name: _finite(getattr(found, name)) for name in names.split()}


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return list(value) if isinstance(value, tuple) else value


def model_json(host: ModelHost) -> Json:
    """Where a checkpoint stands, and the case sources that it suits."""
    state = _taken(host.state, "phase revision device parameters sentence")
    return {"checkpoint": host.state.name, **state, **_taken(host, "sources text_sections")}


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
        **_taken(case.provenance, "source attribution synthetic"),
        "licence": case.licence.name,
        "may_show": case.licence.may_show,
        "modalities": [str(m) for m in case.study.modalities],
        "shape": list(radiograph.shape) if radiograph is not None else None,
        "table": {name: plain(value) for name, value in case.study.table.values.items()},
        "text": dict(case.study.text.sections),
        "reference": {str(task): name for task, name in case.reference.items()},
        "film": film_url(shown_film(case)),
    }


def page_json(page: CasePage, count: int) -> Json:
    """A range of the list; `next_after` is what `after` takes for the next one."""
    rows = [
        {
            **_taken(row, "case_id source licence synthetic"),
            "reference": {str(task): name for task, name in row.reference.items()},
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
    return found and _taken(found, "score threshold familiar")


def _by_class(classes: tuple[str, ...], values: Any) -> dict[str, float]:
    return {name: float(value) for name, value in zip(classes, values, strict=True)}


def attribution_json(attribution: Attribution) -> Json:
    """Shares, fields, words and the convergence delta, all in logits; pictures are added by the caller."""
    share = attribution.modality_share
    numbers = "output baseline_output convergence_delta relative_delta special_tokens padding"
    return {
        "target": attribution.target.slug,
        "against": attribution.target.against,
        **_taken(attribution, f"method baseline verdict evaluations seconds notes {numbers}"),
        "modality_share": {
            str(m): {"logits": v, "fraction": share.fractions[m]} for m, v in share.logits.items()
        },
        "fields": [
            {"name": f.name, "value": plain(f.value), "attribution": f.attribution}
            for f in attribution.fields
        ],
        "words": [vars(w) for w in attribution.words],
    }


def plain(value: float | str | None) -> float | str | None:
    """A clinical value: JSON has no infinity, so a laboratory limit travels as text."""
    return str(value) if isinstance(value, float) and abs(value) > 1e300 else value


def map_json(case: Case, found: Attribution | FilmOpinion, opacity: float, sign: str = "both") -> Json:
    """The heat map over the film, its legend and scale; null where no film may be shown or no map is."""
    shown = shown_film(case)
    drawn = (None, None, None)
    if shown is not None and found.image is not None:
        drawn = map_urls(shown, found, opacity=opacity, sign=sign)
    return dict(zip(("heat_map", "legend", "scale"), drawn, strict=True))


def fields_json() -> Json:
    """The fields of `table`: units, plausible ranges, categories, and how each may be written."""
    return {
        name: {
            **_taken(field, "kind unit other_units categories"),
            "low": field.low if field.kind == "numeric" else None,
            "high": field.high if field.kind == "numeric" else None,
            "spellings": {name: list(words) for name, words in spellings_of(field.name).items()},
        }
        for name, field in CLINICAL_FIELDS.items()
    }


# --- checks of a map


def opinion_json(opinion: FilmOpinion) -> Json:
    """A second opinion or a control; its picture is added by the caller."""
    return {
        "not_for_diagnosis": True,
        **_taken(opinion, "method output seconds notes"),
        "control": map_method(opinion.method).kind == "control",
        "what_it_is": method_about(opinion.method, "en"),
        "target": opinion.target.slug,
    }


def account_json(account: ModalityAccount) -> Json:
    """Exact Shapley values and interactions, in logits; a coalition's name joins its parts by +."""
    return {
        "shapley": {str(m): value for m, value in account.shapley.items()},
        "interactions": {
            "+".join(str(m) for m in Modality if m in parts): value
            for parts, value in account.interactions.items()
        },
        "disagreement": [str(m) for m in account.disagreement],
        **_taken(account, "change seconds"),
    }


def measure_json(measure: TrustMeasure) -> Json:
    """A trust measure with its meaning in words, and whether it speaks for the map: good, bad, open, none."""
    return {
        **_taken(measure, "name value meaning low high seconds"),
        "sentence": say(f"meaning.{measure.meaning}", "en"),
        "speaks": reading(measure),
    }


def verdict_json(verdict: Verdict) -> Json:
    """How far the map deserves to be believed, the checks it failed, and four questions answered."""
    return {
        "level": verdict.level,
        "reasons": [
            {"sentence": reason_in_words(reason, "en"), **_taken(reason, " ".join(vars(reason)))}
            for reason in verdict.reasons
        ],
        "answers": dict(verdict.answers),
    }


def proof_json(proof: Proof, host: ModelHost, case: Case) -> Json:
    """The answers before and after, and what the map had claimed, in logits of the target."""
    return {
        "not_for_diagnosis": True,
        "target": proof.target.slug,
        "before": prediction_json(proof.before, host, case)["tasks"],
        "after": prediction_json(proof.after, host, case)["tasks"],
        **_taken(proof, "change claimed factor claim seconds notes"),
    }
