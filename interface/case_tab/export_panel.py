"""The panel to take things away: a link to this view, a handout of the case, a course pack of several."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from interface.html.fragments import alert
from interface.language.texts import marker

ADDRESS = "viewbox-address:"
"""Stands for the page's own address in what is sent; only the browser knows it."""

_MOUNT = """
const mount = () => window.viewboxTake
  ? window.viewboxTake(element, props, watch)
  : setTimeout(mount, 20);
mount();
"""
Value = dict[str, Any]


@dataclass(frozen=True)
class ExportPanel:
    """Where a link's trouble is told, the buttons, and what hands their answers to the browser."""

    notice: gr.HTML
    copy: gr.Button
    handout: gr.Button
    cases: gr.Textbox
    pack: gr.Button
    taken: gr.HTML


def notice() -> gr.HTML:
    """Lay out the place where a link's trouble is told."""
    return gr.HTML(alert(""), elem_id="vb-notice")


def export_panel(told: gr.HTML) -> ExportPanel:
    """Lay out the buttons.

    Args:
        told: from `notice`.
    """
    with gr.Row(equal_height=False, elem_id="vb-take"):
        copy = gr.Button(marker("take.copy"), size="sm", min_width=130, elem_id="vb-copy-link")
        handout = gr.Button(marker("take.handout"), size="sm", min_width=130, elem_id="vb-handout")
    with gr.Accordion(marker("take.pack_title"), open=False, elem_id="vb-pack"):
        cases = gr.Textbox(
            label=marker("take.cases"), info=marker("take.cases_hint"), max_lines=2, max_length=2000
        )
        pack = gr.Button(marker("take.pack"), size="sm", min_width=130, elem_id="vb-make-pack")
    return ExportPanel(told, copy, handout, cases, pack, taken("vb-taken"))


def taken(elem_id: str) -> gr.HTML:
    """What hands a handler's answer to the browser, which copies or saves it."""
    template = '<div class="vb-taken" role="status"></div>'
    fixed = {"html_template": template, "js_on_load": _MOUNT, "apply_default_css": False}
    return gr.HTML({}, elem_id=elem_id, **fixed)
