"""Reports as sentences with the findings that their index terms name.

What is read is the section FINDINGS alone: its words, without the impression, the indication or the index
terms themselves. Open-i's films are not to be had here; so this measures reading and no looking.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from modeling.findings.headings import rare_findings_of
from modeling.reports.reading import ReportError
from modeling.reports.report import Report
from modeling.reports.words import sentences
from training.corpora.reports import FOLDS, fold_of

SECTION = "findings"


@dataclass(frozen=True, eq=False)
class Sentenced:
    """N reports of S different sentences, in M places.

    Attributes:
        sentences: S texts in small letters, each once.
        sentence, report: (M,) which sentence stands in which report.
        documents, ids: N texts, and the reports' IDs.
        labels: (N, K) bool in the order of `rare_findings`.
        folds: (N,) which fifth each report is tested in, by its ID.
    """

    sentences: list[str]
    sentence: np.ndarray
    report: np.ndarray
    documents: list[str]
    ids: list[str]
    labels: np.ndarray
    folds: np.ndarray


def sentenced(reports: Sequence[Report], sections: Sequence[str] = (SECTION,)) -> Sentenced:
    """The reports that have index terms and one of the sections, FINDINGS unless others are named.

    Raises ReportError: too few of them to learn from and to measure on.
    """
    texts: dict[str, int] = {}
    places: list[tuple[int, int]] = []
    documents, ids, labels, folds = [], [], [], []
    for report in reports:
        found, text = rare_findings_of(report.headings), report.text(tuple(sections))
        inside = [" ".join(text[start:end].lower().split()) for start, end in sentences(text)]
        if found is None or not inside:
            continue
        places += [(texts.setdefault(one, len(texts)), len(documents)) for one in inside]
        documents.append(text)
        ids.append(report.report_id)
        labels.append(found)
        folds.append(fold_of(report.report_id))
    if len({*folds}) < FOLDS or not np.any(labels):
        template = "Too few reports have index terms and a section FINDINGS; give more of Open-i."
        raise ReportError(template)
    sentence, report_of = np.array(places).T
    return Sentenced(list(texts), sentence, report_of, documents, ids, np.array(labels), np.array(folds))
