"""Open-i's reports as a corpus: text without a film.

Labels are the index terms of the same reports (MeSH headings, as in TieNet, Wang et al. 2018), or what the
rules mine from them. Fold 0 is held out for measuring; of the others a tenth is kept for temperatures and
operating points.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from modeling.labels import FINDINGS
from modeling.reports.index_terms import findings_of_headings
from modeling.reports.reading import read_reports
from modeling.reports.report import WHOLE, Report
from modeling.study import TEXT_SECTIONS, ClinicalText
from training.corpora.labelled_film import Film, Split, split_of

FOLDS = 5
TEST_FOLD = 0
VALIDATION_SHARE = 0.1
SOURCE = "openi"


def indexed(report: Report) -> np.ndarray:
    """(14,) bool in the order of `labels.FINDINGS`: what the index terms name."""
    named = findings_of_headings(report.headings) or ()
    return np.array([name in named for name in FINDINGS.classes])


def fold_of(report_id: str) -> int:
    """Which fifth a report is tested in: a hash of its ID, so it is the same everywhere."""
    return hashlib.sha256(f"text-only {report_id}".encode()).digest()[0] % FOLDS


def side_of(report_id: str) -> Split:
    """A report's side, from hashes of its ID: the same on every machine and run."""
    if fold_of(report_id) == TEST_FOLD:
        return "test"
    return split_of(f"openi-{report_id}", VALIDATION_SHARE)


def text_of(report: Report) -> ClinicalText:
    """The sections that a model may read; a report without sections is all findings."""
    sections = {name: report.sections[name] for name in TEXT_SECTIONS if report.sections.get(name)}
    if not sections and report.sections.get(WHOLE):
        sections = {"findings": report.sections[WHOLE]}
    return ClinicalText(sections)


def _film(report: Report, findings: Mapping[str, float], weights: Mapping[str, float]) -> Film:
    return Film(
        film_id=report.report_id,
        source=SOURCE,
        patient=f"openi-{report.report_id}",  # Open-i names no patients
        split=side_of(report.report_id),
        encoded=b"",
        text=text_of(report),
        states={FINDINGS: findings},
        weights={FINDINGS: weights} if weights else {},
    )


def indexed_reports(path: Path) -> Iterator[Film]:
    """Open-i reports (Demner-Fushman et al. 2016), labelled by their MeSH headings.

    Raises:
        ViewboxError: the archive is not there or cannot be read.
    """
    for report in read_reports(path):
        yield _film(report, dict(zip(FINDINGS.classes, map(float, indexed(report)), strict=True)), {})


def mined_reports(path: Path) -> Iterator[Film]:
    """The same reports; those to train on carry mined labels, each weighed by how reliable its rule is.

    What is measured on (validation and test) keeps the index terms, so that both kinds of labels meet the
    same test.

    Raises:
        ViewboxError: the archive is not there or cannot be read.
    """
    from modeling.reports.mining import Miner
    from modeling.reports.scoring import bundled_reliability

    miner, reliability = Miner(), bundled_reliability()
    reports = {report.report_id: report for report in read_reports(path)}
    for film in indexed_reports(path):
        if film.split != "train":
            yield film
            continue
        weak = reliability.weak_labels(miner.label(reports[film.film_id]))
        yield _film(
            reports[film.film_id],
            {name: float(label.target) for name, label in weak.items()},
            {name: label.weight for name, label in weak.items()},
        )


def labels_of(films: Sequence[Film]) -> np.ndarray:
    """(N, K) bool: the findings that a report's labels affirm."""
    return np.array([[film.states[FINDINGS][name] == 1 for name in FINDINGS.classes] for film in films])


def texts_of(films: Sequence[Film], sections: Sequence[str]) -> list[str]:
    """The named sections of each report, one after the other."""
    return ["\n\n".join(f.text.sections[s] for s in sections if s in f.text.sections) for f in films]
