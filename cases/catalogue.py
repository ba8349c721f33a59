"""Summaries held in memory in the order of case IDs: list, step, draw and count without touching a film."""

import bisect
import heapq
import random
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from cases.document import RANDOM_BITS, facet_of, facets, random_key
from cases.store import CaseFilter, CasePage, CaseSummary

DRAWN_FROM = 8
"""Cases a draw chooses among: those that follow a random point on the circle of random keys.

The single next case would win in proportion to the gap before it, and gaps differ tenfold; a choice among
eight evens that out while the query stays a short range.
"""
DIGITS = ("-", ":")
"""From where to before where the IDs stand that begin with a digit, or with a minus."""
_WHOLE_NUMBER = re.compile("-?[0-9]+")
_Keyed = tuple[int, str]


class Catalogue:
    """All summaries of a store, by ID and by random key, once for every filter."""

    def __init__(self, summaries: Iterable[CaseSummary] = ()) -> None:
        self._rows: dict[str, CaseSummary] = {row.case_id: row for row in summaries}
        ids: dict[str, list[str]] = {}
        for case_id in sorted(self._rows, key=place_of):
            row = self._rows[case_id]
            for facet in facets(row.source, row.reference):
                ids.setdefault(facet, []).append(case_id)
        self._ids: Mapping[str, Sequence[str]] = ids
        keys = {case_id: random_key(case_id) for case_id in self._rows}
        self._keyed = {facet: sorted((keys[i], i) for i in members) for facet, members in ids.items()}

    def __len__(self) -> int:
        return len(self._rows)

    def __contains__(self, case_id: str) -> bool:
        return case_id in self._rows

    def rows_after(self, where: CaseFilter, after: str | None, limit: int) -> list[CaseSummary]:
        """The next `limit` rows in the order of `place_of`."""
        ids = self._passing(where)
        start = 0 if after is None else bisect.bisect_right(ids, place_of(after), key=place_of)
        return [self._rows[case_id] for case_id in ids[start : start + limit]]

    def next_to(self, case_id: str, direction: Literal["next", "previous"], where: CaseFilter) -> str | None:
        """The neighbour of an ID, which itself need not be here."""
        ids = self._passing(where)
        place = place_of(case_id)
        after = bisect.bisect_right(ids, place, key=place_of)
        at = after if direction == "next" else bisect.bisect_left(ids, place, key=place_of) - 1
        return ids[at] if 0 <= at < len(ids) else None

    def drawn_after(self, where: CaseFilter, pivot: int) -> list[_Keyed]:
        """Up to `DRAWN_FROM` cases that follow a point on the circle of random keys."""
        keyed = self._keyed.get(facet_of(where), [])
        start = bisect.bisect_left(keyed, (pivot, ""))
        prefix = where.text or ""
        around = (keyed[(start + i) % len(keyed)] for i in range(len(keyed)))
        found = (pair for pair in around if pair[1].startswith(prefix))
        return [pair for pair, _ in zip(found, range(DRAWN_FROM), strict=False)]

    def count(self, where: CaseFilter) -> int:
        """How many pass the filter."""
        return len(self._passing(where))

    def _passing(self, where: CaseFilter) -> Sequence[str]:
        ids = self._ids.get(facet_of(where), ())
        return [case_id for case_id in ids if case_id.startswith(where.text)] if where.text else ids


def place_of(case_id: str) -> tuple[bool, bool, bool, int, str]:
    """Where an ID stands in every list: by its characters, but whole numbers by value.

    Numbers stand before the other IDs that begin with a digit, so that 2 comes before 10, and 10 before 1a.
    """
    number = int(case_id) if _WHOLE_NUMBER.fullmatch(case_id) else None
    return case_id >= DIGITS[0], case_id >= DIGITS[1], number is None, number or 0, case_id


def prefix_end(prefix: str) -> str:
    """A text after all IDs that begin with the prefix: IDs are printable, and U+10FFFF is not."""
    return prefix + "\U0010ffff"


def pivot_of(seed: int) -> int:
    """The point on the circle of random keys that a seed stands for."""
    return random.Random(seed).getrandbits(RANDOM_BITS)


def draw(candidates: Iterable[_Keyed], seed: int) -> str | None:
    """One of the first `DRAWN_FROM` candidates after the seed's point, wherever each of them is stored."""
    pivot, circle = pivot_of(seed), 1 << RANDOM_BITS
    way = {((key - pivot) % circle, case_id): case_id for key, case_id in candidates}
    nearest = [way[place] for place in heapq.nsmallest(DRAWN_FROM, way)]
    if not nearest:
        return None
    return nearest[random.Random(seed + 1).randrange(len(nearest))]


def page_of(rows: Iterable[CaseSummary], limit: int) -> CasePage:
    """The page made of the first `limit` of at least `limit + 1` rows, where there are as many."""
    merged = sorted({row.case_id: row for row in rows}.values(), key=lambda row: place_of(row.case_id))
    kept = tuple(merged[:limit])
    return CasePage(kept, kept[-1].case_id if len(merged) > limit else None)
