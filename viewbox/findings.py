"""What a report says of 160 findings, for programs."""

from typing import Any

from hub_config.settings import FINDING_CLASSIFIER
from modeling.errors import ViewboxError
from modeling.findings.reader import reader_at, said_json
from modeling.reports.report import Report


def read_findings(report: str) -> list[dict[str, Any]]:
    """The findings that the bundled classifier reads in a report, those furthest above their points first.

    Each with its place in the hierarchy, its ICD-10-CM code, and the sentence that says so (`span` in the
    text of `section`).

    Raises:
        ViewboxError: there is no text.
        CheckpointError: the classifier is not whole.
    """
    if not isinstance(report, str) or not report.strip():
        raise ViewboxError("Give the text of a report.")
    read = Report.from_text(report)
    return said_json(reader_at(FINDING_CLASSIFIER).read(read), read)
