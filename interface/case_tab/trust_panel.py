"""The trust panel as HTML: every number with a picture, its meaning in a sentence, and a careful summary."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import gradio as gr

from interface.about_tab.facts import number, part
from interface.html.fragments import note
from interface.html.render import render, signed, written
from interface.language.texts import Language, marker, say, translated
from interface.session.session import PlaceTest
from modeling.explain.registry import ACCOUNT
from modeling.labels import APPEARANCE
from modeling.results import Attribution, TrustMeasure
from modeling.trust.verdict import QUESTION_OF, QUESTIONS, Level, Verdict, as_odds, verdict_of

Reading = Literal["good", "bad", "open", "none"]
ICON: dict[Reading, str] = {"good": "✓", "bad": "✗", "open": "≈", "none": "–"}

_CASES: dict[str, Reading] = json.loads(Path(__file__).with_name("readings.json").read_text("utf-8"))
"""What each meaning of a measure says about its map, where that is the same for every measure."""
_WANTED_AT = frozenset({"lungs"})
"""Places where an explanation of a lung finding belongs; it does not belong at the others."""


@dataclass(frozen=True)
class _Scale:
    """How a measure is written and drawn: from `low` to `high`, or around its own range where None."""

    write: Callable[[float], str]
    low: float | None = None
    high: float | None = None


def _percent(value: float) -> str:
    return f"{100 * value:.1f} %" if value < 10 else "> 1000 %"


SCALES: dict[str, _Scale] = {
    "completeness": _Scale(_percent, 0.0, 0.1),
    "map_change": _Scale(_percent, 0.0, 0.5),
    "support": _Scale(as_odds, -3.0, 3.0),
    "lungs": _Scale(_percent, 0.0, 1.0),
    "border": _Scale(_percent, 0.0, 1.0),
    "burned_in": _Scale(_percent, 0.0, 1.0),
    "deletion": _Scale(signed),
    "class_discrimination": _Scale(partial(written, digits=2), -1.0, 1.0),
    "random_weights_rank": _Scale(partial(written, digits=2), -1.0, 1.0),
    "random_weights_ssim": _Scale(partial(written, digits=2), -1.0, 1.0),
    "insertion": _Scale(signed),
}
"""Every measure of `modeling.trust.scrutiny.MEASURES`, in their order."""
LAST = tuple(SCALES)[-2:]
"""With the first of them all is there that a verdict asks."""


def trust_panel() -> gr.HTML:
    """Lay out the checks; their verdict stands with the answer."""
    with gr.Accordion(marker("trust.title"), open=False, elem_id="vb-trust"):
        return gr.HTML(elem_id="vb-checks")


# --- what a number says


def reading(measure: TrustMeasure) -> Reading:
    """Whether a measure speaks for the map, against it, or leaves it open."""
    if measure.value is None or not math.isfinite(measure.value):
        return "bad" if measure.meaning == "completeness.not_converged" else "none"
    if measure.meaning in ("share.concentrated", "share.spared"):
        wanted = (measure.name in _WANTED_AT) == (measure.meaning == "share.concentrated")
        return "good" if wanted else "bad"
    return _CASES[measure.meaning]


_AGAINST = {
    ("trustworthy", "failed"): "tested.failed",
    ("trustworthy", "amount"): "tested.amount",
    ("do_not_trust", "held"): "tested.held",
}
"""Verdict and outcome of a test that say different things -> how they go together."""
_VERDICT_ICON: dict[Level, str] = {"trustworthy": "✓", "doubtful": "≈", "do_not_trust": "✗", "open": "–"}


def record_line(record: Mapping[str, Any], method: str, level: Level, language: Language) -> str:
    """How often maps with this verdict lay on an opacity, as `viewbox verdicts` counted; empty if not.

    Beside a verdict that is not the best stands what the best one's maps did: 9 of 12 alone reads as praise.
    """
    side = "test" if record.get("split") == "test" else "any"
    told = _counted(record, method, level, f"verdict.record.{side}", language)
    if not told or level == "trustworthy":
        return told
    best = _counted(record, method, "trustworthy", "verdict.record.beside", language)
    return f"{told} {best}".rstrip()


def _counted(record: Mapping[str, Any], method: str, level: Level, key: str, language: Language) -> str:
    row = part(record, "maps", method, "levels", level)
    films, hits = number(row, "films"), number(row, "hits")
    if not films or hits is None:
        return ""
    return say(key, language, hits=f"{hits:.0f}", films=f"{films:.0f}")


def reconciled(level: Level, tested: PlaceTest | None, language: Language) -> str:
    """One sentence where the test of a map's strongest place says otherwise than the verdict; else empty."""
    if tested is None:
        return ""
    key = _AGAINST.get((level, tested.outcome))
    return say(key, language) if key else ""


def verdict_line(found: Verdict, language: Language, record: str = "", against: str = "") -> str:
    """The verdict in words: its level, why, how far to believe it, and what a test says `against` it."""
    why = " ".join((*(translated(reason.sentence, language) for reason in found.reasons), record))
    told = {"found": found, "icon": _VERDICT_ICON[found.level], "why": why, "against": against}
    return render("case_tab/verdict.html", language=language, **told)


def verdict(
    measures: Sequence[TrustMeasure],
    attribution: Attribution,
    language: Language,
    record: Mapping[str, Any] = MappingProxyType({}),
    method: str = ACCOUNT,
    *,
    refused: bool = False,
    tested: PlaceTest | None = None,
) -> str:
    """The verdict on the map of a method, with its record (see `record_line`); nothing without measures.

    `refused`: whether the film is better not answered at all, so that no map of it is to be trusted.
    `tested`: what came of taking the map's strongest place away, where that was done.
    """
    if not measures:
        return ""
    kind = {"is_map": attribution.image is not None, "is_account": method == ACCOUNT}
    found = verdict_of(measures, **kind, refused=refused)
    task, name = attribution.target.answer
    measured = task == APPEARANCE and name != APPEARANCE.classes[0]  # boxes stand on opacities
    told = record_line(record, method, found.level, language) if measured and not refused else ""
    return verdict_line(found, language, told, reconciled(found.level, tested, language))


# --- how it is drawn


def gauge(measure: TrustMeasure, scale: _Scale) -> dict[str, Any]:
    """Where a number, zero and what it is held against lie on its scale, in per cent of it."""
    assert measure.value is not None
    ends = [v for v in (measure.value, measure.low, measure.high) if v is not None and math.isfinite(v)]
    low, high = scale.low, scale.high
    if low is None or high is None:
        span = (max(ends) - min(ends)) or 1.0
        low, high = min(ends) - 0.2 * span, max(ends) + 0.2 * span

    def at(value: float) -> float:
        return 100 * min(max((value - low) / (high - low), 0.0), 1.0)

    band = None
    if measure.low is not None and measure.high is not None:
        left, right = at(measure.low), at(measure.high)
        band = (left, max(right - left, 1))
    return {"mark": at(measure.value), "zero": at(0.0) if low < 0 < high else None, "band": band}


def _held_against(measure: TrustMeasure, scale: _Scale, language: Language) -> str:
    if measure.low is None or measure.high is None:
        return ""
    if measure.low == measure.high:
        return say("trust.area", language, area=scale.write(measure.low))
    return say("trust.band", language, low=scale.write(measure.low), high=scale.write(measure.high))


def _check(measure: TrustMeasure, language: Language) -> dict[str, Any]:
    kind, scale = reading(measure), SCALES[measure.name]
    row = {"kind": kind, "icon": ICON[kind], "name": measure.name, "meaning": measure.meaning}
    if measure.value is None or not math.isfinite(measure.value):
        return row | {"number": "–", "places": None, "against": ""}
    against = _held_against(measure, scale, language)
    return row | {"number": scale.write(measure.value), "places": gauge(measure, scale), "against": against}


def checks_panel(
    measures: Sequence[TrustMeasure], language: Language, *, running: bool = False, stopped: bool = False
) -> str:
    """All numbers so far; more may be on their way, or the reader stopped them."""
    status = ""
    if running:
        told = say("trust.running", language, done=len(measures), total=len(SCALES))
        status = note(told, "vb-running")
    elif stopped:
        status = note(say("trust.stopped", language), "vb-stopped")
    elif measures:
        status = note(say("trust.seconds", language, seconds=f"{sum(m.seconds for m in measures):.1f}"))
    if not measures and not status:
        return ""
    answers = verdict_of(measures).answers
    rows = {q: [_check(m, language) for m in measures if QUESTION_OF[m.name] == q] for q in QUESTIONS}
    blocks = [(q, answers[q], found) for q, found in rows.items() if found]
    return render("case_tab/checks.html", language=language, blocks=blocks, status=status)
