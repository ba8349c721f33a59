"""A case as vectors, one a modality, so that cosines compare it with others of the same set.

Film: the backbone's pooled features and a coarse picture, each number standardised over the set, then its
leading principal components, so that a search among many cases reads little memory. Table: every field
standardised over the set, unknown ones at its mean. Text: `ReportEncoder` fitted on the set's reports, and
beside it, where there is a classifier of findings, what that reads in them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from modeling.labels import FINDINGS
from modeling.model.film import brightness
from modeling.reports.embedding import ReportEncoder
from modeling.reports.mining import Miner
from modeling.reports.report import Report
from modeling.retrieval.index import IndexedCase
from modeling.retrieval.shared_findings import affirmed, beside_words, rarity
from modeling.study import CLINICAL_FIELDS, Modality, Radiograph

if TYPE_CHECKING:
    from modeling.findings.reader import FindingReader
    from modeling.pipeline import DiagnosisPipeline

CELLS = 16
COMPONENTS = 64
FITTED_ON = 2_000
"""Films at most that the components are learnt from, evenly drawn from the set."""
FIELD_NUMBERS = 1 + sum(len(f.categories) if f.kind == "categorical" else 1 for f in CLINICAL_FIELDS.values())
"""Length of a table's vector: every number, every category, and a constant."""
FARTHEST = 3.0
"""Standard deviations at which a clinical value is cut, a laboratory limit (infinite) included."""


@dataclass(frozen=True, eq=False)
class DescribedCase:
    """A case before the set is known: its film by `film_numbers` (empty without one), known clinical values,
    and its report."""

    case_id: str
    film: Mapping[str, np.ndarray] = field(default_factory=dict)
    fields: Mapping[str, float | str] = field(default_factory=dict)
    report: Report | None = None
    patient: str = ""
    label: str = ""


def film_numbers(film: Radiograph, pipeline: "DiagnosisPipeline | None" = None) -> dict[str, np.ndarray]:
    """Name -> (C,): a coarse picture, and a backbone's features. Raises StudyError: film without numbers."""
    if pipeline is not None and "image" in pipeline.model.encoders:
        from modeling.model.familiarity import describe

        rows = describe(pipeline.model, pipeline.processor, [film])
        return {name: row[0] for name, row in rows.items()}
    return {"picture": coarse(brightness(film))}


def coarse(film: np.ndarray) -> np.ndarray:
    """(`CELLS` * `CELLS`,) mean brightness of each cell of a film (H, W); a tiny film repeats its pixels."""
    rows, columns = (np.linspace(0, side, CELLS + 1).astype(int) for side in film.shape)
    return np.array(
        [
            film[top : max(bottom, top + 1), left : max(right, left + 1)].mean()
            for top, bottom in zip(rows.clip(max=film.shape[0] - 1), rows[1:], strict=False)
            for left, right in zip(columns.clip(max=film.shape[1] - 1), columns[1:], strict=False)
        ]
    )


class CaseEncoder:
    """Learns the means and spreads of a set of cases; encodes them, and others to compare with them."""

    def __init__(
        self,
        cases: Sequence[DescribedCase],
        miner: Miner | None = None,
        reader: "FindingReader | None" = None,
    ) -> None:
        self.miner, self._reader = miner or Miner(), reader
        names = sorted({name for case in cases for name in case.film})
        self._films = {name: _Scale.of([c.film[name] for c in cases if name in c.film]) for name in names}
        self._components = self._fit_components([case for case in cases if case.film])
        tables = [_raw_fields(case.fields) for case in cases if case.fields]
        self._table = _Scale.of(tables) if tables else None
        reports = [case.report for case in cases if case.report is not None]
        self._text = ReportEncoder(self.miner).fit(reports) if reports else None
        self._rarity = rarity(affirmed(reader.margins(reports))) if reports and reader is not None else None

    def _standardised(self, film: Mapping[str, np.ndarray]) -> np.ndarray:
        """All numbers of a film; features and picture weigh the same, however many numbers each has."""
        parts = [scale(film[name]) for name, scale in self._films.items()]
        return np.concatenate([part / np.sqrt(len(part)) for part in parts])

    def _fit_components(self, cases: Sequence[DescribedCase]) -> np.ndarray:
        """(d, C) leading principal directions of the set's films."""
        chosen = cases[:: max(1, len(cases) // FITTED_ON)]
        if not chosen:
            return np.zeros((0, 0))
        rows = np.stack([self._standardised(case.film) for case in chosen])
        return np.linalg.svd(rows, full_matrices=False)[2][: min(COMPONENTS, len(rows))]

    def encode(self, case: DescribedCase) -> IndexedCase:
        """The case with a vector for every modality that it has and the set knows."""
        vectors: dict[Modality, np.ndarray] = {}
        if case.film and set(self._films) <= set(case.film):
            vectors[Modality.IMAGE] = self._components @ self._standardised(case.film)
        if case.fields and self._table is not None:
            # The constant lets two cases near the mean resemble each other: their deviations are noise.
            vectors[Modality.TABLE] = np.append(self._table(_raw_fields(case.fields)), 1.0)
        findings: frozenset[str] = frozenset()
        if case.report is not None:
            labels = self.miner.label(case.report)
            findings = frozenset(name for name in FINDINGS.classes if self.miner.positive(labels, name))
            if self._text is not None:
                vectors[Modality.TEXT] = self._text_vector(self._text, case.report)
        return IndexedCase(case.case_id, vectors, case.patient, case.label, findings, dict(case.fields))

    def _text_vector(self, encoder: ReportEncoder, report: Report) -> np.ndarray:
        words = encoder.encode([report])[0]
        if self._reader is None or self._rarity is None:
            return words
        return beside_words(words, affirmed(self._reader.margins([report]))[0] * self._rarity)


@dataclass(frozen=True, eq=False)
class _Scale:
    """Mean and spread of each number, NaN left aside."""

    mean: np.ndarray
    spread: np.ndarray

    @classmethod
    def of(cls, rows: Sequence[np.ndarray]) -> "_Scale":
        values = np.ma.masked_invalid(np.stack(rows).astype(np.float64))
        spread = values.std(axis=0).filled(0.0)
        return cls(values.mean(axis=0).filled(0.0), np.where(spread > 1e-9, spread, np.inf))

    def __call__(self, row: np.ndarray) -> np.ndarray:
        """Standard deviations from the mean, at most `FARTHEST`; 0 where unknown or never varying."""
        signed = np.where(np.isinf(row), np.sign(row) * FARTHEST, 0.0)
        finite = np.isfinite(row)
        away = np.where(finite, (np.where(finite, row, 0.0) - self.mean) / self.spread, signed)
        return away.clip(-FARTHEST, FARTHEST)


def _raw_fields(fields: Mapping[str, float | str]) -> np.ndarray:
    """Every field of `CLINICAL_FIELDS` as numbers, a category as 0 and 1 for each; NaN where unknown."""
    row: list[float] = []
    for name, known in CLINICAL_FIELDS.items():
        value = fields.get(name)
        if known.kind == "categorical":
            row += [np.nan if value is None else float(value == c) for c in known.categories]
        else:
            row.append(np.nan if value is None else float(value))
    return np.array(row)
