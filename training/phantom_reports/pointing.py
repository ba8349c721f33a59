"""Where the sentences of phantom reports point, against what was planted where, and on which film."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from cases.phantom.streams import stream
from cases.phantom.studies import study_seed
from cases.phantom.study_plan import LANGUAGES, StudyPlan, draw_study_plan, said_of, study_reports
from evaluation.metrics.bootstrap import ahead, bracketed, measured, patient_draws, with_interval
from modeling.reports.film_zones import USUAL, Box, LungFrame
from modeling.reports.mining import Miner
from modeling.reports.pointing import Place, pointed
from modeling.reports.report import Report
from modeling.study import ViewPosition
from training.phantom_reports.corpus import CELLS, PhantomRow, described, phantom_rows

SERIES, SIZE = 9001, 96
HELD = 0.5
"""Share of an opacity that must lie in a sentence's boxes for it to be found there."""
LUNGS = Place("lung", "both")
SIX = tuple(Place(level, side) for side in ("right", "left") for level in ("upper", "mid", "lower"))
STUDIES = 9102


def benchmark_zones(folder: Path, count: int = 400) -> dict[str, Any]:
    """Shares of sentences that hold their opacity, on the second half of the phantoms; the first chose."""
    rows = phantom_rows(folder / "drawn", count, SERIES, SIZE)
    rng, miner = np.random.default_rng(0), Miner()
    scored: dict[str, list[tuple[float, float, float]]] = {}
    whose = []
    for number in range(count // 2, count):
        for name, mask, boxes in _sentences(rows[number], miner, rng):
            scored.setdefault(name, []).append(_fit(boxes, mask))
            whose += [number] * (name == "the sentence's zone")
    draws = patient_draws(np.array(whose))
    held = {name: _mean(np.array(own)[:, 0] >= HELD) for name, own in scored.items()}
    overlap = {name: _mean(np.array(own)[:, 2]) for name, own in scored.items()}
    first = "the sentence's zone"
    found = {
        name: with_interval("holds", measured(held[name], draws))
        | with_interval("overlap", measured(overlap[name], draws))
        | {"area": round(float(np.mean(np.array(own)[:, 1])), 4)}
        | ({} if name == first else {"ahead in overlap": ahead(overlap[first], overlap[name], draws)})
        for name, own in scored.items()
    }
    return {"phantoms": len(set(whose)), "sentences": len(whose), "rows": found}


def _sentences(
    row: PhantomRow, miner: Miner, rng: np.random.Generator
) -> Iterator[tuple[str, np.ndarray, tuple[Box, ...]]]:
    """Row of the table, mask of the opacity, boxes; for each sentence that describes an opacity."""
    read = (one for one in pointed(Report("", row.report), miner) if one.section == "findings")
    own = {(one.start, one.end): one.places for one in read}
    frame, usual = LungFrame.of(row.film / np.float32(255)), LungFrame(USUAL["right"], USUAL["left"])
    for span, name in described(row):
        mask, places = row.masks[name], own[span]
        if not mask.any():
            continue
        yield "the sentence's zone", mask, tuple(box for place in places for box in frame.boxes(place))
        yield "the same, lungs not looked for", mask, tuple(b for place in places for b in usual.boxes(place))
        yield "a random zone", mask, frame.boxes(SIX[int(rng.integers(len(SIX)))])
        yield "both lungs", mask, frame.boxes(LUNGS)


def _fit(boxes: Sequence[Box], mask: np.ndarray) -> tuple[float, float, float]:
    """Share of the mask in the boxes, share of the film that they cover, and their overlap (IoU)."""
    down, across = ((np.arange(side) + 0.5) / side for side in (CELLS, CELLS))
    laid = np.zeros((CELLS, CELLS), bool)
    for left, top, right, bottom in boxes:
        laid |= ((down >= top) & (down < bottom))[:, None] & ((across >= left) & (across < right))[None]
    both = float((laid & mask).sum())
    return both / mask.sum(), float(laid.mean()), both / (laid | mask).sum()


def _mean(values: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    return lambda weights: (weights @ values.astype(float)) / weights.sum(axis=1)


# --- which film

TODAY, BOTH = ("present", "absent", "first film"), ("new", "unchanged", "cleared", "clear", "deeper")


def benchmark_films(count: int = 400) -> dict[str, Any]:
    """Shares of sentences of unseen phantom studies whose films are exactly those that they speak of."""
    miner, found = Miner(), {}
    for language in LANGUAGES:
        right: dict[str, list[bool]] = {}
        whose = []
        for number in range(count):
            seed = study_seed(STUDIES, number)
            plan = draw_study_plan(stream(seed, "study"))
            report = study_reports(stream(seed, "prose"), plan)[language]
            for name, hit in _films_of(plan, report, miner):
                right.setdefault(name, []).append(hit)
                whose += [number] * (name == "the sentence's films")
        draws = patient_draws(np.array(whose))
        rows = {
            name: with_interval("right", measured(_mean(np.array(own)), draws)) for name, own in right.items()
        }
        found[language] = {"sentences": len(whose), "rows": rows}
    return found


def _films_of(plan: StudyPlan, report: Mapping[str, str], miner: Miner) -> Iterator[tuple[str, bool]]:
    taken = [(film.position, film.days_before) for film in plan.films]
    sentences = [one for one in pointed(Report("", report), miner) if one.section == "findings"]
    for sentence, kind in zip(sentences, said_of(plan), strict=False):
        text = report["findings"][sentence.start : sentence.end]
        truth = _truth(plan, kind, frontal="frontal" in text or "正面" in text)
        yield "the sentence's films", sentence.films(taken) == truth
        yield "the day's films, always", tuple(n for n, (_, when) in enumerate(taken) if not when) == truth
        yield "every film, always", tuple(range(len(taken))) == truth


def _truth(plan: StudyPlan, kind: str, frontal: bool) -> tuple[int, ...]:
    """The films that a sentence of this kind is about; of one view where it says so ("does not show it")."""
    days = {"comparison": {plan.prior}}.get(kind, {0} if kind not in BOTH else {0, plan.prior})
    views = [ViewPosition.LATERAL, *ViewPosition]
    if kind == "on the lateral alone":
        views = [view for view in ViewPosition if (view is ViewPosition.LATERAL) != frontal]
    return tuple(
        n for n, film in enumerate(plan.films) if film.days_before in days and film.position in views
    )


def table(found: Mapping[str, Any]) -> str:
    """Zones and films as Markdown."""
    zones = found["zones"]
    lines = [
        f"{zones['sentences']} sentences of {zones['phantoms']} phantom reports, each about one opacity:",
        "",
    ]
    lines += [
        "| outlined | holds the opacity | overlap (IoU) | share of the film | ahead in overlap |",
        "|---|---|---|---|---|",
    ]
    for name, row in zones["rows"].items():
        lead = row.get("ahead in overlap")
        told = (
            "" if lead is None else f"{bracketed(lead['difference'], lead['difference_95'])}, p {lead['p']}"
        )
        cells = (bracketed(row[key], row[f"{key}_95"]) for key in ("holds", "overlap"))
        lines.append(f"| {name} | {' | '.join(cells)} | {row['area']:.3f} | {told} |")
    for language, own in found["films"].items():
        lines += ["", f"{own['sentences']} sentences of phantom studies ({language}), films exactly right:"]
        lines += [f"{name}: {bracketed(row['right'], row['right_95'])}" for name, row in own["rows"].items()]
    return "\n".join(lines)
