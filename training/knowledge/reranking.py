"""Do shared findings and kin put similar reports in a better order than their cosine alone?

Findings are predicted by classifiers that never saw the query's index terms (out of fold); relevant is a
report that shares one of them, as in `viewbox retrieval`. What is mixed in, and how much of it, is chosen on
four folds; the fifth tells.
"""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np

from evaluation.metrics.bootstrap import RESAMPLES, compared, patient_draws, rounded, with_interval
from modeling.reports.embedding import ReportEncoder
from modeling.reports.mining import Miner
from modeling.reports.report import Report
from modeling.retrieval.shared_findings import affirmed, rarity
from training.corpora.reports import fold_of
from training.knowledge.benchmark import CHOSE_NOTHING
from training.retrieval_benchmark import NOTHING_FOUND, cosines, gains, headings_of, means, query_measures

SHARES, DOUBTS = (0.1, 0.2, 0.3, 0.5), (0.5, 1.5)
"""Of the findings beside the cosine; logits about an operating point that are doubt."""
CHOSEN_BY, TOLD = "ndcg_at_10", ("ndcg_at_10", "precision_at_10")


def reranked(reports: Sequence[Report], margins: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Measures of the cosine alone and of each mixture, and by how much the chosen ones are ahead of it.

    Args:
        margins: report's ID -> (K,) logits above the operating points, out of fold.
    """
    chosen = [r for r in reports if headings_of(r) and r.report_id in margins]
    gain = gains([headings_of(report) for report in chosen])
    plain = cosines(ReportEncoder(Miner()).fit(chosen).encode(chosen))
    above = np.stack([margins[report.report_id] for report in chosen])
    abnormal = np.array([NOTHING_FOUND not in headings_of(report) for report in chosen])
    told = np.array([fold_of(report.report_id) for report in chosen]) == CHOSE_NOTHING
    base = query_measures(plain, gain)
    rows = {"cosine": _means(base, abnormal, told)}
    ahead = {}
    for name, kin in (("shared findings", False), ("shared findings and kin", True)):
        tried = {}
        for doubt, share in product(DOUBTS, SHARES):
            findings = affirmed(above, doubt, kin)
            beside = cosines(findings * rarity(findings))
            found = query_measures((1 - share) * plain + share * beside, gain)
            tried[share, doubt] = found
        best = max(tried, key=lambda how: np.nanmean(tried[how][CHOSEN_BY][abnormal & ~told]))
        rows[name] = {"share": best[0], "doubt": best[1]} | _means(tried[best], abnormal, told)
        ahead[name] = {
            part: {m: _ahead(tried[best][m][of], base[m][of]) for m in TOLD}
            for part, of in (("fold that chose nothing", abnormal & told), ("abnormal", abnormal))
        }
    return {"reports": len(chosen), "queries": int((abnormal & told).sum()), "rows": rows, "ahead": ahead}


def _means(measures: Mapping[str, np.ndarray], abnormal: np.ndarray, told: np.ndarray) -> dict[str, Any]:
    kept = {name: measures[name] for name in TOLD}
    return {"abnormal": means(kept, abnormal), "fold that chose nothing": means(kept, abnormal & told)}


def _ahead(own: np.ndarray, other: np.ndarray) -> dict[str, Any]:
    """The mean difference over the same queries with its interval and paired p."""
    apart = (own - other)[np.isfinite(own - other)]
    draws = patient_draws(np.arange(len(apart)), RESAMPLES)
    found = compared(float(apart.mean()), draws @ apart / draws.sum(axis=1))
    return with_interval("difference", found.difference) | {"p": rounded(found.p)}
