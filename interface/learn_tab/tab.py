"""The tab "Learn": a glossary whose entries open a case that shows them, and a gallery of real failures."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from markupsafe import Markup

from interface.html.render import render
from interface.language.texts import Language, marker
from interface.session.lanes import Lanes
from interface.session.links import Link

TWIN = "teaching-twin"


@dataclass(frozen=True)
class Lesson:
    """One entry.

    Attributes:
        name: of its strings, `learn.<name>` (the term) and `learn.<name>.text`.
        shows: views that demonstrate it, in the order of looking.
    """

    name: str
    shows: tuple[Link, ...]


GLOSSARY: tuple[Lesson, ...] = (
    Lesson("integrated_gradients", (Link(method="integrated_gradients"),)),
    Lesson("baseline", (Link(baseline="black"), Link(baseline="blurred"))),
    Lesson("completeness", (Link(baseline="blurred"),)),
    Lesson("delta", (Link(baseline="black"),)),
    Lesson("heat_map", (Link(method="integrated_gradients"),)),
    Lesson("grad_cam", (Link(method="grad_cam"),)),
    Lesson("occlusion", (Link(method="occlusion"),)),
    # The bundled fusions have no attention between modalities; their pooling of the film is attention too.
    Lesson("attention", (Link(method="evidence"),)),
    Lesson("sanity", (Link(method="random_weights"), Link(method="edges"))),
    Lesson("share", (Link(), Link(change="no_film"))),
    Lesson("shapley", (Link(),)),
    Lesson("logit", (Link(),)),
    Lesson("calibration", (Link(),)),
    Lesson("prediction_set", (Link(),)),
    Lesson("operating_point", (Link(),)),
    Lesson("prevalence", (Link(),)),
    Lesson("leak", (Link(change="no_film"),)),
    Lesson("shortcut", (Link(change="arrow", checkpoint=TWIN, target="appearance/Negative"),)),
    Lesson("ood", (Link(change="inverted"), Link(change="sideways"))),
    Lesson("polarity", (Link(change="inverted"),)),
)

FAILURES: tuple[Lesson, ...] = (
    Lesson("failure.inverted", (Link(), Link(change="inverted"))),
    Lesson("failure.sideways", (Link(), Link(change="sideways"))),
    Lesson("failure.random", (Link(method="random_weights"), Link(method="integrated_gradients"))),
    Lesson("failure.edges", (Link(method="edges"),)),
    Lesson(
        "failure.arrow",
        (
            Link(change="arrow", checkpoint=TWIN, target="appearance/Negative"),
            Link(checkpoint=TWIN, target="appearance/Negative"),
            Link(change="arrow", target="appearance/Negative"),
        ),
    ),
    Lesson("failure.padding", (Link(change="framed"), Link())),
    Lesson("failure.leak", (Link(change="no_film"),)),
)


def learn_tab(
    tabs: gr.Tabs,
    checkpoints: Sequence[str],
    spoken: Callable[[gr.Request], Language],
    lanes: Lanes,
) -> None:
    """Lay out the tab among the others; it is written when a reader opens it, in the reader's language.

    Args:
        checkpoints: those on this page; what needs another one says so.
        spoken: the language of the reader who asks.
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
