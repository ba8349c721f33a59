"""The checkpoints, the film with its heat map, and the results beside it."""

from collections.abc import Sequence
from dataclasses import dataclass

import gradio as gr

from interface.case_tab.chooser import on_load
from interface.case_tab.viewer import viewer
from interface.language.texts import marker


@dataclass(frozen=True)
class ModelPanel:
    """How the checkpoints stand, one line each, which one to use (empty: what suits), and a report."""

    lines: tuple[gr.HTML, ...]
    choice: gr.Dropdown
    retry: gr.Button
    report: gr.Button
    reported: gr.HTML


@dataclass(frozen=True)
class FilmPanel:
    """The film and its maps, with all that looks at them; its event `marked` tells of a region.

    Of a study of several films, `films` holds them all; its event `open_film` tells which one was pressed.
    """

    figure: gr.HTML
    films: gr.HTML


@dataclass(frozen=True)
class ResultPanel:
    """The answer in four blocks: bars, what it leans on, the verdict on its map, what to do next."""

    prediction: gr.HTML
    leans: gr.HTML
    progress: gr.HTML
    cancel: gr.Button
    summary: gr.HTML
    test: gr.Button
    compare: gr.Button
    handout: gr.Button


@dataclass(frozen=True)
class WhyPanel:
    """What each part contributed, for the question that a reader asks."""

    target: gr.Dropdown
    baseline: gr.Dropdown
    again: gr.Button
    evidence: gr.HTML


def model_panel(names: Sequence[str], reports: bool = False) -> ModelPanel:
    """Lay out what the button in the bar opens: a line for every checkpoint, and the choice of one.

    Args:
        reports: whether there is a place to report a problem to.
    """
    with gr.Column(elem_id="vb-info"):
        with gr.Column(elem_id="vb-model"):
            lines = tuple(gr.HTML() for _ in names)
        choice = gr.Dropdown(
            [(marker("model.suits"), ""), *((marker(f"checkpoint.{n}", n), n) for n in names)],
            value="",
            label=marker("model.choice"),
            visible=len(names) > 1,
            filterable=False,
            elem_id="vb-checkpoint",
        )
        retry = gr.Button(marker("model.retry"), visible=False, size="sm")
        report = gr.Button(marker("report.button"), visible=reports, size="sm", elem_id="vb-report")
        reported = gr.HTML(elem_id="vb-reported")
    return ModelPanel(lines, choice, retry, report, reported)


def film_panel() -> FilmPanel:
    """Lay out the viewer, beside the films of a study."""
    films = gr.HTML(js_on_load=on_load("films"), elem_id="vb-films")
    return FilmPanel(viewer("vb-figure"), films)


def result_panel() -> ResultPanel:
    """Lay out the four blocks."""
    prediction = gr.HTML(elem_id="vb-prediction", min_height=120)
    leans = gr.HTML(elem_id="vb-leans")
    with gr.Column(elem_id="vb-verdict"):
        summary = gr.HTML(elem_id="vb-trust-summary")
        progress = gr.HTML(elem_id="vb-progress")
        cancel = gr.Button(
            marker("explain.cancel"), size="sm", variant="stop", interactive=False, elem_id="vb-cancel"
        )
    with gr.Row(equal_height=True, elem_id="vb-next"):
        test = gr.Button(marker("next.test"), variant="primary", min_width=100, elem_id="vb-test")
        compare = gr.Button(marker("next.compare"), min_width=100, elem_id="vb-compare-maps")
        handout = gr.Button(marker("take.handout"), min_width=100, elem_id="vb-handout")
    return ResultPanel(prediction, leans, progress, cancel, summary, test, compare, handout)


def why_panel() -> WhyPanel:
    """Lay out the question and the contributions."""
    with gr.Accordion(marker("explain.title"), open=False, elem_id="vb-why"):
        with gr.Row(equal_height=False, elem_classes="vb-toolbar"):
            target = gr.Dropdown([], label=marker("explain.target"), min_width=240, filterable=False, scale=3)
            baselines = [(marker(f"explain.{name}"), name) for name in ("black", "blurred")]
            baseline = gr.Dropdown(
                baselines,
                value="black",
                label=marker("explain.baseline"),
                min_width=170,
                filterable=False,
                scale=2,
            )
            again = gr.Button(marker("explain.again"), size="sm", min_width=120)
        evidence = gr.HTML(elem_id="vb-evidence")
    return WhyPanel(target, baseline, again, evidence)
