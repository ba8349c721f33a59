"""Lists of both forms. Own documents: pages, neighbours, draws, counts, each from one range of an index.

No index of texts knows the order of numbers, so the IDs that begin with a digit (or a minus) are held in
memory in the order of `place_of`, for each filter that is asked for. Most lakes have few of them, or none.
"""

import bisect
import json
from collections.abc import Iterator
from typing import Any, Literal

from bson import ObjectId
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo.collection import Collection

from cases.catalogue import DIGITS, DRAWN_FROM, Catalogue, neighbour, place_of
from cases.document import SUMMARY_FIELDS as OWN_FIELDS
from cases.document import facets_of, random_key, summary_from_document
from cases.mongo.kept_values import KeptValues
from cases.mongo.writing import key_of
from cases.store import MAX_PAGE, CaseFilter, CaseSummary, portions
from cases.student_documents.document import SUMMARY_FIELDS, case_id_of, id_keys, student_summary

LIST_ROW = dict.fromkeys(OWN_FIELDS, 1)
ID_ONLY = {"ID": 1, "_id": 0}
FACETS = [("facets", 1), ("ID", 1)]
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
                    rows += self._cases.find({**_passing(where), "ID": {"$in": ids}}, LIST_ROW)
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

    def sources(self) -> set[str]:
        """Every source there is, by one seek each: the keys of a source lie together in the index."""
        return self._kept.get("sources", self._read_sources)

    def _read_sources(self) -> set[str]:
        found: set[str] = set()
        after = '["'
        while document := self._cases.find_one(
            {"facets": {"$elemMatch": {"$gt": after, "$lt": "[n"}}}, {"provenance.source": 1}, hint=FACETS
        ):  # in the order of the index; a sort of keys of arrays would read them all first
            source = document["provenance"]["source"]
            if source in found:  # its facets were written by others and do not fit
                break
            found.add(source)
            after = f"[{json.dumps(source, ensure_ascii=False)}, o"  # past its last key, which ends in nulls
        return found - {""}

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

        return self._kept.get(("digits", facets_of(where)), read)


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
    return {**_passing(where), "ID": {bound: low, "$lt": high}} if low < high else {}


def _passing(where: CaseFilter) -> dict[str, Any]:
    """What the `facets` of a case that passes the filter have."""
    keys = facets_of(where)
    return {"facets": keys[0] if len(keys) == 1 else {"$all": list(keys)}}


# --- student documents: rows kept in memory, themselves as they are


class StudentDocuments:
    """Documents without `facets`, which the programs of their own project go on writing."""

    def __init__(self, cases: Collection, kept: KeptValues, source: str) -> None:
        self._cases, self._kept, self._source = cases, kept, source

    def rows(self) -> Catalogue:
        """Their list rows; a change that others made is seen within moments."""
        return self._kept.get("student documents", self._read)

    def documents(self) -> Iterator[bytes]:
        """Themselves as BSON, films included, to the byte as they are."""
        raw = self._cases.with_options(CodecOptions(document_class=RawBSONDocument))
        for document in raw.find({"facets": None, "schema_version": None}).batch_size(20):
            yield bytes(document.raw)

    def put(self, raw: bytes) -> None:
        """Store or replace one, by its `_id`."""
        document = RawBSONDocument(raw)
        self._cases.replace_one({"_id": document["_id"], "schema_version": None}, document, upsert=True)

    def remove(self, case_id: str) -> None:
        """Take out those of an ID."""
        for document in self._cases.find({"ID": {"$in": id_keys(case_id)}}, {"schema_version": 1}):
            if "schema_version" not in document:
                self._cases.delete_one({"_id": document["_id"]})
        if ObjectId.is_valid(case_id):
            self._cases.delete_one({"_id": ObjectId(case_id), "ID": None, "schema_version": None})

    def _read(self) -> Catalogue:
        rows, own = {}, {}
        wanted = dict.fromkeys((*OWN_FIELDS, *SUMMARY_FIELDS, "schema_version"), 1)
        for document in self._cases.find({"facets": None}, wanted):
            case_id = case_id_of(document)
            if "schema_version" in document:
                own[case_id] = summary_from_document({**document, "ID": case_id})
            else:
                rows[case_id] = student_summary(document, case_id, self._source)
        for keys in portions([key_of(case_id) for case_id in rows], MAX_PAGE):
            for document in self._cases.find({"_id": {"$in": keys}}, {"ID": 1}):
                rows.pop(str(document.get("ID")), None)  # Converted: the newer form is the one to show.
        return Catalogue((rows | own).values())
