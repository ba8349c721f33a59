"""Lists of Viewbox's own documents: pages, neighbours, draws and counts, each from one range of an index.

No index of texts knows the order of numbers, so the IDs that begin with a digit (or a minus) are held in
memory in the order of `place_of`, for each filter that is asked for. Most lakes have few of them, or none.
"""

import bisect
from collections.abc import Iterator
from typing import Any, Literal

from pymongo.collection import Collection

from cases.catalogue import DIGITS, DRAWN_FROM, neighbour, place_of
from cases.document import SUMMARY_FIELDS, facet_of, random_key, summary_from_document
from cases.mongo.kept_values import KeptValues
from cases.store import CaseFilter, CaseSummary

LIST_ROW = dict.fromkeys(SUMMARY_FIELDS, 1)
ID_ONLY = {"ID": 1, "_id": 0}
_Range = tuple[str, str]


class Listing:
    """The list of one collection. Reads only."""

    def __init__(self, cases: Collection, kept: KeptValues) -> None:
        self._cases, self._kept = cases, kept

    def rows_after(self, where: CaseFilter, after: str | None, limit: int) -> list[CaseSummary]:
        """The next `limit` rows; films are not loaded."""
        rows: list[dict[str, Any]] = []
        for part in self._parts(where):
            if isinstance(part, list):
                at = 0 if after is None else bisect.bisect_right(part, place_of(after), key=place_of)
                while len(rows) < limit and (ids := part[at : at + limit - len(rows)]):
                    rows += self._cases.find({"facets": facet_of(where), "ID": {"$in": ids}}, LIST_ROW)
                    at += len(ids)
            elif len(rows) < limit and (query := _query(where, part, after=after)):
                rows += self._cases.find(query, LIST_ROW).sort("ID", 1).limit(limit - len(rows))
        return [summary_from_document(document) for document in rows]

    def next_to(self, case_id: str, direction: Literal["next", "previous"], where: CaseFilter) -> str | None:
        """The neighbour of an ID, which itself need not be here."""
        parts, forward = list(self._parts(where)), direction == "next"
        for part in parts if forward else parts[::-1]:
            if isinstance(part, list):
                if (found := neighbour(part, case_id, direction)) is not None:
                    return found
            elif query := _query(where, part, **{"after" if forward else "before": case_id}):
                document = self._cases.find_one(query, ID_ONLY, sort=[("ID", 1 if forward else -1)])
                if document is not None:
                    return str(document["ID"])
        return None

    def drawn_after(self, where: CaseFilter, pivot: int) -> list[tuple[int, str]]:
        """The `DRAWN_FROM` cases after a point on the circle of random keys, or all there are."""
        drawn: list[tuple[int, str]] = []
        for arc in ({"$gte": pivot}, {"$lt": pivot}):
            if len(drawn) < DRAWN_FROM:
                query = {**_query(where, _prefixed(where)), "random": arc}
                found = self._cases.find(query, ID_ONLY).sort("random", 1).limit(DRAWN_FROM - len(drawn))
                drawn += [(random_key(document["ID"]), document["ID"]) for document in found]
        return drawn

    def count(self, where: CaseFilter) -> int:
        """How many own documents pass the filter."""
        query = _query(where, _prefixed(where))
        return self._kept.get(("count", where), lambda: self._cases.count_documents(query))

    def _parts(self, where: CaseFilter) -> Iterator[_Range | list[str]]:
        """The list in order, in parts: ranges of texts, and between them the IDs that are held in memory."""
        low, high = _prefixed(where)
        yield low, min(high, DIGITS[0])
        if low < DIGITS[1] and high > DIGITS[0]:
            yield [case_id for case_id in self._held(where) if case_id.startswith(where.text or "")]
        yield max(low, DIGITS[1]), high

    def _held(self, where: CaseFilter) -> list[str]:
        """The IDs that begin with a digit or a minus, in order."""
        query = _query(where, DIGITS)

        def read() -> list[str]:
            return sorted((document["ID"] for document in self._cases.find(query, ID_ONLY)), key=place_of)

        return self._kept.get(("digits", facet_of(where)), read)


def _prefixed(where: CaseFilter) -> _Range:
    """All IDs that begin with the filter's text: they are printable, and U+10FFFF is not."""
    return where.text or "", (where.text or "") + "\U0010ffff"


def _query(
    where: CaseFilter, among: _Range, *, after: str | None = None, before: str | None = None
) -> dict[str, Any]:
    """One equality and one range, in the order of the index (`facets`, `ID`), `among` the IDs from one to
    before another; {} where none could be found."""
    low, high = among[0], among[1] if before is None else min(among[1], before)
    bound = "$gte" if after is None or after < low else "$gt"
    low = low if after is None else max(low, after)
    return {"facets": facet_of(where), "ID": {bound: low, "$lt": high}} if low < high else {}
