"""CaseIndex: the cases most alike by film, table, text or a mix of them, found by exact search.

Similarity is the cosine of two cases' vectors; of several modalities, the weighted mean of their cosines.
The search is plain numpy: one query is bound by reading the vectors, so a library is no faster
(`docs/retrieval.md`), and filters by patient and label cost next to nothing. There is no approximate index:
up to 200,000 cases an exact answer takes milliseconds.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from modeling.errors import ViewboxError
from modeling.labels import task_of
from modeling.sentence import Names
from modeling.study import CLINICAL_FIELDS, Modality

MOST_NEIGHBOURS = 100
MARGIN = 1e-5
"""More than the error of a similarity in single precision: what comes so near is compared again in double."""
DIFFERS = 0.5
"""Two numbers differ where they lie more than this many standard deviations (of the index) apart."""
Value = float | str


@dataclass(frozen=True)
class FieldDifference:
    """A clinical field in which two cases differ, in the unit of `CLINICAL_FIELDS`."""

    name: str
    here: float | str
    there: float | str


@dataclass(frozen=True)
class Neighbour:
    """A case that resembles another one, and why.

    Attributes:
        similarity: weighted mean of the modalities' cosines, -1 to 1; parts: each alone.
        label: the neighbour's label; empty where it has none.
        shared_findings, other_findings: that both cases have, and that only one has.
        shared_fields: clinical fields with about the same value in both.
        differing_fields: furthest apart first.
    """

    case_id: str
    similarity: float
    parts: Mapping[Modality, float]
    label: str = ""
    shared_findings: tuple[str, ...] = ()
    other_findings: tuple[str, ...] = ()
    shared_fields: tuple[str, ...] = ()
    differing_fields: tuple[FieldDifference, ...] = ()


@dataclass(frozen=True, eq=False)
class IndexedCase:
    """A case as the index knows it.

    Attributes:
        vectors: modality -> (D,) vector of any length but the same for every case; a modality that the case
            lacks is left out.
        patient: pseudonym; cases that share one are never each other's neighbours. Empty where not known.
        label: what contrast cases differ in; empty where the case has none.
        findings: what the case shows, for "why similar".
        fields: known clinical values in the units of `CLINICAL_FIELDS`, for "why similar".
    """

    case_id: str
    vectors: Mapping[Modality, np.ndarray]
    patient: str = ""
    label: str = ""
    findings: frozenset[str] = frozenset()
    fields: Mapping[str, Value] = field(default_factory=dict)


class CaseIndex:
    """Exact neighbours among the cases that it was built from; the same question has the same answer."""

    def __init__(self, cases: Iterable[IndexedCase], spread: Mapping[str, float] | None = None) -> None:
        """Cases in any order. Raises ViewboxError: an ID stands twice, or a vector is unlike the others."""
        self._cases = sorted(cases, key=lambda case: case.case_id)
        self._places = {case.case_id: place for place, case in enumerate(self._cases)}
        if len(self._places) != len(self._cases):
            ids = [case.case_id for case in self._cases]
            twice = next(a for a, b in pairwise(ids) if a == b)
            raise ViewboxError("Two cases are called {case}; give each case an ID of its own.", case=twice)
        self._matrices = {m: matrix for m in Modality if (matrix := self._matrix(m)) is not None}
        self._patients: dict[str, list[int]] = {}
        for place, case in enumerate(self._cases):
            if case.patient:
                self._patients.setdefault(case.patient, []).append(place)
        numbers = {label: number for number, label in enumerate(sorted({c.label for c in self._cases}))}
        self._labels = np.array([numbers[case.label] for case in self._cases], np.int32)
        self._label_numbers = numbers
        self.spread = _spread(self._cases) if spread is None else dict(spread)

    def __len__(self) -> int:
        return len(self._cases)

    def __contains__(self, case_id: object) -> bool:
        return case_id in self._places

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """The modalities that at least one case has a vector of."""
        return tuple(self._matrices)

    def case(self, case_id: str) -> IndexedCase:
        """A case of the index, to ask for its neighbours. Raises ViewboxError: the index has no such case."""
        if case_id not in self._places:
            no_case = "The case {case} is not among the compared cases; choose another."
            raise ViewboxError(no_case, case=case_id)
        return self._cases[self._places[case_id]]

    def neighbours(
        self,
        query: IndexedCase,
        k: int = 5,
        weights: Mapping[Modality, float] | None = None,
        *,
        contrast: bool = False,
    ) -> tuple[Neighbour, ...]:
        """The `k` cases most alike, the most alike first; equals in the order of their IDs.

        A query of the index or any other is itself never among them, nor are its patient's other cases. A
        modality that it has and a case lacks counts as similarity 0; one that it lacks counts for no case.

        Args:
            weights: modality -> 0 or more; by default every modality counts the same.
            contrast: only cases with another label than the query's, of the same task.

        Raises:
            ViewboxError: `k` or a weight cannot be used, the query has nothing that is asked for, or contrast
                is asked for and the query has no label.
        """
        if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= MOST_NEIGHBOURS:
            raise ViewboxError("Ask for 1 to {most} cases.", most=MOST_NEIGHBOURS)
        if contrast and not query.label:
            raise ViewboxError("This case has no label, so nothing contrasts with it; choose one that has.")
        shares = self._shares(query, weights)
        units = {m: _unit(query.vectors[m]) for m in shares}
        total = sum(np.float32(share) * (self._matrices[m] @ units[m]) for m, share in shares.items())
        itself = [self._places[query.case_id]] if query.case_id in self._places else []
        total[itself + self._patients.get(query.patient, [])] = -np.inf
        if contrast:
            task = task_of(query.label)
            others = {label for label in self._label_numbers if label and task_of(label) is task} - {
                query.label
            }
            total[~np.isin(self._labels, [self._label_numbers[label] for label in others])] = -np.inf
        near = candidates(total, k)
        parts = {m: _row_by_row(self._matrices[m][near], unit) for m, unit in units.items()}
        exact = sum(share * parts[m] for m, share in shares.items())
        order = np.lexsort((near, -exact))[:k]
        own = [{m: float(rows[n]) for m, rows in parts.items()} for n in order]
        cases = [(self._cases[near[n]], float(exact[n])) for n in order]
        return tuple(self._described(query, *case, part) for case, part in zip(cases, own, strict=True))

    def pair(
        self, query: IndexedCase, other: IndexedCase, weights: Mapping[Modality, float] | None = None
    ) -> Neighbour:
        """How alike two cases are and why; neither need be of the index. Refuses as `neighbours`."""
        shares = self._shares(query, weights)
        parts = dict.fromkeys(shares, 0.0)
        for modality in parts.keys() & other.vectors.keys():
            rows = _unit(other.vectors[modality])[None]
            parts[modality] = float(_row_by_row(rows, _unit(query.vectors[modality]))[0])
        similarity = sum(share * parts[modality] for modality, share in shares.items())
        return self._described(query, other, similarity, parts)

    def _matrix(self, modality: Modality) -> np.ndarray | None:
        """(N, D) float32 of unit rows; zeros for a case without the modality."""
        places = [place for place, case in enumerate(self._cases) if modality in case.vectors]
        if not places:
            return None
        given = [np.asarray(self._cases[place].vectors[modality], np.float64) for place in places]
        for place, vector in zip(places, given, strict=True):
            if vector.shape != given[0].shape:
                raise _encoded_otherwise(modality, self._cases[place])
        matrix = np.zeros((len(self._cases), len(given[0])), np.float32)
        matrix[places] = _units(np.stack(given))
        return matrix

    def _shares(self, query: IndexedCase, weights: Mapping[Modality, float] | None) -> dict[Modality, float]:
        """Weights of the modalities that the query has, summing to 1."""
        chosen = dict.fromkeys(Modality, 1.0) if weights is None else dict(weights)
        if not all(math.isfinite(w) and w >= 0 for w in chosen.values()) or not any(chosen.values()):
            raise ViewboxError("Give each weight as a number of 0 or more, and at least one above 0.")
        used = {m: w for m, w in chosen.items() if w > 0 and m in query.vectors and m in self._matrices}
        if not used:
            wanted = [m for m, w in chosen.items() if w > 0]
            nothing = "Nothing can be compared by the {modalities}; choose another way to compare."
            raise ViewboxError(nothing, modalities=Names("modality", wanted, " or the "))
        for modality in used:
            if query.vectors[modality].shape != self._matrices[modality].shape[1:]:
                raise _encoded_otherwise(modality, query)
        whole = sum(used.values())
        return {m: w / whole for m, w in used.items()}

    def _described(
        self, query: IndexedCase, case: IndexedCase, similarity: float, parts: dict[Modality, float]
    ) -> Neighbour:
        ours, theirs = query.fields, case.fields
        both = [name for name in CLINICAL_FIELDS if name in ours and name in theirs]
        apart = {name: self._apart(name, ours[name], theirs[name]) for name in both}
        differing = sorted((name for name in both if apart[name] > DIFFERS), key=lambda name: -apart[name])
        return Neighbour(
            case_id=case.case_id,
            similarity=similarity,
            parts=parts,
            label=case.label,
            shared_findings=tuple(sorted(query.findings & case.findings)),
            other_findings=tuple(sorted(query.findings ^ case.findings)),
            shared_fields=tuple(name for name in both if apart[name] <= DIFFERS),
            differing_fields=tuple(FieldDifference(n, ours[n], theirs[n]) for n in differing),
        )

    def _apart(self, name: str, ours: Value, theirs: Value) -> float:
        """How far two known values lie apart, in standard deviations; infinite for unequal categories."""
        if isinstance(ours, str) or isinstance(theirs, str):
            return 0.0 if ours == theirs else math.inf
        return 0.0 if ours == theirs else abs(ours - theirs) / self.spread.get(name, 1.0)


def candidates(similarity: np.ndarray, k: int) -> np.ndarray:
    """Places of the `k` largest of (N,) finite values and of all within `MARGIN` of them, in rising order."""
    k = min(k, int(np.isfinite(similarity).sum()))
    if k == 0:
        return np.zeros(0, np.int64)
    bar = np.partition(similarity, len(similarity) - k)[len(similarity) - k]
    return np.flatnonzero(similarity >= bar - MARGIN)


def _row_by_row(rows: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """(n,) float64 products that are equal for equal rows, which a matrix product does not promise."""
    return (rows.astype(np.float64) * unit).sum(axis=1)


def _encoded_otherwise(modality: Modality, case: IndexedCase) -> ViewboxError:
    otherwise = "The {modality} of case {case} was encoded in another way; encode all cases together."
    return ViewboxError(otherwise, modality=Names("modality", modality), case=case.case_id)


def _unit(vector: np.ndarray) -> np.ndarray:
    """The vector at length 1, float32; a vector of zeros stays one."""
    return _units(np.asarray(vector, np.float64)[None])[0]


def _units(rows: np.ndarray) -> np.ndarray:
    """Every row at length 1, float32; a row of zeros stays one."""
    if not np.isfinite(rows).all():
        raise ViewboxError("A case's encoding is not finite; leave that case out.")
    return (rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)).astype(np.float32)


def _spread(cases: list[IndexedCase]) -> dict[str, float]:
    """Standard deviation of every numeric field that varies."""
    values: dict[str, list[float]] = defaultdict(list)
    for name, value in (pair for case in cases for pair in case.fields.items()):
        if not isinstance(value, str) and math.isfinite(value):
            values[name].append(value)
    return {name: spread for name, column in values.items() if (spread := float(np.std(column))) > 0}
