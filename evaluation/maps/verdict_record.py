"""The verdicts' own record: how often maps of each verdict lie on what radiologists drew. `viewbox verdicts`.

Verdicts are given without boxes, as on the page; the boxes only tell afterwards which maps hit. A map of the
reference appearance is judged on every film with boxes, whatever the checkpoint answers: where it answers
otherwise, the verdict has to find out.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import binomtest

from evaluation.maps.film_maps import Effort
from evaluation.maps.localisation import NOT_FOR_DIAGNOSIS, appearance_modalities, marked_films
from evaluation.maps.localisation_scores import score_map
from evaluation.maps.marked_studies import MarkedStudy
from evaluation.metrics.bootstrap import measured, patient_draws, rounded
from evaluation.metrics.one_label import auroc
from modeling.explain.registry import ACCOUNT, MapMethod, map_method
from modeling.pipeline import DiagnosisPipeline
from modeling.progress import progress
from modeling.trust.scrutiny import Scrutiny
from modeling.trust.verdict import LEVELS, Verdict, verdict_of

ON_THE_PAGE = Effort(tolerance=0.01, max_evaluations=256)


@dataclass(frozen=True)
class JudgedMap:
    """One map: its verdict, and whether its maximum lies in a box."""

    verdict: Verdict
    hit: bool
    patient: str


def judged(
    scrutiny: Scrutiny, marked: MarkedStudy, methods: Sequence[MapMethod], effort: Effort = ON_THE_PAGE
) -> list[JudgedMap]:
    """A study's map by each method, judged as on the page.

    Raises:
        ViewboxError: the model gave no number.
    """
    study, target = marked.study, marked.target
    assert marked.region is not None, "a film with boxes"
    *_, account = scrutiny.explain(study, target, **vars(effort))
    refused, found = scrutiny.pipeline.predict(study).refusal is not None, []
    for method in methods:
        measures = list(scrutiny.measures(study, target, account, method=method.name, deciding=True))
        seen = account.image
        if method.name != ACCOUNT:
            seen = scrutiny.film_map(method, study, target).values
        hit = score_map(seen, marked.region, smoothing=method.grain).hit
        verdict = verdict_of(measures, is_account=method.name == ACCOUNT, refused=refused)
        found.append(JudgedMap(verdict, hit, marked.patient))
    return found


def _rate(hits: Sequence[bool]) -> dict[str, Any]:
    """Films, hits, and the share of hits with Wilson's 95 % interval."""
    if not hits:
        return {"films": 0, "hits": 0, "value": None, "interval_95": None}
    count, films = sum(hits), len(hits)
    ends = [round(float(end), 4) for end in binomtest(count, films).proportion_ci(method="wilson")]
    return {"films": films, "hits": count, "value": round(count / films, 4), "interval_95": ends}


def summarise(maps: Sequence[JudgedMap]) -> dict[str, Any]:
    """Hits by verdict and by reason, and how well the verdict's order parts hits from misses."""
    scores, hits = np.array([m.verdict.score for m in maps]), np.array([m.hit for m in maps])
    draws = patient_draws(np.array([m.patient for m in maps]))
    area = measured(lambda weights: auroc(scores, hits, weights), draws)
    reasons = Counter(reason.name for m in maps for reason in m.verdict.reasons)
    return {
        "levels": {level: _rate([m.hit for m in maps if m.verdict.level == level]) for level in LEVELS[:3]},
        "all": _rate([m.hit for m in maps]),
        "auroc": {"value": rounded(area.value), "interval_95": [rounded(area.low), rounded(area.high)]},
        "reasons": {
            name: _rate([m.hit for m in maps if name in {r.name for r in m.verdict.reasons}])
            for name, _ in reasons.most_common()
        },
    }


def verdicts(
    checkpoint: str | Path,
    data: Path,
    methods: Iterable[str],
    *,
    split: str = "all",
    limit: int | None = None,
) -> dict[str, Any]:
    """Judge the maps of at most `limit` films with boxes and hold the verdicts against the boxes.

    `data`: Parquet file with the columns of the SIIM films. `split`: "all", or one side of it.

    Raises:
        ViewboxError: the checkpoint or the file cannot be used, or there is no such map.
    """
    pipeline, asked = DiagnosisPipeline.from_pretrained(checkpoint), [map_method(name) for name in methods]
    appearance_modalities(pipeline)
    scrutiny, films = Scrutiny(pipeline), marked_films(data, limit, split=split)
    shown = progress(films, "judging", total=len(films))
    rows = [judged(scrutiny, film, asked) for film in shown if film.region is not None]
    origin = pipeline.origin
    about = {"checkpoint": origin.name, "revision": origin.revision, "data": data.name, "split": split}
    record = {m.name: summarise(maps) for m, maps in zip(asked, zip(*rows, strict=True), strict=True)}
    return {**about, "films": len(rows), "maps": record, "warning": NOT_FOR_DIAGNOSIS}
