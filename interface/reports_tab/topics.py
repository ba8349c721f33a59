"""Topics of the store's reports as HTML: from a topic to its keywords to its cases."""

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING

from interface.html.fragments import heading, note
from interface.language.texts import Language, say
from interface.reports_tab.shelf import Shelved
from interface.reports_tab.similar_index import Compared

if TYPE_CHECKING:
    from modeling.reports.topic_browser import Keyword, Topic, TopicBrowser, TopicCase

SHOWN_CASES = 8
"""Cases of a topic that are shown, those that it makes up most of first."""


class StoreTopics:
    """The topics of the cases that are compared, found when they are first asked for."""

    def __init__(self) -> None:
        self._of: tuple[Compared, TopicBrowser] | None = None

    def of(self, compared: Compared) -> "TopicBrowser":
        """Topics of the reports among these cases.

        Raises:
            ReportError: too few cases have a report, or the reports share too few words.
        """
        from modeling.reports.report import Report
        from modeling.reports.topics import topics_of_store

        known = self._of
        if known is not None and known[0] is compared:
            return known[1]
        kept = compared.shelf.items()
        found = topics_of_store([Report(name, case.report) for name, case in kept if case.reported])
        self._of = (compared, found)
        return found


def topics_panel(browser: "TopicBrowser", compared: Compared, current: str, language: Language) -> str:
    """Every topic as a fold: keywords with their weights, then the cases that it makes up most of.

    Args:
        current: ID of the case on screen; its topic stands open.
    """
    measures = browser.measures
    told = say("topics.made", language, n=measures["reports"], cases=len(compared.index))
    parts = [heading("topics.title", language), note(told)]
    if compared.left_out:
        parts.append(note(say("topics.sample", language, n=compared.left_out), "vb-stopped"))
    parts.append(note(say("topics.coherence", language, npmi=_signed(measures["npmi"]))))
    own = browser.main_topic.get(current)
    used = [topic for topic in browser.topics if topic.share > 0]
    parts += [_topic(topic, compared.shelf, topic.number == own, current, language) for topic in used]
    return "".join(parts)


def _topic(
    topic: "Topic", shelf: Mapping[str, Shelved], is_open: bool, current: str, language: Language
) -> str:
    name = f'<span lang="en">{escape(topic.name)}</span>'
    if not topic.keywords:
        name = escape(say("topics.nothing", language))
    numbers = say("topics.share", language, percent=f"{100 * topic.share:.0f} %")
    if topic.keywords:
        numbers += f" · NPMI {_signed(topic.coherence)}"
    mine = f' <span class="vb-tag">▶ {escape(say("topics.own", language))}</span>' if is_open else ""
    return (
        f'<details class="vb-topic" data-topic="{topic.number}"{" open" if is_open else ""}>'
        f"<summary><b>{name}</b> <small>{escape(numbers)}</small>{mine}</summary>"
        f"{_keywords(topic.keywords, language)}{_cases(topic.cases, shelf, current, language)}</details>"
    )


def _keywords(keywords: "tuple[Keyword, ...]", language: Language) -> str:
    if not keywords:
        return note(say("topics.nothing_note", language))
    most = max(keyword.weight for keyword in keywords) or 1.0
    rows = "".join(
        f'<li><span lang="en">{escape(keyword.word)}</span>'
        f'<i aria-hidden="true" style="width:{60 * keyword.weight / most:.1f}%"></i>'
        f"<small>{100 * keyword.weight:.1f} %</small></li>"
        for keyword in keywords
        if keyword.weight > 0
    )
    title = escape(say("topics.keywords", language))
    return f'<h3 class="vb-subheading">{title}</h3><ul class="vb-keywords">{rows}</ul>'


def _cases(
    cases: "tuple[TopicCase, ...]", shelf: Mapping[str, Shelved], current: str, language: Language
) -> str:
    rows = "".join(
        _case(one.report_id, one.share, shelf[one.report_id], current, language)
        for one in cases[:SHOWN_CASES]
    )
    title = escape(say("topics.cases", language))
    more = len(cases) - SHOWN_CASES
    rest = note(say("topics.more", language, n=more)) if more > 0 else ""
    return f'<h3 class="vb-subheading">{title}</h3><ul class="vb-list">{rows}</ul>{rest}'


def _case(case_id: str, share: float, kept: Shelved, current: str, language: Language) -> str:
    picture = f'<img src="{kept.thumbnail}" alt="">' if kept.thumbnail else '<i class="vb-blank"></i>'
    pressed = ' aria-current="true"' if case_id == current else ""
    tag = f" · {escape(say('similar.synthetic', language))}" if kept.synthetic else ""
    told = escape(say("topics.case_share", language, percent=f"{100 * share:.0f} %"))
    return (
        f'<li><button type="button" class="vb-row" data-case="{escape(case_id)}"{pressed}>{picture}'
        f"<span><b>{escape(case_id)}</b><small>{escape(kept.source)}{tag}</small>"
        f"<small>{told}</small></span></button></li>"
    )


def _signed(value: float) -> str:
    return f"{'−' if value < 0 else ''}{abs(value):.2f}"
