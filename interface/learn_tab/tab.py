"""The tab "Learn": a glossary whose entries open a case that shows them, and a gallery of real failures."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from markupsafe import Markup

from interface.html.render import render
from interface.language.texts import Language, marker
from interface.session.lanes import Lanes
from interface.session.links import Link


@dataclass(frozen=True)
class Lesson:
    """One entry.

    Attributes:
        name: of its strings, `learn.<name>` (the term) and `learn.<name>.text`.
        shows: views that demonstrate it, in the order of looking.
    """

    name: str
    shows: tuple[Link, ...]


def _lessons(kind: str) -> tuple[Lesson, ...]:
    """The lessons of `lessons.json`: by name, the parts of the links that show it."""
    listed = json.loads(Path(__file__).with_name("lessons.json").read_text("utf-8"))[kind]
    return tuple(Lesson(name, tuple(Link(**link) for link in links)) for name, links in listed.items())


FAILURES, GLOSSARY = _lessons("failures"), _lessons("glossary")


def learn_tab(
    tabs: gr.Tabs,
    checkpoints: Sequence[str],
    spoken: Callable[[gr.Request], Language],
    lanes: Lanes,
) -> None:
    """Lay out the tab; it is written when a reader opens it, in the language that `spoken` gives.

    Args:
        checkpoints: those on this page; what needs another one says so.
    """
    with tabs, gr.Tab(marker("tab.learn"), id="learn") as tab:
        lessons = gr.HTML(elem_id="vb-learn")

    def show(request: gr.Request) -> dict[Any, Any]:
        return {lessons: learn_page(spoken(request), checkpoints)}

    lanes.reading(tab.select, show, None, [lessons])


def learn_page(language: Language, checkpoints: Sequence[str]) -> Markup:
    """Failures first, for they are remembered; then the words."""
    entries = {"failures": FAILURES, "glossary": GLOSSARY}
    return render("learn.html", language=language, checkpoints=checkpoints, **entries)
