"""How well reports find their like: what `viewbox retrieval` measures.

Relevant is a report that shares an index term (on Open-i: a MeSH major heading, without its qualifiers); the
terms never enter an encoding. Reports without an index term or without a reading are left out. Every number
stands beside the base rate, a random order, and a label prior, which always shows the reports that resemble
the most others.

Shape letters: Q queries, N candidates, K depth.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, TfidfVectorizer

from evaluation.metrics.bootstrap import bracketed
from modeling.progress import progress
from modeling.reports.embedding import DIMENSIONS, MINED, ReportEncoder
from modeling.reports.index_terms import SAY_NOTHING
from modeling.reports.mining import Miner, affirmed_text, reading_text
from modeling.reports.reading import ReportError
from modeling.reports.report import Report
from modeling.reports.scoring import part_of
from modeling.retrieval.index import CaseIndex, IndexedCase
from modeling.retrieval.vectors import COMPONENTS, FIELD_NUMBERS
from modeling.study import Modality

DEPTHS = (1, 5, 10)
REPLICATES = 500
NOTHING_FOUND = "normal"
SPEED_SIZES = (4_000, 200_000)
SPEED_QUERIES = 30
TEXT_ALONE = {Modality.TEXT: DIMENSIONS}
ALL_THREE = {Modality.IMAGE: COMPONENTS, Modality.TABLE: FIELD_NUMBERS, Modality.TEXT: DIMENSIONS}
"""Lengths of the vectors that ship."""


def headings_of(report: Report) -> frozenset[str]:
    """A report's index terms in lower case, qualifiers off: `Opacity/lung/base/left` is `opacity`."""
    terms = (heading.split("/")[0].strip().lower() for heading in report.headings)
    return frozenset(term for term in terms if term and term not in SAY_NOTHING)


def lsa(texts: Sequence[str], dimensions: int = 128) -> np.ndarray:
    """(N, D) latent semantic analysis of texts, for comparison."""
    counts = TfidfVectorizer(
        sublinear_tf=True, min_df=2, stop_words=sorted(ENGLISH_STOP_WORDS)
    ).fit_transform(texts)
    return TruncatedSVD(min(dimensions, min(counts.shape) - 1), random_state=0).fit_transform(counts)


def benchmark(reports: Sequence[Report]) -> dict[str, Any]:
    """Every encoding's measures over all queries, over abnormal ones, and over those no rule was tuned on.

    Raises:
        ReportError: too few reports have both a reading and an index term.
    """
    chosen = [r for r in reports if headings_of(r) and reading_text(r).strip()]
    if len(chosen) < 20:
        template = "Only {count} reports have a reading and index terms; give 20 or more that do."
        raise ReportError(template, count=len(chosen))
    headings = [headings_of(report) for report in chosen]
    gain = gains(headings)
    abnormal = np.array([NOTHING_FOUND not in terms for terms in headings])
    queries = {
        "all": np.ones(len(chosen), bool),
        "abnormal": abnormal,
        "abnormal, held-out": abnormal & np.array([part_of(r.report_id) == "held-out" for r in chosen]),
    }
    rows = {}
    for name, scores in progress(_encodings(chosen, gain).items(), "comparing", unit="encoding"):
        measures = query_measures(scores(), gain)
        rows[name] = {part: means(measures, mask) for part, mask in queries.items() if mask.any()}
    relevant = (gain > 0).sum(axis=1) / (len(chosen) - 1)
    base = {part: round(float(relevant[m].mean()), 4) for part, m in queries.items() if m.any()}
    sizes = {part: int(mask.sum()) for part, mask in queries.items()}
    counts = {"reports": len(chosen), "left_out": len(reports) - len(chosen), "queries": sizes}
    return counts | {"base_rate": base, "rows": rows}


def _encodings(reports: Sequence[Report], gain: np.ndarray) -> dict[str, Callable[[], np.ndarray]]:
    """Name -> (N, N) similarities, made when they are asked for."""
    miner, random = Miner(), np.random.default_rng(0)
    number = len(reports)
    return {
        "random": lambda: random.random((number, number), np.float32),
        "label prior": lambda: np.broadcast_to(gain.mean(axis=0), (number, number)),
        "LSA, findings and impression": lambda: cosines(lsa([reading_text(r) for r in reports])),
        "LSA, whole report": lambda: cosines(lsa([r.text() for r in reports])),
        "LSA, affirmed sentences": lambda: cosines(lsa([affirmed_text(r, miner) for r in reports])),
        "mined labels": lambda: cosines(ReportEncoder(miner).fit(reports).encode(reports)[:, : len(MINED)]),
        "mined labels + affirmed (shipped)": lambda: cosines(
            ReportEncoder(miner).fit(reports).encode(reports)
        ),
    }


def cosines(rows: np.ndarray) -> np.ndarray:
    """(N, N) float32 cosine of every two rows."""
    units = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
    return units.astype(np.float32) @ units.astype(np.float32).T


def speed(size: int, widths: Mapping[Modality, int] = TEXT_ALONE) -> dict[str, float]:
    """Milliseconds of one query of `CaseIndex` for 5 neighbours among random vectors, and its recall.

    Median and 95th percentile of the wall time, median of the CPU time, and the share of the 5 nearest by
    plain cosines in double precision (another patient's) that the index found. `widths`: of the vectors.
    """
    random = np.random.default_rng(0)
    rows = {m: random.standard_normal((size, width)).astype(np.float32) for m, width in widths.items()}
    cases = [
        IndexedCase(
            f"case{n:07}", {m: v[n] for m, v in rows.items()}, f"patient{n // 2}", "a" if n % 3 else "b"
        )
        for n in range(size)
    ]
    index = CaseIndex(cases)
    index.neighbours(cases[0])
    units = [v / np.linalg.norm(v.astype(np.float64), axis=1, keepdims=True) for v in rows.values()]
    wall, work, hits = [], [], 0
    for place in random.integers(size, size=SPEED_QUERIES).tolist():
        start, start_work = time.perf_counter(), time.thread_time()
        near = index.neighbours(cases[place])
        wall.append(1000 * (time.perf_counter() - start))
        work.append(1000 * (time.thread_time() - start_work))
        nearest = {cases[n].case_id for n in _nearest(units, place, 5)}
        hits += len(nearest & {neighbour.case_id for neighbour in near})
    return {
        "median_ms": round(float(np.median(wall)), 3),
        "p95_ms": round(float(np.quantile(wall, 0.95)), 3),
        "median_cpu_ms": round(float(np.median(work)), 3),
        "recall": round(hits / (5 * SPEED_QUERIES), 4),
    }


def _nearest(units: Sequence[np.ndarray], place: int, k: int) -> np.ndarray:
    """The exact answer: every cosine in double precision, the query's patient left out."""
    cosines_to = sum(rows @ rows[place] for rows in units)
    first = place - place % 2  # `speed` gives every patient two cases in a row
    cosines_to[first : first + 2] = -np.inf
    return np.argsort(-cosines_to, kind="stable")[:k]


def speeds() -> dict[str, dict[str, float]]:
    """`speed` among few and many cases, by text and by all three modalities."""
    cells = [
        (f"{size} cases by {by}", size, widths)
        for size in SPEED_SIZES
        for by, widths in (("text", TEXT_ALONE), ("film, table and text", ALL_THREE))
    ]
    return {name: speed(size, widths) for name, size, widths in progress(cells, "timing", unit="index")}


def table(answer: Mapping[str, Any]) -> str:
    """The rows as lines to read."""
    lines = []
    if "reports" in answer:
        told = f"{answer['reports']} reports ({answer['left_out']} left out)"
        lines.append(f"{told}, base rate {answer['base_rate']}")
    for name, parts in answer.get("rows", {}).items():
        lines.append(name)
        for part, measures in parts.items():
            cells = [f"{name} {bracketed(mean, ends)}" for name, (mean, *ends) in measures.items()]
            lines.append(f"    {part:20}" + "  ".join(cells))
    for name, taken in answer.get("speed", {}).items():
        lines.append(f"one query, {name}: " + ", ".join(f"{key} {value}" for key, value in taken.items()))
    return "\n".join(lines)


# --- measures of a ranking


def gains(headings: Sequence[frozenset[str]]) -> np.ndarray:
    """(N, N) float32: how much two cases' headings overlap, |A and B| / |A or B|; 0 on the diagonal."""
    names = {name: place for place, name in enumerate(sorted(frozenset().union(*headings)))}
    given = np.zeros((len(headings), len(names)), np.float32)
    for row, terms in zip(given, headings, strict=True):
        row[[names[term] for term in terms]] = 1
    both = given @ given.T
    sizes = given.sum(axis=1)
    answer = both / np.maximum(sizes[:, None] + sizes[None, :] - both, 1)
    np.fill_diagonal(answer, 0)
    return answer


def query_measures(scores: np.ndarray, gain: np.ndarray) -> dict[str, np.ndarray]:
    """Measures of every query; NaN for mAP and nDCG where no other case shares anything.

    (N, N) similarity of each query (row) to each candidate, itself aside; equals rank by place. What gains
    more than 0 is relevant.
    """
    number = len(scores)
    rows = np.array(scores, np.float64)
    np.fill_diagonal(rows, -np.inf)
    order = np.argsort(-rows, axis=1, kind="stable")[:, : number - 1]
    worth = np.take_along_axis(gain, order, axis=1)  # Q N-1
    relevant = worth > 0
    some = relevant.any(axis=1)
    places = np.arange(1, number)
    precision = np.where(relevant, relevant.cumsum(axis=1) / places, 0.0).sum(axis=1)
    ideal = -np.sort(-worth, axis=1)  # the best order of all candidates, not of those that were found
    reached, best = ((x[:, :10] / np.log2(places[:10] + 1)).sum(axis=1) for x in (worth, ideal))
    measures = {f"precision_at_{k}": relevant[:, :k].mean(axis=1) for k in DEPTHS}
    above = {"average_precision": (precision, relevant.sum(axis=1)), "ndcg_at_10": (reached, best)}
    nothing = np.full(number, np.nan)
    return measures | {n: np.divide(a, b, out=nothing.copy(), where=some) for n, (a, b) in above.items()}


def means(measures: Mapping[str, np.ndarray], chosen: np.ndarray) -> dict[str, list[float]]:
    """Over the chosen queries, (Q,) bool: name -> [mean, low, high] with the 95 % bootstrap interval."""
    random = np.random.default_rng(0)
    answer = {}
    for name, values in measures.items():
        kept = values[chosen & np.isfinite(values)]
        if len(kept) == 0:
            continue
        drawn = random.multinomial(len(kept), np.full(len(kept), 1 / len(kept)), size=REPLICATES)
        replicates = drawn @ kept / len(kept)
        low, high = np.quantile(replicates, (0.025, 0.975))
        answer[name] = [round(float(v), 4) for v in (kept.mean(), low, high)]
    return answer
