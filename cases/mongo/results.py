"""Results of checkpoints in MongoDB: one document for every case and checkpoint, by a unique index."""

import datetime
import functools
from collections.abc import Sequence
from typing import Any

import pymongo

from cases.mongo.address import ALREADY_THERE, DEFAULT_DATABASE, MongoAddress, border
from cases.store import Result

COLLECTION = "results"
INDEXES: tuple[tuple[list[tuple[str, int]], bool], ...] = (
    ([("case_id", 1), ("checkpoint", 1)], True),
    ([("checkpoint", 1), ("case_id", 1)], False),
)
"""Keys and whether they are unique: the results of a case; those of a checkpoint in the order of cases."""


class MongoResults:
    """The results of one checkpoint, in the database of the cases."""

    def __init__(self, uri: str, database: str | None, checkpoint_hash: str, *, write: bool = True) -> None:
        """Opened for `write`, it makes its indexes, which needs a server that answers."""
        address = MongoAddress.parse(uri)
        self._hash = checkpoint_hash
        self._client: pymongo.MongoClient = pymongo.MongoClient(uri, **address.client_options(write=write))
        kept_in = self._client.get_default_database(database or DEFAULT_DATABASE)
        self._results = kept_in[COLLECTION]
        self._border = functools.partial(border, address, kept_in.name)
        with self._border():
            for keys, unique in INDEXES if write else ():
                self._results.create_index(keys, unique=unique)

    def done(self, case_ids: Sequence[str]) -> set[str]:
        """Those of the cases that have a result of this checkpoint."""
        query: dict[str, Any] = {"case_id": {"$in": list(case_ids)}, "checkpoint": self._hash}
        with self._border():
            return {found["case_id"] for found in self._results.find(query, {"case_id": 1, "_id": 0})}

    def write(self, results: Sequence[Result]) -> int:
        """Keep results; one that is there already stays as it is. Returns how many are new."""
        now = datetime.datetime.now(datetime.UTC)
        if not results:
            return 0
        with self._border():
            try:
                # Inserting costs the server half of what an upsert does; the unique index keeps doubles out.
                self._results.insert_many([{**one, "scored_at": now} for one in results], ordered=False)
            except pymongo.errors.BulkWriteError as exc:
                if any(error["code"] != ALREADY_THERE for error in exc.details["writeErrors"]):
                    raise
                return int(exc.details["nInserted"])
        return len(results)

    def close(self) -> None:
        """Give the connections back."""
        self._client.close()
