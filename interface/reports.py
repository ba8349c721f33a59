"""The tab of reports: labels mined from a report, rules to edit, and cases like the one on screen."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import gradio as gr

from interface.desk import Desks
from interface.markup import alert, heading, note
from interface.report_markup import label_table, marked_report, scores_panel
from interface.similar import SimilarCases
from interface.similar_markup import found_panel, progress_line
from interface.texts import marker, say
from modeling.errors import ViewboxError
from modeling.study import Modality

if TYPE_CHECKING:
    from modeling.reports.mining import Miner

LONGEST_REPORT = 500_000
"""Characters; 50,000 words fit."""

NEIGHBOURS = 4
LOOK_AGAIN = 0.4
"""Seconds between two looks at how far the index is."""

_CARDS_JS = """
element.addEventListener('click', (event) => {
  const card = event.target.closest('[data-case]');
  if (!card) return;
  trigger('open_case', {case_id: card.dataset.case});
  document.querySelector('#vb-tabs button[role="tab"]')?.click();
});
"""

Updates = dict[Any, Any]


@dataclass(frozen=True)
class ReportTab:
    """What the tab's handlers read and write; `similar` tells which of its cases was pressed, `open_case`."""

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
    similar: gr.HTML


def reports_tab(
    tabs: gr.Tabs, desks: Desks, similar: SimilarCases, guard: Callable[..., Any], message: gr.HTML
) -> ReportTab:
    """Lay out the tab among the others and wire it.

    Args:
        guard: shows what goes wrong.
        message: where it does so.
    """
    tab = _layout(tabs)
    actions = ReportActions(desks, similar, tab, message)
    quiet = {"show_progress": "hidden", "api_visibility": "private"}
    lane = {"concurrency_limit": 4, "concurrency_id": "reports", **quiet}

    def on(event: Callable[..., Any], action: Callable[..., Any], inputs: Any, *outputs: Any) -> None:
        event(guard(action), inputs, [*outputs, message], **lane)

    written = [tab.text, tab.rules]
    on(tab.tab.select, actions.arrive, [tab.rules], tab.rules, tab.scores)
    on(tab.mine.click, actions.mine, written, tab.marked)
    on(tab.take.click, actions.take, [tab.rules], tab.text, tab.marked)
    on(tab.apply.click, actions.try_rules, written, tab.scores, tab.marked)
    on(tab.restore.click, actions.restore, [tab.text], tab.rules, tab.scores, tab.marked)
    on(tab.find.click, actions.find, list(tab.weights), tab.similar)
    return tab


def _layout(tabs: gr.Tabs) -> ReportTab:
    with tabs, gr.Tab(marker("tab.reports"), id="reports") as tab:
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
        with gr.Row(equal_height=True):
            weights = tuple(
                gr.Slider(0, 1, value=1, step=0.1, label=marker(f"similar.{m}"), min_width=160)
                for m in Modality
            )
            find = gr.Button(marker("similar.find"), variant="primary", min_width=220)
        similar = gr.HTML(elem_id="vb-similar", js_on_load=_CARDS_JS)
    return ReportTab(tab, text, take, mine, marked, rules, apply, restore, scores, weights, find, similar)


class ReportActions:
    """Handlers of the tab; each returns component updates."""

    def __init__(self, desks: Desks, similar: SimilarCases, tab: ReportTab, message: gr.HTML) -> None:
        self._desks, self._similar, self._tab, self._message = desks, similar, tab, message

    def arrive(self, rules: str, request: gr.Request) -> Updates:
        """The rules that ship, unless the reader has some; the comparison of cases begins meanwhile."""
        from modeling.reports.rules import default_text

        self._similar.start()
        text = rules if (rules or "").strip() else default_text()
        return {self._tab.rules: text, self._tab.scores: self._scores(text, request), **self._quiet()}

    def restore(self, text: str, request: gr.Request) -> Updates:
        """The rules that ship, and the report by them."""
        from modeling.reports.rules import default_text

        return {self._tab.rules: default_text(), **self.try_rules(text, default_text(), request)}

    def take(self, rules: str, request: gr.Request) -> Updates:
        """The report of the case on screen, with its labels."""
        desk = self._desks.of(request.session_hash)
        if desk.case is None or desk.study is None:
            raise ViewboxError(say("reports.no_case", desk.language))
        sections = {**desk.study.text.sections, **desk.case.report}
        text = "\n\n".join(f"{name.upper()}: {body}" for name, body in sections.items() if body.strip())
        if not text:
            raise ViewboxError(say("reports.no_report", desk.language))
        return {self._tab.text: text, **self.mine(text, rules, request)}

    def mine(self, text: str, rules: str, request: gr.Request) -> Updates:
        """The report with its labels, by the rules as they stand in the box."""
        if not (text or "").strip():
            raise ViewboxError(say("reports.empty", self._desks.language(request)))
        return {self._tab.marked: self._marked(text, rules, request), **self._quiet()}

    def try_rules(self, text: str, rules: str, request: gr.Request) -> Updates:
        """What the rules in the box reach, and the report by them where there is one."""
        scores, marked = self._scores(rules, request), self._marked(text, rules, request)
        return {self._tab.scores: scores, self._tab.marked: marked, **self._quiet()}

    def _quiet(self) -> Updates:
        return {self._message: alert("")}

    def _marked(self, text: str, rules: str, request: gr.Request) -> str:
        from modeling.reports.report import Report

        if not (text or "").strip():
            return ""
        language, miner = self._desks.language(request), miner_of(rules)
        report = Report.from_text(text[:LONGEST_REPORT])
        labels = miner.label(report)
        shown = note(say("reports.intro", language)) + marked_report(report, labels, miner, language)
        return shown + label_table(labels, report, language)

    def _scores(self, rules: str, request: gr.Request) -> str:
        from modeling.reports.examples import example_scores
        from modeling.reports.rules import default_text

        edited = bool(rules) and rules.strip() != default_text().strip()
        before, after = example_scores(miner_of("")), example_scores(miner_of(rules))
        return scores_panel(before, after, edited, self._desks.language(request))

    def find(self, image: float, table: float, text: float, request: gr.Request) -> Iterator[Updates]:
        """Similar and contrast cases; how far the comparison is until it is done."""
        desk = self._desks.of(request.session_hash)
        case, study = desk.case, desk.study
        if case is None or study is None:
            raise ViewboxError(say("reports.no_case", desk.language))
        self._similar.start()
        while self._similar.building and self._similar.ready is None:
            yield {self._tab.similar: progress_line(self._similar.progress, desk.language)}
            self._similar.wait(LOOK_AGAIN)
        weights = dict(zip(Modality, (image, table, text), strict=True))
        found = self._similar.find(case, study, NEIGHBOURS, weights)
        title = heading("similar.title", desk.language) + note(say("similar.hint", desk.language))
        yield {self._tab.similar: title + found_panel(found, desk.language), **self._quiet()}


def miner_of(rules: str) -> "Miner":
    """A miner by the rules of a text; by those that ship where it is empty.

    Raises:
        RuleError: a rule cannot be used, with its name and what to write instead.
    """
    return _miner((rules or "").strip())


@lru_cache(maxsize=16)
def _miner(rules: str) -> "Miner":
    from modeling.reports.mining import Miner
    from modeling.reports.rules import RuleSet

    return Miner(RuleSet.from_text(rules)) if rules else Miner()
