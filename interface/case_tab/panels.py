"""The checkpoints, the film with its heat map, and the results beside it."""

from collections.abc import Sequence
from dataclasses import dataclass

import gradio as gr

from interface.case_tab.viewer import viewer
from interface.language.texts import marker


@dataclass(frozen=True)
class ModelPanel:
    """How the checkpoints stand, one line each, and which one to use (empty: what suits the case)."""

    lines: tuple[gr.HTML, ...]
    choice: gr.Dropdown
    retry: gr.Button


@dataclass(frozen=True)
class FilmPanel:
    """The film and its maps, with all that looks at them; its event `marked` tells of a region."""

    figure: gr.HTML


@dataclass(frozen=True)
class ResultPanel:
    """The prediction, then the explanation."""

    prediction: gr.HTML
    target: gr.Dropdown
    baseline: gr.Dropdown
    again: gr.Button
    cancel: gr.Button
    progress: gr.HTML
    summary: gr.HTML
    evidence: gr.HTML


def model_panel(names: Sequence[str]) -> ModelPanel:
    """Lay out a line for every checkpoint, and the choice where there is one."""
    with gr.Row(equal_height=False, elem_classes="vb-toolbar"):
        with gr.Column(scale=4, min_width=330, elem_id="vb-model"):
            lines = tuple(gr.HTML() for _ in names)
        choice = gr.Dropdown(
            [(marker("model.suits"), ""), *((name, name) for name in names)],
            value="",
            label=marker("model.choice"),
            visible=len(names) > 1,
            filterable=False,
            scale=1,
            min_width=200,
            elem_id="vb-checkpoint",
        )
        retry = gr.Button(marker("model.retry"), visible=False, size="sm", scale=0, min_width=120)
    return ModelPanel(lines, choice, retry)


def film_panel() -> FilmPanel:
    """Lay out the viewer."""
    return FilmPanel(viewer("vb-figure"))


def result_panel() -> ResultPanel:
    """Lay out probabilities and the choice of target; the evidence is for the page to put below them."""
    prediction = gr.HTML(elem_id="vb-prediction", min_height=120)
    with gr.Group(elem_id="vb-explain"):
        with gr.Row(equal_height=False):
            target = gr.Dropdown([], label=marker("explain.target"), min_width=170, filterable=False)
            baselines = [(marker(f"explain.{name}"), name) for name in ("black", "blurred")]
            baseline = gr.Dropdown(
                baselines, value="black", label=marker("explain.baseline"), min_width=150, filterable=False
            )
        with gr.Row(equal_height=False):
            again = gr.Button(marker("explain.again"), size="sm", min_width=120)
            cancel = gr.Button(
                marker("explain.cancel"),
                size="sm",
                variant="stop",
                interactive=False,
                min_width=120,
                elem_id="vb-cancel",
            )
    progress = gr.HTML(elem_id="vb-progress", min_height=46)
    summary = gr.HTML(elem_id="vb-trust-summary")
    evidence = gr.HTML(elem_id="vb-evidence", render=False)
    return ResultPanel(prediction, target, baseline, again, cancel, progress, summary, evidence)
