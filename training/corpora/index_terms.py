"""Index terms of reports as labels: Open-i's MeSH headings, as in TieNet (Wang et al. 2018)."""

import hashlib
from collections.abc import Sequence

import numpy as np

from modeling.labels import FINDINGS
from modeling.reports.report import Report

FOLDS = 5

HEADINGS = {
    "Atelectasis": ("pulmonary atelectasis",),
    "Cardiomegaly": ("cardiomegaly",),
    "Consolidation": ("consolidation",),
    "Edema": ("pulmonary edema",),
    "Effusion": ("pleural effusion",),
    "Emphysema": ("pulmonary emphysema", "emphysema"),
    "Fibrosis": ("pulmonary fibrosis",),
    "Hernia": ("hernia, hiatal", "hernia"),
    "Infiltration": ("infiltrate",),
    "Mass": ("mass",),
    "Nodule": ("nodule",),
    "Pleural_Thickening": ("thickening",),
    "Pneumonia": ("pneumonia",),
    "Pneumothorax": ("pneumothorax",),
}
"""Finding -> MeSH major headings; thickening counts where its qualifier is the pleura. On the 1,892 reports
with NegBio gold labels it differs from them in 6 labels of 24,596, Hernia aside (they mark none)."""


def indexed(report: Report) -> np.ndarray:
    """(14,) bool in the order of `labels.FINDINGS`: what the index terms name."""
    terms = [heading.lower().split("/") for heading in report.headings]
    return np.array([_names(name, terms) for name in FINDINGS.classes])


def _names(finding: str, terms: Sequence[Sequence[str]]) -> bool:
    of_pleura = finding == "Pleural_Thickening"
    return any(
        term[0] in HEADINGS[finding] and (not of_pleura or any("pleura" in q for q in term[1:]))
        for term in terms
    )


def fold_of(report_id: str) -> int:
    """Which fifth a report is tested in: a hash of its ID, so it is the same everywhere."""
    return hashlib.sha256(f"text-only {report_id}".encode()).digest()[0] % FOLDS
