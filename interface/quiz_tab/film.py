"""The quiz on the viewer and in the browser's memory: film, map, reference, the mark, the record."""

from dataclasses import asdict, replace
from typing import Any

import numpy as np

from cases.phantom.study_plan import STUDY_TASKS
from interface.case_tab.viewer import film_value, layer, map_layer, mask_of
from interface.html.regions import GREEN, ReferenceRegion, reference_region
from interface.language.texts import Language, say
from interface.quiz_tab.resume import committed_record
from interface.quiz_tab.rules import fingerprint, grid_shape
from interface.quiz_tab.score import as_csv
from interface.quiz_tab.sitting import Sitting
from interface.quiz_tab.studies import planted_on_films, which_films
from modeling.render.pictures import SIGNS


def quiz_film(sitting: Sitting, language: Language) -> dict[str, Any]:
    """The film under a name that tells nothing; then with the map; in the end the reference's place.

    Of a study some films, and all of them once the reader has committed.
    """
    case, layers = sitting.case, []
    assert case is not None, "shown before a case was laid"
    several = sitting.task in STUDY_TASKS
    which = which_films(case, sitting.task, language, whole=sitting.stage != "read")
    if sitting.stage != "reveal":
        case = replace(case, case_id=say("quiz.case", language, number=sitting.number), title={})
    account = sitting.map
    if account is not None and account.image is not None:
        told = {"method": account.method, "baseline": account.baseline, "read": sitting.told.modalities}
        layers.append(map_layer(account.image, case, account.target, language, **told))
    if sitting.stage == "reveal":
        if several:
            region = planted_on_films(case, sitting.task, language)
        else:
            region = reference_region(case, grid_shape(sitting.film.shape), language)
        layers += [_region_layer(region)] if region is not None else []
    return film_value(case, sitting.film, language, layers=tuple(layers), marking=not several, which=which)


def _region_layer(region: ReferenceRegion) -> dict[str, Any]:
    told = {"label": region.name, "text": region.legend, "scale_text": dict.fromkeys(SIGNS, region.legend)}
    told["short_text"] = dict.fromkeys(SIGNS, region.name)
    share = 100 * float(region.mask.mean())
    drawn = layer(region.mask.astype(np.float32), 1.0, name="reference", unit="region", signed=False, **told)
    return drawn | {"supports": list(GREEN), "outlined": 100 - share / 2}


def mark_on(sitting: Sitting, value: object) -> np.ndarray | None:
    """The region in the viewer's value on the comparing grid; None unless it was marked on this very film.

    Raises:
        ViewboxError: the data mean no region.
    """
    region = value.get("region") if isinstance(value, dict) else None
    if sitting.film is None or not isinstance(region, dict) or region.get("film") != sitting.film.key:
        return None
    return mask_of(region, grid_shape(sitting.film.shape))


def kept_record(sitting: Sitting, language: Language) -> dict[str, Any]:
    """What the browser is to keep, and nobody else; it is enough to go on after a reload."""
    rows, name = sitting.rows, fingerprint(sitting.asked)
    record = {
        "key": sitting.key,
        "code": sitting.code,
        "set": name,
        "done": len(rows),
        "total": len(sitting.asked),
        "before": sum(row.first == row.truth for row in rows),
        "after": sum(row.second == row.truth for row in rows),
        "over": sitting.stage == "over" or len(rows) == len(sitting.asked),
        "first": committed_record(sitting),
        "rows": [asdict(row) for row in rows],
        "csv": as_csv(rows, sitting.code, name),
    }
    return {"language": language, "record": record}
