"""The tab of reports: labels mined from a report, rules to edit, topics, and cases like the one on screen."""

from functools import partial

import gradio as gr

from interface.reports_tab.handlers import ReportActions
from interface.reports_tab.panel import ReportTab, reports_panel
from interface.reports_tab.similar_index import SimilarCases
from interface.session.lanes import Lanes
from interface.session.session import Sessions


def reports_tab(tabs: gr.Tabs, sessions: Sessions, similar: SimilarCases, lanes: Lanes) -> ReportTab:
    """Lay out the tab among the others and wire it."""
    tab = reports_panel(tabs)
    actions = ReportActions(sessions, similar, tab, lanes.message)
    on = partial(lanes.reading, pool="reports", at_most=4)
    written, weights = [tab.text, tab.rules], list(tab.weights)
    marked, scored = [tab.marked, lanes.message], [tab.scores, tab.marked, lanes.message]
    on(tab.tab.select, actions.arrive, [tab.rules], [tab.rules, tab.scores, lanes.message])
    on(tab.mine.click, actions.mine, written, marked)
    on(tab.take.click, actions.take, [tab.rules], [tab.text, *marked])
    on(tab.apply.click, actions.try_rules, written, scored)
    on(tab.rules.change, actions.typed_rules, written, scored, trigger_mode="always_last")
    on(tab.restore.click, actions.restore, [tab.text], [tab.rules, *scored])
    on(tab.find.click, actions.find, weights, [tab.similar, tab.pair, lanes.message])
    on(tab.find_topics.click, actions.topics, None, [tab.topics, lanes.message])
    compared = {"show_progress": "full", "show_progress_on": [tab.pair]}
    lanes.long(tab.similar.compare_case, actions.compare, weights, [tab.pair, lanes.message], **compared)
    return tab
