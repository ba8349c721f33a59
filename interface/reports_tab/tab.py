"""The tab of reports: labels mined from a report, rules to edit, topics, and cases like the one on screen."""

from collections.abc import Callable
from typing import Any

import gradio as gr

from interface.reports_tab.handlers import ReportActions
from interface.reports_tab.panel import ReportTab, reports_panel
from interface.reports_tab.similar_index import SimilarCases
from interface.session.session import Desks
from interface.session.waiting_line import Line


def reports_tab(
    tabs: gr.Tabs,
    desks: Desks,
    similar: SimilarCases,
    guard: Callable[..., Any],
    message: gr.HTML,
    line: Line,
) -> ReportTab:
    """Lay out the tab among the others and wire it.

    Args:
        guard: shows what goes wrong.
        message: where it does so.
        line: of those who wait for the model.
    """
    tab = reports_panel(tabs)
    actions = ReportActions(desks, similar, tab, message)
    quiet = {"show_progress": "hidden", "api_visibility": "private"}
    lane = {"concurrency_limit": 4, "concurrency_id": "reports", **quiet}

    def on(event: Callable[..., Any], action: Callable[..., Any], inputs: Any, *outputs: Any) -> None:
        event(guard(action), inputs, [*outputs, message], **lane)

    written, weights = [tab.text, tab.rules], list(tab.weights)
    on(tab.tab.select, actions.arrive, [tab.rules], tab.rules, tab.scores)
    on(tab.mine.click, actions.mine, written, tab.marked)
    on(tab.take.click, actions.take, [tab.rules], tab.text, tab.marked)
    on(tab.apply.click, actions.try_rules, written, tab.scores, tab.marked)
    typed = {"trigger_mode": "always_last", **lane}
    tab.rules.change(guard(actions.typed_rules), written, [tab.scores, tab.marked, message], **typed)
    on(tab.restore.click, actions.restore, [tab.text], tab.rules, tab.scores, tab.marked)
    on(tab.find.click, actions.find, weights, tab.similar, tab.pair)
    on(tab.find_topics.click, actions.topics, None, tab.topics)
    model = {"concurrency_limit": 1, "concurrency_id": "model", "api_visibility": "private"}
    compare = guard(line.served(actions.compare))
    tab.similar.compare_case(compare, weights, [tab.pair, message], show_progress_on=[tab.pair], **model)
    return tab
