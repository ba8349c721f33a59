"""Cases of the store on screen: similar ones as cards, and the topics of the reports."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from markupsafe import Markup

from interface.html.marked_report import finding_word, marked_report
from interface.html.render import render
from interface.language.texts import Language, field_label, listed, say, value_word, words_for
from interface.reports_tab.similar_index import Compared, Found, Progress, Shelved
from interface.session.study_edits import typed
from modeling.labels import Task
from modeling.retrieval.index import FieldDifference, Neighbour

if TYPE_CHECKING:
    from modeling.reports.topics import TopicBrowser

SHOWN_CASES = 8
"""Cases of a topic that are shown, those that it makes up most of first."""


def progress_line(progress: Progress, language: Language) -> Markup:
    """How far the comparison is, in words and as a bar."""
    return render("reports_tab/progress.html", language=language, progress=progress)


def found_panel(found: Found, language: Language, declared: Sequence[Task] = ()) -> Markup:
    """Both lists, and what they were made of; labels of `declared` tasks in their own words."""
    miner = found.compared.encoder.miner

    def marked(case_id: str, shelved: Shelved) -> Markup:
        from modeling.reports.report import Report

        report = Report(case_id, shelved.report)
        return marked_report(report, miner.label(report), miner, language, brief=True)

    def label_words(label: str) -> str:
        names = label.split("|")
        own = next((task.named(label) for task in declared if set(names) <= set(task.classes)), names)
        return words_for("class", own, language)

    draw = {"why_alike": partial(why_alike, language=language), "marked": marked, "label_words": label_words}
    return render("reports_tab/similar.html", language=language, found=found, **draw)


def why_alike(one: Neighbour, language: Language) -> Markup:
    """Shared findings and fields, then what differs."""
    findings = partial(finding_word, language=language)
    fields = partial(field_label, language=language)
    differing = partial(_difference, language=language)
    told = (
        ("similar.shared", "findings", ", ", map(findings, one.shared_findings)),
        ("similar.other", "findings", ", ", map(findings, one.other_findings)),
        ("similar.shared_fields", "fields", ", ", map(fields, one.shared_fields)),
        ("similar.differing", "fields", "; ", map(differing, one.differing_fields)),
    )
    items = [
        say(key, language, **{what: words})
        for key, what, joint, names in told
        if (words := listed(names, language, joint))
    ]
    return render("reports_tab/why_alike.html", items=items)


def _difference(field: FieldDifference, language: Language) -> str:
    here, there = (value_word(typed(v), language) for v in (field.here, field.there))
    return say("similar.field", language, field=field_label(field.name, language), here=here, there=there)


# --- topics


class StoreTopics:
    """The topics of the cases that are compared, found when they are first asked for."""

    def __init__(self) -> None:
        self._of: tuple[Compared, TopicBrowser] | None = None

    def of(self, compared: Compared) -> "TopicBrowser":
        """Topics of the reports among these cases; raises `ReportError` where they share too little."""
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
    """Every topic as a fold, that of the `current` case open: keywords by weight, then its cases."""
    shown = {"browser": browser, "compared": compared, "most_cases": SHOWN_CASES}
    return render("reports_tab/topics.html", language=language, current=current, **shown)
