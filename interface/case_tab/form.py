"""The clinical form: units, ranges, and unknown as the default of every field."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import gradio as gr

from interface.language.texts import marker
from interface.session.study_edits import typed
from modeling.study import CLINICAL_FIELDS, TEXT_SECTIONS, ClinicalField, Modality, Study, spellings_of


@dataclass(frozen=True)
class Form:
    """The form's components; `inputs` in the order that `table_and_text` takes; `kept`: what fits none."""

    fields: Mapping[str, gr.Textbox | gr.Dropdown]
    sections: Mapping[str, gr.Textbox]
    reads: gr.HTML
    kept: gr.HTML
    predict: gr.Button
    leave_out: Mapping[Modality, gr.Button]
    as_stored: gr.Button

    @property
    def inputs(self) -> list[gr.Textbox | gr.Dropdown]:
        """Every field, then every text section."""
        return [*self.fields.values(), *self.sections.values()]

    def filled(self, study: Study) -> dict[gr.Textbox | gr.Dropdown, str]:
        """Updates that show a study's own values."""
        values = {c: typed(study.table.values.get(n)) for n, c in self.fields.items()}
        return values | {c: study.text.sections.get(n, "") for n, c in self.sections.items()}


def table_and_text(values: Sequence[object]) -> tuple[dict[str, object], dict[str, object]]:
    """What the form's inputs hold, by field and by section."""
    names = list(CLINICAL_FIELDS)
    table = dict(zip(names, values[: len(names)], strict=True))
    return table, dict(zip(TEXT_SECTIONS, values[len(names) :], strict=True))


def _range(field: ClinicalField) -> str:
    """Range and other units; words are translated, the signs of the other fields need none."""
    if field.name == "age":
        return marker("form.range_age")
    text = f"{field.low:g} – {field.high:g} {field.unit.replace('10^9', '10⁹')}"
    other = next((unit for unit in spellings_of(field.name) if unit != field.unit), "")
    return f"{text} ({other.replace('/uL', '/µL')})" if other else text


def _component(field: ClinicalField) -> gr.Textbox | gr.Dropdown:
    label, options = marker(f"field.{field.name}"), {"min_width": 170, "elem_id": f"vb-field-{field.name}"}
    if field.kind == "categorical":
        choices = [(marker("form.unknown"), ""), *((marker(f"value.{c}"), c) for c in field.categories)]
        return gr.Dropdown(choices, value="", label=label, filterable=False, **options)
    return gr.Textbox(
        label=label,
        info=_range(field),
        placeholder=marker("form.unknown"),
        max_lines=1,
        max_length=40,
        **options,
    )


def form() -> Form:
    """Lay out the panel; sections that no checkpoint here reads stay hidden until one does."""
    with gr.Accordion(marker("form.title"), open=False, elem_id="vb-form"):
        gr.Markdown(marker("form.hint"))
        reads = gr.HTML()
        with gr.Row(elem_classes="vb-fields", equal_height=False):
            fields = {field.name: _component(field) for field in CLINICAL_FIELDS.values()}
        sections = {
            name: gr.Textbox(
                label=marker(f"section.{name}"),
                placeholder=marker("form.unknown"),
                lines=2,
                max_length=20_000,
                visible=name == "indication",
                elem_id=f"vb-section-{name}",
            )
            for name in TEXT_SECTIONS
        }
        kept = gr.HTML(elem_id="vb-kept")
        predict = gr.Button(marker("form.predict"), variant="primary", elem_id="vb-predict")
        with gr.Row(elem_id="vb-leave-out"):
            left_out = {
                one: gr.Button(marker(f"form.without_{one}"), size="sm", min_width=140) for one in Modality
            }
            stored = gr.Button(marker("form.as_stored"), size="sm", min_width=140)
    return Form(fields, sections, reads, kept, predict, left_out, stored)
