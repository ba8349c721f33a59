"""The affirming text of a report: without what it denies and without its wordings of "normal"."""

import re

from modeling.reports.mining import Miner, ReportLabels, Value
from modeling.reports.report import WHOLE, Report, blank_markup
from modeling.reports.sentences import sentences

_REDACTED = re.compile(r"\b[Xx]{2,}\b")
_NOTHING_WRONG = re.compile(
    r"\b(?:no|not|without|negative|normal|clear|unremarkable|intact|free|within|none|absent|sharp"
    r"|well[- ](?:aerated|expanded|inflated))\b",
    re.IGNORECASE,
)


def reading_text(report: Report) -> str:
    """Findings and impression (the whole report where it names neither), redactions and markup out."""
    return _REDACTED.sub(" ", blank_markup(report.text(("findings", "impression")) or report.text()))


def affirmed_text(report: Report, miner: Miner, labels: ReportLabels | None = None) -> str:
    """The sentences that affirm or doubt something abnormal, and those that call nothing normal or absent."""
    labels = labels or miner.label(report)
    said = [m for m in (*labels.mentions(), *labels.abnormal) if m.value != Value.NEGATIVE]
    affirmed = {(m.section, m.sentence_start) for m in said}
    text = " ".join(
        body[start:end]
        for name, body in report.sections.items()
        if name in (*miner.rules.sections, WHOLE)
        for start, end in sentences(body)
        if (name, start) in affirmed or not _NOTHING_WRONG.search(body, start, end)
    )
    return _REDACTED.sub(" ", blank_markup(text))
