"""Everything of the page that the actions change, and what several of them put there."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from interface.case_tab.chooser import Chooser
from interface.case_tab.export_panel import ExportPanel
from interface.case_tab.form import Form
from interface.case_tab.map_switch import MethodPanel
from interface.case_tab.operating_panel import OperatingPanel
from interface.case_tab.panels import FilmPanel, ModelPanel, ResultPanel, WhyPanel
from interface.case_tab.prove_panel import ProvePanel
from interface.html.fragments import alert
from interface.html.study_films import films_strip
from interface.models.checkpoints import Checkpoints, model_line
from interface.session.session import Session
from interface.study_panel.panel import StudyPanel
from modeling.explain.registry import ACCOUNT

Updates = dict[Any, Any]


@dataclass(frozen=True)
class Parts:
    """Everything that the actions put on screen."""

    banner: gr.HTML
    message: gr.HTML
    model: ModelPanel
    chooser: Chooser
    film: FilmPanel
    results: ResultPanel
    whole: StudyPanel
    why: WhyPanel
    form: Form
    method: MethodPanel
    prove: ProvePanel
    checks: gr.HTML
    take: ExportPanel
    operating: OperatingPanel
    position: gr.HTML
    due: gr.HTML
    asked: tuple[gr.HTML, ...] = ()  # what was said of the film in words, which goes with it

    def work_due(self) -> Updates:
        """Set off the one chain of model work; what is not due in it does nothing."""
        return {self.due: f"{time.monotonic_ns()}"}

    @property
    def of_map(self) -> list[gr.components.Component]:
        """Everything that says something about the map on screen, and goes with it."""
        return list(self.unchecked())

    def unanswered(self) -> Updates:
        """Take off what was said about the case before."""
        results = self.results
        told = dict.fromkeys((results.progress, results.leans, self.why.evidence), "")
        return {**self.unchecked(), **told, results.cancel: gr.update(interactive=False)}

    def unchecked(self) -> Updates:
        """Take off what was said about the last map."""
        method, prove = self.method, self.prove
        texts = (method.about, prove.result, self.results.summary, self.checks)
        ticks = dict.fromkeys((prove.fields, prove.words), gr.update(value=[], visible=False))
        return {method.switch: ACCOUNT, **dict.fromkeys(texts, ""), **ticks}

    def unread(self, session: Session) -> Updates:
        """Take off what all films of the study before said together, where something was said."""
        if not session.whole_shown:
            return {}
        session.whole_shown = False
        strip = films_strip(session.case, session.language, session.film_shown)
        return {**dict.fromkeys(self.whole.said, ""), self.film.films: strip}

    def say(self, sentence: str) -> Updates:
        """Put a sentence in the message area."""
        return {self.message: alert(sentence)}

    def lines(self, models: Checkpoints, session: Session) -> Updates:
        """How every checkpoint stands, and which one is in use for the case on screen."""
        used = models.of(session.wishes.checkpoint, session.case)
        several = len(models.hosts) > 1
        return {
            line: model_line(
                host.state,
                session.language,
                in_use=several and host is used,
                post_read=not set(host.text_sections) <= {"indication"},
            )
            for host, line in zip(models.hosts, self.model.lines, strict=True)
        }


def on_top(steps: Iterator[Updates]) -> Iterator[Updates]:
    """Each step's updates over those of the steps before it.

    Gradio's page applies the steps of a generator to one object as they arrive, and reads that object when it
    has time: a busy page sees the last step only, so that one must hold all that is to stay on screen.
    """
    shown: Updates = {}
    for updates in steps:
        shown = shown | {
            part: what for part, what in updates.items() if part not in shown or what != gr.skip()
        }
        yield shown
