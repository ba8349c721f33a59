"""Lists of Viewbox's own documents: pages, neighbours, draws and counts, each a short range of one index."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Literal

from pymongo.collection import Collection

from cases.document import RANDOM_BITS, SUMMARY_FIELDS, facet_of, random_key, summary_from_document
from cases.mongo.ranges import about_how_many, fence_of, ranges_down, ranges_up
from cases.mongo.read_behind import Kept
from cases.mongo.schema import list_query
from cases.mongo.tallies import Tallies
from cases.parquet.catalogue import DRAWN_FROM, prefix_end
from cases.store import CaseFilter, CaseSummary

LIST_ROW = dict.fromkeys(SUMMARY_FIELDS, 1)
ID_ONLY = {"ID": 1, "_id": 0}
_FACETS_KEPT = 64
_CIRCLE = 1 << RANDOM_BITS


class Listing:
    """The list of one collection. Reads only; fences and counts are kept and read again behind the scenes."""

    def __init__(self, cases: Collection, tallies: Tallies, read: Callable[[Callable[[], Any]], Any]) -> None:
        """
        Args:
            read: calls what it is given and says what the driver raises in the store's words.
        """
        self._cases, self._tallies, self._read = cases, tallies, read
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[str, str], Kept[Any]] = OrderedDict()

    def forget(self) -> None:
        """What is kept is out of date: this program changed the store."""
        with self._lock:
            self._kept.clear()

    def rows_after(self, where: CaseFilter, after: str | None, limit: int) -> list[CaseSummary]:
        """The next `limit` rows in ID order; films are not loaded."""
        rows: list[CaseSummary] = []
        for bounds in ranges_up(self._fences(where), after, where.text, limit):
            found = self._cases.find(list_query(where, bounds), LIST_ROW).sort("ID", 1)
            rows += map(summary_from_document, found.limit(limit - len(rows)))
            if len(rows) >= limit:
                break
        return rows

    def next_to(self, case_id: str, direction: Literal["next", "previous"], where: CaseFilter) -> str | None:
        """The neighbour of an ID, which itself need not be here."""
        forward = direction == "next"
        ranges = ranges_up if forward else ranges_down
        for bounds in ranges(self._fences(where), case_id, where.text, 1):
            found = self._cases.find(list_query(where, bounds), ID_ONLY).sort("ID", 1 if forward else -1)
            for document in found.limit(1):
                return str(document["ID"])
        return None

    def drawn_after(self, where: CaseFilter, pivot: int) -> list[tuple[int, str]]:
        """At least the `DRAWN_FROM` cases after a point on the circle of random keys, or all there are."""
        fences = self._fences(where)
        everything, passing = about_how_many(fences, None), about_how_many(fences, where.text)
        if where.text and passing**2 <= max(everything, 1) * DRAWN_FROM:
            return self._all_of(where)  # Fewer IDs than there would be around the point.
        return self._around(where, pivot, passing)

    def count(self, where: CaseFilter) -> int:
        """How many own documents pass the filter."""
        facet = facet_of(where)
        if not where.text:
            tally = self._tallies.count(facet)
            if tally is not None:
                return tally
        key = (facet, f"count {where.text or ''}")
        return int(self._keep(key, lambda: self._cases.count_documents(self._all_query(where))))

    def _all_query(self, where: CaseFilter) -> dict[str, Any]:
        bounds = {"$gte": where.text, "$lt": prefix_end(where.text)} if where.text else {}
        return list_query(where, bounds)

    def _all_of(self, where: CaseFilter) -> list[tuple[int, str]]:
        found = self._cases.find(self._all_query(where), ID_ONLY)
        return [(random_key(document["ID"]), document["ID"]) for document in found]

    def _around(self, where: CaseFilter, pivot: int, passing: int) -> list[tuple[int, str]]:
        """Windows on the circle of random keys, widened until they hold enough; at last the whole circle."""
        window = _CIRCLE * DRAWN_FROM * 4 // max(passing, 1)
        while window < _CIRCLE // 2:
            end = pivot + window
            spans = [(pivot, min(end, _CIRCLE))] + ([(0, end - _CIRCLE)] if end > _CIRCLE else [])
            drawn = [pair for low, high in spans for pair in self._between(where, low, high)]
            if len(drawn) >= DRAWN_FROM:
                return drawn
            window *= 8
        return self._between(where, pivot, _CIRCLE) + self._between(where, 0, pivot)

    def _between(self, where: CaseFilter, low: int, high: int) -> list[tuple[int, str]]:
        query = {"facets": facet_of(where), "random": {"$gte": low, "$lt": high}}
        found = self._cases.find(query, ID_ONLY).sort("random", 1)
        if not where.text:
            found = found.limit(DRAWN_FROM)
        prefix = where.text or ""
        ids = (document["ID"] for document in found)
        return [(random_key(case_id), case_id) for case_id in ids if case_id.startswith(prefix)]

    def _fences(self, where: CaseFilter) -> list[str]:
        query = {"facets": fence_of(facet_of(where))}
        key = (facet_of(where), "fences")
        return list(
            self._keep(key, lambda: [d["ID"] for d in self._cases.find(query, ID_ONLY).sort("ID", 1)])
        )

    def _keep(self, key: tuple[str, str], ask: Callable[[], Any]) -> Any:
        with self._lock:
            kept = self._kept.pop(key, None) or Kept(lambda: self._read(ask))
            self._kept[key] = kept
            while len(self._kept) > _FACETS_KEPT:
                self._kept.popitem(last=False)
        return kept.current()
