"""The panel to take things away: a link to this view, a handout of the case, a course pack of several."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from interface.html.render import render
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
    picture: gr.Button
    csv: gr.Button
    npz: gr.Button
    cases: gr.Textbox
    fold: gr.Accordion
    pack: gr.Button
    taken: gr.HTML


def export_panel(told: gr.HTML) -> ExportPanel:
    """Lay out the buttons; the fold of the course pack is for the page to put where it belongs."""
    with gr.Row(equal_height=False, elem_id="vb-take"):
        copy, picture, csv, npz = (
            gr.Button(marker(f"take.{name}"), size="sm", min_width=100, elem_id=f"vb-{place}")
            for name, place in (("copy", "copy-link"), ("picture", "picture"), ("csv", "csv"), ("npz", "npz"))
        )
    told_here = taken("vb-taken")
    with gr.Accordion(marker("take.pack_title"), open=False, elem_id="vb-pack", render=False) as fold:
        cases = gr.Textbox(
            label=marker("take.cases"), info=marker("take.cases_hint"), max_lines=2, max_length=2000
        )
        pack = gr.Button(marker("take.pack"), size="sm", min_width=130, elem_id="vb-make-pack")
    return ExportPanel(told, copy, picture, csv, npz, cases, fold, pack, told_here)


def taken(elem_id: str) -> gr.HTML:
    """What hands a handler's answer to the browser, which copies or saves it."""
    template = str(render("case_tab/taken.html"))
    fixed = {"html_template": template, "js_on_load": _MOUNT, "apply_default_css": False}
    return gr.HTML({}, elem_id=elem_id, **fixed)
