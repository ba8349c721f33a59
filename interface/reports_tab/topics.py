"""Topics of the store's reports as HTML: from a topic to its keywords to its cases."""

from typing import TYPE_CHECKING

from markupsafe import Markup

from interface.html.render import render
from interface.language.texts import Language
from interface.reports_tab.similar_index import Compared

if TYPE_CHECKING:
    from modeling.reports.topic_browser import TopicBrowser

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


def topics_panel(browser: "TopicBrowser", compared: Compared, current: str, language: Language) -> Markup:
    """Every topic as a fold: keywords with their weights, then the cases that it makes up most of.

    Args:
        current: ID of the case on screen; its topic stands open.
    """
    shown = {"browser": browser, "compared": compared, "most_cases": SHOWN_CASES}
    return render("reports_tab/topics.html", language=language, current=current, **shown)
