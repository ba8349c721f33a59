"""A report as a vector that says what is wrong: cosines between two of them find similar cases.

Half of it is the labels mined from the report, each weighted by how rare it is; the other half is latent
semantic analysis (Deerwester et al. 1990) of TF-IDF over the sentences that affirm something. Denials stay
out: in plain LSA "no pneumothorax" makes a report resemble one of pneumothorax.
"""

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, TfidfVectorizer

from modeling.errors import ViewboxError
from modeling.labels import FINDINGS
from modeling.reports.mining import Miner, ReportLabels, Value, affirmed_text
from modeling.reports.report import Report
from modeling.reports.rules import NORMAL

DIMENSIONS = 64
MINED = (*FINDINGS.classes, NORMAL)
DOUBTED = 0.3
"""The part of a doubted finding, where a certain one counts 1."""


class ReportEncoder:
    """Fitted once on a corpus; encodes its reports and others. The same reports give the same vectors."""

    def __init__(self, miner: Miner | None = None, dimensions: int = DIMENSIONS, seed: int = 0) -> None:
        """By a miner of what each report affirms; few reports give vectors of fewer dimensions."""
        assert dimensions > len(MINED)
        self.miner, self.dimensions, self._seed = miner or Miner(), dimensions, seed
        self._words: TfidfVectorizer | None = None
        self._latent: TruncatedSVD | None = None
        self._rarity = np.ones(len(MINED))

    def fit(self, reports: Sequence[Report]) -> "ReportEncoder":
        """Learn words, their latent directions and how rare each mined label is, from at least one report."""
        if not reports:
            raise ViewboxError("There is no report to learn from; give at least one.")
        labels = self.miner.label_all(reports)
        mined = self._mined(labels)
        self._rarity = np.log((len(reports) + 1) / (1 + (mined > 0).sum(axis=0))) + 0.1
        words = TfidfVectorizer(
            sublinear_tf=True, min_df=2 if len(reports) > 50 else 1, stop_words=sorted(ENGLISH_STOP_WORDS)
        )
        texts = self._texts(reports, labels)
        self._words = self._latent = None
        try:
            counts: csr_matrix = words.fit_transform(texts)
        except ValueError:  # sklearn's word for: no report affirms anything; the mined labels remain
            return self
        size = min(self.dimensions - len(MINED), counts.shape[0] - 1, counts.shape[1] - 1)
        if size >= 1:
            self._words = words
            self._latent = TruncatedSVD(size, random_state=self._seed).fit(counts)
        return self

    def encode(self, reports: Sequence[Report]) -> np.ndarray:
        """(N, D) float32 rows of length 1; zeros for a report that says nothing that can be compared."""
        labels = self.miner.label_all(reports)
        blocks = [_units(self._mined(labels) * self._rarity)]
        if self._words is not None and self._latent is not None:
            texts = self._texts(reports, labels)
            blocks.append(_units(self._latent.transform(self._words.transform(texts))))
        return _units(np.hstack(blocks)).astype(np.float32)

    def _texts(self, reports: Sequence[Report], labels: Sequence[ReportLabels]) -> list[str]:
        return [affirmed_text(r, self.miner, known) for r, known in zip(reports, labels, strict=True)]

    def _mined(self, labels: Sequence[ReportLabels]) -> np.ndarray:
        """(N, 15) 1 for yes, `DOUBTED` for doubted, 0 else."""
        return np.array([[self._degree(one, name) for name in MINED] for one in labels], np.float64)

    def _degree(self, labels: ReportLabels, name: str) -> float:
        if self.miner.positive(labels, name):
            return 1.0
        doubted = name != NORMAL and labels.value(name) == Value.UNCERTAIN
        return DOUBTED if doubted else 0.0


def _units(rows: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, lengths, out=np.zeros_like(rows, dtype=np.float64), where=lengths > 1e-9)
