"""Operating characteristics: what a call is worth where a finding is rarer or more common (PPV, NPV)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from interface.about_tab.facts import read_facts
from interface.html.fragments import note
from interface.html.render import percent, render
from interface.language.texts import Language, marker, say, word_for
from interface.session.session import Session, Sessions
from modeling.configuration import only_synthetic
from modeling.errors import ViewboxError
from modeling.labels import Target
from modeling.render.tables import number, part

PATIENTS = 1000


@dataclass(frozen=True)
class OperatingPanel:
    """Its sliders, and what follows from them."""

    fold: gr.Accordion
    sliders: list[gr.Slider]
    result: gr.HTML


def operating_panel() -> OperatingPanel:
    """Lay out the sliders: prevalence, then the place on the measured curve."""
    with gr.Accordion(marker("operating.title"), open=False, elem_id="vb-operating") as fold:
        prevalence = gr.Slider(0.1, 90, 10, step=0.1, label=marker("operating.prevalence"), buttons=[])
        threshold = gr.Slider(0, 100, 50, step=1, label=marker("operating.threshold"), buttons=[])
        result = gr.HTML(elem_id="vb-operating-result")
    return OperatingPanel(fold, [prevalence, threshold], result)


@dataclass(frozen=True)
class Counts:
    """What happens among patients, in expectation."""

    found: float
    missed: float
    false_alarms: float
    left_alone: float

    @property
    def ppv(self) -> float | None:
        """Share of positive calls that are right; None without any."""
        return _share(self.found, self.false_alarms)

    @property
    def npv(self) -> float | None:
        """Share of negative calls that are right; None without any."""
        return _share(self.left_alone, self.missed)


def _share(right: float, wrong: float) -> float | None:
    return right / (right + wrong) if right + wrong > 1e-12 else None


def counts(prevalence: float, sensitivity: float, specificity: float, patients: int = PATIENTS) -> Counts:
    """Bayes' rule in whole patients; raises `ViewboxError` where a rate does not lie between 0 and 1."""
    if not all(0 <= value <= 1 for value in (prevalence, sensitivity, specificity)):
        raise ViewboxError("Prevalence, sensitivity and specificity lie between 0 and 100 %; correct them.")
    ill, well = patients * prevalence, patients * (1 - prevalence)
    return Counts(ill * sensitivity, ill * (1 - sensitivity), well * (1 - specificity), well * specificity)


@dataclass(frozen=True)
class Curve:
    """A measured ROC curve of one class; its points are (false positive rate, sensitivity), upwards."""

    points: tuple[tuple[float, float], ...]
    corpus: str
    films: int

    def at(self, place: float) -> tuple[float, float]:
        """Sensitivity and specificity at a place along the curve, 0 to 1; a measured point, none between."""
        rate, sensitivity = self.points[round(place * (len(self.points) - 1))]
        return sensitivity, 1 - rate


def curve_of(measurements: Mapping[str, Mapping[str, Any]], target: Target, source: str) -> Curve | None:
    """The measured curve of a class: on the case's own source where there is one, else on the most films."""
    found = []
    for entry in measurements.values():
        drawn = part(entry, "curves", target.class_name).get("roc")
        if entry.get("task") != target.task or not isinstance(drawn, list):
            continue
        points = [
            tuple(p) for p in drawn if isinstance(p, list) and len(p) == 2 and all(_is_share(v) for v in p)
        ]
        if len(points) >= 2:
            corpus, films = str(entry.get("corpus", "")), int(number(entry, "n") or 0)
            found.append((corpus == source, films, Curve(tuple(sorted(points)), corpus, films)))
    return max(found, key=lambda one: one[:2])[2] if found else None


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def operating_result(
    curve: Curve, target: Target, prevalence: float, place: float, language: Language
) -> str:
    """The arithmetic in whole patients; `prevalence` and `place` along the curve from 0 to 1."""
    sensitivity, specificity = curve.at(place)
    found = counts(prevalence, sensitivity, specificity)
    measured = {"sensitivity": percent(sensitivity, 1), "specificity": percent(specificity, 1)}
    measured["corpus"] = word_for("source", curve.corpus, language)
    lines = [say("operating.at", language, films=curve.films, **measured)]
    for key, value in (("ppv", found.ppv), ("npv", found.npv)):
        if value is None:
            lines.append(say("operating.no_call", language))
            continue
        right, of = whole_calls(value)
        lines.append(say(f"operating.{key}", language, right=right, of=of, **{key: percent(value, 1)}))
    whole = {"tp": found.found, "fn": found.missed, "fp": found.false_alarms, "tn": found.left_alone}
    lines.append(say("operating.of", language, **{name: f"{value:.0f}" for name, value in whole.items()}))
    called = word_for("class", target.class_name, language)
    return render("case_tab/operating.html", language=language, called=called, lines=lines)


def whole_calls(share: float) -> tuple[int, int]:
    """Right calls of 100, of 1,000 or more where 100 are too few to tell a share from all or none."""
    of = next((n for n in (100, 1000, 10_000) if 0 < round(n * share) < n), 100)
    return round(of * share), of


def operating_handler(sessions: Sessions, panel: OperatingPanel) -> Callable[..., dict[Any, Any]]:
    """A handler of the sliders; what was measured on computed films alone says nothing of patients."""

    def calculate(prevalence: float, threshold: float, request: gr.Request) -> dict[Any, Any]:
        session = sessions.of(request.session_hash)
        synthetic = session.host is not None and only_synthetic(session.host.sources)
        if session.target is None or session.answer.prediction is None or synthetic:
            return {panel.result: "", panel.fold: gr.Accordion(visible=not synthetic)}
        told = operating_of(session, session.target, prevalence, threshold)
        return {panel.result: told, panel.fold: gr.Accordion(visible=True)}

    return calculate


def operating_of(session: Session, target: Target, prevalence: float, threshold: float) -> str:
    """The panel's answer for what is on screen; sliders in per cent."""
    if session.host is None or session.answer.prediction is None or session.case is None:
        return note(say("operating.waiting", session.language))
    curve = curve_of(read_facts(session.host.folder).tasks, target, session.case.provenance.source)
    if curve is None:
        return note(say("operating.none", session.language))
    return operating_result(curve, target, prevalence / 100, threshold / 100, session.language)
