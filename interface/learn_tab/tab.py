"""The tab "Learn": a glossary whose entries open a case that shows them, and a gallery of real failures."""

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gradio as gr
from markupsafe import Markup

from cases.store import CaseFilter
from interface.html.render import render
from interface.language.texts import Language, marker
from interface.models.stores import StoreHost
from interface.session.lanes import Lanes
from interface.session.links import Link


@dataclass(frozen=True)
class Lesson:
    """An entry: `learn.<name>` and `learn.<name>.text` are its words, `shows` its views in order.

    Each view is called by `learn.as.<named>`, or by its settings where that is empty.
    """

    name: str
    shows: tuple[Link, ...]
    named: tuple[str, ...]


def _lessons(kind: str) -> tuple[Lesson, ...]:
    """The lessons of `lessons.json`: by name, the parts of the links that show it.

    Its cases are shipped ones, chosen by what the shipped checkpoints answer on all of them.
    """
    listed = json.loads(Path(__file__).with_name("lessons.json").read_text("utf-8"))[kind]
    return tuple(_lesson(name, views) for name, views in listed.items())


def _lesson(name: str, views: Sequence[dict[str, str]]) -> Lesson:
    named = tuple(view.pop("as", "") for view in views)
    return Lesson(name, tuple(Link(**view) for view in views), named)


FAILURES, FILMS, GLOSSARY = _lessons("failures"), _lessons("films"), _lessons("glossary")


def learn_tab(
    tabs: gr.Tabs,
    checkpoints: Sequence[str],
    spoken: Callable[[gr.Request], Language],
    lanes: Lanes,
    stores: StoreHost,
) -> None:
    """Lay out the tab; it is written when a reader opens it, for these checkpoints, as `spoken` says."""
    with tabs, gr.Tab(marker("tab.learn"), id="learn") as tab:
        lessons = gr.HTML(elem_id="vb-learn")

    def show(request: gr.Request) -> dict[Any, Any]:
        return {lessons: learn_page(spoken(request), checkpoints, _there(stores))}

    lanes.reading(tab.select, show, None, [lessons])


def _there(stores: StoreHost) -> frozenset[str]:
    """The lessons' cases that can be opened here; another store shows a lesson on its first case.

    Those of several films always can: they are drawn where the store has them not.
    """
    wanted = {link.case for lesson in (*FAILURES, *GLOSSARY) for link in lesson.shows if link.case}
    rows = (row for name in wanted for row in stores.store.page(CaseFilter(text=name), None, 1).rows)
    there = frozenset(row.case_id for row in rows) & wanted
    return there | {link.case for lesson in FILMS for link in lesson.shows}


def learn_page(
    language: Language, checkpoints: Sequence[str], cases: Collection[str] | None = None
) -> Markup:
    """Failures first, for they are remembered; then several films, and the words.

    Args:
        cases: IDs of the lessons' cases that can be opened here; None for all.
    """

    def here(lesson: Lesson) -> Lesson:
        links = lesson.shows
        known = (link if cases is None or link.case in cases else replace(link, case="") for link in links)
        return replace(lesson, shows=tuple(known))

    kinds = {"failures": FAILURES, "films": FILMS, "glossary": GLOSSARY}
    entries = {kind: [*map(here, lessons)] for kind, lessons in kinds.items()}
    return render("learn.html", language=language, checkpoints=checkpoints, **entries)
