"""How many cases each filter passes, kept by the writers so that a reader asks for one small document.

Every writing is announced before it begins and struck off when its tallies are in. While one has been
announced for longer than a writing takes, its writer is taken for dead and the tallies are not used until
`recount` has made them right again; a lake that knows no tallies is counted.
"""

import datetime
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from bson import ObjectId
from pymongo import UpdateOne, errors
from pymongo.collection import Collection
from pymongo.database import Database

from modeling.errors import CaseStoreError

COLLECTION = "tallies"
_STATE = "state"
_EPOCH = datetime.datetime(1970, 1, 1)
_WRITING_TAKES = datetime.timedelta(seconds=60)


class Tallies:
    """The tallies of one database, by facet (see `cases.document.facets`)."""

    def __init__(self, database: Database) -> None:
        self._tallies: Collection = database[COLLECTION]

    def count(self, facet: str) -> int | None:
        """How many cases pass; None where the tallies cannot be relied on."""
        found = {d["_id"]: d for d in self._tallies.find({"_id": {"$in": [_STATE, facet]}})}
        state = found.get(_STATE)
        if state is None or not all(_is_young(since) for since in _writings(state)):
            return None
        return int(found.get(facet, {}).get("n", 0))

    def begin(self, *, empty: bool) -> None:
        """Start with tallies in a store that has none; one that holds cases already must be recounted."""
        writings = {} if empty else {"before": _EPOCH}
        self._tallies.update_one({"_id": _STATE}, {"$setOnInsert": {"writings": writings}}, upsert=True)

    @contextmanager
    def writing(self) -> Iterator[Counter[str]]:
        """Announce a writing; what is added to the counter goes into the tallies at its end.

        The counter holds what is known to be written at any time. A writing that a lost server ends stays
        announced: nobody knows how far it came.
        """
        mark = f"writings.{ObjectId()}"
        self._tallies.update_one({"_id": _STATE}, {"$currentDate": {mark: True}, "$inc": {"number": 1}})
        changes: Counter[str] = Counter()
        try:
            yield changes
        except errors.WriteConcernError:
            raise
        except (errors.OperationFailure, CaseStoreError):  # The server, or we, refused: nothing half done.
            self._add(changes, mark)
            raise
        self._add(changes, mark)

    def others_write(self) -> bool:
        """Whether a writing is announced that may still be going on."""
        return any(_is_young(since) for since in _writings(self._state()))

    def are_sound(self) -> bool:
        """Whether no writer died between its documents and its tallies."""
        return all(_is_young(since) for since in _writings(self._state()))

    def recount(self, cases: Collection) -> bool:
        """Count every facet in the index and put that in place of the tallies.

        Returns:
            False where another program wrote meanwhile; the tallies are then not used until the next try.
        """
        mark = {"writings": {"recount": _EPOCH}, "number": self._state().get("number", 0)}
        self._tallies.update_one({"_id": _STATE}, {"$set": mark}, upsert=True)
        facets = [facet for facet in cases.distinct("facets") if isinstance(facet, str)]
        counted = [{"_id": facet, "n": cases.count_documents({"facets": facet})} for facet in facets]
        self._tallies.delete_many({"_id": {"$ne": _STATE}})
        if counted:
            self._tallies.insert_many(counted, ordered=False)
        changed = self._tallies.update_one({"_id": _STATE, **mark}, {"$set": {"writings": {}}})
        return changed.matched_count == 1

    def _state(self) -> Mapping[str, Any]:
        return self._tallies.find_one({"_id": _STATE}) or {}

    def _add(self, changes: Mapping[str, int], mark: str) -> None:
        additions = [
            UpdateOne({"_id": facet}, {"$inc": {"n": n}}, upsert=True) for facet, n in changes.items() if n
        ]
        if additions:
            self._tallies.bulk_write(additions, ordered=False)
        self._tallies.update_one({"_id": _STATE}, {"$unset": {mark: ""}})


def _writings(state: Mapping[str, Any]) -> list[Any]:
    writings = state.get("writings")
    return list(writings.values()) if isinstance(writings, Mapping) else [_EPOCH]


def _is_young(since: Any) -> bool:
    known = isinstance(since, datetime.datetime)
    return known and datetime.datetime.now(datetime.UTC) - since.replace(tzinfo=datetime.UTC) < _WRITING_TAKES
