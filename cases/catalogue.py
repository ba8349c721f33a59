"""The list of a store in the order of case IDs: pages, neighbours, draws and counts; no film is touched."""

import bisect
import heapq
import random
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Literal, Protocol, TypeVar

from cases.case import Case
from cases.document import RANDOM_BITS, facets, facets_of, random_key
from cases.store import BrokenCase, CaseFilter, CasePage, CaseSummary, check_query
from modeling.errors import CaseNotFoundError

DRAWN_FROM = 8
"""Cases a draw chooses among: those that follow a random point on the circle of random keys.

The single next case would win in proportion to the gap before it, and gaps differ tenfold; a choice among
eight evens that out while the query stays a short range.
"""
DIGITS = ("-", ":")
"""From where to before where the IDs stand that begin with a digit, or with a minus."""
_WHOLE_NUMBER = re.compile("-?[0-9]+")
_Keyed = tuple[int, str]
T = TypeVar("T")


class CaseList(Protocol):
    """Cases of one form, listed."""

    def rows_after(self, where: CaseFilter, after: str | None, limit: int) -> list[CaseSummary]:
        """The next `limit` rows in the order of `place_of`."""

    def next_to(self, case_id: str, direction: Literal["next", "previous"], where: CaseFilter) -> str | None:
        """The neighbour of an ID, which itself need not be here."""

    def drawn_after(self, where: CaseFilter, pivot: int) -> list[_Keyed]:
        """Up to `DRAWN_FROM` cases that follow a point on the circle of random keys."""

    def count(self, where: CaseFilter) -> int:
        """How many pass the filter."""

    def sources(self) -> set[str]:
        """Every source there is."""


class ListedStore(ABC):
    """The questions of `CaseStore` about its list, answered from the lists of all forms that it keeps."""

    @abstractmethod
    def get(self, case_id: str) -> Case:
        """The whole case with its film."""

    @abstractmethod
    def _of_lists(self, question: Callable[[CaseList], T]) -> list[T]:
        """The answer of each list; of two rows of one ID, the later list's counts."""

    def several(self, case_ids: Sequence[str]) -> Iterator[tuple[str, Case | BrokenCase]]:
        """Many whole cases; see `CaseStore.several`."""
        return each(case_ids, self.get)

    def page(self, where: CaseFilter, after: str | None = None, limit: int = 20) -> CasePage:
        """The next `limit` rows after a case ID; films are not loaded."""
        check_query(where, after, limit=limit)
        found = chain(*self._of_lists(lambda cases: cases.rows_after(where, after, limit + 1)))
        rows = sorted({row.case_id: row for row in found}.values(), key=lambda row: place_of(row.case_id))
        return CasePage(tuple(rows[:limit]), rows[limit - 1].case_id if len(rows) > limit else None)

    def step(self, case_id: str, direction: Literal["next", "previous"], where: CaseFilter) -> str | None:
        """The ID next to this one in order, or None at the end."""
        check_query(where, case_id)
        found = filter(None, self._of_lists(lambda cases: cases.next_to(case_id, direction, where)))
        return (min if direction == "next" else max)(found, key=place_of, default=None)

    def random(self, where: CaseFilter, seed: int) -> str | None:
        """One ID drawn from those that pass the filter; the same seed draws the same case."""
        check_query(where)
        circle = 1 << RANDOM_BITS
        pivot = random.Random(seed).getrandbits(RANDOM_BITS)
        found = chain(*self._of_lists(lambda cases: cases.drawn_after(where, pivot)))
        nearest = heapq.nsmallest(DRAWN_FROM, {((key - pivot) % circle, case_id) for key, case_id in found})
        return nearest[random.Random(seed + 1).randrange(len(nearest))][1] if nearest else None

    def count(self, where: CaseFilter) -> int:
        """How many cases pass the filter."""
        check_query(where)
        return sum(self._of_lists(lambda cases: cases.count(where)))

    def sources(self) -> list[str]:
        """Where its cases come from, each source once and in order."""
        return sorted(set().union(*self._of_lists(lambda cases: cases.sources())))


class Catalogue:
    """Summaries held in memory, by ID and by random key, once for every filter: a `CaseList`."""

    def __init__(self, summaries: Iterable[CaseSummary] = ()) -> None:
        self._rows: dict[str, CaseSummary] = {row.case_id: row for row in summaries}
        self._ids: dict[str, list[str]] = {}
        for case_id in sorted(self._rows, key=place_of):
            for facet in facets(self._rows[case_id].source, self._rows[case_id].reference):
                self._ids.setdefault(facet, []).append(case_id)
        keys = {case_id: random_key(case_id) for case_id in self._rows}
        self._keyed = {facet: sorted((keys[i], i) for i in ids) for facet, ids in self._ids.items()}

    def rows_after(self, where: CaseFilter, after: str | None, limit: int) -> list[CaseSummary]:
        """See `CaseList`."""
        ids = self._passing(where)
        start = 0 if after is None else bisect.bisect_right(ids, place_of(after), key=place_of)
        return [self._rows[case_id] for case_id in ids[start : start + limit]]

    def next_to(self, case_id: str, direction: Literal["next", "previous"], where: CaseFilter) -> str | None:
        """See `CaseList`."""
        return neighbour(self._passing(where), case_id, direction)

    def drawn_after(self, where: CaseFilter, pivot: int) -> list[_Keyed]:
        """See `CaseList`."""
        first, *more = facets_of(where)
        keyed = self._keyed.get(first, [])
        if more:
            passing = set(self._passing(where))
            keyed = [pair for pair in keyed if pair[1] in passing]
        start = bisect.bisect_left(keyed, (pivot, ""))
        around = chain(islice(keyed, start, None), islice(keyed, start))
        return list(islice((pair for pair in around if pair[1].startswith(where.text or "")), DRAWN_FROM))

    def count(self, where: CaseFilter) -> int:
        """See `CaseList`."""
        return len(self._passing(where))

    def sources(self) -> set[str]:
        """See `CaseList`."""
        return {row.source for row in self._rows.values() if row.source}

    def _passing(self, where: CaseFilter) -> Sequence[str]:
        first, *more = (self._ids.get(key, ()) for key in facets_of(where))
        if more:
            others = set(more[0])
            first = [case_id for case_id in first if case_id in others]
        ids = first
        return [case_id for case_id in ids if case_id.startswith(where.text)] if where.text else ids


def place_of(case_id: str) -> tuple[bool, bool, bool, int, str]:
    """Where an ID stands in every list: by its characters, but whole numbers by value.

    Numbers stand before the other IDs that begin with a digit, so that 2 comes before 10, and 10 before 1a.
    """
    number = int(case_id) if _WHOLE_NUMBER.fullmatch(case_id) else None
    return case_id >= DIGITS[0], case_id >= DIGITS[1], number is None, number or 0, case_id


def neighbour(ids: Sequence[str], case_id: str, direction: Literal["next", "previous"]) -> str | None:
    """The ID next to another, which itself need not be there, among IDs in the order of `place_of`."""
    after = bisect.bisect_right(ids, place_of(case_id), key=place_of)
    at = after if direction == "next" else bisect.bisect_left(ids, place_of(case_id), key=place_of) - 1
    return ids[at] if 0 <= at < len(ids) else None


def each(case_ids: Iterable[str], read: Callable[[str], Case]) -> Iterator[tuple[str, Case | BrokenCase]]:
    """Cases as they are read; those that are not there are left out, a broken one comes as its error."""
    for case_id in case_ids:
        try:
            yield case_id, read(case_id)
        except CaseNotFoundError:
            continue
        except BrokenCase as exc:
            yield case_id, exc
