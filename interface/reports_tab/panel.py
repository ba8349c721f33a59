"""The parts of the reports tab: a report, its labels, the rules, topics, and similar cases."""

from dataclasses import dataclass

import gradio as gr

from interface.language.texts import marker
from modeling.study import Modality

LONGEST_REPORT = 500_000
"""Characters; 50,000 words fit."""

_CARDS_JS = """
element.addEventListener('click', (event) => {
  const compared = event.target.closest('[data-compare]');
  if (compared) {
    trigger('compare_case', {case_id: compared.dataset.compare});
    document.querySelector('#vb-pair')?.scrollIntoView({block: 'start'});
    return;
  }
  const card = event.target.closest('[data-case]');
  if (!card) return;
  trigger('open_case', {case_id: card.dataset.case});
  document.querySelector('#vb-tabs button[role="tab"]')?.click();
  document.querySelector('#vb-tabs')?.scrollIntoView({block: 'start'});
});
"""


@dataclass(frozen=True)
class ReportTab:
    """What the tab's handlers read and write.

    Attributes:
        topics, similar: tell which of their cases was pressed, `open_case`; `similar` also `compare_case`.
        pair: two explanations side by side.
    """

    tab: gr.Tab
    text: gr.Textbox
    take: gr.Button
    mine: gr.Button
    marked: gr.HTML
    rules: gr.Textbox
    apply: gr.Button
    restore: gr.Button
    scores: gr.HTML
    weights: tuple[gr.Slider, gr.Slider, gr.Slider]
    find: gr.Button
    pair: gr.HTML
    similar: gr.HTML
    find_topics: gr.Button
    topics: gr.HTML

    @property
    def cards(self) -> tuple[gr.HTML, ...]:
        """The parts whose cards open a case."""
        return (self.similar, self.topics)


def reports_panel(tabs: gr.Tabs) -> ReportTab:
    """Lay out the tab among the others."""
    with tabs, gr.Tab(marker("tab.reports"), id="reports") as tab:
        text, mine, take, marked = _report()
        rules, apply, restore, scores = _rules()
        weights, find, pair, similar = _similar()
        with gr.Accordion(marker("topics.title"), open=False, elem_id="vb-topics-fold"):
            find_topics = gr.Button(marker("topics.find"), variant="primary", min_width=220)
            topics = gr.HTML(elem_id="vb-topics", js_on_load=_CARDS_JS)
    return ReportTab(
        tab=tab,
        text=text,
        take=take,
        mine=mine,
        marked=marked,
        rules=rules,
        apply=apply,
        restore=restore,
        scores=scores,
        weights=weights,
        find=find,
        pair=pair,
        similar=similar,
        find_topics=find_topics,
        topics=topics,
    )


def _report() -> tuple[gr.Textbox, gr.Button, gr.Button, gr.HTML]:
    with gr.Row(equal_height=False):
        with gr.Column(scale=5, min_width=320):
            text = gr.Textbox(
                label=marker("reports.text"),
                placeholder=marker("reports.placeholder"),
                lines=9,
                max_lines=24,
                max_length=LONGEST_REPORT,
                elem_id="vb-report-text",
            )
            with gr.Row():
                mine = gr.Button(marker("reports.mine"), variant="primary", min_width=140)
                take = gr.Button(marker("reports.take"), min_width=200)
        with gr.Column(scale=6, min_width=320):
            marked = gr.HTML(elem_id="vb-report-marked")
    return text, mine, take, marked


def _rules() -> tuple[gr.Textbox, gr.Button, gr.Button, gr.HTML]:
    folded = gr.Accordion(marker("reports.rules"), open=False, elem_id="vb-rules")
    with folded, gr.Row(equal_height=False):
        with gr.Column(scale=5, min_width=320):
            rules = gr.Textbox(
                label=marker("reports.rules_text"),
                info=marker("reports.rules_hint"),
                lines=16,
                max_lines=28,
                max_length=LONGEST_REPORT,
                elem_id="vb-rules-text",
            )
            with gr.Row():
                apply = gr.Button(marker("reports.apply"), variant="primary", min_width=140)
                restore = gr.Button(marker("reports.restore"), min_width=160)
        with gr.Column(scale=6, min_width=320):
            scores = gr.HTML(elem_id="vb-rule-scores")
    return rules, apply, restore, scores


def _similar() -> tuple[tuple[gr.Slider, ...], gr.Button, gr.HTML, gr.HTML]:
    with gr.Row(equal_height=True):
        weights = tuple(
            gr.Slider(0, 1, value=1, step=0.1, label=marker(f"similar.{m}"), min_width=160) for m in Modality
        )
        find = gr.Button(marker("similar.find"), variant="primary", min_width=220)
    pair = gr.HTML(elem_id="vb-pair")
    similar = gr.HTML(elem_id="vb-similar", js_on_load=_CARDS_JS)
    return weights, find, pair, similar
