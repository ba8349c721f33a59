"""The panel's layout; it is on the page only while a case of several films is (`whole_study.css`)."""

from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from interface.language.texts import marker

_LEAVE_OUT = Path(__file__).with_name("on_load_leave_out.js").read_text(encoding="utf-8")


@dataclass(frozen=True)
class StudyPanel:
    """What the panel says, and what asks for it."""

    ask: gr.Button
    change: gr.Button
    answer: gr.HTML
    changed: gr.HTML

    @property
    def said(self) -> list[gr.HTML]:
        """Everything that belongs to one study and goes with it."""
        return [self.answer, self.changed]


def study_panel() -> StudyPanel:
    """Lay it out."""
    with gr.Accordion(marker("whole.title"), open=True, elem_id="vb-whole"):
        with gr.Row(elem_classes="vb-toolbar"):
            ask = gr.Button(marker("whole.ask"), variant="primary", min_width=200, elem_id="vb-whole-ask")
            change = gr.Button(marker("whole.change"), min_width=200, elem_id="vb-whole-change")
        answer = gr.HTML(js_on_load=_LEAVE_OUT, elem_id="vb-whole-answer")
        changed = gr.HTML(elem_id="vb-whole-changed")
    return StudyPanel(ask, change, answer, changed)
