"""Which map lies on the film, what it is and what it is not, and how well such maps point."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr

from interface.case_tab.explanation_panel import plain_label
from interface.html.render import percent, render
from interface.language.texts import Language, listed, marker, question, say, word_for
from modeling.explain.measured import best_method
from modeling.explain.registry import ACCOUNT, map_method, method_names
from modeling.results import Attribution, FilmOpinion

MOST_LOOKED_AT = 5


@dataclass(frozen=True)
class MethodPanel:
    """The switch between maps, and what the one on screen is."""

    switch: gr.Radio
    about: gr.HTML


def method_panel() -> MethodPanel:
    """Lay out the switch; controls are always there, whatever the checkpoint."""
    with gr.Accordion(marker("method.fold"), open=False, elem_id="vb-maps"):
        choices, title = method_choices(method_names("opinion")), marker("method.title")
        switch = gr.Radio(choices, value=ACCOUNT, label=title, elem_id="vb-method")
        about = gr.HTML(elem_id="vb-about")
    return MethodPanel(switch, about)


def method_choices(opinions: tuple[str, ...]) -> list[tuple[Any, str]]:
    """The account, the second opinions that there are, and the controls."""
    names = (ACCOUNT, *opinions, *method_names("control"))
    return [(marker(f"method.{name}", map_method(name).title), name) for name in names]


def method_name(name: str, language: Language) -> str:
    """What a map is called."""
    return word_for("method", name, language, map_method(name).title)


def method_about(name: str, language: Language) -> str:
    """What a map is and what it is not, in a sentence or two."""
    return word_for("about", name, language, map_method(name).about)


def about(
    attribution: Attribution, opinion: FilmOpinion | None, language: Language, *, pointing: str = ""
) -> str:
    """What the map on screen is, how long it took, and what it is not.

    Args:
        opinion: the map that stands in the place of the account's.
        pointing: what `pointing_line` says.
    """
    method = ACCOUNT if opinion is None else opinion.method
    kind = "control" if map_method(method).kind == "control" else "main" if opinion is None else "opinion"
    line = say(
        "method.line",
        language,
        kind=say(f"method.{kind}", language),
        method=method_name(method, language).rpartition(": ")[2].rpartition("：")[2],
        target=question(attribution.target, language),
        seconds=f"{(attribution if opinion is None else opinion).seconds:.1f}",
    )
    told = method_about(method, language)
    if opinion is not None:
        told += " " + say("method.own_scale", language)
        told += _looked_back(opinion, language)
    notes = () if opinion is None else opinion.notes
    values = {"kind": kind, "line": line, "told": told, "notes": notes, "pointing": pointing}
    return render("case_tab/about.html", language=language, **values)


def _looked_back(opinion: FilmOpinion, language: Language) -> str:
    """At which words and clinical fields the film's places look most, a sentence; empty for other maps."""
    most = sorted(opinion.looked_at, key=lambda one: -one.share)[:MOST_LOOKED_AT]
    if not most:
        return ""
    named = [one.name if one.section else plain_label(one.name, language) for one in most]
    words = [f"{name} ({percent(one.share)})" for name, one in zip(named, most, strict=True)]
    return " " + say("method.looked_back", language, words=listed(words, language))


# --- how well such maps point, measured with the checkpoint


def pointing_line(
    localisation: Mapping[str, Any] | None, method: str, baseline: str, language: Language
) -> str:
    """The measured hit rate of this map beside the location prior's; empty where it was not measured.

    A tie is a tie: one is called better only where the two intervals do not meet.
    """
    maps = (localisation or {}).get("maps", {})
    try:
        names = (f"{method}_{baseline}", *map_method(method).measured_as)
        own = maps[next(name for name in names if name in maps)]["hit_rate"]
        prior = maps["location_prior"]["hit_rate"]
        ends = own["interval_95"], prior["interval_95"]
        apart = ends[0][0] > ends[1][1] or ends[1][0] > ends[0][1]
        outcome = ("above" if own["value"] > prior["value"] else "below") if apart else "tie"
        line = say(
            f"localisation.{outcome}",
            language,
            films=localisation["films"],
            marked=say(f"localisation.{'planted' if 'phantoms' in localisation else 'boxes'}", language),
            method=method_name(method, language),
            rate=f"{100 * own['value']:.0f} %",
            interval="95 %: " + _interval(ends[0]),
            prior=f"{100 * prior['value']:.0f} %",
            prior_interval="95 %: " + _interval(ends[1]),
        )
    except (KeyError, TypeError, ValueError, StopIteration):
        return ""
    if method != ACCOUNT and method == best_method(localisation):
        line = f"{say('localisation.first', language)} {line}"
    return line


def _interval(ends: list[float]) -> str:
    return f"{100 * ends[0]:.0f}–{100 * ends[1]:.0f}"
