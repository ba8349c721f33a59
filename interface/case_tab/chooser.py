"""The panel that chooses a case from the store, or takes the reader's own film."""

from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from interface.html.fragments import upload_box
from interface.language.texts import marker
from modeling.labels import APPEARANCE, GRADING

ANY = ""


def on_load(part: str) -> str:
    """A part's script; its listeners are delegated, so that they outlive a redraw."""
    return Path(__file__).with_name(f"on_load_{part}.js").read_text(encoding="utf-8")


@dataclass(frozen=True)
class Chooser:
    """The panel's components."""

    strip: gr.HTML
    several: gr.HTML
    case_id: gr.Textbox
    open: gr.Button
    previous: gr.Button
    next: gr.Button
    random: gr.Button
    source: gr.Dropdown
    appearance: gr.Dropdown
    grading: gr.Dropdown
    label: gr.Dropdown
    rows: gr.HTML
    earlier: gr.Button
    later: gr.Button
    film: gr.HTML
    no_film: gr.Button

    @property
    def filters(self) -> list[gr.Dropdown]:
        """What narrows the list, in the order that `case_filter` takes."""
        return [self.source, self.appearance, self.grading, self.label]


def _filter(key: str, classes: tuple[str, ...], **options: object) -> gr.Dropdown:
    choices = [(marker("choose.any"), ANY), *((marker(f"class.{c}"), c) for c in classes)]
    return gr.Dropdown(choices, value=ANY, label=marker(key), min_width=120, filterable=False, **options)


def case_strips() -> tuple[gr.HTML, gr.HTML]:
    """Above the film, each one press away: the first cases, and the films of an upload of several."""
    script = on_load("strip")
    return gr.HTML(js_on_load=script, elem_id="vb-strip"), gr.HTML(js_on_load=script, elem_id="vb-several")


def chooser(strip: gr.HTML, several: gr.HTML) -> Chooser:
    """Lay out the folds of the chooser; the strips stand elsewhere."""
    with gr.Accordion(marker("choose.all_title"), open=False, elem_id="vb-list"):
        with gr.Row(elem_classes="vb-toolbar", equal_height=False):
            case_id = gr.Textbox(
                label=marker("choose.id"),
                placeholder=marker("choose.id_hint"),
                max_lines=1,
                max_length=200,
                scale=3,
                min_width=200,
                elem_id="vb-case-id",
            )
            open_button = gr.Button(marker("choose.open"), variant="primary", min_width=90)
            previous = gr.Button(marker("choose.previous"), min_width=130)
            following = gr.Button(marker("choose.next"), min_width=110)
            random = gr.Button(marker("choose.random"), min_width=100)
        with gr.Row():
            source = _filter("choose.source", ())
            appearance = _filter("choose.appearance", APPEARANCE.classes)
            grading = _filter("choose.grading", GRADING.classes)
            label = _filter("choose.label", ())
        rows = gr.HTML(js_on_load=on_load("rows"), elem_id="vb-rows")
        with gr.Row():
            earlier = gr.Button(marker("choose.earlier"), size="sm", min_width=100)
            later = gr.Button(marker("choose.later"), size="sm", min_width=100)
    with gr.Accordion(marker("upload.title"), open=False, elem_id="vb-upload"):
        film = gr.HTML(upload_box("en"), js_on_load=on_load("upload"), elem_id="vb-film-file")
        no_film = gr.Button(marker("upload.none"), size="sm")
    buttons = (open_button, previous, following, random)
    found = (source, appearance, grading, label, rows, earlier, later, film, no_film)
    return Chooser(strip, several, case_id, *buttons, *found)
