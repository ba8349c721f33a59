"""What came of a quiz: each case, the score of a sitting, and the table for a spreadsheet."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields

from modeling.csv_cells import csv_text
from modeling.labels import APPEARANCE


@dataclass(frozen=True)
class CaseResult:
    """What came of one case.

    Attributes:
        first, second: the reader's class before and after seeing the model, with the confidence in each.
        model: the model's class and its probability; empty and 0 where it gave no answer.
        marked: whether the reader marked a region.
        iou_truth: overlap of the marked region with the planted one, 0 to 1; None where either is missing.
        hit_truth: whether the middle of the mark lies in the planted region.
        iou_map: overlap with the strongest part of the model's map, of the same area.
        lesson: key of the sentence that was shown.
        task: what was asked; a browser may have kept results that say nothing of it.
    """

    number: int
    case_id: str
    truth: str
    first: str
    first_confidence: float
    second: str
    second_confidence: float
    model: str
    model_probability: float
    drill: bool
    marked: bool = False
    iou_truth: float | None = None
    hit_truth: bool | None = None
    iou_map: float | None = None
    lesson: str = ""
    task: str = APPEARANCE


@dataclass(frozen=True)
class Score:
    """A whole sitting.

    Attributes:
        answered: cases to which the model gave an answer.
        before, after: the reader's shares of right answers, 0 to 1.
        model: the model's, of what it answered; None where it answered nothing.
        to_right, to_wrong: answers that seeing the model turned right, or wrong.
        brier_before, brier_after: mean of (confidence - whether right) squared; 0 is best, 0.25 is what
            saying 50 % every time gives.
        sure_before: mean confidence; above `before` means overconfident.
        drills, withstood: drills of the set, and those answered rightly in the end.
        followed: drills in which the reader ended with the model's wrong class.
        marks: cases in which a mark can be held against a planted region.
    """

    cases: int
    answered: int
    before: float
    after: float
    model: float | None
    to_right: int
    to_wrong: int
    brier_before: float
    brier_after: float
    sure_before: float
    sure_after: float
    drills: int
    withstood: int
    followed: int
    marks: int
    hits: int
    iou_truth: float | None
    iou_map: float | None


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def interval(right: int, count: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share (Wilson, J. Am. Stat. Assoc. 1927)."""
    z, share = 1.96, right / count
    middle = share + z * z / (2 * count)
    spread = z * math.sqrt(share * (1 - share) / count + (z / count) ** 2 / 4)
    low, high = ((middle + way * spread) / (1 + z * z / count) for way in (-1, 1))
    return max(0.0, low), min(1.0, high)


def score(rows: Sequence[CaseResult]) -> Score:
    """Score a sitting of at least one case."""
    assert rows, "a sitting without an answer has no score"
    n = len(rows)
    first = [r.first == r.truth for r in rows]
    second = [r.second == r.truth for r in rows]
    drills = [r for r in rows if r.drill]
    hits = [r.hit_truth for r in rows if r.hit_truth is not None]
    return Score(
        cases=n,
        answered=sum(bool(r.model) for r in rows),
        before=sum(first) / n,
        after=sum(second) / n,
        model=_mean([float(r.model == r.truth) for r in rows if r.model]),
        to_right=sum(b and not a for a, b in zip(first, second, strict=True)),
        to_wrong=sum(a and not b for a, b in zip(first, second, strict=True)),
        brier_before=sum((r.first_confidence - a) ** 2 for r, a in zip(rows, first, strict=True)) / n,
        brier_after=sum((r.second_confidence - b) ** 2 for r, b in zip(rows, second, strict=True)) / n,
        sure_before=sum(r.first_confidence for r in rows) / n,
        sure_after=sum(r.second_confidence for r in rows) / n,
        drills=len(drills),
        withstood=sum(r.second == r.truth for r in drills),
        followed=sum(r.second == r.model != r.truth for r in drills),
        marks=len(hits),
        hits=sum(hits),
        iou_truth=_mean([r.iou_truth for r in rows if r.iou_truth is not None]),
        iou_map=_mean([r.iou_map for r in rows if r.iou_map is not None]),
    )


def as_csv(rows: Sequence[CaseResult], code: str, set_name: str) -> str:
    """One line a case, for a spreadsheet; empty where something does not apply."""
    names = [f.name for f in fields(CaseResult)]
    cells = ([code, set_name, *(_cell(value) for value in asdict(row).values())] for row in rows)
    return csv_text(["quiz", "set", *names], cells, end="\r\n")


def _cell(value: object) -> object:
    return f"{value:.4f}" if isinstance(value, float) else value
