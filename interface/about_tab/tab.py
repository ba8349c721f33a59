"""The tab "About this model": what each checkpoint is, how good it is and is not, read from its own files."""

import logging
import re
from collections.abc import Callable, Mapping
from typing import Any

import gradio as gr
from markupsafe import Markup, escape

from interface.about_tab.facts import Measured, read_facts
from interface.about_tab.results import (
    calibrated,
    ceilings,
    fusion,
    maps,
    measured_on,
    missing,
    one_task,
    phantoms,
    section,
    summary,
)
from interface.html.render import percent, render
from interface.language.texts import Count, Language, known, marker, say
from interface.models.checkpoints import Checkpoints, model_line
from interface.models.model_host import ModelHost
from interface.session.lanes import Lanes
from modeling.configuration import only_synthetic
from modeling.render.tables import number, part

logger = logging.getLogger(__name__)

FIRST = ("-audit", "-readings")
"""How the names of the drawings end that show what a checkpoint is held against."""
Figure = dict[str, Markup]
"""`svg` and `title` of a drawing."""
Plots = Callable[[Mapping[str, Any], Language], Mapping[str, str]]
"""`metrics.json` and a language -> SVG drawings by name."""


def about_tab(tabs: gr.Tabs, about: "About", spoken: Callable[[gr.Request], Language], lanes: Lanes) -> None:
    """Lay out the tab; it is written when a reader opens it, in the language that `spoken` gives."""
    with tabs, gr.Tab(marker("tab.about"), id="about") as tab:
        sheets = gr.HTML(elem_id="vb-about-models")

    def show(request: gr.Request) -> dict[Any, Any]:
        return {sheets: about.sheets(spoken(request))}

    lanes.reading(tab.select, show, None, [sheets, lanes.message])


class About:
    """Writes the sheets of all checkpoints."""

    def __init__(self, models: Checkpoints, plots: Plots | None = None) -> None:
        # `plots` draws what can be drawn from `metrics.json`
        self._models, self._plots = models, plots

    def sheets(self, language: Language) -> Markup:
        """All checkpoints; one that is not loaded yet says so."""
        sheets = [self._sheet(host, language) for host in self._models.hosts]
        waiting = not self._models.settled
        return render("about_tab/sheets.html", language=language, waiting=waiting, sheets=sheets)

    def _sheet(self, host: ModelHost, language: Language) -> dict[str, Any]:
        state = host.state
        if state.phase != "ready":
            return {"line": model_line(state, language), "parts": []}
        facts = read_facts(host.pipeline.origin.folder)
        first, rest = self._drawn(facts, language)
        lead, table = summary(facts, language)
        parts = [
            *_results(facts, language),
            _plots_of(rest, language),
            maps(facts, language),
            phantoms(facts, language),
            fusion(facts, language),
            missing(facts, language, drawn=self._plots is not None),
        ]
        return {
            "state": state,
            "parameters": Count(state.parameters),
            "tasks": host.pipeline.config.tasks,
            "sections": host.text_sections,
            "sources": _sources(host, language),
            "limits": _limits(host, facts, language),
            "parts": parts,
            "lead": lead,
            "chart": render("about_tab/plots.html", language=language, drawings=first),
            "table": table,
        }

    def _drawn(self, facts: Measured, language: Language) -> tuple[list[Figure], list[Figure]]:
        """The drawing that is read first (what it is held against, where there is one), and the rest."""
        if self._plots is None:
            return [], []
        try:
            drawings = self._plots(facts.whole, language)
        except (KeyError, TypeError, ValueError, IndexError):
            logger.warning("the measurements of a checkpoint cannot be drawn", exc_info=True)
            return [], []
        names = sorted(drawings, key=lambda name: not name.endswith(FIRST))
        figures = [_figure(drawings[name], facts, language) for name in names]
        return figures[:1], figures[1:]


def _results(facts: Measured, language: Language) -> list[Markup]:
    tasks = section("results", [one_task(entry, language) for entry in facts.tasks.values()], language)
    return [tasks, ceilings(facts, language), calibrated(facts, language)]


def _plots_of(figures: list[Figure], language: Language) -> Markup:
    shown = [render("about_tab/plots.html", language=language, drawings=figures)] if figures else []
    return section("plots", shown, language)


# --- what it is


def _figure(svg: str, facts: Measured, language: Language) -> Figure:
    """A drawing, its title in the reader's words; what draws has escaped the words in it."""
    found = re.search("(?<=title>)[^<]*", svg)
    title = Markup(found[0] if found else "")
    kind, _, measurement = title.unescape().partition(": ")
    if entry := facts.tasks.get(measurement):
        own = escape(say("about.of_group", language, by=kind, group=measured_on(entry, language)))
        svg, title = svg.replace(title, own), own
    return {"svg": Markup(svg), "title": title}


def _sources(host: ModelHost, language: Language) -> list[str]:
    named = [
        say(f"about.source.{name}", language)
        if known(f"about.source.{name}")
        else say("about.source.unknown", language, name=name)
        for name in host.sources
    ]
    return named or [say("about.source.none", language)]


def _limits(host: ModelHost, facts: Measured, language: Language) -> list[str]:
    sources = set(host.sources)
    read = {str(task.name): tuple(task.modalities) for task in host.pipeline.config.tasks}
    film_alone = read.get("appearance") == ("image",) and "table" in read.get("grading", ())
    typical = _share_of_typical(facts)
    limits = {
        "synthetic": only_synthetic(sources),
        "shift": "siim" in sources and typical is not None,
        "films": "siim" in sources,
        "table": "siim" in sources and film_alone,
        "post_read": not set(host.text_sections) <= {"indication"},
        "generic": True,
    }
    values = {"shift": {"here": percent(typical)}}
    return [
        say(f"about.limits.{name}", language, **values.get(name, {})) for name, on in limits.items() if on
    ]


def _share_of_typical(facts: Measured) -> float | None:
    for entry in facts.tasks.values():
        if entry.get("corpus") == "siim" and entry["task"] == "appearance":
            return number(part(entry, "per_class", "Typical"), "share")
    return None
