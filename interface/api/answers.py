"""Results as JSON for callers of the API: numbers, names and pictures as data URLs, nothing by file name."""

import base64
from collections.abc import Mapping

import numpy as np

from cases.case import Case
from cases.store import CasePage
from interface.api.tool_calls import is_tool_call
from interface.case_tab.trust_panel import reading
from interface.html.pictures import film_url, map_urls, shown_film
from interface.language.texts import say
from interface.models.checkpoints import Checkpoints
from interface.models.model_host import ModelHost
from modeling.answers import Json, plain, prediction_json, taken
from modeling.render.arrays import npy
from modeling.results import Attribution, FilmOpinion, ModalityAccount, Proof, TrustMeasure
from modeling.study import CLINICAL_FIELDS, Modality, spellings_of


def model_json(host: ModelHost) -> Json:
    """Where a checkpoint stands, and the case sources that it suits."""
    state = taken(host.state, "phase revision device parameters sentence")
    return {"checkpoint": host.state.name, **state, **taken(host, "sources text_sections")}


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
        **taken(case.provenance, "source attribution synthetic study"),
        "licence": case.licence.name,
        "may_show": case.licence.may_show,
        "modalities": [str(m) for m in case.study.modalities],
        "shape": list(radiograph.shape) if radiograph is not None else None,
        "table": {name: plain(value) for name, value in case.study.table.values.items()},
        "text": dict(case.study.text.sections),
        "other": dict(case.other),
        "notes": [str(note) for note in case.notes],
        "reference": {str(task): name for task, name in case.reference.items()},
        "film": film_url(shown_film(case)),
        "films": [
            {
                "view_position": str(film.radiograph.view_position),
                "days_before": film.days_before,
                "shape": list(film.radiograph.shape),
                "read": number == 0,
            }
            for number, film in enumerate(case.films)
        ],
    }


def page_json(page: CasePage, count: int) -> Json:
    """A range of the list; `next_after` is what `after` takes for the next one."""
    rows = [
        {
            **taken(row, "case_id source licence synthetic"),
            "reference": {str(task): name for task, name in row.reference.items()},
        }
        for row in page.rows
    ]
    return {"cases": rows, "next_after": page.next_after, "count": count}


def map_json(case: Case, found: Attribution | FilmOpinion, opacity: float, sign: str = "both") -> Json:
    """The heat map over the film, its legend and scale; null where no film may be shown or no map is.

    PNG, but for tools JPEG: some that read them take a megabyte at most.
    """
    shown = shown_film(case)
    drawn = (None, None, None)
    if shown is not None and found.image is not None:
        drawn = map_urls(shown, found, opacity=opacity, sign=sign, exact=not is_tool_call())
    return dict(zip(("heat_map", "legend", "scale"), drawn, strict=True))


def numbers_json(case: Case, found: Attribution) -> Json:
    """The map as a .npy file in base64: (h, w) float32, signed; resize it to `film_shape` to lay it there."""
    film = case.study.radiograph
    map_ = None if found.image is None else base64.b64encode(npy(np.asarray(found.image, np.float32)))
    return {"map": map_ and map_.decode(), "film_shape": film and list(film.shape)}


def fields_json() -> Json:
    """The fields of `table`: units, plausible ranges, categories, and how each may be written."""
    return {
        name: {
            **taken(field, "kind unit other_units categories"),
            "low": field.low if field.kind == "numeric" else None,
            "high": field.high if field.kind == "numeric" else None,
            "spellings": {name: list(words) for name, words in spellings_of(field.name).items()},
        }
        for name, field in CLINICAL_FIELDS.items()
    }


# --- checks of a map


def account_json(account: ModalityAccount) -> Json:
    """Exact Shapley values and interactions, in logits; a coalition's name joins its parts by +."""
    return {
        "shapley": {str(m): value for m, value in account.shapley.items()},
        "interactions": {
            "+".join(str(m) for m in Modality if m in parts): value
            for parts, value in account.interactions.items()
        },
        "disagreement": [str(m) for m in account.disagreement],
        **taken(account, "change seconds"),
    }


def measure_json(measure: TrustMeasure) -> Json:
    """A trust measure with its meaning in words, and whether it speaks for the map: good, bad, open, none."""
    return {
        **taken(measure, "name value meaning low high seconds"),
        "sentence": say(f"meaning.{measure.meaning}", "en"),
        "speaks": reading(measure),
    }


def proof_json(proof: Proof, reference: Mapping[str, str]) -> Json:
    """The answers before and after, and what the map had claimed, in logits of the target."""
    return {
        "target": proof.target.slug,
        "before": prediction_json(proof.before, reference)["tasks"],
        "after": prediction_json(proof.after, reference)["tasks"],
        **taken(proof, "change claimed factor claim seconds notes"),
    }
