"""The tab "About this model": what each checkpoint is, how good it is and is not, read from its own files."""

import logging
import re
from collections.abc import Callable, Mapping
from html import escape
from typing import Any

import gradio as gr

from interface.about_tab.facts import Measured, read_facts
from interface.about_tab.phantom_results import fusing, shortcut
from interface.about_tab.results import calibrated, ceilings, fusion, maps, missing, one_task, title
from interface.html.fragments import heading, note
from interface.language.texts import Count, Language, known, listed, marker, say, word_for
from interface.models.checkpoints import SYNTHETIC_SOURCES, Checkpoints, model_line
from interface.models.model_host import ModelHost
from interface.session.lanes import Lanes
from modeling.render.tables import number, part

logger = logging.getLogger(__name__)

Plots = Callable[[Mapping[str, Any], Language], Mapping[str, str]]
"""`metrics.json` and a language -> SVG drawings by name."""


def about_tab(tabs: gr.Tabs, about: "About", spoken: Callable[[gr.Request], Language], lanes: Lanes) -> None:
    """Lay out the tab among the others; it is written anew whenever a reader opens it.

    Args:
        spoken: the language of the reader who asks.
    """
    with tabs, gr.Tab(marker("tab.about"), id="about") as tab:
        sheets = gr.HTML(elem_id="vb-about-models")

    def show(request: gr.Request) -> dict[Any, Any]:
        return {sheets: about.sheets(spoken(request))}

    lanes.reading(tab.select, show, None, [sheets, lanes.message])


class About:
    """Writes the sheets of all checkpoints."""

    def __init__(self, models: Checkpoints, plots: Plots | None = None) -> None:
        """
        Args:
            plots: draws what can be drawn from `metrics.json`; None for no drawings.
        """
        self._models, self._plots = models, plots

    def sheets(self, language: Language) -> str:
        """All checkpoints; one that is not loaded yet says so."""
        parts = [self._sheet(host, language) for host in self._models.hosts]
        waiting = not self._models.settled
        return (
            f'<div class="vb-sheets" lang="{language}">{heading("about.title", language)}'
            + note(say("about.intro", language))
            + (note(say("about.open", language)) if waiting else "")
            + "".join(parts)
            + "</div>"
        )

    def _sheet(self, host: ModelHost, language: Language) -> str:
        state = host.state
        if state.phase != "ready":
            return f'<section class="vb-sheet-model">{model_line(state, language)}</section>'
        facts = read_facts(host.pipeline.origin.folder)
        parts = [
            _identity(host, language),
            _terms(host, language),
            _limits(host, facts, language),
            *self._results(facts, language),
            maps(facts, language),
            fusing(facts, language),
            shortcut(facts, language),
            fusion(facts, language),
            missing(facts, language, drawn=self._plots is not None),
        ]
        name = escape(state.name)
        return (
            f'<section class="vb-sheet-model" aria-label="{name}"><h2>{name}</h2>{"".join(parts)}</section>'
        )

    def _results(self, facts: Measured, language: Language) -> list[str]:
        if not facts.tasks:
            return [title("results", language), note(say("about.missing.metrics", language), "vb-stopped")]
        found = [title("results", language)]
        found += [one_task(entry, language) for entry in facts.tasks.values()]
        found.append(ceilings(facts, language))
        return [*found, calibrated(facts, language), self._drawn(facts, language)]

    def _drawn(self, facts: Measured, language: Language) -> str:
        if self._plots is None:
            return ""
        try:
            drawings = self._plots(facts.whole, language)
        except (KeyError, TypeError, ValueError, IndexError):
            logger.warning("the measurements of a checkpoint cannot be drawn", exc_info=True)
            return ""
        figures = "".join(
            f'<figure class="vb-sheet-plot">{svg}<figcaption>{_named(svg)}</figcaption></figure>'
            for svg in drawings.values()
        )
        return f'{title("plots", language)}<div class="vb-sheet-plots">{figures}</div>' if figures else ""


# --- what it is


def _named(svg: str) -> str:
    """The title that a drawing carries, escaped as it stands there."""
    found = re.search("<title>([^<]*)</title>", svg)
    return found[1] if found else ""


def _list(items: list[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(item)}</li>" for item in items) + "</ul>"


def _identity(host: ModelHost, language: Language) -> str:
    state, config = host.state, host.pipeline.config
    reads = [
        say(
            "about.reads",
            language,
            task=word_for("task", str(task.name), language),
            modalities=listed(
                (word_for("modality", str(m), language) for m in task.modalities), language, " and "
            ),
        )
        for task in config.tasks
    ]
    text = note(
        say("about.what", language, parameters=Count(state.parameters), revision=state.revision)
    ) + _list(reads)
    if host.text_sections:
        sections = listed((word_for("section", name, language) for name in host.text_sections), language)
        text += note(say("about.sections", language, sections=sections))
    return text + title("use", language) + note(say("about.use", language))


def _terms(host: ModelHost, language: Language) -> str:
    named = [
        say(f"about.source.{name}", language)
        if known(f"about.source.{name}")
        else say("about.source.unknown", language, name=name)
        for name in host.sources
    ]
    return title("trained", language) + _list(named or [say("about.source.none", language)])


def _limits(host: ModelHost, facts: Measured, language: Language) -> str:
    sources, limits = set(host.sources), []
    if sources and sources <= SYNTHETIC_SOURCES:
        limits.append(say("about.limits.synthetic", language))
    if "siim" in sources:
        share = _share_of_typical(facts)
        if share is not None:
            limits.append(say("about.limits.shift", language, here=f"{100 * share:.0f} %"))
        limits.append(say("about.limits.films", language))
        read = {str(task.name): tuple(task.modalities) for task in host.pipeline.config.tasks}
        if read.get("appearance") == ("image",) and "table" in read.get("grading", ()):
            limits.append(say("about.limits.table", language))
    if not set(host.text_sections) <= {"indication"}:
        limits.append(say("about.limits.post_read", language))
    limits.append(say("about.limits.generic", language))
    return title("limits", language) + _list(limits)


def _share_of_typical(facts: Measured) -> float | None:
    for entry in facts.tasks.values():
        if entry.get("corpus") == "siim" and entry["task"] == "appearance":
            return number(part(entry, "per_class", "Typical"), "share")
    return None
