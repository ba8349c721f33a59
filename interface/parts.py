"""Everything of the page that the actions change, and what several of them put there."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from interface.checkpoints import Checkpoints
from interface.chooser import Chooser
from interface.desk import Desk
from interface.form import Form
from interface.markup import alert, model_line
from interface.panels import FilmPanel, ModelPanel, ResultPanel

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
    form: Form

    def say(self, sentence: str) -> Updates:
        """Put a sentence in the message area."""
        return {self.message: alert(sentence)}

    def lines(self, models: Checkpoints, desk: Desk) -> Updates:
        """How every checkpoint stands, and which one is in use for the case on the desk."""
        used = models.of(desk.wanted, desk.case)
        several = len(models.hosts) > 1
        return {
            line: model_line(
                host.state,
                desk.language,
                in_use=several and host is used,
                post_read=not set(host.text_sections) <= {"indication"},
            )
            for host, line in zip(models.hosts, self.model.lines, strict=True)
        }
