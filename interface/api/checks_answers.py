"""Second opinions, trust measures and proofs as JSON, beside `interface.api.answers`."""

import math
from typing import Any

from cases.case import Case
from interface.api.answers import prediction_json
from interface.case_tab.map_switch import method_about
from interface.case_tab.trust_panel import reading, reason_in_words
from interface.language.texts import say
from interface.models.model_host import ModelHost
from modeling.explain.registry import map_method
from modeling.results import FilmOpinion, ModalityAccount, Proof, TrustMeasure
from modeling.study import Modality
from modeling.trust.verdict import Verdict

Json = dict[str, Any]


def _number(value: float | None) -> float | None:
    """JSON has neither infinity nor NaN."""
    return value if value is not None and math.isfinite(value) else None


def opinion_json(opinion: FilmOpinion) -> Json:
    """What another method or a control says; its picture is added by the caller."""
    return {
        "not_for_diagnosis": True,
        "method": opinion.method,
        "control": map_method(opinion.method).kind == "control",
        "what_it_is": method_about(opinion.method, "en"),
        "target": opinion.target.slug,
        "output": _number(opinion.output),
        "seconds": opinion.seconds,
        "notes": list(opinion.notes),
    }


def account_json(account: ModalityAccount) -> Json:
    """Exact Shapley values and interactions, in logits; a coalition's name joins its parts by +."""
    return {
        "shapley": {str(m): value for m, value in account.shapley.items()},
        "interactions": {
            "+".join(str(m) for m in Modality if m in parts): value
            for parts, value in account.interactions.items()
        },
        "change": account.change,
        "disagreement": [str(m) for m in account.disagreement],
        "seconds": account.seconds,
    }


def measure_json(measure: TrustMeasure) -> Json:
    """A trust measure with its meaning in words, and whether it speaks for the map: good, bad, open, none."""
    return {
        "name": measure.name,
        "value": _number(measure.value),
        "meaning": measure.meaning,
        "sentence": say(f"meaning.{measure.meaning}", "en"),
        "speaks": reading(measure),
        "low": _number(measure.low),
        "high": _number(measure.high),
        "seconds": measure.seconds,
    }


def verdict_json(verdict: Verdict) -> Json:
    """How far the map deserves to be believed, the checks it failed, and four questions answered."""
    return {
        "level": verdict.level,
        "reasons": [
            {"sentence": reason_in_words(r, "en"), **vars(r)}
            | {end: _number(getattr(r, end)) for end in ("value", "low", "high")}
            for r in verdict.reasons
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
        "change": proof.change,
        "claimed": proof.claimed,
        "factor": _number(proof.factor),
        "claim": proof.claim,
        "seconds": proof.seconds,
        "notes": list(proof.notes),
    }
