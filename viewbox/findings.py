"""What a report says of 160 findings, for programs."""

from typing import Any

from hub_config.settings import FINDING_CLASSIFIER
from modeling.findings.reader import reader_at, said_json
from modeling.reports.report import Report


def read_findings(report: str) -> list[dict[str, Any]]:
    """The findings that the bundled classifier reads in a report, those furthest above their points first.

    Each with its place in the hierarchy, its ICD-10-CM code, and the sentence that says so (`span` in the
    text of `section`).

    Raises:
        CheckpointError: the classifier is not whole.
    """
    read = Report.from_text(report)
    return said_json(reader_at(FINDING_CLASSIFIER).read(read), read)
