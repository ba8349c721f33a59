"""The tab of reports: labels mined from a report, rules to edit, topics, and cases like the one on screen."""

import threading
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import gradio as gr

from cases.case import Case
from interface.html.fragments import alert, note
from interface.html.marked_report import marked_report, pointed_films
from interface.html.pictures import shown_film
from interface.html.render import ui
from interface.language.texts import marker, say, translated, word_for
from interface.reports_tab.found_cases import StoreTopics, found_panel, progress_line, topics_panel
from interface.reports_tab.mined_labels import further_panel, label_table, placed_panel, scores_panel
from interface.reports_tab.pair import Pair, explained_side, pair_panel
from interface.reports_tab.similar_index import SimilarCases
from interface.reports_tab.word_search import WordSearch, words_panel
from interface.session.background import BuiltOnDemand
from interface.session.lanes import Lanes
from interface.session.session import Session, Sessions
from modeling.errors import ViewboxError
from modeling.results import BASELINES
from modeling.study import Modality, Study

if TYPE_CHECKING:
    from modeling.reports.mining import Miner

LONGEST_REPORT = 500_000
"""Characters; 50,000 words fit."""

NEIGHBOURS = 4

T = TypeVar("T")
Updates = dict[Any, Any]


# --- layout

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
    """The components that the tab's handlers read and write.

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
    words: gr.Textbox
    by_words: gr.Button
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
        placeholder = marker("reports.placeholder")
        buttons = (("reports.mine", 140), ("reports.take", 200))
        text, mine, take, marked = _sheet(
            "reports.text", (9, 24), buttons, ("vb-report-text", "vb-report-marked"), placeholder=placeholder
        )
        with gr.Accordion(marker("reports.rules"), open=False, elem_id="vb-rules"):
            hint, buttons = marker("reports.rules_hint"), (("reports.apply", 140), ("reports.restore", 160))
            rules, apply, restore, scores = _sheet(
                "reports.rules_text", (16, 28), buttons, ("vb-rules-text", "vb-rule-scores"), info=hint
            )
        with gr.Row(equal_height=True):
            slider = partial(gr.Slider, 0, 1, value=1, step=0.1, min_width=160)
            weights = tuple(slider(label=marker(f"similar.{m}")) for m in Modality)
            find = gr.Button(marker("similar.find"), variant="primary", min_width=220)
        with gr.Row(equal_height=True):
            words = gr.Textbox(
                label=marker("by_words.label"), placeholder=marker("by_words.example"), scale=3, min_width=260
            )
            by_words = gr.Button(marker("by_words.find"), min_width=220, elem_id="vb-by-words")
        pair = gr.HTML(elem_id="vb-pair")
        similar = gr.HTML(elem_id="vb-similar", js_on_load=_CARDS_JS)
        with gr.Accordion(marker("topics.title"), open=False, elem_id="vb-topics-fold"):
            find_topics = gr.Button(marker("topics.find"), variant="primary", min_width=220)
            topics = gr.HTML(elem_id="vb-topics", js_on_load=_CARDS_JS)
    written, ruled = (text, take, mine, marked), (rules, apply, restore, scores)
    searched = (weights, find, words, by_words, pair, similar)
    return ReportTab(tab, *written, *ruled, *searched, find_topics, topics)


def _sheet(
    key: str,
    lines: tuple[int, int],
    buttons: tuple[tuple[str, int], tuple[str, int]],
    ids: tuple[str, str],
    **box: str,
) -> tuple[gr.Textbox, gr.Button, gr.Button, gr.HTML]:
    """A box to write in with two buttons (their keys and widths), and beside it what comes of it."""
    with gr.Row(equal_height=False):
        with gr.Column(scale=5, min_width=320):
            sizes = {"lines": lines[0], "max_lines": lines[1], "max_length": LONGEST_REPORT}
            text = gr.Textbox(label=marker(key), elem_id=ids[0], **sizes, **box)
            with gr.Row():
                (first, wide), (second, wider) = buttons
                pressed = gr.Button(marker(first), variant="primary", min_width=wide)
                other = gr.Button(marker(second), min_width=wider, visible=second != "reports.take")
        with gr.Column(scale=6, min_width=320):
            result = gr.HTML(elem_id=ids[1])
    return text, pressed, other, result


def reports_tab(
    tabs: gr.Tabs,
    sessions: Sessions,
    similar: SimilarCases,
    search: WordSearch,
    lanes: Lanes,
    classifier: Path | None = None,
) -> ReportTab:
    """Lay out the tab among the others and wire it; `classifier`: folder of `modeling.findings.reader`."""
    tab = reports_panel(tabs)
    actions = ReportActions(sessions, similar, search, tab, lanes.message, classifier)
    on = partial(lanes.reading, pool="reports", at_most=4)
    written, weights = [tab.text, tab.rules], list(tab.weights)
    marked, scored = [tab.marked, lanes.message], [tab.scores, tab.marked, lanes.message]
    arrived = [tab.rules, tab.scores, tab.take, lanes.message]
    on(tab.tab.select, actions.arrive, [tab.rules], arrived)
    on(tab.mine.click, actions.mine, written, marked)
    on(tab.take.click, actions.take, [tab.rules], [tab.text, *marked])
    on(tab.apply.click, actions.try_rules, written, scored)
    on(tab.rules.change, actions.typed_rules, written, scored, trigger_mode="always_last")
    on(tab.restore.click, actions.restore, [tab.text], [tab.rules, *scored])
    on(tab.find.click, actions.find, weights, [tab.similar, tab.pair, lanes.message])
    searched = partial(gr.on, [tab.by_words.click, tab.words.submit])
    on(searched, actions.by_words, [tab.words], [tab.similar, tab.pair, lanes.message])
    on(tab.find_topics.click, actions.topics, None, [tab.topics, lanes.message])
    compared = {"show_progress": "full", "show_progress_on": [tab.pair]}
    lanes.long(tab.similar.compare_case, actions.compare, weights, [tab.pair, lanes.message], **compared)
    return tab


# --- handlers


class ReportActions:
    """Handlers of the tab; each returns or yields component updates."""

    def __init__(
        self,
        sessions: Sessions,
        similar: SimilarCases,
        search: WordSearch,
        tab: ReportTab,
        message: gr.HTML,
        classifier: Path | None = None,
    ) -> None:
        self._sessions, self._similar, self._search = sessions, similar, search
        self._tab, self._message, self._classifier = tab, message, classifier
        self._topics = StoreTopics()

    # --- mining, and the rules

    def arrive(self, rules: str, request: gr.Request) -> Updates:
        """The rules that ship, unless the reader has some; the comparison of cases begins meanwhile.

        The button that takes the text of the case on screen is there where it has one.
        """
        from modeling.reports.rules import default_text

        self._similar.start()
        text = rules if (rules or "").strip() else default_text()
        take = gr.Button(visible=bool(_text_of(self._sessions.of(request.session_hash))))
        scores = self._scores(text, request)
        return {self._tab.rules: text, self._tab.scores: scores, self._tab.take: take, **self._quiet()}

    def restore(self, text: str, request: gr.Request) -> Updates:
        """The rules that ship, and the report by them."""
        from modeling.reports.rules import default_text

        return {self._tab.rules: default_text(), **self.try_rules(text, default_text(), request)}

    def take(self, rules: str, request: gr.Request) -> Updates:
        """The report of the case on screen, with its labels."""
        session = self._sessions.of(request.session_hash)
        _opened(session)
        text = _text_of(session)
        if not text:
            raise ViewboxError("This case has no report and no text; paste a report instead.")
        return {self._tab.text: text, **self.mine(text, rules, request)}

    def mine(self, text: str, rules: str, request: gr.Request) -> Updates:
        """The report with its labels, by the rules as they stand in the box."""
        if not (text or "").strip():
            raise ViewboxError("There is no report yet: paste one, or open a case that has one and take it.")
        return {self._tab.marked: self._marked(text, rules, request), **self._quiet()}

    def try_rules(self, text: str, rules: str, request: gr.Request) -> Updates:
        """The scores of the rules in the box, and the report by them where there is one."""
        scores, marked = self._scores(rules, request), self._marked(text, rules, request)
        return {self._tab.scores: scores, self._tab.marked: marked, **self._quiet()}

    def typed_rules(self, text: str, rules: str, request: gr.Request) -> Updates:
        """The same while a rule is being typed; an unfinished one is told beside the box, not above.

        Above stands what a press came to, which may have overtaken this.
        """
        try:
            shown = self.try_rules(text, rules, request)
            if not (text or "").strip():  # nothing to mark; a report may have come meanwhile
                shown.pop(self._tab.marked)
            return shown
        except ViewboxError as exc:
            told = translated(exc.sentence, self._sessions.language(request))
            return {self._tab.scores: note(told, "vb-stopped")}

    def _quiet(self) -> Updates:
        return {self._message: alert("")}

    def _marked(self, text: str, rules: str, request: gr.Request) -> str:
        from modeling.reports.report import Report

        if not (text or "").strip():
            return ""
        language, miner = self._sessions.language(request), miner_of(rules)
        session = self._sessions.of(request.session_hash)
        own = session.case is not None and session.case.licence.may_show
        own = own and text.strip() == _text_of(session).strip()
        report = Report.from_text(text[:LONGEST_REPORT])
        labels = miner.label(report)
        intro = ui().note(say("reports.intro", language))
        films = pointed_films(session.case.films, language) if own else []
        marked = marked_report(report, labels, miner, language, films=films)
        further = further_panel(report, self._classifier, language)
        placed = placed_panel(text, labels, language, self._classifier)
        return intro + marked + label_table(labels, report, language) + further + placed

    def _scores(self, rules: str, request: gr.Request) -> str:
        from modeling.reports.rules import default_text
        from modeling.reports.scoring import example_scores

        edited = bool(rules) and rules.strip() != default_text().strip()
        before, after = example_scores(miner_of("")), example_scores(miner_of(rules))
        return scores_panel(before, after, edited, self._sessions.language(request))

    # --- the store's cases

    def topics(self, request: gr.Request) -> Iterator[Updates]:
        """Topics of the store's reports; how far the reading of the cases is until they are there."""
        session = self._sessions.of(request.session_hash)
        compared = yield from self._read(self._similar, self._tab.topics, session)
        found = self._topics.of(compared)
        current = session.case.case_id if session.case is not None else ""
        panel = topics_panel(found, compared, current, session.language)
        yield {self._tab.topics: panel, **self._quiet()}

    def find(self, image: float, table: float, text: float, request: gr.Request) -> Iterator[Updates]:
        """Similar and contrast cases; how far the comparison is until it is done."""
        session = self._sessions.of(request.session_hash)
        case, study = _opened(session)
        yield from self._read(self._similar, self._tab.similar, session)
        found = self._similar.find(case, study, NEIGHBOURS, _weights(image, table, text))
        shown = {
            self._tab.similar: found_panel(found, session.language, self._similar.declared),
            self._tab.pair: "",
        }
        yield {**shown, **self._quiet()}

    def by_words(self, words: str, request: gr.Request) -> Iterator[Updates]:
        """Films that fit the words, and reports that fit the film on screen."""
        session = self._sessions.of(request.session_hash)
        self._search.checked(words)  # refused before the store is read
        yield from self._read(self._search, self._tab.similar, session)
        case = None if session.study is None else session.case and replace(session.case, study=session.study)
        found = self._search.find(words, case, NEIGHBOURS)
        panel = words_panel(found, session.language)
        yield {self._tab.similar: panel, self._tab.pair: "", **self._quiet()}

    def _read(self, index: BuiltOnDemand[T], panel: gr.HTML, session: Session) -> Generator[Updates, None, T]:
        """Show how far the reading of the cases is; returns them, raises `ViewboxError` where it failed."""
        for progress in index.steps():
            yield {panel: progress_line(progress, session.language)}
        return index.built

    def compare(
        self, image: float, table: float, text: float, event: gr.EventData, request: gr.Request
    ) -> Iterator[Updates]:
        """The case on screen and the one that was pressed, both explained, each from its own study."""
        session, panel = self._sessions.of(request.session_hash), self._tab.pair
        case, study = _opened(session)
        if session.answer.prediction is None or session.host is None:
            raise ViewboxError(
                "No checkpoint has answered for the case on screen yet;"
                " wait for its prediction in the first tab."
            )
        opened, target = session.version, session.target
        other = self._similar.case(str((event._data or {}).get("case_id", "")))
        own = session.host.name
        name = word_for("checkpoint", own, session.language, own)
        told = say("pair.running", session.language, name=name)
        yield {panel: note(told, "vb-running")}
        why = self._similar.pair(case, study, other, _weights(image, table, text))
        attribution, host, stop = session.explanation.attribution, session.host, threading.Event()
        baseline = BASELINES[0] if attribution is None else attribution.baseline
        here = explained_side(case, study, session.picture, host, target, baseline, stop)
        if session.version == opened:
            there = explained_side(other, other.study, shown_film(other), host, target, baseline, stop)
        if session.version != opened:  # the reader has moved on meanwhile
            yield {panel: ""}
            return
        yield {panel: pair_panel(Pair(here, there, target, host, why), session.language), **self._quiet()}


def _opened(session: Session) -> tuple[Case, Study]:
    """The case on screen and its study as it is now."""
    if session.case is None or session.study is None:
        raise ViewboxError("No case is open; open one in the first tab.")
    return session.case, session.study


def _text_of(session: Session) -> str:
    """Text and report of the case on screen; empty where it has none, or no case is open."""
    if session.case is None or session.study is None:
        return ""
    sections = {**session.study.text.sections, **session.case.report}
    return "\n\n".join(f"{name.upper()}: {body}" for name, body in sections.items() if body.strip())


def _weights(image: float, table: float, text: float) -> dict[Modality, float]:
    return dict(zip(Modality, (image, table, text), strict=True))


def miner_of(rules: str) -> "Miner":
    """A miner by the rules of a text, empty for the shipped ones; raises `RuleError` for a bad one."""
    return _miner((rules or "").strip())


@lru_cache(maxsize=16)
def _miner(rules: str) -> "Miner":
    from modeling.reports.mining import Miner
    from modeling.reports.rules import RuleSet

    return Miner(RuleSet.from_text(rules)) if rules else Miner()
